"""One name for one thing: what the classes of the sources are called."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCES: Final = ("model/everyturn_model", "impl/everyturn_impl", "sim/everyturn")

MIRRORED: Final = {
    "Outcome": "how a turn ended, said by the agent and by the model: neither may know the other",
    "Refused": "the error that the agent raises, and the event that the model sees of it: the protocol's word",
}
"""Name of two classes → why both have it."""

THEIR_OWN: Final = ROOT / "sim" / "everyturn" / "exercises" / "starts"
"""Files that people copy and go on with: each is theirs, and all have a class ``Mine``."""

SPELT_OUT: Final = {"DropReason": "the agent's words for the model's, which it may not know"}
"""Name of an alias and of a class → why both have it."""


@cache
def written(source: str) -> list[tuple[Path, ast.Module]]:
    """The modules of a package, as they are written."""
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in sorted((ROOT / source).rglob("*.py"))]


def aliases() -> dict[str, list[str]]:
    """The name of each public alias of a type at the top of a module → where the aliases of that name are."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, module in (each for source in SOURCES for each in written(source)):
        for node in module.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for name in (each.id for each in targets if isinstance(each, ast.Name)):
                if re.match(r"[A-Z][a-z]", name):
                    found[name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return dict(found)


def classes() -> dict[str, list[str]]:
    """The name of each public class at the top of a module → where the classes of that name are."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, module in (each for source in SOURCES for each in written(source)):
        if path.parent == THEIR_OWN:
            continue
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return dict(found)


def test_no_two_classes_have_one_name() -> None:
    """A name that is read in one file means the same in all others."""
    found = classes()
    assert found["SessionAgent"] != []
    assert {name: places for name, places in found.items() if len(places) > 1 and name not in MIRRORED} == {}


def test_what_may_have_one_name_stands_in_two_packages() -> None:
    """An exception that is not needed any more is none."""
    packages = {tuple(sorted(place.split("/")[0] for place in classes()[name])) for name in MIRRORED}
    assert packages == {("impl", "model")}


def test_no_alias_has_the_name_of_a_class() -> None:
    found = classes()
    assert "ExplorationProgress" in aliases()
    assert {name: places for name, places in aliases().items() if name in found and name not in SPELT_OUT} == {}

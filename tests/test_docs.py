from __future__ import annotations

import re
import runpy
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest

from everyturn.world import objects
from everyturn.world.gate import Gate
from everyturn.world.objects.calls import CallsPort
from everyturn.world.operations import Operation
from everyturn.world.ports import ports_for
from everyturn.world.scope import EXTRAS, PROMPTS
from everyturn_impl.revisions import REVISIONS
from everyturn_model.invariants import INVARIANTS
from everyturn_model.spec import ACTIONS

ROOT: Final = Path(__file__).resolve().parents[1]
PAGES: Final = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("protocol.md", "semantics.md")}
WRITTEN: Final = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "recordings/**/*.md", ".github/**/*.md")
    for page in ROOT.glob(pattern)
)
FENCED: Final = re.MULTILINE | re.DOTALL
BOTH: Final = "\n".join(PAGES.values())


def operations() -> list[str]:
    """Every operation of the simulator's ports; the journal takes no step and has none."""
    ports = ports_for(Gate())
    shared = [getattr(ports, field.name) for field in fields(ports) if field.name != "journal"] + [CallsPort(Gate())]
    return [f"{port.object}.{method}" for port in shared for method in dir(type(port)) if _is_operation(port, method)]


def _is_operation(port: object, method: str) -> bool:
    return not method.startswith("_") and callable(getattr(type(port), method, None))


def anchors(page: str) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def rows(page: str, heading: str) -> list[str]:
    """The first cells, in backticks, of the table rows under a heading."""
    _, _, section = page.partition(f"\n## {heading}\n")
    section, _, _ = section.partition("\n## ")
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_scope_letters_are_the_table_of_section_1() -> None:
    """Every letter of a scope has its row, in the order of the code."""
    assert rows(PAGES["semantics.md"], "1. Scopes") == [*PROMPTS, *EXTRAS]


@pytest.mark.parametrize(
    ("page", "heading"), [("protocol.md", "What must hold"), ("semantics.md", "4. The invariants")]
)
def test_invariants_are_the_rows_of_both_tables(page: str, heading: str) -> None:
    """Both pages have a row for each of the fifteen, in the order of the code."""
    assert rows(PAGES[page], heading) == [invariant.name for invariant in INVARIANTS]


@pytest.mark.parametrize("revision", REVISIONS)
def test_revisions_are_explained(revision: str) -> None:
    """Every revision is named on the page about the protocol."""
    assert f"`{revision}`" in PAGES["protocol.md"]


@pytest.mark.parametrize("name", operations())
def test_operations_are_steps_of_section_2(name: str) -> None:
    """Every operation of a port is one that the shared objects know and the page about semantics names."""
    port, _, method = name.partition(".")
    assert set(objects.columns(Operation(port, method))) <= set(objects.COLUMNS)
    assert f"`{name}`" in PAGES["semantics.md"]


def test_no_operation_is_invented() -> None:
    """What the pages write like an operation is one."""
    known = set(operations())
    written = {name for name in re.findall(r"`([a-z]+\.[a-z_]+)`", BOTH) if not name.endswith(".py")}
    assert written - known == set()


@pytest.mark.parametrize("action", [action.name for action in ACTIONS])
def test_actions_are_named(action: str) -> None:
    """Every action of the specification is named."""
    assert f"`{action}`" in PAGES["semantics.md"]


@pytest.mark.parametrize("step", [*"1234567", "1a", "1b", "1c"])
def test_steps_that_comments_refer_to_are_there(step: str) -> None:
    """The numbers in the agent's comments lead to a step of the protocol."""
    assert re.search(rf"\*\*{step}[.,]", PAGES["protocol.md"])


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link of a page leads to a file or a folder, and to a heading of it."""
    links = re.findall(r"\]\(([^):\s]+)\)", re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=FENCED))
    missing = []
    for link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_files_that_the_pages_name_are_there(page: str) -> None:
    """Every source file that a page names by its path exists."""
    named = re.findall(r"`((?:model|impl|sim)/[\w/]+\.py)`", PAGES[page])
    assert [name for name in named if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("page", ["explorer.md", "logs.md", "strategies.md"])
def test_figures_are_those_that_were_measured(page: str) -> None:
    """What a page quotes of a benchmark is its data file, word by word: `python benchmarks/renew.py --pages`."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    renew = runpy.run_path(str(ROOT / "benchmarks" / "renew.py"))
    assert set(re.findall(r"<!-- benchmark: (\w+) -->", text)) <= set(renew["BENCHMARKS"])
    assert renew["with_results"](text) == text

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]

FORBIDDEN: Final = {
    "model/everyturn_model": {"everyturn_impl", "everyturn", "simpy"},
    "impl/everyturn_impl": {"everyturn_model", "everyturn", "simpy"},
}
"""Package → what it must not import."""

ROOMS: Final[dict[str, str]] = {
    "durations": "",
    "errors": "",
    "invariants": "",
    "printing": "",
    "files": "errors printing",
    "source_location": "",
    "identity": "errors files source_location",
    "world": "errors files identity printing source_location",
    "runs": "errors files printing world",
    "verdicts": "errors printing runs source_location world",
    "strategies": "errors printing runs source_location world",
    "engines/coroutines": "errors files identity runs source_location strategies verdicts world",
    "engines/fairness": "engines/coroutines errors runs verdicts world",
    "engines/explorer": "engines/coroutines engines/fairness errors files identity runs strategies verdicts world",
    "engines/simpy": "engines/coroutines engines/explorer errors files printing runs source_location strategies "
    "verdicts world",
    "engines/walks": "engines/coroutines engines/explorer engines/simpy errors runs strategies verdicts world",
    "explanation": "engines/* errors files runs source_location strategies verdicts world",
    "checking": "engines/* errors explanation files identity runs source_location strategies verdicts world",
    "formats": "errors files printing runs world",
    "logs": "checking engines/* errors files formats printing runs strategies verdicts world",
    "exports": "engines/* errors files runs verdicts world",
    "studies": "engines/* errors files formats runs source_location strategies verdicts world",
    "asyncio/order": "",
    "asyncio/connections": "",
    "asyncio/runtime": "asyncio/connections asyncio/order errors identity source_location world",
    "asyncio/endpoints": "asyncio/runtime errors",
    "asyncio/states": "asyncio/connections asyncio/order asyncio/runtime engines/coroutines errors identity world "
    "source_location",
    "asyncio/control": "asyncio/order asyncio/runtime asyncio/states errors identity source_location world",
    "asyncio/search": "asyncio/control asyncio/order asyncio/runtime asyncio/states checking "
    "engines/coroutines errors strategies verdicts world",
    "asyncio/simulated": "asyncio/order asyncio/runtime asyncio/search errors studies",
    "asyncio/telling": "asyncio/connections asyncio/control asyncio/endpoints asyncio/order asyncio/runtime "
    "asyncio/search engines/coroutines errors files source_location",
    "asyncio": "asyncio/* checking errors strategies verdicts world",
    "sessions": "asyncio asyncio/* errors formats logs verdicts world",
    "campaigns": "asyncio asyncio/* checking engines/* errors explanation files printing runs sessions strategies "
    "verdicts world",
    "game": "asyncio/control asyncio/runtime asyncio/search asyncio/states engines/coroutines identity verdicts world",
    "reports": "*",
    "page": "* reports",
    "front": "* page reports",
    "exercises": "front game verdicts world",
    "figures": "front reports",
    "hypothesis": "asyncio asyncio/* engines/simpy errors front runs sessions strategies verdicts world",
    "plugin": "asyncio asyncio/* durations errors files front page reports runs strategies verdicts world",
    "cli": "* page reports",
}
"""Room of ``sim/everyturn`` → the rooms that it may look into: only below it, so that each can be read without those
above. ``engines/*`` are all rooms in that folder, ``*`` all rooms that stand above it in this table."""

MACHINE_PATH: Final = re.compile(
    r"(?<![\w.])/(?:" + "|".join(("work", "farm", "root", r"home/\w+", r"Users/\w+")) + ")/"
)
"""An absolute path that only one machine has; put together so that this file holds none."""

REGISTRY: Final = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|anaconda\.org|"
    + "|".join(("arti" + "factory", "dev" + "pi"))
    + r"|https?://\S+/simple\b|--(?:extra-)?index-url[ =]\S|^index-url\s*=",
    re.MULTILINE,
)
"""The address of a package registry, or an option that gives one."""


def imported(source: str) -> Iterator[tuple[int, str]]:
    """The line and the top-level package of each absolute import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.lineno, node.module.split(".")[0]


def repository_files() -> list[Path]:
    """What git has or would take in. Skips the test where there is no git or no repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs git and the repository")
    listing = [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, capture_output=True, check=False)
    if found.returncode != 0:
        pytest.skip(f"git cannot list the repository: {found.stderr.decode(errors='replace').strip()}")
    names = sorted(set(found.stdout.decode().split("\0")) - {""})
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def repository_texts() -> Iterator[tuple[Path, str]]:
    """The text files of the repository, by their paths within it."""
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        yield path.relative_to(ROOT), content.decode(errors="replace")


def places(pattern: re.Pattern[str]) -> list[str]:
    """Where in the repository's text files ``pattern`` occurs."""
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in repository_texts()
        for match in pattern.finditer(text)
    ]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_layers_do_not_look_back(package: str) -> None:
    """The model knows neither agent nor simulator, the agent neither model nor simulator, and both run without
    SimPy."""
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in files
        for line, name in imported(path.read_text(encoding="utf-8"))
        if name in FORBIDDEN[package]
    ]
    assert found == []


def test_every_form_of_import_is_seen() -> None:
    """An import is found at the top, with an alias, inside a function and under a condition; a relative one is not."""
    source = (
        "import simpy.core as s\nfrom everyturn import run\nfrom . import calls\ndef f():\n    if f:\n        "
        "import ast\n"
    )
    assert sorted(imported(source)) == [(1, "simpy"), (2, "everyturn"), (6, "ast")]


def test_no_path_of_one_machine_is_committed() -> None:
    """No text file of the repository holds an absolute path of somebody's machine."""
    assert places(MACHINE_PATH) == []


def test_no_registry_is_committed() -> None:
    """No text file of the repository says where packages come from: that is up to who installs them."""
    assert places(REGISTRY) == []


@pytest.mark.parametrize("folder", ["work", "farm", "root", "home/somebody"])
def test_machine_paths_are_recognised(folder: str) -> None:
    """A path of a machine is found in prose, quotes and URLs of files; parts of relative paths are not."""
    found = [
        bool(MACHINE_PATH.search(text.format(f"/{folder}/")))
        for text in ("{}x", "'{}x'", "file://{}x", "a{}x", "..{}x")
    ]
    assert found == [True, True, True, False, False]


def test_registries_are_recognised() -> None:
    """Hosts and options are found; pip-tools' options that leave them out are not."""
    host = ".".join(("pypi", "org"))
    texts = (
        f"https://{host}/x",
        "--index-" + "url https://x",
        "https:" + "//mirror.example/simple/",
        "--no-emit-index-url",
    )
    assert [bool(REGISTRY.search(text)) for text in texts] == [True, True, True, False]


SIM: Final = ROOT / "sim" / "everyturn"
FRONT_DOOR: Final = "front"
"""The room of whatever ``import everyturn`` gives, but for the version."""


def room_of(module: str) -> str:
    """The room of a module of ``everyturn``, by its dotted name; nothing for the front door itself."""
    parts = module.split(".")[1:]
    while parts and "/".join(parts) not in ROOMS:
        parts.pop()
    return "/".join(parts)


def rooms_looked_into(path: Path) -> Iterator[tuple[int, str]]:
    """Line and room of each import of ``everyturn``, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        ours = [name for name in names if name.split(".")[0] == "everyturn" and name != "everyturn.__version__"]
        yield from ((node.lineno, room_of(name) or FRONT_DOOR) for name in ours)


def may_look_into(room: str) -> set[str]:
    """The rooms that ``room`` may look into."""
    names = list(ROOMS)
    allowed: set[str] = {room}
    for word in ROOMS[room].split():
        if word == "*":
            allowed |= set(names[: names.index(room)])
        elif word.endswith("/*"):
            allowed |= {name for name in names if name.startswith(word[:-1])}
        else:
            allowed.add(word)
    return allowed


def test_rooms_look_only_below_them() -> None:
    """The table is in the order of the argument: what runs, how it is explored, what was seen, what it means, how it is
    told."""
    names = list(ROOMS)
    for place, room in enumerate(names):
        assert may_look_into(room) - {room} <= set(names[:place]), room


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_looks_into_those_of_its_row(room: str) -> None:
    folder = SIM / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    files = [
        path for path in files if room_of(f"everyturn.{'.'.join(path.relative_to(SIM).with_suffix('').parts)}") == room
    ]
    assert files
    wrong = [
        f"{path.relative_to(SIM)}:{line}: {other}"
        for path in files
        for line, other in rooms_looked_into(path)
        if other not in may_look_into(room)
    ]
    assert not wrong


def test_every_module_is_in_a_room() -> None:
    homeless = [
        str(path.relative_to(SIM))
        for path in SIM.rglob("*.py")
        if not room_of("everyturn." + ".".join(path.relative_to(SIM).with_suffix("").parts))
    ]
    assert sorted(homeless) == ["__init__.py", "__main__.py", "engines/__init__.py"]


def test_the_name_of_a_format_is_no_path_of_a_module() -> None:
    """Files outlive the rooms: what a schema is called does not change when the module that writes it moves."""
    names = {
        name
        for path in SIM.rglob("*.py")
        for name in re.findall(r"everyturn/[a-z_/-]+/\d+", path.read_text(encoding="utf-8"))
    }
    assert {"everyturn/trace/1", "everyturn/log/1", "everyturn/result/1", "everyturn/audit/1"} <= names
    assert [name for name in sorted(names) if name.count("/") != 2] == []


def test_whose_a_file_is_does_not_depend_on_rooms() -> None:
    """Every module of ours is ours, however deep it lies: no error may blame it, no clock of it be replaced."""
    from everyturn.asyncio.runtime.places import is_users, may_be_patched

    wrong = [str(path) for path in SIM.rglob("*.py") if is_users(str(path)) or may_be_patched(str(path))]
    assert wrong == []
    assert is_users(str(ROOT / "examples" / "scenarios" / "chat.py"))

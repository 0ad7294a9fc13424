"""Documentation runs: the README's commands, the docstring examples, the notebooks."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from tests.nightly import nightly, thinned

from everyturn.cli import main
from everyturn.strategies import STRATEGIES

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "docs/asyncio.md",
    "docs/first_ten_minutes.md",
    "docs/research.md",
    "docs/exact.md",
)
COMMANDS = list(
    dict.fromkeys(
        command
        for page in PAGES
        for command in re.findall(r"^\$ everyturn (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    )
)


def test_the_readme_has_commands() -> None:
    """Otherwise the next test would pass by looking at nothing."""
    assert len(COMMANDS) >= 5


LONG: Final = ("--scope AAa+1c  # ten seconds", "audit --agent", "repairs --revision")
"""Commands of several seconds; the page says so, or a test of the command does the same in a smaller scope."""


@thinned(3)
@pytest.mark.parametrize(
    "command", [nightly(each) if any(part in each for part in LONG) else each for each in COMMANDS]
)
def test_every_command_of_the_pages_succeeds(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written, from a folder that has what the project's root has: what they write stays out of it."""
    for each in ROOT.iterdir():
        (tmp_path / each.name).symlink_to(each)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, shlex.split(command, comments=True))
    assert result.exit_code == 0, result.output


@thinned(8)
@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_every_notebook_runs(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Top to bottom, with something to show, in under 60 lines of code."""
    runpy.run_path(str(notebook))
    assert capsys.readouterr().out
    code = [line for line in notebook.read_text().splitlines() if line.strip() and not line.startswith("#")]
    assert len(code) < 60


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_every_notebook_lies_there_executed(notebook: Path) -> None:
    """People read notebooks in a browser: `make notebooks` has been run since the text was changed."""
    executed = json.loads(notebook.with_suffix(".ipynb").read_text())
    cells = ["".join(cell["source"]) for cell in executed["cells"] if cell["cell_type"] == "code"]
    source = notebook.read_text()
    assert cells
    assert all(cell in source for cell in cells)
    assert any(cell.get("outputs") for cell in executed["cells"])


def test_the_list_of_notebooks_has_each_once_in_their_order() -> None:
    listed = re.findall(r"\]\((\w+)\.ipynb\)", (ROOT / "notebooks" / "README.md").read_text())
    assert listed == [each.stem for each in sorted((ROOT / "notebooks").glob("*.py"))]
    assert [int(name[:2]) for name in listed] == list(range(1, len(listed) + 1))


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_a_notebook_needs_the_front_door_only(notebook: Path) -> None:
    """Beside Python itself; and its reader sees no empty cell."""
    imports = set(re.findall(r"^\s*(?:from|import) ([\w.]+)", notebook.read_text(), re.MULTILINE))
    assert {name for name in imports if name.partition(".")[0] not in sys.stdlib_module_names} == {"everyturn"}
    cells = json.loads(notebook.with_suffix(".ipynb").read_text())["cells"]
    assert all("".join(cell["source"]).strip() for cell in cells)


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """The story in the README is the demo's, line by line."""
    readme = (ROOT / "README.md").read_text()
    shown = re.findall(r"^```text\n(Every interleaving.*?)^```", readme, re.MULTILINE | re.DOTALL)[0].splitlines()
    printed = CliRunner().invoke(main, ["demo", "-o", str(tmp_path)]).output.splitlines()
    first = printed.index(shown[0])
    assert [line for line in printed[first : first + len(shown) + 1] if "states, judged by" not in line] == shown


def test_the_strategy_of_the_page_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In twenty lines, as it stands there; it finds the hang that a random walk has in one run of nine thousand."""
    page = (ROOT / "docs" / "strategies.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.setattr("everyturn.strategies.STRATEGIES", dict(STRATEGIES))
    exec(program, {"__name__": "page"})  # the page's own program
    assert "no-hang" in capsys.readouterr().out
    assert len([line for line in program.splitlines() if line.strip()]) <= 20


def test_the_readme_s_python_runs() -> None:
    """The cell of the front door, as written, from `import everyturn` to the replayed token."""
    (cell,) = re.findall(
        r"^```python\n(import everyturn\n.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    names: dict[str, object] = {"__name__": "a_notebook"}
    exec(compile(cell, "a cell", "exec"), names)
    assert "no-lost-cancel" in str(names["found"].tokens)  # type: ignore[attr-defined]

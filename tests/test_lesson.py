"""The lesson: what its pages say is so, and their commands run."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

import everyturn
from everyturn.cli import main
from everyturn.exercises.catalogue import EXERCISES
from everyturn.game.levels import LEVELS

ROOT = Path(__file__).resolve().parents[1]
LESSON = ROOT / "docs" / "lesson"
PAGES = sorted(LESSON.glob("*.md"))
COMMANDS = [
    (page.stem, command)
    for page in (*PAGES, ROOT / "docs" / "game.md")
    for command in re.findall(r"^ *\$ everyturn (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]
NOT_YET = ("exercise 7 assistant.py", "exercise 8 assistant.py", "exercise 9 assistant.py")
"""Commands that end with a counterexample when a class comes to them."""


@pytest.fixture
def _imports_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a command, or another test, imports from a folder is not there for the next command, whose files have the
    same names."""
    monkeypatch.setattr(sys, "path", [each for each in sys.path if Path(each).name != "solutions"])
    ours = ("assistant", "exercise_9")
    for name in ours:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield
    for name in ours:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("_imports_end")
@pytest.mark.parametrize(("page", "command"), COMMANDS, ids=lambda each: each)
def test_every_command_of_the_lesson_runs(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder, with the agent in it that the set-up writes; the solutions lie where the pages say."""
    monkeypatch.chdir(tmp_path)
    if "-o assistant.py" not in command:
        (tmp_path / "assistant.py").write_text(EXERCISES[7].beginning())
    shutil.copytree(ROOT / "examples" / "solutions", tmp_path / "examples" / "solutions")
    monkeypatch.setattr("everyturn.front.playing.LEVELS", LEVELS[:2])
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.exit_code == (1 if command in NOT_YET else 0), result.output


def test_the_lesson_has_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_the_lesson_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_numbers_on_the_worksheets() -> None:
    """States of the assistant with one prompt; of the answer with one and with two; the least steps to two turns."""
    text = {page.stem: " ".join(page.read_text(encoding="utf-8").split()) for page in PAGES}
    begun, answer = "everyturn.exercises.starts.assistant:Mine", "examples.solutions.exercise_9:Mine"
    assert f"{everyturn.check(begun, 'A').states} states" in text["setup"]
    one, two = (everyturn.check(answer, scope).states for scope in ("A", "AA"))
    assert f"one prompt has {one} states, two have {two}" in text["worksheet_4"]
    least = everyturn.check(begun, "AA", invariants=["one-turn"]).verdicts["one-turn"].steps
    assert (least, "Six steps are enough" in text["worksheet_2"]) == (6, True)
    lines = len(EXERCISES[7].beginning().splitlines())
    assert lines < 60
    assert f"{lines} lines" in text["worksheet_1"]


def test_the_level_of_the_page_is_a_level(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program on the page about the game makes a page with a level that can be won."""
    (program,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/game.md").read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "level_of_the_page.py").write_text(program)  # a file, for the source of its class is shown
    monkeypatch.syspath_prepend(tmp_path)
    made = importlib.import_module("level_of_the_page").html
    assert '"name":"tells-nobody"' in made
    assert '"shortest":[0,0,0]' in made


def test_the_slides_are_one_page_that_needs_nothing_else() -> None:
    slides = (LESSON / "slides.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in slides
    assert "://" not in slides
    assert slides.count("<section") == 12
    assert [int(number) for number in re.findall(r'aria-label="Slide (\d+)"', slides)] == list(range(1, 13))


def test_the_plan_fills_ninety_minutes() -> None:
    """Each part begins where the one before ends."""
    rows = re.findall(r"^\| (\d+)–(\d+) \|", (LESSON / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    times = [(int(begin), int(end)) for begin, end in rows]
    assert times[0][0] == 0
    assert times[-1][1] == 90
    assert all(end == begin for (_, end), (begin, _) in pairwise(times))

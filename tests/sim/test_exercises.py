from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.nightly import thinned

from everyturn.cli import main
from everyturn.exercises.catalogue import EXERCISES
from everyturn.exercises.exercise import Exercise

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "examples" / "solutions"


def asked(*arguments: object) -> Result:
    """What the command prints, from the project's root."""
    return CliRunner().invoke(main, ["exercise", *map(str, arguments)])


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_numbers_are_in_order() -> None:
    assert list(EXERCISES) == list(range(1, len(EXERCISES) + 1))
    assert {path.stem for path in SOLUTIONS.glob("exercise_*.py")} == {f"exercise_{each}" for each in EXERCISES}


@thinned(2)
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda each: str(each.number))
def test_the_solution_is_right(exercise: Exercise) -> None:
    """Every claim is made good by the file in the repository."""
    result = asked(exercise.number, SOLUTIONS / f"exercise_{exercise.number}.py")
    assert result.exit_code == 0, result.output
    assert f"Exercise {exercise.number} is solved" in result.output
    assert "✗" not in result.output


@thinned(2)
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=lambda each: str(each.number))
def test_what_one_begins_with_is_not_right_yet(exercise: Exercise, tmp_path: Path) -> None:
    """The file that the tool writes is one that it refuses, with a counterexample, or with what is missing."""
    mine = tmp_path / f"begin_{exercise.number}.py"
    assert asked(exercise.number, "-o", mine).exit_code == 0
    result = asked(exercise.number, mine)
    assert result.exit_code == 1, result.output
    assert "✗" in result.output
    assert f"Exercise {exercise.number} is not solved yet" in result.output
    if exercise.number != 5:  # there, a counterexample is what is asked for
        assert "refuted" in result.output or "hang" in result.output


def test_a_counterexample_is_told(tmp_path: Path) -> None:
    """What happened, what raced, and how to see it step by step."""
    mine = tmp_path / "counted_twice.py"
    mine.write_text(EXERCISES[2].beginning())
    told = asked(2, mine).output
    assert "no-double-emit is violated" in told
    assert "Racing accesses" in told
    assert "everyturn replay et2-" in told


def test_an_answer_that_tells_nobody_is_not_right(tmp_path: Path) -> None:
    """Who answers nobody answers nobody twice: that is no solution."""
    mine = tmp_path / "tells_nobody.py"
    text = EXERCISES[2].beginning()
    mine.write_text(text.replace("            await self.tell(waiting[0])\n", ""))
    assert asked(2, mine).exit_code == 1


def test_an_ending_that_is_not_stored_is_no_solution(tmp_path: Path) -> None:
    """Who asks no store is told the truth by none: the state that the completion names is not there."""
    mine = tmp_path / "stores_nothing.py"
    text = EXERCISES[10].beginning()
    mine.write_text(
        text.replace("await super().break_off(call, turn, message, fault, text)", "Ending(message, text, fault)")
    )
    result = asked(10, mine)
    assert result.exit_code == 1, result.output
    assert "state-before-notice: refuted" in result.output


def test_promising_less_is_no_solution(tmp_path: Path) -> None:
    """What is not promised is not proved."""
    mine = tmp_path / "promises_less.py"
    text = EXERCISES[8].beginning()
    less = text.replace("import Call,", "import Promises, Call,").replace(
        "    async def submit", '    promises = Promises(cancel="nothing")\n\n    async def submit', 1
    )
    assert less != text
    mine.write_text(less)
    result = asked(8, mine)
    assert result.exit_code == 1, result.output
    assert "not-promised" in result.output


def test_nobody_s_work_is_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("my work")
    assert asked(3, "-o", mine).exit_code == 2
    assert mine.read_text() == "my work"


def test_the_list_has_all_and_others_are_refused() -> None:
    assert len(asked().output.splitlines()) == len(EXERCISES)
    result = asked(99)
    assert result.exit_code == 2
    assert f"expected 1 to {len(EXERCISES)}" in result.output


def test_a_file_without_an_answer_is_a_mistake_of_its_writer(tmp_path: Path) -> None:
    """The class that is looked for is named; so is a file that is not there."""
    empty = tmp_path / "nothing_in_it.py"
    empty.write_text("")
    for result in (asked(1, empty), asked(6, empty), asked(1, tmp_path / "none.py")):
        assert result.exit_code == 2, result.output
    assert "expected a class Mine" in asked(1, empty).output


def test_notebooks_lead_to_exercises_that_lead_back() -> None:
    """A notebook that an exercise names tells the command, and one that tells it is named."""
    for path in sorted((ROOT / "notebooks").glob("*.py")):
        named = [each.number for each in EXERCISES.values() if each.notebook == path.stem]
        told = {int(number) for number in re.findall(r"everyturn exercise (\d+)", path.read_text())}
        assert sorted(told) == named

"""What is said of an answer: proved, or a counterexample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from everyturn.exercises.exercise import MAIN, NAME, Exercise, ExerciseClaim
from everyturn.front.checks import CheckResult, check
from everyturn.front.scenarios import check_scenario
from everyturn.verdicts.verdict import Verdict
from everyturn.world import imports

MOST_STATES = 500_000
"""An answer with more states than this in a scope of an exercise is not decided."""


@dataclass
class JudgedAnswer:
    """Whether an answer is right, and why, line by line. ``undecided``: a limit was reached before an answer."""

    solved: bool = True
    undecided: bool = False
    lines: list[str] = field(default_factory=list)


def judged(exercise: Exercise, answer: Path) -> JudgedAnswer:
    """Judge the class ``Mine``, or the scenario ``main``, of a file: claim after claim, until one does not hold.

    Raises :class:`~everyturn.errors.UsageError` for a file without one, or whose code cannot be explored.
    """
    judgement = JudgedAnswer()
    for claim in exercise.claims:
        for line in _of_a_scenario(judgement, answer) if exercise.of_a_scenario else _of(judgement, claim, answer):
            judgement.lines.append(line)
        if not judgement.solved:
            break
    return judgement


def _of(judgement: JudgedAnswer, claim: ExerciseClaim, answer: Path) -> Iterator[str]:
    """What is said of one claim on a class."""
    agent = f"{answer}:{NAME}"
    found = check(agent, claim.scope, invariants=claim.invariants, max_states=MOST_STATES)
    for name in claim.invariants:
        said = found.verdicts[name]
        states = f"{found.states or 0:,} states"
        if said.verdict is (Verdict.REFUTED if claim.refuted else Verdict.PROVED):
            yield f"✓ {claim.scope}  {name}: {said.verdict}, {states}" + (f": {said.sentence}" if claim.refuted else "")
            continue
        judgement.solved = False
        judgement.undecided = said.verdict is Verdict.UNDETERMINED
        yield f"✗ {claim.scope}  {name}: {said.verdict}, {states}" + (f": {said.sentence}" if said.sentence else "")
        yield from _counterexample(found, name) if said.token else _wanted(claim)
        return


def _wanted(claim: ExerciseClaim) -> Iterator[str]:
    if claim.refuted:
        yield "  It should be refuted here: no order of all steps breaks your code yet."


def _counterexample(found: CheckResult, name: str) -> Iterator[str]:
    yield ""
    yield from str(found.explain(name)).splitlines()


def _of_a_scenario(judgement: JudgedAnswer, answer: Path) -> Iterator[str]:
    """What is said of an asyncio program."""
    scenario: Any = imports.found(f"{answer}:{MAIN}", "scenario")
    found = check_scenario(scenario)
    if found.verdict is Verdict.PROVED:
        yield f"✓ proved, {found.cell.states or 0:,} states"
        return
    judgement.solved = False
    judgement.undecided = not found.tokens
    for name in list(found.tokens)[:1]:
        yield f"✗ {name}: {found.verdicts[name].sentence}"
        yield ""
        yield from str(found.explain(name)).splitlines()

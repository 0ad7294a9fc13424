"""From an explorer's way to a violation to a run that any engine can make again."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.engines.coroutines.exploration import Violation
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.engines.simpy.kernel import simulate_or_cut
from everyturn.errors import ReplayError
from everyturn.runs.run import Run
from everyturn.runs.schedule import deviations
from everyturn.strategies.replay import Replay
from everyturn.verdicts.checker import Finding, Judge


def decisions_of(transitions: Transitions, path: Sequence[tuple[int, int]]) -> list[int]:
    """The decisions, relative to first-in first-out order, that a path of (thread, choice) makes."""
    row = transitions.initial()
    order = _first_order(transitions)
    decisions: list[int] = []
    for thread, choice in path:
        enabled = [each for each in order if any(True for _ in transitions.moves(row, each))]
        if len(enabled) > 1:
            decisions.append(enabled.index(thread))
        decisions += transitions.outcomes(row, thread, choice)
        row = _after(transitions, row, thread, choice)
        order.remove(thread)
        if transitions.locals[row[FIRST_THREAD + thread]].operation is not None:
            order.append(thread)
    return decisions


def _after(transitions: Transitions, row: Row, thread: int, choice: int) -> Row:
    return next(move.row for move in transitions.moves(row, thread) if move.choice == choice)


def _first_order(transitions: Transitions) -> list[int]:
    """Threads in the order of their first scheduling points: who had something to do before comes later."""
    roots = transitions.locals.roots
    threads = range(len(roots))
    return sorted(threads, key=lambda thread: not transitions.locals[roots[thread]].point)


def counterexample(transitions: Transitions, violation: Violation, judge: Judge) -> tuple[Run, int, Finding]:
    """The run of a violation, made through SimPy, with the step it happens at and what is said there.

    Raises :class:`ReplayError` if the SimPy engine does not find what the explorer found.
    """
    decisions = decisions_of(transitions, violation.decisions)
    run = simulate_or_cut(transitions.world, Replay(deviations(decisions)), len(violation.decisions))
    for step, finding in judge.run(run.seen()):
        if finding.invariant == violation.finding.invariant:
            return run, step, finding
    raise ReplayError(
        f"{violation.finding.invariant} is violated in the explorer, and its schedule {run.token} does not violate it "
        f"in SimPy: the engines disagree"
    )

"""Liveness verdicts: is every accepted prompt with run id told of its end, however long that may take?

Scopes with an endless extra (``AA+*t``: tool rounds without number) have runs that never end; what is abstracted from
so that their states stay finitely many is in ``docs/liveness.md``.
"""

from __future__ import annotations

from typing import Final

from everyturn.engines.coroutines.exploration import ExplorationProgress
from everyturn.engines.fairness import fairness
from everyturn.engines.fairness.fairness import Fairness, Liveness, WaitKind
from everyturn.engines.fairness.waiting import Waiting
from everyturn.verdicts.verdict import Cell, CounterCheck, InvariantResult, Verdict
from everyturn.world.world import World

EVENTUALLY_TOLD: Final = "eventually-told"


def liveness(
    world: World,
    *,
    fair: Fairness = "weak",
    max_states: int = fairness.MAX_STATES,
    max_seconds: float | None = None,
    progress: ExplorationProgress | None = None,
) -> Liveness:
    """How a waiter of ``world`` may wait for ever, if its threads are scheduled fairly; nothing, if none can."""
    return fairness.find(
        Waiting(world), fairness=fair, max_states=max_states, max_seconds=max_seconds, progress=progress
    )


def judged(found: Liveness, *, fair_choices: bool = False) -> InvariantResult:
    """The verdict on what was found. ``fair_choices``: a cycle that fair choices would leave refutes nothing."""
    counted = [lasso for lasso in found.lassos if not (fair_choices and lasso.kind is WaitKind.ENDLESS)]
    if counted:
        first = min(counted, key=lambda lasso: (list(WaitKind).index(lasso.kind), len(lasso.stem) + len(lasso.cycle)))
        return InvariantResult(Verdict.REFUTED, f"{first.kind}: {first.sentence}", len(first.stem) + len(first.cycle))
    return InvariantResult(Verdict.PROVED if found.complete else Verdict.UNDETERMINED)


def cell(world: World, found: Liveness, *, fair_choices: bool = False, counter_check: bool = True) -> Cell:
    """The same as a cell of a result; vacuous if nobody could wait.

    ``counter_check``: what is proved is checked again in part, through the real coroutines; raises
    :class:`~everyturn.errors.Disagreement` if that shows something else.
    """
    said = judged(found, fair_choices=fair_choices)
    if not world.scope.run_ids:
        said = InvariantResult(Verdict.VACUOUS)
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=said.verdict,
        invariants={EVENTUALLY_TOLD: said},
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        seconds=round(found.seconds, 3),
        counter_check=_counter_checked(found, asked=counter_check) if said.verdict is Verdict.PROVED else None,
        stopped=found.stopped,
    )


def _counter_checked(found: Liveness, *, asked: bool) -> CounterCheck:
    if not asked:
        return CounterCheck(off=True)
    from everyturn.checking.countercheck.proofs import waiting_checked

    assert found.graph is not None
    return waiting_checked(found.graph, found)

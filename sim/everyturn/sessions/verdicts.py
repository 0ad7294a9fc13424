"""Verdicts on sessions: what the runs of a scope say of each invariant, and what was not shown is not green."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everyturn.asyncio.runtime.scenarios import parts_of
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, of_cell
from everyturn_model.invariants import Invariant
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.logs.monitor import LogMonitor

if TYPE_CHECKING:
    from everyturn.sessions.workload import SessionWorkload

ENDLESS: Final = ("hang", "left-over")
"""Kinds with which a search says that runs go round for ever."""


def cell_of(cell: Cell, work: SessionWorkload, held: ScenarioSearch) -> Cell:
    """The cell of a session: what is not promised, cannot be violated, or was not shown is never green. ``held``: all
    runs that were seen."""
    said = cell.invariants
    if any(kind in held.found for kind in ENDLESS):
        said = {name: _endless(each) for name, each in said.items()}
    judged: dict[str, InvariantResult] = {}
    for each in work.chosen.invariants:
        judged[each.name] = _of_invariant(each, work, held, said.get(each.name))
    for kind in [name for name in said if name not in judged]:
        judged[kind] = _of_conformance(said[kind], held) if kind == CONFORMS else said[kind]
    cell.revision, cell.scope = parts_of(cell.revision)
    cell.conforms = judged.pop(CONFORMS, None)
    cell.invariants = judged
    cell.verdict = of_cell(judged, cell.conforms)
    return cell


def _endless(judged: InvariantResult) -> InvariantResult:
    if judged.verdict not in (Verdict.PROVED, Verdict.HOLDS):
        return judged
    return InvariantResult(Verdict.UNDETERMINED, "some run never comes to rest, and what it does is not judged")


def _of_invariant(
    invariant: Invariant, work: SessionWorkload, held: ScenarioSearch, said: InvariantResult | None
) -> InvariantResult:
    reason = invariant.unpromised(work.adapter.promises)
    if reason is not None or said is None:
        return InvariantResult(Verdict.NOT_PROMISED, reason)
    if said.verdict is Verdict.REFUTED:
        return said
    if is_vacuous(invariant, work.scope):
        return InvariantResult(Verdict.VACUOUS)
    if said.verdict is Verdict.UNDETERMINED and isinstance(invariant.log, LogMonitor):
        return said  # what other runs would have shown is not known
    unshown = _unshown(invariant, held.shown)
    if unshown is not None:
        return InvariantResult(Verdict.NOT_JUDGED, unshown)
    needs = invariant.session
    if needs is not None and needs.shown is not None and needs.shown not in held.shown:
        return InvariantResult(Verdict.VACUOUS if needs.vacuous else Verdict.NOT_JUDGED, needs.otherwise)
    return _unsure(invariant.name, said, held)


def _of_conformance(said: InvariantResult, held: ScenarioSearch) -> InvariantResult:
    if said.verdict in (Verdict.REFUTED, Verdict.UNDETERMINED):
        return said
    if "kind started" not in held.shown:
        return InvariantResult(Verdict.NOT_JUDGED, _NO_TURNS)
    if CONFORMS in held.unsure:
        return InvariantResult(Verdict.UNDETERMINED, held.unsure[CONFORMS])
    fold = held.unsure.get(NO_FOLD_OF_RUN_ID.name)
    return said if fold is None else InvariantResult(Verdict.NOT_JUDGED, fold)


def _unsure(name: str, said: InvariantResult, held: ScenarioSearch) -> InvariantResult:
    return InvariantResult(Verdict.NOT_JUDGED, held.unsure[name]) if name in held.unsure else said


_NO_TURNS: Final = "the agent asks no model of ours (world.model()), so that no turn is seen"


def _unshown(invariant: Invariant, shown: frozenset[str]) -> str | None:
    """Why nothing can be said of an invariant; none if something can."""
    log = invariant.log
    if not isinstance(log, LogMonitor):
        if invariant.session is not None:
            return None
        return log.reason.replace("the log does not show", "a session's adapter does not show")
    kinds = {each.removeprefix("kind ") for each in shown if each.startswith("kind ")}
    if "queued" in log.needs - kinds:
        return "the adapter does not show what the session holds (look)"
    if log.needs - kinds:
        return _NO_TURNS
    return None

"""Verdicts on sessions: every run of a scope through an adapter, or a sample of them, or one again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Final

from everyturn.asyncio import checking
from everyturn.asyncio.checking import CheckedScenario, ReplayedScenario
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.runtime.tokens import found_in, recorded
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits
from everyturn.errors import UsageError
from everyturn.sessions.adapter import Session
from everyturn.sessions.mistakes import where
from everyturn.sessions.workload import FAULTS, SessionWorkload, methods
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.selection import Wanted, selection
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, of_cell
from everyturn.world.imports import found
from everyturn.world.scope import Scope
from everyturn_model.invariants import Invariant
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.promises import Promises

Adapter = str | type[Session]
"""A :class:`Session`, or where it lies: ``"package.module:Adapter"``, ``"file.py:Adapter"``."""

ENDLESS: Final = ("hang", "left-over")
"""Kinds with which a search says that runs go round for ever."""


def find(adapter: Adapter, scope: Scope) -> type[Session]:
    """The adapter of this name. Raises :class:`UsageError` if it is none, or lacks what the scope calls."""
    kind = found(adapter, "session") if isinstance(adapter, str) else adapter
    if not isinstance(kind, type) or not issubclass(kind, Session):
        raise UsageError(
            f"session {adapter!r}: expected a class that inherits from everyturn.Session; found {kind!r:.80}"
        )
    name = kind.__qualname__
    for method in ("open", *methods(scope)):
        given = getattr(kind, method)
        if given is getattr(Session, method):
            raise UsageError(f"{where(kind)}: session {name}: scope {scope} calls {method}: expected an async method")
        if not inspect.iscoroutinefunction(given):
            raise UsageError(f"{where(kind)}: session {name}: {method}: expected an async method; found {given!r:.60}")
        _check_parameters(kind, method)
    if inspect.iscoroutinefunction(kind.look):
        raise UsageError(f"{where(kind)}: session {name}: look: expected a plain method; found an async one")
    if not isinstance(kind.promises, Promises):
        raise UsageError(
            f"{where(kind)}: session {name}: promises: expected everyturn.Promises(...); found {kind.promises!r:.60}"
        )
    return kind


_PARAMETERS: Final = {"open": ("world",), "submit": ("prompt",)}


def _check_parameters(kind: type[Session], method: str) -> None:
    expected = ("self", *_PARAMETERS.get(method, ()))
    signature = inspect.signature(getattr(kind, method))
    try:
        signature.bind(*expected)
    except TypeError:
        raise UsageError(
            f"{where(kind)}: session {kind.__qualname__}: expected {method}({', '.join(expected)}); found "
            f"{method}{signature}"
        ) from None


def workload(
    adapter: Adapter, scope: str | Scope, wanted: Sequence[Wanted] = (), without: Sequence[str] = ()
) -> SessionWorkload:
    """The workload that a scope is for an adapter, judged for what is ``wanted``: all, if nothing is named.

    Raises :class:`UsageError`.
    """
    what = Scope.parse(scope) if isinstance(scope, str) else scope
    invariants = [each for each in wanted if each not in FAULTS]
    own = [each for each in invariants if isinstance(each, Invariant)]
    if own:
        raise UsageError(f"invariant {own[0].name!r}: expected one by its name: those of the user's own are not judged")
    chosen = selection(invariants, [each for each in without if each not in FAULTS])
    faults = {kind: text for kind, text in FAULTS.items() if (not wanted or kind in wanted) and kind not in without}
    return SessionWorkload(find(adapter, what), what, chosen, faults)


def check(
    work: SessionWorkload,
    setting: Setting | None = None,
    *,
    limits: SearchLimits = SearchLimits(),  # noqa: B008 # it cannot be changed
    merge: bool = True,
    watch: Callable[[ScenarioSearch], None] | None = None,
    counter_check: bool = True,
) -> CheckedScenario:
    """Explore every run of a workload, unless a limit is reached. Raises :class:`UsageError`, and
    :class:`~everyturn.errors.Disagreement` if the ``counter_check`` of what is proved finds a difference."""
    checked = checking.check(work, setting, limits=limits, merge=merge, watch=watch, counter_check=counter_check)
    return CheckedScenario(_cell(checked.cell, work, checked.found), checked.found)


def fuzz(
    work: SessionWorkload,
    setting: Setting | None = None,
    *,
    strategy: str = "portfolio",
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    seconds: float | None = None,
    watch: Callable[[ScenarioSearch], None] | None = None,
    counter_check: bool = True,
    first: int = 0,
) -> CheckedScenario:
    """Make runs of a workload under a strategy, as :func:`everyturn.asyncio.checking.fuzz` does."""
    checked = checking.fuzz(
        work,
        setting,
        strategy=strategy,
        runs=runs,
        until_risk=until_risk,
        seed=seed,
        seconds=seconds,
        watch=watch,
        counter_check=counter_check,
        first=first,
    )
    return CheckedScenario(_cell(checked.cell, work, checked.found), checked.found)


def workload_of(source: str, adapter: Adapter | None, wanted: Sequence[Wanted] = ()) -> SessionWorkload:
    """The workload of a token, or of a file that holds one. Raises :class:`UsageError` if no session is named, or the
    token is of none."""
    name, _, scope = recorded(found_in(source)).scenario.rpartition("@")
    if not name:
        raise UsageError(f"this token is of the scenario {scope!r}, and of no session: expected --scenario {scope}")
    if adapter is None:
        raise UsageError(
            f"this token is of the session {name!r}: expected --session {name} (nothing is imported that is not named "
            "on the command line)"
        )
    return workload(adapter, scope, wanted)


def replay(token: str, adapter: Adapter | None, wanted: Sequence[Wanted] = ()) -> ReplayedScenario:
    """Make the run of a session's token again. Raises :class:`UsageError` if no session is named, or it is none's."""
    work = workload_of(token, adapter, wanted)
    replayed = checking.replay(token, work)
    held = ScenarioSearch(Setting(), unsure=replayed.outcome.unsure, shown=replayed.outcome.shown)
    return replayed._replace(cell=_cell(replayed.cell, work, held))


def _cell(cell: Cell, work: SessionWorkload, held: ScenarioSearch) -> Cell:
    """The cell of a session: what is not promised, cannot be violated, or was not shown is never green."""
    said = cell.invariants
    if any(kind in held.found for kind in ENDLESS):
        said = {name: _endless(each) for name, each in said.items()}
    judged: dict[str, InvariantResult] = {}
    for each in work.chosen.invariants:
        judged[each.name] = _of_invariant(each, work, held, said.get(each.name))
    for kind in (CONFORMS, *FAULTS):
        if kind in said:
            judged[kind] = _of_conformance(said[kind], held) if kind == CONFORMS else said[kind]
    cell.revision, _, cell.scope = work.__qualname__.rpartition("@")
    cell.revision = f"{work.__module__}:{cell.revision}"
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


def _unshown(invariant: Invariant, shown: set[str]) -> str | None:
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

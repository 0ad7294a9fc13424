"""Units of work: each is made by what it says alone, in any process, on any machine, to the same outcome."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from everyturn.asyncio import checking as programs
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.campaigns.subjects import EXPLORE, PORTS, AskedCell
from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz, fuzz_share
from everyturn.checking.sampler import RunRecipe
from everyturn.engines.coroutines.exploration import Limits
from everyturn.errors import AgentFault, EveryturnError, UsageError
from everyturn.sessions.by_name import workload
from everyturn.verdicts import verdict as verdicts
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.verdict import Verdict
from everyturn.world import overrun

Count = Annotated[int, Meta(ge=0)]
"""How many of something there are."""
_Found = tuple[verdicts.Cell, bool]
"""A cell of results, and whether it was interrupted."""


class RunShare(Struct, frozen=True, forbid_unknown_fields=True):
    """Some runs of a cell, by their numbers; of a cell that is explored, or whose runs are not independent, all."""

    cell: AskedCell
    first: Count
    runs: Count

    @property
    def name(self) -> str:
        """The unit's name within its campaign."""
        return f"runs {self.cell.key} {self.first}"


class ShownViolation(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A violation: the first run that a unit has of it, and in how many of its runs there was one, where that is
    counted."""

    what: str
    token: str
    steps: Count
    count: Count | None = None


class ShareOutcome(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a share showed: how many runs there were (states, if it was explored), what is said of each invariant, and
    what was violated. ``fault``: what the agent did that no agent may; then there is nothing else."""

    runs: Count = 0
    states: Count = 0
    complete: bool = False
    stopped: str | None = None
    verdicts: dict[str, Verdict] = {}
    violations: dict[str, ShownViolation] = {}
    fault: str | None = None


class Trouble(Struct, frozen=True):
    """Why a unit has no outcome: a mistake of the user's or ours, which is not kept, so that it is tried again."""

    whose: Literal["usage", "internal"]
    text: str


def make_share(share: RunShare) -> ShareOutcome:
    """What a share shows. Raises :class:`UsageError` for what is no fault of the agent's, and
    :class:`KeyboardInterrupt` if it was interrupted: a part of a share counts for nothing."""
    cell = share.cell
    try:
        found, interrupted = _ASKED[cell.kind in PORTS, cell.strategy == EXPLORE](cell, share)
    except AgentFault as error:
        return ShareOutcome(fault=str(error))
    if interrupted:
        raise KeyboardInterrupt
    return _outcome(found)


def _explored_ports(cell: AskedCell, share: RunShare) -> _Found:
    with overrun.watching():
        checked = check(
            cell.name,
            cell.scope,
            granularity=cell.setting,
            invariants=cell.invariants,
            without=cell.without,
            limits=Limits(cell.max_states or 0),
        )
    return checked.cell, checked.interrupted


def _sampled_ports(cell: AskedCell, share: RunShare) -> _Found:
    if cell.independent:
        recipe = RunRecipe(cell.name, cell.scope, cell.setting, cell.strategy, cell.seed, cell.invariants, cell.without)
        fuzzed = fuzz_share(recipe, range(share.first, share.first + share.runs))
        return fuzzed.cell, fuzzed.interrupted
    fuzzed = fuzz(
        cell.name,
        cell.scope,
        granularity=cell.setting,
        strategy=cell.strategy,
        runs=share.runs,
        seed=cell.seed,
        invariants=cell.invariants,
        without=cell.without,
    )
    return fuzzed.cell, fuzzed.interrupted


def _explored_asyncio(cell: AskedCell, share: RunShare) -> _Found:
    setting = Setting(order=cell.setting)
    limits = SearchLimits(runs=max(1, (cell.max_states or 0) // programs.STATES_OF_A_RUN))
    checked = programs.check(_program(cell), setting, limits=limits)
    return checked.cell, checked.found.interrupted


def _sampled_asyncio(cell: AskedCell, share: RunShare) -> _Found:
    how: dict[str, Any] = {
        "strategy": cell.strategy,
        "runs": share.runs,
        "seed": cell.seed,
        "first": share.first,
    }
    checked = programs.fuzz(_program(cell), Setting(order=cell.setting), **how)
    return checked.cell, checked.found.interrupted


def _program(cell: AskedCell) -> Scenario | str:
    if cell.kind == "scenario":
        return cell.name
    return workload(cell.name, cell.scope, cell.invariants, cell.without)


_ASKED: Final[Mapping[tuple[bool, bool], Callable[[AskedCell, RunShare], _Found]]] = {
    (True, True): _explored_ports,
    (True, False): _sampled_ports,
    (False, True): _explored_asyncio,
    (False, False): _sampled_asyncio,
}
"""Whether it is against ports, and whether it is explored → who is asked."""


def _outcome(cell: verdicts.Cell) -> ShareOutcome:
    said = {**cell.invariants, **({} if cell.conforms is None else {CONFORMS: cell.conforms})}
    return ShareOutcome(
        runs=cell.schedules or 0,
        states=cell.states or 0,
        complete=bool(cell.complete),
        stopped=cell.stopped,
        verdicts={name: each.verdict for name, each in said.items()},
        violations={
            name: ShownViolation(each.sentence or "", each.token or "", each.steps or 0, each.count)
            for name, each in said.items()
            if each.verdict is Verdict.REFUTED
        },
    )


def trouble(error: BaseException) -> Trouble:
    """Why a unit has no outcome."""
    if isinstance(error, UsageError):
        return Trouble("usage", str(error))
    if isinstance(error, EveryturnError):
        return Trouble("internal", str(error))
    return Trouble("internal", "".join(traceback.format_exception(error)).rstrip())

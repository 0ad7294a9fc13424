"""A scope as the scenario of a session: its clients call the adapter whenever they like, and what is seen is judged."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from everyturn.asyncio.runtime.findings import KINDS, ScenarioFinding
from everyturn.asyncio.runtime.running import ScenarioOutcome
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.asyncio.states.encoding import known
from everyturn.asyncio.telling.stock_script import ScriptPart
from everyturn.errors import AgentFault, UsageError
from everyturn.formats.everyturn_log import LogHeader
from everyturn.sessions.adapter import Held, Session
from everyturn.sessions.calls import Calls, Observed, calls_of
from everyturn.sessions.in_a_script import script_part
from everyturn.sessions.judging import Judgement, header, judge
from everyturn.sessions.mistakes import method, opened, where
from everyturn.sessions.telling import Telling
from everyturn.sessions.verdicts import cell_of
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.selection import Selection
from everyturn.verdicts.verdict import Cell
from everyturn.world.scope import EXTRAS, Scope

FAULTS: Final = {
    "error": "a Cancel, a ClearQueue or a shutdown raised an exception",
    **{kind: text for kind, text in KINDS.items() if kind not in ("hang", "left-over", "error")},
}
"""What is wrong with any program, of what a session is judged for: that its tasks wait at rest is no fault."""

_LETTERS: Final = "cqex"
"""The extras of a scope that a session is given."""


class SessionWorkload:
    """The scenario that a scope is for an adapter; ``kinds`` are the faults that its runs are judged for, ``name`` is
    that by which the adapter was asked for, with the scope."""

    def __init__(
        self, adapter: type[Session], name: str, scope: Scope, chosen: Selection, faults: Mapping[str, str]
    ) -> None:
        _require(scope)
        self.adapter = adapter
        self.name = f"{name}@{scope}"
        self.scope = scope
        self.chosen = chosen
        self.promised = {
            each.name: each.sentence for each in chosen.invariants if each.unpromised(adapter.promises) is None
        }
        conforms = {CONFORMS: "the run is one of the specification's"} if chosen.conformance else {}
        self.kinds: Mapping[str, str] = {**self.promised, **conforms, **faults}
        self.__module__ = adapter.__module__
        self.__qualname__ = f"{adapter.__qualname__}@{scope}"

    async def __call__(self, world: ScenarioWorld) -> None:
        """One run: open the session, let clients call, and wait for all calls."""
        try:
            session = self.adapter()
            calls = session._calls = Calls(world, session, self.scope)
            world.onlooker = calls
            await session.open(world)
        except UsageError:
            raise
        except Exception as error:
            raise opened(error, self.adapter) from error
        calls.begin()
        await calls.over

    def at_rest(self, world: ScenarioWorld, outcome: ScenarioOutcome) -> None:
        """Judge a run that has come to rest. Raises :class:`AgentFault` for what the adapter did wrong."""
        calls: Any = world.onlooker
        if calls is None or not calls.begun:
            if world.main.done():
                return  # open raised, which is told
            raise AgentFault(
                f"{method(calls.session, 'open')}: session {self.adapter.__qualname__}: open: expected it to return; "
                "found that it waits for ever"
            )
        calls.look()
        turns = "model" in calls.taken
        messages = self.adapter.stores_prompts
        if messages and "store" not in calls.taken:
            raise AgentFault(
                f"{where(self.adapter)}: session {self.adapter.__qualname__}: stores_prompts: expected an agent that "
                "is given world.store() in open; found none taken"
            )
        head = header(self.adapter.promises, turns=turns, queue=calls.snapshot is not None, messages=messages)
        seen = (tuple(calls.observed), calls.snapshot, tuple(calls.open))
        judged = _judged(*seen, head, messages=messages, conformance=self.chosen.conformance)
        outcome.findings += [ScenarioFinding(*each) for each in judged.violations if each[0] in self.kinds]
        outcome.unsure |= judged.unsure
        outcome.shown |= set(_shown(calls, head.kinds))

    def in_a_script(self) -> ScriptPart:
        """What a script needs besides that makes one of the runs."""
        return script_part(calls_of(self.scope))

    def told(self, cell: Cell, seen: ScenarioSearch) -> Cell:
        """What all runs that were seen say together."""
        return cell_of(cell, self, seen)


@lru_cache(16_384)
def _judged(
    observed: tuple[Observed, ...],
    snapshot: Held | None,
    blocked: tuple[str, ...],
    head: LogHeader,
    *,
    messages: bool,
    conformance: bool,
) -> Judgement:
    """What is wrong with a run: many runs look alike from outside, and are judged once."""
    telling = Telling(observed, snapshot, messages=messages)
    judged = judge(telling.lines, head, blocked, placed=telling.placed, conformance=conformance)
    violations = dict(judged.violations) | telling.violations
    unsure = {name: why for name, why in (telling.unsure | judged.unsure).items() if name not in violations}
    return Judgement(tuple(violations.items()), unsure)


def _shown(calls: Calls, kinds: frozenset[Any]) -> Any:
    yield from (f"kind {kind}" for kind in kinds)
    for each in calls.observed:
        if each.what == "told":
            yield "told"
            if each.others:
                yield "owner"
        elif each.what in ("queued", "wrote"):
            yield each.what
    if calls.told_by_adapter:
        yield "told by the adapter"


def _require(scope: Scope) -> None:
    """Raise :class:`UsageError` for a scope that a session cannot be given."""
    letters = [letter for letter, (name, _, _) in EXTRAS.items() if getattr(scope, name) and letter not in _LETTERS]
    letters += [letter for letter in dict.fromkeys(scope.prompts) if letter not in "Aa"]
    if letters or scope.endless:
        found = ", ".join(letters) or "one without bound"
        raise UsageError(
            f"scope {scope}: expected prompts A and a, and of the extras {', '.join(_LETTERS)} with a number, for a "
            f"session; found {found}"
        )


def methods(scope: Scope) -> list[str]:
    """The adapter's methods that a scope calls."""
    return list(dict.fromkeys(["submit", *(method for _, method in calls_of(scope))]))


known(SessionWorkload, by=lambda workload: (workload.adapter.__module__, workload.__qualname__))

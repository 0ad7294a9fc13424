"""Levels on threads: the explorer's own states and transitions, with what the player sees of each."""

from __future__ import annotations

from dataclasses import dataclass
from types import CoroutineType, FrameType
from typing import Any, Final

from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row
from everyturn.game.graph import PlayGraph, PlayMove, PlayStand
from everyturn.game.level import ShownCode, shown
from everyturn.game.phrases import done, names, to_do
from everyturn.identity.live_variables import live_at
from everyturn.verdicts.selection import selection
from everyturn.world import objects
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Context
from everyturn_impl.dispatcher import Dispatcher

MOST_STATES: Final = 20_000
"""No level has more: a page would be too large."""
_OWN_BUSINESS: Final = ("self", "call", "turn", "caller")
"""Names of variables of which nothing is said: they are the thread's own from its start."""
_PLAIN: Final = (str, int, float, tuple, Call, Context, type(None))
"""Kinds of values that a player can read."""


@dataclass(frozen=True)
class OnThreads:
    """A dispatcher in a scope; the goal is reached where ``invariant`` is violated. ``shows``: names of the shared
    objects that the player sees; ``part``: of a large dispatcher, the function that is shown."""

    dispatcher: type[Dispatcher] | type[Any] | str
    scope: str
    invariant: str
    shows: str
    part: Any = None

    legend = "A name stands where that thread will go on; underlined is the access that it makes next."

    @property
    def code(self) -> ShownCode:
        """The class that the player sees, or the part of it."""
        return shown(self.part or self.dispatcher)

    @property
    def command(self) -> str:
        """How to check it."""
        if isinstance(self.dispatcher, str):
            who = f"--revision {self.dispatcher}"
        else:
            who = f"--agent {self.dispatcher.__module__}:{self.dispatcher.__qualname__}"
        return f"everyturn check {who} --scope {self.scope} --invariant {self.invariant}"

    def explored(self) -> PlayGraph:
        """Every state of the dispatcher in the scope."""
        world = World(Scope.parse(self.scope), self.dispatcher)
        judge = selection([self.invariant]).judge(world.promises)
        return _Drawing(Reached(world, judge, max_states=MOST_STATES), self.code, tuple(self.shows.split())).graph


class _Drawing:
    """Turns the explorer's rows into what is shown of them."""

    def __init__(self, reached: Reached, code: ShownCode, shows: tuple[str, ...]) -> None:
        self.reached = reached
        self.code = code
        self.graph = PlayGraph([_called(thread.name) for thread in reached.world.threads], shows)
        self._stands: dict[int, int] = {}
        for number, row in enumerate(reached.rows):
            self._state(number, row)
        for number in reached.rests:
            _, findings, _ = reached.transitions.rest(reached.rows[number])
            if findings:
                self.graph.wins_at_rest[number] = findings[0].sentence

    def _state(self, number: int, row: Row) -> None:
        shared = self.graph.shared.number(self._values(row))
        self.graph.states.append((shared, *(self._stand(local) for local in row[FIRST_THREAD:])))
        moves = []
        for thread, choice, after, findings in self.reached.transitions.successors(row):
            operations = self.reached.transitions.operations(row, thread, choice)
            results = [result for _, result in self.reached.transitions.made(row, thread, choice)]
            told = "; ".join(filter(None, map(done, operations, results))) or "begins"
            wins = findings[0].sentence if findings else None
            moves.append(PlayMove(thread, told, self.reached.numbers[after], wins))
        self.graph.moves.append(moves)

    def _values(self, row: Row) -> tuple[str, ...]:
        values: dict[str, Any] = dict(zip(objects.COLUMNS, self.reached.transitions.values(row), strict=True))
        values.update(values["own"])
        values["contexts"] = tuple(path[-1] for path in sorted(values["contexts"]))
        return tuple(names(values[name]) for name in self.graph.objects)

    def _stand(self, local: int) -> int:
        if local not in self._stands:
            self._stands[local] = self.graph.stands.number(self._stand_of(local))
        return self._stands[local]

    def _stand_of(self, local: int) -> PlayStand:
        state = self.reached.transitions.locals[local]
        if state.operation is None:
            return PlayStand(ended="has ended")
        coroutine = self.reached.transitions.locals.suspended(local)
        assert coroutine is not None
        try:
            return stand(coroutine, self.code, to_do(state.operation))
        finally:
            coroutine.close()


def _called(thread: str) -> str:
    """A thread as the player knows it: the one Cancel of a level is a button."""
    return {"cancel1": "Cancel"}.get(thread, thread)


def stand(coroutine: Any, code: ShownCode, following: str) -> PlayStand:
    """Where a suspended coroutine stands in the code that is shown: of its frames there, the innermost."""
    inner = None
    while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
        if _within(coroutine.cr_frame, code):
            inner = coroutine.cr_frame
        coroutine = coroutine.cr_await
    if inner is None:
        return PlayStand(next=following)
    line, last_line, first, last = list(inner.f_code.co_positions())[inner.f_lasti // 2]
    number = (line or inner.f_lineno) - code.first + 1
    if line != last_line or first is None or last is None:
        return PlayStand(number, 0, 0, _variables(inner), following)
    return PlayStand(number, first - code.indented, last - code.indented, _variables(inner), following)


def _within(frame: FrameType, code: ShownCode) -> bool:
    return frame.f_code.co_filename == code.file and 0 <= frame.f_lineno - code.first < len(code.lines)


def _variables(frame: FrameType) -> tuple[tuple[str, str], ...]:
    """The variables that matter later, which the code has taken from elsewhere."""
    live = live_at(frame.f_code, frame.f_lasti)
    own = frame.f_code.co_varnames
    return tuple(
        (name, names(value))
        for name, value in frame.f_locals.items()
        if name in own and name not in _OWN_BUSINESS and isinstance(value, _PLAIN) and (live is None or name in live)
    )

"""What comes from the outside world while the loop looks for it: in each look as much as the world likes."""

from __future__ import annotations

import gc
from asyncio import events
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from everyturn.asyncio.connections.network import Network, NetworkMove
from everyturn.asyncio.order.clock import Clock
from everyturn.asyncio.order.moments import Moment
from everyturn.asyncio.order.ordering import Numbers
from everyturn.asyncio.runtime.decisions import GO_ON, Decision, Guide
from everyturn.asyncio.runtime.errors import Abandoned, AtRest
from everyturn.asyncio.runtime.outside import Answer, Move

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.loop import WorldLoop

LOOKS: Final = 32
"""After so many iterations each time it is looked whether the state was seen before, whatever the world decides."""

COLLECTED: Final = "the garbage collector takes"


class WorldMove(NamedTuple):
    """Something that can come: its name, what it does, whether it may never come as well.

    ``source``: the answer or job that it is of, or the name of a connection's; ``way``: in which the answer arrives.
    """

    name: str
    make: Callable[[], None]
    optional: bool = False
    source: Any = None
    way: int = 0


class RunProgress:
    """What of a run changes with each look at the selector, or between two.

    ``arrived``: the handles of what has arrived in this look; ``kept``: the latest times of the answers among it, which
    were in time. ``asked``, ``jobs``: how many answers were asked for, and how many functions were given to other
    threads. ``thread_moments``: how often these might have done something, before each append to the ready queue and
    each step; ``thread_moment``: which of these moments it is just now, if it is one; ``in_thread``: whether one is
    doing something. ``ran``: whether code of the program has run since the onlooker looked. ``last_lost``: the tasks
    that nobody held when that was looked for last; ``still_lost``: the same, if nothing has come since but an answer,
    of which no code of the program knows yet.
    """

    __slots__ = (
        "arrived",
        "asked",
        "in_thread",
        "iterations",
        "jobs",
        "kept",
        "last_lost",
        "ran",
        "still_lost",
        "thread_moment",
        "thread_moments",
    )

    def __init__(self) -> None:
        self.arrived: list[events.Handle] = []
        self.kept: list[Moment] = []
        self.asked = self.jobs = self.iterations = self.thread_moments = 0
        self.thread_moment: int | None = None
        self.in_thread = False
        self.ran = True
        self.last_lost: list[str] | None = None
        self.still_lost: list[str] | None = None


class Arriving:
    """What of a world the loop asks when it looks at its selector."""

    guide: Guide
    decisions: list[Decision]
    clock: Clock
    numbers: Numbers
    network: Network
    loop: WorldLoop
    answers: list[Answer]
    orphans: list[Answer]
    progress: RunProgress
    _longest: int
    _until: float | None
    _decide: Callable[[str, list[str] | tuple[str, ...]], int]
    _tell: Callable[[str, Any], None]
    _thread_moves: Callable[[], list[WorldMove]]
    between_steps: Callable[[], None]
    _falls_asleep: Callable[[], bool]
    """Whether a function on another thread has gone to sleep in this instant: it can wake up in the next one."""
    _lost: Callable[[], list[str]]
    """Names of the tasks that wait and that nobody holds."""

    def select(self, *, wait: bool) -> list[Any]:
        """The handles of the answers that have arrived; with ``wait`` nothing else is ready, so something must come."""
        self.between_steps()
        self.numbers.neighbours.step_ends()
        self.clock.tick()
        progress = self.progress
        progress.iterations += 1
        if progress.iterations > self._longest or (self._until is not None and monotonic() >= self._until):
            raise Abandoned
        progress.arrived, progress.kept, progress.still_lost = [], [], None
        self.network.reported.clear()
        if progress.iterations % LOOKS == 0:
            self.guide.look()
        while self._arrives(wait=wait):
            pass
        arrived, progress.arrived = progress.arrived, []
        return arrived

    def _arrives(self, *, wait: bool) -> bool:
        """Whether one more thing comes in this iteration; raises :class:`AtRest` if nothing can."""
        self._forget_unwanted()
        moves = self._moves()
        waits = wait and not self.progress.arrived and not self.loop._ready and not self._falls_asleep()
        timer = self.loop._scheduled[0] if waits and self.loop._scheduled else None  # type: ignore[attr-defined]
        if self._plan(moves, timer, waits=waits):
            return True
        ends = (not waits or timer is not None) and self._can_be(timer and timer._when) and not self.network.owes
        if waits and timer is None and all(move.optional for move in moves):
            if not moves or self._decide("rest", ("rests", *(move.name for move in moves))) == 0:
                raise AtRest
            moves[self.decisions[-1].taken - 1].make()
            return True
        options = ([GO_ON] if ends else []) + [move.name for move in moves]
        taken = self._decide("arrives", options) - ends
        if taken < 0:
            self._pass(timer)
            return False
        moves[taken].make()
        return True

    def _plan(self, moves: Sequence[WorldMove], timer: Any, *, waits: bool) -> bool:
        """One of these is to be chosen, or to go on; with ``waits`` something must come, if only the ``timer``. Where
        time is simulated it passes now; whether there is more to choose from after that."""
        return False

    def _moves(self) -> list[WorldMove]:
        """What can come now."""
        moves: list[WorldMove] = []
        for answer in self.answers:
            known = answer.moves
            if known is None:
                known = self._of(answer)
                answer.moves = known if answer.budget is None else None
            moves += known
        moves += [
            WorldMove(f"{each.name} happens, unwanted", partial(self._happen_late, each), True, each)
            for each in self.orphans
        ]
        if self.network.watched or self.network.connections:
            moves += [
                WorldMove(each.name, partial(self._comes, each), each.optional, each.name)
                for each in self.network.moves()
            ]
        moves += self._thread_moves()
        if lost := self._unheld():
            moves.append(WorldMove(f"{COLLECTED} {', '.join(lost)}", self._collect, optional=True))
        return moves

    def _of(self, answer: Answer) -> list[WorldMove]:
        """What can come of one answer, until that is otherwise."""
        if not answer.happened:
            return [WorldMove(f"{answer.name} happens", partial(self._happen, answer), source=answer)]
        return [
            WorldMove(f"{name}{answer.verb}", partial(self._arrive, answer, way), source=answer, way=way)
            for way, name in enumerate(answer.ways)
        ]

    def _comes(self, move: NetworkMove) -> None:
        self._tell("world", Move(move.name, "connects"))
        self.progress.arrived += move.handles()

    def _unheld(self) -> list[str]:
        """Tasks that the collector may take; not looked for where it is known that there are none."""
        foreseen = self.guide.foreseen()
        progress = self.progress
        known, progress.still_lost, progress.last_lost = progress.still_lost, None, None
        if foreseen is not None and not any(each.startswith(COLLECTED) for each in foreseen):
            return []
        progress.last_lost = lost = self._lost() if known is None else known
        return lost

    def _collect(self) -> None:
        told = f"{COLLECTED} {', '.join(self._lost())}, which nobody refers to"
        self._tell("world", Move(told, "collected"))
        gc.collect()

    def _happen(self, answer: Answer) -> None:
        self._tell("world", Move(f"{answer.name} happens", "happens", answer.number))
        self.progress.ran = True
        answer.happen()

    def _arrive(self, answer: Answer, way: int) -> None:
        told = f"{answer.ways[way]}{answer.verb}"
        self._tell("world", Move(told, answer.what, answer.number, way))
        self.answers.remove(answer)
        self.answers += answer.arrive(way)
        if answer.until is not None:
            self.progress.kept.append(answer.until)
        self.progress.arrived.append(events.Handle(answer.deliver, (way,), self.loop, None))
        self.progress.still_lost = self.progress.last_lost

    def _happen_late(self, answer: Answer) -> None:
        self.orphans.remove(answer)
        self._tell("world", Move(f"{answer.name} happens, though nobody waits for it", "happens", answer.number))
        self.progress.ran = True
        answer.happen()

    def _forget_unwanted(self) -> None:
        for answer in [each for each in self.answers if not each.wanted]:
            self.answers.remove(answer)
            if not answer.happened:
                self.orphans.append(answer)

    def _can_be(self, due: Any) -> bool:
        """Whether the present instant can be one at which ``due`` has come and no answer is later than promised."""
        return self.clock.possible(self._bounds(due))

    def _pass(self, timer: Any) -> None:
        for later, earlier, nanoseconds in self._bounds(timer and timer._when):
            self.clock.require(later, earlier, nanoseconds)

    def _bounds(self, due: Any) -> list[tuple[int, int, int]]:
        now = self.clock.now
        bounds: list[tuple[int, int, int]] = []
        if due is not None:
            moment = self.clock.moment(due)
            bounds.append((moment.instant, now, -moment.offset))
        promised = [answer.until for answer in self.answers if answer.until is not None]
        bounds += [(now, until.instant, until.offset - 1) for until in promised]
        return bounds + [(now, until.instant, until.offset) for until in self.progress.kept]

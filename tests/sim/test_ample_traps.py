"""Programs that a partial order reduction falls into if a condition is missing, and random ones that nobody thought
of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.sim.small_agents import Small

from everyturn.engines.explorer.ample import Ample, Sights, Touching
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.errors import CallerError

Found = tuple[frozenset[str], frozenset[object], int, frozenset[object], bool]
"""Violated invariants, outcomes, how many states of rest, everything that was seen, whether threads can go round."""


def found(agent: Any, scope: str, judge: Judge, reduce: str) -> Found:
    """What must be the same with and without the reduction."""
    explorer = LevelExplorer(World(Scope.parse(scope), agent), judge, reduce)
    result = explorer.run()
    assert result.complete
    rounds = explorer.round() is not None
    return frozenset(result.violations), frozenset(result.outcomes), result.rests, frozenset(explorer.events), rounds


# traps -------------------------------------------------------------------------------------------------------------


class Trap(Small):
    """Each prompt does what the method of its name does. p1, given the chance, goes first."""

    scope = "AA"
    invariants: tuple[str, ...] | None = ()
    """Who judges besides the ledger; none: the specification."""

    async def serve(self, call: Call, caller: Context) -> None:
        await getattr(self, call.prompt)(call, caller)

    async def tell(self, prompt: str, bit: bool, message: str | None = None) -> None:
        await self.ports.broker.publish(Completion(prompt, "r" + prompt[1:], message, cancelled=bit), None)

    @classmethod
    def judge(cls) -> Judge:
        invariants = select(cls.invariants) if cls.invariants else ()
        return Judge(invariants, conformance=cls.invariants is None)


class Writes(Trap):
    """p2 may look before."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.tell("p2", await self.ports.mark.get() > 0)


class Reads(Trap):
    """p2 may write before."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.tell("p1", await self.ports.mark.get() > 0)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)


class BothWrite(Trap):
    """Nobody looks; but the mark stays at rest as it was left."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(2)


class LooksLate(Trap):
    """When p1 is sent first, nobody knows yet that p2 will ever look."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def p2(self, call: Call, caller: Context) -> None:
        for _ in (1, 2, 3):
            await self.ports.queue.get()
        await self.tell("p2", await self.ports.mark.get() > 0)


class IsWoken(Trap):
    """p3 waits for the mutex, which p2 gives back; what it then looks at, p1 has set."""

    scope = "AAA"

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.ports.mutex.lock()
        await self.ports.queue.get()
        await self.ports.mutex.unlock()

    async def p3(self, call: Call, caller: Context) -> None:
        await self.ports.mutex.lock()
        seen = await self.ports.mark.get() > 0
        await self.ports.mutex.unlock()
        await self.tell("p3", seen)


class IsCancelled(Trap):
    """p1 asks whether it was cancelled, which somebody may do in between, after a while."""

    shares = ("contexts",)

    async def p1(self, call: Call, caller: Context) -> None:
        await self.tell("p1", await self.ports.contexts.done(caller))

    async def p2(self, call: Call, caller: Context) -> None:
        for _ in (1, 2, 3):
            await self.ports.queue.get()
        await self.ports.contexts.cancel(Context(("w", "p1")))


class RestsElsewhere(Trap):
    """p2 waits for ever, if it comes before p1."""

    invariants = ("no-deadlock",)

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.ports.queue.get()
        if not await self.ports.mark.get():
            await self.ports.titles.start("p2")
            await self.ports.titles.join("p2")


class GoesRound(Trap):
    """p1 lets p2 begin, and from then on never ends and concerns nobody; p2 tells somebody twice."""

    invariants = ("no-double-emit",)

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.titles.start("y")
        while True:
            await self.ports.queue.get()

    async def p2(self, call: Call, caller: Context) -> None:
        titles: Any = self.ports.titles
        await titles.end("y")
        await self.tell("p2", False)
        await self.tell("p2", False)


class GoesRoundLong(GoesRound):
    """Only the last step of the round comes back to where it was."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.titles.start("y")
        while True:
            for _ in (1, 2, 3):
                await self.ports.queue.get()


class TheLedgerSees(Trap):
    """Both tell p1: no shared data is changed, but what p1 hears first is another thing."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.queue.get()
        await self.tell("p1", False)

    async def p2(self, call: Call, caller: Context) -> None:
        await self.tell("p1", True)


class AMonitorSees(Trap):
    """p2 names a message that p1 has made, which it knows by a title, and not stored yet; all lives are the same in
    either order."""

    invariants = ("state-before-notice",)

    async def p1(self, call: Call, caller: Context) -> None:
        turn = Context(("w", "x"), "p1")
        await self.ports.active.set(turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        await self.ports.titles.start("y")
        await self.ports.store.finish_turn(turn, message, Fault("", None))

    async def p2(self, call: Call, caller: Context) -> None:
        titles: Any = self.ports.titles
        await titles.end("y")
        await self.tell("p2", False, "x#1")


class OnlyAMonitorSees(Trap):
    """A message is prepared by p1 and stored by p2, in which order nobody but the monitor knows; who is told, if it is
    stored, knows nothing."""

    invariants = ("state-before-notice",)

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.titles.start("y")
        await self.ports.store.create_assistant(None, Context(("w", "x"), "p1"), 1)
        if await self.ports.mark.get():
            await self.tell("p1", False, "x#1")

    async def p2(self, call: Call, caller: Context) -> None:
        titles: Any = self.ports.titles
        await titles.end("y")
        await self.ports.store.finish_turn(Context(("w", "x"), "p1"), "x#1", Fault("", None))
        await self.ports.mark.set(1)
        await titles.start("z")
        await titles.join("z")


class TheSpecificationSees(Trap):
    """A prompt is refused, which is right only after a shutdown has begun: no life and no shared data tell which came
    first."""

    scope = "A+x"
    invariants = None

    async def submit(self, call: Call) -> Call:
        await self.ports.queue.get()
        raise CallerError

    async def shut_down(self, workspace: Context) -> None:
        await self.ports.closing.set()


class AMonitorLooksAtALife(Trap):
    """The monitor sees only that p2 is told, but then it looks at how p1's turn has ended."""

    invariants = ("true-outcome",)

    async def p1(self, call: Call, caller: Context) -> None:
        turn = Context(("w", "x"), "p1")
        await self.ports.active.set(turn)
        await self.ports.store.create_assistant(None, turn, 1)
        await self.ports.model.end(await self.ports.model.start(turn, "p1", 1))

    async def p2(self, call: Call, caller: Context) -> None:
        await self.tell("p2", False, "x#1")


class ATurnHasAnOwner(Trap):
    """p1's events name a turn, and nobody's but p2's life: whose turn it is, is known only later."""

    async def p1(self, call: Call, caller: Context) -> None:
        await self.ports.model.end(await self.ports.model.start(Context(("w", "x"), "p2"), "p2", 1))

    async def p2(self, call: Call, caller: Context) -> None:
        for _ in (1, 2, 3):
            await self.ports.queue.get()
        await self.ports.active.set(Context(("w", "x"), "p2"))


TRAPS = [*Trap.__subclasses__(), GoesRoundLong]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
def test_no_trap_is_fallen_into(trap: type[Trap]) -> None:
    """What is only found where the first does not go first is found."""
    whole = found(trap, trap.scope, trap.judge(), "none")
    assert found(trap, trap.scope, trap.judge(), "ample") == whole


class Off(NamedTuple):
    """A condition that is switched off, and the trap that needs it."""

    trap: type[Trap]
    switch: Callable[[pytest.MonkeyPatch], None]


def no_c1(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ample, "_alone", lambda self, locals_: [np.ones(len(each), np.bool_) for each in locals_])


def no_future(patch: pytest.MonkeyPatch) -> None:
    close = Touching._close

    def only_next(self: Touching, *arguments: Any) -> None:
        close(self, *arguments)
        self.ever = self.next.copy()

    patch.setattr(Touching, "_close", only_next)


def no_c3(patch: pytest.MonkeyPatch) -> None:
    close = Touching._close

    def straight(self: Touching, *arguments: Any) -> None:
        close(self, *arguments)
        self.returns[:] = False

    patch.setattr(Touching, "_close", straight)


def no_numbers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ample, "arrived", lambda self, *_: None)


def no_recheck(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ample, "too_few", lambda self, *_: np.zeros(0, np.int64))


def no_second_recheck(patch: pytest.MonkeyPatch) -> None:
    """Each choice is checked once, by what is known at the end of its level."""
    learn = Ample._learn

    def forget(self: Ample) -> None:
        checked = self._checked
        learn(self)
        self._checked = checked

    patch.setattr(Ample, "_learn", forget)


def masked(kept: Callable[[int, int, Sights], tuple[int, int]]) -> Callable[[pytest.MonkeyPatch], None]:
    def switch(patch: pytest.MonkeyPatch) -> None:
        of = Sights.of
        patch.setattr(Sights, "of", lambda self, number: kept(*of(self, number), self))

    return switch


def no_owners(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sights, "meet", lambda self: False)


def no_news_of_owners(patch: pytest.MonkeyPatch) -> None:
    learn = Touching.learn
    patch.setattr(Touching, "learn", lambda self, *, anew: learn(self, anew=False))


def sided(own: int, others: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Only one column of each side's (read, written) is looked at."""

    def switch(patch: pytest.MonkeyPatch) -> None:
        def alone(self: Ample, locals_: list[Any]) -> Iterator[Any]:
            for thread, touching in enumerate(self._touching):
                theirs = np.zeros(len(locals_[0]), np.uint64)
                for other, its in enumerate(self._touching):
                    if other != thread:
                        theirs |= its.ever[locals_[other]][:, others]
                yield (touching.next[locals_[thread]][:, own] & theirs) == 0

        patch.setattr(Ample, "_alone", alone)

    return switch


OFF = {
    "C1": Off(Writes, no_c1),
    "what others do later": Off(IsWoken, no_future),
    "C3": Off(GoesRound, no_c3),
    "C3, in a long round": Off(GoesRoundLong, no_c3),
    "C3, where successors are": Off(GoesRoundLong, no_numbers),
    "checking again": Off(LooksLate, no_recheck),
    "checking again, of a cancel": Off(IsCancelled, no_recheck),
    "checking again, of rest": Off(RestsElsewhere, no_recheck),
    "checking again and again": Off(LooksLate, no_second_recheck),
    "reads of who goes first": Off(Reads, sided(1, 0)),
    "writes of who goes first": Off(Writes, sided(0, 1)),
    "writes of both": Off(BothWrite, no_c1),
    "C2": Off(TheLedgerSees, masked(lambda read, written, _: (0, 0))),
    "C2, lives": Off(
        TheLedgerSees, masked(lambda read, written, sights: (read & ~sights.lives, written & ~sights.lives))
    ),
    "C2, monitors": Off(
        AMonitorSees, masked(lambda read, written, sights: (written & sights.lives, written & sights.lives))
    ),
    "C2, which monitor": Off(
        OnlyAMonitorSees, masked(lambda read, written, sights: (read & sights.lives, written & sights.lives))
    ),
    "C2, belief": Off(
        TheSpecificationSees, masked(lambda read, written, sights: (read & sights.lives, written & sights.lives))
    ),
    "C2, lives that monitors read": Off(AMonitorLooksAtALife, masked(lambda read, written, _: (written, written))),
    "C2, owners of turns": Off(ATurnHasAnOwner, no_owners),
    "C2, owners known late": Off(ATurnHasAnOwner, no_news_of_owners),
}


@pytest.mark.parametrize("off", OFF.values(), ids=list(OFF))
def test_every_condition_is_needed(off: Off, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, something is missed."""
    whole = found(off.trap, off.trap.scope, off.trap.judge(), "none")
    off.switch(monkeypatch)
    assert found(off.trap, off.trap.scope, off.trap.judge(), "ample") != whole

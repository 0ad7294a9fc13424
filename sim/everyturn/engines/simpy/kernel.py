"""The SimPy engine: an environment in which a strategy decides who goes on.

Each thread of a world is a SimPy process that resumes the real coroutine. An access to shared data is an event: it is
triggered when the strategy lets its thread go on, and its value is the operation's result. SimPy's own heap holds only
what happens at a time (process starts and ends), so that choosing costs the same however many threads wait. What an
operation does to the shared data, and what is seen of it, is looked up in
:mod:`everyturn.engines.coroutines.histories`; of the project's own revisions also where a thread gets to, so that its
coroutine is resumed only where no run was before.
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Generator
from typing import Any, Final

import simpy
from simpy.core import EmptySchedule
from simpy.events import Event as SimPyEvent

from everyturn.engines.coroutines.histories import Histories, HistoryNode, OperationOutcome
from everyturn.engines.coroutines.log import EffectLog
from everyturn.engines.explorer.paths import Path
from everyturn.errors import EndlessRun, ReplayError, UsageError
from everyturn.runs.run import Run
from everyturn.source_location import suspended_at
from everyturn.strategies.replay import Replay
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts import hints
from everyturn.world import overrun
from everyturn.world.access import Footprint
from everyturn.world.operations import Operation
from everyturn.world.world import World

LONGEST: Final = 20_000
"""Steps after which a run is taken to be endless."""
MOST: Final = 2 * LONGEST
"""Accesses after which it is."""
CHECK_EVERY: Final = 1 << 5
"""How many steps are made before it is asked again whether time is up."""


class AccessEvent(SimPyEvent):
    """A thread's wish to make one access to shared data; its value will be the result.

    It is what a strategy sees: :class:`everyturn.world.access.Access`.
    """

    def __init__(self, env: Kernel, node: HistoryNode) -> None:
        self.env = env
        self.callbacks = []
        self.node = node
        self.thread = node.thread
        self.waits = node.waits
        self.place = -1
        env.waiting.append(self)

    @property
    def name(self) -> str:
        """The operation."""
        return str(self.node.operation)

    @property
    def footprint(self) -> Footprint:
        """What it may touch, and once it was made, what its thread touched until its next scheduling point."""
        if self.place < 0:
            return self.node.footprint
        assert isinstance(self.env, Kernel)
        effects = self.env.record.log.effects
        whole: Footprint = effects[self.place].footprint
        for effect in effects[self.place + 1 :]:
            if effect.node.point:
                break
            whole |= effect.footprint
        return whole


class Kernel(simpy.Environment):
    """One run of one world under one strategy; ``cut``: after so many steps it is left as it is, not at rest."""

    def __init__(self, world: World, strategy: Strategy, cut: int | None = None) -> None:
        super().__init__()
        self.world = world
        self.strategy = strategy
        self.cut = cut
        self.histories: Histories = world.tables.get(Histories) or Histories(world)
        world.tables[Histories] = self.histories
        self.histories.trim()
        self.row = list(self.histories.initial)
        self.waiting: list[AccessEvent] = []
        self.record = Run(world.revision, self.histories.scope, world.granularity, EffectLog(self.histories))
        self._log = self.record.log
        self._started = False
        self._made: OperationOutcome | None = None
        self._before: list[int] = []
        for thread in range(len(world.threads)):
            self.process(self._live(thread))

    def simulate(self) -> Run:
        """Run until nothing can move any more; the record of the run, rest included."""
        self.run()
        if self.cut is not None and len(self._log.times) >= self.cut and self._enabled():
            return self.record
        still = sorted(self.waiting, key=lambda access: access.thread)
        self._log.at_rest = self.histories.rest(self.row, [access.node for access in still])
        self.strategy.end(self.waiting)
        return self.record

    def step(self) -> None:
        """Process the next event; if none is due, let the strategy decide which access is made."""
        if self._queue:
            super().step()
        else:
            self._decide()

    # threads -----------------------------------------------------------------------------------------------------

    def _live(self, thread: int) -> Generator[AccessEvent, Any, None]:
        """A thread as a SimPy process."""
        histories = self.histories
        coroutine = self.world.start(thread) if histories.resumes else None
        passed: list[OperationOutcome | None] = []
        effect: OperationOutcome | None = None
        while True:
            node = histories.known(thread, effect) if coroutine is None else None
            if node is None:
                coroutine = coroutine or self._begun_anew(thread, passed)
                node = self._resumed(thread, effect, coroutine)
            passed.append(effect)
            if effect is not None and effect.watched:
                seen = histories.watch(effect, self._before, self.row)
                self._log.watched[len(self._log.effects) - 1] = seen
            if node.operation is None:
                return
            if node.point or not self._started:
                yield AccessEvent(self, node)
                effect = self._made
            else:
                effect = self._perform(node)

    def _begun_anew(self, thread: int, passed: list[OperationOutcome | None]) -> Coroutine[Operation, Any, str]:
        """The coroutine of a thread that has come this far without one."""
        coroutine = self.world.start(thread)
        for effect in passed:
            result = None if effect is None else effect.result
            self.world.resume(coroutine, result, begun=self.histories.begun(effect))
        return coroutine

    def _resumed(
        self, thread: int, effect: OperationOutcome | None, coroutine: Coroutine[Operation, Any, str]
    ) -> HistoryNode:
        """Where a thread gets to by ``effect``; where no run was before, it may change nothing but local variables."""
        begun = self.histories.begun(effect)
        result = None if effect is None else effect.result
        checked = self.histories.is_checked(thread, effect)
        memory = self.histories.memory
        stood = _place(coroutine) if checked else None
        if checked:
            memory.begin()
        self.world.gate.notes.clear()
        operation: Operation | None = None
        word = ""
        try:
            operation = self.world.resume(coroutine, result, begun=begun)
        except StopIteration as end:
            word = end.value
        finally:
            if checked:
                memory.check(stood)
        return self._arrive(thread, effect, operation, word)

    def _arrive(
        self, thread: int, effect: OperationOutcome | None, operation: Operation | None, word: str
    ) -> HistoryNode:
        """The node that a thread has reached by ``effect``: what is seen of the effect is complete now."""
        notes = self.world.gate.notes
        node = self.histories.root(thread, operation, word, notes) if effect is None else effect.after
        if node is None:
            assert effect is not None
            node = self.histories.arrive(effect, operation, word, notes)
        elif node.operation != operation or node.word != word:
            raise ReplayError(
                f"thread {node.name} went on with {operation or word} after the same results after which it went on "
                f"with {node.operation or node.word} in an earlier run: the agent is not deterministic"
            )
        return node

    # decisions ---------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Let one thread go on: the access is made, and the thread runs to its next one."""
        if not self._started and self._start():
            return
        log = self._log
        made = len(log.times)
        enabled = self._enabled()
        if not enabled or made == self.cut:
            raise EmptySchedule
        if not made % CHECK_EVERY:
            overrun.check(0)
        if made >= LONGEST or len(log.effects) >= MOST:
            raise self._endless(made)
        place = self.strategy.pick(enabled)
        access = enabled[place]
        among = len(enabled)
        if among > 1:
            self.record.decisions.append(place)
        log.times.append(self._now)
        log.enabled.append(among)
        access.place = len(log.effects)
        self._grant(access)

    def _endless(self, made: int) -> EndlessRun:
        where = self.waiting[0]
        asks = hints.of_world("liveness", self.world.revision, str(self.world.scope), self.world.granularity)
        return EndlessRun(
            f"after {made:,} steps thread {where.node.name} is at {where.name}, and the run goes on: expected runs "
            f"that end; if they need not, ask {asks}"
        )

    def _enabled(self) -> list[AccessEvent]:
        effects, row = self.histories.effects, self.row
        return [access for access in self.waiting if not access.waits or effects(access.node, row)]

    def _start(self) -> bool:
        """Before the first decision: let a thread look at what nobody else changes, and whether there was one.

        Nothing can be seen of such a look: where more than that begins, a thread waits for its turn
        (:meth:`World.stops`).
        """
        for access in self.waiting:
            if not access.node.point:
                self._grant(access)
                self._log.effects.clear()
                return True
        self._started = True
        return False

    def _grant(self, access: AccessEvent) -> None:
        """Make an access. Its event is processed at once: nothing else is due now, as the heap is empty."""
        self.waiting.remove(access)
        self._made = self._perform(access.node)
        access._ok = True
        access._value = self._made.result
        callbacks, access.callbacks = access.callbacks, None  # type: ignore[assignment]
        for callback in callbacks:
            callback(access)

    def _perform(self, node: HistoryNode) -> OperationOutcome:
        """Do an operation, with the outcome that the strategy chooses."""
        row = self.row
        effects = node.effects.get(node.key(row)) or self.histories.effects(node, row)
        effect = effects[0]
        if len(effects) > 1:
            choice = self.strategy.choose_named(str(node.operation), [each.label for each in effects])
            self.record.decisions.append(choice)
            effect = effects[choice]
        if node.opens:
            self._before = row.copy()
        for column, number in effect.changes:
            row[column] = number
        self._log.effects.append(effect)
        return effect


def _place(coroutine: Coroutine[Operation, Any, str]) -> object:
    """Where a thread stands, in words or as a place."""
    begun = inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    return suspended_at(coroutine) if begun else "the start of a thread"


def simulate_or_cut(world: World, strategy: Strategy, steps: int) -> Run:
    """One run, or its first ``steps`` steps if it is endless."""
    try:
        return simulate(world, strategy, 0)
    except EndlessRun:
        strategy.begin(0)
        return Kernel(world, strategy, steps).simulate()


def simulate_path(world: World, turns: tuple[tuple[int, int], ...], path: Path) -> Run:
    """The run of a path with these deviations through SimPy, as far as the path goes."""
    strategy = Replay(turns)
    strategy.begin(0)
    return Kernel(world, strategy, len(path.steps) if path.cut else None).simulate()


def simulate(world: World, strategy: Strategy, run: int | None = None) -> Run:
    """One run of ``world`` through SimPy under ``strategy``: its run number ``run``.

    Raises :class:`UsageError` if no number is given to a strategy whose runs differ: it would be run 0 each time.
    """
    if run is None and not strategy.single:
        raise UsageError(
            f"simulate: expected the number of the run, since those of {type(strategy).__qualname__} differ; found "
            f"none: "
            "say run=0 for the first"
        )
    strategy.begin(run or 0)
    return Kernel(world, strategy).simulate()

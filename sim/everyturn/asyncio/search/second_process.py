"""A process that is forked from a search, and makes the runs that it is asked for."""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.order.sequences import NOW, SaidOfSets
from everyturn.asyncio.runtime.changed_files import CHANGED
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.findings import ScenarioFinding
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.depth_first import (
    LOOKS,
    MERGEABLE,
    DepthFirstGuide,
    Merging,
    Offer,
    SeenState,
    SeenStep,
    Way,
    hash_of,
    leave,
)
from everyturn.asyncio.search.packing import StatePacking
from everyturn.asyncio.states.process_names import NAMES
from everyturn.asyncio.states.state import UnknownValue
from everyturn.world import overrun

_LENGTH: Final = struct.Struct("<Q")
_fork: Final[Callable[[], int] | None] = getattr(os, "fork", None)
"""These are taken before a program runs, whose own calls of them are refused."""
_read, _write, _close, _pipe, _exit, _kill = os.read, os.write, os.close, os.pipe, os._exit, os.kill
_select: Final = select.select

Key = Callable[[ScenarioWorld], Sequence[Hashable]]


class AheadRun(NamedTuple):
    """One run beyond its way. ``said``: what :data:`~everyturn.asyncio.order.sequences.NOW` knew then; all else but
    ``steps`` is as in :class:`~everyturn.asyncio.runtime.running.ScenarioOutcome`."""

    steps: list[SeenStep]
    complete: bool
    merged: bool
    findings: list[ScenarioFinding]
    iterations: int
    neighbours: frozenset[tuple[str, str]]
    unsure: dict[str, str]
    shown: frozenset[str]
    trusted: frozenset[str]
    said: SaidOfSets


class SecondProcess:
    """The other process, from the side of the search."""

    def __init__(self, child: int, reads: int, writes: int) -> None:
        self._child, self._reads, self._writes = child, reads, writes
        self._asked: list[Way] = []
        """What was asked for and has not come, in its order."""
        self.over = False
        """Whether it makes no more runs."""

    @property
    def is_busy(self) -> bool:
        """Whether something that was asked for has not come."""
        return bool(self._asked)

    def makes(self, way: Way) -> bool:
        """Whether it makes this run now."""
        return self._asked[:1] == [way]

    def has_sent(self) -> bool:
        """Whether a run can be received at once."""
        return self.is_busy and not self.over and bool(_select([self._reads], [], [], 0)[0])

    def ask(self, met: Sequence[int], wanted: Sequence[tuple[Way, list[Offer]]]) -> None:
        """Let it make these runs; ``met``: hashes of states that it does not know the search has met. Only where it is
        not busy."""
        self._asked = [way for way, _ in wanted]
        try:
            _put(self._writes, (met, wanted))
        except OSError:
            self.over = True

    def receive(self) -> tuple[Way, AheadRun | None, list[Hashable]] | None:
        """The next run that was asked for, for which it waits, and elements of states that are new; nothing if the
        process has ended. Raises what :func:`~everyturn.world.overrun.check` raises while it waits."""
        while not _select([self._reads], [], [], overrun.TICK_SECONDS)[0]:
            overrun.check()
        received = _taken(self._reads)
        if received is None:
            self.over = True
            return None
        return self._asked.pop(0), *received

    def end(self) -> None:
        """End the process."""
        self.over = True
        _close(self._reads)
        _close(self._writes)
        with suppress(OSError):
            _kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)


def begin(scenario: Scenario, setting: Setting, guide: Merging) -> SecondProcess | None:
    """A second process, which knows what ``guide`` has met; none where processes cannot be forked, or while threads run
    beside this one."""
    if _fork is None or not _is_alone():
        return None
    (reads, tells), (hears, writes) = _pipe(), _pipe()
    threads = dict(vars(threading))
    child = _fork()
    if child == 0:
        _close(reads)
        _close(writes)
        try:
            vars(threading).update(threads)  # whose locks are new ones in a process that was forked
            _serve(scenario, setting._replace(until=None), guide, hears, tells)
        finally:
            _exit(0)
    _close(tells)
    _close(hears)
    return SecondProcess(child, reads, writes)


def _is_alone() -> bool:
    """Whether no thread runs beside this one, which would be gone in a process that is forked."""
    return threading.active_count() == 1


def _serve(scenario: Scenario, setting: Setting, guide: Merging, hears: int, tells: int) -> None:
    """In the second process: make what is asked for, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    CHANGED.forbids = partial(_exit, 0)
    overrun.watch_again()
    known, named = set(guide.met or ()), NAMES.given
    FIRST.was_unknown()
    packing = StatePacking()
    sent = 0
    while (message := _taken(hears)) is not None:
        met, wanted = message
        known.update(met)
        for way, offered in wanted:
            made = _made(scenario, setting, _Recording(way, offered, known, guide.key, packing))
            if NAMES.given != named or FIRST.was_unknown():
                return
            elements = packing.elements(sent)
            sent += len(elements)
            _put(tells, (made, elements))


def _made(scenario: Scenario, setting: Setting, guide: _Recording) -> AheadRun | None:
    """A run; none if there is anything about it that the search has to see itself."""
    try:
        outcome = run(scenario, guide, setting)
    except Exception:  # noqa: BLE001 # whatever it is, it is raised again where the run is made again
        return None
    if NOW.lacks(outcome.unordered, outcome.alone) or not (outcome.complete or outcome.merged) or outcome.two_times:
        return None
    return AheadRun(
        guide.steps,
        outcome.complete,
        outcome.merged,
        outcome.findings,
        outcome.iterations,
        outcome.neighbours,
        outcome.unsure,
        outcome.shown,
        outcome.trusted,
        NOW.said(),
    )


class _Recording(DepthFirstGuide):
    """Goes a way, then takes the first option, and notes what the search would have seen; leaves the run where it comes
    to a state whose hash is one of those ``known``, to which it adds."""

    def __init__(self, way: Way, offered: list[Offer], known: set[int], key: Key, packing: StatePacking) -> None:
        super().__init__()
        self.taken, self.offered = list(way), list(offered)
        self.steps: list[SeenStep] = []
        self._known, self._key, self._packing = known, key, packing
        self._world: Callable[[], ScenarioWorld | None] = lambda: None

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning, in a new world."""
        super().begin(world)
        self._world = ref(world)

    def look(self) -> None:
        """As :meth:`~everyturn.asyncio.search.depth_first.Merging.look`."""
        if self.made >= len(self.taken):
            self._note(LOOKS, ())

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """As :meth:`~everyturn.asyncio.search.depth_first.Merging.choose`."""
        if self.made >= len(self.taken):
            self._note(kind, tuple(options))
        return super().choose(kind, options)

    def _note(self, kind: str, options: tuple[str, ...]) -> None:
        if kind not in (*MERGEABLE, LOOKS):
            self.steps.append(SeenStep(kind, options, None))
            return
        world = self._world()
        assert world is not None
        done = world.main.done()
        try:
            state = self._key(world)
        except UnknownValue as opaque:
            self.steps.append(SeenStep(kind, options, SeenState(str(opaque), done)))
            return
        hashed = hash_of(kind, options, state)
        leaves = hashed in self._known
        self.steps.append(SeenStep(kind, options, SeenState(self._packing(kind, options, state), done), leaves))
        self._known.add(hashed)
        if leaves:
            leave(world)
            raise Abandoned(merged=True)


def _put(descriptor: int, message: Any) -> None:
    """Send one message. Raises :class:`OSError` if nobody reads any more."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    left = memoryview(_LENGTH.pack(len(data)) + data)
    while left:
        left = left[_write(descriptor, left) :]


def _taken(descriptor: int) -> Any:
    """The next message, for which it waits; none if nobody sends any more. It comes from a process that was forked from
    this one, or that this one was forked from."""
    length = _bytes(descriptor, _LENGTH.size)
    data = None if length is None else _bytes(descriptor, *_LENGTH.unpack(length))
    return None if data is None else pickle.loads(data)  # noqa: S301


def _bytes(descriptor: int, number: int) -> bytes | None:
    parts: list[bytes] = []
    while number:
        part = _read(descriptor, number)
        if not part:
            return None
        parts.append(part)
        number -= len(part)
    return b"".join(parts)

"""The counter-check: no proof before some of it was made again without what it rests on.

A proof rests on tables: on local states that stand for many histories, on numbers that stand for values, on steps that
were judged once. So states that were taken for known ones are reached again, each by a history that was not the first,
and followed to rest; random schedules are run beside them; and local states of single threads are followed by two
of their histories (:mod:`everyturn.checking.countercheck.merges`). All this by coroutines, in worlds that nothing else
has used, step by step against what the tables say.

How much is done depends on the number of states and on their depth only; time is a limit beyond which the rest is left
out, which is then said.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import isqrt
from random import Random
from typing import Final, NamedTuple

from everyturn.checking.countercheck.comparing import Claims, Parted, operations, parted
from everyturn.checking.countercheck.merges import Merges
from everyturn.checking.countercheck.walks import AnotherWay, Walk, WalkTables, Way
from everyturn.engines.coroutines.local_states import Locals
from everyturn.engines.explorer.garbage import uncollected
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.errors import Disagreement
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import CounterCheck
from everyturn.world.world import World

_BATCH: Final = 256
"""So many runs are read off the tables at once."""
_SHARE: Final = 0.1
_LEAST: Final = 0.5
FEWEST: Final = 2
"""So many merges, merged states and schedules are compared whatever the time: a proof without any would be none."""


class Workload(NamedTuple):
    """How much is to be done: runs of either kind, each with so many steps at random at most; merges of local states,
    and continuations of each of them."""

    runs: int
    merges: int
    longest: int
    continuations: int = 1


def enough(states: int, depth: int) -> Workload:
    """The work for a proof of so many states, the last of them so many steps from the start."""
    steps = 300 + 3 * isqrt(states)
    return Workload(min(50, max(4, steps // (2 * depth + 1))), 12 + isqrt(states) // 8, 20 + 2 * depth)


THOROUGH: Final = Workload(100, 1_000_000, 400, 12)
"""The work of an audit."""


def counter_check(
    world: World,
    judge: Judge,
    tables: WalkTables,
    locals_: Locals | None,
    work: Workload,
    *,
    proved: Collection[str] = (),
    outcomes: Collection[object] | None = None,
    seconds: float | None = None,
) -> CounterCheck:
    """Do ``work`` against what ``tables`` say of ``world``. Raises :class:`~everyturn.errors.Disagreement`.

    ``locals_``: local states that stand for several histories, if there are any. ``proved``: the invariants that no run
    may violate. ``outcomes``: how runs can end, if that is known. ``seconds``: those of the exploration, of which it
    may take a tenth, or half a second if that is more; none: no limit.
    """
    limit = None if seconds is None else max(_LEAST, _SHARE * seconds)
    checking = _Checking(world, tables, Claims(JudgeTable(judge), frozenset(proved), outcomes), work.longest, limit)
    with uncollected():
        if locals_ is not None:
            checking.follow_merges(locals_, work)
        checking.run(work.runs)
    return checking.done()


class _Checking:
    """A counter-check that is under way."""

    def __init__(
        self,
        world: World,
        tables: WalkTables,
        claims: Claims,
        longest: int,
        limit: float | None,
    ) -> None:
        self._done = CounterCheck()
        self._start, self._worked = time.monotonic(), time.process_time()
        self._limit = limit
        self._longest = longest
        self._world = world
        self._claims = claims
        self._tables = tables

    def done(self) -> CounterCheck:
        """How much was done."""
        self._done.seconds = round(time.monotonic() - self._start, 3)
        return self._done

    def follow_merges(self, locals_: Locals, work: Workload) -> None:
        """Follow local states by two of their histories."""
        merges = Merges(locals_, self._fresh)
        for merge in _spread(len(merges), work.merges):
            if self._done.merges >= FEWEST and self._is_late():
                break
            merges.follow(merge, work.continuations)
            self._done.merges += 1
        self._done.resumptions = merges.compared

    def run(self, most: int) -> None:
        """Reach states again that were known, by another of their histories, and follow them to rest; and run random
        schedules."""
        again: list[AnotherWay | None] = [*self._tables.merged(most, self._random("merged"))]
        schedules: list[AnotherWay | None] = [None] * most
        runs = [*again[:FEWEST], *schedules[:FEWEST], *again[FEWEST:], *schedules[FEWEST:]]
        least = min(len(again), FEWEST) + FEWEST
        ways = [each.way if each else () for each in runs]
        for each, (walk, found) in zip(runs, self._parted(ways, least), strict=False):
            self._done.merged += each is not None
            self._done.schedules += each is None
            if found is not None:
                raise self._apart(walk, found, each)

    def _parted(self, ways: Sequence[Way], least: int) -> Iterator[tuple[Walk, Parted | None]]:
        """The runs that follow these ways and go on at random, ``least`` of them and as long as there is time; and
        where they leave the tables."""
        for first, end in ((0, least), *((each, each + _BATCH) for each in range(least, len(ways), _BATCH))):
            if first >= least and self._is_late():
                return
            batch = ways[first:end]
            randoms = [self._random(f"run {first + number}") for number in range(len(batch))]
            for walk in self._tables.walk(batch, randoms, self._longest):
                if first >= least and self._is_late():
                    return
                yield walk, parted(walk, self._fresh(), self._claims)

    def _apart(self, walk: Walk, found: Parted, again: AnotherWay | None) -> Disagreement:
        """What to say of a run that leaves the tables."""
        where = f"step {found.steps} of {len(walk.steps)}: {found.sentence}"
        ran = f"run: {_listed(found.done)}"
        if again is None:
            return Disagreement.between("a run of the real coroutines is not what the tables say", (ran,), where)
        (first,) = self._tables.walk([self._tables.way(again.state)], [self._random("first")], 0)
        return Disagreement.between(
            "two histories were taken for one state, and what follows on the other is not what follows on the first",
            (
                f"the first history: {_listed(operations(first.steps, self._world))}",
                f"the other history: {_listed(operations(walk.steps[: len(again.way)], self._world))}",
                ran,
            ),
            where,
        )

    def _fresh(self) -> World:
        """The same world, which nothing has used."""
        return World(self._world.scope, self._world.asked, self._world.granularity)

    def _random(self, what: str) -> Random:
        return Random(f"counter-check: {what}")

    def _is_late(self) -> bool:
        """Whether it has taken as long as it may, by the processor's time: what others do on this machine changes
        nothing."""
        if self._limit is not None and time.process_time() - self._worked > self._limit:
            self._done.stopped = f"{self._limit:.1f} seconds"
        return self._done.stopped is not None


def _spread(length: int, most: int) -> Iterator[int]:
    """At most so many places among so many, evenly spread."""
    return (place * length // min(length, most) for place in range(min(length, most)))


def _listed(lines: Iterable[str]) -> str:
    return ", ".join(lines) or "none"

"""What some strategies need to know of a program before they can sample it: how many steps each thread makes, and
where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Access

RUNS: Final = 20
"""How many random runs are counted."""


class Profile(NamedTuple):
    """Steps that each thread makes in a run, on average, and the most steps that were seen of a run as a whole.

    ``contended``: of each location that two threads or more touch, and one may write, its bit, and how many of its
    steps each thread makes there, on average.
    """

    threads: tuple[float, ...]
    steps: int
    contended: tuple[tuple[int, tuple[float, ...]], ...] = ()


class _Counting(RandomWalk):
    """A random walk whose steps are counted, by thread, and by thread and location."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.counts: Counter[int] = Counter()
        self.touches: Counter[tuple[int, int]] = Counter()
        self.written = 0

    def pick(self, enabled: Sequence[Access]) -> int:
        place = super().pick(enabled)
        thread, (touched, written) = enabled[place].thread, enabled[place].footprint
        self.counts[thread] += 1
        self.touches.update((location, thread) for location in _bits(touched))
        self.written |= written
        return place


def profile(run: Callable[[Strategy, int], object], seed: int) -> Profile:
    """Count the steps of :data:`RUNS` random runs that ``run`` makes; ``seed`` decides them."""
    walk = _Counting(seed)
    most = 1
    for number in range(RUNS):
        before = walk.counts.total()
        run(walk, number)
        most = max(most, walk.counts.total() - before)
    threads = range(max(walk.counts, default=-1) + 1)
    contended = []
    for location in _bits(walk.written):
        often = tuple(walk.touches[location, thread] / RUNS for thread in threads)
        if sum(map(bool, often)) > 1:
            contended.append((location, often))
    return Profile(tuple(walk.counts[thread] / RUNS for thread in threads), most, tuple(contended))


def _bits(number: int) -> Iterable[int]:
    """The bits of a number, each as a number, the lowest first."""
    while number:
        yield number & -number
        number &= number - 1

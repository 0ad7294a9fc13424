"""Time that is not fixed: instants known only by their order, and by what the program has found out about them.

Running and waiting take any time. So the clock of a run is a sequence of *instants*, one for each iteration of the
loop, of which nothing is known at first but that they do not decrease. A number read from the clock knows its instant;
sums with constants stay what they are, and a comparison is decided by the world in every way that is consistent with
what was decided before. Consistency is that of difference bounds, kept closed under shortest paths: Dill, Timing
Assumptions and Verification of Finite-State Concurrent Systems (1989), section 3. Bounds are kept between instants of
which some moment is still there: as they are closed, those between fewer instants are exact. Units: whole nanoseconds
inside, seconds outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from everyturn.asyncio.order.moments import START, Moment, in_nanoseconds

_ROOM: Final = 16
"""So many instants that were compared are kept before it is looked which of them can still matter."""

Choose = Callable[[str, Sequence[str]], int]


class Clock:
    """The instants of one run, and the bounds between those that were compared.

    ``choose`` decides a comparison that is open: it is given a kind and two words, and returns 0 or 1.
    """

    def __init__(self, choose: Choose) -> None:
        self.now = 0
        self.fine: bool | None = None
        self.looks = 0
        self.reckoned = False
        """Whether the program has reckoned with a time as a plain number, which was the earliest that it can be."""
        self._taken: dict[int, float] = {}
        """Instant → when it was, in seconds, as such a number."""
        self.told: list[float] = []
        """For each instant, in seconds, what is shown of it; of those that follow the earliest that they can be."""
        self.actual: list[int] | None = None
        """Where time is simulated: for each instant how long it is since the first one, in nanoseconds."""
        self.holds = True
        """Whether what was compared last holds by the actual instants."""
        self.over = False
        """Whether its run is over: what a program has kept of its times is compared as numbers."""
        self._least = [0]
        """For each instant how long it is at least since the first one, in nanoseconds."""
        self._choose = choose
        self._known: list[int] = [0]
        self._most: dict[tuple[int, int], int] = {}
        """(i, j) → the most that instant i can be after instant j, closed under shortest paths; absent: any number."""
        self._decided: list[tuple[int, int, int]] = []
        """All that was decided: (i, j, the most that instant i is after instant j)."""
        self._held: dict[int, int] = {}
        """Instant → how many moments there are of it."""
        self._room = _ROOM

    def tick(self) -> None:
        """A new instant, not before the last one, nor before the last look at the clock."""
        self.now += 1
        moved = max(self.looks - 1, 0) if self.fine else 0
        self._least.append(self._least[-1] + moved)
        if self.actual is not None:
            self.actual.append(self.actual[-1] + moved)
        self.looks = 0
        if len(self._known) > self._room:
            self._forget()

    def keeps(self, instant: int) -> None:
        """There is one more moment of ``instant``."""
        self._held[instant] = self._held.get(instant, 0) + 1

    def releases(self, instant: int) -> None:
        """There is one less."""
        left = self._held[instant] = self._held[instant] - 1
        if not left:
            del self._held[instant]

    def _forget(self) -> None:
        """Keep no bounds of instants that nobody can ask for again: of the last one come those that are still to
        be."""
        for each in list(self._held):
            self._meet(each)
        kept = {0, max(self._known), *self._held}
        self._known = [each for each in self._known if each in kept]
        self._most = {pair: most for pair, most in self._most.items() if kept.issuperset(pair)}
        self._room = 2 * len(self._known) + _ROOM

    def present(self) -> Moment:
        """The present instant itself: what the loop compares deadlines with."""
        return Moment(self, self.now, 0)

    def read(self) -> Moment:
        """The present instant, and a nanosecond for each look at the clock since: if it is fine enough to move on."""
        return Moment(self, self.now, self.moved())

    def moved(self) -> int:
        """How far the clock has moved on within this instant: a nanosecond for each look, or nothing if it is coarse.

        Two timers that are set in one step with one delay fire in their order on a fine clock; on a coarse one their
        deadlines are equal, and the heap of the loop decides. Which of the two it is, the world chooses once.
        """
        looks, self.looks = self.looks, self.looks + 1
        if looks and self.fine is None and not self.over:
            self.fine = self._choose("clock", ("the clock moves on within a step", "the clock is coarse")) == 0
        return looks if self.fine else 0

    def at_most(self, later: int, earlier: int, nanoseconds: int, what: str) -> bool:
        """Whether ``later`` - ``earlier`` <= ``nanoseconds``: as it follows, or else as the world chooses."""
        known = self.follows(later, earlier, nanoseconds)
        if known is not None:
            return known
        if self.over:
            return in_nanoseconds(self.seconds(later) - self.seconds(earlier)) <= nanoseconds
        if self.actual is not None:
            self.holds = self.actual[later] - self.actual[earlier] <= nanoseconds
        answer = self._choose("time", (f"{what} holds", f"{what} does not hold")) == 0
        bound = (later, earlier, nanoseconds) if answer else (earlier, later, -nanoseconds - 1)
        self._decided.append(bound)
        self._tighten(*bound)
        return answer

    def follows(self, later: int, earlier: int, nanoseconds: int) -> bool | None:
        """Whether ``later`` - ``earlier`` <= ``nanoseconds`` follows (or its contrary) from what is known, or
        neither."""
        if later == earlier:
            return nanoseconds >= 0
        self._meet(later)
        self._meet(earlier)
        if self._most.get((later, earlier), nanoseconds + 1) <= nanoseconds:
            return True
        if -self._most.get((earlier, later), -nanoseconds) > nanoseconds:
            return False
        return None

    def require(self, later: int, earlier: int, nanoseconds: int) -> None:
        """From here on ``later`` - ``earlier`` <= ``nanoseconds``, which must be possible."""
        assert self.follows(later, earlier, nanoseconds) is not False
        if later != earlier:
            self._decided.append((later, earlier, nanoseconds))
            self._tighten(later, earlier, nanoseconds)

    def possible(self, bounds: Sequence[tuple[int, int, int]]) -> bool:
        """Whether all ``bounds`` (later, earlier, at most so many nanoseconds apart) can hold together."""
        if not bounds:
            return True
        if len(bounds) == 1:
            return self.follows(*bounds[0]) is not False
        tried = Clock(self._choose)
        tried.now, tried._known, tried._most = self.now, list(self._known), dict(self._most)
        tried._least = self._least
        for later, earlier, nanoseconds in bounds:
            if tried.follows(later, earlier, nanoseconds) is False:
                return False
            tried.require(later, earlier, nanoseconds)
        return True

    def moment(self, number: float) -> Moment:
        """``number`` as a moment: a plain one counts from instant 0."""
        return number if isinstance(number, Moment) else Moment(self, 0, in_nanoseconds(number - START))

    def seconds(self, instant: int) -> float:
        """When ``instant`` is, in seconds: the earliest that it can be, unless time is simulated. A number to show."""
        if self.actual is not None:
            return START + self.actual[instant] / 1e9
        if instant < len(self.told):
            return self.told[instant]
        known = max((each for each in self._known if each <= instant), default=0)
        least = -self._most.get((0, known), 0) + self._least[instant] - self._least[known]
        return START + least / 1e9

    def times(self) -> list[float]:
        """The earliest that each instant can be by all that was decided, in seconds: numbers to show."""
        if self.actual is not None:
            return [START + each / 1e9 for each in self.actual]
        least, bounds = list(self._least), sorted(self._decided, key=lambda bound: bound[1])
        before: list[int] = []
        while least != before:
            before, place = list(least), 0
            for instant in range(len(least)):
                if instant:
                    step = self._least[instant] - self._least[instant - 1]
                    least[instant] = max(least[instant], least[instant - 1] + step)
                while place < len(bounds) and bounds[place][1] == instant:
                    later, _, nanoseconds = bounds[place]
                    least[instant] = max(least[instant], least[later] - nanoseconds)
                    place += 1
        return [START + each / 1e9 for each in least]

    def takes(self, instant: int, seconds: float) -> None:
        """The program reckons with ``instant`` as with this number."""
        self.reckoned = True
        self._taken.setdefault(instant, seconds)

    def is_told_apart(self, times: Sequence[float]) -> bool:
        """Whether such a number is another one than in ``times``: the program was told two times for one instant."""
        return any(abs(times[instant] - seconds) > 5e-10 for instant, seconds in self._taken.items())

    def bounds(self, instants: Sequence[int]) -> tuple[tuple[int, int, int | None], ...]:
        """What is known between ``instants``, by their places in that list: the whole of what can matter later."""
        for each in instants:
            self._meet(each)
        return tuple(
            (one, two, self._most.get((i, j)))
            for one, i in enumerate(instants)
            for two, j in enumerate(instants)
            if i != j
        )

    def _meet(self, instant: int) -> None:
        """Take ``instant`` among those that bounds are kept for: not before the earlier ones, not after the later."""
        if instant in self._known:
            return
        before = max(each for each in self._known if each < instant)
        after = min((each for each in self._known if each > instant), default=None)
        self._known.append(instant)
        self._tighten(before, instant, self._least[before] - self._least[instant])
        if after is not None:
            self._tighten(instant, after, self._least[instant] - self._least[after])

    def _tighten(self, later: int, earlier: int, nanoseconds: int) -> None:
        most = self._most
        into = [(each, most[each, later]) for each in self._known if (each, later) in most] + [(later, 0)]
        out = [(each, most[earlier, each]) for each in self._known if (earlier, each) in most] + [(earlier, 0)]
        for first, one in into:
            for last, two in out:
                whole = one + nanoseconds + two
                if first != last and whole < most.get((first, last), whole + 1):
                    most[first, last] = whole

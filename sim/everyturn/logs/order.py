"""Puts lines in order, within a window, and finds which are missing.

A log that several threads write, or that several files were merged into, is nearly in order. By ``sequence``, a line
that comes early waits until the lines before it have come; when :attr:`LineOrder.window` further lines have come
instead, the missing ones are *lost*: a :class:`Gap`, which is a fact about the log and never a violation. By ``time``,
a line waits for ``window`` further lines, and the earliest goes first. No line waits longer, so that memory is bounded.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final, Literal, NamedTuple

from everyturn.formats.everyturn_log import Placed

WINDOW: Final = 1000
"""Lines, by default."""

_KEYS: Final = 65_536
"""The sequences of so many sessions are followed; of those beyond, the longest known are forgotten."""


class Gap(NamedTuple):
    """Lines ``first`` to ``last`` of a session's sequence are missing (of the whole log's, if ``session`` is none).

    If there are no such lines, it is only known that something came before: the log begins in the middle.
    """

    session: str | None
    first: int
    last: int
    before: int
    """The line of the file before which they are missing."""

    @property
    def lines(self) -> int:
        """How many lines are missing."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        number = self.lines
        where = "" if self.session is None else f" of session {self.session}"
        which = f"{self.first}" if number == 1 else f"{self.first} to {self.last}"
        return f"{number:,} line{'s' if number > 1 else ''} lost{where}, sequence {which}, before line {self.before}"


class LineOrder:
    """Hands lines to ``emit`` in order, and what is missing to ``gap``. ``repeated`` counts lines that came too late.

    ``restart`` is told the session (none: all) whose numbers began anew, after a header, or at a later time than all
    before: another process writes the log.
    """

    def __init__(
        self,
        emit: Callable[[Placed], None],
        gap: Callable[[Gap], None],
        restart: Callable[[str | None], None],
        *,
        sequence: Literal["session", "log"] | None,
        by_time: bool = False,
        window: int = WINDOW,
    ) -> None:
        self.window = window
        self.repeated = 0
        self._emit, self._gap, self._whole = emit, gap, sequence == "log"
        self._restart = restart
        self._next: dict[str, int] = {}
        self._before: dict[str, int] = {}
        """Where the sequences stood when the writer opened the log anew."""
        self._times: dict[str, float] = {}
        """The latest times seen."""
        self._held: dict[str, list[tuple[int, int, Placed]]] = {}
        self._arrivals: deque[tuple[int, str]] = deque()
        self._waiting: set[int] = set()
        self._count = 0
        self._heap: list[tuple[float, int, Placed]] = []
        self._latest = 0.0
        self.see: Callable[[Placed], None] = self._by_sequence if sequence else self._by_time if by_time else emit
        """Takes the next line of the file."""

    def _by_sequence(self, placed: Placed) -> None:
        sequence = placed.line.sequence
        if sequence is None:
            self._emit(placed)
            return
        key = "" if self._whole else placed.line.session
        expected = self._next.get(key)
        if expected is None:
            expected = self._first(key, sequence, placed.number)
        elif sequence == 0 < expected and self._anew(key, placed.line.time):
            expected = 0
        self._note_time(key, placed.line.time)
        self._count += 1
        if sequence == expected:
            self._next[key] = sequence + 1
            self._emit(placed)
            if key in self._held:
                self._release(key)
        elif sequence < expected:
            self.repeated += 1
        else:
            heappush(self._held.setdefault(key, []), (sequence, self._count, placed))
            self._arrivals.append((self._count, key))
            self._waiting.add(self._count)
        while self._arrivals and self._arrivals[0][0] + self.window <= self._count:
            self._give_up()

    def _anew(self, key: str, time: float | None) -> bool:
        """Whether number 0 is that of another process: a repeated or late line is not the latest of all."""
        if time is None or time <= self._times.get(key, math.inf):
            return False
        self.flush()
        self._next[key] = 0
        self._restart(None if self._whole else key)
        return True

    def _note_time(self, key: str, time: float | None) -> None:
        if time is not None and time > self._times.get(key, -math.inf):
            self._times[key] = time

    def _first(self, key: str, sequence: int, number: int) -> int:
        """A log may begin in the middle; but a small number may be an early line of a beginning."""
        if len(self._next) >= _KEYS:
            for old in [each for each in self._next if each not in self._held][: _KEYS // 2]:
                del self._next[old]
                self._times.pop(old, None)
        before = self._before.pop(key, None)
        if before is not None and sequence >= before:
            expected = before
        elif before is not None:
            expected = 0
            self._restart(None if self._whole else key)
        elif sequence < self.window:
            expected = 0
        else:
            expected = sequence
            self._gap(Gap(None if self._whole else key, sequence, sequence - 1, number))
        self._next[key] = expected
        return expected

    def renew(self) -> None:
        """A header stands in the midst of the log: its writer has opened it anew, perhaps in a new process."""
        self.flush()
        self._before, self._next = self._next, {}
        if self.see != self._by_sequence:
            self._restart(None)

    def _release(self, key: str) -> None:
        """Emit what has waited for the lines just seen."""
        held = self._held[key]
        while held and held[0][0] <= self._next[key]:
            sequence, arrival, placed = heappop(held)
            self._waiting.discard(arrival)
            if sequence < self._next[key]:
                self.repeated += 1
                continue
            self._next[key] = sequence + 1
            self._emit(placed)
        if not held:
            del self._held[key]

    def _give_up(self) -> None:
        """The line that has waited longest waits no more."""
        arrival, key = self._arrivals.popleft()
        while arrival in self._waiting:
            sequence, _, placed = self._held[key][0]
            self._gap(Gap(None if self._whole else key, self._next[key], sequence - 1, placed.number))
            self._next[key] = sequence
            self._release(key)

    def _by_time(self, placed: Placed) -> None:
        time = placed.line.time
        self._latest = self._latest if time is None else time
        self._count += 1
        heappush(self._heap, (self._latest, self._count, placed))
        if len(self._heap) > self.window:
            self._emit(heappop(self._heap)[2])

    def flush(self) -> None:
        """Nothing more is to come, or not soon: let go of every line that waits."""
        while self._arrivals:
            self._give_up()
        while self._heap:
            self._emit(heappop(self._heap)[2])

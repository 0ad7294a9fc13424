"""Numbers read from a clock that is not fixed: moments, and the spans between them.

A number read from the clock knows its instant; sums with constants stay what they are, and comparisons are questions
to the clock (:class:`everyturn.asyncio.order.clock.Clock`). Whatever else is reckoned with one takes the earliest that
it can be, and that is noted. Units: whole nanoseconds inside, seconds outside.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from everyturn.asyncio.order.clock import Clock

START: Final = 1000.0
"""What the clock shows at instant 0, in seconds."""


def _as_a_number(name: str) -> Any:
    """An operation in which a time is a plain number: it is noted that one was taken for all."""
    original = getattr(float, name)

    def reckon(self: Any, *others: Any) -> Any:
        self.clock.reckoned = True
        return original(self, *others)

    return reckon


class _Compared(float):
    """A time that is compared by the clock: all comparisons are made of one question.

    Whatever else is done with a time takes the earliest that it can be.
    """

    clock: Clock

    __mul__, __rmul__ = _as_a_number("__mul__"), _as_a_number("__rmul__")
    __truediv__, __rtruediv__ = _as_a_number("__truediv__"), _as_a_number("__rtruediv__")
    __floordiv__, __rfloordiv__ = _as_a_number("__floordiv__"), _as_a_number("__rfloordiv__")
    __mod__, __rmod__ = _as_a_number("__mod__"), _as_a_number("__rmod__")
    __divmod__, __rdivmod__ = _as_a_number("__divmod__"), _as_a_number("__rdivmod__")
    __pow__, __rpow__ = _as_a_number("__pow__"), _as_a_number("__rpow__")
    __abs__, __int__, __trunc__ = _as_a_number("__abs__"), _as_a_number("__int__"), _as_a_number("__trunc__")
    __round__, __floor__, __ceil__ = _as_a_number("__round__"), _as_a_number("__floor__"), _as_a_number("__ceil__")
    _plus, _minus, _taken_from = _as_a_number("__add__"), _as_a_number("__sub__"), _as_a_number("__rsub__")
    __float__, __neg__, __pos__ = _as_a_number("__float__"), _as_a_number("__neg__"), _as_a_number("__pos__")
    __hash__ = _as_a_number("__hash__")

    def _at_most(self, other: Any, margin: int) -> bool:
        """Whether self <= other + margin (in nanoseconds)."""
        raise NotImplementedError

    def __le__(self, other: Any) -> bool:
        return self._at_most(other, 0) if isinstance(other, int | float) else NotImplemented

    def __lt__(self, other: Any) -> bool:
        return self._at_most(other, -1) if isinstance(other, int | float) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return not self < other if isinstance(other, int | float) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return not self <= other if isinstance(other, int | float) else NotImplemented

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, int | float):
            return NotImplemented
        return self <= other and self >= other

    def __ne__(self, other: object) -> bool:
        return not self == other if isinstance(other, int | float) else NotImplemented


class Moment(_Compared):
    """An instant plus a constant, as a number of seconds. Two of them are compared by the clock."""

    instant: int
    offset: int

    def __new__(cls, clock: Clock, instant: int, offset: int) -> Moment:
        self = super().__new__(cls, clock.seconds(instant) + offset / 1e9)
        self.clock, self.instant, self.offset = clock, instant, offset
        clock.keeps(instant)
        return self

    def __del__(self) -> None:
        self.clock.releases(self.instant)

    def __reduce__(self) -> Any:
        return float, (earliest(self),)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Span):
            return other.after(self)
        if isinstance(other, Moment) or not isinstance(other, int | float):
            return self._plus(other)
        if not math.isfinite(other):
            return float(other)
        return Moment(self.clock, self.instant, self.offset + in_nanoseconds(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Moment):
            if self.instant == other.instant:
                return (self.offset - other.offset) / 1e9
            return Span(self, other, 0)
        if isinstance(other, Before):
            return Before.WAIT
        if isinstance(other, int | float) and not isinstance(other, Span):
            return self + -other
        return self._minus(other)

    def __rsub__(self, other: Any) -> Any:
        if isinstance(other, int | float) and math.isfinite(other):
            return self._number(other) - self
        return self._taken_from(other)

    def _number(self, other: float) -> Moment:
        return Moment(self.clock, 0, in_nanoseconds(other - START))

    def _at_most(self, other: Any, margin: int) -> bool:
        """Whether self <= other + margin (in nanoseconds)."""
        if not isinstance(other, Moment):
            if not math.isfinite(other):
                return float(other) > 0
            other = self._number(other)
        return self.clock.at_most(
            self.instant, other.instant, other.offset - self.offset + margin, f"{self.name} <= {other.name}"
        )

    @property
    def name(self) -> str:
        """The moment for a reader: which instant, and how long after it."""
        return f"t{self.instant}{f' + {self.offset / 1e9:g} s' if self.offset else ''}"


class Before(float):
    """Some moment before the next deadline: what the loop subtracts to learn how long to wait. Nothing is decided by
    it."""

    WAIT: Final = 1.0

    def __rsub__(self, when: Any) -> float:
        return self.WAIT

    def __radd__(self, other: Any) -> Any:
        return float(other)


class Span(_Compared):
    """The time from one moment to another, plus a constant. Compared by the clock, like the moments themselves."""

    end: Moment
    start: Moment
    more: int

    def __new__(cls, end: Moment, start: Moment, more: int) -> Span:
        self = super().__new__(cls, earliest(end) - earliest(start) + more / 1e9)
        self.end, self.start, self.more = end, start, more
        self.clock = end.clock
        return self

    def __reduce__(self) -> Any:
        return float, (earliest(self),)

    def after(self, moment: Moment) -> Any:
        """The moment that comes this long after ``moment``; a plain number if that is no instant and a constant."""
        if moment.instant != self.start.instant:
            return float(moment) + self
        return Moment(self.clock, self.end.instant, self.end.offset + moment.offset - self.start.offset + self.more)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Moment):
            return self.after(other)
        if isinstance(other, Span) or not isinstance(other, int | float):
            return self._plus(other)
        return (
            float(other) if not math.isfinite(other) else Span(self.end, self.start, self.more + in_nanoseconds(other))
        )

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, int | float) and not isinstance(other, Span | Moment):
            return self + -other
        return self._minus(other)

    def __neg__(self) -> Span:
        return Span(self.start, self.end, -self.more)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def _at_most(self, other: Any, margin: int) -> bool:
        if isinstance(other, Span):
            return float(self) <= float(other) + margin / 1e9
        if not math.isfinite(other):
            return float(other) > 0
        bound = in_nanoseconds(other) - self.more - self.end.offset + self.start.offset + margin
        name = f"{self.end.name} - ({self.start.name}) <= {other:g} s"
        return self.clock.at_most(self.end.instant, self.start.instant, bound, name)

    def __bool__(self) -> bool:
        return self != 0


def in_nanoseconds(seconds: float) -> int:
    """Seconds in whole nanoseconds."""
    return round(seconds * 1e9)


def earliest(time: float) -> float:
    """A time as a plain number, for a reader: nothing is decided for the program by it."""
    return float.__float__(time) if isinstance(time, float) else float(time)

"""Numbers read from a clock that is not fixed: moments, and the spans between them.

A number read from the clock knows its instant; sums with constants and multiples stay what they are, and comparisons
are questions to the clock (:class:`everyturn.asyncio.order.clock.Clock`). Whatever else is reckoned with one takes the
earliest that it can be, and that is noted. Units: whole nanoseconds inside, seconds outside.
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
        self.is_taken()
        return original(self, *others)

    return reckon


class _Compared(float):
    """A time that is compared by the clock: all comparisons are made of one question.

    Whatever else is done with a time takes the earliest that it can be.
    """

    clock: Clock

    def is_taken(self) -> None:
        """It becomes a plain number: one is taken for all that it can be."""
        raise NotImplementedError

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

    def _here(self, other: Any) -> Any:
        """``other``; a plain number, if another clock has shown it, of an earlier run that left it behind."""
        if isinstance(other, _Compared) and other.clock is not self.clock:
            self.clock.reckoned = other.clock.reckoned = True
            return earliest(other)
        return other

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

    def is_taken(self) -> None:
        self.clock.takes(self.instant, earliest(self) - self.offset / 1e9)

    def __add__(self, other: Any) -> Any:
        other = self._here(other)
        if isinstance(other, Span):
            return other.after(self)
        if isinstance(other, Moment) or not isinstance(other, int | float):
            return self._plus(other)
        if not math.isfinite(other):
            return float(other)
        return Moment(self.clock, self.instant, self.offset + in_nanoseconds(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        other = self._here(other)
        if isinstance(other, Moment):
            return span(self, other)
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
        other = self._here(other)
        if isinstance(other, Span):
            return float(self) <= float(other) + margin / 1e9
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
    """The time from one moment to another, plus a constant, times a factor: compared by the clock, like the moments
    themselves. ``more``: the constant, in nanoseconds; ``factor`` is finite and not zero."""

    end: Moment
    start: Moment
    more: int
    factor: float

    def __new__(cls, end: Moment, start: Moment, more: int, factor: float = 1.0) -> Span:
        self = super().__new__(cls, (earliest(end) - earliest(start) + more / 1e9) * factor)
        self.end, self.start, self.more, self.factor = end, start, more, factor
        self.clock = end.clock
        return self

    def __reduce__(self) -> Any:
        return float, (earliest(self),)

    def is_taken(self) -> None:
        self.end.is_taken()
        self.start.is_taken()

    def after(self, moment: Moment) -> Any:
        """The moment that comes this long after ``moment``; a plain number if that is no instant and a constant."""
        if moment.instant != self.start.instant or self.factor != 1:
            return float(moment) + float(self)
        return Moment(self.clock, self.end.instant, self.end.offset + moment.offset - self.start.offset + self.more)

    def joined(self, other: Span) -> Any:
        """The sum of two, if one begins in the instant in which the other one ends; else nothing."""
        if self.factor != other.factor:
            return None
        for one, two in ((self, other), (other, self)):
            if one.end.instant == two.start.instant:
                more = one.more + two.more + one.end.offset - two.start.offset
                return span(two.end, one.start, more, self.factor)
        return None

    def __add__(self, other: Any) -> Any:
        other = self._here(other)
        if isinstance(other, Moment):
            return self.after(other)
        if isinstance(other, Span):
            whole = self.joined(other)
            return self._plus(other) if whole is None else whole
        if not isinstance(other, int | float):
            return self._plus(other)
        if not math.isfinite(other):
            return float(other)
        return Span(self.end, self.start, self.more + in_nanoseconds(other / self.factor), self.factor)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        other = self._here(other)
        if isinstance(other, int | float) and not isinstance(other, Moment):
            return self + -other
        return self._minus(other)

    def __neg__(self) -> Span:
        return Span(self.start, self.end, -self.more, self.factor)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        return self._times(other) if _is_factor(other) else super().__mul__(other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self._times(1 / other) if _is_factor(other) else super().__truediv__(other)

    def _times(self, factor: float) -> Any:
        product = self.factor * factor
        return Span(self.end, self.start, self.more, product) if _is_factor(product) else super().__mul__(factor)

    def __abs__(self) -> Any:
        return -self if self < 0 else self

    def _at_most(self, other: Any, margin: int) -> bool:
        other = self._here(other)
        if isinstance(other, Span):
            left = self.joined(-other)
            if left is not None:
                return left._at_most(0, margin) if isinstance(left, Span) else bool(left <= margin / 1e9)
        if isinstance(other, _Compared):
            return float(self) <= float(other) + margin / 1e9
        if not math.isfinite(other):
            return float(other) > 0
        limit = in_nanoseconds(other / self.factor)
        return self._holds(limit + margin) if self.factor > 0 else not self._holds(limit - margin - 1)

    def _holds(self, limit: int) -> bool:
        """Whether it is at most so many nanoseconds, without its factor."""
        bound = limit - self.more - self.end.offset + self.start.offset
        name = f"{self.end.name} - ({self.start.name}) <= {(limit - self.more) / 1e9:g} s"
        return self.clock.at_most(self.end.instant, self.start.instant, bound, name)

    def __bool__(self) -> bool:
        return self != 0


def span(end: Moment, start: Moment, more: int = 0, factor: float = 1.0) -> Any:
    """The time between two moments: a plain number of seconds if they are of one instant."""
    if end.instant == start.instant:
        return (end.offset - start.offset + more) / 1e9 * factor
    return Span(end, start, more, factor)


def _is_factor(number: Any) -> bool:
    """Whether a time can be multiplied by it, and that undone."""
    return isinstance(number, int | float) and not isinstance(number, _Compared) and _is_finite(number)


def _is_finite(number: float) -> bool:
    return number != 0 and math.isfinite(number) and math.isfinite(1 / number)


def in_nanoseconds(seconds: float) -> int:
    """Seconds in whole nanoseconds."""
    return round(seconds * 1e9)


def earliest(time: float) -> float:
    """A time as a plain number, for a reader: nothing is decided for the program by it."""
    return float.__float__(time) if isinstance(time, float) else float(time)

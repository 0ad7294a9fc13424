"""Times as logs write them, in seconds; and as formats count them that know whole numbers only."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from everyturn.errors import UsageError

Unit = Literal["rfc3339", "seconds", "milliseconds", "microseconds", "nanoseconds"]

_FACTORS: Final = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}

_MOMENT: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:[.,](\d{1,30}))?\s?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
"""Date, hours and minutes, seconds, their fraction, zone (RFC 3339, section 5.6), which may be left out for UTC."""

_LONGEST: Final = (1 << 63) / 1e9


class Uncountable(UsageError):
    """A time is too far from its zero to be counted in nanoseconds of 64 bits."""

    def __init__(self, line: int, time: float) -> None:
        self.line = line
        self.expected = "a time within 292 years of its zero, as a format can count it in nanoseconds of 64 bits"
        self.found = f"{time:g} s"
        super().__init__(f"line {line}: expected {self.expected}; found {self.found}")


def nanoseconds(time: float, line: int) -> int:
    """A time in whole nanoseconds. Raises :class:`Uncountable`."""
    if not abs(time) < _LONGEST:
        raise Uncountable(line, time)
    return round(time * 1e9)


def seconds(value: object, unit: Unit) -> float | None:
    """A time in seconds; none if it cannot be read."""
    try:
        if unit == "rfc3339":
            return _of_moment(str(value))
        number = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return number * _FACTORS[unit] if abs(number) < 1e30 else None


def _of_moment(text: str) -> float:
    """Seconds since 1970. A leap second, 23:59:60, is the moment after 23:59:59, since clocks count none."""
    matched = _MOMENT.fullmatch(text.strip())
    if matched is None:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    day, minutes, second, fraction, zone = matched.groups()
    zone = "+00:00" if zone in (None, "Z", "z") else zone
    leap = second == "60"
    moment = datetime.fromisoformat(f"{day}T{minutes}{'59' if leap else second}{zone}").astimezone(UTC)
    if leap and (moment.hour, moment.minute) != (23, 59):
        raise ValueError("no leap second")
    moment += timedelta(seconds=leap)
    return moment.timestamp() + (float(f"0.{fraction}") if fraction else 0.0)

"""``datetime.now``, ``date.today``, ``time.localtime`` while a program is explored: the loop's clock, at its earliest.

The first two are methods of classes made in C, so a stand-in takes the place of the class: equal to it, with the same
instances, made by it. A date is no :class:`~everyturn.asyncio.order.moments.Moment`: comparisons of dates are not
decided by the world.
"""

from __future__ import annotations

import copyreg
import datetime as dates
import linecache
import re
import time
from collections.abc import Callable, Iterator
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from everyturn.identity.reads import reads

_DATETIME: Final = dates.datetime
_DATE: Final = dates.date
_READ_THE_CLOCK: Final = frozenset({"now", "utcnow", "today"})
_READING: Final = re.compile(rf"\.\s*({'|'.join(sorted(_READ_THE_CLOCK))})\b")


class _StandIn(type):
    """The class of a stand-in: what is asked of it as a class is asked of the real one."""

    real: type

    def __call__(cls, *args: Any, **options: Any) -> Any:
        return cls.real(*args, **options)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls.real

    def __hash__(cls) -> int:
        return hash(cls.real)


class datetime(_DATETIME, metaclass=_StandIn):  # type: ignore[misc,valid-type] # noqa: N801 # it takes its place
    """Stands in for :class:`datetime.datetime`."""

    real = _DATETIME

    @classmethod
    def now(cls, tz: dates.tzinfo | None = None) -> Any:
        return _DATETIME.fromtimestamp(float(time.time()), tz)

    @classmethod
    def utcnow(cls) -> Any:
        return _DATETIME.fromtimestamp(float(time.time()), dates.UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return _DATETIME.fromtimestamp(float(time.time()))


class date(_DATE, metaclass=_StandIn):  # type: ignore[misc,valid-type] # noqa: N801 # it takes its place
    """Stands in for :class:`datetime.date`."""

    real = _DATE

    @classmethod
    def today(cls) -> Any:
        return _DATE.fromtimestamp(float(time.time()))


STAND_INS: Final[dict[type, type]] = {_DATETIME: datetime, _DATE: date}
"""Real class → what takes its place."""


def present_times(is_running: Callable[[], bool]) -> Iterator[tuple[Any, str, Callable[..., Any]]]:
    """Module, name, and what stands there: functions of :mod:`time` that take the present time where none is given, and
    clocks by their numbers. ``is_running``: whether the program asks."""
    for name in ("localtime", "gmtime", "ctime"):
        yield time, name, _of_seconds(getattr(time, name))
    yield time, "asctime", _of_fields(time.asctime, 0)
    yield time, "strftime", _of_fields(time.strftime, 1)
    for name, ending in (("clock_gettime", ""), ("clock_gettime_ns", "_ns")):
        if hasattr(time, name):  # not everywhere
            yield time, name, _by_number(getattr(time, name), ending, is_running)


def _of_seconds(original: Callable[[float], Any]) -> Callable[..., Any]:
    def shown(seconds: float | None = None) -> Any:
        return original(float(time.time() if seconds is None else seconds))

    return shown


def _of_fields(original: Callable[..., str], place: int) -> Callable[..., str]:
    def shown(*given: Any) -> str:
        return original(*given) if len(given) > place else original(*given, time.localtime())

    return shown


def _by_number(original: Callable[[int], Any], ending: str, is_running: Callable[[], bool]) -> Callable[[int], Any]:
    def clock(number: int) -> Any:
        name = "time" if number == time.CLOCK_REALTIME else "monotonic"
        return getattr(time, name + ending)() if is_running() else original(number)

    return clock


def reads_today(module: ModuleType) -> bool:
    """Whether code of this module may ask for the present date: also in a lambda that stands in some other object."""
    if _READ_THE_CLOCK & names(module):
        return True
    file = vars(module).get("__file__")
    return isinstance(file, str) and _text_reads_today(file)


@cache
def _text_reads_today(file: str) -> bool:
    return _READING.search("".join(linecache.getlines(file))) is not None


_NAMES: Final[WeakKeyDictionary[ModuleType, tuple[int, frozenset[str]]]] = WeakKeyDictionary()
"""Module → what it held when that was looked at, and the names."""


def names(module: ModuleType) -> frozenset[str]:
    """The names that code of this module mentions."""
    held = hash(tuple(map(id, vars(module).values())))
    known = _NAMES.get(module)
    if known is None or known[0] != held:
        known = _NAMES[module] = held, frozenset().union(*(reads(code).attributes for code in _codes(module)))
    return known[1]


def _codes(module: ModuleType) -> list[CodeType]:
    found: list[CodeType] = []
    for value in list(vars(module).values()):  # no attribute of these is asked for: some load what is not installed
        for each in [value, *(vars(value).values() if issubclass(type(value), type) else ())]:
            function = each.__func__ if type(each) in (staticmethod, classmethod) else each
            if type(function) is FunctionType and function.__module__ == module.__name__:
                found.append(function.__code__)
    return found


def pickled() -> Callable[[], None]:
    """Instances are pickled without a look at the names of their classes; returns what puts that back."""
    before = dict(copyreg.dispatch_table)
    copyreg.pickle(_DATETIME, lambda value: (_made, ("datetime", *value.__reduce_ex__(4)[1])))
    copyreg.pickle(_DATE, lambda value: (_made, ("date", *value.__reduce__()[1])))

    def put_back() -> None:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)

    return put_back


def _made(kind: str, *args: Any) -> Any:
    return (_DATETIME if kind == "datetime" else _DATE)(*args)

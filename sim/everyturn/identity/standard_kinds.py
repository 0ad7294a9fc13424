"""The anatomy of what the standard library makes: numbers, times, paths, and containers written in C."""

from __future__ import annotations

import itertools
import re
import threading
import weakref
from array import array
from collections import OrderedDict, deque, namedtuple
from contextvars import ContextVar
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter, itemgetter, methodcaller
from pathlib import PosixPath, PurePath, PurePosixPath, PureWindowsPath
from random import Random
from types import MappingProxyType
from typing import Any
from uuid import UUID

from everyturn.identity.anatomy import Anatomy, Changes, Opaque, Same, look_at
from everyturn.identity.layout import attributes, layout


@look_at(Decimal)
def _decimal(value: Decimal) -> Anatomy:
    """Not-a-number is found in a tuple only if it is the very same one."""
    changes = Changes.MOVING if Decimal.is_nan(value) else Changes.FIXED
    return Anatomy(changes, "Decimal", tuple(Decimal.as_tuple(value)))


@look_at(datetime, time)
def _moment(value: Any) -> Anatomy:
    kind = datetime if isinstance(value, datetime) else time
    return Anatomy(Changes.FIXED, kind.__name__, kind.__reduce_ex__(value, 4)[1])  # type: ignore[arg-type]


@look_at(date, timedelta)
def _day(value: Any) -> Anatomy:
    kind = date if isinstance(value, date) else timedelta
    return Anatomy(Changes.FIXED, kind.__name__, kind.__reduce__(value)[1])  # type: ignore[arg-type]


@look_at(timezone)
def _zone(value: Any) -> Anatomy:
    return Anatomy(Changes.FIXED, "timezone", timezone.__getinitargs__(value))  # type: ignore[attr-defined]


@look_at(Fraction)
def _fraction(value: Fraction) -> Anatomy:
    return Anatomy(Changes.FORCED, Same(type(value)), (value.numerator, value.denominator))


@look_at(UUID)
def _uuid(value: UUID) -> Anatomy:
    return Anatomy(Changes.FORCED, "UUID", (value.int, value.is_safe))


@look_at(PurePath, PurePosixPath, PureWindowsPath, PosixPath)
def _path(value: PurePath) -> Anatomy:
    return Anatomy(Changes.FORCED, Same(type(value)), (str(value),))


@look_at(re.Pattern)
def _pattern(value: re.Pattern[Any]) -> Anatomy:
    return Anatomy(Changes.FIXED, "pattern", (value.pattern, value.flags))


@look_at(deque)
def _deque(value: deque[Any]) -> Anatomy:
    maxlen = deque.maxlen.__get__(value)
    return Anatomy(Changes.MUTABLE, ("deque", maxlen), tuple(deque.__iter__(value)))


@look_at(OrderedDict)
def _ordered(value: OrderedDict[Any, Any]) -> Anatomy:
    try:
        pairs = tuple(each for pair in OrderedDict.items(value) for each in pair)
    except KeyError:  # of a key whose hash is another one by now
        raise Opaque(type(value)) from None
    held = tuple(attributes(value, layout(OrderedDict)))
    return Anatomy(
        Changes.MUTABLE, "OrderedDict", pairs, tuple(n for n, _ in held), tuple(e for _, e in held), pairs=True
    )


@look_at(MappingProxyType)
def _proxy(value: Any) -> Anatomy:
    return Anatomy(Changes.MUTABLE, "mappingproxy", tuple(each for pair in value.items() for each in pair), pairs=True)


@look_at(slice)
def _slice(value: slice) -> Anatomy:
    return Anatomy(Changes.FIXED, "slice", (value.start, value.stop, value.step))


@look_at(itemgetter, attrgetter, methodcaller)
def _getter(value: Any) -> Anatomy:
    """A call with keywords is made by a partial, which has these."""
    return Anatomy(Changes.FIXED, type(value).__name__, value.__reduce__())


@look_at(array)
def _array(value: array[Any]) -> Anatomy:
    return Anatomy(Changes.MUTABLE, ("array", value.typecode, array.tobytes(value)))


@look_at(type(vars(namedtuple("One", "one"))["one"]))
def _field(value: Any) -> Anatomy:
    """How a named tuple finds a field, and what is said of it."""
    return Anatomy(Changes.FORCED, "field", value.__reduce__()[1])


@look_at(itertools.count)
def _count(value: Any) -> Anatomy:
    return Anatomy(Changes.MUTABLE, repr(value))


@look_at(Random.__mro__[1])
def _random(value: Any) -> Anatomy:
    return Anatomy(Changes.MUTABLE, ("random", Random.__mro__[1].getstate(value)))  # type: ignore[attr-defined]


@look_at(type(threading.Lock()), type(threading.RLock()))
def _lock(value: Any) -> Anatomy:
    """Whether somebody holds it, and how often, is written on it, beside where it lies."""
    return Anatomy(Changes.MUTABLE, repr(value).partition(" at 0x")[0])


@look_at(threading.local)
def _local(value: Any) -> Anatomy:
    """What it holds for this thread."""
    held = vars(value)
    return Anatomy(Changes.MUTABLE, "local", (), tuple(held), tuple(held.values()))


@look_at(weakref.ref)
def _reference(value: weakref.ref[Any]) -> Anatomy:
    return Anatomy(Changes.MOVING, "reference", (weakref.ref.__call__(value), value.__callback__))


@look_at(ContextVar)
def _context_variable(value: ContextVar[Any]) -> Anatomy:
    """What it stands for in the context that all threads of a run share: what it was set to, or else its default."""
    missing = object
    try:
        held: Any = value.get()
    except LookupError:
        held = missing
    return Anatomy(Changes.MUTABLE, ("context variable", Same(value)), (value.get(missing), held))

"""What the standard library and the interpreter keep for a program: its caches, loggers, and settings.

Caches are nobody's business as long as they are only that: where the standard library has put them, and holding what
the same call would have as its result without them. Code that is not the library's has no such names for free.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, EnumType, Flag
from functools import lru_cache
from logging import Handler, Logger, Manager, PlaceHolder
from operator import attrgetter
from types import FunctionType, NoneType
from typing import Any, Final, ForwardRef

from everyturn.identity.anatomy import Anatomy, Changes
from everyturn.identity.layout import attributes, layout

CACHED: Final = type(lru_cache(lambda: None))
_ANY: Final = Changes.MUTABLE
_OF_DISPATCH: Final = frozenset({"dispatch_cache", "cache_token", "_clear_cache"})
_OF_MEMBERS: Final = frozenset({"_name_", "_value_", "_sort_order_", "_inverted_", "__objclass__"})
_OF_LOGGING: Final = (Logger, Handler, Manager, PlaceHolder)
_IMMUTABLE: Final = 1 << 8
"""The flag of classes whose attributes nobody can set."""
_SETTINGS: Final = (
    *("sys.getrecursionlimit()", "sys.getswitchinterval()", "sys.get_int_max_str_digits()"),
    *("sys.get_coroutine_origin_tracking_depth()", "sys.get_asyncgen_hooks()[0]", "sys.get_asyncgen_hooks()[1]"),
    "decimal.getcontext()",
)
_BEHIND: Final = 6
"""Behind what a cache holds, its C code shows the table, the function, and four things more."""
_OF_FUNCTIONS: Final = ("__code__", "__defaults__", "__name__", "__qualname__", "__doc__", "__module__")
_said_of_function: Final = attrgetter(*_OF_FUNCTIONS)
ABOUT_CLASSES: Final = ("__class__", "__mro__", "__name__", "__qualname__")
SAYING: Final = (type, *[type.__dict__[name].__get__ for name in ABOUT_CLASSES[1:]])
"""Functions of a class that say each of these, whatever its metaclass makes of attributes."""
_LAZY: Final = frozenset({"__annotations__", "__annotations_cache__", "__abstractmethods__", "_abc_impl"})
"""What Python itself puts into a class when somebody asks for it."""


def is_its_own(value: object) -> bool:
    """Whether an object is the standard library's own business: what is in a logger's handlers, how a type is
    written."""
    return isinstance(value, _OF_LOGGING) or str(type(value).__module__).partition(".")[0] == "typing"


def hung_on(value: object) -> Anatomy:
    """What an object of the standard library has been given by hand; of a logger, what decides whether it logs."""
    if isinstance(value, ForwardRef):
        return Anatomy(_ANY, ())
    shape = layout(type(value))
    if shape.namespace is None:  # type variables take attributes, and do not show them
        found = gc.get_referents(value)
        put = [pair for each in found if type(each) is dict for pair in each.items()]
        return Anatomy(_ANY, (), tuple(found), tuple([name for name, _ in put]), tuple([each for _, each in put]))
    held = list(attributes(value, shape))
    names, values = tuple([name for name, _ in held]), tuple([each for _, each in held])
    if not isinstance(value, Logger):
        return Anatomy(_ANY, (), (), names, values)
    levels = tuple((each.level, each.disabled, each.propagate) for each in _with_parents(value))
    return Anatomy(_ANY, (levels, value.manager.disable), (*value.handlers, *value.filters), names, values)


def _with_parents(logger: Logger) -> Iterator[Logger]:
    current: Logger | None = logger
    while current is not None:
        yield current
        current = current.parent


def is_immutable(kind: type) -> bool:
    """Whether nobody can put anything into a class."""
    return bool(kind.__flags__ & _IMMUTABLE)


def hung_on_class(kind: type) -> Anatomy:
    """What is in a class of the standard library, or of this project."""
    held = {name: each for name, each in vars(kind).items() if name not in _LAZY}
    return Anatomy(_ANY, (), (), tuple(held), tuple(held.values()))


def of_class(kind: type) -> Anatomy:
    """What is said of a class beside what is in it."""
    return Anatomy(_ANY, (), (), ABOUT_CLASSES, said_of(kind))


def said_of(kind: type) -> tuple[Any, ...]:
    """Its class, what it is derived from, and its names, whatever its metaclass makes of attributes."""
    return tuple([says(kind) for says in SAYING])


def of_function(function: FunctionType) -> Anatomy:
    """What a function does, what is said of it, and what was hung on it."""
    named, hung, notes = function.__kwdefaults__ or {}, vars(function), function.__annotations__
    names = (*_OF_FUNCTIONS, *named, *hung, *notes)
    held = (*_said_of_function(function), *named.values(), *hung.values(), *notes.values())
    return Anatomy(_ANY, (), (), names, held)


# caches --------------------------------------------------------------------------------------------------------------


def without_dispatch(pairs: Iterable[tuple[str, Any]], *, trusted: bool) -> list[tuple[str, Any]]:
    """Variables and attributes of a function, but for the caches of :func:`functools.singledispatch`, which is
    ``trusted``."""
    return [(name, each) for name, each in pairs if not (trusted and name in _OF_DISPATCH)]


def of_member(member: Enum) -> list[tuple[str, Any]]:
    """The attributes of a member of an enumeration."""
    held = attributes(member, layout(type(member)))
    return [(name, each) for name, each in held if not (name == "_inverted_" and isinstance(each, Enum | None))]


def of_enumeration(kind: EnumType) -> Anatomy:
    """What was put by hand into the table of an enumeration's members, or hung on those that have no name.

    Python itself keeps there what the inverse of a flag is.
    """
    put: list[tuple[str, Any]] = []
    table: dict[Any, Any] = kind._value2member_map_
    for value, member in table.items():
        named = isinstance(member, Enum) and kind.__members__.get(getattr(member, "_name_", None) or "") is member
        if not isinstance(member, Enum) or (named and not issubclass(kind, Flag)):
            put.append((f"_value2member_map_[{value!r:.40}]", member))
        elif not named:
            path = f"_value2member_map_[{value!r:.40}]"
            put += [(f"{path}.{name}", each) for name, each in of_member(member) if name not in _OF_MEMBERS]
    return Anatomy(_ANY, (), (), tuple([name for name, _ in put]), tuple([each for _, each in put]))


class Cache:
    """An :func:`functools.lru_cache` of a program's own, in the order in which its C code shows its parts.

    The same call has the same result with and without it, if results cannot change, and if calls that it takes for
    equal are alike. ``is_fixed`` says of a value whether it cannot change.
    """

    def __init__(self, function: Any, is_fixed: Callable[[object], bool]) -> None:
        self._function = function
        self._is_fixed = is_fixed
        self._typed = bool(function.cache_parameters()["typed"])
        self._certain_hits = 0
        self._bounded = function.cache_parameters()["maxsize"] is not None

    def look(self, *, counts: bool) -> Anatomy:
        """What may change in it. ``counts``: somebody asks how often it was asked."""
        keys, results = self._entries()
        kept = [each for each in (*keys, *results) if not self._is_fixed(each)]
        info = self._function.cache_info()
        if all(self._is_exact(each) for each in keys):
            self._certain_hits = info.hits
        doubtful = info.hits - self._certain_hits
        said = (
            f"{doubtful} for arguments that may be equal without being alike: expected typed=True" if doubtful else ""
        )
        return Anatomy(_ANY, info if counts else (), tuple(kept), ("cache_info().hits",), (said,))

    def _entries(self) -> tuple[list[Any], list[Any]]:
        """Keys and results."""
        parts = gc.get_referents(self._function)
        if self._bounded:
            return parts[1:-_BEHIND:3], parts[2:-_BEHIND:3]
        table = parts[-_BEHIND]
        return [*table], [*table.values()]

    def _is_exact(self, key: Any) -> bool:
        """Whether no other call is taken for the one with this key. A single whole number or text is its own key."""
        if type(key) is not tuple:
            return type(key) in (int, str)
        certain = (str, bytes, NoneType, int, bool) if self._typed else (NoneType,)
        return all(type(each) in certain or _is_one(each) for each in key)


def _is_one(value: Any) -> bool:
    """Whether a value is equal to itself only."""
    compared: tuple[Any, ...] = (type(value).__eq__, type(value).__hash__)
    return compared == (object.__eq__, object.__hash__)


# settings ------------------------------------------------------------------------------------------------------------


def settings() -> tuple[object, ...]:
    """How the interpreter and its arithmetic are set."""
    limits = (sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits())
    decimal = sys.modules.get("decimal")
    return (
        *limits,
        sys.get_coroutine_origin_tracking_depth(),
        *sys.get_asyncgen_hooks(),
        decimal and _arithmetic(decimal),
    )


def of_settings(held: tuple[object, ...]) -> Anatomy:
    """What :func:`settings` says, by name."""
    return Anatomy(_ANY, (), (), _SETTINGS, held)


def _arithmetic(decimal: Any) -> tuple[object, ...]:
    """How decimal numbers are reckoned with, but for the marks that every sum may leave."""
    context = decimal.getcontext()
    traps = repr(context.traps)
    return (context.prec, context.rounding, context.Emin, context.Emax, context.capitals, context.clamp, traps)

"""Classes: whether one is found where it says it is, whether its attributes count, and which of them can change."""

from __future__ import annotations

import sys
import sysconfig
import types
from abc import ABCMeta, get_cache_token
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from everyturn.identity.layout import HEAP
from everyturn.identity.python_kinds import registered

STANDARD: Final = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
NOT_OF_THE_CLASS: Final = frozenset({"__dict__", "__weakref__", "_abc_impl", "__qualname__", "__firstlineno__"})


def is_in_its_place(kind: type) -> bool:
    """Whether a class is found where it says it is."""
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind or not kind.__flags__ & HEAP


@cache
def is_watched(kind: type) -> bool:
    """Whether the attributes of a class count: it is neither built in nor the standard library's nor ours."""
    if kind.__module__.partition(".")[0] in ("builtins", "everyturn") or not kind.__flags__ & HEAP:
        return False
    return is_programs(sys.modules.get(kind.__module__))


def is_installed(file: object) -> bool:
    """Whether what a module or code says of its ``file``, if anything, is one of an installed package."""
    return isinstance(file, str) and "site-packages" in file


def is_programs(module: ModuleType | None) -> bool:
    """Whether a module belongs to the program or to an installed package: not to the standard library."""
    file = getattr(module, "__file__", None) or ""
    return is_installed(file) or not file.startswith(STANDARD)


_FIXED: Final = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    ModuleType,
    type,
    cached_property,
)


PYTHONS_OWN: Final = frozenset(
    {
        "__builtins__",
        "__loader__",
        "__spec__",
        "__cached__",
        "__file__",
        "__doc__",
        "__dict__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Names that the import of a module sets, and that Python itself has in classes."""
_OF_EVERY_CLASS: Final = ("__annotations__", "__bases__", "__name__")


_HELD: Final = (type, ModuleType)
"""Types of attributes that say what a class has to do with: another class, or a module."""


class _Attributes(NamedTuple):
    """Names of a class's attributes and their types when they were looked at; which of them are data, and which are of
    Python's own kind, between two underscores."""

    names: list[str]
    kinds: list[type]
    data: list[str]
    said: list[str]


_ATTRIBUTES: Final[dict[type, _Attributes]] = {}
_REGISTRATIONS: Final = get_cache_token()
_BASES: Final[dict[type, tuple[type, ...]]] = {}
"""Class → its bases when it was met first."""


def data_attributes(kind: type) -> list[str]:
    """The names of a class's attributes that are neither methods nor Python's own."""
    return _attributes(kind).data


def said_of(kind: type) -> list[str]:
    """The names between two underscores of what a class holds or says of itself, but for methods, in their order."""
    return _attributes(kind).said


def other_bases(kind: type) -> tuple[type, ...] | None:
    """The bases of a class, if somebody has given it others."""
    bases = kind.__bases__
    return None if _BASES.setdefault(kind, bases) is bases else bases


def made_at_run_time(kind: type) -> list[type]:
    """The subclasses of a class that nobody finds where they say they are."""
    found: list[type] = type.__subclasses__(kind)
    return [each for each in found if not is_in_its_place(each)]


def registrations(kind: type) -> tuple[type, ...]:
    """What was registered with an abstract class, if anything was with any class since this module was imported."""
    if not isinstance(kind, ABCMeta) or get_cache_token() == _REGISTRATIONS:
        return ()
    known = [each.value for each in registered(kind) if isinstance(each.value, type)]
    return tuple(sorted(known, key=lambda each: (each.__module__, each.__qualname__)))


def _attributes(kind: type) -> _Attributes:
    names, kinds = list(kind.__dict__), list(map(type, kind.__dict__.values()))
    known = _ATTRIBUTES.get(kind)
    if known is None or known.names != names or known.kinds != kinds:
        pairs = list(zip(names, kinds, strict=True))
        held = [] if _is_of_a_package(kind) else _HELD
        data = [name for name, each in pairs if _is_data(name, each) or (each in held and not _is_pythons(name))]
        said = {name for name, each in pairs if _is_pythons(name) and not _is_fixed(each)}
        said = (said | set(_OF_EVERY_CLASS) | {"__doc__"}) - (PYTHONS_OWN - {"__doc__"})
        known = _ATTRIBUTES[kind] = _Attributes(names, kinds, data, sorted(said))
    return known


def methods(kind: type) -> list[tuple[str, types.FunctionType]]:
    """The functions that a class of the program's own holds now, by the names of its attributes: plain, wrapped, and
    those of properties. What methods of installed packages read of their modules is trusted to stay as it is."""
    if _is_of_a_package(kind):
        return []
    return [(name, each) for name, value in kind.__dict__.items() for each in _functions(value)]


def _is_of_a_package(kind: type) -> bool:
    return is_installed(getattr(sys.modules.get(kind.__module__), "__file__", None))


def _functions(value: Any) -> list[types.FunctionType]:
    kind = type(value)
    if kind is types.FunctionType:
        return [value]
    if kind is property:
        found = [value.fget, value.fset, value.fdel]
    elif kind is cached_property:
        found = [value.func]
    elif kind is staticmethod or kind is classmethod:
        found = [value.__func__]
    else:
        return []
    return [function for each in found for function in _functions(each)]


def _is_data(name: str, kind: type) -> bool:
    return not _is_pythons(name) and not _is_fixed(kind) and name != "_abc_impl"


def _is_fixed(kind: type) -> bool:
    """Whether what is of this type does not change; one of a program's own type may (a property that keeps
    something)."""
    return kind in _FIXED or issubclass(kind, _HELD)


def _is_pythons(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")

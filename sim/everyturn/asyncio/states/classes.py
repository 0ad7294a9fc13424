"""Classes: whether one is found where it says it is, whether its attributes count, and which of them can change."""

from __future__ import annotations

import sys
import sysconfig
import types
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

STANDARD: Final = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
_HEAP: Final = 1 << 9
"""The flag of classes that are made at run time."""
NOT_OF_THE_CLASS: Final = frozenset(
    {"__dict__", "__weakref__", "__doc__", "_abc_impl", "__module__", "__qualname__", "__firstlineno__"}
)


def is_in_its_place(kind: type) -> bool:
    """Whether a class is found where it says it is."""
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind or not kind.__flags__ & _HEAP


@cache
def is_watched(kind: type) -> bool:
    """Whether the attributes of a class count: it is neither built in nor the standard library's nor ours."""
    if kind.__module__.partition(".")[0] in ("builtins", "everyturn") or not kind.__flags__ & _HEAP:
        return False
    return is_programs(sys.modules.get(kind.__module__))


def is_programs(module: types.ModuleType | None) -> bool:
    """Whether a module belongs to the program or to an installed package: not to the standard library."""
    file = getattr(module, "__file__", None) or ""
    return "site-packages" in file or not file.startswith(STANDARD)


_FIXED: Final = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.ModuleType,
    type,
    cached_property,
)


_DATA: Final[dict[type, tuple[list[str], list[type], list[str]]]] = {}
"""Class → its attributes and their types when they were looked at, and which of them are data."""


def data_attributes(kind: type) -> list[str]:
    """The names of a class's attributes that are neither methods nor Python's own."""
    names, kinds = list(kind.__dict__), list(map(type, kind.__dict__.values()))
    known = _DATA.get(kind)
    if known is None or known[0] != names or known[1] != kinds:
        data = [name for name, each in zip(names, kinds, strict=True) if _is_data(name, each)]
        known = _DATA[kind] = names, kinds, data
    return known[2]


def methods(kind: type) -> list[tuple[str, types.FunctionType]]:
    """The functions that a class of the program's own holds now, by the names of its attributes: plain, wrapped, and
    those of properties. What methods of installed packages read of their modules is trusted to stay as it is."""
    if "site-packages" in (getattr(sys.modules.get(kind.__module__), "__file__", None) or ""):
        return []
    return [(name, each) for name, value in kind.__dict__.items() for each in _functions(value)]


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
    of_python = name.startswith("__") and name.endswith("__")
    return not of_python and not issubclass(kind, _FIXED) and name != "_abc_impl"

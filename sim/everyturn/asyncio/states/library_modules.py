"""What a module of the standard library keeps for the whole process: what its functions set anew (``gettext`` its
domain), what it has in containers (``copyreg`` its table, ``warnings`` its filters), and its own objects
(``reprlib.aRepr``).

It is looked at where code of the program names that module, or something in it. Only what is not as it was when it was
looked at first is written down: what it was then is the same as long as this process lives. Caches are no state.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from operator import is_
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from everyturn.asyncio.states.classes import is_programs
from everyturn.identity.layout import HEAP, is_module, layout
from everyturn.identity.reads import rebound

if TYPE_CHECKING:
    from everyturn.asyncio.states.encoding import StateEncoder

_KNOWN_OTHERWISE: Final = frozenset(
    {
        *("builtins", "sys", "os", "typing", "abc", "functools", "logging", "random", "weakref", "threading"),
        *("concurrent", "asyncio", "importlib", "contextlib", "types", "enum", "dataclasses", "inspect", "tracemalloc"),
    }
)
"""Modules, and packages, of which all containers and objects are known otherwise, do not change, or are caches."""
_CACHES: Final = ("cache", "__")
"""What is in the names of caches, and of what a module is found with."""


class _Kept(NamedTuple):
    """Names of a module that its functions set, and what they were; its containers and objects, by their names, each
    with what was in it."""

    names: list[str]
    values: list[Any]
    held: list[tuple[str, list[Any]]]
    own: list[str]
    """Modules of its own, in its package, that it has under names that begin with an underscore."""


_NOTHING: Final = object()
_NOTHING_KEPT: Final = _Kept([], [], [], [])
_KEPT: Final[dict[str, tuple[object, _Kept]]] = {}


def of_whose(encoder: StateEncoder, name: object) -> None:
    """Write down what the module of this ``name`` keeps, if it is the library's and not as it was: once in each
    state."""
    if not isinstance(name, str) or name in encoder.libraries:
        return
    encoder.libraries.add(name)
    module = sys.modules.get(name)
    known = _KEPT.get(name)
    if known is None or known[0] is not module:
        known = _KEPT[name] = module, _kept(module) if _is_librarys(module, name) else _NOTHING_KEPT
    kept = known[1]
    if kept.names or kept.held:
        for each, value in _changed(vars(module), kept):
            encoder.out.append(("keeps", name, each))
            encoder.inside(f"{name}.{each}", value)
    for own in kept.own:
        of_whose(encoder, own)


def _is_librarys(module: object, name: str) -> TypeGuard[ModuleType]:
    return is_module(module) and not is_programs(module) and name.partition(".")[0] != "everyturn"


def _kept(module: ModuleType) -> _Kept:
    held = vars(module)
    names = sorted({name for code in _codes(module) for name in rebound(code) if not _is_cache(name)})
    inside = []
    if module.__name__.partition(".")[0] not in _KNOWN_OTHERWISE:
        inside = [(name, found) for name, each in held.items() if not _is_cache(name) and (found := _content(each))]
    own = [each.__name__ for each in held.values() if is_module(each)]
    within = [name for name in own if name.startswith(f"{module.__name__}._")]
    return _Kept(names, [held.get(name, _NOTHING) for name in names], inside, within)


def _is_cache(name: str) -> bool:
    return any(each in name.lower() for each in _CACHES)


def _codes(module: ModuleType) -> Iterator[CodeType]:
    """The code of a module's functions and methods."""
    for each in list(vars(module).values()):
        members = (
            list(vars(each).values()) if issubclass(type(each), type) and each.__module__ == module.__name__ else [each]
        )
        for member in members:
            function = member.__func__ if type(member) in (staticmethod, classmethod, MethodType) else member
            if type(function) is FunctionType and function.__globals__ is vars(module):
                yield function.__code__


def _content(value: Any) -> list[Any] | None:
    """What is in a container, or in an object of a class that is written in Python; nothing for anything else."""
    kind = type(value)
    if kind in (list, set, deque):
        return [kind, *value]
    if kind is dict:
        return [kind, *value, *value.values()]
    if not kind.__flags__ & HEAP or issubclass(kind, type) or kind.__name__.startswith("Weak"):
        return None
    namespace: Callable[[Any], Mapping[str, Any]] | None = layout(kind).namespace
    return None if namespace is None else [kind, *namespace(value), *namespace(value).values()]


def _changed(held: dict[str, Any], kept: _Kept) -> Iterator[tuple[str, Any]]:
    for name, before in zip(kept.names, kept.values, strict=True):
        if held.get(name, _NOTHING) is not before:
            yield name, held.get(name)
    for name, content in kept.held:
        now = _content(held.get(name))
        if now is None or len(now) != len(content) or not all(map(is_, now, content)):
            yield name, held.get(name)

"""Where the instances of a class keep what they hold: slots, a ``__dict__``, and what C code keeps out of sight.

A class statement adds to the size of its base exactly its slots, a ``__dict__`` and a list of weak references. What is
larger was made in C and holds something that no descriptor shows; then somebody has to know that very class, or nobody
knows its value.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import wraps
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, Final, NamedTuple, TypeGuard, TypeVar

HEAP: Final = 1 << 9
"""The flag of classes that are made at run time."""
_POINTER: Final = object().__sizeof__() // 2
_MANAGED_DICT: Final = 1 << 4
_MANAGED_WEAKREF: Final = 1 << 3
_NAMES: Final = (tuple, list, set, frozenset, dict)
"""What ``__slots__`` may be, so that it can be gone through again."""


K = TypeVar("K")
V = TypeVar("V")


def by_identity(function: Callable[[K], V]) -> Callable[[K], V]:
    """Remember what a function returns for an object: for that very object, whatever it is equal to."""
    known: dict[int, tuple[K, V]] = {}

    @wraps(function)
    def remembered(value: K) -> V:
        found = known.get(id(value))
        if found is None:
            found = known[id(value)] = (value, function(value))
        return found[1]

    return remembered


class ClassLayout(NamedTuple):
    """``base``: the class whose content, made in C, has to be known; none: there is no such content.

    ``slots``: names and descriptors of all slots. ``namespace``: the descriptor of the instances' ``__dict__``, if they
    have one.
    """

    base: type | None
    slots: tuple[tuple[str, Callable[[Any], Any]], ...]
    namespace: Callable[[Any], Any] | None


@by_identity
def layout(kind: type) -> ClassLayout:
    """The layout of a class."""
    base: type = kind
    while base is not object and _adds_only_what_shows(base):
        assert base.__base__ is not None
        base = base.__base__
    above = base.__mro__[:-1]
    own = [each for each in kind.__mro__ if each not in above]
    slots = tuple(
        (name, descriptor.__get__)
        for each in own
        for name, descriptor in vars(each).items()
        if _is_slot(each, name, descriptor)
    )
    namespaces = (vars(each).get("__dict__") for each in kind.__mro__ if each is not type)
    found = next((each for each in namespaces if isinstance(each, GetSetDescriptorType | MemberDescriptorType)), None)
    namespace: Callable[[Any], Any] | None = None if found is None else found.__get__
    if found is None and any("__dict__" in vars(each) for each in own):  # something of the program's own hides it
        namespace = own_namespace if kind.__dictoffset__ else None
    return ClassLayout(None if base is object else base, slots, namespace)


_generic: Final = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyObject_GenericGetDict", ctypes.pythonapi)
)


def own_namespace(value: Any) -> dict[str, Any]:
    """The attributes of an object, whatever its class says that they are."""
    held: dict[str, Any] = _generic(value, None)
    return held


def attributes(value: Any, shape: ClassLayout) -> Iterator[tuple[str, Any]]:
    """The attributes that an object itself holds, by the layout of its class: slots first, then in the order they were
    set.

    No code of the class is run, whatever it makes of attributes.
    """
    for name, get in shape.slots:
        try:
            yield name, get(value)
        except AttributeError:
            continue
    if shape.namespace is not None:
        yield from shape.namespace(value).items()


def reader(shape: ClassLayout) -> Callable[[Any], tuple[tuple[str, ...], tuple[Any, ...]]]:
    """A function of an instance that gives names and values of what :func:`attributes` gives, sooner."""
    slots, getters = tuple([name for name, _ in shape.slots]), [get for _, get in shape.slots]
    namespace = shape.namespace

    def named(value: Any) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        try:
            held = tuple([get(value) for get in getters])
        except AttributeError:  # a slot is empty
            pairs = tuple(attributes(value, shape))
            return tuple([name for name, _ in pairs]), tuple([each for _, each in pairs])
        if namespace is None:
            return slots, held
        own = namespace(value)
        return (*slots, *own), (*held, *own.values())

    return named


def _is_slot(kind: type, name: str, descriptor: object) -> bool:
    """Whether a class has this slot of its own. What Python names ``__…__`` is one only where ``__slots__`` says so."""
    if not isinstance(descriptor, MemberDescriptorType):
        return False
    return not (name.startswith("__") and name.endswith("__")) or name in _declared(kind)


def _declared(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots) if isinstance(slots, _NAMES) else ()


def _adds_only_what_shows(kind: type) -> bool:
    base = kind.__base__
    assert base is not None
    size = _POINTER * sum(_is_slot(kind, name, each) for name, each in vars(kind).items())
    if kind.__dictoffset__ and not base.__dictoffset__ and not kind.__flags__ & _MANAGED_DICT:
        size += _POINTER
    if kind.__weakrefoffset__ and not base.__weakrefoffset__ and not kind.__flags__ & _MANAGED_WEAKREF:
        size += _POINTER
    return kind.__basicsize__ - base.__basicsize__ == size and kind.__itemsize__ == base.__itemsize__


def is_module(value: object) -> TypeGuard[ModuleType]:
    """Whether it is a module; no code of its own is asked, which may say or do anything."""
    return issubclass(type(value), ModuleType)

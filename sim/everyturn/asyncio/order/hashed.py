"""Of what the order of a set is made: of what its members are, of where they lie, or of tasks and futures in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from pathlib import PurePath
from types import FunctionType
from typing import Any, Final
from weakref import ref

_IMMUTABLE: Final = 1 << 8
_HEAP: Final = 1 << 9
"""Flags of classes: that nothing can be set in them, and that they are made at run time."""
_FUTURE: Final = asyncio.Future
HASHED_AS_TEXTS: Final[tuple[Any, ...]] = (str, bytes, PurePath, date, datetime, time, timedelta)
OF_TEXTS: Final = (
    "the order of sets of texts, as their hashes, is that of this process; it is one of all that are possible: ask "
    "again with another PYTHONHASHSEED if the program goes through one"
)
HOLDERS: Final = (
    "sets of what is hashed by a task or future in it (tuples, objects with a __hash__ of their own) are in one order "
    "of all that are possible"
)
MERGED: Final = (
    "a set into which another set of tasks or futures, or the keys of a dictionary, are put ({*…}, update, |=, union, "
    "keys() - …) is in one order of all that are possible, if it is not kept"
)


UNSEEN: Final[set[str]] = set()
"""Names of classes that runs make anew where nobody sees it: by calling ``type``, not by a statement."""


def name_of(kind: type) -> str:
    """What a class is called, whole."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_numbered(member: Any) -> bool:
    """Whether this is a task or a future, of whatever class."""
    return issubclass(type(member), _FUTURE)


def by_address(members: Iterable[Any]) -> Iterator[type]:
    """The classes of members of a set, of what weak ones refer to, that order it by where they lie."""
    kinds = {type(each() if isinstance(each, ref) else each) for each in members}
    return filter(is_by_address, kinds)


def is_by_address(kind: type) -> bool:
    """Whether objects of a class of the program's are hashed by where they lie, and could be hashed otherwise."""
    own: Any = kind.__hash__
    if issubclass(kind, type) or kind.__flags__ & (_HEAP | _IMMUTABLE) != _HEAP or kind.__weakrefoffset__ == 0:
        return False
    if hasattr(own, "is_ours"):
        return True
    if name_of(kind) in UNSEEN:
        return False
    if own is object.__hash__:
        return True
    return kind.__eq__ is object.__eq__ and asks_where_it_lies(own)


def asks_where_it_lies(own: Any) -> bool:
    """Whether a ``__hash__`` of a program's own is made of addresses."""
    return type(own) is FunctionType and not {"id", "__hash__"}.isdisjoint(own.__code__.co_names)


def holds_numbered(member: Any) -> bool:
    """Whether the hash of a tuple or frozen set is made of one of a task or future."""
    return isinstance(member, (tuple, frozenset)) and any(is_numbered(each) or holds_numbered(each) for each in member)


def hashed_parts(member: Any) -> tuple[Any, ...] | None:
    """What the hash of ``member`` is made of, if it is a tuple, a frozen set, or of a dataclass that is hashed by its
    fields."""
    own: Any = type(member).__hash__
    if isinstance(member, tuple | frozenset) and own in (tuple.__hash__, frozenset.__hash__):
        return tuple(member)
    if is_dataclass(member) and isinstance(own, FunctionType) and own.__code__.co_filename == "<string>":
        counted = [each.name for each in fields(member) if (each.compare if each.hash is None else each.hash)]
        return tuple(getattr(member, name) for name in counted)
    return None


def is_by_text(member: Any) -> bool:
    """Whether the hash of ``member`` is made of a text, so that it is another one in each process."""
    own: Any = type(member).__hash__
    if any(isinstance(member, each) and own is each.__hash__ for each in HASHED_AS_TEXTS):
        return True
    parts = hashed_parts(member)
    return parts is not None and any(map(is_by_text, parts))


def said_of(members: Iterable[Any]) -> set[str]:
    """What is to be said of a set of these, if somebody goes through it: of its order that of this run is made only."""
    said = set()
    held = list(members)
    if any(map(holds_numbered, held)):
        said.add(HOLDERS)
    if sum(map(is_by_text, held)) > 1:
        said.add(OF_TEXTS)
    return said | {of_places(type(each)) for each in held if _is_by_place(each) and not is_by_address(type(each))}


def of_places(kind: type) -> str:
    """What is said of sets whose members nothing can hash but by where they lie."""
    return f"the order of sets of {name_of(kind)} is that of where they lie; it is one of all that are possible"


def _is_by_place(member: Any) -> bool:
    kind = type(member)
    if kind in (str, int, bytes, float, bool, type(None)) or is_numbered(member) or isinstance(member, type):
        return False
    if kind is tuple or kind is frozenset:
        return any(map(_is_by_place, member))
    own: Any = kind.__hash__
    if asks_where_it_lies(own):
        return True
    return own is object.__hash__ or kind.__name__ in ("method", "builtin_function_or_method")

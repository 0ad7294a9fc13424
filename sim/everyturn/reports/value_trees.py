"""Values as JSON trees, so that it can be shown what differs inside them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from everyturn.printing import printable
from everyturn.runs.outcomes import shown

Tree = Any
"""A value as JSON: none, a boolean, a number, a string, a list, or an object whose ``$`` names its class."""

_LARGEST: Final = 2**53
DEEPEST: Final = 6
"""Values inside values are followed so far; what lies deeper is shown as text."""


def tree(value: Any, depth: int = 0) -> Tree:
    """A value as a tree: contexts and calls by their names, sets in order, other objects by their fields."""
    name = getattr(value, "name", None)
    if value is None or type(value) is bool:
        return value
    if isinstance(value, int | str) and not isinstance(value, Enum):
        return plain(value)
    if isinstance(name, str) and not isinstance(value, Enum) and depth:
        return name
    if isinstance(value, Enum):
        return str(value)
    if depth >= DEEPEST:
        return shown(value)
    if isinstance(value, frozenset | set):
        return sorted((tree(each, depth + 1) for each in value), key=repr)
    if hasattr(value, "_asdict"):
        return {"$": type(value).__name__, **_fields(value._asdict(), depth)}
    if isinstance(value, tuple | list):
        return [tree(each, depth + 1) for each in value]
    if isinstance(value, Mapping):
        return _fields({str(key): each for key, each in value.items()}, depth)
    if isinstance(name, str):
        return name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        fields = {key: each for key, each in fields.items() if each is not None and each != ""}
        return {"$": type(value).__name__, **_fields(fields, depth)}
    return shown(value)


def _fields(fields: Mapping[str, Any], depth: int) -> dict[str, Tree]:
    return {key: tree(each, depth + 1) for key, each in fields.items()}


def plain(value: int | str) -> Tree:
    """A number that a browser counts with, or else what it is; a text that can be shown."""
    if isinstance(value, int):
        return int(value) if abs(value) <= _LARGEST else f"an integer of {int(value).bit_length():,} bits"
    return value if value.isprintable() else printable(value)

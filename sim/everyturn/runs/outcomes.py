"""What operations end with, as people and files name it."""

from __future__ import annotations

import dataclasses
from typing import Final

FIRST: Final = "first"
"""The label of an outcome in a token that is the first possible one: all is well."""


def label(result: object) -> str:
    """A short name of an outcome, the same whichever prompt it befalls: ``(Fault(store``, ``delivered`` …"""
    return label_of(shown(result))


def label_of(text: str) -> str:
    """The label of an outcome as a trace shows it."""
    return text.split(",", 1)[0]


def shown(value: object) -> str:
    """A value as people read it: contexts and calls by their names."""
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [shown(getattr(value, field.name)) for field in dataclasses.fields(value)]
        return f"{type(value).__name__}({', '.join(parts)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    return str(value)

"""An event as people read it."""

from __future__ import annotations


def event_text(event: object) -> str:
    """An event as people read it: its name, then its fields that say something."""
    fields = getattr(event, "__dataclass_fields__", {})
    values = ((name, getattr(event, name)) for name in fields)
    shown = [f"{name}={_value(value)}" for name, value in values if value not in (None, False, (), 0)]
    return f"{type(event).__name__}({', '.join(shown)})"


def _value(value: object) -> str:
    if hasattr(value, "__dataclass_fields__"):
        return event_text(value)
    return str(value)

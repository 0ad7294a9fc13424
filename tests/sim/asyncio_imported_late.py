"""Imported by a scenario while it runs."""

from time import monotonic as clock

__all__ = ["clock"]

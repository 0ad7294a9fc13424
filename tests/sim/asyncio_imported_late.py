"""Imported by a scenario while it runs."""

from datetime import date
from time import monotonic as clock
from typing import Any

from tests.sim import asyncio_imported_later

__all__ = ["Day", "Proxy", "asyncio_imported_later", "clock", "nothing", "today", "together"]


class Marked(type):
    """A metaclass of its own, as packages have."""


class Day(date, metaclass=Marked):
    """Derived from what has a stand-in while programs are explored."""


def today() -> date:
    return date.today()


def together(items: list[int]) -> set[int]:
    return set(items)


class Proxy:
    """Loads what is not installed when any attribute is asked for."""

    def __getattribute__(self, name: str) -> Any:
        raise ImportError("install it first")


nothing = Proxy()

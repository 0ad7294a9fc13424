"""A place for an event loop of its own where another one may be running: a notebook's, or that of an async test."""

from __future__ import annotations

from asyncio import events
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def apart() -> Iterator[None]:
    """Within, no loop is running on this thread; afterwards the one is that was."""
    running = events._get_running_loop()
    events._set_running_loop(None)
    try:
        yield
    finally:
        events._set_running_loop(running)

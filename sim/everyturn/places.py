"""Where code stands, for messages: ``file:line``."""

from __future__ import annotations

import traceback
from types import CoroutineType, FrameType
from typing import Any

from everyturn import operations


def raised_at(error: BaseException) -> str:
    """Where an error was raised, or where a port was called that raised it."""
    *_, last = (each for each in traceback.extract_tb(error.__traceback__) if each.filename != operations.__file__)
    return f"{last.filename}:{last.lineno}"


def suspended_at(coroutine: Any) -> str:
    """Where a thread's own code stands: the innermost line that is neither a port's nor asyncio's."""
    place = "?"
    while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
        if not _is_foreign(coroutine.cr_frame):
            place = place_of(coroutine.cr_frame)
        coroutine = coroutine.cr_await
    return place


def place_of(frame: FrameType) -> str:
    """Where a frame stands."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _is_foreign(frame: FrameType) -> bool:
    module: str = frame.f_globals.get("__name__", "")
    return frame.f_code.co_filename == operations.__file__ or module.startswith("asyncio.")

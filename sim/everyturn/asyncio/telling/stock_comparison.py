"""What is compared of a recorded run and of the one that a script makes: how tasks stand at rest, and what was noted.

What stands behind the next comment is copied into the script, in front of the driver's own code.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

# what follows is the same for every run

NOT_COMPARED = re.compile(r"\bTask-\d+|\b0x[0-9a-f]+|\d+\.\d+(?:e[-+]?\d+)?")


def how_they_stand(tasks: list[Any], main: Any, ours: Path) -> list[str]:
    """The main task, and all that have not ended: where each waits, in the program's own files. ``ours``: a file or
    folder that is not the program's."""
    return [_stands(task, ours) for task in [main, *(each for each in tasks if each is not main)]]


def _stands(task: Any, ours: Path) -> str:
    if not task.done():
        place = _place(task.get_coro(), ours)
        return f"{task.get_name()} still waits" + (f", at {place}" if place else "")
    error = None if task.cancelled() else task.exception()
    return f"{task.get_name()} {'is cancelled' if task.cancelled() else f'ends in {error!r}' if error else 'has ended'}"


def _place(awaitable: Any, ours: Path) -> str:
    """The innermost line in a chain of awaits that is not asyncio's, nor ours."""
    found = ""
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "ag_frame", None)
        frame = frame or getattr(awaitable, "gi_frame", None)
        if frame is None:
            break
        file = Path(frame.f_code.co_filename)
        if file.parent != Path(asyncio.__file__).parent and ours not in (file, *file.parents):
            found = f"{file.name}:{frame.f_lineno}"
        awaitable = getattr(awaitable, "cr_await", None) or getattr(awaitable, "gi_yieldfrom", None)
    return found


def alike(told: Any) -> str:
    """Without addresses, times and automatic names."""
    return NOT_COMPARED.sub("#", repr(told))

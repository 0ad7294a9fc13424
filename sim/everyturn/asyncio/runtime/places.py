"""Where in the user's own files something happens."""

from __future__ import annotations

import os
import sys
import sysconfig
from asyncio import base_events
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Final

from everyturn.source_location import cell_name

OURS: Final = Path(str(sys.modules[__name__.partition(".")[0]].__file__)).resolve().parent
_OURS = str(OURS)
_STANDARD = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))


def is_users(file: str) -> bool:
    """Whether ``file`` belongs to the program, not to us, to Python or to an installed package."""
    if file.startswith("<"):
        return False
    if "site-packages" in file or file.startswith(_OURS + os.sep):
        return False
    return not file.startswith(tuple(folder + os.sep for folder in _STANDARD))


def may_be_patched(file: str) -> bool:
    """Whether ``file`` belongs to the program or to an installed package, not to us or to Python."""
    if file.startswith(("<", _OURS + os.sep)):
        return False
    return "site-packages" in file or not file.startswith(tuple(folder + os.sep for folder in _STANDARD))


def user_line(running: FrameType | None = None) -> str:
    """File and line of the innermost frame of the program that is running now, or in what is ``running``; without one,
    of an installed package's."""
    frame: FrameType | None = running or sys._getframe(1)
    package = ""
    while frame is not None and frame.f_code is not _loop_code():
        file = frame.f_code.co_filename
        if is_users(file):
            return f"{short(file)}:{frame.f_lineno}"
        if not package and "site-packages" in file:
            package = f"{short(file)}:{frame.f_lineno}"
        frame = frame.f_back
    return package or "the program"


def _loop_code() -> CodeType:
    """Below this code the stack is ours, and our caller's."""
    return base_events.BaseEventLoop.run_forever.__code__


def raised_at(error: BaseException) -> str:
    """File and line of the program's innermost frame in the traceback of ``error``, or else of any frame."""
    where = last = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        last = f"{short(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        if is_users(trace.tb_frame.f_code.co_filename):
            where = last
        trace = trace.tb_next
    return where or last or "the program"


def innermost(awaitable: Any) -> FrameType | None:
    """The innermost frame of the program in a chain of awaits; without one, the outermost frame of all."""
    found: FrameType | None = None
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "ag_frame", None)
        frame = frame or getattr(awaitable, "gi_frame", None)
        if frame is None:
            break
        if found is None or is_users(frame.f_code.co_filename):
            found = frame
        awaitable = getattr(awaitable, "cr_await", None) or getattr(awaitable, "gi_yieldfrom", None)
    return found


def suspended_at(awaitable: Any) -> str:
    """File and line of the innermost frame of the program in a chain of awaits."""
    frame = innermost(awaitable)
    return "" if frame is None else f"{short(frame.f_code.co_filename)}:{frame.f_lineno}"


def short(file: str) -> str:
    """The file below the working folder by its path from there, another one by its last two parts; a notebook's cell by
    its name."""
    cell = cell_name(file)
    if cell is not None:
        return cell
    path = Path(file)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return "/".join(path.parts[-2:])

"""Where code stands, for messages: ``file:line``."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import CodeType, CoroutineType, FrameType
from typing import Any, Final, NamedTuple

from everyturn import operations

_ASYNCIO: Final = str(Path(traceback.__file__).with_name("asyncio"))


class Place(NamedTuple):
    """An instruction of some code; its line is looked up when it is printed, for that takes long."""

    code: CodeType
    instruction: int

    @property
    def file(self) -> str:
        """The source file."""
        return self.code.co_filename

    @property
    def line(self) -> int:
        """The line, that of the function if the instruction has none."""
        for index, (line, *_) in enumerate(self.code.co_positions()):
            if index == self.instruction // 2 and line is not None:
                return line
        return self.code.co_firstlineno

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def raised_at(error: BaseException) -> str:
    """Where an error was raised, or where a port was called that raised it."""
    *_, last = (each for each in traceback.extract_tb(error.__traceback__) if each.filename != operations.__file__)
    return f"{last.filename}:{last.lineno}"


def suspended_at(coroutine: Any) -> Place:
    """Where a thread's own code stands: its innermost frame that is neither a port's nor asyncio's."""
    innermost: FrameType = coroutine.cr_frame
    while isinstance(coroutine, CoroutineType):
        frame = coroutine.cr_frame
        if frame is None or frame.f_code.co_filename.startswith((operations.__file__, _ASYNCIO)):
            break
        innermost = frame
        coroutine = coroutine.cr_await
    return place_of(innermost)


def place_of(frame: FrameType) -> Place:
    """Where a frame stands."""
    return Place(frame.f_code, frame.f_lasti)

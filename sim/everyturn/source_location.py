"""Where code stands, for messages: ``file:line``, if it can be in a file of the user's own."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from pathlib import Path
from types import CodeType, CoroutineType, FrameType
from typing import Any, Final, NamedTuple

import everyturn_impl
import everyturn_model

_ENGINE: Final = str(Path(__file__).parent)
_PORTS: Final = str(Path(__file__).parent / "world" / "gate.py")
_MODEL: Final = str(Path(everyturn_model.__file__).parent)
_DISPATCHERS: Final = str(Path(everyturn_impl.__file__).parent)
_INSTALLED: Final = tuple(sysconfig.get_path(name) for name in ("purelib", "platlib"))
_PYTHON: Final = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


class Rank(IntEnum):
    """Whose a file is: the lower, the more likely the reader is to have written it."""

    OWN = 0
    INSTALLED = 1
    DISPATCHERS = 2
    ENGINE = 3
    PYTHON = 4


@cache
def rank(file: str) -> Rank:
    """Whose a source file is."""
    if file.startswith((_ENGINE, _MODEL)) and Path(file).name != "mutants.py":
        return Rank.ENGINE
    if file.startswith(_DISPATCHERS):
        return Rank.DISPATCHERS
    if file.startswith(_INSTALLED):
        return Rank.INSTALLED
    if file.startswith((*_PYTHON, "<frozen ")):
        return Rank.PYTHON
    return Rank.OWN


@cache
def _is_beyond(file: str) -> bool:
    """Whether a thread's own code does not reach into a file: a port's, or Python's."""
    return file == _PORTS or rank(file) is Rank.PYTHON


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
        return f"{cell_name(self.file) or self.file}:{self.line}"


def cell_name(file: str) -> str | None:
    """What a notebook calls the cell whose code this file is, such as ``In[3]``; none if it is no cell's."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)
    found = None if named is None else named(file)
    return None if found is None else str(found[1])


def raised_at(error: BaseException) -> str:
    """The deepest line in the user's own files that an error passed, or else in whose it passed."""
    return _deepest((each.f_code.co_filename, line) for each, line in traceback.walk_tb(error.__traceback__))


def running_at(frame: FrameType | None = None) -> str:
    """The deepest line in the user's own files of what runs, in ``frame`` or now."""
    frames = traceback.walk_stack(sys._getframe(1) if frame is None else frame)
    return _deepest(reversed([(each.f_code.co_filename, line) for each, line in frames]))


def _deepest(lines: Iterable[tuple[str, int]]) -> str:
    """Of lines from the outermost to the innermost, the last one in the files that are most likely the reader's own."""
    found = list(lines)
    best = min(rank(file) for file, _ in found)
    file, line = next(each for each in reversed(found) if rank(each[0]) == best)
    return f"{cell_name(file) or file}:{line}"


def suspended_at(coroutine: Any) -> Place:
    """Where a thread's own code stands: its innermost frame that is neither a port's nor Python's."""
    innermost: FrameType = coroutine.cr_frame
    while isinstance(coroutine, CoroutineType):
        frame = coroutine.cr_frame
        if frame is None or _is_beyond(frame.f_code.co_filename):
            break
        innermost = frame
        coroutine = coroutine.cr_await
    return place_of(innermost)


def place_of(frame: FrameType) -> Place:
    """Where a frame stands."""
    return Place(frame.f_code, frame.f_lasti)

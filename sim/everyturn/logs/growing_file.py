"""Reads a file while it grows, as ``tail -F`` does: over rotation and truncation, and while it is not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from everyturn.files.reading import MAX_LINE, LogFile, ReadingFault, Unreadable, compression_of


class GrowingFile(LogFile):
    """A :class:`LogFile` that does not end: whenever there is no more to read, ``idle`` is asked whether to go on.

    A line is read once it is whole. When another file has taken the place of this one (rotation), the rest of the old
    one is read first; when the file is shorter than what was read of it (truncation), reading starts again at its
    beginning. Both, and that the file is not there, are told to ``notice``. Line numbers count within the present file.
    A compressed one is :class:`Unreadable`: what writes it holds lines back, so that it does not grow line by line.
    """

    def __init__(self, path: Path, idle: Callable[[], bool], notice: Callable[[str], None]) -> None:
        self.path = path
        self.number = 0
        self.compression = None
        self._ahead: list[bytes] = []
        self._idle, self._notice = idle, notice
        self._growing: BinaryIO | None = None
        self._part = b""
        self._skipping = False
        self._missing = False

    def __exit__(self, *_: object) -> None:
        if self._growing is not None:
            self._growing.close()

    def peek(self) -> bytes:
        """The first line, as soon as there is one; empty if there is to be none. Raises :class:`Unreadable` if there is
        no file."""
        first = self.readline(MAX_LINE + 1)
        if not first and self._growing is None:
            raise Unreadable(ReadingFault(self.path, 0, "a file to follow", "none"))
        self._ahead = [first]
        return first

    def readline(self, size: int) -> bytes:
        """The next whole line, or the next ``size`` bytes of it; empty when ``idle`` has said that it is enough."""
        if self._ahead:
            return self._ahead.pop()
        while True:
            line = self._grown(size)
            if line:
                return line
            if not self._turned_over() and not self._idle():
                self._left_out()
                return b""

    def lines(self, fault: Callable[[ReadingFault], None]) -> Iterator[tuple[int, bytes]]:
        """Every line with its number; what is longer than the longest line is reported and skipped."""
        while raw := self.readline(MAX_LINE + 1):
            if self._skipping:
                self._skipping = not raw.endswith(b"\n")
                continue
            self.number += 1
            if len(raw) > MAX_LINE:
                self._skipping = not raw.endswith(b"\n")
                fault(ReadingFault(self.path, self.number, f"a line of at most {MAX_LINE} bytes", "a longer one"))
                continue
            yield self.number, raw

    def _grown(self, size: int) -> bytes:
        """A whole line, or ``size`` bytes of one, if there are so many by now."""
        try:
            if self._growing is None:
                self._growing = self.path.open("rb")
                self._missing = False
            piece = self._growing.readline(size - len(self._part))
        except FileNotFoundError:
            if not self._missing:
                self._notice(f"{self.path}: is not there; waiting for it")
            self._missing = True
            return b""
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise Unreadable(ReadingFault(self.path, self.number + 1, "a file that can be read", reason)) from error
        self._part += piece
        if self.number == 0 and (compression := compression_of(self._part)):
            raise Unreadable(ReadingFault(self.path, 0, "a plain log to follow (without --follow, any)", compression))
        if self._part.endswith(b"\n") or len(self._part) >= size:
            line, self._part = self._part, b""
            return line
        return b""

    def _turned_over(self) -> bool:
        """Whether another file has come, or this one begins anew; both are told, and reading starts at the
        beginning."""
        if self._growing is None:
            return False
        here = os.fstat(self._growing.fileno())
        if here.st_size < self._growing.tell():
            self._notice(f"{self.path}: was truncated after line {self.number}; reading on from its beginning")
            self._growing.seek(0)
        else:
            try:
                there = self.path.stat()
            except OSError:
                if not self._missing:
                    self._notice(f"{self.path}: is gone after line {self.number}; waiting for the next one")
                self._missing = True
                return False
            if (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
                return False
            self._notice(f"{self.path}: was rotated after line {self.number}; reading on in the new file")
            self._growing.close()
            self._growing = None
        self._left_out()
        self.number, self._skipping, self._missing = 0, False, False
        return True

    def _left_out(self) -> None:
        """A line that nothing more will come of is told."""
        if self._part:
            self._notice(f"{self.path}:{self.number + 1}: the last line was not whole and is left out")
        self._part = b""

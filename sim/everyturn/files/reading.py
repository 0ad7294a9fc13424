"""Files as they come: plain or compressed, or standard input, with lines of any length and any bytes.

Compression is told by the first bytes, not by the name, so that it works through a pipe. A line is never held in memory
beyond :data:`MAX_LINE`: a longer one is skipped, piece by piece, and reported.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, cast

from backports import zstd

from everyturn.errors import UsageError
from everyturn.printing import printable

MAX_LINE: Final = 1_000_000
"""Longer lines are not read, in bytes."""

MAX_TEXT: Final = 1_000_000
"""Longer mappings and studies are not read, in bytes."""

SCREEN: Final = 20
"""So many faults fit on a screen; more are counted."""

STDIN: Final = Path("-")

_SHOWN: Final = 80
"""So much of what was found is quoted."""

_PIECE: Final = 1 << 16

_SIP: Final = 1 << 13
"""So many bytes of a compressed file are read at once: what its contents are read in may be a hundred times as much."""

_OFTEN: Final = 512
"""After so many lines, progress is told."""

_BROKEN: Final = (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, ValueError)
"""What reading a file may raise, compressed or not."""


class ReadingFault(NamedTuple):
    """Something that could not be read. ``line`` counts from 1; 0 is the file as a whole."""

    path: Path
    line: int
    expected: str
    found: str

    def __str__(self) -> str:
        place = f":{self.line}" if self.line else ""
        return printable(f"{self.path}{place}: expected {self.expected}; found {self.found}")


class Unreadable(UsageError):
    """A file cannot be read, or no further. ``fault`` says what was expected and found."""

    def __init__(self, fault: ReadingFault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Unread(list[str]):
    """What could not be read, as far as a screen holds it; ``more`` were not kept. ``say`` is told of each that is."""

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        super().__init__()
        self._say = say
        self.more = 0

    def __call__(self, fault: object) -> None:
        """One more."""
        if len(self) < SCREEN:
            self.append(str(fault))
            self._say(self[-1])
        else:
            self.more += 1

    def with_more(self, others: Unread) -> Unread:
        """These, and others."""
        both = Unread()
        for each in (*self, *others):
            both(each)
        both.more += self.more + others.more
        return both

    @property
    def rest(self) -> list[str]:
        """A sentence about those that were not kept, if there are any."""
        return [f"{self.more:,} more places that could not be read"] if self.more else []


def stop(fault: ReadingFault) -> None:
    """What to do about a fault when nothing but a whole file will do: raise :class:`Unreadable`."""
    raise Unreadable(fault)


def _gzip(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=raw, mode="rb"))


def _bzip2(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", bz2.BZ2File(raw))


def _xz(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", lzma.LZMAFile(raw))


def _zstandard(raw: BinaryIO) -> BinaryIO:
    return cast("BinaryIO", zstd.ZstdFile(raw))


_OPENERS: Final = (
    (b"\x1f\x8b", "gzip", _gzip),
    (b"BZh", "bzip2", _bzip2),
    (b"\xfd7zXZ\x00", "xz", _xz),
    (b"\x28\xb5\x2f\xfd", "zstandard", _zstandard),
)
"""First bytes, name and opener of each kind of compression."""


class _Packed:
    """A compressed file in sips, so that how much of it was read follows what was read of its contents."""

    def __init__(self, raw: io.BufferedReader) -> None:
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        """At most a sip; nothing at the end."""
        return self._raw.read1(_SIP if size < 0 else min(size, _SIP))


class _Unpacked(io.RawIOBase):
    """What is in a compressed file, as far as it can be had: a file that breaks off is read up to there, a pipe as it
    flows."""

    def __init__(self, packed: Any) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._packed.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._packed.close()
        super().close()


def compression_of(start: bytes) -> str | None:
    """What a file that starts like this is compressed with; none if it is plain."""
    return next((name for magic, name, _ in _OPENERS if start.startswith(magic)), None)


class LogFile:
    """A file that is read once from its beginning, line by line; ``-`` is standard input. A context manager.

    Everything that goes wrong with the file itself is :class:`Unreadable`, with the line that was being read.
    ``progress`` is given the file now and then.
    """

    _progress: Callable[[LogFile], None] | None = None

    def __init__(self, path: Path, progress: Callable[[LogFile], None] | None = None) -> None:
        self.path = path
        self._progress = progress
        self.number = 0
        """The line that was read last."""
        self.compression: str | None = None
        self._ahead: list[bytes] = []
        try:
            raw = sys.stdin.buffer if path == STDIN else path.open("rb")
            self._file = self._unpacked(cast("io.BufferedReader", raw))
        except _BROKEN as error:
            raise Unreadable(ReadingFault(path, 0, "a file that can be read", _reason(error))) from error

    def __enter__(self) -> LogFile:
        return self

    @property
    def share(self) -> float | None:
        """How much of the file was read, as it lies there; none if that is not known, as of a pipe."""
        size = 0 if self.path == STDIN else os.fstat(self._raw.fileno()).st_size
        return self._raw.tell() / size if size else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.path != STDIN:
            self._file.close()
            self._raw.close()

    def _unpacked(self, raw: io.BufferedReader) -> BinaryIO:
        self._raw = raw
        start = raw.peek(6)
        for magic, name, opener in _OPENERS:
            if start.startswith(magic):
                self.compression = name
                return cast("BinaryIO", io.BufferedReader(_Unpacked(opener(cast("BinaryIO", _Packed(raw)))), _PIECE))
        return cast("BinaryIO", raw)

    def readline(self, size: int) -> bytes:
        """The next line, or the next ``size`` bytes of it; empty at the end of the file."""
        if self._ahead:
            return self._ahead.pop()
        try:
            return self._file.readline(size)
        except _BROKEN as error:
            raise self._broken(error) from error

    def _broken(self, error: BaseException) -> Unreadable:
        whole = f"a whole {self.compression} file" if self.compression else "a file that can be read"
        return Unreadable(ReadingFault(self.path, self.number + 1, whole, _reason(error)))

    def peek(self) -> bytes:
        """The first line, or as much of it as is ever read. Only before anything else was read."""
        first = self.readline(MAX_LINE + 1)
        self._ahead = [first]
        return first

    def lines(self, fault: Callable[[ReadingFault], None]) -> Iterator[tuple[int, bytes]]:
        """Every line with its number; what is longer than :data:`MAX_LINE` is reported and skipped."""
        readline, longest, progress = self._file.readline, MAX_LINE, self._progress
        raw = self.readline(longest + 1)
        try:
            while raw:
                self.number += 1
                if progress is not None and not self.number % _OFTEN:
                    progress(self)
                if len(raw) > longest:
                    while raw and not raw.endswith(b"\n"):
                        raw = readline(_PIECE)
                    fault(ReadingFault(self.path, self.number, f"a line of at most {MAX_LINE} bytes", "a longer one"))
                else:
                    yield self.number, raw
                raw = readline(longest + 1)
        except _BROKEN as error:
            raise self._broken(error) from error

    def whole(self, limit: int) -> bytes:
        """All that is left of the file. Raises :class:`Unreadable` beyond ``limit`` bytes."""
        try:
            content = b"".join(self._ahead) + self._file.read(limit + 1)
        except _BROKEN as error:
            raise Unreadable(ReadingFault(self.path, 0, "a file that can be read", _reason(error))) from error
        if len(content) > limit:
            raise Unreadable(ReadingFault(self.path, 0, f"a document of at most {limit:,} bytes", "a longer one"))
        return content

    def undecodable(self, number: int, raw: bytes, error: Exception, expected: str) -> ReadingFault:
        """The fault of a line that a JSON decoder refused."""
        if isinstance(error, RecursionError):
            return ReadingFault(self.path, number, "a flat JSON object", "one that is nested too deeply")
        message = str(error)
        if not raw.endswith(b"\n") and ("truncated" in message or "malformed" in message):
            return ReadingFault(self.path, number, "a complete line", f"the end of the file within {quote(raw)}")
        if re.search("malformed|truncated|utf-8|surrogate", message, re.IGNORECASE):
            return ReadingFault(self.path, number, "a JSON object in UTF-8", quote(raw))
        return ReadingFault(self.path, number, expected, f"{message[:_SHOWN]}: {quote(raw)}")


def text_of(path: Path, limit: int = MAX_TEXT) -> str:
    """The text of a small file such as a mapping or a study, in UTF-8. Raises :class:`Unreadable` for anything else."""
    with LogFile(path) as file:
        raw = file.whole(limit)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(ReadingFault(path, line, "text in UTF-8", quote(raw[error.start : error.start + 1]))) from None


def quote(raw: bytes | str) -> str:
    """The beginning of what was found, in ASCII and quotes."""
    text = raw.decode(errors="replace").rstrip("\r\n") if isinstance(raw, bytes) else raw
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, EOFError):
        return "the end of the file"
    return str(error) or type(error).__name__

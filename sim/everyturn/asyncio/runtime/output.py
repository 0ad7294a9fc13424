"""What explored code prints and logs: kept for the story of a run, and shown nowhere else."""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class _OfThisThread(threading.local):
    """Ours, and none of the program's."""


_OF_THIS_THREAD = _OfThisThread()


class KeptStream(io.TextIOBase):
    """Stands in for a stream: what is written during a run goes to that run."""

    def __init__(self, instead: TextIO) -> None:
        self.instead = instead

    def write(self, text: str) -> int:
        take: Callable[[str], None] | None = getattr(_OF_THIS_THREAD, "take", None)
        if take is None:
            return self.instead.write(text)
        take(text)
        return len(text)

    def flush(self) -> None:
        self.instead.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.instead, name)


class TypedStream(KeptStream):
    """Stands in for standard input. ``asked`` is told of whoever reads, and raises if he may not."""

    def __init__(self, instead: TextIO, asked: Callable[[], object]) -> None:
        super().__init__(instead)
        self._asked = asked

    def _read(self) -> TextIO:
        self._asked()
        return self.instead

    def flush(self) -> None:
        """Nothing is written; a stand-in for standard input may have no ``flush`` at all."""

    def read(self, size: int | None = -1, /) -> str:
        return self._read().read(-1 if size is None else size)

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        return self._read().readline(size)

    @property
    def buffer(self) -> Any:
        return self._read().buffer

    def fileno(self) -> int:
        return self._read().fileno()


@contextmanager
def taken_by(take: Callable[[str], None]) -> Iterator[None]:
    """A run: what its code prints is given to ``take``, piece by piece."""
    before = getattr(_OF_THIS_THREAD, "take", None)
    _OF_THIS_THREAD.take = take
    try:
        yield
    finally:
        _OF_THIS_THREAD.take = before


@contextmanager
def kept() -> Iterator[None]:
    """Standard output and error, and the handlers of logs that write there, pass on what no run takes."""
    streams = {name: getattr(sys, name) for name in ("stdout", "stderr")}
    stand_ins = {id(stream): KeptStream(stream) for stream in streams.values() if stream is not None}
    handlers = [
        (handler, handler.stream)
        for handler in (reference() for reference in list(logging._handlerList))  # type: ignore[attr-defined]
        if isinstance(handler, logging.StreamHandler) and id(vars(handler).get("stream")) in stand_ins
    ]
    try:
        for name, stream in streams.items():
            setattr(sys, name, stand_ins.get(id(stream), stream))
        for handler, stream in handlers:
            handler.stream = stand_ins[id(stream)]
        yield
    finally:
        for handler, stream in handlers:
            handler.stream = stream
        for name, stream in streams.items():
            setattr(sys, name, stream)

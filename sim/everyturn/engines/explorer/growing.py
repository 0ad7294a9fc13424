"""Arrays that grow: any at its end, and rows of numbers in pages of memory as large as the machine has them.

Keys are read at random places, and much of what that costs is finding the page. So on Linux large pages are asked for
(``madvise(2)``, ``MADV_HUGEPAGE``), and rows need not be copied to grow; elsewhere they are an ordinary array.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

_LARGE: Final = 1 << 21
"""Bytes of a large page."""


class Extended(Generic[Number]):
    """An array that is extended often, and copied seldom."""

    def __init__(self, first: NDArray[Number]) -> None:
        self._array = first
        self._count = len(first)

    def __len__(self) -> int:
        return self._count

    @property
    def array(self) -> NDArray[Number]:
        """The array as it is now; it may be another one after :meth:`extend`."""
        return self._array[: self._count]

    def extend(self, more: NDArray[Any]) -> None:
        """Have these at the end, too."""
        before, self._count = self._count, self._count + len(more)
        if self._count > len(self._array):
            array = np.empty((self._count + self._count // 2, *self._array.shape[1:]), self._array.dtype)
            array[:before] = self._array[:before]
            self._array = array
        self._array[before : self._count] = more


class Rows:
    """An array of rows, all 0 at first, that can grow: :attr:`array` is another one then."""

    def __init__(self, width: int, capacity: int) -> None:
        self.array: NDArray[np.uint64] = np.zeros((capacity, width), np.uint64)
        self._memory: mmap.mmap | None = None

    def grow(self, capacity: int) -> None:
        """Make room for at least ``capacity`` rows. Raises :class:`MemoryError`."""
        width = self.array.shape[1]
        size = -(-8 * capacity * width // _LARGE) * _LARGE
        if sys.platform != "linux" or size == _LARGE:
            self.array.resize((capacity, width), refcheck=False)
            return
        try:
            self._map(size)
        except OSError as error:
            raise MemoryError(f"{size:,} bytes for {capacity:,} rows: {error.strerror}") from error

    def _map(self, size: int) -> None:
        """Have the rows in a mapping of ``size`` bytes."""
        before, memory, width = self.array, self._memory, self.array.shape[1]
        if memory is not None:
            self.array = before = np.zeros((0, width), np.uint64)  # a mapping that is looked into cannot move
            try:
                memory.resize(size)
            except BufferError:  # somebody else looks into it, and keeps what is there
                before, memory = _rows(memory, width), None
        if memory is None:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.madvise(mmap.MADV_HUGEPAGE)
        self._memory, self.array = memory, _rows(memory, width)
        self.array[: len(before)] = before


def _rows(memory: mmap.mmap, width: int) -> NDArray[np.uint64]:
    """All rows for which there is room."""
    count = len(memory) // (8 * width)
    return np.frombuffer(memory, np.uint64, count * width).reshape(count, width)

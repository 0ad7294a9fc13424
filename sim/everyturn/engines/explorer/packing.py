"""Rows of small integers packed into few 64-bit words.

Each column has a field of just enough bits; no field straddles two words. Fields grow: when a column needs more bits,
a new layout is made and all rows are packed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer.numbering import KeyNumbers, Words

WORD_BITS = 64
_SMALL: Final = 3
_CHUNK: Final = 1 << 15


def _places(bits: Sequence[int]) -> list[tuple[int, int, int]]:
    """Where fields of so many bits lie: the column, the word, and the shift within it, the largest first."""
    room: list[int] = []
    places = []
    for column in sorted(range(len(bits)), key=lambda each: -bits[each]):
        word = next((index for index, free in enumerate(room) if free >= bits[column]), len(room))
        if word == len(room):
            room.append(WORD_BITS)
        places.append((column, word, WORD_BITS - room[word]))
        room[word] -= bits[column]
    return places


def _words(bits: Sequence[int]) -> int:
    """How many words hold fields of so many bits."""
    return max([1, *[word + 1 for _, word, _ in _places(bits)]])


class Layout:
    """Where each column's field lies: its word, the shift within it, and its bits."""

    def __init__(self, bits: Sequence[int]) -> None:
        self.bits = tuple(bits)
        self.word = np.zeros(len(bits), np.int64)
        self.shift = np.zeros(len(bits), np.uint64)
        self.mask = np.array([(1 << each) - 1 for each in bits], np.uint64)
        self.width = 1
        for column, word, shift in _places(bits):
            self.word[column], self.shift[column] = word, shift
            self.width = max(self.width, word + 1)

    def fits(self, column: int, largest: int) -> bool:
        """Whether a column's field can hold ``largest``."""
        return largest >> self.bits[column] == 0

    def holds(self, largest: Sequence[int]) -> bool:
        """Whether each column's field can hold its largest number."""
        return all(number >> bits == 0 for number, bits in zip(largest, self.bits, strict=True))

    @classmethod
    def holding(cls, largest: Sequence[int]) -> Layout:
        """A layout with as few words as possible in which each column can hold its largest number.

        Bits to spare go to the columns with the largest numbers first, because these grow fastest: rows are rarely
        packed anew then.
        """
        bits = [number.bit_length() for number in largest]
        words = _words(bits)
        for _ in range(3):
            for column in sorted(range(len(bits)), key=lambda each: -bits[each]):
                bits[column] += 1
                bits[column] -= _words(bits) > words
        return cls(bits)

    def moved(self, words: Words, layout: Layout) -> Words:
        """Rows that were packed in this layout, packed in another one; themselves, if it is the same."""
        if layout.bits == self.bits:
            return words
        after = np.zeros((len(words), layout.width), np.uint64)
        for start in range(0, len(words), _CHUNK):
            old, new = words[start : start + _CHUNK], after[start : start + _CHUNK]
            for column in range(len(self.bits)):
                new[:, layout.word[column]] |= self.get(old, column).view(np.uint64) << layout.shift[column]
        return after

    def get(self, words: Words, column: int) -> KeyNumbers:
        """One column of packed rows."""
        field: Words = words[:, self.word[column]] >> self.shift[column]
        field &= self.mask[column]
        return field.view(np.int64)

    def put(self, words: Words, rows: KeyNumbers, column: int, numbers: KeyNumbers) -> None:
        """Set one column of some of the packed rows."""
        word, bits = self.field(column)
        words[rows, word] = (words[rows, word] & ~bits) | (numbers.view(np.uint64) << self.shift[column])

    def field(self, column: int) -> tuple[int, np.uint64]:
        """A column's word, and the bits of its field within it."""
        return self._fields[column]

    @cached_property
    def _fields(self) -> list[tuple[int, np.uint64]]:
        return list(zip(self.word.tolist(), self.mask << self.shift, strict=True))

    def pack(self, rows: NDArray[np.int64]) -> Words:
        """Rows of numbers, one column each, as words."""
        fields = rows.T.astype(np.uint64, order="C")
        fields <<= self.shift[:, None]
        words = np.empty((len(rows), self.width), np.uint64)
        for word in range(self.width):
            np.bitwise_or.reduce(fields[self.word == word], axis=0, out=words[:, word])
        return words

    def unpack(self, words: Words) -> NDArray[np.int64]:
        """The rows of numbers that were packed."""
        rows = np.empty((len(words), len(self.bits)), np.int64)
        for column in range(len(self.bits)):
            rows[:, column] = self.get(words, column)
        return rows

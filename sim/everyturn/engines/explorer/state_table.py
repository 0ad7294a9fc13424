"""The states that were found, by number: packed rows, packed anew when a number outgrows its field."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer.numbering import KeyNumbers, Numbering, Words
from everyturn.engines.explorer.packing import Layout

RowNumbers = NDArray[np.int64]
"""Rows of numbers, one column each."""


class StateTable:
    """Numbers for packed rows, in the order in which they were found; ``largest`` says what each column must be able to
    hold."""

    def __init__(self, largest: Callable[[], list[int]], first: RowNumbers) -> None:
        self._largest = largest
        self.layout = Layout.holding(largest())
        self.numbering = Numbering(self.layout.width)
        self.numbering.add(self.layout.pack(first))

    def __len__(self) -> int:
        return len(self.numbering)

    @property
    def keys(self) -> Words:
        """All states by number, packed."""
        return self.numbering.keys

    @property
    def nbytes(self) -> int:
        """Bytes of memory in use."""
        return self.numbering.nbytes

    def find(self, words: Words) -> KeyNumbers:
        """The number of each packed row, -1 for one that is no state yet."""
        return self.numbering.find(words)

    def add(self, words: Words) -> KeyNumbers:
        """The number of each packed row; those that are new get theirs in the order in which they stand here."""
        return self.numbering.add(words)

    def added(self, words: Words) -> tuple[KeyNumbers, KeyNumbers]:
        """As :meth:`add`, and the places of those that are new."""
        return self.numbering.added(words)

    def widen(self) -> Layout:
        """Make room for numbers that no longer fit; the layout that then holds."""
        largest = self._largest()
        if not self.layout.holds(largest):
            before, layout = self.layout, Layout.holding(largest)
            self.numbering.repack(layout.width, lambda words: before.moved(words, layout))
            self.layout = layout
        return self.layout

    def rows(self, words: Words) -> RowNumbers:
        """Packed rows as numbers."""
        return self.layout.unpack(words)

    def packed(self, rows: RowNumbers) -> Words:
        """Rows of numbers, packed in the layout that then holds."""
        return self.widen().pack(rows)

    def restore(self, layout: Layout, keys: Words) -> None:
        """Have these states by number, packed in ``layout``, in place of all that are there."""
        self.numbering = self.numbering.replaced(keys)
        self.layout = layout

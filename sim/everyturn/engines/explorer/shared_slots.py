"""What two processes tell each other of a chunk: arrays through a slot of shared memory, and how tables have grown."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer.judge_parts import Arrays
from everyturn.engines.explorer.macro_outcomes import MacroOutcome
from everyturn.engines.explorer.macro_steps import LearningJournal
from everyturn.verdicts.checker import Finding
from everyturn_model.events import Event

AnyArray = NDArray[Any]


class ArraysSent(NamedTuple):
    """Arrays on their way: their shapes and types, and themselves, if the slot has no room for them."""

    kinds: list[tuple[tuple[int, ...], str]]
    inline: list[AnyArray] | None


class ChunkSent(NamedTuple):
    """A chunk: its slot, its arrays, its layout, the largest number of a judge's state."""

    slot: int
    arrays: ArraysSent
    bits: tuple[int, ...]
    judges: int


class JournalSent(NamedTuple):
    """What is to be made again before the first chunk: a journal, a row for each entry, and the specification's
    steps."""

    journal: AnyArray
    beliefs: Arrays


class ChunkAnswered(NamedTuple):
    """What follows on a chunk, and how the tables have grown meanwhile: ``ways`` by thread, with the numbers of their
    moves."""

    arrays: ArraysSent
    journal: LearningJournal
    largest: list[int]
    events: list[tuple[Event, ...]]
    moves: list[tuple[int, int]]
    ways: list[list[tuple[MacroOutcome, int]]]
    refusals: list[Finding]
    locals: int
    resident: int
    peak: int


def inline(arrays: list[AnyArray]) -> ArraysSent:
    """Arrays that need no slot."""
    return ArraysSent([(array.shape, array.dtype.str) for array in arrays], arrays)


def put(slot: NDArray[np.uint64], arrays: list[AnyArray]) -> ArraysSent:
    """Lay arrays into a slot, one after the other, if there is room."""
    sent = inline(arrays)
    if sum(array.size for array in arrays) > len(slot):
        return sent
    place = 0
    for array in arrays:
        slot[place : place + array.size].view(array.dtype).reshape(array.shape)[...] = array
        place += array.size
    return sent._replace(inline=None)


def get(slot: NDArray[np.uint64], sent: ArraysSent) -> list[AnyArray]:
    """The arrays that :func:`put` laid there, as views."""
    if sent.inline is not None:
        return sent.inline
    arrays: list[AnyArray] = []
    place = 0
    for shape, kind in sent.kinds:
        size = int(np.prod(shape))
        arrays.append(slot[place : place + size].view(kind).reshape(shape))
        place += size
    return arrays

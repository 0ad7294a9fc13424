"""Keys of several words, numbered in the order in which they were first seen; a million at a time.

A hash table with open addressing and linear probing in which a whole batch of keys is looked up at once: each round
probes one slot for every key that is not settled yet. A hash only says where to look; two keys are the same if all
their words are (Knuth, The Art of Computer Programming 3, 6.4; the rounds are those of batched probing on vector
machines, for example Alcantara et al., Real-time Parallel Hashing on the GPU, SIGGRAPH Asia 2009).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer import kernels
from everyturn.engines.explorer.growing import Rows
from everyturn.errors import EveryturnError

Words = NDArray[np.uint64]
"""Keys: one row each, one column for each word."""
KeyNumbers = NDArray[np.int64]

_MULTIPLIERS: Final = tuple(
    np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_HALF: Final = np.uint64(32)
_WORD: Final = np.uint64(64)
_FULLEST: Final = 0.6
"""How full a table may be; where memory is no matter, half as full, so that less needs to be looked for again."""
_SMALL: Final = 1 << 21
_CHUNK: Final = 1 << 18
_LEAST: Final = 1 << 12
_FEW: Final = 128
"""So many keys are entered sooner one by one."""
_MOST: Final = (1 << 31) - 1
"""So many keys have numbers that a slot can hold."""


def _fullest(slots: int) -> float:
    """How full a table with so many slots may be."""
    return _FULLEST if slots > _SMALL else _FULLEST / 2


def hashes(words: Words) -> Words:
    """A 64-bit hash for each key; its high bits are the good ones."""
    mixed = words[:, 0] * _MULTIPLIERS[0]
    for place in range(1, words.shape[1]):
        mixed ^= mixed >> _HALF
        mixed += words[:, place]
        mixed *= _MULTIPLIERS[place % len(_MULTIPLIERS)]
    mixed ^= mixed >> _HALF
    mixed *= _MULTIPLIERS[-1]
    return mixed


def equal(one: Words, other: Words) -> NDArray[np.bool_]:
    """Which rows of two arrays of keys are the same in every word."""
    same: NDArray[np.bool_] = one[:, 0] == other[:, 0]
    for place in range(1, one.shape[1]):
        same &= one[:, place] == other[:, place]
    return same


class Numbering:
    """Numbers for keys of ``width`` words: 0 for the first that was seen, and so on."""

    def __init__(self, width: int, capacity: int = 1024) -> None:
        self._rows = Rows(width, capacity)
        self._count = 0
        slots = 2 ** (2 * capacity - 1).bit_length()
        self._slots: NDArray[np.uint32] = np.zeros(slots, np.uint32)
        self._shift = np.uint64(64 - slots.bit_length() + 1)

    def __len__(self) -> int:
        return self._count

    @property
    def keys(self) -> Words:
        """The keys by number."""
        return self._keys[: self._count]

    @property
    def nbytes(self) -> int:
        """Bytes of memory in use."""
        return self._count * self.width * 8 + self._slots.nbytes

    @property
    def width(self) -> int:
        """Words in a key."""
        return int(self._keys.shape[1])

    @property
    def _keys(self) -> Words:
        """The keys by number, and the room for more."""
        return self._rows.array

    def replaced(self, keys: Words) -> Numbering:
        """The same numbers for other keys, all different, given by number."""
        other = Numbering(keys.shape[1])
        other._reserve(len(keys))
        other._keys[: len(keys)] = keys
        other._count = len(keys)
        other._rehash(len(keys))
        return other

    def repack(self, width: int, moved: Callable[[Words], Words]) -> None:
        """Have each key as ``moved`` gives it, in so many words; all are different. Part by part, and where they are
        if they are as wide as before: of millions there may be no room for two."""
        before = self._rows
        if width != self.width:
            self._rows = Rows(width, 1)
            self._rows.grow(max(self._count, 1))
        for start in range(0, self._count, _CHUNK):
            part = slice(start, min(start + _CHUNK, self._count))
            self._keys[part] = moved(before.array[part])
        del before
        self._slots.fill(0)
        self._enter_all()

    @property
    def table(self) -> tuple[Words, NDArray[np.uint32], np.uint64]:
        """Keys by number, slots, and how a hash is shifted to be a slot, as compiled loops take them."""
        return self._keys, self._slots, self._shift

    @property
    def room(self) -> int:
        """How many keys there may be before the table has to grow."""
        return min(len(self._keys), int(_fullest(len(self._slots)) * len(self._slots)))

    def grow(self) -> None:
        """Make room for half as many keys again, and some."""
        self._reserve(max(1, min(_LEAST + self._count // 2, _MOST - self._count)))

    def entered(self, count: int) -> None:
        """Compiled loops have entered keys: now there are so many."""
        self._count = count

    def find(self, words: Words) -> KeyNumbers:
        """The number of each key, -1 for one that was never added."""
        loops = kernels.compiled()
        if loops is not None:
            found = np.empty(len(words), np.int64)
            loops.find(*self.table, np.require(words, np.uint64, ["C", "W"]), found)
            return found
        slots, _ = self._first(words)
        numbers = self._held(slots)
        todo = self._others(numbers, words)
        while todo.size:
            slots[todo] = (slots[todo] + 1) & (len(self._slots) - 1)
            held = self._held(slots[todo])
            numbers[todo] = held
            todo = todo[self._others(held, words.take(todo, axis=0))]
        return numbers

    def _held(self, slots: KeyNumbers) -> KeyNumbers:
        """The numbers that stand in slots, -1 in those that are empty."""
        held = self._slots.take(slots)
        held &= np.uint32(len(self._slots) - 1)
        numbers = held.astype(np.int64)
        numbers -= 1
        return numbers

    def _others(self, held: KeyNumbers, words: Words) -> KeyNumbers:
        """The places where a slot holds another key than the one that is looked for."""
        other = ~equal(self._keys.take(held, axis=0, mode="wrap"), words)
        other &= held >= 0
        return np.flatnonzero(other)

    def add(self, words: Words) -> KeyNumbers:
        """The number of each key; those that are new get theirs in the order in which they stand here."""
        return self.added(words)[0]

    def added(self, words: Words) -> tuple[KeyNumbers, KeyNumbers]:
        """As :meth:`add`; and for each new key, by number, the place where it stands first."""
        self._reserve(len(words))
        before, loops = self._count, kernels.compiled()
        if loops is not None:
            numbers, places = np.empty(len(words), np.int64), np.empty(len(words), np.int64)
            self._count = loops.add(*self.table, before, np.require(words, np.uint64, ["C", "W"]), numbers, places)
            return numbers, places[: self._count - before].copy()
        if len(words) <= _FEW:
            return self._added_one_by_one(words)
        slots, hashed = self._first(words)
        numbers = self._held(slots)
        further = self._others(numbers, words)
        empty = np.flatnonzero(numbers < 0)
        again, *won = self._claim(empty, slots[empty], words, hashed, numbers)
        rounds = [won]
        last = len(self._slots) - 1
        while further.size or again.size:
            slots[further] = (slots[further] + 1) & last
            todo = np.concatenate((further, again))
            held = self._held(slots[todo])
            numbers[todo] = held
            further = todo[self._others(held, words.take(todo, axis=0))]
            empty = todo[held < 0]
            if empty.size:
                again, *won = self._claim(empty, slots[empty], words, hashed, numbers)
                rounds.append(won)
            else:
                again = empty
        if len(rounds) == 1:
            return numbers, rounds[0][0]
        fresh, taken = (np.concatenate(each) for each in zip(*rounds, strict=True))
        order, marks = np.argsort(fresh, kind="stable"), self._marks(hashed.take(fresh))
        fresh, places = fresh[order], np.empty(len(order), np.int64)
        places[order] = np.arange(before, self._count)
        self._keys[before : self._count] = words.take(fresh, axis=0)
        self._slots[taken] = marks | (places + 1).astype(np.uint32)
        new = np.flatnonzero(numbers >= before)
        numbers[new] = places[numbers[new] - before]
        return numbers, fresh

    def _added_one_by_one(self, words: Words) -> tuple[KeyNumbers, KeyNumbers]:
        """As :meth:`added`, for so few keys that a call of NumPy would take longer than all of them."""
        numbers: list[int] = []
        fresh: list[int] = []
        keys, table, last = self._keys, self._slots, len(self._slots) - 1
        slots, hashed = self._first(words)
        marks = self._marks(hashed).tolist()
        for row, slot, mark in zip(words.tolist(), slots.tolist(), marks, strict=True):
            while (held := table.item(slot) & last) and keys[held - 1].tolist() != row:
                slot = (slot + 1) & last
            if not held:
                keys[self._count] = words[len(numbers)]
                self._count = held = self._count + 1
                table[slot] = mark | held
                fresh.append(len(numbers))
            numbers.append(held - 1)
        return np.array(numbers, np.int64), np.array(fresh, np.int64)

    def _claim(
        self, claimants: KeyNumbers, at: KeyNumbers, words: Words, hashed: Words, numbers: KeyNumbers
    ) -> tuple[KeyNumbers, KeyNumbers, KeyNumbers]:
        """Give each empty slot to the first who claims it; those who must look again, those who won, and the slots
        won."""
        places = np.arange(1, len(claimants) + 1, dtype=np.uint32)
        self._slots[at[::-1]] = places[::-1]
        won = self._slots[at] == places
        winners, taken = claimants[won], at[won]
        count = self._count
        self._keys[count : count + len(winners)] = words.take(winners, axis=0)
        given = np.arange(count, count + len(winners))
        self._slots[taken] = self._marks(hashed.take(winners)) | (given + 1).astype(np.uint32)
        numbers[winners] = given
        self._count += len(winners)
        return claimants[~won], winners, taken

    def _first(self, words: Words) -> tuple[KeyNumbers, Words]:
        """The slot at which each key is looked for first, and its hash."""
        hashed = hashes(words)
        slots: KeyNumbers = (hashed >> self._shift).view(np.int64)
        return slots, hashed

    def _marks(self, hashed: Words) -> NDArray[np.uint32]:
        """The marks of keys with these hashes: what stands above a number in its slot, those bits that did not choose
        the slot, as many as there is room for."""
        return ((hashed >> _HALF) << (_WORD - self._shift)).astype(np.uint32)

    def _reserve(self, more: int) -> None:
        """Make room for ``more`` keys."""
        needed = self._count + more
        if needed > _MOST:
            raise EveryturnError(f"more than {_MOST:,} keys in one table: expected fewer")
        if needed > len(self._keys):
            self._rows.grow(max(needed, len(self._keys) + len(self._keys) // 2))
        if needed > _fullest(len(self._slots)) * len(self._slots):
            self._rehash(needed)

    def _rehash(self, needed: int) -> None:
        """Enter all keys into a table with room for ``needed`` of them."""
        size = len(self._slots)
        while needed > _fullest(size) * size:
            size *= 2
        self._shift = np.uint64(64 - size.bit_length() + 1)
        self._slots = np.zeros(size, np.uint32)
        self._enter_all()

    def _enter_all(self) -> None:
        """Enter all keys into slots that are all empty."""
        loops = kernels.compiled()
        if loops is None:
            self._enter_in_order()
        else:
            loops.enter_all(*self.table, self._count)

    def _enter_in_order(self) -> None:
        """As :meth:`_enter_all`, by NumPy.

        They are entered in the order of the slots at which they are looked for first. So each comes to its slot or, if
        that is taken, right behind the one before it: nothing needs to be probed.
        """
        ordered = np.empty(self._count, np.uint64)
        for start in range(0, self._count, _CHUNK):
            part = ordered[start : start + _CHUNK]
            hashed = hashes(self._keys[start : start + len(part)])
            np.right_shift(hashed, self._shift, out=part)
            part <<= _HALF
            part |= self._marks(hashed)
            part |= np.arange(start + 1, start + 1 + len(part), dtype=np.uint64)
        ordered.sort()
        free = 0
        for start in range(0, self._count, _CHUNK):
            free = self._enter(ordered[start : start + _CHUNK], free)

    def _enter(self, ordered: Words, free: int) -> int:
        """Enter what belongs into slots, each with the first slot for it in its high half, from the slot ``free`` on;
        the next free one."""
        held = ordered.astype(np.uint32)
        slots = (ordered >> _HALF).view(np.int64)
        order = np.arange(len(slots))
        slots -= order
        slots[0] = max(slots[0], free)
        np.maximum.accumulate(slots, out=slots)
        slots += order
        inside = int(np.searchsorted(slots, len(self._slots)))
        self._slots[slots[:inside]] = held[:inside]
        start = 0
        for each in held[inside:].tolist():  # what finds no room goes on from the beginning
            while self._slots[start]:
                start += 1
            self._slots[start] = each
        return int(slots[-1]) + 1


def distinct(words: Words) -> KeyNumbers:
    """The place of the first of each different key, in the order of their places."""
    keys = np.ascontiguousarray(words).view(f"V{8 * words.shape[1]}")[:, 0].tolist()
    first = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
    return np.array(sorted(first.values()), np.int64)

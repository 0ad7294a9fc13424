"""The inner loops of the search by levels, compiled: the same as what NumPy does for whole arrays, without arrays in
between.

Whatever is numbered here gets the numbers that :mod:`everyturn.engines.explorer.numbering` gives, and both work on the
same tables, so that one may go on where the other has stopped. Importing this module compiles it, or loads what was
compiled before; :mod:`everyturn.engines.explorer.kernels` decides when.

Rows are arrays of 64-bit words. A table of numbers is given by its ``keys`` (rows by number), its ``slots`` (0 where no
key stands; else number + 1 of the key that does, and above it as many bits of the key's hash as there is room for), the
``shift`` that turns a hash into a slot, and the ``count`` of keys.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

_ROWS: Final = "uint64[:,::1]"
_TABLE: Final = f"{_ROWS},uint32[::1],uint64"
_NUMBERS: Final = "int64[::1]"
_HASHES: Final = "uint64[::1]"
_BLOCK: Final = 128
"""So many rows are looked for at once: what they need is fetched from memory for all of them before any is compared."""
_ONE: Final = np.uint64(1)
_HALF: Final = np.uint64(32)
_WORD: Final = np.uint64(64)
_SLOT: Final = np.uint64(0xFFFFFFFF)
_FIRST, _SECOND, _THIRD, _FOURTH = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xC2B2AE3D27D4EB4F),
    np.uint64(0x165667B19E3779F9),
    np.uint64(0xD6E8FEB86659FD93),
)


@njit(f"uint64({_ROWS},int64)", cache=True, nogil=True)
def _hash(words, row):
    """As :func:`everyturn.engines.explorer.numbering.hashes`."""
    mixed = words[row, 0] * _FIRST
    for place in range(1, words.shape[1]):
        mixed ^= mixed >> _HALF
        mixed += words[row, place]
        turn = place % 4
        mixed *= _FIRST if turn == 0 else _SECOND if turn == 1 else _THIRD if turn == 2 else _FOURTH
    mixed ^= mixed >> _HALF
    return mixed * _FOURTH


@njit("uint64(uint64,uint64)", cache=True, nogil=True, inline="always")
def _mark(hashed, shift):
    """What stands in a slot above the number of a key with this hash: those bits that did not choose the slot."""
    return ((hashed >> _HALF) << (_WORD - shift)) & _SLOT


@njit("int64(uint32[::1],uint64,uint64,int64)", cache=True, nogil=True, inline="always")
def _likely(slots, shift, mark, slot):
    """The first slot, from one on, that is empty or has this mark."""
    last = len(slots) - 1
    bits = _WORD - shift
    while True:
        held = np.uint64(slots[slot])
        if held == 0 or (held ^ mark) >> bits == 0:
            return slot
        slot = (slot + 1) & last


@njit(f"int64({_TABLE},{_ROWS},int64,uint64,int64)", cache=True, nogil=True)
def _number(keys, slots, shift, words, row, mark, slot):
    """The number of one row that is looked for from a slot on; ``-1 - slot`` if it is in no table: the slot for it."""
    bits, last = _WORD - shift, len(slots) - 1
    numbers = (_ONE << bits) - _ONE
    while True:
        held = np.uint64(slots[slot])
        if held == 0:
            return -1 - slot
        if (held ^ mark) >> bits == 0:
            number = np.int64(held & numbers) - 1
            same = True
            for place in range(words.shape[1]):
                if keys[number, place] != words[row, place]:
                    same = False
                    break
            if same:
                return number
        slot = (slot + 1) & last


@njit(f"void({_TABLE},{_ROWS},int64,int64,{_HASHES},{_NUMBERS})", cache=True, nogil=True)
def _fetch(keys, slots, shift, words, start, end, marks, at):
    """The marks of rows, and from which slots on each is to be compared; what stands there is brought near meanwhile.

    Each has its place behind the first of them.
    """
    numbers = (_ONE << (_WORD - shift)) - _ONE
    near = np.uint64(0)
    for row in range(start, end):
        hashed = _hash(words, row)
        marks[row - start] = _mark(hashed, shift)
        at[row - start] = np.int64(hashed >> shift)
    for row in range(start, end):
        near += slots[at[row - start]]
    for row in range(start, end):
        slot = _likely(slots, shift, marks[row - start], at[row - start])
        at[row - start] = slot
        held = np.int64(slots[slot] & numbers)
        near += keys[max(held - 1, 0), 0]
    at[_BLOCK] = np.int64(near)  # what nobody needs would not be read


@njit(f"void({_TABLE},{_ROWS},{_NUMBERS})", cache=True, nogil=True)
def find(keys, slots, shift, words, numbers):
    """The number of each row, -1 for one that is not in the table."""
    marks, at = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK + 1, np.int64)
    for start in range(0, len(words), _BLOCK):
        end = min(start + _BLOCK, len(words))
        _fetch(keys, slots, shift, words, start, end, marks, at)
        for row in range(start, end):
            place = row - start
            numbers[row] = max(_number(keys, slots, shift, words, row, marks[place], at[place]), -1)


@njit(f"int64({_TABLE},int64,{_ROWS},{_NUMBERS},{_NUMBERS})", cache=True, nogil=True)
def add(keys, slots, shift, count, words, numbers, fresh):
    """The number of each row, those that are new in their order, for which there is room; ``fresh``: the places of
    these.

    Returns how many rows are in the table then.
    """
    marks, at = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK + 1, np.int64)
    before = count
    for start in range(0, len(words), _BLOCK):
        end = min(start + _BLOCK, len(words))
        _fetch(keys, slots, shift, words, start, end, marks, at)
        for row in range(start, end):
            mark = marks[row - start]
            number = _number(keys, slots, shift, words, row, mark, at[row - start])
            if number < 0:
                for place in range(words.shape[1]):
                    keys[count, place] = words[row, place]
                slots[-1 - number] = mark | np.uint64(count + 1)
                fresh[count - before] = row
                number = count
                count += 1
            numbers[row] = number
    return count


@njit(f"void({_TABLE},int64)", cache=True, nogil=True)
def enter_all(keys, slots, shift, count):
    """Enter the first ``count`` keys, no two of which are the same, into slots that are all empty."""
    last = len(slots) - 1
    marks, at = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK + 1, np.int64)
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        near = np.int64(0)
        for row in range(start, end):
            hashed = _hash(keys, row)
            marks[row - start] = _mark(hashed, shift)
            at[row - start] = np.int64(hashed >> shift)
        for row in range(start, end):
            near += slots[at[row - start]]
        at[_BLOCK] = near  # as in _fetch
        for row in range(start, end):
            slot = at[row - start]
            while slots[slot] != 0:
                slot = (slot + 1) & last
            slots[slot] = marks[row - start] | np.uint64(row + 1)


@njit(f"int64({_ROWS},int64,uint64,uint64,boolean[::1],{_ROWS},{_TABLE},{_NUMBERS},{_NUMBERS})", cache=True, nogil=True)
def find_macro_steps(words, word, shift_of_local, mask_of_local, live, masks, keys, slots, shift, places, found):
    """The number of the macro step of one thread from each row of ``places``: -1 if it is not known, -2 if the thread
    has ended.

    Returns how many are not known.
    """
    masked = np.empty((1, words.shape[1]), np.uint64)
    missing = 0
    for row in places:
        local = np.int64((words[row, word] >> shift_of_local) & mask_of_local)
        if not live[local]:
            found[row] = -2
            continue
        for place in range(words.shape[1]):
            masked[0, place] = words[row, place] & masks[local, place]
        hashed = _hash(masked, 0)
        number = _number(keys, slots, shift, masked, 0, _mark(hashed, shift), np.int64(hashed >> shift))
        found[row] = max(number, -1)
        missing += number < 0
    return missing


@njit(f"int64({_NUMBERS},{_NUMBERS})", cache=True, nogil=True)
def count_ways(found, often):
    """How many ways the macro steps of these numbers have."""
    ways = 0
    for number in found:
        if number >= 0:
            ways += often[number]
    return ways


@njit(f"void({_NUMBERS},{_NUMBERS},{_NUMBERS},{_NUMBERS},{_NUMBERS})", cache=True, nogil=True)
def list_ways(found, first, often, source, way):
    """The place of the row and the number of each way of these macro steps."""
    place = 0
    for row in range(len(found)):
        number = found[row]
        if number >= 0:
            for which in range(often[number]):
                source[place] = row
                way[place] = first[number] + which
                place += 1


@njit(
    f"Tuple((int64,int64,int64))({_NUMBERS},{_NUMBERS},{_NUMBERS},{_NUMBERS},int64,{_TABLE},int64,int64,{_NUMBERS},"
    f"{_NUMBERS},int64,int64)",
    cache=True,
    nogil=True,
)
def judge(source, way, events, judged, bits, keys, slots, shift, count, room, steps, fresh, start, seen):
    """The number of what each step from ``start`` on is to the judge: its state and what is seen; -1 if nothing is.

    Stops when ``room`` for new ones is used up. ``fresh``: of each new one, which of all steps it was of which
    something is seen; ``seen``: how many of these there were before. Returns where it stopped, how many there are then,
    and the next ``seen``.
    """
    key = np.empty((1, 1), np.uint64)
    before = count
    for place in range(start, len(way)):
        happened = events[way[place]]
        if happened == 0:
            steps[place] = -1
            continue
        key[0, 0] = np.uint64((judged[source[place]] << bits) | happened)
        hashed = _hash(key, 0)
        mark = _mark(hashed, shift)
        number = _number(keys, slots, shift, key, 0, mark, np.int64(hashed >> shift))
        if number < 0:
            if count == room:
                return place, count, seen
            keys[count, 0] = key[0, 0]
            slots[-1 - number] = mark | np.uint64(count + 1)
            fresh[count - before] = seen
            number = count
            count += 1
        steps[place] = number
        seen += 1
    return len(way), count, seen


@njit(
    f"Tuple((int64,int64,int64))({_ROWS},{_NUMBERS},{_NUMBERS},{_ROWS},{_ROWS},{_NUMBERS},{_NUMBERS},{_NUMBERS},"
    f"{_NUMBERS},{_NUMBERS},int64,uint64,uint64,{_TABLE},int64,int64,uint32[::1],uint16[::1],int64,{_NUMBERS},"
    f"{_NUMBERS},{_NUMBERS},int64,int64)",
    cache=True,
    nogil=True,
)
def enter(
    words,
    source,
    way,
    clear,
    put,
    move,
    steps,
    judged,
    after,
    violated,
    word,
    keep,
    shift_of_judge,
    keys,
    slots,
    shift,
    count,
    room,
    parents,
    moves,
    first,
    sources,
    made,
    found,
    start,
    noted,
):
    """Make the rows after the steps from ``start`` on, and number those that are new, as long as there is room.

    ``first``: the number of the first row's state; ``parents`` and ``moves`` get of each new one where it comes from.
    What steps violate is noted behind the ``noted`` ones: the place of the row, the move, what. Returns where it
    stopped, how many states there are then, and how many violations are noted.
    """
    rows = np.empty((_BLOCK, words.shape[1]), np.uint64)
    marks, at = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK + 1, np.int64)
    for block in range(start, len(way), _BLOCK):
        end = min(block + _BLOCK, len(way))
        for place in range(block, end):
            row, taken = source[place], way[place]
            for each in range(words.shape[1]):
                rows[place - block, each] = (words[row, each] & clear[taken, each]) | put[taken, each]
            step = steps[place]
            state = judged[row] if step < 0 else after[step]
            rows[place - block, word] = (rows[place - block, word] & keep) | (np.uint64(state) << shift_of_judge)
        _fetch(keys, slots, shift, rows, 0, end - block, marks, at)
        for place in range(block, end):
            mark = marks[place - block]
            number = _number(keys, slots, shift, rows, place - block, mark, at[place - block])
            if number < 0:
                if count == room:
                    return place, count, noted
                for each in range(words.shape[1]):
                    keys[count, each] = rows[place - block, each]
                slots[-1 - number] = mark | np.uint64(count + 1)
                parents[count] = first + source[place]
                moves[count] = move[way[place]]
                count += 1
            step = steps[place]
            if step >= 0 and violated[step] != 0:
                sources[noted] = source[place]
                made[noted] = move[way[place]]
                found[noted] = violated[step]
                noted += 1
    return len(way), count, noted

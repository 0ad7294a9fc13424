"""Keys and their numbers, the rows that hold them, and how numbers are packed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everyturn.engines.coroutines.transitions import JUDGE, Transitions
from everyturn.engines.explorer import kernels, numbering, packing
from everyturn.engines.explorer.growing import Rows
from everyturn.engines.explorer.numbering import Numbering, Words, distinct, hashes
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.successors import Chunk, SuccessorTables
from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is not installed")
KEYS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=60)


@given(st.lists(KEYS, max_size=8))
@settings(deadline=None)
def test_equal_keys_have_one_number_and_different_keys_have_two(batches: list[list[tuple[int, int]]]) -> None:
    """Whatever the batches: numbers are those of a dictionary, in the order of the keys, and can be found again."""
    table, model = Numbering(2, capacity=1), dict[tuple[int, int], int]()
    for batch in batches:
        words = np.array(batch, np.uint64).reshape(-1, 2)
        unknown = table.find(words) < 0
        assert [key not in model for key in batch] == unknown.tolist()
        numbers, fresh = table.added(words)
        assert [batch[place] for place in fresh.tolist()] == [key for key in dict.fromkeys(batch) if key not in model]
        for key, number in zip(batch, numbers.tolist(), strict=True):
            assert model.setdefault(key, len(model)) == number
    assert len(model) == len(table)
    assert [tuple(key) for key in table.keys.tolist()] == sorted(model, key=lambda key: model[key])


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4), st.lists(st.integers(0, 3000), max_size=400))
@settings(deadline=None)
def test_keys_that_share_their_hashes_are_told_apart(few: list[int], keys: list[int]) -> None:
    """Hashes only say where to look: with a few for all, each key that differs in its last word has its own number.

    Tables are made anew eight keys at a time.
    """

    def hashed(words: Words) -> Words:
        return np.array([*few, 2**64 - 1], np.uint64)[(words[:, 2] % np.uint64(len(few) + 1)).astype(np.int64)]

    def words(keys: list[int]) -> Words:
        return np.array([(1, 1, key) for key in keys], np.uint64).reshape(-1, 3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "hashes", hashed)
        patch.setattr(numbering, "_CHUNK", 8)
        table, model = Numbering(3, capacity=1), dict[int, int]()
        for batch in (keys[:3], keys[3:40], keys[40:], keys):
            numbers = table.add(words(batch))
            assert numbers.tolist() == [model.setdefault(key, len(model)) for key in batch]
        asked = [*range(0, 3000, 7), *keys]
        assert table.find(words(asked)).tolist() == [model.get(key, -1) for key in asked]


def test_keys_that_find_no_room_at_the_end_of_a_table_stand_at_its_beginning() -> None:
    """Also when a larger one is made: 800 keys, all of which are looked for first in the last slots."""
    candidates = np.arange(400_000, dtype=np.uint64)[:, None]
    words = candidates[np.argsort(hashes(candidates))[-800:]]
    table = Numbering(1, capacity=1)
    for count in (1, 2, 50, 300, 800):
        assert table.add(words[:count]).tolist() == list(range(count))
        assert table.find(words).tolist() == [*range(count), *[-1] * (800 - count)]


@pytest.mark.parametrize("kernel", ["numpy", pytest.param("compiled", marks=needs_numba)])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_keys_that_are_packed_anew_keep_their_numbers(width: int, kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In as many words or in others; they are found, and further ones are added, as before."""
    monkeypatch.setattr(numbering, "_CHUNK", 64)
    kernels.forget()
    monkeypatch.setenv(kernels.VARIABLE, kernel)
    kernels.choose(0)
    keys = [(number % 17, number) for number in range(1000)]
    table = Numbering(2, capacity=1)
    table.add(np.array(keys, np.uint64))

    def moved(words: Words) -> Words:
        after = np.zeros((len(words), width), np.uint64)
        after[:, 0] = words[:, 0] | (words[:, 1] << np.uint64(8))
        after[:, -1] += np.uint64(0 if width == 1 else 5)
        return after

    expected = moved(np.array(keys, np.uint64))
    table.repack(width, moved)
    assert table.keys.tolist() == expected.tolist()
    assert table.find(expected).tolist() == list(range(1000))
    assert table.add(expected + np.uint64(1 << 40)).tolist() == list(range(1000, 2000))
    assert table.find(expected).tolist() == list(range(1000))
    kernels.forget()


def test_rows_that_somebody_looks_at_can_grow() -> None:
    """Who looks keeps what is there; the rows go on as they were, with room for more."""
    rows = Rows(3, 10)
    rows.array[:] = 7
    looking = []
    for capacity in (200, 200_000, 400_000, 900_000):
        before = rows.array[:10].copy()
        rows.grow(capacity)
        assert len(rows.array) >= capacity
        assert (rows.array[:10] == before).all()
        assert not rows.array[10:].any()
        if capacity > 200:
            looking.append((capacity, rows.array[:10]))
        rows.array[:10] += np.uint64(1)
    assert [(capacity, int(seen[0, 0])) for capacity, seen in looking] == [(200_000, 9), (400_000, 10), (900_000, 11)]


def test_more_keys_than_a_slot_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is cut off would be another key's."""
    monkeypatch.setattr(numbering, "_MOST", 10)
    table = Numbering(1)
    table.add(np.arange(10, dtype=np.uint64)[:, None])
    with pytest.raises(EveryturnError, match="more than 10 keys in one table"):
        table.add(np.array([[10]], np.uint64))
    assert len(table) == 10


@given(KEYS.filter(bool))
def test_distinct_gives_the_first_of_each(keys: list[tuple[int, int]]) -> None:
    """In the order of their places."""
    words = np.array(keys, np.uint64)
    assert distinct(words).tolist() == [place for place, key in enumerate(keys) if key not in keys[:place]]


@given(st.lists(st.integers(0, 2**20), min_size=1, max_size=12), st.integers(0, 2**32))
@settings(deadline=None)
def test_rows_survive_packing_and_growing(largest: list[int], seed: int) -> None:
    """What was packed is unpacked, and again after columns have grown; no field straddles a word."""
    rows = np.random.default_rng(seed).integers(0, np.array(largest) + 1, (20, len(largest)))
    layout = Layout([number.bit_length() for number in largest])
    assert (layout.unpack(layout.pack(rows)) == rows).all()
    grown = Layout.holding([2 * number for number in largest])
    assert all(grown.fits(column, 2 * number) for column, number in enumerate(largest))
    assert (grown.unpack(layout.moved(layout.pack(rows), grown)) == rows).all()
    assert max(int(shift) + bits for shift, bits in zip(grown.shift, grown.bits, strict=True)) <= 64


def test_rows_are_packed_anew_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is left out between two parts."""
    monkeypatch.setattr(packing, "_CHUNK", 3)
    rows = np.arange(1, 41).reshape(20, 2)
    before, after = Layout([6, 6]), Layout([40, 40])
    assert (after.unpack(before.moved(before.pack(rows), after)) == rows).all()


def test_a_row_that_moves_to_a_wider_layout_keeps_its_judge() -> None:
    """The judge's number is given with the chunk: the tables of what can follow do not know how large it can be."""
    first, following = (SuccessorTables(Transitions(World(Scope.parse("A"), "d4"), Judge())) for _ in range(2))
    row, _ = first.first()
    roomy = Layout([20] * len(row))
    first.answer_to(Chunk(roomy.pack(np.array([row])), roomy, 0, np.zeros(1, np.int64)))
    following.first()
    following.redo([list(each) for each in first.macro_steps.journal])
    judged = [*row[:JUDGE], 1000, *row[JUDGE + 1 :]]
    tight = Layout([number.bit_length() for number in judged])
    assert not tight.holds(following.largest())
    words, layout = following._adopt(tight.pack(np.array([judged])), tight, 1000)
    assert layout.unpack(words).tolist() == [judged]

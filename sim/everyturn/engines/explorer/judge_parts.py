"""Parts of the judge as tables, each of which is stepped apart from the others.

A :class:`Part` looks at nothing but its own state and what is seen. A :class:`Monitor` looks at lives of prompts
besides; at which ones is learnt when a step is made for the first time, as a macro step's columns are
(:mod:`everyturn.engines.explorer.macro_steps`): lives, masked to those that were looked at, are the key under which the
step is found again. A step that was entered before more lives were looked at is found only where those are 0, and holds
there as well, because it did not look at them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.explorer.numbering import KeyNumbers, Numbering, Words, distinct
from everyturn.engines.explorer.packing import Layout
from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Finding

EVENTS_BITS: Final = 18
_STATE_BITS: Final = 64 - EVENTS_BITS

Arrays = dict[str, NDArray[Any]]
STEPS: Final = ("steps", "after", "found")
"""Of each step of a part its key, the state after it, and what it violated: the names of these arrays."""


def beginning(start: str, arrays: Arrays) -> Arrays:
    """Those arrays whose names begin so, without that."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


class _Steps:
    """States of one part of the judge by number; for each step that was made, the state after it, and what it
    violated."""

    def __init__(self, start: Any, findings: Interned, width: int) -> None:
        self.states = Interned()
        self.states.number(start)
        self.findings = findings
        self.keys = Numbering(width)
        self.after = np.zeros(1024, np.int64)
        self.found = np.zeros(1024, np.int64)

    def enter(self, start: int, made: list[tuple[Any, Finding | None]]) -> None:
        """Enter what came of the steps from number ``start`` on."""
        end = start + len(made)
        if end > len(self.after):
            size = max(end, 2 * len(self.after))
            self.after.resize(size, refcheck=False)
            self.found.resize(size, refcheck=False)
        self.after[start:end] = [self.states.number(reached) for reached, _ in made]
        self.found[start:end] = [0 if finding is None else self.findings.number(finding) for _, finding in made]
        if len(self.states.values) >> _STATE_BITS:
            raise EveryturnError(f"more than {1 << _STATE_BITS:,} states of one part of the judge: expected fewer")

    def taken(self, numbers: KeyNumbers) -> tuple[KeyNumbers, KeyNumbers]:
        """The states after steps by number, and the numbers of what was violated (0: nothing)."""
        return self.after.take(numbers), self.found.take(numbers)

    def saved(self) -> Arrays:
        """The table as arrays."""
        count = len(self.keys)
        return dict(zip(STEPS, (self.keys.keys, self.after[:count], self.found[:count]), strict=True))

    def take_over(self, arrays: Arrays) -> None:
        """Take over a table; its states are made again by whoever knows where they come from
        (:mod:`everyturn.engines.explorer.judge_origins`)."""
        self.keys = self.keys.replaced(arrays["steps"])
        self.after, self.found = arrays["after"].copy(), arrays["found"].copy()

    def first_steps(self) -> dict[int, int]:
        """For each state that a step leads to: the first that does."""
        numbers, places = np.unique(self.after[: len(self.keys)], return_index=True)
        return dict(zip(numbers.tolist(), places.tolist(), strict=True))

    def violating(self) -> dict[int, int]:
        """For each number of a finding of this part: a step that led to it."""
        numbers, places = np.unique(self.found[: len(self.keys)], return_index=True)
        return {number: place for number, place in zip(numbers.tolist(), places.tolist(), strict=True) if number}


def _split(key: int) -> tuple[int, int]:
    """The state and the events of a key."""
    return key >> EVENTS_BITS, key & ((1 << EVENTS_BITS) - 1)


class Part:
    """A part that looks at its own state and at what is seen. ``advance``: (state, number of the events) → next state,
    finding."""

    def __init__(
        self, start: Any, advance: Callable[[Any, int], tuple[Any, Finding | None]], findings: Interned
    ) -> None:
        self._advance = advance
        self._steps = _Steps(start, findings, 1)
        self.states = self._steps.states
        self.violating = self._steps.violating
        self.first_steps = self._steps.first_steps
        self.saved = self._steps.saved
        self.take_over = self._steps.take_over

    def __len__(self) -> int:
        return len(self._steps.keys)

    def step(self, states: KeyNumbers, events: KeyNumbers) -> tuple[KeyNumbers, KeyNumbers]:
        """The states after a batch of steps, and the numbers of what was violated (0: nothing)."""
        keys = ((states << EVENTS_BITS) | events).view(np.uint64)[:, None]
        numbers, fresh = self._steps.keys.added(keys)
        if fresh.size:
            values = self.states.values
            pairs = zip(states[fresh].tolist(), events[fresh].tolist(), strict=True)
            made = [self._advance(values[state], seen) for state, seen in pairs]
            self._steps.enter(len(self._steps.keys) - len(made), made)
        return self._steps.taken(numbers)

    def redo(self, place: int) -> tuple[Any, Finding | None]:
        """Make one step of the table again."""
        state, seen = _split(int(self._steps.keys.keys[place, 0]))
        return self._advance(self.states.values[state], seen)


class Monitor:
    """The monitor of an invariant. ``watch``: (state, lives, number of the events) → next state, finding, which lives
    it looked at.

    ``lives``: how the numbers of lives are packed into the words that :meth:`step` takes.
    """

    def __init__(
        self,
        start: Any,
        watch: Callable[[Any, tuple[int, ...], int], tuple[Any, Finding | None, frozenset[int]]],
        lives: Layout,
        findings: Interned,
    ) -> None:
        self._watch = watch
        self._lives = lives
        self._steps = _Steps(start, findings, 1 + lives.width)
        self.states = self._steps.states
        self.violating = self._steps.violating
        self.first_steps = self._steps.first_steps
        self._pairs = Numbering(1)
        self._masks: Words = np.zeros((0, lives.width), np.uint64)
        self._known_fields: dict[frozenset[int], Words] = {}

    def step(self, states: KeyNumbers, lives: Words, events: KeyNumbers) -> tuple[KeyNumbers, KeyNumbers]:
        """The states after a batch of steps, and the numbers of what was violated (0: nothing)."""
        pairs = self._pairs.add(((states << EVENTS_BITS) | events).view(np.uint64)[:, None])
        grown = np.zeros((len(self._pairs) - len(self._masks), self._lives.width), np.uint64)
        self._masks = np.concatenate((self._masks, grown))
        keys = np.empty((len(pairs), 1 + self._lives.width), np.uint64)
        keys[:, 0] = pairs
        np.bitwise_and(lives, self._masks.take(pairs, axis=0), out=keys[:, 1:])
        numbers = self._steps.keys.find(keys)
        while (missing := np.flatnonzero(numbers < 0)).size:
            new = missing[distinct(keys[missing])]
            self._learn(pairs[new], lives[new])
            keys[missing, 1:] = lives[missing] & self._masks.take(pairs[missing], axis=0)
            numbers[missing] = self._steps.keys.find(keys[missing])
        return self._steps.taken(numbers)

    def _learn(self, pairs: KeyNumbers, lives: Words) -> None:
        """Make the steps of these rows, no two of which have the same key."""
        values = self.states.values
        steps = map(_split, self._pairs.keys[pairs, 0].tolist())
        rows = self._lives.unpack(lives).tolist()
        told = [self._watch(values[state], tuple(row), seen) for (state, seen), row in zip(steps, rows, strict=True)]
        looks = np.array([self._fields(looked) for _, _, looked in told])
        np.bitwise_or.at(self._masks, pairs, looks)
        keys = np.empty((len(pairs), 1 + self._lives.width), np.uint64)
        keys[:, 0] = pairs
        np.bitwise_and(lives, self._masks.take(pairs, axis=0), out=keys[:, 1:])
        before = len(self._steps.keys)
        self._steps.keys.add(keys)
        self._steps.enter(before, [(reached, finding) for reached, finding, _ in told])

    def _fields(self, looked: frozenset[int]) -> Words:
        """The fields of the lives that were looked at."""
        if looked not in self._known_fields:
            fields = np.zeros(self._lives.width, np.uint64)
            for column in looked:
                word, bits = self._lives.field(column)
                fields[word] |= bits
            self._known_fields[looked] = fields
        return self._known_fields[looked]

    def redo(self, place: int) -> tuple[Any, Finding | None]:
        """Make one step of the table again."""
        key = self._steps.keys.keys[place]
        state, seen = _split(int(self._pairs.keys[int(key[0]), 0]))
        (lives,) = self._lives.unpack(key[None, 1:]).tolist()
        return self._watch(self.states.values[state], tuple(lives), seen)[:2]

    def saved(self) -> Arrays:
        """The table as arrays."""
        return {**self._steps.saved(), "pairs": self._pairs.keys, "masks": self._masks}

    def take_over(self, arrays: Arrays) -> None:
        """Take over what :meth:`saved` gave, but for the states."""
        self._pairs = self._pairs.replaced(arrays["pairs"])
        self._masks = arrays["masks"].copy()
        self._steps.take_over(arrays)

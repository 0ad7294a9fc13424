"""The judge as tables, for a batch of steps at a time.

A judge's state has parts that hardly depend on each other: the ledger of lives, each invariant's monitor (which sees the
ledger, but no other monitor), and the specification's belief. Each part has a table of its own, so that a step of one
part is worked out once, whatever the others are at; the whole judge's states are numbered combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.checker import SINK, Finding, Judge, JudgeState
from everyturn.engines.interned import Interned
from everyturn.engines.numbering import Numbering, Numbers, Words
from everyturn.engines.packing import Layout
from everyturn.errors import EveryturnError
from everyturn_model.events import Event

_EVENTS_BITS: Final = 18
_LEDGER_BITS: Final = 26
_STATE_BITS: Final = 64 - _EVENTS_BITS - _LEDGER_BITS

Advance = Callable[[Any, int, int], tuple[Any, Finding | None]]
"""(state, number of the ledger, number of the events) → next state, what was violated."""


class _Part:
    """One part of the judge: its states by number, and a table of its steps."""

    def __init__(self, start: Any, advance: Advance, findings: Interned) -> None:
        self.states = Interned()
        self.states.number(start)
        self._advance = advance
        self._findings = findings
        self._steps = Numbering(1)
        self._after = np.zeros(1024, np.int64)
        self._found = np.zeros(1024, np.int64)

    def step(self, states: Numbers, ledgers: Numbers, events: Numbers) -> tuple[Numbers, Numbers]:
        """The states after a batch of steps, and the numbers of what was violated (0: nothing)."""
        keys = (states << (_LEDGER_BITS + _EVENTS_BITS)) | (ledgers << _EVENTS_BITS) | events
        packed = keys.astype(np.uint64)[:, None]
        before = len(self._steps)
        numbers = self._steps.add(packed)
        if len(self._steps) > before:
            self._work_out(before)
        return self._after.take(numbers), self._found.take(numbers)

    def saved(self) -> dict[str, NDArray[Any]]:
        """The table of steps as arrays."""
        count = len(self._steps)
        return {"steps": self._steps.keys, "after": self._after[:count], "found": self._found[:count]}

    def restore(self, steps: Words, after: Numbers, found: Numbers) -> None:
        """Take over a table of steps; each state is made again by the step that first led to it."""
        self._steps = self._steps.replaced(steps)
        self._after, self._found = after.copy(), found.copy()
        known = len(self.states.values)
        numbers, places = np.unique(after, return_index=True)
        for number, place in zip(numbers.tolist(), places.tolist(), strict=True):
            if number >= known:
                self.states.number(self.redo(place)[0])

    def violating(self) -> dict[int, int]:
        """For each number of a finding of this part: a step that led to it."""
        numbers, places = np.unique(self._found[: len(self._steps)], return_index=True)
        return {number: place for number, place in zip(numbers.tolist(), places.tolist(), strict=True) if number}

    def redo(self, place: int) -> tuple[Any, Finding | None]:
        """Work one step of the table out again."""
        key = int(self._steps.keys[place, 0])
        ledger = (key >> _EVENTS_BITS) & ((1 << _LEDGER_BITS) - 1)
        state = self.states.values[key >> (_LEDGER_BITS + _EVENTS_BITS)]
        return self._advance(state, ledger, key & ((1 << _EVENTS_BITS) - 1))

    def _work_out(self, start: int) -> None:
        """Work out the steps that were entered last."""
        keys = self._steps.keys[start:, 0].astype(np.int64)
        states = (keys >> (_LEDGER_BITS + _EVENTS_BITS)).tolist()
        ledgers = ((keys >> _EVENTS_BITS) & ((1 << _LEDGER_BITS) - 1)).tolist()
        events = (keys & ((1 << _EVENTS_BITS) - 1)).tolist()
        end = start + len(keys)
        if end > len(self._after):
            size = max(end, 2 * len(self._after))
            self._after.resize(size, refcheck=False)
            self._found.resize(size, refcheck=False)
        after, found = [], []
        for state, ledger, seen in zip(states, ledgers, events, strict=True):
            reached, finding = self._advance(self.states.values[state], ledger, seen)
            after.append(self.states.number(reached))
            found.append(0 if finding is None else self._findings.number(finding))
        self._after[start:end] = after
        self._found[start:end] = found
        if len(self.states.values) >> _STATE_BITS:
            raise EveryturnError(f"more than {1 << _STATE_BITS:,} states of one part of the judge: expected fewer")


class Believed(NamedTuple):
    """The numbers of the specification's beliefs after a batch of steps, and of what each violated."""

    after: Numbers
    found: Numbers


class Beliefs:
    """The specification's beliefs as a table of their own, apart from the rest of the judge."""

    def __init__(self, judge: Judge, first: Any, events: Interned) -> None:
        self.findings = Interned()
        self.findings.number(None)
        self._part = _Part(
            judge.start().belief, lambda belief, _, seen: judge.believe(belief, events.values[seen]), self.findings
        )
        self._part.states.number(first)

    def step(self, beliefs: Numbers, events: Numbers) -> Believed:
        """The beliefs after a batch of steps."""
        return Believed(*self._part.step(beliefs, np.zeros(len(beliefs), np.int64), events))


class JudgeTables:
    """All states of a judge that were reached, by number, and what each step leads to and violates."""

    def __init__(self, judge: Judge, events: Interned) -> None:
        self.judge = judge
        self.events = events
        self.findings = Interned()
        self.findings.number(None)
        start = judge.start()
        self._ledgers: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._ledger = _Part(start.ledger, self._step_ledger, self.findings)
        monitors = [_Part(state, self._monitoring(index), self.findings) for index, state in enumerate(start.monitors)]
        believing = [_Part(start.belief, self._believe, self.findings)] if judge.conformance else []
        self._parts = [self._ledger, *monitors, *believing]
        self._watched = [np.zeros(0, np.bool_) for _ in self._parts]
        self._layout = Layout([8] + [2] * len(monitors) + [8] * len(believing))
        self._states = Numbering(self._layout.width)
        self._steps = Numbering(1)
        self._after = np.zeros(1024, np.int64)
        self._found = np.zeros(1024, np.int64)
        self._violated: list[tuple[Finding, ...]] = [()]
        self._violated_numbers: dict[tuple[int, ...], int] = {(): 0}
        self._largest_belief = 0
        self._number(np.zeros((1, len(self._parts)), np.int64))

    def __len__(self) -> int:
        return len(self._states)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables, without the values that they number."""
        return self._states.nbytes + self._steps.nbytes + self._after.nbytes + self._found.nbytes

    def state(self, number: int) -> JudgeState:
        """The state with this number."""
        parts = self._layout.unpack(self._states.keys[number : number + 1])[0].tolist()
        values = [part.states.values[each] for part, each in zip(self._parts, parts, strict=True)]
        monitors = len(self.judge.invariants)
        belief = values[-1] if self.judge.conformance else None
        return JudgeState(values[0], tuple(values[1 : 1 + monitors]), belief)

    def number(self, state: JudgeState) -> int:
        """The number of a state."""
        belief = [state.belief] if self.judge.conformance else []
        values = [state.ledger, *state.monitors, *belief]
        parts = [part.states.number(value) for part, value in zip(self._parts, values, strict=True)]
        return int(self._number(np.array([parts], np.int64))[0])

    def renamed(self, number: int, rename: Callable[[Any], Any], parts: dict[tuple[int, int], int]) -> int:
        """The number of the state whose parts are renamed; ``parts`` remembers those that were."""
        old = self._layout.unpack(self._states.keys[number : number + 1])[0].tolist()
        new = []
        for key in enumerate(old):
            if key not in parts:
                states = self._parts[key[0]].states
                value = states.values[key[1]]
                parts[key] = key[1] if value is SINK else states.number(rename(value))
            new.append(parts[key])
        return int(self._number(np.array([new], np.int64))[0])

    def ledgers(self, judged: Numbers) -> Numbers:
        """The numbers of the ledgers of judge states."""
        return self._layout.get(self._states.keys.take(judged, axis=0), 0)

    def ledger(self, number: int) -> Any:
        """The ledger with this number."""
        return self._ledger.states.values[number]

    def violated(self, number: int) -> tuple[Finding, ...]:
        """What a step with this *found* number violated."""
        return self._violated[number]

    # saving ------------------------------------------------------------------------------------------------------

    def saved(self) -> dict[str, NDArray[Any]]:
        """The tables as arrays of integers."""
        count = len(self._steps)
        kinds = [key for key, _ in sorted(self._violated_numbers.items(), key=lambda item: item[1])]
        own = {
            "bits": np.array(self._layout.bits, np.int64),
            "states": self._states.keys,
            "steps": self._steps.keys,
            "after": self._after[:count],
            "found": self._found[:count],
            "kinds": np.array([each for kind in kinds for each in kind], np.int64),
            "lengths": np.array([len(kind) for kind in kinds], np.int64),
        }
        parts = {
            f"{place}-{name}": array for place, part in enumerate(self._parts) for name, array in part.saved().items()
        }
        return own | parts

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over saved tables; the events that they speak of must be there already."""
        for place, part in enumerate(self._parts):
            part.restore(*(arrays[f"{place}-{name}"] for name in ("steps", "after", "found")))
        violating = {number: (part, place) for part in self._parts for number, place in part.violating().items()}
        self.findings.restore([None, *(part.redo(place)[1] for _, (part, place) in sorted(violating.items()))])
        self._layout = Layout(arrays["bits"].tolist())
        self._states = Numbering(self._layout.width).replaced(arrays["states"])
        self._steps = self._steps.replaced(arrays["steps"])
        self._after, self._found = arrays["after"].copy(), arrays["found"].copy()
        ends = np.cumsum(arrays["lengths"]).tolist()
        for length, end in zip(arrays["lengths"].tolist(), ends, strict=True):
            key = tuple(arrays["kinds"][end - length : end].tolist())
            if key not in self._violated_numbers:
                self._violated_numbers[key] = len(self._violated)
                self._violated.append(tuple(self.findings.values[each] for each in key))

    # steps -------------------------------------------------------------------------------------------------------

    def step(self, judged: Numbers, events: Numbers, believed: Believed | None = None) -> tuple[Numbers, Numbers]:
        """The numbers of the states after a batch of steps, and of what each violated (see :meth:`violated`).

        ``believed``: what :class:`Beliefs` says of these steps, if the specification is followed elsewhere.
        """
        if len(self.events.values) >> _EVENTS_BITS:
            raise EveryturnError(f"more than {1 << _EVENTS_BITS:,} different observations: expected fewer")
        keys = ((judged << _EVENTS_BITS) | events).astype(np.uint64)[:, None]
        numbers, fresh = self._steps.added(keys)
        if fresh.size:
            known = believed and Believed(believed.after[fresh], believed.found[fresh])
            self._work_out(len(self._steps) - len(fresh), known)
        return self._after.take(numbers), self._found.take(numbers)

    def beliefs(self, judged: Numbers) -> Numbers:
        """The numbers of the specification's beliefs in judge states."""
        return self._layout.get(self._states.keys.take(judged, axis=0), len(self._parts) - 1)

    def rest(self, judged: Numbers, events: Numbers, believed: Believed | None = None) -> list[tuple[int, int]]:
        """For each state of rest the number of what it violates, and that of the ledger."""
        reached, found = self.step(judged, events, believed)
        return list(zip(found.tolist(), self.ledgers(reached).tolist(), strict=True))

    def _work_out(self, start: int, believed: Believed | None) -> None:
        keys = self._steps.keys[start:, 0].astype(np.int64)
        events = keys & ((1 << _EVENTS_BITS) - 1)
        words = self._states.keys.take(keys >> _EVENTS_BITS, axis=0)
        ledgers = self._layout.get(words, 0)
        changes: list[tuple[int, Numbers, Numbers]] = []
        found = np.zeros((len(keys), len(self._parts)), np.int64)
        self._watch()
        for place, part in enumerate(self._parts):
            seeing = np.flatnonzero(self._watched[place][events])
            if not seeing.size:
                continue
            if believed is not None and place > len(self.judge.invariants):
                found[seeing, place] = believed.found[seeing]
                changes.append((place, seeing, believed.after[seeing]))
                self._largest_belief = max(self._largest_belief, int(believed.after.max()))
                continue
            told = ledgers[seeing] if 0 < place <= len(self.judge.invariants) else np.zeros(len(seeing), np.int64)
            before = self._layout.get(words.take(seeing, axis=0), place)
            after, found[seeing, place] = part.step(before, told, events[seeing])
            changes.append((place, seeing, after))
        if len(self._ledger.states.values) >> _LEDGER_BITS:
            raise EveryturnError(f"more than {1 << _LEDGER_BITS:,} ledgers: expected fewer")
        end = start + len(keys)
        if end > len(self._after):
            size = max(end, 2 * len(self._after))
            self._after.resize(size, refcheck=False)
            self._found.resize(size, refcheck=False)
        words = self._lay_out(words)
        for place, seeing, after in changes:
            self._layout.put(words, seeing, place, after)
        self._after[start:end] = self._states.add(words)
        self._found[start:end] = self._combined(found)

    def _watch(self) -> None:
        """For each part and each kind of observation: whether the part looks at it."""
        fresh = self.events.values[len(self._watched[0]) :]
        for place in range(len(self._parts)):
            sees = self.judge.invariants[place - 1].sees if 0 < place <= len(self.judge.invariants) else ()
            looks = [not sees or any(type(event) in sees for event in events) for events in fresh]
            self._watched[place] = np.concatenate((self._watched[place], np.array(looks, np.bool_)))

    def _combined(self, found: Numbers) -> Numbers:
        """One number for what all parts found in each step."""
        combined = np.zeros(len(found), np.int64)
        for row in np.flatnonzero(found.any(axis=1)).tolist():
            key = tuple(each for each in found[row].tolist() if each)
            if key not in self._violated_numbers:
                self._violated_numbers[key] = len(self._violated)
                self._violated.append(tuple(self.findings.values[each] for each in key))
            combined[row] = self._violated_numbers[key]
        return combined

    def _number(self, parts: Numbers) -> Numbers:
        self._lay_out(self._states.keys[:0])
        return self._states.add(self._layout.pack(parts))

    def _lay_out(self, words: Words) -> Words:
        """Make room for numbers that no longer fit; ``words`` in the layout that then holds."""
        largest = [len(part.states.values) - 1 for part in self._parts]
        largest[-1] = max(largest[-1], self._largest_belief)
        if self._layout.holds(largest):
            return words
        layout = Layout.holding(largest)
        self._states = self._states.replaced(self._layout.moved(self._states.keys, layout))
        words = self._layout.moved(words, layout)
        self._layout = layout
        return words

    # parts -------------------------------------------------------------------------------------------------------

    def _step_ledger(self, ledger: Any, _: int, events: int) -> tuple[Any, None]:
        number = self._ledger.states.number(ledger)
        return self._told(number, events)[-1][1], None

    def _told(self, ledger: int, events: int) -> Sequence[tuple[Event, Any]]:
        """Each event with the ledger after it."""
        key = (ledger, events)
        told = self._ledgers.get(key)
        if told is None:
            reached = self._ledger.states.values[ledger]
            pairs = []
            for event in self.events.values[events]:
                reached = reached.step(event)
                pairs.append((event, reached))
            told = self._ledgers[key] = tuple(pairs)
        return told

    def _monitoring(self, index: int) -> Advance:
        invariant = self.judge.invariants[index]

        def advance(state: Any, ledger: int, events: int) -> tuple[Any, Finding | None]:
            return self.judge.watch(invariant, state, self._told(ledger, events))

        return advance

    def _believe(self, belief: Any, _: int, events: int) -> tuple[Any, Finding | None]:
        return self.judge.believe(belief, self.events.values[events])

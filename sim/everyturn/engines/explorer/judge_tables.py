"""The judge as tables, for a batch of steps at a time.

A judge's state has parts that hardly depend on each other: each prompt's life, each invariant's monitor (which looks at
lives, but at no other monitor), and the specification's belief. Each part has a table of its own
(:mod:`everyturn.engines.explorer.judge_parts`), so that a step of one part is worked out once, whatever the others are
at; the whole judge's states are numbered combinations.

That lives can be followed one by one rests on names: a turn has one prompt for ever, which is checked when a turn
begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from weakref import ReferenceType, ref

import numpy as np

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.explorer.beliefs import Believed, believing
from everyturn.engines.explorer.judge_origins import Origin, Rename, RenamedStates
from everyturn.engines.explorer.judge_parts import EVENTS_BITS, Arrays, Monitor, Part, beginning
from everyturn.engines.explorer.numbering import KeyNumbers, Numbering, Words
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.watched_ledger import EVERYBODY, WatchedLedger
from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import SINK, Finding, Judge, JudgeState, check_turn
from everyturn_model.events import Event, MessageFailed, Submitted, TurnStarted
from everyturn_model.invariants import Invariant
from everyturn_model.lifecycle import Ledger, Life

_LIFE_BITS: Final = 16


RenamedParts = dict[tuple[int, int], int]
"""Place and number of a part of the judge's states → its number under a renaming."""


class JudgeTables:
    """All states of a judge that were reached, by number, and what each step leads to and violates.

    ``events``: what can be seen of a step, by number; ``prompts``: the names of all prompts that may be submitted.
    """

    def __init__(self, judge: Judge, events: Interned, prompts: Sequence[str]) -> None:
        self.judge = judge
        self.events = events
        self.findings = Interned()
        self.findings.number(None)
        start = judge.start()
        self._prompts = {name: place for place, name in enumerate(sorted(prompts))}
        self._packed_lives = Layout([_LIFE_BITS] * len(prompts))
        self._ledgers = Numbering(self._packed_lives.width)
        self._told: dict[tuple[tuple[int, ...], int], tuple[tuple[Event, Ledger], ...]] = {}
        self._lives = [Part(None, self._living(name), self.findings) for name in self._prompts]
        self._monitors = [
            Monitor(state, self._monitoring(invariant), self._packed_lives, self.findings)
            for invariant, state in zip(judge.invariants, start.monitors, strict=True)
        ]
        self._beliefs = [believing(judge, events, self.findings)] if judge.conformance else []
        self._parts: list[Part | Monitor] = [*self._lives, *self._monitors, *self._beliefs]
        self._renamed_states = RenamedStates(self._parts)
        self._watched = [np.zeros(0, np.bool_) for _ in self._parts]
        self._layout = Layout([8] * len(self._lives) + [2] * len(self._monitors) + [8] * len(self._beliefs))
        self._states = Numbering(self._layout.width)
        self._steps = Numbering(1)
        self._after = np.zeros(1024, np.int64)
        self._found = np.zeros(1024, np.int64)
        self._violated: list[tuple[Finding, ...]] = [()]
        self._violated_numbers: dict[tuple[int, ...], int] = {(): 0}
        self._largest_belief = 0
        self._number([0] * len(self._parts))

    def __len__(self) -> int:
        return len(self._states)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables, without the values that they number."""
        return self._states.nbytes + self._steps.nbytes + self._after.nbytes + self._found.nbytes

    def state(self, number: int) -> JudgeState:
        """The state with this number."""
        numbers = self._layout.unpack(self._states.keys[number : number + 1])[0].tolist()
        lives, values = numbers[: len(self._lives)], numbers[len(self._lives) :]
        told = [part.states.values[each] for part, each in zip(self._parts[len(self._lives) :], values, strict=True)]
        monitors = len(self._monitors)
        return JudgeState(self._ledger(lives), tuple(told[:monitors]), told[monitors] if self._beliefs else None)

    def number(self, state: JudgeState) -> int:
        """The number of a state."""
        values = [*state.monitors, *([state.belief] if self._beliefs else [])]
        told = zip(self._parts[len(self._lives) :], values, strict=True)
        return self._number([*self._numbers_of(state.ledger), *(part.states.number(value) for part, value in told)])

    def renamed(self, numbers: KeyNumbers, rename: Callable[[Any], Any], known: RenamedParts, which: int) -> KeyNumbers:
        """The numbers of the states whose parts are renamed, by the renaming of the number ``which``; ``known``
        remembers those that were. The life of one prompt becomes that of another."""
        old = self._layout.unpack(self._states.keys[numbers])
        new = np.zeros_like(old)
        names = list(self._prompts)
        for place in range(len(self._parts)):
            becomes = self._prompts[rename(names[place])] if place < len(names) else place
            found, where = np.unique(old[:, place], return_inverse=True)
            origins = [Origin(place, number, which) for number in found.tolist()]
            parts = [self._renamed_part(origin, becomes, rename, known) for origin in origins]
            new[:, becomes] = np.array(parts, np.int64)[where]
        self._lay_out(self._states.keys[:0])
        return self._states.add(self._layout.pack(new))

    def _renamed_part(self, origin: Origin, becomes: int, rename: Callable[[Any], Any], known: RenamedParts) -> int:
        part = origin.place, origin.number
        if part not in known:
            value = self._parts[origin.place].states.values[origin.number]
            renamed = self._renamed_states
            known[part] = origin.number if value is SINK else renamed.number(becomes, rename(value), origin)
        return known[part]

    def ledgers(self, judged: KeyNumbers) -> KeyNumbers:
        """The numbers of the ledgers of judge states."""
        return self._ledgers.add(self._lives_of(self._states.keys.take(judged, axis=0)))

    def ledger(self, number: int) -> Ledger:
        """The ledger with this number."""
        return self._ledger(self._packed_lives.unpack(self._ledgers.keys[number : number + 1])[0].tolist())

    def _ledger(self, lives: Sequence[int]) -> Ledger:
        values = (part.states.values[each] for part, each in zip(self._lives, lives, strict=True))
        return Ledger(tuple(life for life in values if life is not None))

    def _numbers_of(self, ledger: Ledger) -> list[int]:
        return [part.states.number(ledger.get(name)) for name, part in zip(self._prompts, self._lives, strict=True)]

    def _lives_of(self, words: Words) -> Words:
        """The numbers of all lives, packed for the monitors."""
        columns = [self._layout.get(words, place) for place in range(len(self._lives))]
        return self._packed_lives.pack(np.stack(columns, axis=1) if columns else np.zeros((len(words), 0), np.int64))

    def violated(self, number: int) -> tuple[Finding, ...]:
        """What a step with this *found* number violated."""
        return self._violated[number]

    # saving ------------------------------------------------------------------------------------------------------

    def saved(self) -> Arrays:
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
        return own | parts | self._renamed_states.saved()

    @property
    def beliefs_begin(self) -> str:
        """How the names of those saved arrays begin that have the specification's steps; nothing, if it is not
        judged."""
        return f"{len(self._parts) - 1}-" if self._beliefs else ""

    def restore(self, arrays: Arrays, rename: Rename) -> None:
        """Take over saved tables; the events that they speak of must be there already. ``rename``: by the number of a
        renaming."""
        for place, part in enumerate(self._parts):
            part.take_over(beginning(f"{place}-", arrays))
        self._renamed_states.restore(arrays, len(self._lives), rename)
        violating = {number: (part, place) for part in self._parts for number, place in part.violating().items()}
        if sorted(violating) != list(range(1, len(violating) + 1)):
            raise ValueError("findings that nothing leads to")
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

    def step(
        self, judged: KeyNumbers, events: KeyNumbers, believed: Believed | None = None
    ) -> tuple[KeyNumbers, KeyNumbers]:
        """The numbers of the states after a batch of steps, and of what each violated (see :meth:`violated`).

        ``believed``: what :class:`Beliefs` says of these steps, if the specification is followed elsewhere.
        """
        self.check_events()
        keys = ((judged << EVENTS_BITS) | events).astype(np.uint64)[:, None]
        numbers, fresh = self._steps.added(keys)
        if fresh.size:
            known = believed and Believed(believed.after[fresh], believed.found[fresh])
            self.work_out(len(self._steps) - len(fresh), known)
        return self._after.take(numbers), self._found.take(numbers)

    def beliefs(self, judged: KeyNumbers) -> KeyNumbers:
        """The numbers of the specification's beliefs in judge states."""
        return self._layout.get(self._states.keys.take(judged, axis=0), len(self._parts) - 1)

    def rest(self, judged: KeyNumbers, events: KeyNumbers, believed: Believed | None = None) -> list[tuple[int, int]]:
        """For each state of rest the number of what it violates, and that of the ledger."""
        reached, found = self.step(judged, events, believed)
        return list(zip(found.tolist(), self.ledgers(reached).tolist(), strict=True))

    @property
    def steps(self) -> Numbering:
        """Every step that was judged, by number: the judge's state, and what was seen in the lower bits."""
        return self._steps

    @property
    def consequences(self) -> tuple[KeyNumbers, KeyNumbers]:
        """For each step the number of the state after it, and of what it violated."""
        return self._after, self._found

    def check_events(self) -> None:
        """Raise :class:`EveryturnError` if there are more different observations than a step has room for."""
        if len(self.events.values) >> EVENTS_BITS:
            raise EveryturnError(f"more than {1 << EVENTS_BITS:,} different observations: expected fewer")

    def work_out(self, start: int, believed: Believed | None) -> None:
        """Judge the steps from number ``start`` on; ``believed``: what :class:`Beliefs` says of them."""
        keys = self._steps.keys[start:, 0].astype(np.int64)
        events = keys & ((1 << EVENTS_BITS) - 1)
        words = self._states.keys.take(keys >> EVENTS_BITS, axis=0)
        lives = self._lives_of(words)
        changes: list[tuple[int, KeyNumbers, KeyNumbers]] = []
        found = np.zeros((len(keys), len(self._parts)), np.int64)
        self._watch()
        for place, part in enumerate(self._parts):
            seeing = np.flatnonzero(self._watched[place][events])
            if not seeing.size:
                continue
            before, seen = self._layout.get(words.take(seeing, axis=0), place), events[seeing]
            if isinstance(part, Monitor):
                after, violated = part.step(before, lives.take(seeing, axis=0), seen)
            elif believed is not None and place >= len(self._lives):
                after, violated = believed.after[seeing], believed.found[seeing]
                self._largest_belief = max(self._largest_belief, int(after.max()))
            else:
                after, violated = part.step(before, seen)
            found[seeing, place] = violated
            changes.append((place, seeing, after))
        if any(len(part.states.values) >> _LIFE_BITS for part in self._lives):
            raise EveryturnError(f"more than {1 << _LIFE_BITS:,} ways that a prompt can have fared: expected fewer")
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
        fresh = self.events.values[len(self._watched[0]) :] if self._watched else []
        looks: list[Callable[[Event], bool]] = [*map(_concerning, self._prompts), *map(_seen_by, self.judge.invariants)]
        looks += [lambda _: True for _ in self._beliefs]
        for place, look in enumerate(looks):
            seen = np.array([any(map(look, events)) for events in fresh], np.bool_)
            self._watched[place] = np.concatenate((self._watched[place], seen))

    def _combined(self, found: KeyNumbers) -> KeyNumbers:
        """One number for what all parts found in each step."""
        combined = np.zeros(len(found), np.int64)
        for row in np.flatnonzero(found.any(axis=1)).tolist():
            key = tuple(each for each in found[row].tolist() if each)
            if key not in self._violated_numbers:
                self._violated_numbers[key] = len(self._violated)
                self._violated.append(tuple(self.findings.values[each] for each in key))
            combined[row] = self._violated_numbers[key]
        return combined

    def _number(self, numbers: list[int]) -> int:
        self._lay_out(self._states.keys[:0])
        return int(self._states.add(self._layout.pack(np.array([numbers], np.int64)))[0])

    def _lay_out(self, words: Words) -> Words:
        """Make room for numbers that no longer fit; ``words`` in the layout that then holds."""
        largest = [len(part.states.values) - 1 for part in self._parts]
        if self._beliefs:
            largest[-1] = max(largest[-1], self._largest_belief)
        if self._layout.holds(largest):
            return words
        layout = Layout.holding(largest)
        before = self._layout
        words = before.moved(words, layout)
        self._states.repack(layout.width, lambda keys: before.moved(keys, layout))
        self._layout = layout
        return words

    # parts -------------------------------------------------------------------------------------------------------

    def _living(self, name: str) -> Callable[[Life | None, int], tuple[Life | None, None]]:
        """How the life of one prompt goes on, alone."""

        def advance(life: Life | None, events: int) -> tuple[Life | None, None]:
            ledger = Ledger(() if life is None else (life,))
            for event in self.events.values[events]:
                check_turn(ledger, event)
                if not isinstance(event, Submitted) or event.prompt == name:
                    ledger = ledger.step(event)
            return ledger.get(name), None

        return advance

    def _after_each(self, lives: tuple[int, ...], events: int) -> tuple[tuple[Event, Ledger], ...]:
        """Each event with the ledger after it."""
        key = (lives, events)
        if key not in self._told:
            ledger, told = self._ledger(lives), []
            for event in self.events.values[events]:
                ledger = ledger.step(event)
                told.append((event, ledger))
            self._told[key] = tuple(told)
        return self._told[key]

    def _monitoring(
        self, invariant: Invariant
    ) -> Callable[[Any, tuple[int, ...], int], tuple[Any, Finding | None, frozenset[int]]]:
        """What a monitor says of events, and whose lives it looks at for that."""
        everybody = frozenset(self._prompts.values())

        def watch(state: Any, lives: tuple[int, ...], events: int) -> tuple[Any, Finding | None, frozenset[int]]:
            looked: set[str] = set()
            shown: list[ReferenceType[WatchedLedger]] = []

            def told() -> Iterator[tuple[Event, Ledger]]:
                for event, ledger in self._after_each(lives, events):
                    watched = WatchedLedger(ledger, looked)
                    shown.append(ref(watched))
                    yield event, watched

            reached, finding = self.judge.watch(invariant, state, told())
            if EVERYBODY in looked or any(each() is not None for each in shown):
                return reached, finding, everybody  # a ledger that is kept may be looked at later, for anybody's life
            return reached, finding, frozenset(self._prompts[name] for name in looked if name in self._prompts)

        return watch


def _concerning(name: str) -> Callable[[Event], bool]:
    """Whether an event may change the life of a prompt, or tells that names are not what they should be: it names the
    prompt, or a turn that may be the prompt's."""

    def concerns(event: Event) -> bool:
        prompt = getattr(event, "prompt", None)
        by_turn = prompt is None or isinstance(event, (MessageFailed, TurnStarted))
        return prompt == name or (by_turn and getattr(event, "turn", None) is not None)

    return concerns


def _seen_by(invariant: Invariant) -> Callable[[Event], bool]:
    return lambda event: not invariant.sees or type(event) in invariant.sees

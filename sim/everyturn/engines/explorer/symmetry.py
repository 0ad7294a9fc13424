"""Symmetry: prompts of one kind, and operations of one kind, are interchangeable; one state stands for all renamings.

A renaming permutes prompts of the same kind (and Cancels, ClearQueues, Summaries among themselves) wherever their names
occur: in shared data, in the judge's state, in the places of the threads. States that are renamings of each other have
the same future up to names, so it is enough to explore one of them (Ip and Dill, Better Verification Through Symmetry,
Formal Methods in System Design 9, 1996). Which one is only a matter of economy, not of soundness: here the threads are
put in the order of their local states, which is one renaming to a row and needs no search; threads that stand at the
same place keep their order, so that a few states may stand beside a renaming of theirs.

That the agent treats all prompts alike is checked, not believed. Whatever a thread was seen to do with a result, under
each renaming the renamed thread must do with the renamed result: wait for the renamed operation in the renamed local
state, write the renamed journal; and a step of an object of its own must give renamed results on renamed values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, WIDTH, Transitions
from everyturn.engines.explorer.judge_tables import JudgeTables, RenamedParts
from everyturn.engines.explorer.macro_steps import MacroSteps
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.renaming import ChangedNames, Renaming, renamings
from everyturn.errors import EveryturnError
from everyturn.world import objects

LARGEST_GROUP: Final = 5040
_IMAGE, _CHECKED, _CLASSIFIED = -2, -3, -4
"""Kinds of entries in the journal, for what gives numbers to values here: the image of a number in a column by a
renaming; a check of what was found out by then; the classes of a thread's local states until then."""


class _Map:
    """Numbers to the numbers of renamed values, worked out when they are needed."""

    def __init__(self, rename_numbers: Callable[[KeyNumbers], KeyNumbers | list[int]]) -> None:
        self._rename = rename_numbers
        self.known: NDArray[np.int64] = np.zeros(0, np.int64)

    def of(self, numbers: KeyNumbers) -> KeyNumbers:
        """The renamed numbers."""
        if numbers.size:
            largest = int(numbers.max())
            if largest >= len(self.known):
                grown = np.full(max(largest + 1, 2 * len(self.known)), -1, np.int64)
                grown[: len(self.known)] = self.known
                self.known = grown
        found: KeyNumbers = self.known[numbers]
        if found.size and int(found.min()) < 0:
            fresh = np.unique(numbers[found < 0])
            self.known[fresh] = self._rename(fresh)
            found = self.known[numbers]
        return found


class Symmetry:
    """Brings rows into the order of their threads' local states."""

    def __init__(self, transitions: Transitions, macro_steps: MacroSteps, judges: JudgeTables) -> None:
        self.transitions = transitions
        self.macro_steps = macro_steps
        self.judges = judges
        self.renamings = renamings(transitions.world)
        if len(self.renamings) > LARGEST_GROUP:
            raise EveryturnError(f"symmetry: expected at most {LARGEST_GROUP} renamings, found {len(self.renamings)}")
        threads = transitions.world.threads
        self._places = {thread.name: place for place, thread in enumerate(threads)}
        kinds: dict[str, list[int]] = {}
        for place, thread in enumerate(threads):
            if not thread.daemon and thread.kind != "x":
                kinds.setdefault(thread.kind, []).append(place)
        self._groups = [places for places in kinds.values() if len(places) > 1]
        self._classes: dict[int, int] = {}
        self._class_of = [np.zeros(0, np.int64) for _ in threads]
        self._maps = [self._maps_of(number, names) for number, names in enumerate(self.renamings)]
        self._by_order = {self._order_of(names): number for number, names in enumerate(self.renamings)}
        self._images: list[dict[int, int]] = [{} for _ in self.renamings]
        self._checked = 0
        self._checked_own = 0
        macro_steps.redoing |= {
            _IMAGE: lambda row: self._maps[row[0]][row[1]].of(np.array(row[2:3])),
            _CHECKED: lambda _: self.check(),
            _CLASSIFIED: lambda row: self._classed(row[0], np.zeros(0, np.int64)),
        }

    def _note(self, kind: int, *numbers: int) -> None:
        """Note in the journal what is about to give numbers, or has just done so."""
        width = FIRST_THREAD + len(self.transitions.world.threads)
        self.macro_steps.journal.append((kind, *numbers, *[0] * (width - len(numbers))))

    # renaming one number -----------------------------------------------------------------------------------------

    def _maps_of(self, number: int, rename: Renaming) -> list[_Map]:
        """A map for each column of a row, by the place that the column had before."""
        maps = [_Map(self._column(column, number)) for column in range(WIDTH)]
        maps.append(_Map(self._judge(number, rename)))
        maps += [_Map(self._local(thread, number)) for thread in range(len(self.transitions.world.threads))]
        return maps

    def _column(self, column: int, renaming: int) -> Callable[[KeyNumbers], list[int]]:
        interned, rename = self.transitions.columns[column], self.renamings[renaming]

        def image(number: int) -> int:
            value = rename(interned.values[number])
            if column == _HOOKS:
                value = tuple(sorted(value, key=lambda pair: pair[0]))
            return interned.number(value)

        return self._noted(renaming, column, image, lambda: len(interned.values))

    def _judge(self, renaming: int, rename: Renaming) -> Callable[[KeyNumbers], KeyNumbers]:
        known: RenamedParts = {}
        return lambda numbers: self.judges.renamed(numbers, rename, known, renaming)

    def _local(self, thread: int, renaming: int) -> Callable[[KeyNumbers], list[int]]:
        """The local states of the renamed thread after the renamed histories."""
        tables, advances = self.macro_steps.tables, self.transitions.locals.advances
        ours, theirs = tables[thread], tables[self._to(thread, self.renamings[renaming])]

        def image(number: int) -> int:
            return theirs.number(self._led(ours.locals.values[number], renaming))

        place = FIRST_THREAD + thread
        return self._noted(renaming, place, image, lambda: len(advances) + len(theirs.locals.values))

    def _noted(
        self, renaming: int, place: int, image: Callable[[int], int], given: Callable[[], int]
    ) -> Callable[[KeyNumbers], list[int]]:
        """The images of numbers; those that change how many numbers were ``given`` are noted."""

        def images(numbers: KeyNumbers) -> Iterator[int]:
            for number in numbers.tolist():
                before = given()
                yield image(number)
                if given() > before:
                    self._note(_IMAGE, renaming, place, number)

        return lambda numbers: list(images(numbers))

    def _led(self, local: int, renaming: int) -> int:
        """The renamed thread's local state after the renamed history."""
        images = self._images[renaming]
        if local not in images:
            locals_, rename = self.transitions.locals, self.renamings[renaming]
            state = locals_[local]
            if state.parent < 0:
                images[local] = locals_.roots[self._to(state.thread, rename)]
            else:
                images[local], _ = locals_.advance(self._led(state.parent, renaming), rename(state.result))
            image = locals_[images[local]]
            expected = rename((state.operation, state.word))
            if (image.operation, image.word) != expected:
                raise self._different(image.thread, expected[0] or expected[1], image.operation or image.word)
        return images[local]

    def _different(self, thread: int, expected: object, found: object) -> EveryturnError:
        name = self.transitions.world.threads[thread].name
        return EveryturnError(
            f"symmetry: expected {expected} of thread {name}, found {found}: this agent does not treat all prompts "
            "alike, use --reduce dead"
        )

    # checking ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise :class:`EveryturnError` if something that was found out since last time does not hold when renamed."""
        locals_ = self.transitions.locals
        if self._checked < len(locals_.advances):
            self._note(_CHECKED)
        while self._checked < len(locals_.advances):
            number, (result, after, notes) = locals_.advances[self._checked]
            self._checked += 1
            for renaming, rename in enumerate(self.renamings):
                image, noted = locals_.advance(self._led(number, renaming), rename(result))
                if image != self._led(after, renaming) or noted != rename(notes):
                    expected = f"what another one does at {locals_[after].operation}, renamed"
                    raise self._different(locals_[image].thread, expected, noted or locals_[image].operation)
        for operation, values, thread in self.transitions.owned[self._checked_own :]:
            outcomes = objects.apply(operation, values, thread)
            for rename in self.renamings:
                renamed = [rename(each) for each in outcomes]
                found = objects.apply(rename(operation), rename(values), rename(thread))
                if found != renamed:
                    raise EveryturnError(
                        f"symmetry: expected {operation} to give {renamed} on {rename(values)}, found {found}: "
                        "this object does not treat all prompts alike, use --reduce dead"
                    )
        self._checked_own = len(self.transitions.owned)

    def _to(self, thread: int, rename: Renaming) -> int:
        """The place of the thread that takes a thread's part."""
        return self._places[rename(self.transitions.world.threads[thread].name)]

    def _order_of(self, rename: Renaming) -> tuple[int, ...]:
        return tuple(self._to(thread, rename) for thread in range(len(self.transitions.world.threads)))

    # rows --------------------------------------------------------------------------------------------------------

    def canonical(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], KeyNumbers]:
        """The rows that stand for these (numbers by column), and which renaming leads to each."""
        self.check()
        chosen = self._choose(rows)
        after = rows.copy()
        for number in np.unique(chosen).tolist():
            if number:
                places = np.flatnonzero(chosen == number)
                after[places] = self._apply(rows[places], number)
        return after, chosen

    def _apply(self, rows: NDArray[np.int64], number: int) -> NDArray[np.int64]:
        rename, maps = self.renamings[number], self._maps[number]
        after = np.empty_like(rows)
        for column in range(JUDGE + 1):
            after[:, column] = maps[column].of(rows[:, column])
        for thread in range(len(self.transitions.world.threads)):
            place = FIRST_THREAD + self._to(thread, rename)
            after[:, place] = maps[FIRST_THREAD + thread].of(rows[:, FIRST_THREAD + thread])
        return after

    def _choose(self, rows: NDArray[np.int64]) -> KeyNumbers:
        """For each row the renaming that puts interchangeable threads in the order of their local states."""
        target = np.tile(np.arange(len(self.transitions.world.threads)), (len(rows), 1))
        for group in self._groups:
            classes = np.stack([self._classed(place, rows[:, FIRST_THREAD + place]) for place in group], axis=1)
            order = np.argsort(classes, axis=1, kind="stable")
            places = np.array(group)
            np.put_along_axis(target, places[order], np.broadcast_to(places, order.shape), axis=1)
        self._titles(target)
        kinds, which = np.unique(target, axis=0, return_inverse=True)
        numbers = np.array([self._by_order[tuple(kind)] for kind in kinds.tolist()], np.int64)
        chosen: KeyNumbers = numbers[which.reshape(-1)]
        return chosen

    def _titles(self, target: NDArray[np.int64]) -> None:
        """A title's thread goes where its prompt's goes."""
        for place, thread in enumerate(self.transitions.world.threads):
            if thread.daemon:
                prompt = self._places[thread.name.removeprefix("title:")]
                shift = place - prompt
                target[:, place] = target[:, prompt] + shift

    def _classed(self, thread: int, numbers: KeyNumbers) -> KeyNumbers:
        """The same number for local states that are renamings of each other."""
        known = self._class_of[thread]
        values = self.macro_steps.tables[thread].locals.values
        if any(local not in self._classes for local in values[len(known) :]):
            self._note(_CLASSIFIED, thread)
        while len(known) < len(values):
            for number in range(len(known), len(values)):
                self._classify(thread, number)
            fresh = [self._classes[local] for local in values[len(known) :]]
            known = self._class_of[thread] = np.concatenate((known, np.array(fresh, np.int64)))
        classes: KeyNumbers = known[numbers]
        return classes

    def _classify(self, thread: int, number: int) -> None:
        local = self.macro_steps.tables[thread].locals.values[number]
        if local in self._classes:
            return
        images = {local}
        for renaming, rename in enumerate(self.renamings):
            image = self._led(local, renaming)
            self.macro_steps.tables[self._to(thread, rename)].number(image)
            images.add(image)
        mark = next((self._classes[image] for image in images if image in self._classes), len(self._classes))
        for image in images:
            self._classes[image] = mark

    # names of their own ------------------------------------------------------------------------------------------

    def own_names(self) -> ChangedNames:
        """The names that the threads of a run have of their own, at its start."""
        threads = [thread.name for thread in self.transitions.world.threads]
        return ChangedNames(threads, lambda number: self._order_of(self.renamings[number]))

    def images(self, value: Any) -> Iterator[Any]:
        """A value under every renaming."""
        for rename in self.renamings:
            yield rename(value)


_HOOKS: Final = objects.COLUMNS.index("hooks")

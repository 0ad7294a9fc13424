"""Local states that were reached by several histories: do they go on alike?

A thread's local state stands for every history that led to it. Here two of them are gone through again, each by a
coroutine of its own in a world of its own, and then both are followed onwards along what the tables say of that local
state: every operation with its arguments and every journal entry must be those of the tables, until the thread ends.
Identities are not asked: they are what is on trial.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from everyturn.checking.countercheck.likeness import alike
from everyturn.engines.coroutines.local_states import Locals, LocalState
from everyturn.errors import Disagreement, EveryturnError
from everyturn.runs.outcomes import shown
from everyturn.world.operations import Note, Operation
from everyturn.world.world import World, begins_with

_LONGEST: Final = 200
"""So many steps are followed at most, where a thread goes round."""


class _Link(NamedTuple):
    """One step of a history: the result that the thread got, what it then waits to do, or its last word, and the
    journal (none: not known)."""

    result: Any
    operation: Operation | None
    word: str
    notes: tuple[Note, ...] | None = None


class Merges:
    """The merges of ``locals_``, followed in worlds that ``fresh`` makes."""

    def __init__(self, locals_: Locals, fresh: Callable[[], World]) -> None:
        self.compared = 0
        """How many resumptions beyond a merge were compared."""
        self._locals = locals_
        self._fresh = fresh
        self._followed: set[int] = set()
        self._often: Counter[tuple[int, int]] = Counter()

    def __len__(self) -> int:
        return len(self._locals.merges)

    def follow(self, merge: int, most: int) -> None:
        """Follow both histories of a merge by at most ``most`` continuations: those that lead where none has led
        before.

        Raises :class:`~everyturn.errors.Disagreement`.
        """
        number, parent, result = self._locals.merges[merge]
        state = self._locals[number]
        first = self._history(number)
        histories = [first] * (number not in self._followed)
        self._followed.add(number)
        other = [*self._history(parent), _Link(result, state.operation, state.word)]
        for time in range(most):
            onwards, is_new = self._continuation(number)
            if time and not is_new:
                return
            for history in (*histories, other):
                self._go(state, history, onwards, first, other)
                self.compared += len(onwards)

    def _history(self, number: int) -> list[_Link]:
        """How a local state was reached first."""
        history = []
        while number >= 0:
            state = self._locals[number]
            history.append(_Link(state.result, state.operation, state.word))
            number = state.parent
        return history[::-1]

    def _continuation(self, number: int) -> tuple[list[_Link], bool]:
        """What may come after a local state, where it was followed least; whether some of it was never followed."""
        onwards: list[_Link] = []
        is_new = False
        while len(onwards) < _LONGEST and self._locals[number].next:
            known = list(self._locals[number].next.values())
            place = min(range(len(known)), key=lambda each: self._often[number, each])
            is_new |= not self._often[number, place]
            self._often[number, place] += 1
            result, number, notes = known[place]
            after = self._locals[number]
            onwards.append(_Link(result, after.operation, after.word, notes))
        return onwards, is_new

    def _go(
        self, state: LocalState, history: list[_Link], onwards: list[_Link], first: list[_Link], other: list[_Link]
    ) -> None:
        """Go through a history and what comes after it, or say where the thread does something else."""
        world = self._fresh()
        coroutine = world.start(state.thread)
        done: list[_Link] = []
        operation: Operation | None = None
        begun = False
        kept: tuple[Note, ...] = ()
        for expected in (*history, *onwards):
            begun |= operation is not None and begins_with(operation, expected.result)
            world.gate.notes.clear()
            operation, word, error = None, "", ""
            try:
                operation = world.resume(coroutine, expected.result, begun=begun)
            except StopIteration as end:
                word = end.value
            except EveryturnError as fault:
                error = str(fault)
            kept += tuple(world.gate.notes)
            notes, kept = (kept, ()) if begun else ((), kept)
            same_notes = expected.notes is None or notes == expected.notes
            if error or not same_notes or (word, alike(operation, expected.operation)) != (expected.word, True):
                found = error or _told(_Link(None, operation, word, notes))
                raise self._differ(state, (first, other), (history, onwards), done, (expected, found))
            done.append(_Link(expected.result, operation, word))

    def _differ(
        self,
        state: LocalState,
        histories: tuple[list[_Link], list[_Link]],
        gone: tuple[list[_Link], list[_Link]],
        done: list[_Link],
        said: tuple[_Link, str],
    ) -> Disagreement:
        name = self._locals.world.threads[state.thread].name
        history, _ = gone
        which = "first" if history is histories[0] else "other"
        expected, found = said
        beyond = len(done) - len(history)
        where = f"{beyond + 1} resumptions after they met" if beyond >= 0 else "on the way there"
        return Disagreement.between(
            f"two histories of thread {name} were taken for one local state, at {state.operation}, and go on "
            f"differently",
            (f"the first history: {_path(histories[0])}", f"the other history: {_path(histories[1])}"),
            f"both went on with {_path(done[len(history) - 1 :])}; the {which} one, {where}, given "
            f"{shown(expected.result)!r}, by the "
            f"tables {_told(expected)}, and really {found}",
        )


def _path(links: Sequence[_Link]) -> str:
    """The operations of a history, each with its result."""
    pairs = pairwise(links)
    told = [f"{before.operation} = {shown(after.result)}" for before, after in pairs]
    return ", ".join(told) or "nothing"


def _told(link: _Link) -> str:
    """What a thread does next."""
    noted = f", having noted {', '.join(map(str, link.notes))}" if link.notes else ""
    if link.operation is None:
        return f"it ends ({link.word}){noted}"
    return f"it waits for {link.operation}({', '.join(map(shown, link.operation.arguments))}){noted}"

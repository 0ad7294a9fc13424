"""A world as a program whose liveness can be judged: its rows, and who waits in each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from everyturn.engines.coroutines.programs import ProgramStep
from everyturn.engines.coroutines.reached import label
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, Row, Transitions
from everyturn.verdicts.checker import Finding, Judge, JudgeState
from everyturn.world.operations import in_short
from everyturn.world.world import World
from everyturn_model.events import Completed, ErrorNotified, Event, Refused, Returned, Submitted
from everyturn_model.lifecycle import Ledger


class Waiting:
    """A world as a :class:`everyturn.engines.coroutines.programs.Program`: who waits are prompts with run id that are
    not told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.transitions = Transitions(world, _Waiters())

    def initial(self) -> Row:
        """The row in which every thread stands before its first scheduling point."""
        return self.transitions.initial()

    def moves(self, state: Row) -> Iterator[ProgramStep]:
        """Every transition; each access is a choice of its thread's local state, the outcome is what comes of it.

        That is where the thread gets to, and what the world chose: whether a publish was given up may make a difference
        to others only.
        """
        for thread, which in enumerate(self.world.threads):
            place = FIRST_THREAD + thread
            for after, chosen in self.transitions.ways(state, thread):
                yield ProgramStep(which.name, after, state[place], (after[place], chosen))

    def waiting(self, state: Row) -> Collection[str]:
        """The prompts with run id that were submitted, and neither refused nor told."""
        judged: JudgeState = self.transitions.judged.values[state[JUDGE]]
        waiting: frozenset[str] = judged.monitors[0]
        return waiting

    def told(self, state: Row, move: int) -> str:
        """Thread, operation and what is seen."""
        thread, choice, _, _ = list(self.transitions.successors(state))[move]
        operations = in_short(self.transitions.operations(state, thread, choice))
        return label(self.world.threads[thread].name, operations, self.transitions.seen(state, thread, choice))


class _Waiters(Judge):
    """A judge that remembers nothing but who waits: what ``no-hang`` asks for, as a state of its own."""

    def __init__(self) -> None:
        super().__init__((), conformance=False)

    def start(self) -> JudgeState:
        """Nobody waits."""
        return _state(frozenset())

    def step(self, state: JudgeState, events: Iterable[Event]) -> tuple[JudgeState, tuple[Finding, ...]]:
        """Who waits after ``events``."""
        waiting: frozenset[str] = state.monitors[0]
        for event in events:
            match event:
                case Submitted(prompt=prompt, run_id=True):
                    waiting |= {prompt}
                case Refused(prompt=prompt) | Returned(prompt=prompt, failed=True):
                    waiting -= {prompt}
                case Completed(prompt=prompt, run_id=True, delivered=True, lost=False):
                    waiting -= {prompt}
                case ErrorNotified(prompt=prompt, owner=owner, lost=False) if owner == prompt:
                    waiting -= {prompt}
        return _state(waiting), ()


def _state(waiting: Any) -> JudgeState:
    return JudgeState(Ledger(), (waiting,), None)

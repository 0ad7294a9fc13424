"""The judge as a table: its states by number, so that a step which was judged once is only looked up."""

from __future__ import annotations

from collections.abc import Iterable

from everyturn.checker import Finding, Judge, JudgeState
from everyturn.engines.interned import Interned
from everyturn_model.events import Event


class JudgeTable:
    """The states of one judge, and what each step leads to and violates."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.start = 0
        self._states = Interned()
        self._steps: dict[tuple[int, tuple[Event, ...]], tuple[int, tuple[Finding, ...]]] = {}
        self.start = self._states.number(judge.start())

    def state(self, number: int) -> JudgeState:
        """The state with this number."""
        found: JudgeState = self._states.values[number]
        return found

    def step(self, number: int, events: tuple[Event, ...]) -> tuple[int, tuple[Finding, ...]]:
        """The number of the state after ``events``, and what they violated."""
        if not events:
            return number, ()
        known = self._steps.get((number, events))
        if known is None:
            state, findings = self.judge.step(self.state(number), events)
            known = self._steps[number, events] = (self._states.number(state), findings)
        return known

    def run(self, steps: Iterable[tuple[Event, ...]]) -> tuple[int, list[tuple[int, Finding]]]:
        """The state at the end of a run, and all findings with the number of their step."""
        number = self.start
        found: list[tuple[int, Finding]] = []
        for index, events in enumerate(steps):
            number, findings = self.step(number, events)
            found += [(index, finding) for finding in findings]
        return number, found

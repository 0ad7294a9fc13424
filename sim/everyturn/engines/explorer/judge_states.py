"""The judge as a table: its states by number, so that a step which was judged once is only looked up."""

from __future__ import annotations

from collections.abc import Iterable

from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.coroutines.interned import Interned
from everyturn.runs.run import RunLog
from everyturn.verdicts.checker import Finding, Judge, JudgeState
from everyturn_model.events import Event


class JudgeTable:
    """The states of one judge, and what each step leads to and violates."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.start = 0
        self._states = Interned()
        self._numbered: dict[tuple[int, int], tuple[int, tuple[Finding, ...]]] = {}
        self._outcomes: dict[int, object] = {}
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

    def log(self, log: RunLog) -> tuple[int, list[tuple[int, Finding]]]:
        """As :meth:`run`, for a run through SimPy. All logs that one table judges must be of the same world."""
        number = self.start
        found: list[tuple[int, Finding]] = []
        numbered = self._numbered
        for index, seen in enumerate(log.seen()):
            known = numbered.get((number, seen))
            if known is None:
                known = numbered[number, seen] = self.step(number, log.histories.events.values[seen])
            number, findings = known
            if findings:
                found += [(index, finding) for finding in findings]
        return number, found

    def outcome(self, number: int) -> object:
        """The outcome of a run that ended in the state with this number."""
        if number not in self._outcomes:
            self._outcomes[number] = outcome(self.state(number).ledger)
        return self._outcomes[number]

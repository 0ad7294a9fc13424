"""The judge: follows events with a ledger, the asked invariants' monitors and the specification.

Its state is immutable and hashable, so that an explorer can carry it as one more column of a global state. A monitor
that has said *violated* says nothing more; the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from everyturn.errors import AgentFault, UsageError
from everyturn.printing import one_of
from everyturn_model.conformance import Matcher, Refusal
from everyturn_model.events import Event, TurnStarted
from everyturn_model.invariants import BY_NAME, INVARIANTS, MISSION, Invariant, Violated
from everyturn_model.lifecycle import Ledger

CONFORMS: Final = "conforms"


class _Sink(NamedTuple):
    """What is left of a monitor that has reported its violation."""

    violated: bool = True


SINK: Final = _Sink()


class JudgeState(NamedTuple):
    """What the judge remembers: all prompts' lives, one state for each monitor, the specification's belief."""

    ledger: Ledger
    monitors: tuple[Any, ...]
    belief: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation: the invariant (or ``conforms``), and a sentence that names the prompts."""

    invariant: str
    sentence: str


def check_turn(ledger: Ledger, event: Event) -> None:
    """Raise :class:`~everyturn.errors.AgentFault` if a turn begins under a name that another prompt's turn in
    ``ledger`` has.

    What is said of it from then on could be said of either.
    """
    owner = ledger.of_turn(event.turn) if isinstance(event, TurnStarted) else None
    if isinstance(event, TurnStarted) and owner is not None and owner.prompt != event.prompt:
        raise AgentFault(
            f"turn {event.turn!r} begins for {event.prompt} and was one of {owner.prompt}: expected contexts of turns "
            f"of "
            "different prompts to have different names, as those of Context.turn do"
        )


def select(names: Sequence[str]) -> tuple[Invariant, ...]:
    """The invariants of these names; ``mission`` is the first three, none given means all. ``conforms`` is no
    invariant."""
    chosen: list[str] = []
    for name in names:
        if name == "mission":
            chosen += MISSION
        elif name in BY_NAME:
            chosen.append(name)
        elif name != CONFORMS:
            raise UsageError(f"invariant {name!r}: expected {one_of(('mission', *BY_NAME, CONFORMS), name)}")
    if not names:
        return INVARIANTS
    return tuple(invariant for invariant in INVARIANTS if invariant.name in chosen)


class Judge:
    """Judges runs by ``invariants`` and, if ``conformance``, by the specification as a whole."""

    def __init__(self, invariants: Sequence[Invariant] = INVARIANTS, *, conformance: bool = True) -> None:
        self.invariants = tuple(invariants)
        self.conformance = conformance
        self._matcher = Matcher()

    def start(self) -> JudgeState:
        """The state before anything was seen."""
        belief = self._matcher.start() if self.conformance else None
        return JudgeState(Ledger(), tuple(invariant.start for invariant in self.invariants), belief)

    def step(self, state: JudgeState, events: Iterable[Event]) -> tuple[JudgeState, tuple[Finding, ...]]:
        """The state after ``events``, and what they violated. Raises :class:`~everyturn.errors.AgentFault` as
        :func:`check_turn` does."""
        findings: list[Finding] = []
        for event in events:
            state = self._one(state, event, findings)
        return state, tuple(findings)

    def _one(self, state: JudgeState, event: Event, findings: list[Finding]) -> JudgeState:
        check_turn(state.ledger, event)
        ledger = state.ledger.step(event)
        monitors: list[Any] = []
        for invariant, monitor in zip(self.invariants, state.monitors, strict=True):
            after, finding = self.watch(invariant, monitor, ((event, ledger),))
            monitors.append(after)
            if finding is not None:
                findings.append(finding)
        belief, finding = self.believe(state.belief, (event,))
        if finding is not None:
            findings.append(finding)
        return JudgeState(ledger, tuple(monitors), belief)

    @staticmethod
    def watch(invariant: Invariant, monitor: Any, told: Iterable[tuple[Event, Ledger]]) -> tuple[Any, Finding | None]:
        """One monitor after events, each with the ledger after it, and what it found."""
        for event, ledger in told:
            if monitor is SINK:
                break
            if invariant.sees and type(event) not in invariant.sees:
                continue
            monitor = invariant.step(monitor, event, ledger)
            if isinstance(monitor, Violated):
                return SINK, Finding(invariant.name, monitor.sentence)
        return monitor, None

    def believe(self, belief: Any, events: Iterable[Event]) -> tuple[Any, Finding | None]:
        """The specification's belief after events, and its refusal, if it refused one now."""
        for event in events:
            if belief is None or belief is SINK:
                break
            belief = self._matcher.advance(belief, event)
            if isinstance(belief, Refusal):
                return SINK, Finding(CONFORMS, str(belief))
        return belief, None

    def run(self, steps: Iterable[Iterable[Event]]) -> list[tuple[int, Finding]]:
        """All findings of a whole run, each with the number of the step that it happened at."""
        state = self.start()
        found: list[tuple[int, Finding]] = []
        for number, events in enumerate(steps):
            state, findings = self.step(state, events)
            found += [(number, finding) for finding in findings]
        return found

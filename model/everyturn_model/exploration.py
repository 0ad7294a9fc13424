"""The specification explored on its own: every run of it at small bounds, breadth first, with observers riding along.

What it is for: the specification allows nothing that the invariants forbid, everything that the witnesses ask for, and
enough to refute the non-properties; and from each of its states it can still come to rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from everyturn_model.candidates import Bounds, candidates
from everyturn_model.conformance import Refusal, advance_state
from everyturn_model.events import Event, Rest
from everyturn_model.invariants import INVARIANTS, Invariant, Violated
from everyturn_model.lifecycle import Ledger
from everyturn_model.spec import START
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.state import State
from everyturn_model.witnesses import REFUTED, WITNESSES, NonProperty

HIDDEN = (CancelTakesEffect, ClearTakesEffect)
"""The events that no observer sees."""


class Observer(Protocol):
    """What rides along: an immutable, hashable state that follows the visible events, and now and then a sentence."""

    @property
    def start(self) -> Hashable:
        """The state before the first event."""

    def step(self, state: Any, event: Event) -> Hashable:
        """The state after ``event``."""

    def said(self, state: Any) -> dict[str, str]:
        """What has been found so far: a sentence for each name."""


class ExploredState(NamedTuple):
    """A state of the exploration: of the specification, what is left of the bounds, and the observers' states."""

    state: State
    bounds: Bounds
    observers: tuple[Hashable, ...]


class Edge(NamedTuple):
    """One transition between two nodes, given by their numbers."""

    source: int
    event: Event
    target: int


@dataclass(slots=True)
class Explored:
    """All nodes, in the order in which they were found (the first is the start), and all edges.

    ``rests``: the nodes at which the session may be at rest; ``found``: for each name that an observer has said
    anything about, the sentence and a shortest run to it; ``refused``: how often each guard has said no;
    ``complete``: nothing was left out.
    """

    nodes: list[ExploredState] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    rests: set[int] = field(default_factory=set)
    found: dict[str, tuple[str, tuple[Event, ...]]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    complete: bool = False
    parents: list[Edge | None] = field(default_factory=list)

    def run_to(self, number: int) -> tuple[Event, ...]:
        """A shortest run to a node, hidden actions included."""
        events: list[Event] = []
        edge = self.parents[number]
        while edge is not None:
            events.append(edge.event)
            edge = self.parents[edge.source]
        return tuple(reversed(events))

    def witnessed(self) -> frozenset[str]:
        """The names of the witnesses that were reached."""
        events = {edge.event for edge in self.edges}
        return frozenset(each.name for each in WITNESSES if any(each.shows(event) for event in events))


def explore(
    bounds: Bounds, observers: Sequence[Observer] = (), *, max_states: int = 1_000_000, until: str | None = None
) -> Explored:
    """Every run of the specification within ``bounds``; stops early when something was found about ``until``."""
    result = Explored()
    first = ExploredState(START, bounds, tuple(each.start for each in observers))
    numbers = {first: 0}
    result.nodes.append(first)
    result.parents.append(None)
    waiting = deque([0])
    while waiting:
        number = waiting.popleft()
        for event, after in _successors(result, result.nodes[number], observers):
            target = number if isinstance(event, Rest) else numbers.setdefault(after, len(numbers))
            edge = Edge(number, event, target)
            if target == len(result.nodes):
                result.nodes.append(after)
                result.parents.append(edge)
                waiting.append(target)
            result.edges.append(edge)
            if isinstance(event, Rest):
                result.rests.add(number)
            _listen(result, edge, after, observers)
        if until in result.found or len(numbers) > max_states:
            return result
    result.complete = True
    return result


def _successors(
    result: Explored, node: ExploredState, observers: Sequence[Observer]
) -> Iterator[tuple[Event, ExploredState]]:
    for event, bounds in candidates(node.state, node.bounds):
        state = advance_state(node.state, event)
        if isinstance(state, Refusal):
            result.refused[state.guard] = result.refused.get(state.guard, 0) + 1
            continue
        seen = node.observers
        if not isinstance(event, HIDDEN):
            seen = tuple(each.step(old, event) for each, old in zip(observers, seen, strict=True))
        yield event, ExploredState(state, bounds, seen)


def _listen(result: Explored, edge: Edge, after: ExploredState, observers: Sequence[Observer]) -> None:
    for observer, state in zip(observers, after.observers, strict=True):
        for name, sentence in observer.said(state).items():
            if name not in result.found:
                result.found[name] = (sentence, (*result.run_to(edge.source), edge.event))


# observers --------------------------------------------------------------------------------------------------------


class _Judged(NamedTuple):
    ledger: Ledger
    monitors: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Monitors:
    """The invariants as one observer: it says which are violated, and how."""

    invariants: tuple[Invariant, ...] = INVARIANTS

    @property
    def start(self) -> _Judged:
        """No prompt was seen, and every monitor is in its first state."""
        return _Judged(Ledger(), tuple(each.start for each in self.invariants))

    def step(self, state: _Judged, event: Event) -> _Judged:
        """The ledger and every monitor after ``event``; a violated one stays violated."""
        ledger = state.ledger.step(event)
        return _Judged(
            ledger,
            tuple(
                monitor if isinstance(monitor, Violated) else invariant.step(monitor, event, ledger)
                for invariant, monitor in zip(self.invariants, state.monitors, strict=True)
            ),
        )

    def said(self, state: _Judged) -> dict[str, str]:
        """The violated invariants."""
        return {
            invariant.name: monitor.sentence
            for invariant, monitor in zip(self.invariants, state.monitors, strict=True)
            if isinstance(monitor, Violated)
        }


@dataclass(frozen=True, slots=True)
class Claim:
    """A non-property as an observer: it says when the claim is refuted."""

    claim: NonProperty

    @property
    def start(self) -> Hashable:
        """The claim's first memory."""
        return self.claim.start

    def step(self, state: Any, event: Event) -> Hashable:
        """The claim's memory after ``event``; refuted is refuted."""
        return state if state == REFUTED else self.claim.step(state, event)

    def said(self, state: Any) -> dict[str, str]:
        """The claim, once it is refuted."""
        return {self.claim.name: self.claim.sentence} if state == REFUTED else {}

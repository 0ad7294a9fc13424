"""Does a partial log belong to the specification?

A partial log tells of some actions and of the bounds of others: a prompt is submitted between the call and the return
of its submission, an operation takes effect between its call and its return. When a prompt was queued or taken out, and
when a turn began or ended, nobody wrote down. These *hidden* steps are found backwards: a guard refuses what was seen,
:mod:`everyturn_model.cures` knows which hidden steps would have satisfied that guard, and these are tried, with what
they need in turn. So a hidden step is guessed only where something demands it, and as late as it can be; what has to
come before something else, or may (a fold before a Cancel takes effect), is in :mod:`everyturn_model.before`. When
prompts were submitted and in which order they entered the queue is not guessed at all: :mod:`everyturn_model.entries`
keeps what is certain of it. What nothing tells apart is thus one state, and a log of many prompts in flight has few. An
explanation is accepted only if it passes, step by step, every guard of the specification.

The method is that of Wing and Gong, *Testing and verifying concurrent objects* (1993), with the memo of Lowe, *Testing
for linearizability* (2017), over the states of the specification instead of those of a sequential object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from everyturn_model.before import due, options
from everyturn_model.cures import cures, overtaking
from everyturn_model.entries import ORDER, finders, in_order
from everyturn_model.events import Event, TurnStarted
from everyturn_model.facts import Facts
from everyturn_model.marks import UNTOLD_CANCELS, Lacks, Seen, watched
from everyturn_model.nodes import Explained, PossibleState, explanation, simplest
from everyturn_model.spec import START
from everyturn_model.spec.actions import Action, Guard
from everyturn_model.spec.state import State
from everyturn_model.ways import Ways

BUDGET: Final = 50_000
"""So many actions are tried on one log before the answer is *undetermined*."""

_DEPTH: Final = 10
"""So many hidden steps in a row may one thing that was seen need."""

_REFUSALS: Final = 12
"""So many refusals of one log are told."""

_SHOWN: Final = 3
"""So many of the possible states are shown with a refusal."""

_GUESSES: Final = frozenset({"DropPrompt", "CancelOnEntry"})
"""Hidden steps that are guessed for want of a better explanation: what needed them is named first."""

_SAID: Final = frozenset({"WasDropped", "WasFolded", "TurnEnded"})
"""Marks that say outright what their hidden step was, so that it is no guess."""

_UNTOLD: Final = frozenset({"EndTurn", "EndSummary", "StoreFailsStep"})
"""Hidden steps whose guards explain nothing to a reader: named is what needed them."""


RECORDED: Final = Lacks(guards=UNTOLD_CANCELS)
"""Recordings: who was dropped, and how turns ended, is told by what follows from it."""

COMPLETE: Final = Lacks(fates=False, steps=False)
"""Complete logs."""

_EFFECTS: Final = frozenset({"cancel-effective", "clear-effective"})
"""What the hidden steps of a complete log bring about."""


class PartialAnswer(StrEnum):
    """What is said of a partial log."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDETERMINED = "undetermined"


class Needed(NamedTuple):
    """An action that would have been needed, and the guard that refused it."""

    action: str
    event: Event
    guard: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.action} ({self.guard}): {self.sentence}"


@dataclass(frozen=True, slots=True)
class Unexplained:
    """What was seen at ``place`` and had no explanation.

    ``needed``: each action that would have explained it, with the guard that refused that action; the first counts.
    ``prefix``: how many things that were seen before fit, given what was refused earlier. ``states``: the states that
    they may have led to, the simplest first. ``left_out``: matching went on without it; otherwise as if that guard had
    not refused.
    """

    place: int
    event: Event
    needed: tuple[Needed, ...]
    prefix: int
    states: tuple[State, ...]
    left_out: bool

    @property
    def guard(self) -> str:
        """The name of the guard that refused."""
        return self.needed[0].guard


@dataclass(frozen=True, slots=True)
class Matched:
    """The answer for one log: its refusals, in order, and one explanation, as far as the log could be followed."""

    answer: PartialAnswer
    refusals: tuple[Unexplained, ...]
    explanation: tuple[Explained, ...]
    tried: int


class _Leaf(NamedTuple):
    """Where a search ended: the node, and the action that a guard refused there."""

    node: PossibleState
    action: Action[Any]
    needed: Needed


class _Spent(Exception):
    """The budget is spent."""


Waived = frozenset[tuple[Event, str]]
"""Actions, and guards of them that are not asked."""


def match_complete(events: Iterable[tuple[int, Event]], budget: int = BUDGET) -> Matched:
    """Follow a complete log, of places and events: nothing is hidden but the effects of Cancel and ClearQueue.

    The first refusal is that of :class:`~everyturn_model.conformance.Matcher`; as in a partial log, later ones are
    found too.
    """
    return match_partial([Seen(place, event) for place, event in events], budget, COMPLETE)


def match_partial(seen: Sequence[Seen], budget: int = BUDGET, lacks: Lacks = RECORDED) -> Matched:
    """Follow a partial log through the specification.

    After a refusal the log is matched anew as if that guard had allowed that action, so that later faults are found too
    and are not those that follow from the first; where this is no help, what was seen is left out. ``lacks``: what such
    a log does not tell.
    """
    refusals: list[Unexplained] = []
    waived: Waived = frozenset()
    left_out: frozenset[int] = frozenset()
    tried = 0
    while True:
        search = _Search(seen, lacks, budget - tried, waived, left_out)
        try:
            stopped = search.run()
        except _Spent:
            answer = PartialAnswer.REFUSED if refusals else PartialAnswer.UNDETERMINED
            return Matched(answer, tuple(refusals), search.explanation, budget)
        tried += search.tried
        if stopped is None or len(refusals) == _REFUSALS:
            told = search.explanation
            accepted = PartialAnswer.ACCEPTED if passes(told, lacks) else PartialAnswer.UNDETERMINED
            return Matched(PartialAnswer.REFUSED if refusals else accepted, tuple(refusals), told, tried)
        refused = search.refused(stopped)
        waiver = (refused.needed[0].event, refused.guard)
        if refused.left_out:
            left_out |= {stopped}
        else:
            waived |= {waiver}
        if not (refused.left_out and waiver in waived):
            refusals.append(refused)


def passes(told: Sequence[Explained], lacks: Lacks) -> bool:
    """Whether an explanation is a run of the specification, step by step: no log is accepted without."""
    state = START
    for each in told:
        action = watched(each.event)
        if not all(guard.name in lacks.guards or guard.holds(state, each.event) for guard in action.guards):
            return False
        state = action.effect(state, each.event)
    return True


class _Search:
    """One pass over a log, up to the first refusal that is not waived."""

    def __init__(
        self, seen: Sequence[Seen], lacks: Lacks, budget: int, waived: Waived, left_out: frozenset[int]
    ) -> None:
        self.seen, self.budget, self.waived, self.left_out = seen, budget, waived, left_out
        self.lacks = lacks
        self.facts = Facts(seen, lacks)
        self.nodes: list[PossibleState] = [PossibleState()]
        self.leaves: list[_Leaf] = []
        self.tried = 0
        self.place = 0

    @property
    def explanation(self) -> tuple[Explained, ...]:
        """The simplest explanation of what was read so far."""
        return explanation(self.nodes[0].trail, [each.place for each in self.seen])

    def run(self) -> int | None:
        """Read the log; where it had to stop, none at its end."""
        for index, each in enumerate(self.seen):
            self.place = each.place
            self.facts.see(index)
            if index in self.left_out:
                continue
            self.leaves = []
            reached = simplest(after for node in self.nodes for after in self.reach(node, each, ()))
            if not reached:
                return index
            self.nodes = reached
        return None

    def reach(self, node: PossibleState, want: Seen, chain: tuple[Event, ...]) -> list[PossibleState]:
        """The nodes after ``want``, and before it whatever hidden steps it needs.

        ``chain``: what already needs it.
        """
        action = watched(want.event)
        told = not chain or action.name not in _UNTOLD
        ahead, passed, found = [node], {(node.state, node.entries)}, list[PossibleState]()
        while ahead:
            node = ahead.pop()
            self.tried += 1
            if self.tried > self.budget:
                raise _Spent
            guard = self.refusing(action, node, want.event)
            deeper = len(self.leaves)
            closer, done = self.closer(node, want, guard, chain)
            if guard is None:
                found += [] if done else self.take(action, node, want.event, hidden=bool(chain))
            elif not closer and told and not self.explained(action, deeper):
                self.leaves.append(_Leaf(node, action, Needed(action.name, want.event, guard.name, guard.sentence)))
            fresh = [each for each in closer if (each.state, each.entries) not in passed]
            passed.update((each.state, each.entries) for each in fresh)
            ahead += reversed(fresh)
        return simplest(found)

    def closer(
        self, node: PossibleState, want: Seen, guard: Guard[Any] | None, chain: tuple[Event, ...]
    ) -> tuple[list[PossibleState], bool]:
        """The nodes after one hidden step towards ``want``, or before it; and whether it had to be taken before."""
        if len(chain) >= _DEPTH:
            return [], False
        under = (*chain, want.event)
        if guard is not None:
            return self.either(node, self.ways(node, want, guard), under), False
        if not self.lacks.steps:
            return [], False
        for group in due(node.state, want, self.facts):
            found = self.either(node, (group,), under)
            if found:
                return found, True
        steps = (*options(node.state, want, self.facts), *self.found_by(node, want.event))
        return self.either(node, steps, under), False

    def either(self, node: PossibleState, groups: Ways, under: tuple[Event, ...]) -> list[PossibleState]:
        """The nodes after each step, of each group only after the first that can be taken."""
        found: list[PossibleState] = []
        for group in groups:
            for step in group:
                reached = [] if step.event in under else self.reach(node, step, under)
                found += reached
                if reached:
                    break
        return simplest(found)

    def ways(self, node: PossibleState, want: Seen, guard: Guard[Any]) -> Ways:
        """The hidden steps that may satisfy ``guard``."""
        if not self.hides(guard):
            return ()
        if guard.name != "first-in-line":
            return cures(guard.name, node.state, want, self.facts)
        return (*self.found_by(node, want.event), *overtaking(node.state, node.entries, want, self.facts))

    def found_by(self, node: PossibleState, event: Event) -> Ways:
        """The Cancels that may have found a prompt that starts, so that it entered the queue earlier."""
        if not isinstance(event, TurnStarted):
            return ()
        return tuple((Seen(self.place, each),) for each in finders(node.state, node.entries, event, self.facts))

    def hides(self, guard: Guard[Any]) -> bool:
        """Whether the log may hide what would satisfy ``guard``."""
        return self.lacks.steps or guard.name in _EFFECTS

    def explained(self, action: Action[Any], leaves: int) -> bool:
        """Whether the search for what ``action`` needs, begun at so many leaves, ended at something better to name."""
        sure = action.name in _GUESSES | _SAID
        return any(sure or leaf.action.name not in _GUESSES for leaf in self.leaves[leaves:])

    def refusing(self, action: Action[Any], node: PossibleState, event: Event) -> Guard[Any] | None:
        """The first guard that refuses ``event``, is asked of such a log, and is not waived for it."""
        for guard in action.guards:
            if guard.name in self.lacks.guards or self.holds(guard, node, event):
                continue
            if (event, guard.name) not in self.waived:
                return guard
        return None

    def holds(self, guard: Guard[Any], node: PossibleState, event: Event) -> bool:
        """Whether a guard holds; those that ask for the order of the queue, by what is certain of it."""
        if guard.name in ORDER and isinstance(event, TurnStarted) and not self.facts.queues and self.lacks.steps:
            return in_order(guard.name, node.state, node.entries, event, self.facts)
        return guard.holds(node.state, event)

    def take(self, action: Action[Any], node: PossibleState, event: Event, *, hidden: bool) -> Iterator[PossibleState]:
        """The node after an action. Where a guard was waived, the action may have no effect that makes sense: then
        none."""
        try:
            yield node.then(action, event, self.place, self.facts, hidden=hidden)
        except AssertionError:
            if not any(event == allowed for allowed, _ in self.waived):
                raise

    def refused(self, index: int) -> Unexplained:
        """What is to be said of the place where this pass stopped: what was needed most first, guesses last."""
        seen = self.seen[index]
        needed = sorted(self.leaves, key=lambda leaf: leaf.action.name in _GUESSES)
        states = tuple(node.state for node in self.nodes[:_SHOWN])
        if not needed:
            return Unexplained(seen.place, seen.event, (self.plainly(seen.event),), index, states, True)
        every = tuple(dict.fromkeys(leaf.needed for leaf in needed))
        first = needed[0]
        left_out = not list(self.trial(first))
        return Unexplained(seen.place, seen.event, every, index, states, left_out)

    def plainly(self, event: Event) -> Needed:
        """What is to be named where no hidden step was refused: the guard that was waived, or that what was seen does
        not pass."""
        action = watched(event)
        waived = [guard for guard in action.guards if (event, guard.name) in self.waived]
        failed = [guard for guard in action.guards if not guard.holds(self.nodes[0].state, event)]
        guard = (*waived, *failed, *action.guards)[0]
        return Needed(action.name, event, guard.name, guard.sentence)

    def trial(self, leaf: _Leaf) -> Iterator[PossibleState]:
        """The node after a refused action, if its effect makes sense."""
        try:
            yield leaf.node.then(leaf.action, leaf.needed.event, self.place, self.facts, hidden=True)
        except AssertionError:
            return

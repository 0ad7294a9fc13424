"""Does a partial log belong to the specification?

A partial log tells of some actions and of the bounds of others: a prompt is submitted between the call and the return
of its submission, an operation takes effect between its call and its return. When a prompt was queued or taken out, and
when a turn began or ended, nobody wrote down. These *hidden* steps are found backwards: a guard refuses what was seen,
:mod:`everyturn_model.cures` knows which hidden steps would have satisfied that guard, and these are tried, with what they need
in turn. So a hidden step is guessed only where something demands it, and as late as it can be; where being late could
forbid something (before an operation returns, before another prompt is queued) the other order is tried too. A prompt
that a Cancel overlaps is EXPOSED, which permits all that FREE and DOOMED permit: that is why late is enough.

The method is that of Wing and Gong, *Testing and verifying concurrent objects* (1993), with the memo of Lowe, *Testing for
linearizability* (2017), over the states of the specification instead of those of a sequential object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from everyturn_model.cures import Facts, Seen, cures, options, watched
from everyturn_model.events import Event
from everyturn_model.spec import START
from everyturn_model.spec.actions import Action
from everyturn_model.spec.state import State

BUDGET: Final = 50_000
"""So many actions are tried on one log before the answer is *undetermined*."""

_DEPTH: Final = 10
"""So many hidden steps in a row may one thing that was seen need."""

_FORCED: Final = 4
"""So many refused actions are taken as done, for one thing that was seen, before it is left out."""

_BEST: Final = 8
"""After a refusal so many of the simplest explanations are followed."""

_GUESSES: Final = frozenset({"DropPrompt", "CancelOnEntry"})
"""Hidden steps that are guessed for want of a better explanation: what needed them is named first."""

_UNTOLD: Final = frozenset({"EndTurn", "EndSummary", "StoreFailsStep"})
"""Hidden steps whose guards explain nothing to a reader: named is what needed them."""


class Answer(StrEnum):
    """What is said of a partial log."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDETERMINED = "undetermined"


class Explained(NamedTuple):
    """One step of an explanation: before or at which place it happened, and whether it was seen or inferred."""

    place: int
    event: Event
    hidden: bool


class Needed(NamedTuple):
    """An action that would have been needed, and the guard that refused it."""

    action: str
    event: Event
    guard: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.action} ({self.guard}): {self.sentence}"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was seen at ``place`` and had no explanation.

    ``needed``: each action that would have explained it, with the guard that refused that action; the first counts.
    ``prefix``: how many things that were seen before fit. ``states``: the states that they may have led to, the simplest first.
    ``left_out``: matching went on without it; otherwise as if the refused action had been allowed.
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

    answer: Answer
    refusals: tuple[Refused, ...]
    explanation: tuple[Explained, ...]
    tried: int


class Trail(NamedTuple):
    """The latest step of an explanation, and those before it."""

    before: Trail | None
    step: Explained


class Node(NamedTuple):
    """A state that the log may have led to, how many refusals and hidden steps it took, and which."""

    state: State
    forced: int = 0
    hidden: int = 0
    trail: Trail | None = None

    @property
    def cost(self) -> tuple[int, int]:
        """The lower, the simpler."""
        return (self.forced, self.hidden)

    def then(self, action: Action[Any], event: Event, place: int, *, hidden: bool) -> Node:
        """The node after an action."""
        trail = Trail(self.trail, Explained(place, event, hidden))
        return Node(action.effect(self.state, event), self.forced, self.hidden + hidden, trail)


class _Leaf(NamedTuple):
    """Where a search ended: the node, and the action that a guard refused there."""

    node: Node
    action: Action[Any]
    needed: Needed


class _Spent(Exception):
    """The budget is spent."""


def match_partial(seen: Sequence[Seen], budget: int = BUDGET) -> Matched:
    """Follow a partial log through the specification.

    After a refusal it goes on as if the refused action had been allowed, or without what was seen, if that is no help.
    """
    return _Search(seen, budget).run()


class _Search:
    def __init__(self, seen: Sequence[Seen], budget: int) -> None:
        self.seen, self.budget, self.tried = seen, budget, 0
        self.facts = Facts(seen)
        self.leaves: list[_Leaf] = []
        self.place = 0

    def run(self) -> Matched:
        nodes: list[Node] = [Node(START)]
        refusals: list[Refused] = []
        try:
            for index, each in enumerate(self.seen):
                self.place = each.place
                self.facts.see(index)
                reached = self.follow(nodes, each)
                if not reached:
                    reached, refused = self.go_on(nodes, each, index)
                    refusals += refused
                nodes = reached
        except _Spent:
            answer = Answer.REFUSED if refusals else Answer.UNDETERMINED
            return Matched(answer, tuple(refusals), _told(nodes[0].trail), self.tried)
        answer = Answer.REFUSED if refusals else Answer.ACCEPTED
        return Matched(answer, tuple(refusals), _told(nodes[0].trail), self.tried)

    def follow(self, nodes: Iterable[Node], seen: Seen) -> list[Node]:
        """The nodes after something that was seen, each state once, by its simplest explanation, the simplest first."""
        self.leaves = []
        return _simplest(after for node in nodes for after in self.reach(node, seen, ()))

    def reach(self, node: Node, want: Seen, chain: tuple[Event, ...]) -> list[Node]:
        """The nodes after ``want``, and before it whatever hidden steps it needs. ``chain``: what already needs it."""
        self.tried += 1
        if self.tried > self.budget:
            raise _Spent
        action = watched(want.event)
        guard = action.refusing(node.state, want.event)
        found: list[Node] = []
        if guard is None:
            found.append(node.then(action, want.event, self.place, hidden=bool(chain)))
            helps = options(node.state, want, self.facts)
        else:
            helps = cures(guard.name, node.state, want, self.facts)
        if len(chain) < _DEPTH:
            under = (*chain, want.event)
            for help_ in helps:
                if help_.event not in under:
                    for closer in _simplest(self.reach(node, help_, under)):
                        found += self.reach(closer, want, chain) if closer.state != node.state else ()
        if guard is not None and not found and action.name not in _UNTOLD:
            self.leaves.append(_Leaf(node, action, Needed(action.name, want.event, guard.name, guard.sentence)))
        return _simplest(found)

    def go_on(self, nodes: list[Node], seen: Seen, index: int) -> tuple[list[Node], list[Refused]]:
        """After a refusal: the nodes as if the refused actions had been allowed, else as if nothing had been seen."""
        refused: list[Refused] = []
        best = nodes[:_BEST]
        states = tuple(node.state for node in best)
        for _ in range(_FORCED):
            leaves = self.simplest_leaves()
            needed = tuple(dict.fromkeys(leaf.needed for leaf in leaves))
            first = leaves[0].needed
            allowed = _simplest(
                node for leaf in leaves if leaf.needed == first for node in _force(leaf, self.place, seen.event)
            )
            refused.append(Refused(seen.place, seen.event, needed, index, states, left_out=not allowed))
            if not allowed:
                break
            reached = allowed if first.event == seen.event else self.follow(allowed, seen)
            if reached:
                return reached[:_BEST], refused
        return [node._replace(forced=node.forced + 1) for node in best], [refused[0]]

    def simplest_leaves(self) -> list[_Leaf]:
        """Where the search from the simplest node ended: what was needed most first, guesses last."""
        least = min(leaf.node.forced for leaf in self.leaves)
        simple = [leaf for leaf in self.leaves if leaf.node.forced == least]
        return sorted(simple, key=lambda leaf: leaf.action.name in _GUESSES)


def _force(leaf: _Leaf, place: int, seen: Event) -> Iterator[Node]:
    """The node after a refused action, if its effect has a meaning there."""
    event = leaf.needed.event
    try:
        node = leaf.node.then(leaf.action, event, place, hidden=event != seen)
    except AssertionError:
        return
    if node.state != leaf.node.state:
        yield node._replace(forced=node.forced + 1)


def _simplest(nodes: Iterable[Node]) -> list[Node]:
    best: dict[State, Node] = {}
    for node in nodes:
        known = best.get(node.state)
        if known is None or node.cost < known.cost:
            best[node.state] = node
    return sorted(best.values(), key=lambda node: node.cost)


def _told(trail: Trail | None) -> tuple[Explained, ...]:
    steps: list[Explained] = []
    while trail is not None:
        steps.append(trail.step)
        trail = trail.before
    return tuple(reversed(steps))

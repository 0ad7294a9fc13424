"""Where a partial log may have led, and by which steps: nodes of a search, and the explanation that one of them stands
for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from everyturn_model.entries import Entries, after, earliest, started, submitted
from everyturn_model.events import Dropped, DropReason, Event, Queued, Submitted, TakenOut, TurnStarted
from everyturn_model.facts import Facts
from everyturn_model.marks import Found
from everyturn_model.spec import START
from everyturn_model.spec.actions import Action
from everyturn_model.spec.state import State


class Explained(NamedTuple):
    """One step of an explanation: before or at which place it happened, and whether it was seen or inferred."""

    place: int
    event: Event
    hidden: bool


class Trail(NamedTuple):
    """The latest step of an explanation, in which gap it was taken, and those before it.

    ``moment``: of a submission the gap in which the prompt may have been submitted, of an entry into the queue that in
    which a ClearQueue may have met it, of a turn that starts from the queue that in which the prompt may have entered
    it.
    """

    before: Trail | None
    step: Explained
    gap: int
    moment: int | None = None


class PossibleState(NamedTuple):
    """A state that the log may have led to, what is known of those that wait, how many hidden steps it took, and
    which."""

    state: State = START
    entries: Entries = Entries()
    hidden: int = 0
    trail: Trail | None = None

    def then(self, action: Action[Any], event: Event, place: int, facts: Facts, *, hidden: bool) -> PossibleState:
        """The node after an action."""
        state, entries, moment = action.effect(self.state, event), self.entries, None
        if facts.lacks.steps:
            if isinstance(event, TurnStarted):
                entries = started(self.state, entries, event, facts)
                if entries is not self.entries and not facts.queues:
                    moment = earliest(self.entries, event.prompt, facts)
            state, entries = after(state, entries, event, facts) if hidden else (state, entries.of(state))
            match event:
                case Submitted(prompt=prompt) | Found(prompt=prompt):
                    moment = submitted(entries, prompt, facts)
                case Queued(prompt=prompt) if hidden:
                    moment = facts.latest_clear(prompt)
        trail = Trail(self.trail, Explained(place, event, hidden), facts.now, moment)
        return PossibleState(state, entries, self.hidden + hidden, trail)


def simplest(nodes: Iterable[PossibleState]) -> list[PossibleState]:
    """One node for each state, the simplest first. Whoever may have entered earlier forbids less."""
    best: dict[tuple[State, tuple[Any, ...]], PossibleState] = {}
    for node in nodes:
        key = (node.state, node.entries.waiting)
        known = best.get(key)
        if known is None or (node.entries.front, node.hidden) < (known.entries.front, known.hidden):
            best[key] = node
    return sorted(best.values(), key=lambda node: node.hidden)


def explanation(trail: Trail | None, places: Sequence[int]) -> tuple[Explained, ...]:
    """The steps up to the end of a trail, in an order in which they may have happened.

    Submissions and entries into the queue were taken when something needed them; they are put where they were taken
    for. ``places``: those of what was seen.
    """
    steps: list[Trail] = []
    while trail is not None:
        steps.append(trail)
        trail = trail.before
    steps.reverse()
    moments = _Moments(steps)
    placed = [
        (*moments.of(number, each), each) for number, each in enumerate(steps) if not isinstance(each.step.event, Found)
    ]
    placed.sort(key=lambda each: each[:3])
    return tuple(each.step if gap == each.gap else each.step._replace(place=places[gap]) for gap, _, _, each in placed)


class _Moments:
    """For each prompt the gap of its submission and of its entry into the queue, if something asked for them to be
    earlier."""

    def __init__(self, steps: Sequence[Trail]) -> None:
        self.submitted: dict[str, int] = {}
        self.entered: dict[str, int] = {}
        entries: dict[str, int] = {}
        self.cleared: set[str] = set()
        for each in steps:
            match each.step.event:
                case Submitted(prompt=prompt) | Found(prompt=prompt) if each.moment is not None:
                    self.submitted[prompt] = each.moment
                case Queued(prompt=prompt) if each.moment is not None:
                    entries.setdefault(prompt, each.moment)
                case TurnStarted(prompt=prompt) if each.moment is not None:
                    self.entered[prompt] = each.moment
                case Dropped(prompt=prompt, reason=DropReason.CLEARED) if prompt in entries:
                    self.entered[prompt] = entries[prompt]
                    self.cleared.add(prompt)
        self.line = {prompt: number for number, prompt in enumerate(self.entered)}

    def of(self, number: int, each: Trail) -> tuple[int, int, int]:
        """Gap, and rank within it, of the step with that number; those that were moved come first."""
        event: Any = each.step.event
        prompt = getattr(event, "prompt", None)
        if not each.step.hidden or prompt is None:
            return each.gap, 1, number
        entry = self.entered.get(prompt, each.gap)
        if isinstance(event, Submitted) and prompt in self.submitted:
            return min(each.gap, entry, self.submitted[prompt]), 0, -1
        if isinstance(event, Queued) and prompt in self.line:
            return min(each.gap, entry), 0, 3 * self.line[prompt]
        if isinstance(event, TakenOut) and prompt in self.line and entry < each.gap:
            return entry, 0, 3 * self.line[prompt] + 1
        if isinstance(event, Dropped) and prompt in self.cleared and entry < each.gap:
            return entry, 0, 3 * self.line[prompt] + 2
        return each.gap, 1, number

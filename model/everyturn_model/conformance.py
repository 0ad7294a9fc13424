"""Does a complete log belong to the specification?

A *belief* is the set of specification states that a log read so far can have led to, or the :class:`Refusal` that
ended it. A complete log tells every action but the effects of Cancel and ClearQueue. These are put off as long as
possible, that is until the operation returns: until then a :class:`~everyturn_model.spec.prompts.Reach` of ``EXPOSED``
stands for both cases, and each thing that shows a Cancel's effect is allowed. So a belief has one state; partial logs,
where more is hidden, will have larger ones.

Beliefs are immutable and hashable: use them as keys of a memo.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from everyturn_model.events import CancelReturned, ClearReturned, Event, Submitted
from everyturn_model.lifecycle import Phase
from everyturn_model.spec import BY_EVENT, START
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.prompts import Prompt
from everyturn_model.spec.state import State


@dataclass(frozen=True, slots=True)
class Refusal:
    """The specification's no: the action, the guard that refused it and that guard's sentence.

    Two refusals are equal if the guard is: ``event``, which was refused, is for people.
    """

    action: str
    guard: str
    sentence: str
    event: Event | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """The sentence, with what it was applied to."""
        return f"{self.action} refused ({self.guard}): {self.sentence} Found: {self.event}"


Belief = frozenset[State] | Refusal
"""The states that a log can have led to, or why it cannot have led to any."""


def advance_state(state: State, event: Event) -> State | Refusal:
    """The state after an event, hidden or not, or the guard that refuses it."""
    action = BY_EVENT[type(event)]
    guard = action.refusing(state, event)
    if guard is not None:
        return Refusal(action.name, guard.name, guard.sentence, event)
    return action.effect(state, event)


class Matcher:
    """Follows logs through the specification. It has no state of its own: all of it is in the beliefs."""

    @staticmethod
    def start(prompts: Iterable[Submitted] = ()) -> Belief:
        """The belief before the first event; ``prompts`` may tell beforehand who will be submitted."""
        state = START
        for each in prompts:
            state = state.put(Prompt(each.prompt, each.run_id, each.accepted, Phase.NEW))
        return frozenset((state,))

    @staticmethod
    def advance(belief: Belief, event: Event) -> Belief:
        """The belief after ``event``. A refusal stays what it is: the first one counts."""
        if isinstance(belief, Refusal):
            return belief
        reached = [advance_state(_before(state, event), event) for state in belief]
        states = [each for each in reached if not isinstance(each, Refusal)]
        if states:
            return frozenset(states)
        refusals = [each for each in reached if isinstance(each, Refusal)]
        return min(refusals, key=lambda each: (each.action, each.guard))

    @staticmethod
    def refusal(belief: Belief) -> Refusal | None:
        """Why the log does not belong to the specification; none as long as it does."""
        return belief if isinstance(belief, Refusal) else None

    @staticmethod
    def match(events: Iterable[Event], belief: Belief | None = None) -> Belief:
        """The belief after all of ``events``, beginning from ``belief`` or from the start."""
        reached = Matcher.start() if belief is None else belief
        for event in events:
            reached = Matcher.advance(reached, event)
        return reached


def _before(state: State, event: Event) -> State:
    """The state in which ``event`` can have happened: after the hidden action that it needs, if it needs one."""
    if isinstance(event, CancelReturned):
        effect = advance_state(state, CancelTakesEffect(event.operation))
    elif isinstance(event, ClearReturned):
        effect = advance_state(state, ClearTakesEffect(event.operation))
    else:
        return state
    return state if isinstance(effect, Refusal) else effect

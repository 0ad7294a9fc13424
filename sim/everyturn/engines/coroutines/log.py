"""The log of a run through SimPy: what was done, as it was done; steps and events are derived when they are asked
for."""

from __future__ import annotations

from everyturn.engines.coroutines.histories import Histories, OperationOutcome
from everyturn.runs.outcomes import FIRST
from everyturn.runs.run import RunStep
from everyturn.runs.tokens.token import SavedStep
from everyturn_model.events import Event


class EffectLog:
    """Effects in the order in which they were made, and time and number of enabled threads of each step.

    A step begins with each effect whose node is a scheduling point. ``watched`` has the number of the events of those
    effects, by their places, of which each run sees something else. ``at_rest``: what was seen when nothing could move.
    """

    __slots__ = ("at_rest", "effects", "enabled", "histories", "times", "watched")

    def __init__(self, histories: Histories) -> None:
        self.histories = histories
        self.effects: list[OperationOutcome] = []
        self.times: list[float] = []
        self.enabled: list[int] = []
        self.watched: dict[int, int] = {}
        self.at_rest: tuple[Event, ...] = ()

    def steps(self) -> list[RunStep]:
        """All steps."""
        steps: list[RunStep] = []
        for place, effect in enumerate(self.effects):
            if effect.node.point:
                number = len(steps)
                steps.append(RunStep(number, self.times[number], effect.node.thread, self.enabled[number]))
            if effect.step is not None:
                events = self.watched.get(place, effect.events)
                steps[-1].operations.append(effect.step)
                steps[-1].events.extend(self.histories.events.values[events])
        return steps

    def saved(self) -> list[SavedStep]:
        """All steps by stable identifiers, as a token holds them."""
        saved: list[SavedStep] = []
        outcomes: list[tuple[str, str]] = []
        for effect in self.effects:
            name = str(effect.node.operation)
            if effect.node.point:
                outcomes = []
                saved.append(SavedStep(effect.node.name, name))
            if effect.label:
                outcomes.append((name, FIRST if effect.first else effect.label))
                if not effect.first:
                    saved[-1] = saved[-1]._replace(outcomes=tuple(outcomes))
        return saved

    def seen(self) -> list[int]:
        """What was seen of each step and of rest, as numbers of ``histories.events``."""
        seen: list[list[int]] = []
        watched = self.watched
        for place, effect in enumerate(self.effects):
            number = watched.get(place, effect.events)
            if effect.node.point:
                seen.append([number])
            elif number != self.histories.nothing:
                seen[-1].append(number)
        joined = [numbers[0] if len(numbers) == 1 else self.histories.join(numbers) for numbers in seen]
        if self.at_rest:
            joined.append(self.histories.events.number(self.at_rest))
        return joined

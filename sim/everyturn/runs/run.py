"""One run as data: its steps, what was seen of each, and the decisions that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from everyturn.runs.outcomes import label
from everyturn.runs.schedule import Schedule, deviations
from everyturn.runs.tokens.token import SavedStep, Token, encode, fingerprint
from everyturn.world.observer import Step
from everyturn_model.events import Event, Rest


@dataclass(slots=True)
class RunStep:
    """One step: its number, the virtual time, who moved out of how many, the operations it made and what was seen.

    A step has one scheduling point, its first operation; the others are its thread's own business.
    """

    number: int
    time: float
    thread: int
    enabled: int
    operations: list[Step] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


class RunLog(Protocol):
    """What an engine keeps of a run while it goes on: the steps and events are derived from it when they are asked
    for."""

    effects: list[Any]
    times: list[float]
    enabled: list[int]
    watched: dict[int, int]
    histories: Any
    at_rest: tuple[Event, ...]

    def steps(self) -> list[RunStep]:
        """All steps."""
        ...

    def saved(self) -> list[SavedStep]:
        """All steps as a token keeps them."""
        ...

    def seen(self) -> list[int]:
        """Of each step the number of what was seen."""
        ...


@dataclass
class Run:
    """A run from its start to rest (``rest`` is none while it is under way)."""

    revision: str
    scope: str
    granularity: str
    log: RunLog
    decisions: list[int] = field(default_factory=list)

    def _repr_html_(self) -> str:
        """What ran, and its steps with what was seen of each, as a notebook shows a trace."""
        from everyturn.runs.trace import as_html, lines_of

        return as_html(f"{self.revision} in {self.scope}", lines_of(self))

    @cached_property
    def steps(self) -> list[RunStep]:
        """All steps, derived from the log when they are asked for first: when the run is over."""
        return self.log.steps()

    @property
    def at_rest(self) -> tuple[Event, ...]:
        """What was seen when nothing could move any more, rest last; nothing, if the run did not come so far."""
        return self.log.at_rest

    @property
    def rest(self) -> Rest | None:
        """The event of rest."""
        rest = self.log.at_rest[-1] if self.log.at_rest else None
        assert rest is None or isinstance(rest, Rest)
        return rest

    def seen(self) -> Iterator[tuple[Event, ...]]:
        """The events of each step, and that of rest at the end."""
        for step in self.steps:
            yield tuple(step.events)
        if self.at_rest:
            yield self.at_rest

    @property
    def schedule(self) -> Schedule:
        """The schedule that makes this run again."""
        return Schedule(self.revision, self.scope, self.granularity, deviations(self.decisions))

    @property
    def token(self) -> str:
        """The run as a token."""
        steps = tuple(self.log.saved())
        return encode(Token(self.revision, self.scope, self.granularity, steps, fingerprint(self.done())))

    def done(self) -> Iterator[str]:
        """All that was done, one line for each operation: its thread, its name, its outcome's label."""
        for step in self.steps:
            for each in step.operations:
                yield f"{each.thread} {each.operation} {label(each.result)}"

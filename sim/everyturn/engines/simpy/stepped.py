"""A run that somebody else drives: asked who could go on, and told who does, a step at a time."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.engines.simpy.kernel import AccessEvent, Kernel
from everyturn.runs.run import Run
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Access
from everyturn.world.world import World
from everyturn_model.events import Event


class _Told(Strategy):
    """Does as it is told: which access is next, and the outcome of each choice on the way; nothing said is 0."""

    def __init__(self) -> None:
        self.place = 0
        self.outcome = 0

    def pick(self, enabled: Sequence[Access]) -> int:
        return self.place

    def choose(self, outcomes: int) -> int:
        return self.outcome % outcomes


class SteppedRun(Kernel):
    """One run of ``world``, from its start, as long as somebody lets a thread go on."""

    def __init__(self, world: World) -> None:
        self._told = _Told()
        super().__init__(world, self._told)
        self.moved: set[int] = set()
        """The threads that have gone on at least once."""
        self._settle()

    @property
    def enabled(self) -> list[AccessEvent]:
        """The accesses of which one could be made now, in first-in first-out order; none: the run is at rest."""
        return self._enabled()

    @property
    def seen(self) -> list[tuple[Event, ...]]:
        """The events of each step so far; the record of the run is to be read at rest only, as it keeps its results."""
        return [tuple(step.events) for step in self._log.steps()]

    def go_on(self, access: AccessEvent, outcome: int = 0) -> None:
        """Make an enabled access, and all that its thread does alone after it.

        ``outcome``: of each choice of the world on the way, its place, counted round. Raises
        :class:`~everyturn.errors.EndlessRun` if the run is too long by now.
        """
        self._told.place, self._told.outcome = self._enabled().index(access), outcome
        self.moved.add(access.thread)
        self._decide()
        self._settle()

    def to_rest(self) -> Run:
        """Go on first in, first out until nothing can move any more; the record of the run."""
        self._told.place, self._told.outcome = 0, 0
        return self.simulate()

    def _settle(self) -> None:
        """Process all that is due before somebody has to decide."""
        while self._queue or (not self._started and self._start()):
            if self._queue:
                self.step()

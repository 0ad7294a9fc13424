"""What every strategy is: asked for a thread at each step and for an outcome at each choice, run after run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from everyturn.errors import ReplayError
from everyturn.world.access import Access


class Strategy:
    """Decides one run after the other; knows nothing of the world.

    ``independent``: its runs are independent samples of one distribution, which ``seed`` and the run's number decide
    alone. Only then do clean runs bound the probability of what was not seen, and only then can runs be shared among
    processes. ``proves``: what holds in every run of an exhausted strategy holds in *every* interleaving: of the
    invariants judged ``always``, only of those judged ``at rest``, or of none. ``single``: all its runs are the same
    one. ``blind``: it looks at how many accesses are enabled, and not at what they are.
    """

    independent: ClassVar[bool] = False
    blind: ClassVar[bool] = False
    single: ClassVar[bool] = False
    proves: str = "none"
    exhausted: bool = False
    """Whether nothing is left to run. Looked at before each run."""

    def begin(self, run: int) -> None:
        """Run number ``run`` (0, 1, …) begins."""

    def pick(self, enabled: Sequence[Access]) -> int:
        """Which of the ``enabled`` accesses is made, by its place in first-in first-out order.

        Asked at every step, also when there is only one.
        """
        raise NotImplementedError

    def choose(self, outcomes: int) -> int:
        """Which of two or more ``outcomes`` a choice of the world has; 0, success, if nothing is said."""
        return 0

    def choose_named(self, operation: str, labels: Sequence[str]) -> int:
        """As :meth:`choose`, for a strategy that goes by the names of outcomes."""
        return self.choose(len(labels))

    def end(self, blocked: Sequence[Access]) -> None:
        """The run is at rest; the ``blocked`` accesses were never made."""


class Guided(Strategy):
    """A strategy that first follows a ``prefix`` of recorded decisions, and decides for itself from there on.

    Decisions are counted as in a schedule: one where two or more accesses are enabled, one at each choice. ``made``
    holds all of this run; ``moved`` is the access that was made last. Subclasses override :meth:`decide` and
    :meth:`choose_outcome`, and call :meth:`follow` from their ``begin``.
    """

    def __init__(self) -> None:
        self.prefix: Sequence[int] = ()
        self.made: list[int] = []
        self.moved: Access | None = None

    def follow(self, prefix: Sequence[int]) -> None:
        """Start a run with these decisions."""
        self.prefix = prefix
        self.made = []
        self.moved = None

    @property
    def last(self) -> int:
        """The thread that moved last, -1 before anybody did."""
        return -1 if self.moved is None else self.moved.thread

    def decide(self, enabled: Sequence[Access]) -> int:
        """As :meth:`pick`, beyond the prefix."""
        raise NotImplementedError

    def choose_outcome(self, outcomes: int) -> int:
        """As :meth:`choose`, beyond the prefix."""
        raise NotImplementedError

    def pick(self, enabled: Sequence[Access]) -> int:
        among = len(enabled)
        place = self._recorded(among) if len(self.made) < len(self.prefix) else self.decide(enabled)
        if among > 1:
            self.made.append(place)
        self.moved = enabled[place]
        return place

    def choose(self, outcomes: int) -> int:
        chosen = self._recorded(outcomes) if len(self.made) < len(self.prefix) else self.choose_outcome(outcomes)
        self.made.append(chosen)
        return chosen

    def _recorded(self, among: int) -> int:
        if among < 2:
            return 0
        decision = self.prefix[len(self.made)]
        if decision >= among:
            raise ReplayError(
                f"decision {len(self.made)}: expected more than {decision} ways to go on, as in the run before, "
                f"found {among}: the agent is not deterministic"
            )
        return decision

"""A strategy of the user's own, whose decisions are looked at before they are followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from everyturn.errors import UsageError
from everyturn.source_location import raised_at
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Access
from everyturn.world.entering import entered, named, told


class Guarded(Strategy):
    """Decides as ``own`` does. Raises :class:`UsageError` for a decision that there is not, and for whatever ``own``
    raises."""

    def __init__(self, own: Strategy) -> None:
        self.own = own
        self._name = type(own).__qualname__

    def begin(self, run: int) -> None:
        self._entered(lambda: self.own.begin(run))

    def pick(self, enabled: Sequence[Access]) -> int:
        return self._place("pick", len(enabled), self._entered(lambda: self.own.pick(enabled)))

    def choose_named(self, operation: str, labels: Sequence[str]) -> int:
        return self._place("choose", len(labels), self._entered(lambda: self.own.choose_named(operation, labels)))

    def end(self, blocked: Sequence[Access]) -> None:
        self._entered(lambda: self.own.end(blocked))

    def _entered(self, decide: Callable[[], Any]) -> Any:
        with entered(self._wrong):
            return decide()

    def _wrong(self, error: BaseException) -> UsageError:
        if isinstance(error, NotImplementedError) and type(self.own).pick is Strategy.pick:
            return UsageError(f"strategy {self._name}: expected a method pick(enabled); found none")
        return UsageError(f"strategy {self._name}: {raised_at(error)}: expected a decision; found {told(error, named)}")

    def _place(self, method: str, among: int, place: Any) -> int:
        if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < among:
            raise UsageError(
                f"strategy {self._name}: {method}: expected a whole number from 0 to {among - 1}; found {place!r:.40}"
            )
        return place

"""The point of no return: the last state of a bad run from which a good end could still be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from everyturn.engines.coroutines.transitions import JUDGE, Row, Transitions
from everyturn.engines.explorer.paths import Path
from everyturn.verdicts.checker import SINK

BUDGET: Final = 50_000
"""How many states are looked at in all before the answer is *undetermined*."""

Decisions = list[tuple[int, int]]


class _Exhausted(Exception):
    """The budget is used up."""


@dataclass(frozen=True, slots=True)
class NoReturn:
    """``step`` crossed the point of no return: in the row before it a good end could be reached by ``good``.

    ``good`` is a way of (thread, choice) from that row to a good rest. ``step`` is none if even the first row was lost.
    ``chosen``: the same thread could have made the step with another result, which the world did not choose.
    """

    step: int | None
    good: Decisions
    states: int
    chosen: bool = False


def point_of_no_return(transitions: Transitions, path: Path, budget: int = BUDGET) -> NoReturn | None:
    """The step of ``path`` that crosses the point of no return; none if the budget did not suffice.

    ``transitions`` judges one invariant. A row from which no good end can be reached has none after it, so that the
    last good one is found by halving.
    """
    search = _Search(transitions, budget)
    rows = [step.row for step in path.steps] + [path.last]
    low, high = -1, len(rows) - 1
    good: Decisions = []
    try:
        while high - low > 1:
            middle = (low + high) // 2
            way = search.good_end(rows[middle])
            if way is None:
                high = middle
            else:
                low, good = middle, way
    except _Exhausted:
        return None
    if low < 0:
        return NoReturn(None, good, search.states)
    step = path.steps[low]
    return NoReturn(low, good, search.states, bool(good) and good[0][0] == step.thread)


class _Search:
    """Depth first to a good rest, remembering from which rows there is none."""

    def __init__(self, transitions: Transitions, budget: int) -> None:
        self.transitions = transitions
        self.budget = budget
        self.states = 0
        self._lost: set[Row] = set()
        self._endless = transitions.world.scope.endless

    def good_end(self, row: Row) -> Decisions | None:
        """A way from ``row`` to a rest that violates nothing, none if there is none."""
        seen = {row}
        stack = [(row, iter(tuple(self.transitions.successors(row))))]
        way: Decisions = []
        if self._bad(row):
            return None
        while stack:
            here, successors = stack[-1]
            for thread, choice, after, _ in successors:
                if after in seen or after in self._lost or self._bad(after):
                    continue
                self._count()
                seen.add(after)
                following = tuple(self.transitions.successors(after))
                way.append((thread, choice))
                if not following and not self.transitions.rest(after)[1]:
                    return way
                stack.append((after, iter(following)))
                break
            else:
                stack.pop()
                if way:
                    way.pop()
                if not self._endless:  # else a way may lead through a row that is being looked at
                    self._lost.add(here)
        self._lost |= seen
        return None

    def _bad(self, row: Row) -> bool:
        state = self.transitions.judged.values[row[JUDGE]]
        return SINK in state.monitors or state.belief is SINK

    def _count(self) -> None:
        self.states += 1
        if self.states > self.budget:
            raise _Exhausted

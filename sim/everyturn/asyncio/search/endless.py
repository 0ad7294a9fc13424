"""Runs that go round for ever: from some state on no choice of the world brings the program to rest again.

Where equal states are merged such a run ends where its state comes again; so it is looked for in the graph of states.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn
from weakref import ref

from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.findings import ScenarioFinding, task_name, waits

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

MOST_REMEMBERED: Final = 20_000
"""States of which the choices are remembered that lead to them."""


class ScenarioStates:
    """States by numbers, 0 the beginning; which one leads to which; after which ones a run came to rest."""

    def __init__(self) -> None:
        self.count = 1
        self.ways: dict[int, tuple[int, ...]] = {0: ()}
        self._before: dict[int, set[int]] = defaultdict(set)
        self._rests: set[int] = set()
        self._done: set[int] = set()

    def new(self, last: int, taken: Sequence[int], *, done: bool) -> int:
        """One more state, which ``last`` leads to; ``taken``: the choices that lead there; ``done``: the scenario has
        ended."""
        number = self.count
        self.count += 1
        if done:
            self._done.add(number)
        if number < MOST_REMEMBERED:
            self.ways[number] = tuple(taken)
        self.leads(last, number)
        return number

    def leads(self, last: int, number: int) -> None:
        """``last`` leads to ``number``."""
        self._before[number].add(last)

    def rests(self, last: int) -> None:
        """After ``last`` a run came to rest."""
        self._rests.add(last)

    def endless(self) -> list[int]:
        """A state from which the scenario cannot end any more, and one where it has ended but nothing comes to rest."""
        hangs = set(range(self.count)) - self._leading_to(self._rests | self._done)
        goes_on = self._done - self._leading_to(self._rests)
        return [min(each) for each in (hangs, goes_on) if each]

    def _leading_to(self, targets: set[int]) -> set[int]:
        found, pending = set(targets), list(targets)
        while pending:
            for each in self._before.get(pending.pop(), ()):
                if each not in found:
                    found.add(each)
                    pending.append(each)
        return found


class UpTo(FirstOption):
    """Takes the choices that lead to a state, and leaves the run there: with what is wrong if it never rests again."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        self.made = 0
        self.finding: ScenarioFinding | None = None

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning, in a new world."""
        self._world = ref(world)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice; behind the last one the run is left."""
        if self.made < len(self.places):
            self.made += 1
            return self.places[self.made - 1]
        return self._leave()

    def look(self) -> None:
        """Behind the last choice the run is left, whether or not there is another one."""
        if self.made >= len(self.places):
            self._leave()

    def _leave(self) -> NoReturn:
        world = self._world()
        assert world is not None
        self.finding = _never_rests(world)
        raise Abandoned


def _never_rests(world: ScenarioWorld) -> ScenarioFinding:
    tasks = ", ".join(f"{task_name(task)} at {waits(task)}" for task in world.tasks() if task is not world.main)
    beside = f"; beside it go on or wait {tasks}" if tasks else ""
    if world.main.done():
        return ScenarioFinding("left-over", f"the scenario has ended, and from here on nothing comes to rest{beside}")
    where = waits(world.main)
    return ScenarioFinding(
        "hang", f"from here on the same states come again for ever, and the scenario never ends{beside}", where
    )

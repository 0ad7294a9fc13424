"""A second process that makes runs before a search comes to them.

Each choice that a depth-first search has passed over will be made later, unless a limit ends it. So a process that was
forked from the search makes such runs, *ahead*, and sends what the search would have seen of each: what there was to
choose from, the states, how it ended. The search takes it up when it comes to that run, in the order in which it would
have made it, so that every count, number and verdict is what one process finds. What does not fit (the run came to a
state that the search has met meanwhile, or has not met; it shows a fault that was not known; anything out of the
ordinary) is thrown away, and the run is made here.

The two share no memory. States go as numbers of their elements, each of which is sent once. What the search has met is
told by hashes, which are hints: they say where a run may end, and the search compares the states themselves. What a
process names for good (:data:`~everyturn.asyncio.states.process_names.NAMES`) has one name in both only if it was named
before they parted: a second process that meets something new, or leaves behind what was not known to change, ends, and
is forked anew when the search knows more. And
the first runs of each process are made here, too: where states are others there, as some package does something when
its process is forked, there is no second process. Nor is there one once a run has been about to change a file, which
both would change; in the second process it ends before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.changed_files import CHANGED
from everyturn.asyncio.runtime.decisions import Decision
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.search import second_process
from everyturn.asyncio.search.depth_first import LOOKS, Merging, SeenState, SeenStep, Way
from everyturn.asyncio.search.second_process import AheadRun, SecondProcess

_ALONE: Final = 16
"""So many runs are made before a second process is begun, as many programs have no more; or one after another, which
knows more. Later it is a quarter of all."""
_COMPARED: Final = 2
"""So many of the first runs of a process are made here, too."""
_BATCH: Final = 3
"""So many runs are asked for at once."""


class RunsAhead:
    """Runs that were made before the search comes to them, which ``guide`` leads. There is a second process after some
    runs; another one, some runs after that has ended."""

    def __init__(self, scenario: Scenario, setting: Setting, guide: Merging) -> None:
        self._begin = partial(second_process.begin, scenario, setting, guide)
        self._guide = guide
        self._met: list[int] = []
        guide.met = self._met
        self._process: SecondProcess | None = None
        self._begins = _ALONE
        self._is_of_use = True
        self._changed = CHANGED.count
        self._numbers: NDArray[np.uint32] = np.zeros(0, np.uint32)
        """Number of an element there → its number here."""
        self._made: dict[Way, AheadRun] = {}
        self._told = self._compared = 0
        """How many states it was told of; how many of its runs were made here, too."""
        self._compares: tuple[int, list[SeenStep]] | None = None
        """A run that is made here, too: how long its way is, and what is to be seen beyond it."""

    def outcome(self, runs: int, is_wanted: Callable[[AheadRun, int], bool]) -> ScenarioOutcome | None:
        """What comes of the run to which the guide is to go now, if it was made, is wanted with so many decisions, and
        does here what it did there: then the guide has gone that way. What comes later is asked for. ``runs``: how many
        the search has made."""
        if self._is_of_use and runs >= self._begins and (self._process is None or self._process.over):
            self._begin_anew(runs)
        process = self._process
        if process is None or not self._is_of_use:
            return None
        made = self._taken(process, tuple(self._guide.taken))
        found = None
        if made is not None and self._compared < _COMPARED:
            self._compares = len(self._guide.taken), self._here(made.steps)
        elif made is not None and self._follows(made, is_wanted):
            NOW.hear(made.said)
            found = self._outcome(made)
        self._ask(process)
        return found

    def compare(self) -> None:
        """A run was taken up, or has been made here: if it was made there, too, and was another one, or if it has
        changed files, nothing that comes from there counts."""
        if self._compares is not None:
            self._is_of_use = self._guide.agrees(*self._compares)
            self._compared += 1
            self._compares = None
        self._is_of_use = self._is_of_use and CHANGED.count == self._changed

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()

    def _begin_anew(self, runs: int) -> None:
        self.end()
        self._process = self._begin()
        self._begins = runs + max(_ALONE, runs // 4)
        self._numbers = self._numbers[:0]
        self._made.clear()
        self._told, self._compared = len(self._met), 0

    def _taken(self, process: SecondProcess, way: Way) -> AheadRun | None:
        """The run of this way, if it was made; waits for it if it is being made now."""
        while process.has_sent():
            self._receive(process)
        if process.makes(way) and not process.over:
            self._receive(process)
        return self._made.pop(way, None)

    def _receive(self, process: SecondProcess) -> None:
        received = process.receive()
        if received is None:
            return
        way, made, elements = received
        numbers = [self._guide.packing.number(each) for each in elements]
        self._numbers = np.concatenate((self._numbers, np.array(numbers, np.uint32)))
        if made is not None:
            self._made[way] = made

    def _ask(self, process: SecondProcess) -> None:
        """Let it make the next runs that are not made, unless it is busy."""
        if process.over or process.is_busy:
            return
        wanted = list(islice((each for each in self._guide.passed_over() if each[0] not in self._made), _BATCH))
        if wanted:
            process.ask(self._met[self._told :], wanted)
            self._told = len(self._met)

    def _follows(self, made: AheadRun, is_wanted: Callable[[AheadRun, int], bool]) -> bool:
        choices = sum(each.kind != LOOKS and not each.leaves for each in made.steps)
        return is_wanted(made, len(self._guide.taken) + choices) and self._guide.follow(self._here(made.steps))

    def _here(self, steps: Sequence[SeenStep]) -> list[SeenStep]:
        """Steps with their states as they are packed here."""
        return [each._replace(seen=self._packed_here(each.seen)) for each in steps]

    def _packed_here(self, seen: SeenState | None) -> SeenState | None:
        if seen is None or isinstance(seen.key, str):
            return seen
        return seen._replace(key=self._numbers.take(np.frombuffer(seen.key, np.uint32)).tobytes())

    def _outcome(self, made: AheadRun) -> ScenarioOutcome:
        guide = self._guide
        return ScenarioOutcome(
            [Decision(*offer, place) for offer, place in zip(guide.offered, guide.taken, strict=True)],
            [],
            made.findings,
            complete=made.complete,
            merged=made.merged,
            iterations=made.iterations,
            neighbours=made.neighbours,
            unsure=made.unsure,
            shown=made.shown,
            trusted=made.trusted,
        )


@contextmanager
def runs_ahead(scenario: Scenario, setting: Setting, guide: Merging) -> Iterator[RunsAhead]:
    """Within, there may be a second process that makes runs for ``guide``."""
    ahead = RunsAhead(scenario, setting, guide)
    try:
        yield ahead
    finally:
        ahead.end()

"""The scheduling strategies on asyncio: who goes on is decided among the loop and the sources of the outside world.

A strategy decides among threads, and which outcome a choice has. On asyncio the *threads* are the loop, number 0, and
the sources of what comes from outside: each name that the world was asked for (``world.io``, a model, a store), each
function on another thread, the garbage collector. An *access* of a source is that its next answer happens or arrives,
an access of the loop is that it goes on to its next steps or timer instead. With ``--order any`` each task is a thread,
too. In which way an answer arrives, what a comparison of times says, and the order in a set are *outcomes*.

What a step of a task reads and writes is not known. So there is no strategy here that goes by what depends on what.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.order.ordering import joined, too_large
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.decisions import GO_ON, FirstOption
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.counter_checking import noted_alike
from everyturn.asyncio.search.depth_first import RepeatedChoices
from everyturn.asyncio.search.repeating import compare
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.asyncio.states.state import UnknownValue, encode
from everyturn.errors import UsageError
from everyturn.strategies import STRATEGIES, strategy
from everyturn.strategies.pct import Pct
from everyturn.strategies.portfolio import Portfolio
from everyturn.strategies.profile import Profile, profile
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.strategy import Strategy
from everyturn.strategies.urw import Urw
from everyturn.world.access import NOWHERE, Footprint
from everyturn.world.overrun import OutOfTime

LOOP: Final = "the loop"
_LEARNING: Final = 8
"""So many runs are made to learn which tasks and futures are in one set at once."""
_LONGEST_LOOK: Final = 200
_LOOKS: Final = 50
"""So many iterations of the run before all others, and choices in it, are looked at for sets of texts."""
_ORDERS: Final = ("arrives", "rest", "between steps", "inside a step", "next")
"""Kinds of choices of which thread goes on; all others are of outcomes."""
_ENDINGS: Final = (
    " runs on a thread",
    " ends on its thread",
    " happens, unwanted",
    " happens",
    " arrives",
    " can read and write",
    " can read",
    " can write",
    " is made",
    " is refused",
    " is reset",
)
_SYSTEMATIC: Final = ("delay", "preemption")
_NO_FOOTPRINTS: Final = {
    "pos": "draws priorities again for what races with the step just made",
    "surw": "is uniform over the accesses to one location",
    "dpor": "makes one run for each order of dependent steps",
    "coverage": "looks for new pairs of a write and a read",
}
"""Strategies that go by what depends on what → what they do with it."""


class WorldSource(NamedTuple):
    """A thread of the world that could go on, and the places of the options in which it does."""

    thread: int
    name: str
    places: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def footprint(self) -> Footprint:
        """Not known."""
        return NOWHERE


class StrategyGuide(FirstOption):
    """A guide that asks a strategy. ``known``: threads by their names, numbered; those of this run follow."""

    def __init__(self, chooser: Strategy, number: int, known: dict[str, int]) -> None:
        self._chooser = chooser
        self._number = number
        self._known = known

    def begin(self, world: Any) -> None:
        """Run ``number`` of the strategy begins."""
        self._known = dict(self._known)
        self._chooser.begin(self._number)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """What the strategy decides."""
        if kind not in _ORDERS:
            return self._chooser.choose_named(kind, options)
        sources = self.sources(kind, options)
        source = sources[self._chooser.pick(sources)]
        if len(source.places) == 1:
            return source.places[0]
        return source.places[self._chooser.choose_named(source.name, source.words)]

    def sources(self, kind: str, options: Sequence[str]) -> list[WorldSource]:
        """The threads that could go on, in the order of the options."""
        return [
            WorldSource(self._numbered(name), name, places, words)
            for name, places, words in _by_thread(kind, tuple(options))
        ]

    def _numbered(self, name: str) -> int:
        return self._known.setdefault(name, len(self._known))


@lru_cache(4_096)
def _by_thread(kind: str, options: tuple[str, ...]) -> tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...]:
    """The threads whose steps the options are, in their order, each with the places of its options, and these."""
    grouped: dict[str, list[int]] = {}
    last = ""
    for place, word in enumerate(options):
        name = _thread(kind, word)
        if last and word.startswith(f"{last}: "):  # another way of the same answer
            name = last
        grouped.setdefault(name, []).append(place)
        last = name
    return tuple((name, tuple(places), tuple(options[each] for each in places)) for name, places in grouped.items())


def _thread(kind: str, word: str) -> str:
    """Whose step an option is."""
    if word in (GO_ON, "rests"):
        return LOOP
    if kind == "next":
        return word
    return next((word.removesuffix(each) for each in _ENDINGS if word.endswith(each)), word)


class ScenarioStrategy(NamedTuple):
    """A strategy as it is used on one scenario. ``known``: the numbers of the threads that its profile has seen."""

    chooser: Strategy
    known: dict[str, int]

    @property
    def threads(self) -> int:
        """How many threads the runs of the profile had."""
        return len(self.known)


def strategy_for(scenario: Scenario, setting: Setting, wanted: str, seed: int) -> ScenarioStrategy:
    """The strategy of this name for ``scenario``. Raises :class:`UsageError` for one that cannot work here. To be used
    within :func:`everyturn.asyncio.control.preparing.prepared`."""
    known = {LOOP: 0}
    refuse_unusable(wanted)

    def measured() -> Profile:
        def made(chooser: Strategy, number: int) -> object:
            guide = StrategyGuide(chooser, number, known)
            outcome = run(scenario, guide, setting)
            known.update(guide._known)
            return outcome

        return profile(made, seed)

    return ScenarioStrategy(_made(wanted, seed, measured), known)


def refuse_unusable(wanted: str) -> None:
    """Raise :class:`UsageError` for a strategy that goes by what depends on what."""
    family = wanted.partition(":")[0]
    if family in _NO_FOOTPRINTS:
        usable = ", ".join(each for each in STRATEGIES if each not in _NO_FOOTPRINTS)
        raise UsageError(
            f"strategy {wanted!r}: expected one that asyncio allows, {usable}; {family} {_NO_FOOTPRINTS[family]}, and "
            "what a step of a task reads and writes is not known (check merges equal states instead)"
        )


def _made(name: str, seed: int, measured: Callable[[], Profile]) -> Strategy:
    """The strategy of this name. The portfolio has no POS here: URW takes its place."""
    if name == "portfolio":
        counts = measured()
        return Portfolio(seed, (RandomWalk(seed), Pct(seed, 3, counts), Urw(seed, counts)))
    return strategy(name, seed, measured)


@dataclass
class ScenarioSample:
    """What sampling found. ``ends``: how often runs ended in which way (what they noted, and what is wrong);
    ``complete``: a finite strategy has made all its runs."""

    found: ScenarioSearch
    used: ScenarioStrategy
    ends: Counter[Any] = field(default_factory=Counter)
    complete: bool = False

    def often(self, kind: str) -> int:
        """In how many runs this kind of fault was."""
        return sum(runs for (kinds, _), runs in self.ends.items() if kind in kinds)


def sample(
    scenario: Scenario,
    setting: Setting,
    wanted: str,
    *,
    runs: int,
    seed: int,
    seconds: float | None,
    watch: Callable[[ScenarioSearch], None] | None,
    first: int = 0,
) -> ScenarioSample:
    """Make so many runs under a strategy, or all of a finite one. To be used within
    :func:`everyturn.asyncio.control.preparing.prepared`. ``first``: the number of the first run.

    A systematic strategy begins anew where others are in one set than was known; for the others some runs are made
    before, to learn that. Ctrl-C ends it early. A run before the first one is looked at for sets whose order is
    trusted: once for a sample that is made in parts.
    """
    if first == 0:
        run(scenario, _LookingForTexts(), setting._replace(longest=_LONGEST_LOOK))
    if wanted.partition(":")[0] not in _SYSTEMATIC:
        setting = _learnt(scenario, setting)
    while True:
        FIRST.was_unknown()
        used = strategy_for(scenario, setting, wanted, seed)
        sampled = ScenarioSample(ScenarioSearch(setting), used)
        for outcome in _outcomes(scenario, setting, sampled, range(first, first + runs), seconds):
            if watch is not None:
                watch(sampled.found)
            groups = joined(setting.groups, outcome.neighbours)
            if used.chooser.independent or groups == setting.groups or too_large(setting.groups):
                continue
            setting = setting._replace(groups=groups)
            break
        else:
            if sampled.found.stopped is None and FIRST.was_unknown():
                continue
            if too_large(joined(setting.groups, sampled.found.neighbours)) and not used.chooser.independent:
                sampled.found.stopped = "not all orders were made of tasks or futures that hang together by sets"
            sampled.found.trusts()
            sampled.complete = used.chooser.exhausted and sampled.found.stopped is None and not used.chooser.independent
            return sampled


class _LookingForTexts(FirstOption):
    """Nothing interferes; at each choice of the world it is noted whether the program keeps a set of texts, as it is
    where states are compared. A sample compares none."""

    _world: Callable[[], Any] = staticmethod(lambda: None)
    _looks = 0

    def begin(self, world: Any) -> None:
        """From the beginning."""
        self._world = ref(world)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """0."""
        if not NOW.texts and self._looks < _LOOKS:
            self._looks += 1
            with suppress(UnknownValue, RecursionError):
                encode(self._world())
        return 0


def _learnt(scenario: Scenario, setting: Setting) -> Setting:
    """With what some runs show of which tasks and futures are in one set at once."""
    chooser = RandomWalk(0)
    for number in range(_LEARNING):
        outcome = run(scenario, StrategyGuide(chooser, number, {}), setting)
        setting = setting._replace(groups=joined(setting.groups, outcome.neighbours))
    return setting


def _outcomes(
    scenario: Scenario, setting: Setting, sampled: ScenarioSample, numbers: range, seconds: float | None
) -> Iterator[ScenarioOutcome]:
    """The runs, one by one, counted."""
    result, used, begun = sampled.found, sampled.used, time.monotonic()
    try:
        for number in numbers:
            if used.chooser.exhausted:
                return
            outcome = run(scenario, StrategyGuide(used.chooser, number, used.known), setting)
            used.chooser.end(())
            result.add(outcome, begun)
            if used.chooser.proves != "none" and result.runs & (result.runs - 1) == 0 and outcome.complete:
                compare(outcome, run(scenario, RepeatedChoices(outcome), setting))
            sampled.ends[_ended(outcome)] += 1
            yield outcome
            if seconds is not None and result.seconds >= seconds and number + 1 < numbers.stop:
                result.stopped = f"{seconds:g} seconds"
                return
    except KeyboardInterrupt:
        result.interrupted, result.stopped = True, "interrupted"
    except OutOfTime as error:
        result.stopped = str(error)


def _ended(outcome: ScenarioOutcome) -> Any:
    return tuple(sorted({each.kind for each in outcome.findings})), tuple(map(noted_alike, outcome.logged))

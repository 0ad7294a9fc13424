"""Samples of the runs of a scenario under a strategy: each made, or followed through the states that are known."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.order.ordering import joined, too_large
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.confirming import doubtful
from everyturn.asyncio.search.counter_checking import noted_alike
from everyturn.asyncio.search.depth_first import RepeatedChoices
from everyturn.asyncio.search.repeating import compare
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.asyncio.search.strategy_guide import LOOP, StrategyGuide
from everyturn.asyncio.search.tables import Did, ScenarioTables
from everyturn.asyncio.states.state import UnknownValue, encode
from everyturn.strategies import strategy
from everyturn.strategies.delay_bounded import DelayBounded
from everyturn.strategies.pct import Pct
from everyturn.strategies.portfolio import Portfolio
from everyturn.strategies.profile import Profile, profile
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.strategy import Strategy
from everyturn.strategies.urw import Urw
from everyturn.world.overrun import OutOfTime

_LEARNING: Final = 8
"""So many runs are made to learn which tasks and futures are in one set at once."""
_LONGEST_LOOK: Final = 200
_LOOKS: Final = 50
"""So many iterations of the run before all others, and choices in it, are looked at for sets of texts."""
_WATCHED: Final = 64
"""One of so many runs that are followed is told."""
_SYSTEMATIC: Final = ("delay", "preemption", "dpor")
BY_DEPENDENCE: Final = {
    "pos": "it samples as random-walk does",
    "surw": "it samples by the steps that are left to each thread, as urw does",
    "dpor": "it makes every run once, as delay:inf does",
    "coverage": "new is a step that comes directly behind another thread's in a way not seen before",
}
"""Strategies that go by what depends on what → what becomes of them where each step depends on every other."""


class ScenarioStrategy(NamedTuple):
    """A strategy as it is used on one scenario. ``known``: the numbers of the threads that its profile has seen."""

    chooser: Strategy
    known: dict[str, int]

    @property
    def threads(self) -> int:
        """How many threads the runs of the profile had."""
        return len(self.known)


def strategy_for(scenario: Scenario, setting: Setting, wanted: str, seed: int) -> ScenarioStrategy:
    """The strategy of this name for ``scenario``. Raises :class:`UsageError` for one that is not known. To be used
    within :func:`everyturn.asyncio.control.preparing.prepared`."""
    known = {LOOP: 0}

    def measured() -> Profile:
        def made(chooser: Strategy, number: int) -> object:
            guide = StrategyGuide(chooser, number, known)
            outcome = run(scenario, guide, setting)
            known.update(guide.known)
            return outcome

        return profile(made, seed)

    return ScenarioStrategy(_made(wanted, seed, measured), known)


def _made(name: str, seed: int, measured: Callable[[], Profile]) -> Strategy:
    """The strategy of this name. The portfolio has URW in the place of POS. DPOR has every run to make where each step
    depends on every other; and it cannot go by races here, as a cancellation takes away a step that it would have to
    see raced with."""
    if name == "dpor":
        return DelayBounded(inf)
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
    tables: bool = False,
) -> ScenarioSample:
    """Make so many runs under a strategy, or all of a finite one. To be used within
    :func:`everyturn.asyncio.control.preparing.prepared`. ``first``: the number of the first run. ``tables``: runs are
    followed from state to state where that is known (:mod:`everyturn.asyncio.search.tables`).

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
        for _ in _runs(scenario, setting, sampled, range(first, first + runs), seconds, watch, tables=tables):
            found = sampled.found
            if tables and NOW.lacks(found.unordered, found.alone):
                NOW.take(found.unordered)
                NOW.take_alone(found.alone)
                break
            groups = joined(setting.groups, found.neighbours)
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


def _runs(
    scenario: Scenario,
    setting: Setting,
    sampled: ScenarioSample,
    numbers: range,
    seconds: float | None,
    watch: Callable[[ScenarioSearch], None] | None,
    *,
    tables: bool,
) -> Iterator[None]:
    """The runs, one by one, counted."""
    result, used, begun = sampled.found, sampled.used, time.monotonic()
    known = ScenarioTables(scenario, setting) if tables else None
    followed: Counter[Did] = Counter()
    try:
        for number in numbers:
            if used.chooser.exhausted:
                return
            guide = StrategyGuide(used.chooser, number, used.known)
            if known is None:
                _make(scenario, setting, guide, sampled, begun)
            else:
                followed[_follow(known, guide, number, result, begun)] += 1
            if watch is not None and (known is None or result.runs % _WATCHED == 0):
                watch(result)
            yield
            if seconds is not None and result.seconds >= seconds and number + 1 < numbers.stop:
                result.stopped = f"{seconds:g} seconds"
                return
    except KeyboardInterrupt:
        result.interrupted, result.stopped = True, "interrupted"
    except OutOfTime as error:
        result.stopped = str(error)
    finally:
        for did, often in followed.items():
            sampled.ends[did.ended] += often


def _make(scenario: Scenario, setting: Setting, guide: StrategyGuide, sampled: ScenarioSample, begun: float) -> None:
    """Make a run."""
    result, chooser = sampled.found, sampled.used.chooser
    outcome = run(scenario, guide, setting)
    chooser.end(())
    result.add(outcome, begun, doubtful(scenario, setting, outcome))
    if chooser.proves != "none" and result.is_repeated(result.runs) and outcome.complete:
        compare(outcome, run(scenario, RepeatedChoices(outcome), setting))
    sampled.ends[_ended(outcome)] += 1


def _follow(known: ScenarioTables, guide: StrategyGuide, number: int, result: ScenarioSearch, begun: float) -> Did:
    """Follow a run, or make what is not known of it."""
    found = known.run(guide, number)
    guide.chooser.end(())
    outcome = found.outcome
    if outcome is None and result.would_keep(found.did.kinds, len(found.taken)):
        outcome = known.whole(found)
    if outcome is None:
        result.follows(len(found.taken), begun)
    else:
        result.add(outcome, begun, doubtful(known.scenario, known.setting, outcome))
    return found.did


def _ended(outcome: ScenarioOutcome) -> Any:
    return Did(tuple(each.kind for each in outcome.findings), tuple(map(noted_alike, outcome.logged))).ended

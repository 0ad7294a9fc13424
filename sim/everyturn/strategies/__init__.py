"""Scheduling strategies: who goes on among the threads that could, and which outcome a choice of the world has.

A strategy knows nothing of the world. To add one, write a file with a subclass of :class:`Strategy` (or of
:class:`~everyturn.strategies.strategy.Guided`, or of :class:`~everyturn.strategies.random_walk.Sampler`) and an entry
in :data:`STRATEGIES`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from everyturn.errors import UsageError
from everyturn.printing import one_of
from everyturn.strategies.coverage_guided import CoverageGuided
from everyturn.strategies.delay_bounded import DelayBounded
from everyturn.strategies.dpor import Dpor
from everyturn.strategies.fifo import Fifo
from everyturn.strategies.pct import FairPct, Pct
from everyturn.strategies.portfolio import Portfolio
from everyturn.strategies.pos import Pos
from everyturn.strategies.preemption_bounded import PreemptionBounded
from everyturn.strategies.profile import Profile
from everyturn.strategies.random_walk import RandomWalk, Sampler
from everyturn.strategies.strategy import Guided, Strategy
from everyturn.strategies.surw import Surw
from everyturn.strategies.urw import Urw
from everyturn.world.access import Access

__all__ = ["STRATEGIES", "Access", "Guided", "RandomWalk", "Sampler", "Strategy", "StrategyEntry", "strategy"]

MeasureProfile = Callable[[], Profile]
Make = Callable[[int, float, MeasureProfile], Strategy]


class StrategyEntry(NamedTuple):
    """A strategy in the list: how it is made of (seed, parameter, profile), its parameter, what it does and promises.

    ``parameter``: its letter and the value that it has when none is given; none: it takes no parameter. ``least``: the
    smallest one.
    """

    make: Make
    sentence: str
    promise: str
    source: str = ""
    parameter: tuple[str, float] | None = None
    least: int = 0


STRATEGIES: Final[dict[str, StrategyEntry]] = {
    "fifo": StrategyEntry(
        lambda seed, parameter, measure: Fifo(),
        "stock SimPy order: whoever asked first goes on, and the world is friendly",
        "one schedule",
    ),
    "random-walk": StrategyEntry(
        lambda seed, parameter, measure: RandomWalk(seed),
        "every enabled thread, and every outcome, with equal probability at each step",
        "every schedule has a chance; independent runs, so clean ones bound the risk",
    ),
    "pct": StrategyEntry(
        lambda seed, parameter, measure: Pct(seed, int(parameter), measure()),
        "random priorities of threads, lowered at D-1 random steps",
        "a violation of depth D has a probability of 1/(n k^(D-1)) or more in each run",
        "Burckhardt et al., ASPLOS 2010",
        ("D", 3),
        1,
    ),
    "fair-pct": StrategyEntry(
        lambda seed, parameter, measure: FairPct(seed, int(parameter), measure()),
        "pct for as long as a run is expected to be, a random walk after that",
        "as pct, and no thread waits for ever",
        "Coyote",
        ("D", 3),
        1,
    ),
    "pos": StrategyEntry(
        lambda seed, parameter, measure: Pos(seed),
        "a random priority for each access, drawn again for those that race with the one just made",
        "orders of dependent accesses come out more evenly than by a random walk",
        "Yuan, Yang, Gu, CAV 2018",
    ),
    "urw": StrategyEntry(
        lambda seed, parameter, measure: Urw(seed, measure()),
        "threads weighted by the steps they have still to make, as counted in profiling runs",
        "every interleaving equally probable, as far as counts are right and nothing blocks",
        "Zhao et al., ASPLOS 2025",
    ),
    "surw": StrategyEntry(
        lambda seed, parameter, measure: Surw(seed, measure()),
        "urw for the accesses to one contended location, drawn for each run; all other steps by random priorities",
        "every interleaving of those accesses equally probable, under the same conditions",
        "Zhao et al., ASPLOS 2025",
    ),
    "delay": StrategyEntry(
        lambda seed, parameter, measure: DelayBounded(parameter),
        "depth first through the schedules in which a round-robin scheduler is delayed at most D times",
        "complete up to the bound; with inf, for the scope",
        "Emmi, Qadeer, Rakamarić, POPL 2011",
        ("D", 2),
    ),
    "preemption": StrategyEntry(
        lambda seed, parameter, measure: PreemptionBounded(parameter),
        "depth first through the schedules in which at most D threads are preempted",
        "complete up to the bound; with inf, for the scope",
        "Musuvathi, Qadeer, PLDI 2007",
        ("D", 2),
    ),
    "dpor": StrategyEntry(
        lambda seed, parameter, measure: Dpor(),
        "dynamic partial order reduction with sleep sets: one schedule for each order of dependent accesses",
        "complete for the scope: reaches every outcome, and decides what is judged at rest",
        "Flanagan, Godefroid, POPL 2005",
    ),
    "coverage": StrategyEntry(
        lambda seed, parameter, measure: CoverageGuided(seed),
        "varies runs in which one thread touched what another wrote in a way not seen before",
        "none: it learns from run to run",
        "after Wolff et al., ASPLOS 2024",
    ),
    "portfolio": StrategyEntry(
        lambda seed, parameter, measure: _portfolio(seed, measure()),
        "each run by random-walk, pct:3 or pos, drawn at random",
        "on average at most three times the runs of the best of them; independent runs",
    ),
}
"""Name → entry. `replay` is not listed: it needs a schedule."""


def strategy(name: str, seed: int, measure: MeasureProfile | None = None) -> Strategy:
    """The strategy ``name``, or ``name:parameter``. ``measure`` is asked for a profile if the strategy needs one.

    Raises :class:`UsageError` for a name or parameter that is not known, and if a profile is needed and there is none.
    """
    entry, parameter = strategy_entry(name)
    return entry.make(seed, parameter, measure or _no_profile)


def strategy_entry(name: str) -> tuple[StrategyEntry, float]:
    """The entry of ``name``, or ``name:parameter``, and its parameter, 0 where it takes none.

    Raises :class:`UsageError` for a name or parameter that is not known.
    """
    family, colon, text = name.partition(":")
    entry = STRATEGIES.get(family)
    if entry is None:
        raise UsageError(f"strategy {name!r}: expected {one_of(STRATEGIES, family)}")
    if entry.parameter is None:
        if colon:
            raise UsageError(f"strategy {name!r}: {family} takes no parameter")
        return entry, 0
    return entry, _parameter(name, text, entry) if colon else entry.parameter[1]


def _parameter(name: str, text: str, entry: StrategyEntry) -> float:
    if text == "inf" and entry.least == 0:
        return math.inf
    if not (text.isascii() and text.isdigit() and entry.least <= int(text) <= 1000):
        infinite = " or inf" if entry.least == 0 else ""
        raise UsageError(
            f"strategy {name!r}: expected a number from {entry.least} to 1000{infinite} after the colon, found {text!r}"
        )
    return int(text)


def _no_profile() -> Profile:
    raise UsageError("this strategy needs a profile of the program that it is to schedule, found none")


def _portfolio(seed: int, profile: Profile) -> Portfolio:
    return Portfolio(seed, (RandomWalk(seed), Pct(seed, 3, profile), Pos(seed)))

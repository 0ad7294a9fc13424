"""Residual risk: what runs that showed nothing say about what they did not show.

All of this is about independent runs of one distribution, that of the strategy. Runs of an adaptive or systematic
strategy are no sample of anything: what such a strategy tries next depends on what it has tried, so that there is no
probability per run that a bound could be about, and an outcome seen once says nothing about those not seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from statistics import NormalDist
from typing import Any, Final, NamedTuple

from everyturn.errors import UsageError
from everyturn.strategies.pct import Pct
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.intervals import Interval, binomial_interval

CONFIDENCE: Final = 0.95
LEAST_BOUND: Final = 1e-9
"""The smallest probability that runs are made to bound; it takes three thousand millions."""


def upper_bound(runs: int, violations: int = 0, confidence: float = CONFIDENCE) -> float:
    """The exact binomial upper bound of a probability per run (Clopper and Pearson, Biometrika 26, 1934), one-sided.

    Without violations it solves (1 - p)^runs = 1 - ``confidence``. 1 without runs.
    """
    if not runs:
        return 1.0
    if not violations:
        return -math.expm1(math.log1p(-confidence) / runs)
    interval = binomial_interval(violations, runs, 2 * confidence - 1)
    assert interval is not None
    assert interval.high is not None
    return interval.high


def runs_for(bound: float, confidence: float = CONFIDENCE) -> int:
    """How many clean runs bound the probability by ``bound``. Raises :class:`UsageError` unless it is between 0 and 1,
    and in reach.

    The number is known before the first run, so that stopping at it does not spoil the bound.
    """
    if not 0 < bound < 1:
        raise UsageError(f"until-risk: expected a probability between 0 and 1, found {bound:g}")
    if bound < LEAST_BOUND:
        raise UsageError(
            f"until-risk: expected a probability in reach, {LEAST_BOUND:g} ({runs_for(LEAST_BOUND):,} clean runs) or "
            f"more; found {bound:g}"
        )
    runs = max(1, math.floor(math.log1p(-confidence) / math.log1p(-bound)))
    while upper_bound(runs, confidence=confidence) > bound:
        runs += 1
    return runs


class Unseen(NamedTuple):
    """The probability of all outcomes that were not seen, estimated from ``runs`` runs: Good and Turing's ``once`` /
    runs.

    ``classes``: how many outcomes were seen; ``once`` and ``twice``: how many of them once, and twice (Good, Biometrika
    40, 1953; for testing: Böhme, STADS, ACM TOSEM 27, 2018).
    """

    runs: int
    classes: int
    once: int
    twice: int

    @classmethod
    def of(cls, counts: Iterable[int]) -> Unseen:
        """From how often each outcome was seen."""
        often = Counter(each for each in counts if each)
        return cls(sum(each * number for each, number in often.items()), often.total(), often[1], often[2])

    @property
    def estimate(self) -> float:
        """Good and Turing's estimate; 1 without runs."""
        return self.once / self.runs if self.runs else 1.0

    def robbins(self, confidence: float = CONFIDENCE) -> Interval:
        """An interval that holds for every distribution and every number of runs, and is wide.

        Robbins (Ann. Math. Stat. 39, 1968): the mean square of the difference between once / n, of n runs, and the
        unseen probability after n - 1 of them is less than 1 / n. With Chebyshev's inequality; the probability that the
        last run takes away only makes the truth smaller, so that the lower limit is weakened to 0.
        """
        if not self.runs:
            return Interval(1.0, 0.0, 1.0)
        half = math.sqrt(1 / (self.runs * (1 - confidence)))
        return Interval(self.estimate, 0.0, min(1.0, self.estimate + half))

    def esty(self, confidence: float = CONFIDENCE) -> Interval:
        """The asymptotic interval of Esty (Annals of Statistics 11, 1983): nothing wide where nothing was seen once or
        twice."""
        if not self.runs:
            return Interval(1.0, 0.0, 1.0)
        spread = math.sqrt(self.once * (1 - self.estimate) + 2 * self.twice) / self.runs
        half = NormalDist().inv_cdf((1 + confidence) / 2) * spread
        return Interval(self.estimate, max(0.0, self.estimate - half), min(1.0, self.estimate + half))

    def singletons(self, confidence: float = CONFIDENCE) -> Interval:
        """From 0 to the exact binomial bound as if the singletons were successes: a heuristic, narrow and never of no
        width.

        They are what leaving out one run at a time would leave unseen; they are not independent of each other. The
        lower limit is 0, because the rare outcome that was seen once may have been the last (docs/calibration.md).
        """
        return Interval(self.estimate, 0.0, upper_bound(self.runs, self.once, confidence))


def missed_by_pct(threads: int, steps: int, depth: int, runs: int) -> float:
    """The most that the probability can be that no run of PCT finds a violation of this depth: (1 - 1/(n
    k^(d-1)))^runs.

    For n ``threads`` and runs of at most k ``steps`` (Burckhardt et al., ASPLOS 2010, section 3), if outcomes of the
    world play no part in it.
    """
    ways = threads * steps ** (depth - 1)
    return math.exp(runs * math.log1p(-1 / ways)) if ways > 1 else 0.0


def residual(strategy: Strategy, threads: int, runs: int, outcomes: Iterable[int]) -> dict[str, Any] | None:
    """What is said of a campaign: none if its runs are no independent sample, or if there are none.

    ``at_most`` is about each invariant that no run violated; if none was, also about all of them together.
    """
    if not strategy.independent or not runs:
        return None
    unseen = Unseen.of(outcomes)
    said: dict[str, Any] = {
        "at_most": upper_bound(runs),
        "confidence": CONFIDENCE,
        "method": "exact binomial",
        "unseen": {
            "estimate": unseen.estimate,
            "high": unseen.singletons().high,
            "at_most": unseen.robbins().high,
            "method": "Good-Turing; high: exact binomial of singletons, not proved; at_most: Robbins",
            "classes": unseen.classes,
            "once": unseen.once,
            "twice": unseen.twice,
        },
    }
    if isinstance(strategy, Pct):
        said["pct"] = {
            "depth": strategy.depth,
            "threads": threads,
            "steps": strategy.steps,
            "missed_at_most": missed_by_pct(threads, strategy.steps, strategy.depth, runs),
        }
    return said

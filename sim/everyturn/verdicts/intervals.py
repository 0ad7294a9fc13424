"""Confidence intervals: Student's t for means of independent replications, exact binomial for probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

_TINY: Final = 1e-300
_ENOUGH: Final = 1e-14


class Interval(NamedTuple):
    """An estimate with its confidence interval. ``low`` and ``high`` are none where there is only one observation."""

    value: float
    low: float | None
    high: float | None

    def times(self, factor: float) -> Interval:
        """The same in another unit."""
        low, high = self.low, self.high
        return Interval(
            self.value * factor, None if low is None else low * factor, None if high is None else high * factor
        )


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), for a, b > 0 and x from 0 to 1.

    By its continued fraction (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.5.8), evaluated as Lentz
    does (Applied Optics 15, 1976).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _not_zero(1 + term * d)
            c = _not_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _root(rising: Callable[[float], float], wanted: float, high: float) -> float:
    """Where a rising function reaches ``wanted`` between 0 and ``high``, by bisection to the last bit."""
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return high


def student_t(freedom: int, confidence: float) -> float:
    """The t for a two-sided interval: P(|T| <= t) = ``confidence``."""

    def within(t: float) -> float:
        return 1 - incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))

    high = 1.0
    while within(high) < confidence:
        high *= 2
    return _root(within, confidence, high)


def mean_interval(observations: Sequence[float], confidence: float) -> Interval | None:
    """The mean of independent replications with Student's t interval; none without observations."""
    number = len(observations)
    if not number:
        return None
    mean = math.fsum(observations) / number
    if number == 1:
        return Interval(mean, None, None)
    variance = math.fsum((each - mean) ** 2 for each in observations) / (number - 1)
    half = student_t(number - 1, confidence) * math.sqrt(variance / number)
    return Interval(mean, mean - half, mean + half)


def binomial_interval(successes: int, trials: int, confidence: float) -> Interval | None:
    """A probability with its exact interval (Clopper and Pearson, Biometrika 26, 1934); none without trials."""
    if not trials:
        return None
    tail = (1 - confidence) / 2
    low = 0.0
    high = 1.0
    if successes:
        low = _root(lambda p: incomplete_beta(successes, trials - successes + 1, p), tail, 1.0)
    if successes < trials:
        high = _root(lambda p: incomplete_beta(successes + 1, trials - successes, p), 1 - tail, 1.0)
    return Interval(successes / trials, low, high)


def ratio_interval(pairs: Sequence[tuple[int, int]], confidence: float) -> Interval | None:
    """A probability from replications, each (successes, trials); none without trials.

    The exact binomial interval of all trials together would do if trials were independent. Those of one replication
    need not be: one cancelled turn can leave several prompts behind. So the interval is widened to that of the ratio
    estimator over replications (Cochran, Sampling Techniques, 1977, 6.3) where these scatter more.
    """
    successes = sum(each for each, _ in pairs)
    trials = sum(each for _, each in pairs)
    exact = binomial_interval(successes, trials, confidence)
    number = len(pairs)
    if exact is None or number < 2:
        return exact
    ratio = exact.value
    variance = math.fsum((each - ratio * among) ** 2 for each, among in pairs) / (number - 1)
    half = student_t(number - 1, confidence) * math.sqrt(variance / number) / (trials / number)
    assert exact.low is not None
    assert exact.high is not None
    return Interval(ratio, max(0.0, min(exact.low, ratio - half)), min(1.0, max(exact.high, ratio + half)))

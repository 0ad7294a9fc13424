from __future__ import annotations

import gc
import math
import tracemalloc
from random import Random
from typing import Any

import pytest
from tests.nightly import nightly

from everyturn.studies import replication
from everyturn.studies.distributions import Constant, Distribution, Empirical, Exponential, Gamma, Lognormal
from everyturn.studies.histories import TimedHistories
from everyturn.studies.replication import replicate
from everyturn.studies.running import with_deep_stack
from everyturn.studies.study import StudyPoint, source
from everyturn.studies.tally import TALLIED, Durations
from everyturn.verdicts.intervals import (
    Interval,
    binomial_interval,
    incomplete_beta,
    mean_interval,
    ratio_interval,
    student_t,
)
from everyturn.world.world import World

LOG = "recordings/d4-random.jsonl"

# queueing theory --------------------------------------------------------------------------------------------------

SERVICE = 30.0
LOAD = 0.4
NEGLIGIBLE = {"store": {"kind": "constant", "seconds": 0}, "notice": {"kind": "constant", "seconds": 0}}
CONSTANT = {"kind": "constant", "seconds": SERVICE}
EXPONENTIAL = {"kind": "exponential", "mean": SERVICE}


def mean_wait(revision: str, stream: dict[str, Any], confidence: float) -> Interval:
    """The mean wait of Poisson prompts in one session: eight replications of about 450 prompts."""
    per_minute = LOAD * 60 / SERVICE
    raw = {
        "title": "A queue",
        "revisions": [revision],
        "hours": 450 / 60 / per_minute + 1,
        "warm_up_hours": 1,
        "seed": 11,
        "arrivals": {"kind": "poisson", "per_minute": per_minute},
        "latency": {**NEGLIGIBLE, "stream": stream},
    }
    (cell,) = source(raw, "queue").cells()
    found = mean_interval([replicate(cell, each).wait.mean or 0.0 for each in range(8)], confidence)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("revision", "stream", "factor"),
    [nightly("d4", CONSTANT, 0.5), ("hardened", CONSTANT, 0.5), nightly("hardened", EXPONENTIAL, 1.0)],
    ids=["d4-M/D/1", "hardened-M/D/1", "hardened-M/M/1"],
)
def test_prompts_that_run_one_at_a_time_wait_as_queueing_theory_says(
    revision: str, stream: dict[str, Any], factor: float
) -> None:
    """The mean wait is rho / (1 - rho) service times in M/M/1 and half of that in M/D/1 (Kleinrock 1975, 3.2 and 5.7).

    Theory lies within the 99 % interval of eight replications, and the interval is narrower than what theory says.
    """
    theory = factor * SERVICE * LOAD / (1 - LOAD)
    found = mean_wait(revision, stream, 0.99)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= theory <= found.high
    assert found.high - found.low < theory


def test_a_folding_revision_is_no_such_queue() -> None:
    """The same check refuses d3, whose queued prompts are folded: it can fail."""
    found = mean_wait("d3", EXPONENTIAL, 0.99)
    assert found.low is not None
    assert not found.low <= SERVICE * LOAD / (1 - LOAD) <= (found.high or 0)


# memory -----------------------------------------------------------------------------------------------------------


def kept(hours: float) -> int:
    """How many bytes a busy session holds after so many hours, all that came to it included."""
    cell = busy(hours)
    held: list[int] = []

    def passed(share: float) -> None:
        if share == 1:
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    try:
        replicate(cell, 0, passed)
    finally:
        tracemalloc.stop()
    return held[0]


def busy(hours: float) -> StudyPoint:
    raw = {
        "title": "Memory",
        "revisions": ["d4"],
        "hours": hours,
        "run_ids": 0.8,
        "arrivals": {"kind": "poisson", "per_minute": 2.0},
        "cancels": {"per_hour": 6, "patience": {"kind": "constant", "seconds": 60}},
        "faults": {"provider_error": 0.02, "tool_round": 0.2, "store": 0.01},
    }
    (cell,) = source(raw, "memory").cells()
    return cell


@pytest.mark.parametrize("keeps", [True, False])
def test_memory_does_not_grow_with_time(keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 600 more prompts no more is held, up to the classes of durations: less than 60 bytes for each prompt. So it
    is where nothing of the threads' histories is kept, and where there is no room for more of them."""
    scope = replication._scope(busy(1.0).study)
    histories = TimedHistories(World(scope, "d4"), keeps=keeps, only=TALLIED, most=500)
    monkeypatch.setattr(replication, "_histories", lambda cell: histories)
    replicate(busy(6.0), 0)
    assert histories.full
    short, long = kept(1.0), kept(6.0)
    assert long - short < 600 * 60


def test_long_chains_of_turns_have_a_stack() -> None:
    """d4 runs a queued prompt within the turn before: 350, each of which comes just before the last is over, are
    told."""
    raw = {
        "title": "A chain",
        "revisions": ["d4"],
        "hours": 1.0,
        "arrivals": {"kind": "bursts", "per_hour": 1.5, "size": 350, "gap": {"kind": "constant", "seconds": 0.999}},
        "latency": {**NEGLIGIBLE, "stream": {"kind": "constant", "seconds": 1}},
    }
    (cell,) = source(raw, "chain").cells()
    counts = with_deep_stack(lambda passed: replicate(cell, 0, passed), lambda _: None).counts
    assert counts.submitted >= 350
    assert counts.told + counts.undecided == counts.submitted


# distributions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "distribution",
    [
        Constant(2.0),
        Exponential(3.0),
        Exponential(0.0),
        Lognormal(2.0, 5.0),
        Gamma(4.0, 2.5),
        Empirical(LOG, "stream", 1000.0),
        Empirical(LOG, "store", 1000.0),
        Empirical(LOG, "gap", 1000.0),
    ],
    ids=str,
)
def test_samples_have_the_moments_that_are_told(distribution: Distribution) -> None:
    """The mean of 20,000 samples lies within five standard errors of the first moment; none is negative."""
    number = 20_000
    sample = distribution.sampler(Random(1))
    drawn = [sample() for _ in range(number)]
    mean, second = distribution.moments
    error = math.sqrt(max(0.0, second - mean**2) / number)
    assert abs(math.fsum(drawn) / number - mean) <= 5 * error + 1e-9
    assert min(drawn) >= 0


def test_a_lognormal_has_the_quantiles_that_were_asked_for() -> None:
    """Of 20,000 samples a half lies below the median and 95 % below p95, within five standard errors."""
    sample = Lognormal(2.0, 5.0).sampler(Random(2))
    drawn = [sample() for _ in range(20_000)]
    for bound, share in ((2.0, 0.5), (5.0, 0.95)):
        below = sum(each < bound for each in drawn) / len(drawn)
        assert abs(below - share) < 5 * math.sqrt(share * (1 - share) / len(drawn))


def test_quantiles_of_durations_are_within_half_a_per_cent() -> None:
    """Against the sorted sample; the mean is exact."""
    random = Random(3)
    drawn = [random.lognormvariate(0, 2) for _ in range(5001)]
    durations = Durations()
    for each in drawn:
        durations.add(each)
    for share in (0.5, 0.95):
        exact = sorted(drawn)[math.ceil(share * len(drawn)) - 1]
        assert durations.quantile(share) == pytest.approx(exact, rel=0.0051)
    assert durations.mean == pytest.approx(math.fsum(drawn) / len(drawn), rel=1e-12)
    assert Durations().quantile(0.5) is None


# intervals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freedom", "confidence", "t"),
    [(1, 0.95, 12.706), (4, 0.95, 2.776), (9, 0.95, 2.262), (9, 0.99, 3.250), (30, 0.9, 1.697), (120, 0.95, 1.980)],
)
def test_student_t_is_that_of_the_printed_tables(freedom: int, confidence: float, t: float) -> None:
    """To three digits after the point."""
    assert student_t(freedom, confidence) == pytest.approx(t, abs=0.0006)


@pytest.mark.parametrize(("a", "b"), [(1, 1), (3, 1), (1, 4), (2, 2)])
@pytest.mark.parametrize("x", [0.0, 0.1, 0.5, 0.93, 1.0])
def test_the_incomplete_beta_function_is_a_polynomial_for_whole_numbers(a: int, b: int, x: float) -> None:
    """It is the chance of at least a successes in a + b - 1 trials."""
    n = a + b - 1
    assert incomplete_beta(a, b, x) == pytest.approx(sum(binomial(n, k, x) for k in range(a, n + 1)), abs=1e-12)


def binomial(n: int, k: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("p", [0.01, 0.05, 0.2, 0.5, 0.77, 0.98])
def test_the_binomial_interval_covers_at_least_as_often_as_it_says(p: float) -> None:
    """Exactly computed, for 25 trials."""
    covered = 0.0
    for k in range(26):
        found = binomial_interval(k, 25, 0.9)
        assert found is not None
        covered += binomial(25, k, p) if (found.low or 0) <= p <= (found.high or 0) else 0.0
    assert covered >= 0.9


def test_no_success_and_no_failure_have_the_known_bounds() -> None:
    """0 of n: from 0 to 1 - (alpha / 2)^(1/n); n of n: the mirror image."""
    bound = 1 - 0.025 ** (1 / 50)
    assert binomial_interval(0, 50, 0.95) == pytest.approx((0.0, 0.0, bound))
    assert binomial_interval(50, 50, 0.95) == pytest.approx((1.0, 1 - bound, 1.0))
    assert binomial_interval(0, 0, 0.95) is None


def test_clusters_widen_an_interval_and_equal_replications_do_not() -> None:
    """Ten hangs in one replication of ten say less than one hang in each."""
    even = ratio_interval([(1, 100)] * 10, 0.95)
    clustered = ratio_interval([(10, 100)] + [(0, 100)] * 9, 0.95)
    assert even == binomial_interval(10, 1000, 0.95)
    assert even is not None
    assert clustered is not None
    assert clustered.value == even.value
    assert (clustered.high or 0) > 1.5 * (even.high or 0)


def test_a_mean_interval_is_students() -> None:
    """Of 1, 2, 3: 2 ± 4.303 × 1 / sqrt 3. One observation has no interval, none has no mean."""
    half = 4.302652729911275 / math.sqrt(3)
    assert mean_interval([1, 2, 3], 0.95) == pytest.approx((2, 2 - half, 2 + half))
    assert mean_interval([7.0], 0.95) == (7.0, None, None)
    assert mean_interval([], 0.95) is None

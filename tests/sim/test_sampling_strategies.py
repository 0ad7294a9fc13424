"""Strategies that draw each run: how evenly they do, what they promise, and that seed and number alone decide."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tests.sim.test_strategies import Made, Program, counts, play, steps

from everyturn.errors import UsageError
from everyturn.strategies import STRATEGIES, strategy
from everyturn.strategies.profile import Profile, profile
from everyturn.strategies.strategy import Strategy


def chi_square(observed: Counter[Any], classes: int) -> float:
    """The statistic against the uniform distribution over so many classes."""
    expected = observed.total() / classes
    missing = classes - len(observed)
    return sum((count - expected) ** 2 / expected for count in observed.values()) + missing * expected


def sampled(program: Program, chooser: Strategy, runs: int) -> Counter[tuple[int, ...]]:
    """How often each order of threads came out."""
    return Counter(tuple(thread for thread, _, _ in play(program, chooser, run).order) for run in range(runs))


CRITICAL = {3: 13.82, 6: 20.52, 20: 43.82, 30: 58.30}
"""Chi-square that is exceeded with a probability of 0.001, by the number of classes."""


def interleavings(lengths: Sequence[int]) -> int:
    """In how many ways threads of these lengths can be interleaved: a multinomial coefficient."""
    return math.factorial(sum(lengths)) // math.prod(map(math.factorial, lengths))


@pytest.mark.parametrize("lengths", [(3, 3), (1, 5), (2, 2, 1)])
def test_urw_is_uniform_over_interleavings(lengths: tuple[int, ...]) -> None:
    """With exact counts, threads that never block: chi-square, p = 0.001. A random walk fails the same test."""
    program = tuple(steps(" ".join([f"r{thread}"] * length)) for thread, length in enumerate(lengths))
    ways = interleavings(lengths)
    urw = sampled(program, strategy("urw", 1, lambda: counts(program)), 200 * ways)
    walk = sampled(program, strategy("random-walk", 1), 200 * ways)
    assert chi_square(urw, ways) < CRITICAL[ways] < chi_square(walk, ways)


def test_urw_with_wrong_counts_is_not_uniform_and_misses_nothing() -> None:
    """Counts are estimates: with one step too few for one thread and two too many for another all orders still come."""
    program = (steps("r0 r0 r0"), steps("r1 r1 r1"))
    found = sampled(program, strategy("urw", 1, lambda: Profile((2.0, 5.0), 6)), 4000)
    assert len(found) == 20
    assert chi_square(found, 20) > CRITICAL[20]


UNEVEN = (steps("r1 r1 r1 r1 r1 r1 w0 w0"), steps("w0 r2"), steps("r3 r3 r3 w0 r3 w0"))
"""Threads with 2, 1 and 2 accesses to the one location that they share, among other steps."""


def in_order_of(location: int, program: Program, chooser: Strategy, runs: int) -> Counter[tuple[int, ...]]:
    """How often each order came out in which threads access one location."""
    return Counter(
        tuple(thread for thread, op, _ in play(program, chooser, run).order if op.at == location) for run in range(runs)
    )


def test_surw_is_uniform_over_the_interleavings_of_selected_steps() -> None:
    """Three threads, five accesses to what they share: 30 orders alike, whatever lies between. No other sampler does
    it."""
    ways = interleavings((2, 1, 2))
    measured = profile(lambda chooser, run: play(UNEVEN, chooser, run), 0)
    assert measured.contended == ((1, (2.0, 1.0, 2.0)),)
    for name in ("surw", "urw", "random-walk", "pos"):
        found = in_order_of(0, UNEVEN, strategy(name, 3, lambda: measured), 200 * ways)
        assert (chi_square(found, ways) < CRITICAL[ways]) == (name == "surw"), name


def test_surw_draws_the_location_of_each_run_among_the_contended_ones() -> None:
    """Two locations are shared; whichever is drawn, its accesses are uniform, so that each order has at least half of
    that."""
    program = (steps("w0 w0 w1"), steps("r0 r1 r1"))
    measured = profile(lambda chooser, run: play(program, chooser, run), 0)
    assert measured.contended == ((1, (2.0, 1.0)), (2, (1.0, 2.0)))
    for location in (0, 1):
        found = in_order_of(location, program, strategy("surw", 4, lambda: measured), 3000)
        assert min(found.values()) > 3000 * (1 / 2 / 3) - 4 * math.sqrt(3000 / 6)
        assert len(found) == 3


def test_surw_leaves_no_interleaving_out() -> None:
    """Every order of all steps is possible, also with wrong counts and with threads that block."""
    program = (steps("w0 r1 w0"), steps("r2 w0"))
    for often in ((2.0, 1.0), (0.4, 3.0)):
        wrong = Profile((), 5, ((1, often),))
        assert len(sampled(program, strategy("surw", 5, lambda wrong=wrong: wrong), 4000)) == 10  # type: ignore[misc]
    locked = (steps("L3 w0 U3"), steps("L3 w0 U3"))
    measured = profile(lambda chooser, run: play(locked, chooser, run), 0)
    assert [location for location, _ in measured.contended] == [1, 8]
    found = sampled(locked, strategy("surw", 6, lambda: measured), 200)
    assert set(found) == {(0, 0, 0, 1, 1, 1), (1, 1, 1, 0, 0, 0)}


def test_what_nobody_writes_or_one_thread_has_for_itself_is_not_contended() -> None:
    """Only what two threads touch and one of them writes counts; without such a location priorities decide alone."""
    program = (steps("r0 w1"), steps("r0 r2 w2"))
    measured = profile(lambda chooser, run: play(program, chooser, run), 0)
    assert measured.contended == ()
    assert len(sampled(program, strategy("surw", 7, lambda: measured), 1000)) == 10


def test_pos_is_uniform_over_the_orders_of_single_racing_steps() -> None:
    """Three threads write one location once: all six orders alike; chi-square, p = 0.001."""
    assert chi_square(sampled((steps("w0"), steps("w0"), steps("w0")), strategy("pos", 2), 3000), 6) < 20.52


def test_pos_does_not_let_independent_steps_decide_a_race() -> None:
    """A read against a write behind four steps of its own: the write is first when five priorities beat one, 1 in 6.

    A random walk has it in 1 of 32.
    """
    program = (steps("r1 r1 r1 r1 w0"), steps("r0"))
    for name, probability in (("pos", 1 / 6), ("random-walk", 1 / 32)):
        first = sampled(program, strategy(name, 3), 6000)[0, 0, 0, 0, 0, 1]
        assert abs(first - 6000 * probability) < 4 * math.sqrt(6000 * probability * (1 - probability))


@pytest.mark.parametrize(
    ("depth", "program", "order"),
    [
        (1, (steps("r0 r0 r0 r0"), steps("r1 r1 r1 r1")), (1, 1, 1, 1, 0, 0, 0, 0)),
        (2, (steps("r0 r0 r0 r0 r0 r0 r0"), steps("r1")), (0, 0, 0, 1, 0, 0, 0, 0)),
        (3, (steps("r0 r0 r0 r0"), steps("r1 r1 r1 r1")), (0, 0, 1, 1, 0, 0, 1, 1)),
    ],
)
@pytest.mark.parametrize("name", ["pct", "fair-pct"])
def test_pct_finds_a_fault_of_its_depth_as_often_as_it_promises(
    name: str, depth: int, program: Program, order: tuple[int, ...]
) -> None:
    """Orders that need 1, 2 and 3 constraints, of 2 threads and 8 steps: 1 / (2 * 8^(depth - 1)), and here exactly."""
    probability = 1 / (2 * 8 ** (depth - 1))
    runs = 8000
    found = sampled(program, strategy(f"{name}:{depth}", 4, lambda: counts(program)), runs)[order]
    assert abs(found - runs * probability) < 4 * math.sqrt(runs * probability)


def test_pct_of_too_small_a_depth_misses() -> None:
    """What needs two changes of priority is not found with none."""
    program = (steps("r0 r0 r0 r0"), steps("r1 r1 r1 r1"))
    found = sampled(program, strategy("pct:1", 4, lambda: counts(program)), 500)
    assert set(found) == {(0, 0, 0, 0, 1, 1, 1, 1), (1, 1, 1, 1, 0, 0, 0, 0)}


def test_fair_pct_is_a_random_walk_beyond_the_expected_length() -> None:
    """With a profile of one step every interleaving comes out; PCT without changes still has two."""
    program = (steps("r0 r0"), steps("r1 r1"))
    short = Profile((1.0,), 1)
    assert len(sampled(program, strategy("fair-pct:1", 5, lambda: short), 300)) == 6
    assert len(sampled(program, strategy("pct:1", 5, lambda: short), 300)) == 2


def test_coverage_keeps_what_was_new() -> None:
    """Both ways in which one thread can read what the other wrote are seen, and then nothing is new."""
    program = (steps("w0 r1"), steps("w1 r0"))
    chooser = strategy("coverage", 1)
    for run in range(50):
        play(program, chooser, run)
    pairs = {(0, "write", 1, "read"), (1, "write", 0, "read")}
    assert pairs == chooser.pairs  # type: ignore[attr-defined]


def test_a_profile_counts_steps() -> None:
    """Of each thread, and of the longest run."""
    program = (steps("r0 r0 f1"), steps("w2"))
    assert profile(lambda chooser, run: play(program, chooser, run), 0) == Profile((3.0, 1.0), 4)


SAMPLERS = [name for name in STRATEGIES if strategy(name, 0, lambda: Profile((1.0,), 1)).independent]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_makes_each_run_from_seed_and_number_alone(name: str) -> None:
    """Whichever runs were made before; another seed makes others."""
    program = (steps("r0 w1 a0 f2"), steps("w0 r1 f2"), steps("a1 a1"))

    def orders(seed: int, numbers: Sequence[int]) -> dict[int, Made]:
        chooser = strategy(name, seed, lambda: counts(program))
        return {number: play(program, chooser, number) for number in numbers}

    assert orders(7, range(20)) == dict(sorted(orders(7, [*range(10, 20), *range(10)]).items()))
    assert orders(7, range(20)) != orders(8, range(20))


def test_the_samplers_are_these() -> None:
    """Only independent runs bound a risk: nothing adaptive and nothing systematic is among them."""
    assert SAMPLERS == ["random-walk", "pct", "fair-pct", "pos", "urw", "surw", "portfolio"]


@pytest.mark.parametrize("name", ["pct:0", "pct:x", "pct:", "pos:1", "delay:-1", "pct:inf", "delay:1001", "oracle", ""])
def test_a_wrong_name_is_refused(name: str) -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match=r"expected|takes no parameter"):
        strategy(name, 0, lambda: Profile((1.0,), 1))


def test_a_strategy_that_needs_a_profile_says_so() -> None:
    """Rather than guess one."""
    with pytest.raises(UsageError, match="profile"):
        strategy("urw", 0)

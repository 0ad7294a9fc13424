"""Residual risk: bounds and estimates against what can be worked out otherwise, walks and exact figures against
SimPy."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.nightly import how_many, nightly, one_in, thinned

from everyturn.checking.fuzz import fuzz
from everyturn.checking.risk import Unseen, missed_by_pct, runs_for, upper_bound
from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.walks.priorities import Priorities
from everyturn.engines.walks.probabilities import Exact, exact
from everyturn.engines.walks.walks import Walks, WalkTrail
from everyturn.errors import UsageError
from everyturn.reports import text
from everyturn.strategies.pct import Pct
from everyturn.strategies.profile import profile
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.stream import draws, starts, stream
from everyturn.verdicts.checker import Judge, select
from everyturn.verdicts.verdict import RESULT_SCHEMA, Exit, Result, Verdict, exit_code
from everyturn.world.scope import Scope
from everyturn.world.world import World

# bounds ---------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 400), st.integers(0, 6))
def test_the_upper_bound_is_where_so_few_violations_become_improbable(runs: int, violations: int) -> None:
    """At the bound, as many violations or fewer have a probability of exactly 5 %."""
    if violations >= runs:
        return
    p = upper_bound(runs, violations)
    few = math.fsum(math.comb(runs, each) * p**each * (1 - p) ** (runs - each) for each in range(violations + 1))
    assert few == pytest.approx(0.05, rel=1e-6)


@given(st.floats(1e-6, 0.9))
def test_so_many_runs_as_a_bound_needs_and_no_more(bound: float) -> None:
    """The number of runs meets the bound; one fewer does not."""
    runs = runs_for(bound)
    assert upper_bound(runs) <= bound < (upper_bound(runs - 1) if runs > 1 else 1.0)


@pytest.mark.parametrize("bound", [0.0, 1.0, -1.0, 7.0, math.nan])
def test_a_bound_is_a_probability(bound: float) -> None:
    """Anything but a number between 0 and 1 is refused."""
    with pytest.raises(UsageError, match="between 0 and 1"):
        runs_for(bound)


@pytest.mark.parametrize("bound", [9e-10, 1e-300, 5e-324])
def test_a_bound_that_no_sample_reaches_is_refused(bound: float) -> None:
    """At once, and the smallest that is in reach is named, with the runs that it takes."""
    with pytest.raises(UsageError, match=r"in reach, 1e-09 \(2,995,732,273 clean runs\) or more; found "):
        runs_for(bound)
    assert upper_bound(2_995_732_272) > 1e-9 >= upper_bound(runs_for(1e-9))


@pytest.mark.parametrize("probabilities", [(0.5, 0.3, 0.1, 0.06, 0.04), (0.97, 0.02, 0.01), (1.0,), (1 / 40,) * 40])
def test_good_turing_is_right_on_average_and_the_proved_limit_holds(probabilities: tuple[float, ...]) -> None:
    """Over 2,000 samples of 50, the estimate's mean is the mean unseen probability of 49; Robbins holds in 95 % or
    more."""
    generator = np.random.Generator(np.random.Philox(1))
    samples = generator.multinomial(50, probabilities, size=2000)
    every = [Unseen.of(sample.tolist()) for sample in samples]
    unseen = [sum(p for p, often in zip(probabilities, sample.tolist()) if not often) for sample in samples]
    expected = sum(p * (1 - p) ** 49 for p in probabilities)
    estimates = [each.estimate for each in every]
    error = np.std(estimates) / math.sqrt(len(estimates))
    assert abs(np.mean(estimates) - expected) <= 4 * error + 1e-12
    held = sum(truth <= float(each.robbins().high or 0) for truth, each in zip(unseen, every))
    assert held >= 0.95 * len(every)


def test_counts_of_outcomes() -> None:
    """Classes, singletons and doubletons are counted; zeros are not."""
    assert Unseen.of([5, 1, 1, 2, 0, 1]) == (10, 5, 3, 1)


def test_what_pct_misses() -> None:
    """(1 - 1/(n k^(d-1)))^N, against whole-number arithmetic."""
    assert missed_by_pct(3, 10, 2, 7) == pytest.approx(float((1 - Fraction(1, 30)) ** 7))
    assert missed_by_pct(1, 1, 1, 1) == 0.0
    assert missed_by_pct(1, 10, 1, 3) == 0.0


# stopping
# --------------------------------------------------------------------------------------------------------------


def test_a_campaign_stops_when_the_bound_is_met() -> None:
    """Clean runs are made until the bound holds: risk, with bound, confidence and method."""
    met = fuzz("hardened", "A", until_risk=0.02).cell
    assert met.schedules == runs_for(0.02)
    assert met.verdict is Verdict.RISK
    assert met.risk is not None
    assert met.risk["at_most"] <= 0.02
    assert {key: met.risk[key] for key in ("asked", "met", "confidence", "method")} == {
        "asked": 0.02,
        "met": True,
        "confidence": 0.95,
        "method": "exact binomial",
    }


def test_a_bound_that_was_asked_for_and_not_met_is_not_green() -> None:
    """A cap below the runs that it needs is obeyed; nothing is answered then, and the bound that holds is told."""
    capped = fuzz("hardened", "A", until_risk=0.02, runs=20).cell
    assert capped.schedules == 20
    assert {judged.verdict for judged in capped.invariants.values()} == {Verdict.UNDETERMINED, Verdict.VACUOUS}
    assert exit_code(Result(RESULT_SCHEMA, "fuzz", [capped])) is Exit.UNDETERMINED
    assert capped.risk is not None
    assert not capped.risk["met"]
    assert capped.risk["at_most"] == upper_bound(20)


def test_a_refuted_cell_bounds_the_other_invariants(capsys: pytest.CaptureFixture[str]) -> None:
    """All runs that the bound needs are made, also after a violation; what none of them violated is bounded."""
    cell = fuzz("d4", "AA+1e", until_risk=0.02, invariants=("no-hang", "one-turn")).cell
    assert cell.verdict is Verdict.REFUTED
    assert cell.schedules == runs_for(0.02)
    assert [judged.verdict for judged in cell.invariants.values()] == [Verdict.REFUTED, Verdict.RISK]
    text.Printer(err=False).cell(cell)
    said = "each of the others: probability per run at most 0.02, confidence 0.95, exact binomial"
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("name", ["coverage", "dpor", "delay", "fifo"])
def test_no_bound_is_promised_for_dependent_runs(name: str) -> None:
    """An adaptive or systematic strategy cannot be asked for a bound, and has no figures."""
    with pytest.raises(UsageError, match="independent"):
        fuzz("hardened", "A", strategy=name, until_risk=0.1)
    assert fuzz("hardened", "A", strategy=name, runs=5).cell.risk is None


# one stream of decisions
# -----------------------------------------------------------------------------------------------


def splitmix(state: int) -> int:
    """SplitMix64's output function, in whole numbers, as its authors print it."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
    return state ^ (state >> 31)


@given(st.integers(-(2**70), 2**70), st.integers(0, 2**40))
def test_a_stream_is_splitmix64_one_run_at_a_time_or_many(seed: int, run: int) -> None:
    """Draws for one run, draws for many runs at once, and whole numbers agree, beyond a block of 64."""
    golden = 0x9E3779B97F4A7C15
    state = splitmix((splitmix(seed % 2**64) + run * golden) % 2**64)
    expected = [splitmix((state + number * golden) % 2**64) >> 32 for number in range(1, 131)]
    one = stream(seed, run)
    assert [next(one) for _ in expected] == expected
    states = starts(seed, np.array([run, run + 1], np.uint64))
    assert [int(draws(states)[0]) for _ in expected] == expected


CELLS = [
    ("d4", "AA+1c", "access"),
    ("d4", "AA+1c", "await"),
    ("d0", "Aa", "access"),
    ("d4", "AA+1r", "access"),
    ("d4", "AA+1t+u", "access"),
    ("d3", "Ai+1s+1f", "access"),
    ("hardened", "A+1c+x", "access"),
    ("d4", "AAa+1q+1b", "access"),
    ("d4", "A+*t", "access"),
]


@thinned(6)
@pytest.mark.parametrize(("revision", "scope", "granularity"), CELLS)
def test_walks_over_tables_are_the_runs_through_simpy(revision: str, scope: str, granularity: str) -> None:
    """Same seed, same runs: every decision, the outcome, and what is violated, of 30 runs far from the first one."""
    walks = Walks(World(Scope.parse(scope), revision, granularity), Judge())
    walks.walk(3, 0, 100)
    trail: WalkTrail = []
    ends = walks.walk(3, 5000, 30, trail)
    decided: dict[int, list[int]] = {run: [] for run in range(5000, 5030)}
    for runs, places in trail:
        for run, place in zip(runs.tolist(), places.tolist(), strict=True):
            decided[run].append(place)
    world, walk, table = World(Scope.parse(scope), revision, granularity), RandomWalk(3), JudgeTable(Judge())
    for run, end in zip(range(5000, 5030), ends.tolist(), strict=True):
        made = simulate(world, walk, run)
        state, found = table.log(made.log)
        assert made.decisions == decided[run]
        assert table.outcome(state) == walks.ends[end].outcome
        assert {finding.invariant for _, finding in found} == set(walks.ends[end].violated)


@thinned(6)
@pytest.mark.parametrize(("cell", "depth"), one_in(2, [*CELLS, ("d4", "AAa+2c+1f", "access")], [1, 3, 6]))
def test_pct_over_tables_makes_the_runs_through_simpy(cell: tuple[str, str, str], depth: int) -> None:
    """Same seed, same runs: who moves at every step, the outcome, and what is violated; change points beyond the end
    too."""
    revision, scope, granularity = cell
    world, table = World(Scope.parse(scope), revision, granularity), JudgeTable(Judge())
    measured = profile(lambda each, run: simulate(world, each, run), 3)
    pct = Pct(3, depth, measured)
    runs = Priorities(World(Scope.parse(scope), revision, granularity), Judge(), depth, pct.steps)
    trail: WalkTrail = []
    ends = runs.walk(3, 5000, 30, trail)
    moved: dict[int, list[int]] = {run: [] for run in range(5000, 5030)}
    for numbers, threads in trail:
        for run, thread in zip(numbers.tolist(), threads.tolist(), strict=True):
            moved[run].append(thread)
    for run, end in zip(range(5000, 5030), ends.tolist(), strict=True):
        made = simulate(world, pct, run)
        state, found = table.log(made.log)
        assert [step.thread for step in made.steps] == moved[run]
        assert table.outcome(state) == runs.ends[end].outcome
        assert {finding.invariant for _, finding in found} == set(runs.ends[end].violated)


@thinned(2)
@pytest.mark.parametrize("strategy", ["random-walk", "pct:3"])
@pytest.mark.parametrize("names", [(), ("no-hang", "nothing-lost")])
def test_a_campaign_over_tables_is_the_one_through_simpy(strategy: str, names: tuple[str, ...]) -> None:
    """600 runs: the same outcomes as often, the same first violations with the same tokens, as often."""
    one, other = (
        fuzz("d1", "AA+1c", strategy=strategy, runs=600, seed=2, engine=engine, invariants=names)
        for engine in ("simpy", "tables")
    )
    one.cell.seconds = other.cell.seconds = None
    assert one.cell == other.cell
    assert one.outcomes == other.outcomes
    assert one.failures


def test_only_random_walks_and_pct_run_over_tables() -> None:
    """Another strategy, and an engine that does not exist, are refused."""
    with pytest.raises(UsageError, match="expected strategy random-walk or pct"):
        fuzz("d4", "AA", strategy="pos", engine="tables")
    with pytest.raises(UsageError, match="simpy, tables"):
        fuzz("d4", "AA", strategy="pos", engine="fast")


# exact probabilities
# ---------------------------------------------------------------------------------------------------


def by_hand(world: World, judge: Judge) -> dict[tuple[object, frozenset[str]], Fraction]:
    """Exact probabilities in whole numbers, by the plain transition system: state by state, all ways, no tables."""
    transitions = Transitions(world, judge)
    threads = range(len(world.threads))
    known: dict[Row, dict[Any, Fraction]] = {}

    def ends(row: Row) -> dict[Any, Fraction]:
        if row not in known:
            moves = [list(transitions.moves(row, thread)) for thread in threads]
            enabled = [thread for thread in threads if moves[thread]]
            found: Counter[Any] = Counter()
            if not enabled:
                judged, findings, _ = transitions.rest(row)
                state = transitions.judged.values[judged]
                violated = frozenset(each.invariant for each in findings)
                found[state.ledger, violated] = Fraction(1)  # type: ignore[assignment]
            for thread in enabled:
                for move in moves[thread]:
                    share = Fraction(1, len(enabled)) * odds(row, thread, move.choice)
                    seen = frozenset(each.invariant for each in move.findings)
                    for (ledger, violated), each in ends(move.row).items():
                        found[ledger, violated | seen] += share * each  # type: ignore[assignment]
            known[row] = dict(found)
        return known[row]

    def odds(row: Row, thread: int, choice: int) -> Fraction:
        _, _, trail = transitions._go(row, thread, FIRST_THREAD + thread)[choice]
        share = Fraction(1)
        for before, _ in trail:
            share /= len(transitions.effects(before, thread))
        return share

    summed: Counter[Any] = Counter()
    for (ledger, violated), each in ends(transitions.initial()).items():
        summed[outcome(ledger), violated] += each  # type: ignore[assignment]
    return dict(summed)


@thinned(2)
@pytest.mark.parametrize(("revision", "scope"), [("d4", "II"), ("d0", "AA"), ("d4", "A+1r"), ("d4", "Ai+1e")])
def test_exact_probabilities_are_those_of_the_plain_transition_system(revision: str, scope: str) -> None:
    """Each end's probability, against whole-number arithmetic without tables, nodes or merging of choices."""
    judge = Judge()
    found = exact(World(Scope.parse(scope), revision), judge)
    expected = by_hand(World(Scope.parse(scope), revision), judge)
    assert sum(expected.values()) == 1
    assert {(end.outcome, frozenset(end.violated)) for end in found.ends} == set(expected)
    for end, each in found.ends.items():
        assert each == pytest.approx(float(expected[end.outcome, frozenset(end.violated)]), rel=1e-9)


def chi_square(found: Exact, counts: dict[object, int], runs: int) -> tuple[float, int]:
    """Pearson's statistic and its degrees of freedom; outcomes that are expected fewer than 5 times are one class."""
    rare_expected, rare_found, statistic, classes = 0.0, 0, 0.0, 0
    for reached, each in found.outcomes.items():
        expected, often = runs * each, counts.get(reached, 0)
        if expected < 5:
            rare_expected, rare_found = rare_expected + expected, rare_found + often
        else:
            statistic, classes = statistic + (often - expected) ** 2 / expected, classes + 1
    if rare_expected >= 5:
        statistic, classes = statistic + (rare_found - rare_expected) ** 2 / rare_expected, classes + 1
    return statistic, classes - 1


@thinned(2)
@pytest.mark.parametrize(("revision", "scope"), [("d4", "II"), nightly("d4", "AA+1e"), ("d1", "AA+1c")])
def test_simpy_runs_have_the_exact_probabilities(revision: str, scope: str) -> None:
    """Some thousand runs: outcomes by chi-square, each invariant within 4.5 standard errors, nothing that has no
    probability."""
    runs = how_many(2_000, nightly=100_000)
    found = exact(World(Scope.parse(scope), revision), Judge())
    fuzzed = fuzz(revision, scope, strategy="random-walk", runs=runs, seed=11)
    assert set(fuzzed.outcomes) <= set(found.outcomes)
    statistic, freedom = chi_square(found, fuzzed.outcomes, runs)
    # Wilson and Hilferty (PNAS 17, 1931): the cube root of chi-square / freedom is nearly normal.
    if freedom:
        spread = 2 / (9 * freedom)
        assert ((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread) < 4
    for name in fuzzed.cell.invariants:
        p = found.violated(name)
        often = fuzzed.failures[name].often if name in fuzzed.failures else 0
        assert abs(often - runs * p) <= 4.5 * math.sqrt(runs * p * (1 - p)) + 1e-9, name


def test_what_is_proved_has_probability_zero_and_what_is_refuted_has_not() -> None:
    """An invariant has a probability of violation exactly if exploration finds a violation."""
    for revision in ("d4", "hardened"):
        world = World(Scope.parse("AA+1e"), revision)
        found = exact(world, Judge())
        refuted = set(Explorer(World(Scope.parse("AA+1e"), revision), Judge()).run().violations)
        assert {name for end in found.ends for name in end.violated} == refuted
        assert sum(found.ends.values()) == pytest.approx(1)


def test_endless_scopes_and_large_ones_are_refused() -> None:
    """A graph with a cycle has no order to pass it in, and one that is too large is not passed."""
    judge = Judge(select(["no-hang"]), conformance=False)
    with pytest.raises(UsageError, match="without cycles"):
        exact(World(Scope.parse("A+*t"), "d4"), judge)
    with pytest.raises(UsageError, match="at most 100"):
        exact(World(Scope.parse("AA"), "d4"), judge, most=100)

"""Predicted against true residual risk, on scopes whose true figures are known: Markdown tables and a picture.

    python benchmarks/calibration.py [--jobs 2] [-o docs/calibration.md] [--plot docs/calibration.png]
    python benchmarks/calibration.py --redraw docs/calibration.md --plot docs/calibration.png

A row is a revision, a scope, an invariant and a strategy. Its runs are cut into campaigns; each predicts as
`everyturn fuzz` does, and the predictions are held against the truth. For `random-walk` the truth is exact, from the
state graph. For the others there is no such graph: the truth is a reference sample of another seed. Campaigns over
tables have 1,000 runs, those through SimPy 100. Without ``-o`` the tables go to standard output; with it, between the
marks of that file. ``--redraw`` measures nothing, and draws what the table of a page says, in its two digits.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from strategies_table import CELLS, Cell, judging, written

from everyturn.checking.risk import Unseen, upper_bound
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.walks.decisions import RunEnd
from everyturn.engines.walks.priorities import Priorities
from everyturn.engines.walks.probabilities import exact
from everyturn.engines.walks.walks import Walks
from everyturn.reports.comparison_plots import Prediction, calibration_of
from everyturn.reports.plots import save
from everyturn.strategies import strategy
from everyturn.strategies.profile import Profile, profile
from everyturn.verdicts.intervals import Interval
from everyturn.world.scope import Scope
from everyturn.world.world import World

CAMPAIGNS, LONG, REFERENCE = 500, 1000, 200_000
"""Over tables: how many campaigns, of how many runs, and the runs of the reference sample."""
SHORT_CAMPAIGNS, SHORT, SHORT_REFERENCE = 200, 100, 10_000
"""Through SimPy."""
DEPTH = 3
SAMPLED = ("urw", "surw", "pos", "portfolio")
SOME = (
    Cell("d0", "AA", "clean-rest"),
    Cell("d2", "AA+1c", "no-fold-of-run-id"),
    Cell("d4", "AA+1f", "state-before-notice"),
    Cell("d4", "AI", "no-hang"),
    Cell("d4", "II", "no-hang"),
    Cell("d4", "AA+1t+u", "true-outcome"),
)
"""The cells of the strategies that run through SimPy."""

INTERVALS: dict[str, Callable[[Unseen], Interval]] = {
    "Robbins": Unseen.robbins,
    "Esty": Unseen.esty,
    "singletons": Unseen.singletons,
}


class Truth(NamedTuple):
    """The probability of a violation in one run, and of each outcome."""

    violated: float
    outcomes: dict[object, float]


class Row(NamedTuple):
    """What one cell showed: the truth, and of all campaigns the median, the mean, or the share for which something
    held."""

    strategy: str
    cell: Cell
    runs: int
    true: float
    bound: float
    bound_held: float
    clean: float
    classes: int
    unseen: float
    estimated: float
    held: tuple[float, ...]
    promised: float | None


def fared(
    name: str, cell: Cell, truth: Truth, campaigns: Sequence[Sequence[RunEnd]], promised: float | None = None
) -> Row:
    """The row of a cell: how the predictions of its campaigns fared."""
    runs = len(campaigns[0])
    violations = [sum(bool(end.violated) for end in campaign) for campaign in campaigns]
    seen = [Counter(end.outcome for end in campaign) for campaign in campaigns]
    unseen = [max(0.0, 1 - sum(truth.outcomes.get(reached, 0.0) for reached in each)) for each in seen]
    every = [Unseen.of(each.values()) for each in seen]
    bounds = [upper_bound(runs, number) for number in violations]
    return Row(
        name,
        cell,
        runs,
        truth.violated,
        bound=median(bounds),
        bound_held=share(bound >= truth.violated for bound in bounds),
        clean=share(number == 0 for number in violations),
        classes=len(truth.outcomes),
        unseen=float(np.mean(unseen)),
        estimated=float(np.mean([each.estimate for each in every])),
        held=tuple(
            share(within(interval(each), left) for each, left in zip(every, unseen)) for interval in INTERVALS.values()
        ),
        promised=promised,
    )


def share(of: Iterable[bool]) -> float:
    """How many are true, of all."""
    return float(np.mean(list(of)))


def within(interval: Interval, value: float) -> bool:
    """Whether an interval holds a value, rounding apart."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low - 1e-12 <= value <= interval.high + 1e-12


def counted(ends: Sequence[RunEnd]) -> Truth:
    """What a reference sample shows."""
    outcomes = Counter(end.outcome for end in ends)
    return Truth(share(bool(end.violated) for end in ends), {key: often / len(ends) for key, often in outcomes.items()})


def cut(ends: Sequence[RunEnd], runs: int) -> list[Sequence[RunEnd]]:
    """Campaigns of so many runs each."""
    return [ends[start : start + runs] for start in range(0, len(ends), runs)]


def made(walks: Walks, seed: int, runs: int) -> list[RunEnd]:
    """How runs over tables end."""
    return [walks.ends[number] for number in walks.walk(seed, 0, runs).tolist()]


def random_walk(cell: Cell) -> Row:
    """A cell under `random-walk`: the truth is exact."""
    found = exact(World(Scope.parse(cell.scope), cell.revision), judging(cell))
    walks = Walks(World(Scope.parse(cell.scope), cell.revision), judging(cell))
    campaigns = cut(made(walks, 1, CAMPAIGNS * LONG), LONG)
    return fared("random-walk", cell, Truth(found.violated(cell.invariant), found.outcomes), campaigns)


def pct(cell: Cell) -> Row:
    """A cell under `pct`, over tables."""
    world, measured = profiled(cell)
    runs = Priorities(world, judging(cell), DEPTH, measured.steps)
    truth = counted(made(runs, 1, REFERENCE))
    campaigns = cut(made(runs, 2, CAMPAIGNS * LONG), LONG)
    promised = 1 / (len(world.threads) * measured.steps ** (DEPTH - 1))
    return fared(f"pct:{DEPTH}", cell, truth, campaigns, promised)


def sampled(cell: Cell, name: str) -> Row:
    """A cell under another strategy, through SimPy."""
    world, measured = profiled(cell)
    table = JudgeTable(judging(cell))

    def ends(seed: int, runs: int) -> list[RunEnd]:
        chooser = strategy(name, seed, lambda: measured)
        found: list[RunEnd] = []
        for run in range(runs):
            state, findings = table.log(simulate(world, chooser, run).log)
            found.append(RunEnd(table.outcome(state), tuple(finding.invariant for _, finding in findings)))
        return found

    truth = counted(ends(1, SHORT_REFERENCE))
    return fared(name, cell, truth, cut(ends(2, SHORT_CAMPAIGNS * SHORT), SHORT))


def drift(cell: Cell, campaigns: int = 100, runs: int = 400, window: int = 50) -> tuple[Cell, float, float]:
    """How often the first and the last runs of an adaptive campaign violate the invariant, over many seeds."""
    world = World(Scope.parse(cell.scope), cell.revision)
    table = JudgeTable(judging(cell))
    first = last = 0
    for seed in range(campaigns):
        chooser = strategy("coverage", seed)
        violated = [bool(table.log(simulate(world, chooser, run).log)[1]) for run in range(runs)]
        first += sum(violated[:window])
        last += sum(violated[-window:])
    return cell, first / (campaigns * window), last / (campaigns * window)


def profiled(cell: Cell) -> tuple[World, Profile]:
    """The world of a cell, and its profile."""
    world = World(Scope.parse(cell.scope), cell.revision)
    return world, profile(lambda each, run: simulate(world, each, run), 0)


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The tables."""
    yield (
        "| strategy | revision | scope | invariant | runs | true *p* | median bound | bound held | clean "
        "| outcomes | unseen, true | unseen, Good–Turing | " + " | ".join(INTERVALS) + " |"
    )
    yield "|" + "---|" * (12 + len(INTERVALS))
    for row in rows:
        figures = [f"{row.runs:,}", f"{row.true:.2g}", f"{row.bound:.2g}", f"{row.bound_held:.1%}", f"{row.clean:.1%}"]
        figures += [
            str(row.classes),
            f"{row.unseen:.2g}",
            f"{row.estimated:.2g}",
            *(f"{each:.1%}" for each in row.held),
        ]
        yield f"| {' | '.join((row.strategy, *row.cell, *figures))} |"
    yield ""
    yield f"| | rows | bound held, worst and mean | {' | '.join(f'{name}, worst and mean' for name in INTERVALS)} |"
    yield "|" + "---|" * (3 + len(INTERVALS))
    for kind in dict.fromkeys(row.strategy for row in rows):
        among = [row for row in rows if row.strategy == kind]
        columns = [[row.bound_held for row in among], *zip(*(row.held for row in among))]
        yield f"| {kind} | {len(among)} | " + " | ".join(f"{min(c):.1%}, {np.mean(c):.1%}" for c in columns) + " |"
    yield ""
    yield f"| `pct:{DEPTH}` | | | promised: 1/(*n k*²) | reference |"
    yield "|---|---|---|---|---|"
    for row in rows:
        if row.promised is not None:
            yield f"| {' | '.join(row.cell)} | {row.promised:.2g} | {row.true:.2g} |"


def drifting(drifts: Iterable[tuple[Cell, float, float]]) -> Iterator[str]:
    """The table of the adaptive strategy."""
    yield ""
    yield "| `coverage` | | | runs 1 to 50 | runs 351 to 400 |"
    yield "|---|---|---|---|---|"
    for cell, first, last in drifts:
        yield f"| {' | '.join(cell)} | {first:.2g} | {last:.2g} |"


def predictions(rows: Sequence[Row]) -> list[Prediction]:
    """What the picture shows of the rows."""
    return [Prediction(row.strategy, row.true, row.bound, row.unseen, row.estimated) for row in rows]


def in_the_table(page: str) -> list[Prediction]:
    """The same of the table that :func:`lines` has written into a page."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")]
    heads = next(cells for cells in table if cells[0] == "strategy")
    places = [heads.index(name) for name in ("true *p*", "median bound", "unseen, true", "unseen, Good–Turing")]
    return [
        Prediction(cells[0], *(float(cells[place]) for place in places))
        for cells in table
        if len(cells) == len(heads) and cells is not heads
    ]


def plot(drawn: Sequence[Prediction], path: Path) -> None:
    """Predicted over true, for the bound and for the unseen probability."""
    save(calibration_of(drawn), path)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--redraw", type=Path, metavar="PAGE", help="draw the table of a page; measure nothing")
    options = parser.parse_args()
    if options.redraw is not None:
        if options.plot is None:
            parser.error("--redraw: expected --plot with the picture to write; found none")
        plot(in_the_table(options.redraw.read_text(encoding="utf-8")), options.plot)
        return
    tasks = [delayed(make)(cell) for make in (random_walk, pct) for cell in CELLS]
    tasks += [delayed(sampled)(cell, name) for name in SAMPLED for cell in SOME]
    rows: list[Row] = []
    for row in Parallel(options.jobs, return_as="generator")(tasks):
        rows.append(row)
        print(f"{len(rows)} of {len(tasks)}: {row.strategy} {' '.join(row.cell)}", file=sys.stderr)
    drifts = Parallel(options.jobs)(delayed(drift)(cell) for cell in SOME)
    if options.plot is not None:
        plot(predictions(rows), options.plot)
    tables = (*lines(rows), *drifting(drifts))
    if options.output is None:
        print("\n".join(tables))
        return
    page = options.output.read_text(encoding="utf-8")
    options.output.write_text(written(page, "table", tables), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Predicted against true residual risk, on scopes whose true figures are known: a Markdown table.

    python benchmarks/calibration.py [--jobs 2] [-o docs/calibration.md]

A cell is a revision, a scope, an invariant and a strategy. Its runs are cut into batches of ``SIZE``; each batch predicts
as if it were a campaign, and the predictions are held against the truth. For `random-walk` the truth is exact, from the
state graph. For the other strategies there is no graph: the truth is a reference sample of other seeds, of
``REFERENCE`` runs. Without ``-o`` the table goes to standard output; with it, between the marks of that file.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from strategies_table import CELLS, Cell

from everyturn.checker import Judge, select
from everyturn.engines.decisions import End
from everyturn.engines.judging import JudgeTable
from everyturn.engines.kernel import simulate
from everyturn.engines.probabilities import exact
from everyturn.engines.walks import Walks
from everyturn.errors import UsageError
from everyturn.risk import Unseen, upper_bound
from everyturn.scope import Scope
from everyturn.strategies import strategy
from everyturn.strategies.pct import Pct
from everyturn.strategies.profile import profile
from everyturn.studies.intervals import Interval
from everyturn.world import World

SIZE = 100
EXACT_BATCHES = 2000
BATCHES = 60
REFERENCE = 6000
SAMPLED = ("urw", "pct:3", "pos", "portfolio")
SCOPES = (
    "d0 AA clean-rest",
    "d2 AA+1c no-fold-of-run-id",
    "d4 AA+1f state-before-notice",
    "d4 AI no-hang",
    "d4 II no-hang",
    "d4 AA+1t+u true-outcome",
)
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

INTERVALS: dict[str, Callable[[Unseen], Interval]] = {
    "Robbins": Unseen.robbins,
    "Esty": Unseen.esty,
    "singletons": Unseen.singletons,
}


class Row(NamedTuple):
    """What one cell showed: the truth, and of all batches the share or the mean."""

    strategy: str
    cell: Cell
    true: float
    bound_held: float
    clean: float
    clean_held: float
    classes: int
    unseen: float
    estimated: float
    held: tuple[float, ...]
    promised: float | None


def judged(row: Row, violations: Sequence[int], batches: Sequence[Counter[object]], truth: dict[object, float]) -> Row:
    """The row filled with how the batches' predictions fared."""
    unseen = [max(0.0, 1 - sum(truth.get(reached, 0.0) for reached in batch)) for batch in batches]
    every = [Unseen.of(batch.values()) for batch in batches]
    bounds = {number: upper_bound(SIZE, number) for number in set(violations)}
    clean = [number == 0 for number in violations]
    return row._replace(
        bound_held=share(bounds[number] >= row.true for number in violations),
        clean=share(clean),
        clean_held=share(not each or bounds[0] >= row.true for each in clean),
        classes=len(truth),
        unseen=float(np.mean(unseen)),
        estimated=float(np.mean([each.estimate for each in every])),
        held=tuple(
            share(within(interval(each), left) for each, left in zip(every, unseen)) for interval in INTERVALS.values()
        ),
    )


def share(of: Iterator[bool] | Sequence[bool]) -> float:
    """How many are true, of all."""
    return float(np.mean([bool(each) for each in of]))


def within(interval: Interval, value: float) -> bool:
    """Whether an interval holds a value, rounding apart."""
    assert interval.low is not None
    assert interval.high is not None
    return interval.low - 1e-12 <= value <= interval.high + 1e-12


def blank(name: str, cell: Cell, true: float, promised: float | None = None) -> Row:
    """A row of which only the truth is known."""
    return Row(name, cell, true, 0, 0, 0, 0, 0, 0, (), promised)


def exactly(cell: Cell) -> Row:
    """A cell under `random-walk`."""
    judge = Judge(select([cell.invariant]), conformance=False)
    found = exact(World(Scope.parse(cell.scope), cell.revision), judge)
    walks = Walks(World(Scope.parse(cell.scope), cell.revision), judge)
    ends = walks.walk(0, 0, SIZE * EXACT_BATCHES).reshape(EXACT_BATCHES, SIZE)
    violating = np.array([bool(end.violated) for end in walks.ends])
    violations = violating[ends].sum(axis=1).tolist()
    batches = [Counter(walks.ends[number].outcome for number in batch) for batch in ends.tolist()]
    return judged(blank("random-walk", cell, found.violated(cell.invariant)), violations, batches, found.outcomes)


def sampled(cell: Cell, name: str) -> Row:
    """A cell under another strategy: the reference sample has another seed than the batches."""
    world = World(Scope.parse(cell.scope), cell.revision)
    table = JudgeTable(Judge(select([cell.invariant]), conformance=False))

    def runs(seed: int, number: int) -> list[End]:
        found: list[End] = []
        for run in range(number):
            state, findings = table.log(simulate(world, chooser, run).log)
            found.append(End(table.outcome(state), tuple(finding.invariant for _, finding in findings)))
        return found

    measure = profile(lambda each, run: simulate(world, each, run), 0)
    chooser = strategy(name, 1, lambda: measure)
    reference = runs(1, REFERENCE)
    promised = None
    if isinstance(chooser, Pct):
        promised = 1 / (len(world.threads) * chooser.steps ** (chooser.depth - 1))
    chooser = strategy(name, 2, lambda: measure)
    tried = runs(2, SIZE * BATCHES)
    truth = {reached: often / REFERENCE for reached, often in Counter(end.outcome for end in reference).items()}
    batches = [tried[start : start + SIZE] for start in range(0, len(tried), SIZE)]
    return judged(
        blank(name, cell, sum(bool(end.violated) for end in reference) / REFERENCE, promised),
        [sum(bool(end.violated) for end in batch) for batch in batches],
        [Counter(end.outcome for end in batch) for batch in batches],
        truth,
    )


def lines(rows: Sequence[Row]) -> Iterator[str]:
    """The tables."""
    yield (
        "| strategy | revision | scope | invariant | true *p* | bound held | clean | clean and bound held "
        "| outcomes | unseen, true | unseen, Good–Turing | " + " | ".join(INTERVALS) + " |"
    )
    yield "|" + "---|" * (11 + len(INTERVALS))
    for row in rows:
        figures = [f"{row.true:.2g}", *(f"{each:.1%}" for each in (row.bound_held, row.clean, row.clean_held))]
        figures += [
            str(row.classes),
            f"{row.unseen:.2g}",
            f"{row.estimated:.2g}",
            *(f"{each:.1%}" for each in row.held),
        ]
        yield f"| {' | '.join((row.strategy, *row.cell, *figures))} |"
    yield ""
    yield (
        "| | cells | bound held, worst and mean | " + " | ".join(f"{name}, worst and mean" for name in INTERVALS) + " |"
    )
    yield "|" + "---|" * (3 + len(INTERVALS))
    kinds = {"random-walk": [row for row in rows if row.strategy == "random-walk"]}
    kinds["the others"] = [row for row in rows if row.strategy != "random-walk"]
    for kind, among in kinds.items():
        columns = [[row.bound_held for row in among], *zip(*(row.held for row in among))]
        yield f"| {kind} | {len(among)} | " + " | ".join(f"{min(c):.1%}, {np.mean(c):.1%}" for c in columns) + " |"
    yield ""
    yield "| `pct:3` | | | promised: 1/(*n k*²) | reference |"
    yield "|---|---|---|---|---|"
    for row in rows:
        if row.promised is not None:
            yield f"| {' | '.join(row.cell)} | {row.promised:.2g} | {row.true:.2g} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    some = [cell for cell in CELLS if " ".join(cell) in SCOPES]
    tasks = [delayed(exactly)(cell) for cell in CELLS]
    tasks += [delayed(sampled)(cell, name) for name in SAMPLED for cell in some]
    rows: list[Row] = []
    for row in Parallel(options.jobs, return_as="generator")(tasks):
        rows.append(row)
        print(f"{len(rows)} of {len(tasks)}: {row.strategy} {' '.join(row.cell)}", file=sys.stderr)
    text = "\n".join(lines(rows))
    if options.output is None:
        print(text)
        return
    page = options.output.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise UsageError(f"{options.output}: expected one line {BEGIN} and one line {END}")
    before, _, rest = page.partition(BEGIN)
    options.output.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()

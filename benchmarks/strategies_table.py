"""Schedules to the first violation, per strategy, for violations that exploration has shown to exist: a Markdown table.

    python benchmarks/strategies_table.py [--seeds 20] [--most 1000] [--jobs 2] [-o docs/strategies.md]

For each cell (revision, scope, invariant) and each random strategy: that many seeds, each sampled until the invariant
is violated or ``--most`` schedules were made; the median and the range. A systematic strategy has no seed and one
number. Without ``-o`` the table goes to standard output; with it, between the marks of that file. The schedules do not
depend on the number of jobs, so that the same command makes the same table.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from joblib import Parallel, delayed

from everyturn.checker import Judge, select
from everyturn.engines.judging import JudgeTable
from everyturn.engines.kernel import simulate
from everyturn.engines.probabilities import exact
from everyturn.errors import UsageError
from everyturn.scope import Scope
from everyturn.strategies import strategy
from everyturn.strategies.profile import profile
from everyturn.world import World

RANDOM = ("random-walk", "urw", "pct:2", "pct:3", "pos", "coverage", "portfolio")
SYSTEMATIC = ("delay:3", "preemption:2", "dpor")
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


class Cell(NamedTuple):
    """A violation that exists."""

    revision: str
    scope: str
    invariant: str


CELLS = (
    Cell("d0", "AA", "clean-rest"),
    Cell("d1", "AA+1c", "nothing-lost"),
    Cell("d2", "AA+1c", "no-fold-of-run-id"),
    Cell("d3", "AA", "no-hang"),
    Cell("d4", "AA", "prompt-notice"),
    Cell("d4", "AA+1c", "no-hang"),
    Cell("d4", "AA+1c", "no-lost-cancel"),
    Cell("d4", "AA+1c", "state-before-notice"),
    Cell("d4", "Aa+1c", "no-poisoned-prompt"),
    Cell("d4", "AA+1e", "no-hang"),
    Cell("d4", "AA+1f", "state-before-notice"),
    Cell("d4", "AA+1r", "no-double-emit"),
    Cell("d4", "AA+1s", "no-hang"),
    Cell("d4", "AA+1s", "one-turn"),
    Cell("d4", "AA+1t+u", "true-outcome"),
    Cell("d4", "AAA", "one-turn"),
    Cell("d4", "AI", "no-hang"),
    Cell("d4", "II", "no-hang"),
    Cell("d4", "II", "one-turn"),
)


def exact_probability(cell: Cell) -> float:
    """The probability of a violation in one run of a random walk, from the state graph."""
    judge = Judge(select([cell.invariant]), conformance=False)
    return exact(World(Scope.parse(cell.scope), cell.revision), judge).violated(cell.invariant)


def first_violations(cell: Cell, name: str, seeds: Sequence[int], most: int) -> list[float]:
    """For each seed the number of the first schedule that violates the invariant; infinity: none of ``most`` did."""
    world = World(Scope.parse(cell.scope), cell.revision)
    table = JudgeTable(Judge(select([cell.invariant]), conformance=False))
    found: list[float] = []
    for seed in seeds:
        chooser = strategy(name, seed, lambda seed=seed: profile(lambda each, run: simulate(world, each, run), seed))  # type: ignore[misc]
        found.append(math.inf)
        for number in range(most):
            if chooser.exhausted:
                break
            if table.log(simulate(world, chooser, number).log)[1]:
                found[-1] = number + 1
                break
    return found


def shown(found: Sequence[float], most: int) -> str:
    """Median and range, or the one number there is."""

    def number(value: float) -> str:
        return f">{most}" if math.isinf(value) else f"{value:.0f}"

    if len(set(found)) == 1:
        return number(found[0])
    return f"**{number(median(found))}** ({number(min(found))}–{number(max(found))})"


def table(results: dict[tuple[Cell, str], list[float]], most: int) -> Iterator[str]:
    """The lines of the table, and of the summary below it."""
    names = (*RANDOM, *SYSTEMATIC)
    yield f"| revision | scope | invariant | exact *p*, random walk | {' | '.join(names)} |"
    yield "|" + "---|" * (4 + len(names))
    for cell in CELLS:
        cells = [shown(results[cell, name], most) for name in names]
        yield f"| {' | '.join((*cell, f'{exact_probability(cell):.2g}', *cells))} |"
    yield ""
    yield "| strategy | cells in which every seed found it | geometric mean of the medians | worst median |"
    yield "|---|---|---|---|"
    for name in names:
        medians = [min(median(results[cell, name]), most) for cell in CELLS]
        always = sum(max(results[cell, name]) <= most for cell in CELLS)
        mean = math.exp(sum(map(math.log, medians)) / len(medians))
        worst = max(medians)
        bound = "≥ " if any(median(results[cell, name]) > most for cell in CELLS) else ""
        yield f"| {name} | {always} of {len(CELLS)} | {bound}{mean:.0f} | {'>' if bound else ''}{worst:.0f} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    tasks = [(cell, name) for cell in CELLS for name in (*RANDOM, *SYSTEMATIC)]
    found = Parallel(options.jobs, return_as="generator")(
        delayed(first_violations)(cell, name, range(options.seeds) if name in RANDOM else (0,), options.most)
        for cell, name in tasks
    )
    results: dict[tuple[Cell, str], list[float]] = {}
    for task, numbers in zip(tasks, found):
        results[task] = numbers
        print(f"{len(results)} of {len(tasks)}: {' '.join(task[0])}, {task[1]}", file=sys.stderr)
    lines = "\n".join(table(results, options.most))
    if options.output is None:
        print(lines)
        return
    text = options.output.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise UsageError(f"{options.output}: expected one line {BEGIN} and one line {END}")
    before, _, rest = text.partition(BEGIN)
    options.output.write_text(f"{before}{BEGIN}\n{lines}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()

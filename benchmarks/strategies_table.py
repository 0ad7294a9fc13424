"""Schedules to the first violation, per strategy, for violations that exploration has shown to exist: Markdown tables.

    python benchmarks/strategies_table.py [--seeds 20] [--most 1000] [--jobs 2] [-o docs/strategies.md]

For each cell (revision, scope, invariant) and each random strategy: that many seeds, each sampled until the invariant
is violated or ``--most`` schedules were made; the median and the range. A systematic strategy has no seed and one
number. The second table has a row for each refuted cell of the matrix of `everyturn check`, where anything counts that
violates any invariant. Beside the samples stands the exact probability in one run of a random walk, from the state
graph. Without ``-o`` the tables go to standard output; with it, between the marks of that file. The schedules do not
depend on the number of jobs, so that the same command makes the same tables.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.walks.probabilities import exact
from everyturn.engines.walks.walks import Walks
from everyturn.errors import UsageError
from everyturn.strategies import strategy
from everyturn.strategies.profile import profile
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import DEFAULT_SCOPES, Scope
from everyturn.world.world import World

RANDOM = ("random-walk", "urw", "surw", "pct:2", "pct:3", "pos", "coverage", "portfolio")
SYSTEMATIC = ("delay:3", "preemption:2", "dpor")
ANYTHING = "anything"
REVISIONS = ("d0", "d1", "d2", "d3", "d4")


class Cell(NamedTuple):
    """A violation that exists: of one invariant, or of :data:`ANYTHING`."""

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
MATRIX = tuple(Cell(revision, scope, ANYTHING) for scope in DEFAULT_SCOPES for revision in REVISIONS)


def judging(cell: Cell) -> Judge:
    """What a cell is judged by."""
    return Judge(select(() if cell.invariant == ANYTHING else [cell.invariant]), conformance=False)


def probabilities(cell: Cell) -> dict[str, float]:
    """The probability of each violation in one run of a random walk, from the state graph, and that of anything."""
    found = exact(World(Scope.parse(cell.scope), cell.revision), judging(cell))
    names = {name for end in found.ends for name in end.violated}
    return {ANYTHING: found.any_violated} | {name: found.violated(name) for name in sorted(names)}


def first_violations(cell: Cell, name: str, seeds: Sequence[int], most: int) -> list[float]:
    """For each seed the number of the first schedule that violates the invariant; infinity: none of ``most`` did."""
    world = World(Scope.parse(cell.scope), cell.revision)
    found: list[float] = []
    if name == "random-walk":
        # The same runs, faster.
        walks = Walks(world, judging(cell))
        for seed in seeds:
            ends = walks.walk(seed, 0, most)
            violating = np.flatnonzero(np.array([bool(end.violated) for end in walks.ends])[ends])
            found.append(float(violating[0] + 1) if violating.size else math.inf)
        return found
    table = JudgeTable(judging(cell))
    for seed in seeds:
        measure = partial(profile, lambda each, run: simulate(world, each, run), seed)
        chooser = strategy(name, seed, measure)
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


Results = dict[tuple[Cell, str], list[float]]
Chances = dict[Cell, dict[str, float]]


def table(results: Results, chances: Chances, most: int) -> Iterator[str]:
    """The lines of the first table, and of the summary below it."""
    names = (*RANDOM, *SYSTEMATIC)
    yield f"| revision | scope | invariant | exact *p*, random walk | {' | '.join(names)} |"
    yield "|" + "---|" * (4 + len(names))
    for cell in CELLS:
        cells = [shown(results[cell, name], most) for name in names]
        yield f"| {' | '.join((*cell, f'{chances[cell][cell.invariant]:.2g}', *cells))} |"
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


def matrix(results: Results, chances: Chances, most: int) -> Iterator[str]:
    """The lines of the second table: the cells of the matrix that are refuted."""
    yield f"| revision | scope | *p* of anything | rarest violation | its *p* | {' | '.join(RANDOM)} |"
    yield "|" + "---|" * (5 + len(RANDOM))
    for cell in MATRIX:
        if not chances[cell][ANYTHING]:
            continue
        rarest, chance = min(chances[cell].items(), key=lambda each: each[1])
        cells = [shown(results[cell, name], most) for name in RANDOM]
        yield f"| {' | '.join((*cell[:2], f'{chances[cell][ANYTHING]:.2g}', rarest, f'{chance:.2g}', *cells))} |"


def written(page: str, mark: str, lines: Iterable[str]) -> str:
    """The page with these lines between two marks."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise UsageError(f"expected a page with one line {begin} and one line {end}")
    before, _, rest = page.partition(begin)
    return "\n".join((before + begin, *lines, end)) + rest.partition(end)[2]


def measured(seeds: int, most: int, jobs: int) -> tuple[Results, Chances]:
    """All that the tables are made of."""
    chances: Chances = dict(
        zip((*CELLS, *MATRIX), Parallel(jobs)(delayed(probabilities)(cell) for cell in (*CELLS, *MATRIX)), strict=True)
    )
    tasks = [(cell, name) for cell in CELLS for name in (*RANDOM, *SYSTEMATIC)]
    tasks += [(cell, name) for cell in MATRIX if chances[cell][ANYTHING] for name in RANDOM]
    found = Parallel(jobs, return_as="generator")(
        delayed(first_violations)(cell, name, range(seeds) if name in RANDOM else (0,), most) for cell, name in tasks
    )
    results: Results = {}
    for task, numbers in zip(tasks, found):
        results[task] = numbers
        print(f"{len(results)} of {len(tasks)}: {' '.join(task[0])}, {task[1]}", file=sys.stderr)
    return results, chances


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    results, chances = measured(options.seeds, options.most, options.jobs)
    tables = {
        "table": tuple(table(results, chances, options.most)),
        "matrix": tuple(matrix(results, chances, options.most)),
    }
    if options.output is None:
        for lines in tables.values():
            print("\n".join((*lines, "")))
        return
    page = options.output.read_text(encoding="utf-8")
    for mark, lines in tables.items():
        page = written(page, mark, lines)
    options.output.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()

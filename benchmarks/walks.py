"""How many schedules a second a random walk makes over tables, next to the same runs through SimPy.

    python benchmarks/walks.py [--scope AA+1c] [--revision d4] [--runs 100000]

Both judge every run. One core. *Cold* is the first batch, in which the tables are filled by running the code; *warm* are
the runs of another seed after ``--runs`` have been made; a warm batch still meets something new now and then.
"""

from __future__ import annotations

import argparse
import time

from everyturn.checker import Judge
from everyturn.engines.judging import JudgeTable
from everyturn.engines.kernel import simulate
from everyturn.engines.walks import BATCH, Walks
from everyturn.scope import Scope
from everyturn.strategies import strategy
from everyturn.world import World

ROUNDS = 5
SHARE = 500


def through_simpy(scope: str, revision: str) -> float:
    """Judged schedules a second, the fastest of some rounds."""
    world, walk = World(Scope.parse(scope), revision), strategy("random-walk", 1)
    table = JudgeTable(Judge())
    fastest = 0.0
    for number in range(ROUNDS):
        start = time.perf_counter()
        for run in range(number * SHARE, (number + 1) * SHARE):
            table.log(simulate(world, walk, run).log)
        fastest = max(fastest, SHARE / (time.perf_counter() - start))
    return fastest


def over_tables(scope: str, revision: str, runs: int) -> tuple[float, float]:
    """Judged schedules a second, cold and warm (the fastest of some rounds)."""
    start = time.perf_counter()
    walks = Walks(World(Scope.parse(scope), revision), Judge())
    walks.walk(1, 0, BATCH)
    cold = BATCH / (time.perf_counter() - start)
    walks.walk(1, BATCH, max(0, runs - BATCH))
    warm = 0.0
    for number in range(ROUNDS):
        start = time.perf_counter()
        walks.walk(2, number * BATCH, BATCH)
        warm = max(warm, BATCH / (time.perf_counter() - start))
    return cold, warm


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scope", default="AA+1c")
    parser.add_argument("--revision", default="d4")
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    cold, warm = over_tables(options.scope, options.revision, options.runs)
    simpy = through_simpy(options.scope, options.revision)
    print(f"{options.revision} {options.scope}, random walk, judged schedules a second on one core")
    print(f"through SimPy         {simpy:>10,.0f}")
    print(f"over tables, cold     {cold:>10,.0f}  {cold / simpy:.0f} x")
    print(f"over tables, warm     {warm:>10,.0f}  {warm / simpy:.0f} x")


if __name__ == "__main__":
    main()

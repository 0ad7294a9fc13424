"""How many schedules a second a random walk and PCT make over tables, next to the same runs through SimPy.

    python benchmarks/walks.py [--scope AA+1c] [--revision d4] [--runs 100000]

Both judge every run, on one core; seconds are those of the process itself, so that other programs matter little. *Cold*
is the first batch, in which the tables are filled by running the code; *warm* are the runs of another seed after
``--runs`` have been made; a warm batch still meets something new now and then.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.walks.priorities import Priorities
from everyturn.engines.walks.walks import BATCH, Walks
from everyturn.strategies import strategy
from everyturn.strategies.profile import Profile, profile
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

ROUNDS = 5
SHARE = 500
DEPTH = 3


def through_simpy(world: World, name: str, measured: Profile) -> float:
    """Judged schedules a second, the fastest of some rounds."""
    chooser = strategy(name, 1, lambda: measured)
    table = JudgeTable(Judge())
    fastest = 0.0
    for number in range(ROUNDS):
        start = time.process_time()
        for run in range(number * SHARE, (number + 1) * SHARE):
            table.log(simulate(world, chooser, run).log)
        fastest = max(fastest, SHARE / (time.process_time() - start))
    return fastest


def over_tables(make: Callable[[], Walks], runs: int) -> tuple[float, float]:
    """Judged schedules a second, cold and warm (the fastest of some rounds)."""
    start = time.process_time()
    walks = make()
    walks.walk(1, 0, BATCH)
    cold = BATCH / (time.process_time() - start)
    walks.walk(1, BATCH, max(0, runs - BATCH))
    warm = 0.0
    for number in range(ROUNDS):
        start = time.process_time()
        walks.walk(2, number * BATCH, BATCH)
        warm = max(warm, BATCH / (time.process_time() - start))
    return cold, warm


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scope", default="AA+1c")
    parser.add_argument("--revision", default="d4")
    parser.add_argument("--runs", type=int, default=100_000)
    options = parser.parse_args()
    world = World(Scope.parse(options.scope), options.revision)
    measured = profile(lambda chooser, run: simulate(world, chooser, run), 1)
    tables: dict[str, Callable[[], Walks]] = {
        "random-walk": partial(Walks, world, Judge()),
        f"pct:{DEPTH}": partial(Priorities, world, Judge(), DEPTH, measured.steps),
    }
    print(f"{options.revision} {options.scope}, judged schedules a second of one core")
    print("              through SimPy   over tables, cold   over tables, warm")
    for name, make in tables.items():
        simpy = through_simpy(world, name, measured)
        cold, warm = over_tables(make, options.runs)
        print(f"{name:<12}{simpy:>15,.0f}{cold:>14,.0f} {cold / simpy:>3.0f} x{warm:>14,.0f} {warm / simpy:>3.0f} x")


if __name__ == "__main__":
    main()

"""How fast the SimPy engine is, as ratios to stock SimPy measured side by side.

    python benchmarks/simpy_engine.py [--scope AA+1c] [--revision d4] [--seconds 2] [--processes]

*Stock* is what one would write without this project: a plain ``simpy.Environment``, one process for each thread that
resumes the same coroutine and does the same operation on the same shared data, with a time-out of 0 before each access
and a SimPy event to wait for where it is blocked. It has no strategy, records nothing and is not judged. One event is
one access in both. Rounds of all candidates alternate, and the fastest round of each counts, so that a busy machine
disturbs the ratio as little as possible. ``--processes``: also how much faster a long campaign is with two of them,
their start included: by the clock, and as it would be if nothing else ran, from the seconds that each process computes
(of the two, the parent's and half of the children's, since they take their shares in turn).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import simpy
from joblib.externals.loky import get_reusable_executor

from everyturn.checking.fuzz import fuzz
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.strategies import strategy
from everyturn.verdicts.checker import Judge
from everyturn.world.objects import COLUMNS, OPERATIONS
from everyturn.world.scope import Scope
from everyturn.world.world import World

INDEX = {name: index for index, name in enumerate(COLUMNS)}
TABLE = {key: (tuple(INDEX[name] for name in known.columns), known.effect) for key, known in OPERATIONS.items()}
RUNS = 50
LONG = 60_000


class Stock:
    """The world of a scope in stock SimPy: first come, first served, the world is friendly."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accesses = 0
        self._values: list[Any] = []
        self._blocked: list[simpy.Event] = []

    def run(self) -> None:
        """One run to its end."""
        env = simpy.Environment()
        self._values = list(self.world.initial)
        self._blocked = []
        for number in range(len(self.world.threads)):
            env.process(self._live(env, number))
        env.run()

    def _live(self, env: simpy.Environment, number: int) -> Generator[simpy.Event, Any, None]:
        name = self.world.threads[number].name
        send = self.world.start(number).send
        values = self._values
        result: Any = None
        while True:
            try:
                operation = send(result)
            except StopIteration:
                return
            places, handler = TABLE[operation.object, operation.method]
            yield env.timeout(0)
            while not (outcomes := handler(tuple([values[place] for place in places]), operation.arguments, name)):
                blocked = env.event()
                self._blocked.append(blocked)
                yield blocked
            result, after = outcomes[0]
            for place, value in zip(places, after):
                values[place] = value
            self.accesses += 1
            waiting, self._blocked = self._blocked, []
            for event in waiting:
                event.succeed()


def naked(accesses: int) -> None:
    """Stock SimPy with nothing to do: three processes of time-outs."""
    env = simpy.Environment()

    def live() -> Generator[simpy.Event, Any, None]:
        for _ in range(accesses // 3):
            yield env.timeout(0)

    for _ in range(3):
        env.process(live())
    env.run()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scope", default="AA+1c")
    parser.add_argument("--revision", default="d4")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each candidate")
    parser.add_argument("--processes", action="store_true")
    options = parser.parse_args()
    world = World(Scope.parse(options.scope), options.revision)
    stock = Stock(world)
    stock.run()
    events = stock.accesses
    fifo = simulate(world, strategy("fifo", 0))
    accesses = len(fifo.log.effects)
    table = JudgeTable(Judge())
    walk = strategy("random-walk", 1)
    numbers = iter(range(10**9))

    def sampled() -> None:
        simulate(world, walk, next(numbers))

    def judged() -> None:
        table.outcome(table.log(simulate(world, walk, next(numbers)).log)[0])

    for _ in range(3000):
        judged()
    candidates: dict[str, Callable[[], object]] = {
        "stock": stock.run,
        "fifo": lambda: simulate(world, strategy("fifo", 0)),
        "naked": lambda: naked(accesses),
        "sampled": sampled,
        "judged": judged,
    }
    best = measure(candidates, options.seconds)
    print(f"{world.revision} {world.scope}: {accesses} accesses in a run in stock order (stock SimPy makes {events})")
    print(f"stock SimPy, same coroutines and operations   {events / best['stock']:>10,.0f} events/s")
    print(f"the engine at FIFO, recording                 {accesses / best['fifo']:>10,.0f} events/s")
    print(f"  ratio                                       {accesses / best['fifo'] / (events / best['stock']):>10.2f}")
    print(f"stock SimPy, time-outs and nothing else       {accesses / best['naked']:>10,.0f} events/s")
    print(f"  ratio                                       {best['naked'] / best['fifo']:>10.2f}")
    print(f"random walk, recording                        {1 / best['sampled']:>10,.0f} schedules/s")
    print(f"random walk, recording and judging            {1 / best['judged']:>10,.0f} schedules/s")
    if options.processes:
        one, two = (campaign(options.revision, options.scope, jobs) for jobs in (1, 2))
        print(
            f"two processes, {LONG:,} judged runs each way, by the clock   {one.clock / two.clock:.2f} times as fast "
            f"as one"
        )
        print(f"  with two cores to themselves                              {one.computed / two.computed:.2f}")
        print(f"  computing of the parent, and of the children together     {two.parent:.1f} s, {two.children:.1f} s")


class Took(NamedTuple):
    """Seconds that a campaign took by the clock, and that its processes computed."""

    clock: float
    parent: float
    children: float
    jobs: int

    @property
    def computed(self) -> float:
        """Seconds that it takes if every process has a core to itself."""
        return self.parent + self.children / self.jobs


def campaign(revision: str, scope: str, jobs: int) -> Took:
    """What a long campaign on so many processes takes."""
    before, start = os.times(), time.perf_counter()
    fuzz(revision, scope, strategy="random-walk", runs=LONG, seed=1, jobs=jobs)
    clock = time.perf_counter() - start
    get_reusable_executor().shutdown(wait=True)  # only then are its seconds known
    now = os.times()
    children = now.children_user + now.children_system - before.children_user - before.children_system
    return Took(clock, now.user + now.system - before.user - before.system, children, jobs)


def measure(candidates: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Seconds that one call of each candidate takes, in its fastest round of :data:`RUNS`."""
    best = dict.fromkeys(candidates, float("inf"))
    spent = 0.0
    while spent < seconds * len(candidates):
        for name, call in candidates.items():
            start = time.perf_counter()
            for _ in range(RUNS):
                call()
            took = time.perf_counter() - start
            spent += took
            best[name] = min(best[name], took / RUNS)
    return best


if __name__ == "__main__":
    main()

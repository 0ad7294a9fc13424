"""How many schedules of an asyncio program a second, beside stock asyncio.

    python benchmarks/asyncio_schedules.py [--seconds 3] [--tasks 4] [--awaits 3]

The program has so many tasks, each of which awaits so many answers of the outside world one after the other. *Stock* is
``asyncio.run`` of the same program, whose answers come with the next iteration of the loop: what it costs to make one
schedule without looking at it, a new loop included. Candidates take turns, and the fastest round of each counts, so
that a busy machine disturbs the ratio as little as possible. The last line explores all of it: equal states merged,
once.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting, run
from everyturn.asyncio.search.sampling import strategy_for
from everyturn.asyncio.search.searching import outcomes
from everyturn.asyncio.search.strategy_guide import StrategyGuide

ROUNDS = 3


def program(tasks: int, awaits: int) -> Callable[[Any], Coroutine[Any, Any, None]]:
    """A scenario of so many tasks with so many awaits each."""

    async def scenario(world: Any) -> None:
        async def task(name: int) -> None:
            for number in range(awaits):
                await world.io(f"{name}.{number}")

        await asyncio.gather(*map(task, range(tasks)))

    return scenario


class StockWorld:
    """Answers with the next iteration of the loop."""

    def io(self, name: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        return future


def stock(scenario: Any, seconds: float) -> float:
    """Runs of ``asyncio.run`` a second."""
    made, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        asyncio.run(scenario(StockWorld()))
        made += 1
    return made / (time.perf_counter() - begun)


def sampled(scenario: Any, seconds: float, name: str) -> float:
    """Schedules a second under a strategy."""
    with prepared(scenario, Setting()):
        used = strategy_for(scenario, Setting(), name, 1)
        made, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            run(scenario, StrategyGuide(used.chooser, made, used.known), Setting())
            made += 1
        return made / (time.perf_counter() - begun)


def depth_first(scenario: Any, seconds: float) -> float:
    """Schedules a second, one after the other, nothing merged."""
    with prepared(scenario, Setting()):
        made, begun = 0, time.perf_counter()
        for _ in outcomes(scenario, Setting()):
            made += 1
            if time.perf_counter() - begun >= seconds:
                break
        return made / (time.perf_counter() - begun)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=3.0, help="of each round")
    asked.add_argument("--tasks", type=int, default=4)
    asked.add_argument("--awaits", type=int, default=3)
    asked.add_argument("--longest", type=float, default=120.0, help="seconds for exploring all of it")
    given = asked.parse_args()
    scenario = program(given.tasks, given.awaits)
    candidates: dict[str, Callable[[], float]] = {
        "stock asyncio.run": lambda: stock(scenario, given.seconds),
        "random walk": lambda: sampled(scenario, given.seconds, "random-walk"),
        "pct:3": lambda: sampled(scenario, given.seconds, "pct:3"),
        "depth first, nothing merged": lambda: depth_first(scenario, given.seconds),
    }
    best = dict.fromkeys(candidates, 0.0)
    for _ in range(ROUNDS):
        for name, measure in candidates.items():
            best[name] = max(best[name], measure())
    print(f"{given.tasks} tasks with {given.awaits} awaits each\n")
    print("| what | schedules a second | to stock |\n|---|--:|--:|")
    for name, rate in best.items():
        print(f"| {name} | {rate:,.0f} | {rate / best['stock asyncio.run']:.2f} |")
    from everyturn.asyncio.search.searching import SearchLimits

    found = check(scenario, limits=SearchLimits(seconds=given.longest))
    cell = found.cell
    print(
        f"\nall of it, equal states merged: {cell.verdict}, {cell.schedules:,} runs, {cell.states:,} states, "
        f"{found.found.merged:,} merged, {cell.seconds:.1f} s"
    )


if __name__ == "__main__":
    main()

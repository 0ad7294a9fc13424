"""Tools that make schedules of an asyncio program, on the same program: how many a second.

    python benchmarks/asyncio_tools.py [--others PYTHON] [--seconds 1] [--rounds 5] [--tasks 4] [--awaits 3]

``PYTHON`` (or ``ASYNCIO_TOOLS`` in the environment): an interpreter of the same version that has the others (``pip
install detangle==0.1.0 simloom==0.5.0 simloop==0.2.2 seedloop==0.4.1 frontrun==0.7.0``; three of them need 3.12); one
that is not there is left out. The program has so many tasks, each of which waits so many times and notes it, and
asserts at its end that all was noted: no run fails, and each tool judges each run by what it looks for by itself.
*Reordered*: each wait is ``asyncio.sleep(0)``, and any ready task may be next; *noted in order*: what is noted is a
list, so that no two schedules lead to one state, else a number for each task. *In order*: first in, first out; each
wait is one of the outside world, whose length, or order, is drawn anew for each run in the way that the tool has for
it. Each tool draws at random. *Tables*: ``fuzz --engine tables``, which follows runs through states that are known.
Tools take turns, each round in a process of its own, where a third of the time goes by before it counts; seconds of
processor, medians.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

Pause = Callable[[str], Any]
BATCH = 20
"""So many schedules are asked for at once of tools that make several."""


class Asked(NamedTuple):
    """What a tool is asked for: so many tasks that wait so many times; whether any may be next; whether their order is
    kept."""

    tasks: int
    awaits: int
    reordered: bool
    noted: bool


async def program(pause: Pause, asked: Asked) -> None:
    """So many tasks that wait so many times."""
    noted: list[int] = []
    often = [0] * asked.tasks

    async def task(name: int) -> None:
        for number in range(asked.awaits):
            await pause(f"{name}.{number}")
            if asked.noted:
                noted.append(name)
            else:
                often[name] += 1

    await asyncio.gather(*map(task, range(asked.tasks)))
    assert asked.noted or often == [asked.awaits] * asked.tasks
    assert not asked.noted or sorted(noted) == [name for name in range(asked.tasks) for _ in range(asked.awaits)]


def at_once(_: str) -> Any:
    """A wait of one iteration of the loop."""
    return asyncio.sleep(0)


def a_while(_: str) -> Any:
    """A wait whose length is drawn from the randomness that the tool controls."""
    return asyncio.sleep(random.uniform(0.001, 0.01))


Main = Callable[..., Coroutine[Any, Any, None]]
Batches = Iterator[int]
"""Makes schedules, and says how many they were."""


def everyturn(asked: Asked, *, tables: bool = False) -> Batches:
    """A random walk."""
    from everyturn.asyncio.control.preparing import prepared
    from everyturn.asyncio.runtime.running import Setting, run
    from everyturn.asyncio.search.sampling import strategy_for
    from everyturn.asyncio.search.strategy_guide import StrategyGuide
    from everyturn.asyncio.search.tables import ScenarioTables

    async def scenario(world: Any) -> None:
        await program(at_once if asked.reordered else world.io, asked)

    setting = Setting(order="any" if asked.reordered else "fifo")
    with prepared(scenario, setting):
        used = strategy_for(scenario, setting, "random-walk", 1)
        known = ScenarioTables(scenario, setting)
        for batch in range(10**9):
            for number in range(batch * BATCH, (batch + 1) * BATCH):
                guide = StrategyGuide(used.chooser, number, used.known)
                if tables:
                    assert not known.run(guide, number).did.kinds
                else:
                    outcome = run(scenario, guide, setting)
                    assert outcome.complete
                    assert not outcome.findings
            yield BATCH


def detangle(asked: Asked) -> Batches:
    """Its random walk."""
    tool = import_module("detangle")

    async def main() -> None:
        await program(at_once if asked.reordered else a_while, asked)

    for seed in range(10**9):
        tool.explore(main, runs=BATCH, seed=seed, strategy="random", reorder=asked.reordered, database=False)
        yield BATCH


def simloom(asked: Asked) -> Batches:
    """Its random walk, which reorders always."""
    tool = import_module("simloom")

    async def main() -> None:
        await program(at_once, asked)

    for number in range(10**9):
        assert not tool.explore(main, runs=BATCH, start_seed=number * BATCH).failures
        yield BATCH


def simloop(asked: Asked) -> Batches:
    """Its uniform draws, which reorder always."""
    tool = import_module("simloop")

    async def main() -> None:
        await program(at_once, asked)

    for number in range(10**9):
        assert tool.explore(main, range(number * BATCH, (number + 1) * BATCH)) is None
        yield BATCH


def seedloop(asked: Asked) -> Batches:
    """Its seeds, which keep the order."""
    tool = import_module("seedloop")

    async def main(world: Any) -> None:
        await program(a_while, asked)

    for number in range(10**9):
        tool.check(main, seeds=range(number * BATCH, (number + 1) * BATCH))
        yield BATCH


def frontrun(asked: Asked) -> Batches:
    """Its random schedules, of workers in place of tasks. Where it is late it takes one for a deadlock, and ends its
    search; what it has made by then counts."""
    tool = import_module("frontrun")

    async def worker(noted: list[int]) -> None:
        for number in range(asked.awaits):
            await at_once("")
            noted.append(number)

    def all_noted(noted: list[int]) -> bool:
        return len(noted) == asked.tasks * asked.awaits

    how = {"strategy": "random", "max_attempts": BATCH, "detect_io": False}
    for seed in range(10**9):  # with fewer operations the end of its schedule is a deadlock
        found = tool.explore(list, worker, all_noted, count=asked.tasks, seed=seed, max_ops=400, **how)
        found = asyncio.run(found) if asyncio.iscoroutine(found) else found
        yield found.num_explored


TOOLS: dict[str, tuple[Callable[[Asked], Batches], tuple[bool, ...]]] = {
    "everyturn": (everyturn, (True, False)),
    "tables": (partial(everyturn, tables=True), (True, False)),
    "detangle": (detangle, (True, False)),
    "simloom": (simloom, (True,)),
    "simloop": (simloop, (True,)),
    "frontrun": (frontrun, (True,)),
    "seedloop": (seedloop, (False,)),
}
"""Name → how it makes schedules, and whether it does with reordering, without, or both."""
PROGRAMS = {"reordered": (True, False), "noted in order": (True, True), "in order": (False, True)}
"""Name → whether any task may be next, and whether the order of what is noted is kept."""


def rate(name: str, given: argparse.Namespace) -> float:
    """Schedules a second of processor of one tool, in this process."""
    now = time.process_time
    batches = TOOLS[name][0](Asked(given.tasks, given.awaits, *PROGRAMS[given.program]))
    warm = now() + given.seconds / 3
    while now() < warm:
        next(batches)
    made, begun = 0, now()
    while now() - begun < given.seconds:
        made += next(batches)
    return made / (now() - begun)


def measured(name: str, given: argparse.Namespace, program: str) -> float | None:
    """The same in a process of its own; nothing where the tool is not there."""
    python = sys.executable if name in ("everyturn", "tables") else given.others
    words = [python, __file__, "--one", name, "--program", program]
    words += [f"--{each}={getattr(given, each)}" for each in ("seconds", "tasks", "awaits")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return float(done.stdout)
    if "ModuleNotFoundError" in done.stderr:
        return None
    raise SystemExit(f"{name}: {done.stderr[-2000:]}")


def table(given: argparse.Namespace, program: str) -> None:
    """The rates of all tools for one program."""
    reordered = PROGRAMS[program][0]
    rates: dict[str, list[float]] = {name: [] for name, (_, ways) in TOOLS.items() if reordered in ways}
    for _ in range(given.rounds):
        for name, found in rates.items():
            one = measured(name, given, program)
            found += [] if one is None else [one]
    medians = {name: statistics.median(found) for name, found in rates.items() if found}
    print(f"\n{program:15}{'schedules/s':>12}{'to everyturn':>14}")
    for name in sorted(medians, key=lambda each: -medians[each]):
        print(f"{name:15}{medians[name]:>12,.0f}{medians[name] / medians['everyturn']:>14.2f}")
    for name in rates.keys() - medians.keys():
        print(f"{name:15}{'not installed':>14}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    others = os.environ.get("ASYNCIO_TOOLS", sys.executable)
    asked.add_argument("--others", default=others, help="an interpreter that has the other tools")
    asked.add_argument("--seconds", type=float, default=1.0, help="of each round")
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--tasks", type=int, default=4)
    asked.add_argument("--awaits", type=int, default=3)
    asked.add_argument("--one", choices=TOOLS, help=argparse.SUPPRESS)
    asked.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.one:
        print(rate(given.one, given))
        return
    print(f"{given.tasks} tasks with {given.awaits} awaits each, Python {platform.python_version()}")
    for program in PROGRAMS:
        table(given, program)


if __name__ == "__main__":
    main()

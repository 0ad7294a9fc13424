"""The explorer by levels (by one process, and by two), the plain one and a textbook search, on one graph: ratios,
memory, time to a first violation.

    python benchmarks/explorers.py --scope AAA+1c --revision d4-independent

Each runs in a process of its own, one after the other. The textbook search is the loop that everybody writes first, a
set of tuples and a queue; it starts with warm tables of what each thread does, so that it never resumes a coroutine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

COLUMNS = ("engine", "states", "transitions", "seconds", "states/s", "bytes/state", "ratio")


def measured(engine: str, revision: str, scope: str) -> dict[str, dict[str, float]]:
    """One exploration, cold start included (imports are not); after the plain one the textbook search, tables warm."""
    from everyturn.engines.coroutines.exploration import Exploration, peak
    from everyturn.engines.explorer.exhaustive import Explorer
    from everyturn.engines.explorer.levels import LevelExplorer
    from everyturn.verdicts.checker import Judge
    from everyturn.world.scope import Scope
    from everyturn.world.world import World

    def row(found: Exploration, stored: int) -> dict[str, float]:
        counts = {"states": found.states, "transitions": found.transitions, "seconds": found.seconds}
        return counts | {"bytes": stored / found.states}

    start, before = time.perf_counter(), peak()
    world = World(Scope.parse(scope), revision)
    if engine in ("levels", "two"):
        explorer = LevelExplorer(world, Judge(), processes=1 + (engine == "two"))
        found = explorer.run()
        found.seconds = time.perf_counter() - start
        explorer.close()
        return {engine: row(found, explorer.nbytes)}
    plain = Explorer(world, Judge())
    found = plain.run()
    cold = row(found, peak() - before)
    return {"plain": cold, "textbook": row(plain.run(), peak() - before)}


def first_violation(revision: str, scope: str) -> float:
    """Seconds from pressing return to the end of a command that shows a shortest counterexample: the median of five,
    the bytecode of all modules being there, as it is of what is installed."""
    command = [sys.executable, "-m", "everyturn", "check", "--revision", revision, "--scope", scope]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        subprocess.run([*command, "--exit-zero", "--stop-at-first"], check=True, capture_output=True, env=environment)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def _cells(name: str, found: dict[str, float], fastest: float) -> tuple[str, ...]:
    return (
        name,
        f"{found['states']:,}",
        f"{found['transitions']:,}",
        f"{found['seconds']:.2f}",
        f"{found['states'] / found['seconds']:,.0f}",
        f"{found['bytes']:.0f}",
        f"{found['seconds'] / fastest:.2f}",
    )


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scope", default="AAA+1c")
    parser.add_argument("--revision", default="d4-independent")
    parser.add_argument("--engine", action="append", choices=["levels", "two", "plain"])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    engines = given.engine or ["levels", "two", "plain"]
    if given.one:
        print(json.dumps(measured(engines[0], given.revision, given.scope)))
        return
    print(f"{given.revision} {given.scope}")
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    fastest: float | None = None
    for engine in engines:
        command = [sys.executable, __file__, "--one", "--engine", engine]
        command += ["--scope", given.scope, "--revision", given.revision]
        rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for name, found in rows.items():
            fastest = fastest or found["seconds"]
            print("  ".join(f"{cell:>12}" for cell in _cells(name, found, fastest)), flush=True)
    for scope in ("AA", "AA+1c"):
        seconds = first_violation("d3", scope)
        print(f"first violation of d3-locked-drain {scope} (--stop-at-first), whole command: {seconds:.2f} s")


if __name__ == "__main__":
    main()

"""The explorer by levels, the plain one and a textbook search, on one graph: ratios, memory, time to a first violation.

    python benchmarks/explorers.py --scope AAA+1c --revision d4-independent

Each runs in a process of its own, one after the other. The textbook search is the loop that everybody writes first, a
set of tuples and a queue; it starts with warm tables of what each thread does, so that it never resumes a coroutine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any

COLUMNS = ("engine", "states", "transitions", "seconds", "states/s", "bytes/state", "ratio")


def measured(engine: str, revision: str, scope: str) -> dict[str, Any]:
    """One exploration, cold start included (imports are not)."""
    from everyturn.checker import Judge
    from everyturn.engines.exhaustive import Explorer
    from everyturn.engines.exploration import peak
    from everyturn.engines.levels import LevelExplorer
    from everyturn.scope import Scope
    from everyturn.world import World

    world = World(Scope.parse(scope), revision)
    if engine == "textbook":
        return textbook(world)
    start, before = time.perf_counter(), peak()
    explorer = LevelExplorer(world, Judge()) if engine == "levels" else Explorer(world, Judge())
    found = explorer.run()
    seconds = time.perf_counter() - start
    stored = explorer.nbytes if isinstance(explorer, LevelExplorer) else peak() - before
    return {
        "states": found.states,
        "transitions": found.transitions,
        "seconds": seconds,
        "bytes": stored / found.states,
    }


def textbook(world: Any) -> dict[str, Any]:
    """The plain explorer a second time: all tables are warm, what is left is a set of tuples and a queue."""
    from everyturn.checker import Judge
    from everyturn.engines.exhaustive import Explorer
    from everyturn.engines.exploration import peak

    before = peak()
    explorer = Explorer(world, Judge())
    explorer.run()
    found = explorer.run()
    return {
        "states": found.states,
        "transitions": found.transitions,
        "seconds": found.seconds,
        "bytes": (peak() - before) / found.states,
    }


def first_violation(revision: str, scope: str) -> float:
    """Seconds from pressing return to the end of a command that shows a shortest counterexample."""
    command = [sys.executable, "-m", "everyturn", "check", "--revision", revision, "--scope", scope, "--exit-zero"]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scope", default="AAA+1c")
    parser.add_argument("--revision", default="d4-independent")
    parser.add_argument("--engine", action="append", choices=["levels", "plain", "textbook"])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    engines = given.engine or ["levels", "plain", "textbook"]
    if given.one:
        print(json.dumps(measured(engines[0], given.revision, given.scope)))
        return
    print(f"{given.revision} {given.scope}")
    print("  ".join(f"{name:>12}" for name in COLUMNS))
    fastest: float | None = None
    for engine in engines:
        command = [sys.executable, __file__, "--one", "--engine", engine]
        command += ["--scope", given.scope, "--revision", given.revision]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        fastest = fastest or found["seconds"]
        cells = (
            engine,
            f"{found['states']:,}",
            f"{found['transitions']:,}",
            f"{found['seconds']:.2f}",
            f"{found['states'] / found['seconds']:,.0f}",
            f"{found['bytes']:.0f}",
            f"{found['seconds'] / fastest:.1f}",
        )
        print("  ".join(f"{cell:>12}" for cell in cells), flush=True)
    for scope in ("AA", "AA+1c"):
        print(f"first violation of d3-locked-drain {scope}, whole command: {first_violation('d3', scope):.2f} s")


if __name__ == "__main__":
    main()

"""The loops that the search by levels can run on, beside SPIN and a textbook search, on the same graphs.

    python benchmarks/kernels.py AA+1c:no-hang AAA:no-hang AAA+1c:no-hang --tries 3

Every try is a process of its own, and tries are interleaved: one of each kind, then the next of each. Numbers are
medians. *numpy* never compiles, *by size* is what a command does when numba is installed. *Verdict*: seconds from
pressing return to the end, imports and, for SPIN, generating and compiling included; its model is exported from our
tables, which is not counted. *Search*: seconds of the search alone, cold: our own searches run the agent meanwhile.
*Bytes*: of all that is kept of a state, paths included; SPIN's figure is its own, the textbook's is how much its
process grew. The textbook search, a set of tuples and a queue, has warm tables of what each thread does; so it is given
no verdict, and it is left out where it would take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

from everyturn.engines.coroutines.exploration import peak
from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.exports import promela
from everyturn.exports.tables import tables
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

REVISION: Final = "d4-independent"
KINDS: Final = ("numpy", "by size", "two processes", "SPIN", "textbook")
_SLOW: Final = 1_000_000
"""From so many states on the textbook search is left out."""
_COLUMNS: Final = ("scope", "search", "states", "transitions", "making", "search s", "verdict s", "states/s", "bytes")


class Measured(NamedTuple):
    """One try. ``bytes``: for each state."""

    states: int
    transitions: int
    making: float
    search: float
    verdict: float
    bytes: float


def _cell(asked: str) -> tuple[World, Judge]:
    scope, _, names = asked.partition(":")
    invariants = [name for name in names.split(",") if name]
    return World(Scope.parse(scope), REVISION), Judge(select(invariants), conformance=not invariants)


def once(kind: str, asked: str) -> Measured:
    """One search in this process."""
    world, judge = _cell(asked)
    if kind == "textbook":
        plain = Explorer(world, judge)
        before = peak()
        plain.run()
        found = plain.run()
        return Measured(found.states, found.transitions, 0.0, found.seconds, 0.0, (peak() - before) / found.states)
    start = time.perf_counter()
    explorer = LevelExplorer(world, judge, processes=1 + (kind == "two processes"))
    found = explorer.run()
    seconds = time.perf_counter() - start
    explorer.close()
    return Measured(found.states, found.transitions, 0.0, seconds, 0.0, explorer.nbytes / found.states)


def ours(kind: str, asked: str) -> Measured:
    """One search in a process of its own."""
    kernel = {"numpy": "numpy", "textbook": "numpy"}.get(kind, "")
    environment = {**os.environ, "EVERYTURN_KERNEL": kernel}
    command = [sys.executable, __file__, "--once", kind, asked]
    start = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    found = Measured(*json.loads(said))
    return found._replace(verdict=0.0 if kind == "textbook" else time.perf_counter() - start)


def spin(model: Path, size: int) -> Measured:
    """SPIN on an exported model of so many states, depth first, without its partial order reduction."""
    start = time.perf_counter()
    for command in (
        ["spin", "-a", "model.pml"],
        ["gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=model, check=True, capture_output=True)
    made = time.perf_counter()
    search = ["./pan", "-m1000000", f"-w{max(18, size.bit_length() + 1)}"]
    said = subprocess.run(search, cwd=model, check=True, capture_output=True, text=True).stdout
    done = time.perf_counter()
    states, transitions, memory = (
        float(found[1])
        for pattern in (r"(\d+) states, stored", r"(\d+) transitions", r"([\d.]+)\s+total actual memory")
        if (found := re.search(pattern, said)) is not None
    )
    bytes_each = memory * (1 << 20) / states
    return Measured(int(states), int(transitions), made - start, done - made, done - start, bytes_each)


def measured(asked: str, tries: int) -> dict[str, Measured]:
    """The medians of all kinds on one scope."""
    world, judge = _cell(asked)
    reached = Reached(world, judge, max_states=20_000_000)
    rows: dict[str, list[Measured]] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = tables(reached)
        (Path(folder) / "model.pml").write_text("\n".join(promela.write(model, properties=False)))
        for _ in range(tries):
            for kind in KINDS:
                if kind == "textbook" and model.states >= _SLOW:
                    continue
                if kind == "SPIN" and (shutil.which("spin") is None or shutil.which("gcc") is None):
                    continue
                rows.setdefault(kind, []).append(
                    spin(Path(folder), model.states) if kind == "SPIN" else ours(kind, asked)
                )
    return {kind: Measured(*map(statistics.median, zip(*each, strict=True))) for kind, each in rows.items()}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scopes", nargs="+", metavar="SCOPE[:INVARIANT,…]")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--once", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once, given.scopes[0])))
        return
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|---|---|" + "--:|" * (len(_COLUMNS) - 2))
    for asked in given.scopes:
        for kind, found in measured(asked, given.tries).items():
            cells = (
                *(f"`{asked}`", kind, f"{found.states:,}", f"{found.transitions:,}"),
                *(f"{each:.2f}" if each else "" for each in (found.making, found.search, found.verdict)),
                *(f"{found.states / found.search:,.0f}", f"{found.bytes:.0f}"),
            )
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

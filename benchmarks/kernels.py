"""The loops that the search by levels can run on, beside SPIN and a textbook search, on the same graphs.

    python benchmarks/kernels.py AA+1c:no-hang AAA:no-hang AAA+1c:no-hang --tries 3

Every try is a process of its own, and tries are interleaved: one of each kind, then the next of each. Numbers are
medians. *numpy* never compiles, *by size* is what a command does when numba is installed. *Verdict*: seconds from
pressing return to the end, imports and, for SPIN, generating and compiling included; its model is exported from our
tables, which is not counted. *Search*: seconds of the search alone, cold: our own searches run the agent meanwhile.
*Bytes*: of all that is kept of a state, paths included; SPIN's figure is its own, the textbook's is how much its
process grew. The textbook search, a set of tuples and a queue, has warm tables of what each thread does; so it is given
no verdict; it is made once, and left out where it would take minutes. ``--models`` names a folder in which exported
models are kept for another time.
"""

from __future__ import annotations

import argparse
import atexit
import gc
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
_SLOW: Final = 100_000
"""From so many states on the textbook search is left out."""
_LARGE: Final = 1_000_000
"""From so many states on SPIN is: exporting a model of every transition takes minutes."""
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
    atexit.register(gc.freeze)  # as at the end of a command
    return Measured(found.states, found.transitions, 0.0, seconds, 0.0, explorer.nbytes / found.states)


def ours(kind: str, asked: str) -> Measured:
    """One search in a process of its own."""
    kernel = {"numpy": "numpy", "textbook": "numpy"}.get(kind, "")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["EVERYTURN_KERNEL"] = kernel
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


def exported(asked: str, folder: Path) -> Path:
    """The folder of SPIN's model of a scope; made, if nobody has made it before."""
    model = folder / asked.replace(":", "-")
    if not (model / "model.pml").exists():
        model.mkdir(parents=True, exist_ok=True)
        found = tables(Reached(*_cell(asked), max_states=20_000_000))
        (model / "model.pml").write_text("\n".join(promela.write(found, properties=False)))
    return model


def measured(asked: str, tries: int, models: Path) -> dict[str, Measured]:
    """The medians of all kinds on one scope."""
    rows: dict[str, list[Measured]] = {}
    for kind in KINDS * tries:
        states = rows["numpy"][0].states if rows else 0
        if (kind == "textbook" and (states >= _SLOW or kind in rows)) or (kind == "SPIN" and not _spins(asked, states)):
            continue
        found = spin(exported(asked, models), states) if kind == "SPIN" else ours(kind, asked)
        rows.setdefault(kind, []).append(found)
    return {kind: Measured(*map(statistics.median, zip(*each, strict=True))) for kind, each in rows.items()}


def _spins(asked: str, states: int) -> bool:
    """Whether SPIN is there, and a model for it does not take minutes to export."""
    return states < _LARGE and shutil.which("spin") is not None and shutil.which("gcc") is not None


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scopes", nargs="+", metavar="SCOPE[:INVARIANT,…]")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--models", type=Path, metavar="FOLDER")
    parser.add_argument("--once", choices=KINDS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.once, given.scopes[0])))
        return
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|---|---|" + "--:|" * (len(_COLUMNS) - 2))
    with tempfile.TemporaryDirectory() as folder:
        for asked in given.scopes:
            for kind, found in measured(asked, given.tries, given.models or Path(folder)).items():
                print("| " + " | ".join(_cells(asked, kind, found)) + " |", flush=True)


def _cells(asked: str, kind: str, found: Measured) -> tuple[str, ...]:
    seconds = (f"{each:.2f}" if each else "" for each in (found.making, found.search, found.verdict))
    counts = (f"{found.states:,.0f}", f"{found.transitions:,.0f}")
    return f"`{asked}`", kind, *counts, *seconds, f"{found.states / found.search:,.0f}", f"{found.bytes:.0f}"


if __name__ == "__main__":
    main()

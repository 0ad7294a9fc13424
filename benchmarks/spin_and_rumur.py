"""Our explorers beside SPIN and rumur on the same scopes: states, seconds to generate and compile, seconds to search.

Seconds are processor seconds of all threads, which other work on the machine changes little; rumur uses all cores.

    python benchmarks/spin_and_rumur.py AA+1c:no-hang AAA:no-hang AA+1q::spin

A scope may name invariants after a colon; then only they are judged; and tools after another one. The models come from
our tables, so that making them needs our exploration first, which is not counted. A tool that is not installed is left
out.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.exports import murphi, promela
from everyturn.exports.tables import ScopeTables, tables
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

REVISION = "d4-independent"
QUICKER = {"GLIBC_TUNABLES": "glibc.malloc.mxfast=0"}
"""Without fast bins rumur takes half the time to read a large model."""


class Measured(NamedTuple):
    """One tool on one scope: states found, seconds for making the checker, seconds of the search."""

    tool: str
    states: int
    making: float
    searching: float


def spin(model: ScopeTables, folder: Path) -> Measured:
    """SPIN, depth first, without its partial order reduction."""
    (folder / "model.pml").write_text("\n".join(promela.write(model, properties=False)))
    commands = (["spin", "-a", "model.pml"], ["gcc", "-O2", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c"])
    return _measure(
        "SPIN",
        folder,
        commands,
        ["./pan", "-m1000000", f"-w{max(18, model.states.bit_length() + 1)}"],
        r"(\d+) states, stored",
    )


def rumur(model: ScopeTables, folder: Path) -> Measured:
    """Rumur on all cores."""
    (folder / "model.m").write_text("\n".join(murphi.write(model, properties=False)))
    commands = (
        ["rumur", "--quiet", "--deadlock-detection", "off", "--output", "model.c", "model.m"],
        ["gcc", "-std=c11", "-O2", "-march=native", "-mcx16", "-o", "model", "model.c", "-pthread"],
    )
    return _measure("rumur", folder, commands, ["./model"], r"(\d+) states, \d+ rules fired in \d+s\.\s*$")


TOOLS: dict[str, Callable[[ScopeTables, Path], Measured]] = {"spin": spin, "rumur": rumur}


def _measure(tool: str, folder: Path, making: Sequence[list[str]], search: list[str], count: str) -> Measured:
    start = _processor(resource.RUSAGE_CHILDREN)
    for command in making:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, **QUICKER})
    made = _processor(resource.RUSAGE_CHILDREN)
    said = subprocess.run(search, cwd=folder, check=True, capture_output=True, text=True).stdout
    done = _processor(resource.RUSAGE_CHILDREN)
    found = re.search(count, said, re.MULTILINE)
    assert found is not None, said
    return Measured(tool, int(found[1]), made - start, done - made)


def ours(tool: str, explorer: type[Explorer | LevelExplorer], world: World, judge: Judge) -> Measured:
    """One of our explorers, cold: its tables are filled by running the agent during the search."""
    start = _processor(resource.RUSAGE_SELF)
    found = explorer(world, judge).run()
    return Measured(tool, found.states, 0.0, _processor(resource.RUSAGE_SELF) - start)


def _processor(whose: int) -> float:
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str]) -> None:
    """One block of lines for each scope."""
    for argument in arguments or ("AA:no-hang", "AA+1c:no-hang"):
        scope, names, asked = (*argument.split(":"), "", "")[:3]
        invariants = [name for name in names.split(",") if name]
        judge = Judge(select(invariants), conformance=not invariants)
        rows = [
            ours("plain", Explorer, World(Scope.parse(scope), REVISION), judge),
            ours("levels", LevelExplorer, World(Scope.parse(scope), REVISION), judge),
        ]
        model = tables(Reached(World(Scope.parse(scope), REVISION), judge, max_states=20_000_000))
        for name, tool in TOOLS.items():
            if asked and name not in asked.split(","):
                continue
            if shutil.which(name) is None or shutil.which("gcc") is None:
                print(f"{argument}: {name} or gcc is not installed")
                continue
            with tempfile.TemporaryDirectory() as folder:
                rows.append(tool(model, Path(folder)))
        for row in rows:
            ratio = rows[0].searching / row.searching
            print(
                f"{argument:<16} {row.tool:<6} {row.states:>10,} states  making {row.making:7.2f} s  "
                f"search {row.searching:7.2f} s  {row.states / row.searching:>11,.0f}/s  ratio {ratio:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])

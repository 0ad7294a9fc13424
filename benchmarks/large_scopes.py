"""The six large scopes for all revisions: verdict, states, transitions, depth, seconds, memory, as a table.

    python benchmarks/large_scopes.py figures.jsonl [--max-memory 11G] [--max-seconds 900] [--jobs 2] [--scope AAA+1c …]

Each cell is one `everyturn check` in a process of its own, one after the other, and becomes a line of the file; cells
that are there already are not made again, so that an interrupted run is taken up. The whole takes an hour or two. With
`--jobs 2` each cell is explored by two processes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

SCOPES = ("AIa+1c", "AAA+1c", "AAA+1c+1q", "AAa+1c+1e+1t", "AAA+2c", "AAAA")
REVISIONS = ("hardened", "d4-independent", "d3-locked-drain", "d2-accept-sequence", "d1-pending-flag", "d0-no-accept")
KEPT = ("revision", "verdict", "states", "transitions", "depth", "seconds", "peak_bytes", "stopped")


def explored(scope: str, revision: str, limits: list[str]) -> dict[str, Any]:
    """One cell, in a process of its own."""
    command = [sys.executable, "-m", "everyturn", "check", "--scope", scope, "--revision", revision]
    done = subprocess.run([*command, *limits, "--json", "--exit-zero"], stdout=subprocess.PIPE, check=True)
    (cell,) = json.loads(done.stdout)["cells"]
    refuted = sorted(name for name, each in cell["invariants"].items() if each["verdict"] == "refuted")
    return {"scope": scope, **{name: cell.get(name) for name in KEPT}, "refuted": refuted}


def row(cell: dict[str, Any]) -> str:
    """A line of the table."""
    said = cell["verdict"] if not cell["refuted"] else f"{len(cell['refuted'])} refuted"
    stopped = f", stopped by {cell['stopped']}" if cell["stopped"] else ""
    rate = cell["states"] / cell["seconds"]
    return (
        f"| `{cell['scope']}` | {cell['revision']} | {said}{stopped} | {cell['states']:,} | {cell['transitions']:,} | "
        f"{cell['depth']} | {cell['seconds']:.1f} | {rate / 1000:,.0f} | {cell['peak_bytes'] / 2**20:,.0f} |"
    )


def main() -> None:
    """Explore what is not in the file yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("file", type=Path)
    parser.add_argument("--max-memory", default="11G")
    parser.add_argument("--max-seconds", default="900")
    parser.add_argument("--jobs", default="1")
    parser.add_argument("--scope", action="append", choices=SCOPES)
    options = parser.parse_args()
    limits = ["--max-memory", options.max_memory, "--max-seconds", options.max_seconds, "--jobs", options.jobs]
    asked = list(product(options.scope or SCOPES, REVISIONS))
    lines = options.file.read_text().splitlines() if options.file.exists() else []
    cells = {(cell["scope"], cell["revision"]): cell for cell in map(json.loads, lines)}
    for key in asked:
        if key not in cells:
            cells[key] = explored(*key, limits)
            with options.file.open("a") as file:
                file.write(json.dumps(cells[key]) + "\n")
    print("| scope | revision | verdict | states | transitions | depth | seconds | thousand states/s | MiB |")
    print("|---|---|---|--:|--:|--:|--:|--:|--:|")
    for key in asked:
        print(row(cells[key]))


if __name__ == "__main__":
    main()

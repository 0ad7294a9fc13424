"""How much faster a campaign is on two processes than on one, start of the processes included.

python benchmarks/campaign_processes.py [--runs 3000] [--tries 1]

The same campaign is made from its beginning by `everyturn campaign --jobs 1` and `--jobs 2`; both results are compared,
byte by byte. Seconds are those of the machine as it is; run nothing else meanwhile.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXT = """
title = "Processes"
seed = 1
[[cells]]
revision = ["d4", "d10"]
scope = ["AA", "AA+1c"]
strategy = ["random-walk", "pos"]
runs = {runs}
"""


def measured(folder: Path, jobs: int, number: int) -> tuple[float, bytes]:
    """Seconds that the campaign takes, and its result."""
    index, result = folder / f"{jobs}-{number}.campaign", folder / f"{jobs}-{number}.json"
    arguments = ["campaign", str(folder / "two.toml"), "--jobs", str(jobs), "--index", str(index)]
    begun = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "everyturn", *arguments, "--result", str(result)], check=False, capture_output=True
    )
    return time.monotonic() - begun, result.read_bytes()


def main() -> None:
    """Print the seconds of both, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3000)
    parser.add_argument("--tries", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "two.toml").write_text(TEXT.format(runs=arguments.runs))
        made = {jobs: [measured(folder, jobs, each) for each in range(arguments.tries)] for jobs in (1, 2)}
    one, two = (min(seconds for seconds, _ in made[jobs]) for jobs in (1, 2))
    same = len({result for each in made.values() for _, result in each}) == 1
    runs = 8 * arguments.runs
    print(f"{runs:,} runs: one process {one:.1f} s ({runs / one:,.0f} runs/s), two {two:.1f} s, ratio {one / two:.2f}")
    print("the same bytes" if same else "FAILED: other bytes")


if __name__ == "__main__":
    main()

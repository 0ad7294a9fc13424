"""What the pytest plugin costs a project that does not use it: the start of pytest with it and without it.

python benchmarks/pytest_start.py [--tries 15]

Both are run in turn, a folder with one test that asks nothing; compared are the smallest times, of the processor (which
what else runs on the machine does not lengthen) and of the clock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WAYS = {"without": ("-p", "no:everyturn"), "with": ()}


def measured(folder: Path, arguments: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of the processor and of the clock that one run of pytest takes."""
    before, begun = os.times(), time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, time.monotonic() - begun


def main() -> None:
    """Print both ratios, of one process and of two workers of pytest-xdist."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=15)
    tries = parser.parse_args().tries
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        for what, workers in (("one process", ()), ("-n 2", ("-n", "2"))):
            best = {way: (float("inf"), float("inf")) for way in WAYS}
            for _ in range(tries):
                for way, arguments in WAYS.items():
                    used, waited = measured(folder, (*arguments, *workers))
                    best[way] = (min(best[way][0], used), min(best[way][1], waited))
            for place, kind in enumerate(("processor", "clock")):
                without, with_it = best["without"][place], best["with"][place]
                print(f"{what:<12} {kind:<10} {without:.3f} s  {with_it:.3f} s  ratio {with_it / without:.3f}")


if __name__ == "__main__":
    main()

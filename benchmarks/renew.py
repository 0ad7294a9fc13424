"""Runs benchmarks, keeps what they print as data files, and puts it into the pages that quote it.

    python benchmarks/renew.py                  # those that need nothing but this project: a quarter of an hour
    python benchmarks/renew.py explorers walks  # only these
    python benchmarks/renew.py --pages          # only the pages anew, from the data files

Each result is a file of ``benchmarks/results/``: the command, when and on what it ran, and its lines as they were
printed. A page quotes one between ``<!-- benchmark: NAME -->`` and ``<!-- end of benchmark -->``; a test compares the
two. Run nothing else meanwhile: seconds are those of the machine as it is, and only ratios outlive it.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"
DOCS: Final = HERE.parent / "docs"


class Benchmark(NamedTuple):
    """A benchmark as it is quoted: its arguments, and what it needs besides this project."""

    arguments: tuple[str, ...]
    needs: str | None = None


BENCHMARKS: Final = {
    "explorers": Benchmark(("--scope", "AAA")),
    "ample_sets": Benchmark(("--scopes", "AA+1c,AAA", "--tries", "2")),
    "simpy_engine": Benchmark(("--processes",)),
    "walks": Benchmark(()),
    "log_monitors": Benchmark(()),
    "campaign_processes": Benchmark(("--runs", "1500", "--tries", "2")),
    "pytest_start": Benchmark(("--tries", "6")),
    "kernels": Benchmark(("AA+1c", "AAA:no-hang", "AAA+1c:no-hang", "--tries", "3"), "SPIN, a C compiler and numba"),
    "python_checkers": Benchmark(("--scope", "AAA"), "musil and minicheck, on Python 3.12"),
    "asyncio_tools": Benchmark(("--seconds", "1.5", "--rounds", "3"), "the tools that it names, on Python 3.12"),
    "spin_and_rumur": Benchmark(("AA+1c:no-hang", "AAA:no-hang"), "SPIN, rumur and a C compiler"),
}
"""By the name of its file. What needs more is run when it is named."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a benchmark printed, and where. ``load``: of the machine in the minute before, 0 when it is idle."""

    command: str
    date: str
    python: str
    cores: int
    load: float
    lines: list[str]

    def quoted(self) -> str:
        """As it stands in a page."""
        where = f"{self.date}, Python {self.python}, {self.cores} cores, load {self.load:.1f} before"
        return "\n".join(["```console", f"$ {self.command}", *self.lines, "```", "", f"({where}.)"])


def measured(name: str) -> Result:
    """Run a benchmark. Raises :class:`subprocess.CalledProcessError` if it fails."""
    words = ["python", f"benchmarks/{name}.py", *BENCHMARKS[name].arguments]
    load = os.getloadavg()[0]
    done = subprocess.run([sys.executable, *words[1:]], cwd=HERE.parent, check=True, stdout=subprocess.PIPE, text=True)
    return Result(
        " ".join(words),
        datetime.datetime.now(datetime.UTC).date().isoformat(),
        platform.python_version(),
        os.cpu_count() or 1,
        round(load, 1),
        done.stdout.rstrip().splitlines(),
    )


def kept(name: str) -> Result:
    """The result of a benchmark, as it was kept."""
    return msgspec.json.decode((RESULTS / f"{name}.json").read_bytes(), type=Result)


_QUOTE: Final = re.compile(r"(<!-- benchmark: (\w+) -->\n).*?(<!-- end of benchmark -->)", re.DOTALL)


def with_results(page: str) -> str:
    """A page with what it quotes as it is kept."""
    return _QUOTE.sub(lambda found: f"{found[1]}{kept(found[2]).quoted()}\n{found[3]}", page)


def main() -> int:
    """Run, keep, quote."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--pages", action="store_true", help="run nothing: only the pages anew")
    asked = parser.parse_args()
    if unknown := [each for each in asked.names if each not in BENCHMARKS]:
        parser.error(f"expected names of {', '.join(BENCHMARKS)}; found {', '.join(unknown)}")
    names = asked.names or [name for name, each in BENCHMARKS.items() if each.needs is None]
    failed = []
    for name in [] if asked.pages else names:
        print(f"{name} …", flush=True)
        try:
            result = measured(name)
        except subprocess.CalledProcessError as error:
            needs = BENCHMARKS[name].needs
            print(f"{name}: exit code {error.returncode}{f'; it needs {needs}' if needs else ''}", file=sys.stderr)
            failed.append(name)
            continue
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (renewed := with_results(text)) != text:
            page.write_text(renewed, encoding="utf-8")
            print(f"renewed {page.relative_to(HERE.parent)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())

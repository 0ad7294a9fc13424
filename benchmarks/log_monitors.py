"""How fast logs are judged, as a ratio to decoding the same lines alone, and in how much memory.

    python benchmarks/log_monitors.py             # 100,000 and 1,000,000 events in a thousand sessions

Times are of the processor. A ratio is the same on a slow machine and on a fast one. Each size is judged in a process of
its own, so that its peak memory is its own; constant memory means that ten times the events need no more.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from everyturn.files.reading import LogFile, stop
from everyturn.formats.everyturn_log import LogLine
from everyturn.logs.history import AS_IT_IS
from everyturn.logs.log_judge import watch
from everyturn.verdicts.checker import select

SESSIONS = 1000


def exchange(number: int, cancels: bool) -> Iterator[dict[str, Any]]:
    """Two prompts of a session, the second queued behind the first, and sometimes a Cancel and rest."""
    first, second = f"p{number}", f"p{number + 1}"
    told = {"kind": "told", "outcome": "finished", "thread": "t"}
    ended = {"kind": "ended", "outcome": "finished", "thread": "t"}
    yield {"kind": "submit", "prompt": first, "run_id": f"r{number}"}
    yield {"kind": "started", "prompt": first, "thread": "t"}
    yield {"kind": "submit", "prompt": second, "run_id": f"r{number + 1}"}
    yield {"kind": "queued", "prompt": second}
    yield ended | {"prompt": first}
    yield told | {"prompt": first, "owner": first}
    yield {"kind": "started", "prompt": second, "thread": "t"}
    yield ended | {"prompt": second}
    yield told | {"prompt": second, "owner": second}
    if cancels:
        yield {"kind": "cancel_call", "operation": f"c{number}"}
        yield {"kind": "cancel_return", "operation": f"c{number}"}
        yield {"kind": "rest"}


def write(path: Path, events: int) -> None:
    """A log of so many events, with the sessions interleaved at random."""
    chooser = random.Random(1)
    sessions: list[Iterator[dict[str, Any]]] = [iter(()) for _ in range(SESSIONS)]
    prompts, sequences = [0] * SESSIONS, [0] * SESSIONS
    with path.open("w", encoding="utf-8") as file:
        file.write('{"schema":"everyturn/log/1","agent":"synthetic","sequence":"session"}\n')
        for event in range(events):
            session = chooser.randrange(SESSIONS)
            fields = next(sessions[session], None)
            if fields is None:
                sessions[session] = exchange(prompts[session], chooser.random() < 0.3)
                prompts[session] += 2
                fields = next(sessions[session])
            place = {"session": f"s{session}", "sequence": sequences[session], "time": event / 1000}
            sequences[session] += 1
            file.write(json.dumps(fields | place, separators=(",", ":")) + "\n")


def measure(path: Path) -> dict[str, float]:
    """Seconds to decode, seconds to judge, events, peak memory in bytes."""
    begin = time.process_time()
    with LogFile(path) as file:
        found = watch(file, AS_IT_IS, select(()), stop)
    judging = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    decode = msgspec.json.Decoder(LogLine).decode
    begin = time.process_time()
    with LogFile(path) as file:
        file.peek()
        for number, raw in file.lines(stop):
            if number > 1:
                decode(raw)
    decoding = time.process_time() - begin
    assert not found.violations
    return {"decoding": decoding, "judging": judging, "events": found.cell.events or 0, "peak": peak}


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description="Log monitors: speed and memory.")
    parser.add_argument("sizes", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "log.jsonl"
            write(path, size)
            command = [sys.executable, __file__, "--measure", str(path)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        rate, ratio = found["events"] / found["judging"], found["judging"] / found["decoding"]
        print(
            f"{size:>9,} events: {rate:>9,.0f} a second, {ratio:.1f} × decoding, peak {found['peak'] / 2**20:.1f} MiB"
        )


if __name__ == "__main__":
    main()

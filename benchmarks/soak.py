"""A soak: campaigns with random kills, full disks and spoiled files, for as long as is said; what was lost is counted.

python benchmarks/soak.py [--seconds 7200] [--campaigns N | --kills N] [--seed 1]

A campaign is begun again and again on one index, until it is done; then comes the next. Each time it is killed at a
random moment (SIGKILL), or the disk is full at a random place, or Ctrl-C comes, or nothing happens. After each end the
index is read: whatever the campaign had said to be kept is there, nothing is that was not made, and the result of a
campaign that is done is, byte for byte, that of one that was left alone. Copies of the index are spoiled at random
places and read: each is refused, or all that is in it is right. Whatever is not so ends the soak with exit code 1.

With ``--kills`` there is one campaign, which is killed so often, each time at a random moment after it has kept a unit
or two, or none; then it is left alone, and must come to the result of one that was never killed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from everyturn.campaigns.campaign import Campaign, read_campaign
from everyturn.campaigns.index import opened, read_index
from everyturn.campaigns.index_format import UnitRow
from everyturn.campaigns.known import read_corpus
from everyturn.campaigns.plan import Plan, plan
from everyturn.campaigns.running import CampaignRun
from everyturn.campaigns.workers import MadeUnit, UnitTask, make
from everyturn.errors import UsageError

TEXT: Final = """
title = "Soak"
seed = {seed}
unit = {unit}
invariants = ["no-hang"]
[[cells]]
revision = ["d3", "d4"]
scope = ["A+1c", "AA"]
strategy = "random-walk"
runs = {runs}
"""
CELLS: Final = 4

ENDS: Final = ("kill", "kill", "kill", "full disk", "Ctrl-C", "none")
LONGEST_WAIT: Final = 4
"""After how long a campaign is killed, at most: so many times what a unit takes."""
DONE: Final = 0
STOPPED: Final = 40
"""Exit codes of a campaign's process: it is done, or it has said what is wrong."""


class SoakedCampaign:
    """One campaign on its index, and what it has said to be kept."""

    def __init__(self, folder: Path, seed: int, *, unit: int = 5, runs: int = 25) -> None:
        self.path = folder / f"{seed}.toml"
        self.path.write_text(TEXT.format(seed=seed, unit=unit, runs=runs), encoding="utf-8")
        self.index = folder / f"{seed}.campaign"
        self.campaign: Campaign = read_campaign(self.path)
        self.plan: Plan = plan(self.campaign)
        self.kept: set[str] = set()
        self.whole = folder / f"{seed}.whole"
        self.result = self.run(self.whole)
        self.rows = read_index(self.whole)[1]

    def run(self, index: Path, told: int | None = None, most: float = float("inf")) -> bytes:
        """Make what is not there yet, at most so many units and then nothing until it is killed; what comes of it."""
        with opened(index, self.plan) as found:
            running = CampaignRun(self.campaign, read_corpus(self.campaign.corpus), found)
            running.run(lambda tasks: self._made(tasks, told, most))
            expect(not running.troubles, f"units that could not be made: {running.troubles}")
            if running.interrupted:
                raise KeyboardInterrupt
            return msgspec.json.encode(running.held.result)

    @staticmethod
    def _made(tasks: Iterable[UnitTask], told: int | None, most: float) -> Iterator[MadeUnit]:
        for number, task in enumerate(tasks, 1):
            yield make(task)
            if told is not None:  # it was kept, since the next one is asked for
                os.write(told, f"{task.name}\n".encode())
            if number >= most:
                signal.pause()

    def in_a_process(self, end: str, seconds: float, room: int) -> int:
        """Run it in a process of its own, which ends as is said; its exit code, negative if it was killed."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            os._exit(self._child(end, room, writer))
        os.close(writer)
        if end in ("kill", "Ctrl-C"):
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL if end == "kill" else signal.SIGINT)
        with os.fdopen(reader) as told:
            self.kept |= set(told.read().splitlines())
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def killed_after(self, units: int, seconds: float) -> None:
        """Run it in a process of its own, which is killed so long after it has kept so many units; it makes one more
        at most."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            self.run(self.index, writer, most=units + 1)
            os._exit(DONE)
        os.close(writer)
        with os.fdopen(reader) as told:
            kept = [told.readline().strip() for _ in range(units)]
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
            self.kept |= {*kept, *told.read().splitlines()}
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        expect(code == -signal.SIGKILL, f"a campaign ended with {code} before it was killed")

    def _child(self, end: str, room: int, told: int) -> int:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if end == "full disk":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        try:
            self.run(self.index, told)
        except (UsageError, KeyboardInterrupt):
            return STOPPED
        return DONE

    def there(self) -> dict[str, UnitRow]:
        """What the index has. Fails if something was lost, or is not as it was made."""
        try:
            rows = read_index(self.index)[1]
        except UsageError:  # it was ended before there was an index
            rows = {}
        expect(self.kept <= set(rows), f"lost: {sorted(self.kept - set(rows))}")
        expect(rows.items() <= self.rows.items(), "a unit that is not as it was made")
        self.kept |= set(rows)
        return rows


def expect(holds: bool, what: str) -> None:
    """End the soak if something is not as it has to be."""
    if not holds:
        print(f"FAILED: {what}", flush=True)
        sys.exit(1)


def spoiled(soaked: SoakedCampaign, dice: random.Random, folder: Path) -> str:
    """Read a spoiled copy of the index, in a process of its own: refused, or nothing wrong is in it."""
    copy = folder / "spoiled"
    raw = bytearray((soaked.index if soaked.index.exists() else soaked.whole).read_bytes())
    for _ in range(dice.choice((1, 1, 10, 100))):
        if raw:
            raw[dice.randrange(len(raw))] = dice.randrange(256)
    if dice.random() < 0.3:
        del raw[dice.randrange(len(raw) + 1) :]
    copy.write_bytes(raw)
    child = os.fork()
    if not child:
        try:
            rows = read_index(copy)[1]
        except UsageError:
            os._exit(STOPPED)
        os._exit(DONE if rows.items() <= soaked.rows.items() else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    expect(code in (DONE, STOPPED), f"a spoiled copy was taken, or ended its reader with {code}")
    return "spoiled copies refused" if code == STOPPED else "spoiled copies in which nothing is wrong"


def soak(seconds: float, campaigns: float, seed: int, folder: Path) -> Counter[str]:
    """Soak for so long, or so many campaigns; the last one is finished. What was counted."""
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    begun = time.monotonic()
    while time.monotonic() - begun < seconds and counts["campaigns"] < campaigns:
        soaked = SoakedCampaign(folder, seed * 1_000_000 + counts["campaigns"])
        counts["campaigns"] += 1
        while not _ended(soaked, dice, counts):
            counts[spoiled(soaked, dice, folder)] += 1
        _alone(soaked, counts)
    return counts


def killed(kills: int, seconds: float, seed: int, folder: Path) -> Counter[str]:
    """Kill one campaign so often, or as often as there is time for; what was counted."""
    dice = random.Random(seed)
    counts: Counter[str] = Counter(campaigns=1, kills=0)
    begun = time.monotonic()
    soaked = SoakedCampaign(folder, seed, unit=1, runs=-(-2 * kills // CELLS))  # two units in each life, at most
    pace = (time.monotonic() - begun) / len(soaked.rows)
    while counts["kills"] < kills and time.monotonic() - begun < seconds:
        soaked.killed_after(dice.randrange(2), dice.uniform(0.0, LONGEST_WAIT * pace))
        counts["kills"] += 1
        there = len(soaked.there())
        if counts["kills"] % 50 == 0:
            print(f"{counts['kills']:>9,}  kills, {there:,} of {len(soaked.rows):,} units kept", flush=True)
    counts["units kept when it was killed last"] = len(soaked.there())
    _alone(soaked, counts)
    return counts


def _alone(soaked: SoakedCampaign, counts: Counter[str]) -> None:
    """Leave a campaign alone: it comes to what one comes to that was never ended."""
    expect(soaked.run(soaked.index) == soaked.result, "another result than that of a campaign left alone")
    expect(soaked.there() == soaked.rows, "other units than those of a campaign left alone")
    counts["units kept"] += len(soaked.kept)
    counts["runs kept"] += sum(json.loads(row.body).get("runs", 0) for row in soaked.rows.values())
    for each in (soaked.index, soaked.whole):
        each.unlink(missing_ok=True)


def _ended(soaked: SoakedCampaign, dice: random.Random, counts: Counter[str]) -> bool:
    """Begin the campaign once more, and end it somehow; whether it came to its own end."""
    end = dice.choice(ENDS)
    size = soaked.index.stat().st_size if soaked.index.exists() else 0
    code = soaked.in_a_process(end, dice.uniform(0.0, 0.6), size + dice.randrange(1, 60_000))
    expect(code in (DONE, STOPPED, -signal.SIGKILL), f"a campaign ended with {code}")
    counts["times begun"] += 1
    counts["kills"] += code == -signal.SIGKILL
    counts["full disks"] += end == "full disk" and code == STOPPED
    counts["interrupts"] += end == "Ctrl-C" and code == STOPPED
    soaked.there()
    return code == DONE


def main() -> None:
    """Print what was counted; exit code 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=7200.0)
    parser.add_argument("--campaigns", type=float, default=float("inf"), help="at most so many")
    parser.add_argument("--kills", type=int, help="kill one campaign so often")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if arguments.kills is None:
            counts = soak(arguments.seconds, arguments.campaigns, arguments.seed, place)
        else:
            counts = killed(arguments.kills, arguments.seconds, arguments.seed, place)
    python = sys.version.partition(" ")[0]
    print(f"SQLite {sqlite3.sqlite_version}, Python {python}, {time.monotonic() - begun:.0f} seconds")
    for what, count in counts.items():
        print(f"{count:>9,}  {what}")
    print(f"{0:>9,}  lost")
    print(f"{0:>9,}  counted twice")


if __name__ == "__main__":
    main()

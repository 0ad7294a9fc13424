"""A campaign whose process is killed at every statement that it gives to its index: before it, and after it.

A program of its own, since it forks: what is to be made is known before, so that a campaign is nothing but writes.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from everyturn.campaigns.campaign import Campaign, read_campaign
from everyturn.campaigns.index import opened, read_index
from everyturn.campaigns.index_format import UnitRow
from everyturn.campaigns.known import read_corpus
from everyturn.campaigns.plan import Plan, plan
from everyturn.campaigns.running import CampaignRun
from everyturn.campaigns.workers import MadeUnit, UnitTask, here
from everyturn.errors import UsageError


class KilledConnection(sqlite3.Connection):
    """Kills its process at a statement."""

    at: ClassVar[float] = float("inf")
    before: ClassVar[bool] = True
    given: ClassVar[int] = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        type(self).given += 1
        if self.given == self.at and self.before:
            os.kill(os.getpid(), signal.SIGKILL)
        cursor = super().execute(*arguments)
        if self.given == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return cursor


class KnownWork:
    """A campaign of which everything is known before. ``told``: where each unit is named as soon as it is kept."""

    def __init__(self, path: Path) -> None:
        self.campaign: Campaign = read_campaign(path)
        self.plan: Plan = plan(self.campaign)
        self.rows: dict[str, UnitRow] = {}
        self.result = self.make(path.with_suffix(".whole"), sqlite3.Connection)
        self.rows = read_index(path.with_suffix(".whole"))[1]

    def make(self, index: Path, connection: type[sqlite3.Connection], told: int | None = None) -> bytes:
        """Make what is not there yet; what comes of the campaign."""
        with opened(index, self.plan, connection) as found:
            running = CampaignRun(self.campaign, read_corpus(self.campaign.corpus), found)
            running.run(self._workers(told) if self.rows else here)
            return msgspec.json.encode(running.held.result)

    def _workers(self, told: int | None) -> Any:
        def each(tasks: Iterable[UnitTask]) -> Iterator[MadeUnit]:
            for task in tasks:
                yield MadeUnit(task.name, self.rows[task.name])
                if told is not None:  # it was kept, since the next one is asked for
                    os.write(told, f"{task.name}\n".encode())

        return each

    def killed(self, index: Path, at: int, *, before: bool) -> tuple[bool, list[str]]:
        """Whether a campaign was killed at a statement, and the units that it had said to be kept."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            KilledConnection.at, KilledConnection.before = at, before
            self.make(index, KilledConnection, writer)
            os._exit(0)
        os.close(writer)
        return _ended(child, reader)

    def killed_at_write(self, index: Path, at: int) -> tuple[bool, list[str]]:
        """The same for the writes that SQLite gives to the system, counted by strace."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.kill(os.getpid(), signal.SIGSTOP)
            self.make(index, sqlite3.Connection, writer)
            os._exit(0)
        os.close(writer)
        os.waitpid(child, os.WUNTRACED)
        inject = ("-e", f"trace={WRITES}", "-e", f"inject={WRITES}:signal=KILL:when={at}")
        tracer = subprocess.Popen(["strace", "-qq", "-o", os.devnull, *inject, "-p", str(child)])
        while "TracerPid:\t0\n" in Path(f"/proc/{child}/status").read_text():
            assert tracer.poll() is None
        os.kill(child, signal.SIGCONT)
        found = _ended(child, reader)
        tracer.wait()
        return found


WRITES = "pwrite64,ftruncate,unlink,fdatasync,fsync"


def _ended(child: int, reader: int) -> tuple[bool, list[str]]:
    with os.fdopen(reader) as told:
        kept = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status), kept


def check(work: KnownWork, index: Path, kept: list[str]) -> None:
    """Nothing that was kept is lost, at most the unit that was being written is there besides, and what comes of it in
    the end is what comes of a campaign that was not killed."""
    try:
        there = read_index(index)[1]
    except UsageError:  # it was killed before there was an index
        there = {}
    assert set(kept) <= set(there), (index, set(kept) - set(there))
    assert len(there) <= len(kept) + 1, (index, set(there) - set(kept))
    assert there.items() <= work.rows.items()
    assert work.make(index, sqlite3.Connection) == work.result
    assert read_index(index)[1] == work.rows


def main(path: Path, *, writes: bool) -> None:
    """Kill a campaign at every statement, or at every write of the system's, and print how often."""
    work = KnownWork(path)
    kills = 0
    for at in count(1):
        for before in (True,) if writes else (True, False):
            index = path.with_suffix(f".{at}-{before}")
            killed, kept = work.killed_at_write(index, at) if writes else work.killed(index, at, before=before)
            check(work, index, kept)
            kills += killed
        if not killed:
            break
    print(f"{kills} kills, {len(work.rows)} units, lost: 0")


if __name__ == "__main__":
    main(Path(sys.argv[1]), writes="--writes" in sys.argv)

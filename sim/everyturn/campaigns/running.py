"""Runs a campaign: known failures first, then discovery, then each failure made smaller; every unit is kept when it is
done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from everyturn.campaigns.campaign import Campaign
from everyturn.campaigns.counting import counted, found_failures
from everyturn.campaigns.held import HeldUnits
from everyturn.campaigns.index import Index
from everyturn.campaigns.index_format import UnitRow
from everyturn.campaigns.known import CorpusFile, KnownFailure, not_asked
from everyturn.campaigns.making import Trouble
from everyturn.campaigns.plan import ALL, Shard
from everyturn.campaigns.workers import MadeUnit, UnitTask, Workers, WorkersDied
from everyturn.errors import UsageError

DEATHS: Final = 3
"""So often in a row workers may die before anything is done."""


@dataclass
class CampaignProgress:
    """How far a campaign is."""

    phase: str = ""
    done: int = 0
    of: int = 0
    runs: int = 0
    violated: int = 0
    seconds: float = 0.0


@dataclass
class CampaignRun:
    """A campaign under way on its index. ``troubles``: units that could not be made, by their names; ``stopped``: why
    it has ended early."""

    campaign: Campaign
    corpus: list[CorpusFile]
    index: Index
    shard: Shard = ALL
    clock: Callable[[], float] = time.monotonic
    watch: Callable[[CampaignProgress], None] = lambda progress: None
    troubles: dict[str, Trouble] = field(default_factory=dict)
    stopped: str | None = None
    interrupted: bool = False

    def __post_init__(self) -> None:
        self.plan = self.index.plan
        self.held = HeldUnits(self.plan, self.index.rows(), self.index.path)
        self.progress = CampaignProgress()
        self._begun = self.clock()

    def run(self, workers: Workers) -> None:
        """Make what is not done yet, as far as there is time, and until Ctrl-C. Raises :class:`UsageError` if units
        cannot be made or kept."""
        if stale := self.held.known.keys() - {each.unit for each in self.corpus}:
            self.index.forget(sorted(stale))
            self.held = HeldUnits(self.plan, self.index.rows(), self.index.path)
        try:
            self._phase("known failures", self._known_tasks, workers)
            self._phase("discovery", self._share_tasks, workers)
            self._phase("failures made smaller", self._small_tasks, workers)
        except KeyboardInterrupt:
            self.interrupted = True

    def _is_asked(self, failure: KnownFailure) -> bool:
        """Whether it may be looked at: code of the user's own only if the campaign names it, too."""
        named = {(cell.kind, cell.name) for cell in self.plan.cells}
        return failure.kind == "revision" or (failure.kind, failure.name) in named

    def _phase(self, name: str, tasks: Callable[[], Iterator[UnitTask]], workers: Workers) -> None:
        self.progress.phase, deaths = name, 0
        while True:
            try:
                for made in workers(tasks()):
                    self._keep(made)
                    deaths = 0
            except WorkersDied as error:
                deaths += 1
                if deaths == DEATHS:
                    raise UsageError(
                        f"{self.index.path}: expected worker processes that live; found that they died {DEATHS} times "
                        f"in a row, perhaps for want of memory (fewer --jobs). All that was done is kept: {error}"
                    ) from error
            else:
                return

    def _keep(self, made: MadeUnit) -> None:
        if made.row is None:
            assert made.trouble is not None
            self.troubles[made.name] = made.trouble
        else:
            self.index.add(made.name, made.row)
            self.held.take(made.name, made.row)
        self._tell()

    def _tell(self) -> None:
        progress, held = self.progress, self.held
        progress.runs = sum(each.runs for each in held.shares.values())
        progress.violated = sum(bool(each.violations) for each in held.shares.values())
        progress.done, progress.of = len(held.shares), len(self.held.plan_shares)
        progress.seconds = self.clock() - self._begun
        self.watch(progress)

    def _known_tasks(self) -> Iterator[UnitTask]:
        for place, each in enumerate(self.corpus):
            if not self.shard.has(place) or each.unit in self.held.known or each.unit in self.troubles:
                continue
            if self._is_asked(each.failure):
                yield UnitTask(each.unit, each)
            else:
                self._keep(MadeUnit(each.unit, UnitRow(msgspec.json.encode(not_asked(each)))))

    def _share_tasks(self) -> Iterator[UnitTask]:
        """In the order of the plan, as long as there is time and nothing that was found ends it."""
        self._begun = self.clock()
        for place, share in enumerate(self.held.plan_shares):
            if self.held.ends_before(place, share):
                continue
            if share.name in self.held.shares or share.name in self.troubles or not self.shard.has(place):
                continue
            if self._out_of_time():
                return
            yield UnitTask(share.name, share)

    def _small_tasks(self) -> Iterator[UnitTask]:
        for found in found_failures(counted(self.plan, self.held.shares).done):
            if found.unit not in self.held.smalls and found.unit not in self.troubles:
                yield UnitTask(found.unit, found)

    def _out_of_time(self) -> bool:
        seconds = self.campaign.seconds
        if seconds is not None and self.clock() - self._begun >= seconds:
            self.stopped = f"{seconds:g} seconds"
        return self.stopped is not None

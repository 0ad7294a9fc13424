"""What an index holds: its rows, each read as what it says it is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec

from everyturn.campaigns.counting import CampaignResult, ends_campaign, ends_cell, result_of
from everyturn.campaigns.index_format import UnitRow, UnitRows
from everyturn.campaigns.known import KnownFailure, KnownSince
from everyturn.campaigns.making import RunShare, ShareOutcome
from everyturn.campaigns.plan import Plan
from everyturn.errors import UsageError


class HeldUnits:
    """The units of a plan that are done. Raises :class:`UsageError` for a row that is none of them."""

    def __init__(self, plan: Plan, rows: UnitRows, path: Path) -> None:
        self._plan = plan
        self._path = path
        self.plan_shares = plan.shares()
        self._places = {share.name: place for place, share in enumerate(self.plan_shares)}
        self._cells_end: dict[str, int] = {}
        self._all_ends: float = math.inf
        self.shares: dict[str, ShareOutcome] = {}
        self.known: dict[str, KnownSince] = {}
        self.smalls: dict[str, KnownFailure] = {}
        self.traces: dict[str, bytes] = {}
        for name, row in rows.items():
            self.take(name, row)

    def take(self, name: str, row: UnitRow) -> None:
        """One more unit."""
        if name in self._places:
            self._take_share(name, self._read(name, row, ShareOutcome))
        elif name.startswith("known "):
            self.known[name] = self._read(name, row, KnownSince)
        elif name.startswith("small "):
            self.smalls[name] = self._read(name, row, KnownFailure)
            if row.trace is not None:
                self.traces[name] = row.trace
        else:
            raise UsageError(f"{self._path}: expected units of its plan; found {name!r:.100}")

    @property
    def result(self) -> CampaignResult:
        """What came of the campaign so far."""
        return result_of(self._plan, self.shares, self.smalls, list(self.known.values()))

    def ends_before(self, place: int, share: RunShare) -> bool:
        """Whether what was found before the unit at this place makes it count for nothing."""
        return place > self._all_ends or place > self._cells_end.get(share.cell.key, place)

    def _take_share(self, name: str, outcome: ShareOutcome) -> None:
        self.shares[name] = outcome
        place = self._places[name]
        if ends_cell(self._plan, outcome):
            key = self.plan_shares[place].cell.key
            self._cells_end[key] = min(place, self._cells_end.get(key, place))
        if ends_campaign(self._plan, outcome):
            self._all_ends = min(place, self._all_ends)

    def _read(self, name: str, row: UnitRow, kind: Any) -> Any:
        try:
            return msgspec.json.decode(row.body, type=kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise UsageError(f"{self._path}: unit {name!r:.100}: expected what came of it; found: {error}") from error

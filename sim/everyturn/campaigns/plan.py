"""The plan of a campaign: its units in their order, and which of them are a shard's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from everyturn import __version__
from everyturn.campaigns.campaign import MOST_CELLS, Campaign, Stop
from everyturn.campaigns.making import RunShare
from everyturn.campaigns.subjects import EXPLORE, AskedCell, code_digest
from everyturn.errors import UsageError

MOST_UNITS: Final = 1_000_000
"""More of them are a mistake."""


class Shard(NamedTuple):
    """Part ``number`` of ``of``: every so-manieth unit, beginning with 1."""

    number: int = 1
    of: int = 1

    def has(self, place: int) -> bool:
        """Whether the unit at this place of the plan is the shard's."""
        return place % self.of == self.number - 1


ALL: Final = Shard()


def parse_shard(text: str) -> Shard:
    """The shard that ``i/n`` is. Raises :class:`UsageError`."""
    matched = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text, re.ASCII)
    if matched is None or not 1 <= int(matched[1]) <= int(matched[2]):
        raise UsageError(f"shard {text!r}: expected i/n, such as 2/4, with i from 1 to n")
    return Shard(int(matched[1]), int(matched[2]))


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign asks, as its index holds it. ``digest``: of all that decides what comes of it, the agents' code
    included."""

    title: str
    digest: str
    unit: Annotated[int, Meta(ge=1)]
    stop: Stop
    cells: Annotated[tuple[AskedCell, ...], Meta(min_length=1, max_length=MOST_CELLS)]

    def shares(self) -> tuple[RunShare, ...]:
        """Its units: of each cell the first, those that are explored, then of each the second, and so on, so that every
        cell has had its part whenever time is up. Raises :class:`UsageError` if there are too many."""
        if sum(-(-cell.all_runs // self.unit) if cell.independent else 1 for cell in self.cells) > MOST_UNITS:
            raise UsageError(
                f"expected at most {MOST_UNITS:,} units of work; found more: fewer runs, or a larger `unit`"
            )
        sampled = [list(_shares(cell, self.unit)) for cell in self.cells if cell.strategy != EXPLORE]
        explored = [RunShare(cell, 0, 0) for cell in self.cells if cell.strategy == EXPLORE]
        ordered = [*(shares[0] for shares in sampled), *explored]
        for number in range(1, max(map(len, sampled), default=0)):
            ordered += [shares[number] for shares in sampled if number < len(shares)]
        return tuple(ordered)


def plan(campaign: Campaign) -> Plan:
    """The plan of a campaign. Raises :class:`UsageError` if it is too large."""
    content = (campaign.title, campaign.cells, campaign.unit, campaign.stop, __version__, code_digest(campaign.cells))
    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]
    made = Plan(campaign.title, digest, campaign.unit, campaign.stop, campaign.cells)
    try:
        made.shares()
    except UsageError as error:
        raise UsageError(f"{campaign.path}: {error}") from error
    return made


def _shares(cell: AskedCell, size: int) -> Iterator[RunShare]:
    runs = cell.all_runs
    if not cell.independent:
        yield RunShare(cell, 0, runs)
        return
    for first in range(0, runs, size):
        yield RunShare(cell, first, min(size, runs - first))

"""Joining the indexes of one campaign that were made apart, by shards or by chance: each unit is in it once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from everyturn.campaigns.held import HeldUnits
from everyturn.campaigns.index import opened, read_index
from everyturn.campaigns.index_format import UnitRow
from everyturn.campaigns.plan import Plan
from everyturn.errors import UsageError


def read_all(paths: Sequence[Path]) -> tuple[Plan, dict[str, UnitRow]]:
    """The plan of these indexes and all their units. Raises :class:`UsageError` if they are not of one campaign, or
    something else came of the same unit."""
    plan, rows = read_index(paths[0])
    whose = dict.fromkeys(rows, paths[0])
    for path in paths[1:]:
        other, more = read_index(path)
        if other != plan:
            raise UsageError(
                f"{path}: expected an index of the campaign that {paths[0]} is of, with the same agents' code (digest "
                f"{plan.digest}); found one of {other.title!r} (digest {other.digest})"
            )
        for name, row in more.items():
            if name in rows and row.body != rows[name].body:
                raise UsageError(
                    f"{path}: unit {name!r}: expected what came of it in {whose[name]}; found something else: its "
                    "agent is not deterministic, or one of the files was changed"
                )
            whose.setdefault(name, path)
            rows.setdefault(name, row)
    HeldUnits(plan, rows, paths[0])
    return plan, rows


def merge(paths: Sequence[Path], into: Path) -> HeldUnits:
    """Write an index of all units of ``paths``; one that is there already has to be of the same campaign.

    Raises :class:`UsageError`.
    """
    plan, rows = read_all(paths)
    with opened(into, plan) as index:
        there = index.rows()
        for name, row in rows.items():
            if name in there and there[name].body != row.body:
                raise UsageError(f"{into}: unit {name!r}: expected what came of it in the others; found something else")
        index.add_all({name: row for name, row in rows.items() if name not in there})
        return HeldUnits(plan, index.rows(), into)

"""What is different between two campaigns, or two nights of one: failures that are new or gone, risks that changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from everyturn.campaigns.counting import SCHEMA as RESULT
from everyturn.campaigns.counting import CampaignCell, CampaignResult
from everyturn.campaigns.held import HeldUnits
from everyturn.campaigns.index import read_index
from everyturn.campaigns.known import KnownFailure
from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, quote
from everyturn.verdicts.verdict import Verdict

SCHEMA: Final = "everyturn/campaign-diff/1"
MOST_BYTES: Final = 256 << 20


class ChangedRisk(Struct, frozen=True, omit_defaults=True):
    """An invariant in a cell of which something else is said now: its verdict, and the risk of a violation per run."""

    cell: str
    invariant: str
    before: Verdict
    after: Verdict
    risk_before: float | None = None
    risk_after: float | None = None


class CampaignDiff(Struct, frozen=True):
    """Failures that only the second has (``new``) or only the first (``gone``: the second has asked and not found them;
    ``not_asked``: nobody knows), and what is said otherwise."""

    schema: str
    new: list[KnownFailure]
    gone: list[KnownFailure]
    not_asked: list[KnownFailure]
    changed: list[ChangedRisk]
    only_before: list[str]
    only_after: list[str]


def read_result(path: Path) -> CampaignResult:
    """What came of a campaign, from its index or from a result that was written. Raises :class:`UsageError`."""
    with LogFile(path) as file:
        start = file.peek()[:16]
        if start.startswith(b"SQLite format 3"):
            plan, rows = read_index(path)
            return HeldUnits(plan, rows, path).result
        raw = file.whole(MOST_BYTES)
    try:
        found = msgspec.json.decode(raw, type=CampaignResult)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(
            f"{path}: expected a campaign's index, or the result of one; found {error}: {quote(raw[:40])}"
        ) from error
    if found.schema != RESULT:
        raise UsageError(f"{path}: expected a result of schema {RESULT!r}; found {found.schema!r:.80}")
    return found


def compare(before: CampaignResult, after: CampaignResult) -> CampaignDiff:
    """What is different in ``after``."""
    old = {_name(each.failure): each.failure for each in before.failures}
    new = {_name(each.failure): each.failure for each in after.failures}
    missing = {name: failure for name, failure in old.items() if name not in new}
    origin = {_name(each.failure): each.found.cell.place for each in before.failures}
    judged = {(cell.cell.place, name) for cell in after.cells if cell.runs or cell.states for name in cell.verdicts}
    gone = [failure for name, failure in missing.items() if (origin[name], failure.invariant) in judged]
    cells = {cell.cell.key: cell for cell in before.cells}
    there = {cell.cell.key: cell for cell in after.cells}
    return CampaignDiff(
        SCHEMA,
        [failure for name, failure in new.items() if name not in old],
        gone,
        [failure for failure in missing.values() if failure not in gone],
        [changed for key in cells if key in there for changed in _changed(cells[key], there[key])],
        [key for key in cells if key not in there],
        [key for key in there if key not in cells],
    )


def _name(failure: KnownFailure) -> tuple[str, str, str]:
    """Two failures are the same if the same is violated in the same words at the same place."""
    return failure.place, failure.invariant, failure.what


def _changed(before: CampaignCell, after: CampaignCell) -> list[ChangedRisk]:
    found = []
    for name in before.verdicts.keys() & after.verdicts.keys():
        said = before.verdicts[name], after.verdicts[name]
        risks = _risk(before, name), _risk(after, name)
        if said[0] != said[1] or risks[0] != risks[1]:
            found.append(ChangedRisk(before.cell.key, name, *said, *risks))
    return sorted(found, key=lambda each: each.invariant)


def _risk(cell: CampaignCell, name: str) -> float | None:
    """The bound for an invariant that no run violated, or how often it was violated, where that is counted."""
    if name in cell.violations:
        count = cell.violations[name].count
        return None if count is None or not cell.runs else count / cell.runs
    return None if cell.risk is None or cell.verdicts[name] is not Verdict.RISK else cell.risk.at_most

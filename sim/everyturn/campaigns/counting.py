"""What of a campaign counts: the same whoever made its units, in whatever order, and whenever it was interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

from everyturn.campaigns.known import KnownFailure, KnownSince, Since
from everyturn.campaigns.making import Count, RunShare, ShareOutcome, ShownViolation
from everyturn.campaigns.plan import Plan
from everyturn.campaigns.small import FoundFailure
from everyturn.campaigns.subjects import AskedCell
from everyturn.checking.risk import CONFIDENCE, upper_bound
from everyturn.verdicts.verdict import Verdict, worst

SCHEMA: Final = "everyturn/campaign/1"


class CellRisk(Struct, frozen=True):
    """A bound of the probability per run of a violation that no run showed."""

    at_most: Annotated[float, Meta(ge=0, le=1)]
    confidence: Annotated[float, Meta(ge=0, le=1)]
    method: str = "exact binomial"


class CampaignCell(Struct, frozen=True, omit_defaults=True):
    """What is said of one cell: how many of its runs there are, the worst verdict, that of each invariant, and what was
    violated. ``fault``: what its agent did that no agent may."""

    cell: AskedCell
    runs: Count
    of: Count
    verdict: Verdict
    verdicts: dict[str, Verdict] = {}
    violations: dict[str, ShownViolation] = {}
    states: Count = 0
    complete: bool = False
    stopped: str | None = None
    risk: CellRisk | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        for name, shown in self.violations.items():
            said = self.verdicts.get(name)
            if said is not Verdict.REFUTED:
                raise ValueError(f"expected {name} to be refuted, since a run violates it; found {said}")
            if self.runs and shown.count is not None and shown.count > self.runs:
                raise ValueError(f"expected {name} to be violated in {self.runs} runs at most; found {shown.count}")


class CampaignFailure(Struct, frozen=True, omit_defaults=True):
    """A failure that was found, by the smallest run of it; ``found``: as it was found; ``file``: of the known failure
    that it is."""

    failure: KnownFailure
    found: FoundFailure
    file: str | None = None


class CampaignResult(Struct, frozen=True):
    """What came of a campaign, as far as it is done: nothing in it depends on time, or on who made which unit."""

    schema: str
    title: str
    digest: str
    units: Count
    left: Count
    known: list[KnownSince]
    failures: list[CampaignFailure]
    cells: list[CampaignCell]


class Counted(NamedTuple):
    """The units that count, in their order, and those that are still to be made."""

    done: list[tuple[RunShare, ShareOutcome]]
    left: list[RunShare]


def counted(plan: Plan, outcomes: Mapping[str, ShareOutcome]) -> Counted:
    """Which units count. A violation ends its cell, or the campaign, if the plan says so, and a fault its cell: what
    comes after it in the order of the plan counts for nothing, whenever it was made."""
    found = Counted([], [])
    ended: set[str] = set()
    for share in plan.shares():
        outcome = outcomes.get(share.name)
        if share.cell.key in ended:
            continue
        if outcome is None:
            found.left.append(share)
            continue
        found.done.append((share, outcome))
        if ends_cell(plan, outcome):
            ended.add(share.cell.key)
        if ends_campaign(plan, outcome):
            break
    return found


def ends_cell(plan: Plan, outcome: ShareOutcome) -> bool:
    """Whether no later unit of the same cell counts."""
    return outcome.fault is not None or (plan.stop != "never" and bool(outcome.violations))


def ends_campaign(plan: Plan, outcome: ShareOutcome) -> bool:
    """Whether no later unit counts at all."""
    return plan.stop == "campaign" and bool(outcome.violations)


def found_failures(done: list[tuple[RunShare, ShareOutcome]]) -> list[FoundFailure]:
    """The first run of each failure, in the order of the plan: one for each place and invariant."""
    first: dict[tuple[str, str], FoundFailure] = {}
    for share, outcome in done:
        for name, shown in outcome.violations.items():
            found = FoundFailure(share.cell, name, shown.token, shown.what)
            first.setdefault((share.cell.place, name), found)
    return list(first.values())


def result_of(
    plan: Plan,
    outcomes: Mapping[str, ShareOutcome],
    smalls: Mapping[str, KnownFailure],
    known: Sequence[KnownSince],
) -> CampaignResult:
    """What came of a campaign: of its units, the small runs of its failures, and its known failures."""
    done, left = counted(plan, outcomes)
    of_cell: dict[str, list[ShareOutcome]] = {cell.key: [] for cell in plan.cells}
    for share, outcome in done:
        of_cell[share.cell.key].append(outcome)
    failures: dict[tuple[str, str, str], CampaignFailure] = {}
    for found in found_failures(done):
        small = smalls.get(found.unit, found.as_known())
        failure = CampaignFailure(small, found, _known_as(small, known))
        failures.setdefault((small.place, small.invariant, small.token), failure)
    return CampaignResult(
        SCHEMA,
        plan.title,
        plan.digest,
        len(done),
        len(left),
        sorted(known, key=lambda each: each.file),
        list(failures.values()),
        [_cell(cell, of_cell[cell.key]) for cell in plan.cells],
    )


def _cell(cell: AskedCell, outcomes: list[ShareOutcome]) -> CampaignCell:
    runs = sum(each.runs for each in outcomes)
    fault = next((each.fault for each in outcomes if each.fault is not None), None)
    names = dict.fromkeys(name for each in outcomes for name in each.verdicts)
    said = {name: worst(each.verdicts[name] for each in outcomes if name in each.verdicts) for name in names}
    risk = CellRisk(upper_bound(runs), CONFIDENCE) if cell.independent and runs and fault is None else None
    if cell.risk is not None and risk is not None and risk.at_most > cell.risk:
        said = {name: Verdict.UNDETERMINED if each is Verdict.RISK else each for name, each in said.items()}
    return CampaignCell(
        cell,
        runs,
        cell.all_runs,
        worst(said.values()),
        said,
        _violations(outcomes),
        sum(each.states for each in outcomes),
        any(each.complete for each in outcomes),
        next((each.stopped for each in outcomes if each.stopped is not None), None),
        risk,
        fault,
    )


def _violations(outcomes: list[ShareOutcome]) -> dict[str, ShownViolation]:
    """Of each invariant the first violation, and in how many runs there was one."""
    found: dict[str, ShownViolation] = {}
    for outcome in outcomes:
        for name, shown in outcome.violations.items():
            before = found.get(name)
            if before is None:
                found[name] = shown
            elif before.count is not None and shown.count is not None:
                found[name] = msgspec.structs.replace(before, count=before.count + shown.count)
    return found


def _known_as(small: KnownFailure, known: Sequence[KnownSince]) -> str | None:
    """The file of the known failure that a failure is: one of the same agent and invariant that still fails, by the
    same run, or in the same words in the same scope."""
    for each in known:
        failure = each.failure
        if each.outcome.since is not Since.FAILING:
            continue
        if (failure.kind, failure.name, failure.invariant) != (small.kind, small.name, small.invariant):
            continue
        if failure.token == small.token or (failure.scope, failure.what) == (small.scope, small.what):
            return each.file
    return None

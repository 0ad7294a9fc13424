"""Other questions about an agent in a scope: liveness, audit, coverage."""

from __future__ import annotations

from typing import Any, Literal

from everyturn.checking.audit import Audited
from everyturn.checking.audit import audit as audit_cell
from everyturn.checking.coverage import DEFAULT_MAX_STATES as COVERED
from everyturn.checking.coverage import Coverage, cover
from everyturn.checking.liveness import cell as liveness_cell
from everyturn.checking.liveness import liveness as find
from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
from everyturn.engines.fairness.fairness import MAX_STATES, Lasso
from everyturn.front.asking import Agent, Granularity, Progress, dispatcher, exploring, scope_text
from everyturn.front.of_programs import also_of_programs, audit_scenario, audit_session
from everyturn.front.tables import CellResult, TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports.coverage import report
from everyturn.verdicts.verdict import Cell
from everyturn.world.scope import Scope
from everyturn.world.world import World


class LivenessResult(CellResult):
    """Whether everybody who waits is told in the end; ``lassos``: how somebody is not, each a way there and a way
    round."""

    def __init__(self, cell: Cell, lassos: list[Lasso]) -> None:
        super().__init__(cell)
        self.lassos = lassos

    def __str__(self) -> str:
        told = (f"{lasso.kind}: {lasso.sentence}\n" + "\n".join(lasso.lines()) for lasso in self.lassos)
        return "\n\n".join((f"{self.cell.revision} {self.cell.scope}: {self.verdict}", *told))


class AuditResult(TabledResult):
    """Whether this agent can be explored: all histories that were taken for one go on alike."""

    def __init__(self, found: Audited) -> None:
        self.audit = found
        self.difference: str | None = found.difference
        self.complete: bool = found.complete

    @property
    def agrees(self) -> bool:
        """Whether all that were compared agree; only if :attr:`complete` were they all."""
        return self.difference is None

    def table(self) -> list[TableRow]:
        """One row: what was compared, and what disagreed."""
        return [{name: getattr(self.audit, name) for name in self.audit.__struct_fields__}]


class CoverageResult(TabledResult):
    """What a proof in a scope puts to the test; ``coverage`` is what `everyturn coverage --json` gives."""

    def __init__(self, found: Coverage) -> None:
        self.coverage = found
        self.complete: bool = found.complete

    def __str__(self) -> str:
        return "\n".join(report(self.coverage))

    def table(self) -> list[TableRow]:
        """A row for each kind of thing: how many there are, and how many of them were reached."""
        found = self.coverage
        rows = {
            "statements": (found.statements.reached, found.statements.total),
            "branches": (found.branches.reached, found.branches.total),
            "guards": (found.guards.reached, found.guards.total),
            "actions": (sum(found.actions.values()), len(found.actions)),
            "races": (sum(race.meets for race in found.races), len(found.races)),
            "witnesses": (sum(found.witnesses.values()), len(found.witnesses)),
        }
        who = {"revision": found.revision, "scope": found.scope}
        return [{**who, "what": what, "reached": reached, "of": of} for what, (reached, of) in rows.items()]


@undisturbed
def liveness(
    agent: Agent,
    scope: str | Scope,
    *,
    fair: Literal["none", "weak", "strong"] = "weak",
    fair_choices: bool = False,
    granularity: Granularity = "access",
    max_states: int = MAX_STATES,
    max_seconds: float | None = None,
    counter_check: bool = True,
    progress: Progress = False,
) -> LivenessResult:
    """Say whether every accepted prompt with run id is told in the end, however long that takes, if threads are
    scheduled fairly.

    ``fair``: who can move for ever (``weak``), or again and again (``strong``), moves. ``fair_choices``: the world
    does not make the same choice for ever. ``scope`` may be without bound, ``"AA+*t"``. Raises
    :class:`~everyturn.UsageError`.
    """
    world = World(Scope.parse(scope_text(scope)), dispatcher(agent), granularity)
    with exploring(progress, f"{world.revision} {world.scope}") as show:
        found = find(world, fair=fair, max_states=max_states, max_seconds=max_seconds, progress=show)
    said = liveness_cell(world, found, fair_choices=fair_choices, counter_check=counter_check)
    return LivenessResult(said, list(found.lassos))


def _audit_scenario(*arguments: Any, **options: Any) -> AuditResult:
    return AuditResult(audit_scenario(*arguments, **options))


def _audit_session(*arguments: Any, **options: Any) -> AuditResult:
    return AuditResult(audit_session(*arguments, **options))


@also_of_programs(_audit_scenario, _audit_session)
@undisturbed
def audit(
    agent: Agent,
    scope: str | Scope,
    *,
    granularity: Granularity = "access",
    max_states: int = DEFAULT_MAX_STATES,
    progress: Progress = False,
) -> AuditResult:
    """Compare all histories that the explorer takes for one: can this agent be explored at all? Once for each new
    agent.

    Raises :class:`~everyturn.UsageError` for code that cannot be explored.
    """
    text = scope_text(scope)
    with exploring(progress, text) as show:
        found = audit_cell(dispatcher(agent), text, granularity=granularity, limits=Limits(max_states), progress=show)
    return AuditResult(found)


@undisturbed
def coverage(
    agent: Agent,
    scope: str | Scope,
    *,
    granularity: Granularity = "access",
    max_states: int = COVERED,
    progress: Progress = False,
) -> CoverageResult:
    """Say what a proof in ``scope`` puts to the test: lines, branches, operations, races, guards, witnesses.

    Raises :class:`~everyturn.UsageError`.
    """
    text = scope_text(scope)
    with exploring(progress, text) as show:
        return CoverageResult(
            cover(dispatcher(agent), text, granularity=granularity, max_states=max_states, progress=show)
        )

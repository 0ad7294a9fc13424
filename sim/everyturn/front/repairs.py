"""Repairs: the smallest sets of small changes that make a promise hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from everyturn.checking.repairs.asking import find_repairs
from everyturn.checking.repairs.results import MinimalSet, RepairRefutation, RepairsFound
from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
from everyturn.front.asking import Agent, Granularity, Progress, dispatcher, exploring
from everyturn.front.tables import TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports import repairs as report
from everyturn.verdicts.selection import Wanted
from everyturn.world.scope import Scope
from everyturn_model.invariants.no_hang import NO_HANG

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import DiGraph


class RepairsResult(TabledResult):
    """The minimal sets of repairs; ``found`` is what `everyturn repairs --json` gives."""

    def __init__(self, found: RepairsFound) -> None:
        self.found = found

    def __repr__(self) -> str:
        return f"RepairsResult({self.found.base}: {len(self.sets)} minimal sets)"

    def __str__(self) -> str:
        return "\n".join(report.lines(self.found))

    @property
    def sets(self) -> list[MinimalSet]:
        """The minimal sets, smallest first: ``repairs``, ``states`` of the proofs, ``subsets`` refuted, ``breaks``."""
        return self.found.sets

    @property
    def hopeless(self) -> list[RepairRefutation]:
        """Counterexamples that no set of the repairs cures."""
        return self.found.hopeless

    def table(self) -> list[TableRow]:
        """A row for each minimal set and repair in it: what is violated without it."""
        return report.table(self.found)

    def diagram(self) -> DiGraph[frozenset[str]]:
        """The sets that were looked at, by inclusion; a node has ``refuted``, none if the set is enough."""
        return report.diagram(self.found)

    def figure(self) -> Figure:
        """The Hasse diagram. Raises :class:`~everyturn.UsageError` for one that nobody could read."""
        return report.figure(self.found)

    def document(self) -> dict[str, Any]:
        """What `everyturn repairs --json` gives."""
        return cast("dict[str, Any]", msgspec.to_builtins(self.found))


@undisturbed
def repairs(
    agent: Agent,
    invariants: Sequence[Wanted] = (NO_HANG.name,),
    scopes: Sequence[str | Scope] = (),
    *,
    repairs: Sequence[str | type] = (),
    first: bool = False,
    breaks: bool = True,
    granularity: Granularity = "access",
    journal: str | Path | None = None,
    max_states: int = DEFAULT_MAX_STATES,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    progress: Progress = False,
) -> RepairsResult:
    """Find the smallest sets of repairs with which ``agent`` keeps ``invariants`` (that nobody hangs, if nothing is
    said) in all ``scopes``; none: the sixteen.

    A repair is a class that overrides a few methods of the agent and is put in front of it: by its name in `everyturn
    list repairs`, by where it lies, or itself. Each set is proved, and each proper subset of it refuted (of a set of
    more than eight, each that lacks one repair), but for those that its ``undetermined`` names. ``first``: end at the
    first set. ``breaks``: say what held before and is refuted with the set. ``journal``: a file to go on from.
    ``max_states`` and the others are for each exploration. Raises :class:`~everyturn.UsageError`.
    """
    found = find_repairs(
        dispatcher(agent),
        invariants,
        [str(scope) for scope in scopes],
        repairs,
        granularity=granularity,
        limits=Limits(max_states, max_seconds, max_memory),
        journal=None if journal is None else Path(journal),
        watching=lambda name: exploring(progress, name),
        first=first,
        breaks=breaks,
    )
    return RepairsResult(found)

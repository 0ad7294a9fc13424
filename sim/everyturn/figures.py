"""Pictures for notebooks: each function returns a matplotlib figure, which ``savefig`` writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from everyturn.front.checks import CheckResult
from everyturn.front.runs import ReplayResult
from everyturn.front.samples import FuzzResult
from everyturn.reports.plots import matrix_of
from everyturn.reports.state_plots import states_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import MultiDiGraph

__all__ = ["accumulation", "matrix", "states", "timeline"]


def matrix(results: Iterable[CheckResult]) -> Figure:
    """Verdicts of any checks: agents and scopes as rows, invariants as columns, a refuted one with the steps of its
    shortest run."""
    return matrix_of([result.cell for result in results])


def timeline(run: ReplayResult) -> Figure:
    """One run: a row for each prompt, steps from left to right, violations as red lines."""
    return run.figure()


def accumulation(result: FuzzResult) -> Figure:
    """In how many runs of a sample each invariant was violated, as runs accumulate."""
    return result.figure()


def states(graph: MultiDiGraph, show: Sequence[str] = ("active", "queue")) -> Figure:
    """The states of a small scope (:meth:`CheckResult.graph`), those of one depth in one column; ``show``: the values
    on each node.

    At rest a node has a thick edge; one where something is violated is red. Raises :class:`~everyturn.UsageError` for
    a graph that nobody could read, and for a value that is not known.
    """
    return states_of(graph, show)

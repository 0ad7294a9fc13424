"""Pictures: each function returns a matplotlib figure, which ``savefig`` writes, and ``everyturn figure`` draws the
same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from everyturn.front.checks import CheckResult
from everyturn.front.runs import ReplayResult
from everyturn.front.samples import FuzzResult
from everyturn.reports.comparison_plots import Prediction, SampledRuns, calibration_of, growth_of, strategies_of
from everyturn.reports.life_plot import life_in, life_of
from everyturn.reports.matrix_plot import matrix_of
from everyturn.reports.state_plots import states_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import MultiDiGraph

__all__ = ["accumulation", "calibration", "growth", "life", "matrix", "states", "strategies", "timeline"]


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


def strategies(results: Iterable[FuzzResult], invariant: str) -> Figure:
    """Samples of one agent in one scope by several strategies: the share of runs that violate ``invariant``, as runs
    accumulate, with exact binomial intervals (95 %, at each place alone) where runs are independent. Raises
    :class:`~everyturn.UsageError` without runs."""
    made = list(results)
    samples = [
        SampledRuns(each.cell.strategy or "", [invariant in run.violated for run in each], each.cell.risk is not None)
        for each in made
    ]
    title = ", ".join(dict.fromkeys(f"{each.revision}, {each.scope}: {invariant}" for each in made))
    return strategies_of(samples, title)


def growth(results: Iterable[CheckResult]) -> Figure:
    """How many states the scopes have that were checked, a curve for each agent; a hollow point was given up. Raises
    :class:`~everyturn.UsageError` without states."""
    return growth_of([result.cell for result in results])


def calibration(predictions: Iterable[tuple[str, float, float, float, float]]) -> Figure:
    """Predicted over true: each row a strategy, the true probability of a violation and its bound, the true probability
    of what was not seen and its estimate. Raises :class:`~everyturn.UsageError` without rows."""
    return calibration_of([Prediction(*each) for each in predictions])


def life(run: ReplayResult | None = None, prompt: str = "p1") -> Figure:
    """The life of a prompt, from the specification's table: phases, and the events that lead from one to the next. Of a
    ``run``: that of ``prompt`` in it, each event with its step, and pale what it never came to. Raises
    :class:`~everyturn.UsageError` for a prompt that the run does not have."""
    return life_of() if run is None else life_in(run.run, prompt)


def states(graph: MultiDiGraph, show: Sequence[str] = ("active", "queue")) -> Figure:
    """The states of a small scope (:meth:`CheckResult.graph`), those of one depth in one column; ``show``: the values
    on each node.

    At rest a node has a thick edge; one where something is violated is red. Raises :class:`~everyturn.UsageError` for
    a graph that nobody could read, and for a value that is not known.
    """
    return states_of(graph, show)

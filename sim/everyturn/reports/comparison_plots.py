"""Pictures that compare: strategies by what their runs find, scopes by how many states they have, predictions by the
truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from everyturn.errors import UsageError
from everyturn.reports.picture import Picture
from everyturn.reports.plots import blank
from everyturn.verdicts.intervals import binomial_interval
from everyturn.verdicts.verdict import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TONES: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333")
"""Colours that people tell apart who see fewer of them (Okabe and Ito, 2008)."""
MARKERS: Final = "osD^vP*"
CONFIDENCE: Final = 0.95
POINTS: Final = 60
"""So many intervals are worked out along a curve."""
FIRST: Final = 10
"""From so many runs on curves are shown; fewer say nothing."""
LEAST: Final = 1e-6
"""What is smaller, 0 included, stands at the edge of a picture of predictions."""


class SampledRuns(NamedTuple):
    """The runs of one strategy: which of them ``violated`` what is asked about; ``independent``: one says nothing of
    another."""

    strategy: str
    violated: Sequence[bool]
    independent: bool


class Prediction(NamedTuple):
    """What campaigns of one strategy said, and the truth: the probability of a violation and its bound, the probability
    of what was not seen and its estimate."""

    strategy: str
    true: float
    bound: float
    unseen: float
    estimated: float


def strategies_of(samples: Sequence[SampledRuns], title: str) -> Figure:
    """The share of runs that violate something, as runs accumulate: a curve for each strategy, with its exact binomial
    interval, 95 %, where its runs are independent. Raises :class:`UsageError` without runs."""
    if not samples or not all(each.violated for each in samples):
        raise UsageError("strategies: expected runs of one strategy or more; found none")
    figure, axes = blank(8, 4.8)
    for place, sample in enumerate(samples):
        _curve(axes, sample, TONES[place % len(TONES)])
    most = max(len(each.violated) for each in samples)
    axes.set_xscale("log")
    axes.set_xlim(min(FIRST, most / 2), most)
    axes.set_ylim(0, 1)
    axes.set_xlabel("runs")
    axes.set_ylabel("share of runs that violate it")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _curve(axes: Axes, sample: SampledRuns, colour: str) -> None:
    runs = len(sample.violated)
    found = list(accumulate(map(int, sample.violated)))
    at = sorted({max(1, round(runs ** (place / (POINTS - 1)))) for place in range(POINTS)} | {runs})
    label = f"{sample.strategy}: {found[-1]:,} of {runs:,}{'' if sample.independent else ' (no interval)'}"
    axes.plot(at, [found[number - 1] / number for number in at], color=colour, linewidth=1.8, label=label)
    if sample.independent:
        ends = [binomial_interval(found[number - 1], number, CONFIDENCE) for number in at]
        low, high = ([getattr(each, end) for each in ends] for end in ("low", "high"))
        axes.fill_between(at, low, high, color=colour, alpha=0.15, linewidth=0)


def growth_of(cells: Sequence[Cell]) -> Figure:
    """How many states each scope has, a curve for each revision; a hollow point was given up, and has more. Raises
    :class:`UsageError` without states."""
    counted = [cell for cell in cells if cell.states]
    if not counted:
        raise UsageError("growth: expected verdicts of explorations; found none with states")
    scopes = list(dict.fromkeys(cell.scope for cell in sorted(counted, key=lambda each: each.states or 0)))
    figure, axes = blank(max(5.0, 1.6 + 0.9 * len(scopes)), 4.8)
    for place, revision in enumerate(dict.fromkeys(cell.revision for cell in counted)):
        own = sorted((cell for cell in counted if cell.revision == revision), key=lambda each: scopes.index(each.scope))
        _growth(axes, own, scopes, TONES[place % len(TONES)], MARKERS[place % len(MARKERS)])
    axes.set_yscale("log")
    axes.set_xticks(range(len(scopes)), scopes, rotation=30 if len(scopes) > 5 else 0, fontsize=9)
    axes.set_xlim(-0.5, len(scopes) - 0.5)
    axes.set_ylabel("states")
    axes.set_title("States of each scope; hollow: given up, there are more", loc="left", fontsize=10)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _growth(axes: Axes, cells: Sequence[Cell], scopes: Sequence[str], colour: str, marker: str) -> None:
    xs, ys = [scopes.index(cell.scope) for cell in cells], [cell.states or 0 for cell in cells]
    axes.plot(xs, ys, color=colour, linewidth=1.2, marker=marker, markersize=7, label=cells[0].revision)
    stopped = [(x, y) for x, y, cell in zip(xs, ys, cells, strict=True) if cell.stopped is not None]
    axes.plot(
        *zip(*stopped, strict=True), marker, color=colour, markerfacecolor="white", markersize=7
    ) if stopped else ()


def calibration_of(predictions: Sequence[Prediction]) -> Figure:
    """What was predicted over what is true, for the bound of a violation and for what was not seen. On the line both
    are the same; a bound below it is wrong. What is 0 stands at the edge. Raises :class:`UsageError` without any."""
    if not predictions:
        raise UsageError("calibration: expected predictions; found none")
    figure = Picture(figsize=(11, 5.2), layout="constrained")
    bound, unseen = figure.subplots(1, 2)
    for place, kind in enumerate(dict.fromkeys(each.strategy for each in predictions)):
        own = [each for each in predictions if each.strategy == kind]
        look: Mapping[str, Any] = {
            "alpha": 0.75,
            "color": TONES[place % len(TONES)],
            "marker": MARKERS[place % len(MARKERS)],
            "linestyle": "none",
        }
        bound.plot(
            [max(each.true, LEAST) for each in own], [max(each.bound, LEAST) for each in own], label=kind, **look
        )
        unseen.plot([max(each.unseen, LEAST) for each in own], [max(each.estimated, LEAST) for each in own], **look)
    for axes, x, y in (
        (bound, "true probability of a violation per run", "95 % upper bound, median of the campaigns"),
        (unseen, "true unseen probability, mean of the campaigns", "Good–Turing's estimate, mean"),
    ):
        axes.plot([LEAST, 1], [LEAST, 1], color="grey", linewidth=0.8)
        axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y, xlim=(6e-7, 1.6), ylim=(6e-7, 1.6))
        axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside lower center", ncols=6, fontsize=9, frameon=False)
    return figure

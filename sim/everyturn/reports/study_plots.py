"""A timed study's picture: curves over a varied parameter with confidence intervals, or bars for each revision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from everyturn.reports.plots import save
from everyturn.studies.results import StudyResult, StudyRow
from everyturn.studies.study import Poisson, Source, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLES: Final = {
    "d0-no-accept": ("#9aa5b1", "v"),
    "d1-pending-flag": ("#7b6ba8", "^"),
    "d2-accept-sequence": ("#3d6fa5", "D"),
    "d3-locked-drain": ("#c8553d", "o"),
    "d4-independent": ("#d99a2b", "s"),
    "hardened": ("#3f8f63", "P"),
}
"""Revision → colour and marker."""

OTHER: Final = ("#333333", "X")
LABELS: Final = {
    "completions_per_hour": "completions per hour",
    "wait_mean": "mean wait for the turn, s",
    "wait_median": "median wait for the turn, s",
    "wait_p95": "95 % quantile of the wait, s",
    "response_mean": "mean time to the answer, s",
    "response_median": "median time to the answer, s",
    "response_p95": "95 % quantile of the time\nto the answer, s",
    "folded_percent": "folded prompts, %",
    "dropped_percent": "dropped prompts, %",
    "stuck_per_thousand": "waiters left behind\nper thousand prompts",
    "never_told_per_thousand": "waiters who are never told\nper thousand prompts",
    "given_up_per_thousand": "completions given up\nper thousand",
}
NONE_SEEN: Final = "none seen: at most this many"
THEORY: Final = "M/G/1 queue (Pollaczek–Khinchine)"
STYLE: Final[dict[Any, Any]] = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
TOLD, LATE, NEVER = "#8fbf9f", "#e8c268", "#c8553d"


def draw(result: StudyResult, source: Source, study: Study, path: Path) -> None:
    """Write the study's picture to ``path`` (PNG or SVG). Raises :class:`UsageError` if that cannot be done."""
    from matplotlib import rc_context

    with rc_context(STYLE):
        save(figure_of(result, source, study), path)


def figure_of(result: StudyResult, source: Source, study: Study) -> Figure:
    """The study's picture."""
    from matplotlib import rc_context

    from everyturn.reports.picture import Picture

    panels = len(study.plot.y) if study.plot.kind == "curves" else 1
    width = 9.0 if panels == 1 else 5.6 * panels
    with rc_context(STYLE):
        figure = Picture(figsize=(width, 5.4), layout="constrained")
        grid = figure.subplots(1, panels, squeeze=False)
        for axes, name in zip(grid[0], study.plot.y, strict=False):
            if study.plot.kind == "bars":
                _bars(axes, result)
            else:
                _curves(axes, result, source, study, name)
        figure.suptitle(study.title, x=0.01, ha="left", fontsize=15, fontweight="bold")
        about = f"{study.question}\n{_caption(result)}".lstrip()
        grid[0][0].set_title(about, loc="left", fontsize=10, color="#555555", pad=12)
        _legend(figure, grid[0], columns=4)
    return figure


def _legend(figure: Figure, panels: Sequence[Axes], columns: int) -> None:
    """One legend for all panels, revisions in their order, what explains the signs last."""
    found: dict[str, Any] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    names = sorted(found, key=lambda label: label in (NONE_SEEN, THEORY))
    figure.legend(
        [found[name] for name in names], names, loc="outside lower center", ncols=columns, frameon=False, fontsize=10
    )


def _caption(result: StudyResult) -> str:
    hours = max(row.replications for row in result.rows) * (result.hours - result.warm_up_hours)
    whom = "point, error bars" if result.rows[0].parameters else "revision; intervals in the table"
    return f"{hours:,.0f} virtual hours for each {whom}: {result.confidence:.0%} confidence"


def _curves(axes: Axes, result: StudyResult, source: Source, study: Study, name: str) -> None:
    """One measure over the first varied parameter, a curve for each revision (and value of the other parameters)."""
    logarithmic = study.plot.y_log and name.endswith("per_thousand")
    (first, values), *others = study.vary.items()
    curves: dict[tuple[str, str], list[StudyRow]] = {}
    for row in result.rows:
        rest = ", ".join(f"{key.rpartition('.')[2]} {row.parameters[key]}" for key, _ in others)
        curves.setdefault((row.revision, rest), []).append(row)
    for place, ((revision, rest), rows) in enumerate(curves.items()):
        dodge = place - (len(curves) - 1) / 2
        _curve(axes, [row for row in rows if row.measures[name]], study, name, revision, rest, dodge)
    if study.plot.theory and name == "wait_mean":
        _theory(axes, source, first)
    axes.set_ylabel(LABELS[name])
    axes.set_xlabel(study.plot.x_label or first)
    if study.plot.x_log:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_xscale("log")
        axes.set_xticks([float(value) for value in values])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if logarithmic:
        from matplotlib.ticker import FuncFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _curve(
    axes: Axes, rows: Sequence[StudyRow], study: Study, name: str, revision: str, rest: str, dodge: float
) -> None:
    colour, marker = STYLES.get(revision, OTHER)
    logarithmic = study.plot.y_log and name.endswith("per_thousand")
    first = next(iter(study.vary))
    label = f"{revision} {rest}".strip()
    found = [(float(row.parameters[first]), row.measures[name]) for row in rows]
    xs = _dodged([x for x, _ in found], dodge, logarithmic=study.plot.x_log)
    seen: list[tuple[float, float, float, float]] = []
    bounds: list[tuple[float, float]] = []
    for x, (_, interval) in zip(xs, found, strict=True):
        assert interval is not None
        low = interval.value if interval.low is None else interval.low
        high = interval.value if interval.high is None else interval.high
        if logarithmic and interval.value <= 0:
            bounds.append((x, high))
        else:
            seen.append((x, interval.value, interval.value - low, high - interval.value))
    line = axes.errorbar(
        [each[0] for each in seen],
        [each[1] for each in seen],
        yerr=[[each[2] for each in seen], [each[3] for each in seen]],
        color=colour,
        marker=marker,
        markersize=6,
        linewidth=1.8,
        elinewidth=1.2,
        capsize=3,
        label=label,
    )
    line.lines[0].set_zorder(3)
    if bounds:
        at: dict[str, Any] = {"linestyle": "none", "marker": r"$\downarrow$", "markersize": 11}
        axes.plot([x for x, _ in bounds], [y for _, y in bounds], color=colour, **at)
        axes.plot([], [], color="#888888", label=NONE_SEEN, **at)


def _dodged(xs: Sequence[float], dodge: float, *, logarithmic: bool) -> list[float]:
    """The places of a curve's points, moved a little so that curves which coincide can be told apart."""
    if len(xs) < 2:
        return list(xs)
    if logarithmic:
        return [x * (max(xs) / min(xs)) ** (0.007 * dodge) for x in xs]
    return [x + 0.007 * dodge * (max(xs) - min(xs)) for x in xs]


def _theory(axes: Axes, source: Source, name: str) -> None:
    """The mean wait of an M/G/1 queue (Pollaczek and Khinchine) along the curve, as far as it is stable."""
    xs = [float(value) for value in source.study().vary[name]]
    low, high = min(xs), max(xs)
    points = [low + (high - low) * number / 200 for number in range(201)]
    waits = [(x, wait) for x in points if (wait := mean_wait(source.study({name: x}))) is not None]
    axes.plot(
        [x for x, _ in waits],
        [wait for _, wait in waits],
        color="#222222",
        linestyle="--",
        linewidth=1.3,
        label=THEORY,
        zorder=4,
    )


def mean_wait(study: Study) -> float | None:
    """The mean wait, in seconds, of Poisson arrivals for one server with the study's stream as its service.

    None where that is unstable or the arrivals are not Poisson. Kleinrock, Queueing Systems I, 1975, 5.7.
    """
    if not isinstance(study.arrivals, Poisson):
        return None
    rate = study.arrivals.per_minute / 60
    mean, second = study.latency.stream.moments
    load = rate * mean
    return rate * second / (2 * (1 - load)) if load < 1 else None


def _bars(axes: Axes, result: StudyResult) -> None:
    """Of the prompts with run id: told in time, told only because somebody else came, never told."""
    for place, row in enumerate(reversed(result.rows)):
        stuck, never = (row.measures[name] for name in ("stuck_per_thousand", "never_told_per_thousand"))
        if stuck is None or never is None:
            continue
        lost = never.value / 10
        late = max(0.0, stuck.value / 10 - lost)
        left = 0.0
        for share, colour, label in (
            (100 - late - lost, TOLD, "told"),
            (late, LATE, "left behind; told after somebody else came"),
            (lost, NEVER, "never told"),
        ):
            axes.barh(place, share, left=left, color=colour, label=label if not place else None, height=0.66)
            if share >= 3:
                axes.text(left + share / 2, place, f"{share:.0f} %", ha="center", va="center", fontsize=11)
            left += share
    names: list[Any] = [row.revision for row in reversed(result.rows)]
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(0, 100)
    axes.set_xlabel("prompts with run id, %")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)

"""Figures: what is drawn, and that no label lies on another or is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from click.testing import CliRunner

import everyturn
from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.reports.comparison_plots import Prediction, SampledRuns, calibration_of, growth_of, strategies_of
from everyturn.reports.life_plot import life_of, words
from everyturn.reports.matrix_plot import matrix_of
from everyturn.reports.state_plots import accumulation_of
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn_model.lifecycle import LIFE, Phase

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox


HANGS: Final = Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl"


def extents(figure: Figure) -> list[tuple[str, Bbox]]:
    """Each text that is shown, and where it stands in pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    beyond = {label for axes in figure.axes for label in _beyond(axes)}
    texts: list[Text] = [each for each in figure.findobj(Text) if each.get_visible() and each.get_text().strip()]
    return [(each.get_text(), each.get_window_extent(canvas.get_renderer())) for each in texts if each not in beyond]


def _beyond(axes: Axes) -> Iterator[Text]:
    """The labels of ticks that are not drawn, since they stand beyond the ends of an axis."""
    for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False):
            if not min(ends) <= place <= max(ends) or not axes.axison:
                yield label


def cut_off(figure: Figure) -> list[str]:
    width, height = figure.bbox.width, figure.bbox.height
    return [text for text, box in extents(figure) if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height]


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    return [(one, other) for (one, a), (other, b) in combinations(extents(figure), 2) if a.overlaps(b)]


def values(line: Line2D) -> tuple[list[float], list[float]]:
    """What a curve is drawn of."""
    xs, ys = (np.asarray(each, float).tolist() for each in (line.get_xdata(), line.get_ydata()))
    return xs, ys


def cell(revision: str, scope: str, states: int | None, stopped: str | None = None) -> Cell:
    return Cell(revision, scope, "access", Verdict.PROVED, {}, states=states, stopped=stopped)


SAMPLES = [
    SampledRuns("random-walk", [False, True] * 50, independent=True),
    SampledRuns("delay:2", [False] * 99 + [True], independent=False),
]
CELLS = [cell("d4", "A", 33), cell("d4", "AA", 2194), cell("d3", "AA", 3000, "3,000 states"), cell("d3", "A", 30)]
REFUTED = {"no-hang": InvariantResult(Verdict.REFUTED, steps=44)}
FIGURES = {
    "matrix": matrix_of([Cell("d3-locked-drain", "AA", "access", Verdict.REFUTED, REFUTED)]),
    "life": life_of(),
    "strategies": strategies_of(SAMPLES, "d4, AA: no-hang"),
    "growth": growth_of(CELLS),
    "calibration": calibration_of([Prediction("pct:3", 0.1, 0.12, 0.01, 0.02), Prediction("urw", 0, 0.003, 0, 0)]),
}


def test_of_many_cells_each_scope_is_a_panel() -> None:
    """As many rows and columns in each; named once, at the left and above; no scope's name upon another."""
    agents, scopes = [f"d{number}" for number in range(11)], ["A", "AA", "AA+1c", "AAa", "AA+1t"]
    many = [Cell(agent, scope, "access", Verdict.REFUTED, REFUTED) for scope in scopes for agent in agents]
    drawn = matrix_of(many)
    assert (overlapping(drawn), cut_off(drawn)) == ([], [])
    panels = [axes for axes in drawn.axes if axes.axison]
    assert [axes.get_xlabel() for axes in panels] == scopes
    assert {tuple(axes.get_ylim()) for axes in panels} == {(11, 0)}
    texts = [text for text, _ in extents(drawn)]
    assert [texts.count("d10"), texts.count("no-hang"), texts.count("44")] == [2, 3, 55]


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_lies_on_another_and_none_is_cut_off(name: str) -> None:
    assert (overlapping(FIGURES[name]), cut_off(FIGURES[name])) == ([], [])


def test_the_life_of_a_prompt_has_every_row_of_its_table() -> None:
    """A box for each phase, and an arrow with its event for each row."""
    (axes,) = FIGURES["life"].axes
    texts = [text.get_text() for text in axes.texts]
    assert sorted(text for text in texts if text) == sorted([*Phase, *(words(event) for _, event in LIFE)])
    assert len([text for text in texts if not text]) == len(LIFE)


def test_a_life_in_a_run_is_the_way_that_it_went() -> None:
    """The events that happened stand there with their steps; what it never came to is pale."""
    run = everyturn.replay(HANGS)
    figure = everyturn.figures.life(run, "p2")
    assert (overlapping(figure), cut_off(figure)) == ([], [])
    texts = figure.axes[0].texts
    seen = [str(row["seen"]) for row in run.table()]
    went = {
        f"{words} {next(step for step, told in enumerate(seen) if f'{name}(prompt=p2' in told)}"
        for words, name in (
            ("submitted", "Submitted"),
            ("queued", "Queued"),
            ("taken out", "TakenOut"),
            ("folded", "Folded"),
        )
    }
    assert {text.get_text() for text in texts if text.get_fontweight() == "bold"} == went
    reached = {text.get_text() for text in texts if text.get_bbox_patch() and text.get_color() == "black"}
    assert reached == {"new", "live", "queued", "taken", "folded"}
    with pytest.raises(UsageError, match="expected one of p1, p2"):
        everyturn.figures.life(run, "p3")


def test_curves_that_are_one_are_all_seen() -> None:
    """Each is wider than the one that is drawn upon it; another curve is as wide as ever."""
    rows = [{"run": run, "no-hang": run, "nothing-lost": run, "one-turn": 0, "clean-rest": run} for run in range(3)]
    widths = {str(line.get_label()): line.get_linewidth() for line in accumulation_of(rows, "").axes[0].lines}
    assert widths == {"no-hang": 6.5, "nothing-lost": 4.0, "one-turn": 1.5, "clean-rest": 1.5}


def test_a_matrix_tells_granularities_apart() -> None:
    """In rows and in panels: the same agent in the same scope is judged twice."""
    twice = [Cell("d3", "AA", each, Verdict.REFUTED, REFUTED) for each in ("access", "await")]
    labels = [label.get_text() for label in matrix_of(twice).axes[0].get_yticklabels()]
    assert labels == ["d3  AA", "d3, await  AA"]
    scopes = ["A" * (1 + number) for number in range(25)]
    panels = matrix_of(
        [Cell("d3", each, how, Verdict.REFUTED, REFUTED) for each in scopes for how in ("access", "await")]
    )
    assert [label.get_text() for label in panels.axes[0].get_yticklabels()] == ["d3", "d3, await"]


def test_strategies_are_curves_of_shares_and_only_independent_runs_have_an_interval() -> None:
    (axes,) = FIGURES["strategies"].axes
    labels = ["random-walk: 50 of 100", "delay:2: 1 of 100 (no interval)"]
    assert [line.get_label() for line in axes.lines] == labels
    assert [values(line)[1][-1] for line in axes.lines] == [0.5, 0.01]
    assert len(axes.collections) == 1


def test_growth_is_states_by_scope_and_what_was_given_up_is_hollow() -> None:
    (axes,) = FIGURES["growth"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A", "AA"]
    drawn = {str(line.get_label()): values(line)[1] for line in axes.lines}
    assert (drawn["d4"], drawn["d3"]) == ([33, 2194], [30, 3000])
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [values(line)[1] for line in hollow] == [[3000]]


def test_predictions_stand_over_what_is_true() -> None:
    bound, unseen = FIGURES["calibration"].axes
    points = [values(line) for line in bound.lines[:2]]
    assert points == [([0.1], [0.12]), ([1e-6], [0.003])]
    assert [values(line)[1] for line in unseen.lines[:2]] == [[0.02], [1e-6]]


def test_states_of_a_scope_stand_apart() -> None:
    """Values on the nodes, operations on the arrows; the first depths of one thread."""
    graph = everyturn.check("d4", "A", invariants=["no-hang"]).graph()
    figure = everyturn.figures.states(graph.subgraph(range(8)))
    assert (overlapping(figure), cut_off(figure)) == ([], [])


def test_violations_of_a_timeline_are_named() -> None:
    """Their sentences do not lie on each other."""
    run = everyturn.replay(HANGS)
    figure = everyturn.figures.timeline(run)
    texts = [text.get_text().split(":")[0].strip() for text in figure.axes[0].texts]
    assert texts == ["no-fold-of-run-id", "no-hang"]
    assert (overlapping(figure), cut_off(figure)) == ([], [])


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_command_draws_pixels_and_vectors(ending: str, tmp_path: Path) -> None:
    picture = tmp_path / f"life.{ending}"
    result = CliRunner().invoke(main, ["figure", "life", "-o", str(picture)])
    assert (result.exit_code, result.stderr) == (0, f"life: {picture}\n")
    assert picture.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml"}[ending])


@pytest.mark.parametrize(
    "arguments",
    [
        ["life", "--of", str(HANGS), "--prompt", "p2", "--revision", "d4"],
        ["growth", "--revision", "d4", "--revision", "hardened", "--scope", "A", "--scope", "A+1c"],
        ["states", "--revision", "d4", "--scope", "A", "--invariant", "no-hang"],
        [
            "strategies",
            "--revision",
            "d3",
            "--scope",
            "AA",
            "--invariant",
            "no-hang",
            "--strategy",
            "fifo",
            "--runs",
            "9",
        ],
    ],
    ids=lambda each: each[0],
)
def test_each_figure_has_a_command(arguments: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "picture.svg"
    result = CliRunner().invoke(main, ["figure", *arguments, "-o", str(picture)])
    assert result.exit_code == 0, result.output
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["growth", "--revision", "d4"], "--scope"),
        (["states", "--scope", "A"], "--revision"),
        (["states", "--scope", "AA", "--revision", "d4"], "states"),
        (["strategies", "--revision", "d4", "--scope", "A", "--strategy", "fifo"], "--invariant"),
        (["strategies", "--revision", "d4", "--scope", "A", "--invariant", "no-hang"], "--strategy"),
    ],
)
def test_what_a_figure_lacks_is_said(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["figure", *arguments, "-o", str(tmp_path / "picture.svg")])
    assert result.exit_code == 2
    assert said in result.stderr


def test_nothing_is_drawn_of_nothing() -> None:
    with pytest.raises(UsageError, match="runs of one strategy"):
        strategies_of([], "none")
    with pytest.raises(UsageError, match="none with states"):
        growth_of([cell("d4", "A", None)])
    with pytest.raises(UsageError, match="predictions"):
        calibration_of([])

"""The matrix of verdicts as a picture: one below the other, or a panel for each scope if there are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from everyturn.reports.plots import blank, save
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.colours import COLOURS
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW: Final = 7
"""So many invariants have no room for a line of all colours below them."""
MOST_ROWS: Final = 48
"""A picture of more rows is too tall to be seen as a whole: its scopes stand side by side."""
IN_A_ROW: Final = 3
"""So many scopes stand side by side."""
KNOWN: Final = "green: proved in all interleavings · red: refuted, in so many steps"
_UNUSUAL: Final = ("await", "any")
_UNASKED: Final = InvariantResult(Verdict.NOT_JUDGED)

_Said = Mapping[str, InvariantResult]


def matrix(cells: Sequence[Cell], path: Path) -> None:
    """Write the picture of :func:`matrix_of` to ``path``. Raises :class:`~everyturn.UsageError` if it cannot be."""
    save(matrix_of(cells), path)


def matrix_of(cells: Sequence[Cell]) -> Figure:
    """Agents and scopes as rows, invariants and conformance as columns; each refuted cell says in how many steps. Of
    many cells in several scopes each scope is a panel of its own, with the agents as rows."""
    names = list(dict.fromkeys(name for cell in cells for name in _said(cell)))
    scopes = list(dict.fromkeys(cell.scope for cell in cells))
    if len(cells) > MOST_ROWS and len(scopes) > 1:
        return _panels(cells, names, scopes)
    figure, axes = blank(max(4.8, 2.6 + 0.62 * len(names)), 1.6 + 0.26 * len(cells))
    _draw(axes, [_said(cell) for cell in cells], names, digits=7)
    for row in range(1, len(cells)):
        if cells[row].scope != cells[row - 1].scope:
            axes.axhline(row, color="#333333", linewidth=0.8)
    _name_columns(axes, names)
    _name_rows(axes, [f"{_agent(cell)}  {cell.scope}" for cell in cells])
    figure.supxlabel(f"{KNOWN}{' · ' if len(names) > FEW else chr(10)}grey: vacuous · yellow: not known", fontsize=8)
    return figure


def _panels(cells: Sequence[Cell], names: Sequence[str], scopes: Sequence[str]) -> Figure:
    """A panel for each scope, all with the same rows and columns, which are named at the left and above."""
    from everyturn.reports.picture import Picture

    agents = list(dict.fromkeys(map(_agent, cells)))
    said = {(cell.scope, _agent(cell)): _said(cell) for cell in cells}
    across = min(IN_A_ROW, len(scopes))
    down = -(-len(scopes) // across)
    size = (2.0 + max(1.6, 0.27 * len(names)) * across, 1.9 + (0.19 * len(agents) + 0.4) * down)
    figure = Picture(figsize=size, layout="constrained")
    panels = figure.subplots(down, across, squeeze=False)
    for place, axes in enumerate(panels.flat):
        if place >= len(scopes):
            axes.set_axis_off()
            continue
        _draw(axes, [said.get((scopes[place], agent), {}) for agent in agents], names, digits=6)
        _name_columns(axes, names if place < across else [])
        _name_rows(axes, agents if place % across == 0 else [])
        axes.set_xlabel(scopes[place], fontsize=9, fontweight="bold")
    figure.supxlabel(f"{KNOWN} · grey: vacuous · yellow: not known", fontsize=9)
    return figure


def _agent(cell: Cell) -> str:
    """Whose cell it is, and where threads could be interleaved, or in which order callbacks ran, if that is unusual."""
    return f"{cell.revision}, {cell.granularity}" if cell.granularity in _UNUSUAL else cell.revision


def _said(cell: Cell) -> _Said:
    """What is said of each invariant in a cell, and of conformance."""
    return cell.invariants | ({} if cell.conforms is None else {CONFORMS: cell.conforms})


def _draw(axes: Axes, rows: Sequence[_Said], names: Sequence[str], *, digits: int) -> None:
    """The verdicts in their colours, and how many steps refute, in digits of this size."""
    for row, said in enumerate(rows):
        for column, name in enumerate(names):
            judged = said.get(name, _UNASKED)
            axes.fill_between([column, column + 1], row, row + 1, color=COLOURS[judged.verdict], edgecolor="white")
            if judged.steps is not None:
                middle = (column + 0.5, row + 0.5)
                axes.text(*middle, str(judged.steps), ha="center", va="center", fontsize=digits, color="white")
    axes.set_xlim(0, len(names))
    axes.set_ylim(len(rows), 0)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _name_columns(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xticks(
        [column + 0.5 for column in range(len(names))],
        names,
        rotation=45,
        ha="left",
        rotation_mode="anchor",
        fontsize=8,
    )
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("bottom")
    axes.tick_params(length=0)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks([row + 0.5 for row in range(len(names))], names, fontsize=8)

"""Pictures of samples and of small graphs of states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from everyturn.errors import UsageError
from everyturn.reports.plots import blank
from everyturn.verdicts.colours import COLOURS
from everyturn.verdicts.verdict import Verdict
from everyturn_impl.calls import Call, Context

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import MultiDiGraph

MOST_STATES: Final = 400
"""Larger graphs cannot be read."""
IN_A_LINE: Final = 9
"""So many depths are drawn side by side."""


def accumulation_of(rows: Sequence[Mapping[str, int]], title: str) -> Figure:
    """In how many runs each invariant was violated, as runs accumulate; ``rows``: the run's number, and for each
    invariant how many runs so far violate it."""
    figure, axes = blank(8, 4.5)
    curves = {name: [row[name] for row in rows] for name in (rows[0] if rows else ()) if name != "run"}
    drawn = list(curves.values())
    for place, (name, curve) in enumerate(curves.items()):
        width = 1.5 + 2.5 * drawn[place + 1 :].count(curve)  # of curves that are one, each shows beside the next
        axes.step([row["run"] + 1 for row in rows], curve, where="post", label=name, linewidth=width)
    axes.set_xlabel("runs")
    axes.set_ylabel("runs that violate it")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False, fontsize=8)
    return figure


def states_of(graph: MultiDiGraph, show: Sequence[str]) -> Figure:
    """The states of a small scope (:meth:`CheckResult.graph`), those of one depth in one column; ``show``: the values
    on each node.

    At rest a node has a thick edge; one where something is violated is red. Raises :class:`~everyturn.UsageError` for
    a graph that nobody could read, and for a value that is not known.
    """
    import networkx

    if len(graph) > MOST_STATES:
        raise UsageError(
            f"states: expected at most {MOST_STATES:,} states to draw, found {len(graph):,}: "
            f"choose a smaller scope or fewer invariants"
        )
    known = list(graph.nodes[0])
    if not set(show) <= set(known):
        raise UsageError(f"states: expected values among {', '.join(known)}; found {', '.join(show)}")
    places = _places(graph)
    width, height = (
        max(place[axis] for place in places.values()) - min(place[axis] for place in places.values()) for axis in (0, 1)
    )
    figure, axes = blank(2 + 2.1 * width, 1.6 + 1.3 * height)
    wrong = {source for source, _, violates in graph.edges(data="violates") if violates}
    red = [bool(data["violated"]) or node in wrong for node, data in graph.nodes(data=True)]
    networkx.draw_networkx(
        networkx.DiGraph(graph),
        places,
        ax=axes,
        labels={
            node: "\n".join(f"{name}: {_short(data[name])}" for name in show) for node, data in graph.nodes(data=True)
        },
        node_color=[COLOURS[Verdict.REFUTED] if each else "#dfe9f3" for each in red],
        linewidths=[2.5 if data["rest"] else 0.5 for _, data in graph.nodes(data=True)],
        edgecolors="#333333",
        node_size=2600,
        font_size=6,
        arrowsize=8,
        width=0.6,
    )
    moves = {(source, target): label.split(" / ")[0] for source, target, label in graph.edges(data="label")}
    networkx.draw_networkx_edge_labels(networkx.DiGraph(graph), places, moves, ax=axes, font_size=5)
    axes.set_title(f"{graph.graph['revision']}, {graph.graph['scope']}: {len(graph):,} states", loc="left", fontsize=10)
    axes.set_axis_off()
    return figure


def _places(graph: MultiDiGraph) -> dict[int, tuple[float, float]]:
    """Where each state is drawn: those of one depth one above the other, line by line, to and fro."""
    columns: dict[int, list[int]] = defaultdict(list)
    for node, depth in graph.nodes(data="depth"):
        columns[depth].append(node)
    tops: dict[int, int] = {}
    for depth, nodes in columns.items():
        tops[depth // IN_A_LINE] = max(tops.get(depth // IN_A_LINE, 0), len(nodes))
    places: dict[int, tuple[float, float]] = {}
    for depth, nodes in columns.items():
        line, place = divmod(depth, IN_A_LINE)
        x = place if line % 2 == 0 else IN_A_LINE - 1 - place
        above = sum(tops[each] for each in range(line)) + tops[line] / 2
        for row, node in enumerate(nodes):
            places[node] = (x, (len(nodes) - 1) / 2 - row - above)
    return places


_SHORT: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (Context, lambda context: context.name or "workspace"),
    (Call, lambda call: str(call.prompt)),
    (tuple, lambda values: ", ".join(map(_short, values)) or "–"),
)


def _short(value: Any) -> str:
    """A shared value in a word."""
    if value is None:
        return "–"
    return next((short(value) for kind, short in _SHORT if isinstance(value, kind)), str(value))

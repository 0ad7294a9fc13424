"""The life of a prompt as a picture, drawn from its table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from everyturn.reports.plots import STREAM, TURN, WAIT, blank
from everyturn_model.events import Event
from everyturn_model.lifecycle import FATES, LIFE, Phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLACES: Final[Mapping[Phase, tuple[float, float]]] = {
    Phase.NEW: (0, 0),
    Phase.LIVE: (2.2, 0),
    Phase.REFUSED: (2.2, 1.9),
    Phase.QUEUED: (4.6, -1.7),
    Phase.TAKEN: (7.4, -1.7),
    Phase.TURN: (9.4, 0),
    Phase.LEFT: (7, 1.9),
    Phase.FAILED: (2.2, -3.8),
    Phase.CANCELLED_ON_ENTRY: (4.9, -3.8),
    Phase.FOLDED: (7.4, -3.8),
    Phase.DROPPED: (9.4, -3.8),
}
"""Where each phase stands, chosen so that no label lies on another."""
_ALONG: Final = {
    (Phase.LIVE, Phase.FAILED): 0.3,
    (Phase.LIVE, Phase.CANCELLED_ON_ENTRY): 0.62,
    (Phase.LEFT, Phase.QUEUED): 0.33,
    (Phase.TAKEN, Phase.FAILED): 0.4,
    (Phase.TAKEN, Phase.CANCELLED_ON_ENTRY): 0.7,
    (Phase.LIVE, Phase.TURN): 0.28,
}
"""How far along its arrow a label stands, where the middle is taken."""
_AGAIN: Final = 0.22
"""How much an arrow is bent that has one the other way beside it."""
_BENT: Final = {(Phase.TAKEN, Phase.FAILED): -0.1}
"""Others that would lie on one."""


def life_of(table: Mapping[tuple[Phase, type[Event]], Phase] = LIFE) -> Figure:
    """Phases of a prompt's life as boxes, the events that lead from one to the next as arrows; a phase that decides the
    prompt's fate without a turn has a thick edge."""
    figure, axes = blank(9.5, 5.6)
    boxes = {phase: _box(axes, phase) for phase in PLACES}
    for (before, event), after in table.items():
        _arrow(
            axes, boxes, before, after, words(event), both=(after, before) in {(b, a) for (b, _), a in table.items()}
        )
    axes.set_xlim(-0.8, 10.4)
    axes.set_ylim(-4.4, 2.5)
    axes.set_title("The life of a prompt: phases, and the events between them", loc="left", fontsize=10)
    axes.set_axis_off()
    return figure


def words(event: type[Event]) -> str:
    """The name of a kind of event in words: ``TurnStarted`` is *turn started*."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.__name__).lower()


def _box(axes: Any, phase: Phase) -> Any:
    ends = str(phase) in {str(fate) for fate in FATES.values()}
    colour = {Phase.QUEUED: WAIT, Phase.TAKEN: WAIT, Phase.TURN: TURN, Phase.LEFT: TURN}.get(phase, "#f3f5f7")
    style = {"boxstyle": "round,pad=0.5", "facecolor": colour, "edgecolor": "#333333", "linewidth": 2 if ends else 0.8}
    return axes.text(*PLACES[phase], str(phase), ha="center", va="center", fontsize=9, bbox=style, zorder=3)


def _arrow(axes: Any, boxes: Mapping[Phase, Any], before: Phase, after: Phase, label: str, *, both: bool) -> None:
    """From one box to another, with its label on it."""
    (x0, y0), (x1, y1) = PLACES[before], PLACES[after]
    bent = _AGAIN if both else _BENT.get((before, after), 0.0)
    look = {
        "arrowstyle": "-|>",
        "connectionstyle": f"arc3,rad={bent}",
        "color": STREAM,
        "patchA": boxes[before].get_bbox_patch(),
        "patchB": boxes[after].get_bbox_patch(),
        "shrinkA": 2,
        "shrinkB": 2,
    }
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=look, zorder=1)
    share = _ALONG.get((before, after), 0.5)
    place = (x0 + share * (x1 - x0) + bent / 2 * (y1 - y0), y0 + share * (y1 - y0) - bent / 2 * (x1 - x0))
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.text(*place, label, ha="center", va="center", fontsize=7.5, color="#333333", bbox=behind, zorder=2)

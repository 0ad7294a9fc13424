"""The life of a prompt as a picture, drawn from its table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from everyturn.errors import UsageError
from everyturn.printing import one_of
from everyturn.reports.plots import STREAM, TURN, WAIT, blank
from everyturn_model.events import Event
from everyturn_model.lifecycle import FATES, LIFE, Ledger, Phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from everyturn.runs.run import Run

Walked = Mapping[tuple[Phase, type[Event]], Sequence[int]]
"""Rows of the table that a prompt's life took → the steps in which it did."""

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
_PALE, _UNREACHED = "#d5d9dd", "#9aa3ab"
"""Lines and letters of what a life never came to."""


def life_of(
    table: Mapping[tuple[Phase, type[Event]], Phase] = LIFE,
    walked: Walked | None = None,
    title: str = "The life of a prompt: phases, and the events between them",
) -> Figure:
    """Phases of a prompt's life as boxes, the events that lead from one to the next as arrows; a phase that decides the
    prompt's fate without a turn has a thick edge. ``walked``: one life, whose arrows say in which steps; what it never
    came to is pale."""
    figure, axes = blank(9.5, 5.6)
    both = {(before, after) for (before, _), after in table.items()}
    reached = set(PLACES) if walked is None else {Phase.NEW, *(table[row] for row in walked)}
    boxes = {phase: _box(axes, phase, pale=phase not in reached) for phase in PLACES}
    for row, after in table.items():
        before, event = row
        steps = None if walked is None else walked.get(row, ())
        _arrow(axes, boxes, before, after, words(event), both=(after, before) in both, steps=steps)
    axes.set_xlim(-0.8, 10.4)
    axes.set_ylim(-4.4, 2.5)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_axis_off()
    return figure


def life_in(run: Run, prompt: str) -> Figure:
    """The life of one prompt in a run. Raises :class:`UsageError` for one that was never submitted there."""
    walked: dict[tuple[Phase, type[Event]], list[int]] = {}
    ledger, seen = Ledger(), set[str]()
    for step, events in enumerate(run.seen()):
        for event in events:
            before, ledger = ledger.get(prompt), ledger.step(event)
            after = ledger.get(prompt)
            seen |= {life.prompt for life in ledger}
            was, now = (Phase.NEW if each is None else each.phase for each in (before, after))
            if was is not now and (was, type(event)) in LIFE:
                walked.setdefault((was, type(event)), []).append(step)
    if prompt not in seen:
        raise UsageError(f"prompt {prompt!r}: expected {one_of(sorted(seen), prompt)} of the run")
    return life_of(LIFE, walked, f"The life of {prompt} in {run.revision}, {run.scope}; beside each event its step")


def words(event: type[Event]) -> str:
    """The name of a kind of event in words: ``TurnStarted`` is *turn started*."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.__name__).lower()


def _box(axes: Any, phase: Phase, *, pale: bool) -> Any:
    ends = str(phase) in {str(fate) for fate in FATES.values()}
    colour = {Phase.QUEUED: WAIT, Phase.TAKEN: WAIT, Phase.TURN: TURN, Phase.LEFT: TURN}.get(phase, "#f3f5f7")
    style = {"boxstyle": "round,pad=0.5", "facecolor": colour, "edgecolor": "#333333", "linewidth": 2 if ends else 0.8}
    if pale:
        style |= {"facecolor": "white", "edgecolor": _PALE}
    ink = _UNREACHED if pale else "black"
    return axes.text(*PLACES[phase], str(phase), ha="center", va="center", fontsize=9, color=ink, bbox=style, zorder=3)


def _arrow(
    axes: Any,
    boxes: Mapping[Phase, Any],
    before: Phase,
    after: Phase,
    label: str,
    *,
    both: bool,
    steps: Sequence[int] | None,
) -> None:
    """From one box to another, with its label on it. ``steps``: in which steps one life went along it; none: the arrow
    is of the table, and of no life."""
    (x0, y0), (x1, y1) = PLACES[before], PLACES[after]
    bent = _AGAIN if both else _BENT.get((before, after), 0.0)
    look = {
        "arrowstyle": "-|>",
        "connectionstyle": f"arc3,rad={bent}",
        "color": STREAM if steps is None or steps else _PALE,
        "linewidth": 2.4 if steps else 1.0,
        "patchA": boxes[before].get_bbox_patch(),
        "patchB": boxes[after].get_bbox_patch(),
        "shrinkA": 2,
        "shrinkB": 2,
    }
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=look, zorder=1)
    share = _ALONG.get((before, after), 0.5)
    place = (x0 + share * (x1 - x0) + bent / 2 * (y1 - y0), y0 + share * (y1 - y0) - bent / 2 * (x1 - x0))
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    ink = "#333333" if steps is None or steps else _UNREACHED
    text = f"{label} {', '.join(map(str, steps))}" if steps else label
    weight = "bold" if steps else "normal"
    axes.text(*place, text, ha="center", va="center", fontsize=7.5, color=ink, weight=weight, bbox=behind, zorder=2)

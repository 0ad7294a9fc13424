"""Pictures: their colours and files, and one run as a timeline with its violations marked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from everyturn.errors import UsageError
from everyturn.files.writing import written
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.colours import COLOURS
from everyturn.verdicts.verdict import Verdict
from everyturn_model import events as ev

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from everyturn.runs.run import Run
    from everyturn.verdicts.checker import Finding

TURN, SUMMARY, WAIT, STREAM = "#8fb8de", "#c3b1e1", "#f0e2b6", "#3d6fa5"
MARKS: Final = {
    ev.Submitted: ("submitted", "o", "#333333"),
    ev.Queued: ("queued", ">", "#a0752a"),
    ev.Folded: ("folded", "X", "#c8553d"),
    ev.Dropped: ("dropped", "x", "#555555"),
    ev.CancelledOnEntry: ("cancelled on entry", "x", "#555555"),
    ev.Completed: ("completion", "*", "#2a7f4f"),
    ev.ErrorNotified: ("error told", "P", "#c8553d"),
    ev.CancelCalled: ("Cancel", "v", "#7a2e8a"),
    ev.CancelReturned: ("Cancel returned", "^", "#7a2e8a"),
    ev.ClearCalled: ("ClearQueue", "v", "#2e6f8a"),
}
_DATES: Final = {".svg": "Date", ".pdf": "CreationDate"}
"""Where a picture would say when it was drawn."""
SHORT: Final = 80
"""A run of so many steps has room enough in the width of a page."""


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """A picture of this size in inches, with one pair of axes; no window belongs to it."""
    from everyturn.reports.picture import Picture

    figure = Picture(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def save(figure: Figure, path: Path) -> None:
    """Write a picture, the same bytes whenever it is drawn. Raises :class:`UsageError` if it cannot be written."""
    from matplotlib import rc_context

    date = _DATES.get(path.suffix.lower())
    try:
        with rc_context({"svg.hashsalt": "everyturn"}):
            drawn = io.BytesIO()
            form = path.suffix[1:].lower() or "png"
            figure.savefig(drawn, dpi=150, format=form, metadata={date: None} if date else None)
        written(path, [drawn.getvalue()])
    except ValueError as error:
        raise UsageError(f"{path}: expected a picture that can be drawn; found: {error}") from error


def timeline(run: Run, findings: Sequence[tuple[int, Finding]], path: Path, title: str | None = None) -> None:
    """Write the picture of :func:`timeline_of` to ``path``. Raises :class:`UsageError` as :func:`save` does."""
    save(timeline_of(run, findings, title), path)


def timeline_of(run: Run, findings: Sequence[tuple[int, Finding]], title: str | None = None) -> Figure:
    """One run: a row for each prompt and operation, steps from left to right, violations as red lines."""
    rows = _rows(run)
    end = len(run.steps)
    figure, axes = blank(8.5 if end <= SHORT else 11, 1.6 + 0.55 * len(rows))
    _bars(axes, run, rows)
    _marks(axes, run, rows)
    first: dict[str, tuple[int, Finding]] = {}
    for step, finding in findings:
        if finding.invariant != CONFORMS:
            first.setdefault(finding.invariant, (step, finding))
    for row, (step, finding) in enumerate(first.values()):
        _violation(axes, step, f" {finding.invariant}: {finding.sentence} ", -0.75 - 0.28 * row, left=step > end / 2)
    axes.set_ylim(len(rows) - 0.4, -0.9 - 0.28 * len(first))
    axes.set_xlim(-1, end + 1)
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xlabel("step")
    axes.set_title(title or f"{run.revision}, {run.scope}", loc="left", fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=7, fontsize=8, frameon=False)
    return figure


def _violation(axes: Axes, step: int, sentence: str, height: float, *, left: bool) -> None:
    """A red line up to its sentence, which stands to its ``left`` or right, in front of the lines of others."""
    colour = COLOURS[Verdict.REFUTED]
    axes.plot([step, step], [20, height + 0.14], color=colour, linewidth=1.4, alpha=0.8, zorder=2.5)
    side = "right" if left else "left"
    behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    axes.text(step, height, sentence, fontsize=8, ha=side, color=colour, bbox=behind, zorder=4)


def _rows(run: Run) -> dict[str, int]:
    names: dict[str, int] = {}
    for events in run.seen():
        for event in events:
            name = getattr(event, "prompt", None) or getattr(event, "operation", None)
            if name is not None and not isinstance(event, ev.SummariseReturned):
                names.setdefault(name, len(names))
    return {name: row for row, name in enumerate(sorted(names))}


def _bars(axes: Axes, run: Run, rows: dict[str, int]) -> None:
    """Turns, streams and waiting in the queue as bars on the prompt's row."""
    begun: dict[tuple[str, str], int] = {}
    owner: dict[str, str] = {}

    def bar(kind: str, key: str, prompt: str | None, end: int, colour: str, height: float, label: str) -> None:
        start = begun.pop((kind, key), None)
        if start is not None and prompt in rows:
            axes.barh(
                rows[prompt],
                end - start,
                left=start,
                height=height,
                color=colour,
                label=label,
                zorder=2 if kind == "stream" else 1,
            )

    for step in run.steps:
        for event in step.events:
            match event:
                case ev.TurnStarted(turn=turn, prompt=prompt):
                    owner[turn] = prompt
                    begun["turn", turn] = step.number
                case ev.StreamStarted(turn=turn):
                    begun["stream", turn] = step.number
                case ev.StreamEnded(turn=turn):
                    bar("stream", turn, owner.get(turn), step.number, STREAM, 0.2, "stream")
                case ev.TurnReleased(turn=turn):
                    bar("turn", turn, owner.get(turn), step.number, TURN, 0.5, "turn")
                case ev.Queued(prompt=prompt):
                    begun["queue", prompt] = step.number
                case ev.TakenOut(prompt=prompt):
                    bar("queue", prompt, prompt, step.number, WAIT, 0.5, "in the queue")
                case ev.SummaryStarted(summary=summary, thread=thread):
                    owner[summary] = thread
                    begun["summary", summary] = step.number
                case ev.SummaryReleased(summary=summary):
                    bar("summary", summary, owner.get(summary), step.number, SUMMARY, 0.5, "summary")
    for kind, key in list(begun):
        colour, label = {"queue": (WAIT, "in the queue"), "turn": (TURN, "turn")}.get(kind, (STREAM, "stream"))
        bar(kind, key, owner.get(key, key), len(run.steps), colour, 0.5, label)


def _marks(axes: Axes, run: Run, rows: dict[str, int]) -> None:
    for step in run.steps:
        for event in step.events:
            mark = MARKS.get(type(event))
            name = getattr(event, "prompt", None) or getattr(event, "operation", None)
            if mark is None or name not in rows or (isinstance(event, ev.Completed) and not event.delivered):
                continue
            label, shape, colour = mark
            axes.plot(
                step.number, rows[name], shape, color=colour, markersize=9, label=label, linestyle="none", zorder=3
            )

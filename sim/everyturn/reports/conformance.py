"""How one recorded run is explained: what was seen, line by line, and where each hidden step was put."""

from __future__ import annotations

from collections.abc import Iterator

from everyturn.conforming import RunMatch
from everyturn.reports.text import event_text


def explanation(run: RunMatch) -> Iterator[str]:
    """One line for each step; those that no line tells are marked ``+`` and stand before the line that needs them."""
    yield f"{run.file}: run {run.run}: {run.matched.answer}"
    refusals = {refused.place: refused for refused in reversed(run.matched.refusals)}
    for step in run.matched.explanation:
        refused = refusals.pop(step.place, None)
        if refused is not None:
            yield f"{step.place:>6} ! {refused.needed[0]}"
        yield f"{step.place:>6} {'+' if step.hidden else ' '} {event_text(step.event)}"
    for place, refused in sorted(refusals.items()):
        yield f"{place:>6} ! {refused.needed[0]}"

"""Whether the end of a recorded run says of its clients what the lines before it show: no dispatcher could write both otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from everyturn.formats import crush_lines as crush
from everyturn.formats.crush_dispatch import RecordedRun


def contradiction(run: RecordedRun) -> str | None:
    """What the end says otherwise: who waits for a completion, who got two, whom an error notification told; none if nothing."""
    asked: dict[str, None] = {}
    told: Counter[str] = Counter()
    notified: list[str] = []
    for _, event in run.logged:
        match event:
            case crush.AcceptCall(run_id=str(run_id)) | crush.RunCall(run_id=str(run_id)):
                asked[run_id] = None
            case crush.Delivery(run_id=str(run_id)) | crush.Completion(run_id=str(run_id), via="broker"):
                told[run_id] += 1
            case crush.AgentError(run_id=run_id):
                notified.append(run_id or "")
            case crush.End():
                shown = {
                    "waiting": ([each for each in asked if not told[each]], event.waiting),
                    "twice": ([each for each, often in told.items() if often > 1], event.twice),
                    "notified_error": (notified, event.notified_error),
                }
                for field, (lines, end) in shown.items():
                    if sorted(lines) != sorted(end):
                        return f"the end says `{field}` {_all(end)}, and the lines before it show {_all(lines)}"
    return None


def _all(names: Iterable[str]) -> str:
    return ", ".join(names) or "nobody"

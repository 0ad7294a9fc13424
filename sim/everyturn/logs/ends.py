"""Whether a recorded run agrees with itself: what its end says of the clients, and its streams of the prompts they
answer.

No dispatcher could write both otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from everyturn.formats import crush_lines as crush
from everyturn.formats.crush_dispatch import RecordedRun


def contradiction(run: RecordedRun) -> str | None:
    """What a run says otherwise than its own lines; none if nothing."""
    return _of_the_end(run) or _of_a_stream(run)


def _of_a_stream(run: RecordedRun) -> str | None:
    """What a stream says otherwise of the prompts that it answers: those whose messages came since the last answer.

    The first step of a turn answers its own prompt and what was folded since, each further step what was folded into
    it; a prompt whose message was never written is answered by nobody, unless a write that failed may have left it
    behind.
    """
    written: set[str] = set()
    folded: dict[str, list[str]] = {}
    sure = True
    for _, event in run.logged:
        match event:
            case crush.StoreFailed():
                sure = False
            case crush.UserMessage(prompt=prompt, by=by, turn=turn):
                written.add(prompt)
                if by == "fold" and turn is not None:
                    folded.setdefault(turn, []).append(prompt)
            case crush.StreamStartLine(turn=turn, step=step, prompts=prompts):
                folds = folded.pop(turn, [])
                whole = step > 1 and sorted(prompts) != sorted(folds)
                own = step == 1 and turn in written and not {turn, *folds} <= set(prompts)
                if sure and (whole or own or not set(prompts) <= written):
                    return (
                        f"step {step} of {turn} says that it answers {_all(prompts)}, and the lines before it show "
                        f"{_all([turn, *folds] if step == 1 else folds)} of those whose messages were written"
                    )
    return None


def _of_the_end(run: RecordedRun) -> str | None:
    """What the end says otherwise: who waits for a completion, who got two, whom an error notification told; none if
    nothing."""
    asked: dict[str, None] = {}
    told: Counter[str] = Counter()
    notified: list[str] = []
    for _, event in run.logged:
        match event:
            case crush.AcceptCall(run_id=str(run_id)) | crush.RunCall(run_id=str(run_id)):
                asked[run_id] = None
            case crush.Delivery(run_id=str(run_id)) | crush.CompletionLine(run_id=str(run_id), via="broker"):
                told[run_id] += 1
            case crush.AgentErrorLine(run_id=run_id):
                notified.append(run_id or "")
            case crush.EndLine():
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

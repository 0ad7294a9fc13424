"""Which revision wrote this recording?"""
from __future__ import annotations

from collections.abc import Iterator

from everyturn.engines.matching import Expected
from everyturn.formats import crush_lines as crush
from everyturn.formats.crush_dispatch import RecordedRun
from everyturn.recorder import SUMMARY, Line, line
from everyturn.scope import Scope
from everyturn_model.events import SharedData

_HOW = {"finish": "finished", "tool": "tool", "error": "error", "cancelled": "cancelled"}
_ERRORS = {"context_canceled": "cancelled"}
_THREADS = {"cancel": "cancel", "clear": "clear", "summarize": "summarise"}


class _Names:
    """The recording's names in the order of their first line, and ours."""

    def __init__(self, run: RecordedRun) -> None:
        kinds = {each.id: each for each in run.begin.scenario.prompts}
        self.ours: dict[str, str] = {}
        self.run_ids: dict[str, str] = {}
        self.kinds = ""
        self.counts = dict.fromkeys(_THREADS, 0)
        called = {event.prompt for _, event in run.logged if isinstance(event, crush.AcceptCall | crush.RunCall)}
        for name, prompt in kinds.items():
            if name in called:
                self.kinds += prompt.kind
                self.ours[name] = f"p{len(self.kinds)}"
        for _, event in run.logged:
            match event:
                case crush.CancelCall(op=op) | crush.ClearCall(op=op) | crush.SummarizeCall(op=op):
                    kind = str(type(event).__struct_config__.tag).partition("_")[0]
                    self.counts[kind] += 1
                    self.ours[op] = f"{_THREADS[kind]}{self.counts[kind]}"
                case crush.AcceptCall(prompt=prompt, run_id=str(run_id)) | crush.RunCall(prompt=prompt, run_id=str(run_id)):
                    self.run_ids[run_id] = self.ours[prompt]


def scope_of(run: RecordedRun) -> Scope:
    names = _Names(run)
    ends = [event.how for _, event in run.logged if isinstance(event, crush.StreamEnd)]
    return Scope(
        names.kinds,
        cancels=names.counts["cancel"],
        clears=names.counts["clear"],
        summaries=names.counts["summarize"],
        errors=len(ends) if "error" in ends else 0,
        tools=len(ends) if "tool" in ends else 0,
        direct=0 if run.begin.scenario.hook else 1,
    )


def expected_of(run: RecordedRun) -> Expected:
    names = _Names(run)
    lines: list[tuple[str, Line]] = []
    rest = None
    wrote: dict[str, str] = {}
    for _, event in run.logged:
        if isinstance(event, crush.Begin):
            continue
        if isinstance(event, crush.End):
            rest = SharedData("turn" if event.busy else None, tuple(names.ours[q] for q in event.queued), event.accepted, event.mark)
            continue
        thread, told = _line(event, names, wrote)
        wrote[thread] = told.ev
        lines.append((thread, told))
    return Expected(tuple(lines), rest)


def _line(event, names, wrote):
    o = names.ours
    def turn(t): return SUMMARY if t.startswith("summary:") else o[t]
    def text(t): return None if t is None else "answer:" + o.get(t.removeprefix("answer:"), t)
    def err(e): return None if e is None else _ERRORS.get(e, e)
    match event:
        case crush.AcceptCall(): return o[event.prompt], line("accept_call", prompt=o[event.prompt])
        case crush.AcceptReturn(): return o[event.prompt], line("accept_return", prompt=o[event.prompt], accept_seq=event.accept_seq)
        case crush.RunCall(): return o[event.prompt], line("run_call", prompt=o[event.prompt])
        case crush.RunReturn():
            t = o[event.prompt]
            oc = event.outcome
            if oc in ("ok","nil","busy-queued","cancel-on-entry"):
                silent = wrote[t] == "run_call"
                oc = "ok" if silent == (oc == "busy-queued") else oc
            return t, line("run_return", prompt=t, outcome=oc)
        case crush.CancelCall(): return o[event.op], line("cancel_call")
        case crush.CancelReturn(): return o[event.op], line("cancel_return")
        case crush.ClearCall(): return o[event.op], line("clear_call")
        case crush.ClearReturn(): return o[event.op], line("clear_return")
        case crush.SummarizeCall(): return o[event.op], line("summarize_call")
        case crush.SummarizeReturn(): return o[event.op], line("summarize_return", outcome=event.outcome)
        case crush.UserMessage(): return o[event.thread], line("user_message", prompt=o[event.prompt], by=event.by, turn=None if event.turn is None else o[event.turn])
        case crush.StoreFailed(): return o[event.thread], line("store_failed", prompt=o[event.prompt], by=event.by)
        case crush.StreamStart(): return o[event.thread], line("stream_start", turn=turn(event.turn), step=event.step)
        case crush.StreamEnd(): return o[event.thread], line("stream_end", turn=turn(event.turn), step=event.step, how=_HOW[event.how])
        case crush.Completion(): return o[event.thread], line("completion", prompt=None if event.run_id is None else names.run_ids[event.run_id], via=event.via, cancelled=event.cancelled, error=err(event.error), has_message=event.has_message, text=text(event.text))
        case crush.Delivery(): return o[event.prompt], line("delivery", prompt=None if event.run_id is None else names.run_ids[event.run_id], cancelled=event.cancelled, text=text(event.text))
        case crush.AgentError(): return o[event.prompt], line("agent_error", prompt=o[event.prompt], named=event.run_id is not None, error=err(event.error))
    raise AssertionError(event)

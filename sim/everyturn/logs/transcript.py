"""The lines of ``crush-dispatch-trace/1`` as values that our own runs and recorded ones are compared by.

Prompts are called ``p1``, ``p2``, … in the scenario's order, operations ``cancel1``, ``clear1``, ``summarise1``, … in
the order of their calls. Left out is what none of our dispatchers models or what other lines tell anyhow: the texts and
requests, the times, ``by`` of a completion, ``turns`` of a return, and of the end who waits or was told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from everyturn.formats import crush_lines as crush
from everyturn.formats.crush_dispatch import RecordedRun
from everyturn.logs.ends import contradiction
from everyturn.world.scope import Scope
from everyturn_model.events import SharedData

SUMMARY: Final = "summary"
"""The turn of a summary's stream; whose summary it is, the thread tells."""
OTHER: Final = "other"
"""An error that is neither the provider's nor a cancellation."""
_HOW: Final = {"finish": "finished", "tool": "tool", "error": "error", "cancelled": "cancelled"}
_ERRORS: Final = {"context_canceled": "cancelled", "provider": "provider"}
_BEFORE: Final = ("u:p0", "a:answer:p0:end_turn")
_OPERATIONS: Final = {"cancel": "cancel", "clear": "clear", "summarize": "summarise"}


class TranscriptLine(NamedTuple):
    """One line: the kind of event, and what it tells, as pairs of field and value."""

    ev: str
    told: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return " ".join((self.ev, *(f"{name}={value}" for name, value in self.told if value is not None)))

    def fits(self, logged: TranscriptLine) -> bool:
        """Whether both lines tell of the same, as far as both say it: `d0`, say, knows of no accept sequence."""
        if self.ev != logged.ev:
            return False
        said = dict(logged.told)
        return all(said.get(name, value) == value for name, value in self.told)


def line(ev: str, **told: Any) -> TranscriptLine:
    """A line; its fields in order of their names."""
    return TranscriptLine(ev, tuple(sorted(told.items())))


class WrittenLine(NamedTuple):
    """A line, and the thread that wrote it."""

    thread: str
    line: TranscriptLine

    def __str__(self) -> str:
        return f"{self.thread}: {self.line}"


class Transcript(NamedTuple):
    """A run as its recorder tells it: the scope it needs, its lines, and the shared data at rest if it came to rest.

    ``returned``: at rest every call has. ``stored``: the messages in the store then, in the order in which they were
    created, as recordings tell them, without those of the exchange before the run; none if that is not known.
    ``places``: where each line stands in its file; the last is that of the end, if it is there.
    """

    scope: Scope
    lines: tuple[WrittenLine, ...]
    rest: SharedData | None = None
    returned: bool = True
    stored: tuple[str, ...] | None = None
    places: tuple[int, ...] = ()
    contradiction: str | None = None
    """What the recording says otherwise than its own lines do."""


def transcript_of(run: RecordedRun) -> Transcript:
    """The transcript of a recorded run.

    The scope holds the prompts and operations that were called, and lets streams end as they ended here. Stores fail by
    themselves only where an error is told that is neither the provider's nor a cancellation.
    """
    names = _Names(run)
    lines: list[WrittenLine] = []
    places: list[int] = []
    rest: SharedData | None = None
    returned, stored = True, None
    latest: dict[str, str] = {}
    for number, event in run.logged:
        if isinstance(event, crush.Begin):
            continue
        places.append(number)
        if isinstance(event, crush.EndLine):
            queued = tuple(names.prompt(each) for each in event.queued)
            rest = SharedData("something" if event.busy else None, queued, event.accepted, event.mark)
            returned, stored = event.returned, tuple(names.stored(event.store))
            continue
        told = names.told(event, latest)
        latest[told.thread] = told.line.ev
        lines.append(told)
    return Transcript(_scope(run, names), tuple(lines), rest, returned, stored, tuple(places), contradiction(run))


def _scope(run: RecordedRun, names: _Names) -> Scope:
    ends = [event.how for _, event in run.logged if isinstance(event, crush.StreamEndLine)]
    strange = any(_error(getattr(event, "error", None)) == OTHER for _, event in run.logged)
    failed = sum(isinstance(event, crush.StoreFailed) for _, event in run.logged)
    return Scope(
        names.kinds,
        cancels=names.called["cancel"],
        clears=names.called["clear"],
        summaries=names.called["summarize"],
        errors=ends.count("error"),
        tools=ends.count("tool"),
        failures=max(failed, 1) if strange else 0,
        direct=0 if run.begin.scenario.hook else 1,
    )


def _error(text: str | None) -> str | None:
    """The kind of an error that a line names."""
    return None if text is None else _ERRORS.get(text, OTHER)


class _Names:
    """The names in a recording and ours, and how its lines are told with these."""

    def __init__(self, run: RecordedRun) -> None:
        called = {event.prompt for _, event in run.logged if isinstance(event, crush.AcceptCall | crush.RunCall)}
        prompts = [each for each in run.begin.scenario.prompts if each.id in called]
        self.kinds = "".join(each.kind for each in prompts)
        self.called = dict.fromkeys(_OPERATIONS, 0)
        self._ours = {each.id: f"p{number}" for number, each in enumerate(prompts, 1)}
        self._threads = dict(self._ours)
        self._run_ids: dict[str, str] = {}
        for _, event in run.logged:
            match event:
                case crush.CancelCall(op=op) | crush.ClearCall(op=op) | crush.SummarizeCall(op=op):
                    what = _operation(event)
                    self.called[what] += 1
                    self._threads[op] = f"{_OPERATIONS[what]}{self.called[what]}"
                case crush.AcceptCall(run_id=str(run_id)) | crush.RunCall(run_id=str(run_id)):
                    self._run_ids[run_id] = self._ours[event.prompt]

    def prompt(self, name: str) -> str:
        """Our name of a prompt; one that was never called keeps its own, which no line of ours has."""
        return self._ours.get(name, f"{name} (not called)")

    def stored(self, messages: Sequence[str]) -> Iterator[str]:
        """The messages in the store, but those of the exchange that each recorded session begins with."""
        for message in messages if tuple(messages[:2]) != _BEFORE else messages[2:]:
            who, _, text = message.partition(":")
            said, _, reason = text.rpartition(":")
            yield f"u:{self.prompt(text)}" if who == "u" else f"{who}:{self._answer(said)}:{reason}"

    def told(self, event: crush.CrushEvent, latest: dict[str, str]) -> WrittenLine:
        """The line that tells of ``event``; ``latest`` is what each thread wrote before."""
        match event:
            case crush.AcceptCall() | crush.AcceptReturn() | crush.RunCall() | crush.RunReturn():
                return self._submission(event, latest)
            case crush.StreamStartLine() | crush.StreamEndLine():
                return self._stream(event)
            case crush.CompletionLine() | crush.Delivery() | crush.AgentErrorLine():
                return self._notice(event)
            case crush.UserMessage(prompt=prompt, thread=thread, by=by, turn=turn):
                host = None if turn is None else self.prompt(turn)
                return self._by(thread, line("user_message", prompt=self.prompt(prompt), by=by, turn=host))
            case crush.StoreFailed(prompt=prompt, thread=thread, by=by):
                return self._by(thread, line("store_failed", prompt=self.prompt(prompt), by=by))
            case crush.SummarizeReturn(op=op, outcome=outcome):
                return self._by(op, line("summarize_return", outcome=outcome))
            case crush.OperationLine(op=op):
                return self._by(op, line(_tag(event)))
        raise AssertionError(event)

    def _by(self, thread: str, told: TranscriptLine) -> WrittenLine:
        return WrittenLine(self._threads.get(thread, thread), told)

    def _submission(
        self, event: crush.AcceptCall | crush.AcceptReturn | crush.RunCall | crush.RunReturn, latest: dict[str, str]
    ) -> WrittenLine:
        prompt = self.prompt(event.prompt)
        match event:
            case crush.AcceptReturn(accept_seq=sequence):
                told = line("accept_return", prompt=prompt, accept_seq=sequence)
            case crush.RunReturn(outcome=outcome):
                told = line("run_return", prompt=prompt, outcome=_outcome(outcome, latest[prompt]))
            case _:
                told = line(_tag(event), prompt=prompt)
        return WrittenLine(prompt, told)

    def _stream(self, event: crush.StreamStartLine | crush.StreamEndLine) -> WrittenLine:
        turn = SUMMARY if event.turn.startswith("summary:") else self.prompt(event.turn)
        ended = {"how": _HOW[event.how]} if isinstance(event, crush.StreamEndLine) else {}
        return self._by(event.thread, line(_tag(event), turn=turn, step=event.step, **ended))

    def _notice(self, event: crush.CompletionLine | crush.Delivery | crush.AgentErrorLine) -> WrittenLine:
        if isinstance(event, crush.AgentErrorLine):
            prompt, error = self.prompt(event.prompt), _error(event.error)
            return WrittenLine(prompt, line("agent_error", prompt=prompt, named=event.run_id is not None, error=error))
        told = {
            "prompt": None if event.run_id is None else self._run_ids[event.run_id],
            "cancelled": event.cancelled,
            "text": None if event.text is None else self._answer(event.text),
        }
        if isinstance(event, crush.Delivery):
            return self._by(event.prompt, line("delivery", **told))
        told |= {"via": event.via, "error": _error(event.error), "has_message": event.has_message}
        return self._by(event.thread, line("completion", **told))

    def _answer(self, text: str) -> str:
        asked = text.removeprefix("answer:")
        return text if asked == text else f"answer:{self.prompt(asked)}"


def _outcome(outcome: str, latest: str) -> str:
    """What our returns tell: ``returned``, ``error`` or ``cancelled``.

    Whether a call that ``returned`` was queued is told by a thread that wrote nothing since. An outcome that says
    otherwise stays as it is, and no line of ours fits it.
    """
    silent = outcome == "busy-queued"
    told = outcome in ("ok", "nil", "cancel-on-entry", "busy-queued") and silent == (latest == "run_call")
    return "returned" if told else outcome


def _operation(event: crush.CrushEvent) -> str:
    return _tag(event).partition("_")[0]


def _tag(event: crush.CrushEvent) -> str:
    return str(type(event).__struct_config__.tag)

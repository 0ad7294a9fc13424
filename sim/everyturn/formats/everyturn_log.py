"""``everyturn/log/1``: the lines that an agent in any language writes, and into which every other log is mapped.

A log is JSON lines in UTF-8. A header line ``{"schema": "everyturn/log/1", …}`` comes first, and again wherever a
writer opened the file anew. Every other line is one :class:`LogLine`: its ``kind`` is a row of :data:`KINDS`, which
says where it stands relative to the agent's own step and which fields it must have. ``docs/instrumentation.md`` is for
those who write such lines. What the invariants need of them follows ``docs/semantics.md`` 4, column "from a foreign
log".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args

import msgspec
from msgspec import Meta

from everyturn.files.reading import LogFile, ReadingFault, Unreadable, quote
from everyturn_model.promises import ALL, Promises

SCHEMA: Final = "everyturn/log/1"

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
EndingWord = Literal["finished", "failed", "cancelled"]
StreamEnding = Literal["finished", "tool", "failed", "cancelled"]
Reason = Literal["covered", "cleared", "entry"]
By = Literal["turn", "fold", "entry"]
LineKind = Literal[
    "submit",
    "submitted",
    "refused",
    "queued",
    "started",
    "stream_start",
    "stream_end",
    "ended",
    "folded",
    "dropped",
    "message",
    "message_failed",
    "kept",
    "told",
    "notified",
    "returned",
    "cancel_call",
    "cancel_return",
    "clear_call",
    "clear_return",
    "summary_start",
    "summary_end",
    "shutdown",
    "rest",
    "note",
]


class Meaning(NamedTuple):
    """One kind of line: the fields it needs besides session and kind, and when it is written."""

    needs: tuple[str, ...]
    required: bool
    written: str


KINDS: Final[dict[str, Meaning]] = {
    "submit": Meaning(("prompt",), True, "before the prompt is on shared data; with its run id if a client waits"),
    "submitted": Meaning(("prompt",), False, "after the prompt is on shared data (its reservation is open)"),
    "refused": Meaning(("prompt",), False, "after it is sure that nothing will become of the prompt"),
    "queued": Meaning(("prompt",), True, "after the prompt is in the queue"),
    "started": Meaning(("prompt",), True, "after the session is marked busy for the prompt's turn, before its stream"),
    "stream_start": Meaning(("prompt",), False, "before the model is asked for a step of the prompt's turn"),
    "stream_end": Meaning(("prompt", "how"), False, "after the model has answered"),
    "ended": Meaning(
        ("prompt",), True, "once the turn's outcome is known, before anyone is told or the session is idle"
    ),
    "folded": Meaning(("prompt", "turn"), True, "after the prompt left the queue for the turn of another prompt"),
    "dropped": Meaning(
        ("prompt",), True, "after the prompt left the queue for good, or was cancelled before it got in"
    ),
    "message": Meaning(("prompt",), False, "after the prompt's user message is in the store"),
    "message_failed": Meaning(("prompt",), False, "after the store refused the prompt's user message"),
    "kept": Meaning(("prompt", "outcome"), False, "before the completion is put aside for its thread to deliver later"),
    "told": Meaning(("prompt", "outcome"), True, "before the completion is handed to whoever waits for it"),
    "notified": Meaning(("prompt",), False, "before an error that ends the wait without a completion is published"),
    "returned": Meaning(("prompt", "outcome"), False, "after a local caller got his prompt's own result back"),
    "cancel_call": Meaning(("operation",), True, "before a Cancel's first step"),
    "cancel_return": Meaning(("operation",), True, "after a Cancel's last step"),
    "clear_call": Meaning(("operation",), False, "before a ClearQueue's first step"),
    "clear_return": Meaning(("operation",), False, "after a ClearQueue's last step"),
    "summary_start": Meaning(("operation",), False, "after the session is marked busy for a summary"),
    "summary_end": Meaning(("operation",), False, "before the session is idle again after a summary"),
    "shutdown": Meaning((), False, "before the workspace is marked as closing"),
    "rest": Meaning((), True, "when nothing of the session can move any more, with a snapshot if there is one"),
    "note": Meaning((), False, "for anything else that takes a number of the sequence"),
}
"""Every kind of line. Required are those without which most invariants cannot be judged."""

REQUIRED: Final = frozenset(kind for kind, meaning in KINDS.items() if meaning.required)


CancelPromise = Literal["nothing", "turn", "turn and queue", "turn, queue and accepted"]


class Promised(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the agent promises its users, in the words of :class:`everyturn_model.promises.Promises`."""

    cancel: CancelPromise = ALL.cancel  # type: ignore[assignment]
    busy: Literal["queue", "refuse"] = ALL.busy  # type: ignore[assignment]
    folds: bool = ALL.folds

    @property
    def promises(self) -> Promises:
        """The same as the invariants take it."""
        return Promises(self.cancel, self.busy, self.folds)


class LogHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first line, and again wherever a writer opened the file anew: then one that claims no more and no less,
    but for the agent's name and kinds of line that came later.

    ``kinds``: what this agent logs whenever it happens, by default the required kinds; only from these is anything
    concluded when it is *missing*. ``sequence``: what ``sequence`` counts through, the ``session`` or the whole
    ``log``. ``ordered``: ``queued`` lines are written under the lock that guards the queue, so that their order is the
    queue's. ``complete``: nothing was under way in any session when the log began, as far as no sequence says
    otherwise. ``promises``: what is not named is promised, as by the revisions.
    """

    schema: Literal["everyturn/log/1"] = SCHEMA
    agent: str | None = None
    kinds: frozenset[LineKind] = REQUIRED  # type: ignore[assignment]
    sequence: Literal["session", "log"] | None = None
    ordered: bool = False
    complete: bool = True
    promises: Promised = Promised()

    def continued_by(self, later: LogHeader) -> str | None:
        """What a header in the middle of a log would need to go on with this one; none if it has it."""
        if missing := self.kinds - later.kinds:
            return f"a header with the kinds of line of the first, {', '.join(sorted(missing))} among them"
        for name in ("sequence", "ordered", "promises"):
            if getattr(self, name) != getattr(later, name):
                return f"a header with the same `{name}` as the first"
        return None


class LogSnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The session's shared data at rest; every field may be left out."""

    busy: bool = False
    queue: tuple[Name, ...] = ()
    reservations: Count = 0
    mark: Count = 0


class LogLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """One line. Fields that do not apply are left out.

    ``time``: seconds since any moment, the same for the whole log. ``run_id``: somebody waits for this prompt.
    ``turn``: the prompt into whose turn this one was folded. ``owner``: the prompt whose answer, message or error a
    ``told`` or ``notified`` carries. ``thread``: who does it. ``operation``: the name of a Cancel, ClearQueue or
    summary.
    """

    kind: LineKind
    session: Name
    time: float | None = None
    sequence: Count | None = None
    prompt: Name | None = None
    run_id: Name | None = None
    thread: Name | None = None
    turn: Name | None = None
    outcome: EndingWord | None = None
    how: StreamEnding | None = None
    reason: Reason | None = None
    by: By | None = None
    owner: Name | None = None
    operation: Name | None = None
    snapshot: LogSnapshot | None = None


class Placed(NamedTuple):
    """A line of a log, and where it stands in its file."""

    number: int
    line: LogLine


FIELDS: Final = LogLine.__struct_fields__
_NEEDS: Final = {kind: meaning.needs for kind, meaning in KINDS.items()}
_OUTCOMES: Final = ", ".join(get_args(EndingWord))


_NEED_MORE: Final = frozenset(kind for kind, needs in _NEEDS.items() if needs not in ((), ("prompt",)))
_BY_RUN_ID: Final = frozenset({"told", "kept", "notified"})
"""Kinds of line that may name their prompt by its run id alone."""


def lacking(line: LogLine) -> str | None:
    """What ``line`` would need for its kind and does not have."""
    for field in _NEEDS[line.kind]:
        if getattr(line, field) is None and not (field == "prompt" and line.run_id and line.kind in _BY_RUN_ID):
            return f"a `{line.kind}` line with `{field}`" + (f" ({_OUTCOMES})" if field == "outcome" else "")
    return None


def line_of(
    fields: dict[str, Any], misfit: Callable[[msgspec.ValidationError], tuple[str, str]], what: str = "a line"
) -> LogLine | tuple[str, str]:
    """The line with these fields; or, if there can be none, what was expected and what was found.

    ``misfit`` tells that of a field that is not as it must be; ``what`` is what the fields were found in.
    """
    try:
        line = msgspec.convert(fields, LogLine)
    except msgspec.ValidationError as error:
        return misfit(error)
    missing = lacking(line)
    return line if missing is None else (missing, f"{what} without it")


def encode(item: LogLine | LogHeader) -> bytes:
    """One line of a log, as it stands in a file."""
    if isinstance(item, LogHeader):
        return msgspec.json.encode({"schema": item.schema} | msgspec.to_builtins(item, order="sorted")) + b"\n"
    return msgspec.json.encode(item) + b"\n"


class LogReader:
    """Reads a log line by line. ``header`` is that of the lines read so far.

    What cannot be read is handed to ``fault`` and left out. Errors of the file itself are raised by the file, and a
    header that does not go on with the first is an error of the file: the lines after it cannot be judged by the first.
    """

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None], header: LogHeader | None = None) -> None:
        self.header = header or LogHeader()
        self.renewed: Callable[[], None] = lambda: None
        """Called at each header but the first: the writer has opened the file anew."""
        self._file, self._fault = file, fault

    def read_header(self, *, required: bool = True) -> None:
        """Look at the first line, so that the header is known before the lines are read."""
        raw = self._file.peek()
        try:
            self.header = msgspec.json.decode(raw, type=LogHeader)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if required:
                raise Unreadable(self._file.undecodable(1, raw, error, f"a header of {SCHEMA}")) from None

    def __iter__(self) -> Iterator[Placed]:
        decode = msgspec.json.Decoder(LogLine).decode
        more = _NEED_MORE
        for number, raw in self._file.lines(self._fault):
            try:
                line = decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._second_look(number, raw, error)
                continue
            if (line.prompt is None or line.kind in more) and (missing := lacking(line)) is not None:
                self._fault(ReadingFault(self._file.path, number, missing, "a line without it"))
            else:
                yield Placed(number, line)

    def _second_look(self, number: int, raw: bytes, error: Exception) -> None:
        """A line that is no event may be a header, or empty."""
        if b'"schema"' in raw:
            try:
                header = msgspec.json.decode(raw, type=LogHeader)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
                error = wrong
            else:
                self._go_on(number, raw, header)
                return
        if raw.strip():
            self._fault(self._file.undecodable(number, raw, error, f"a line of {SCHEMA}"))

    def _go_on(self, number: int, raw: bytes, header: LogHeader) -> None:
        """Take over a header; where it is not the first line, the writer has opened the file anew."""
        if number > 1:
            missing = self.header.continued_by(header)
            if missing is not None:
                raise Unreadable(ReadingFault(self._file.path, number, missing, quote(raw)))
            self.renewed()
        if number > 1 or header != self.header:
            self.header = header


def write(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log's contents, piece by piece; a header again wherever the log that is read has one."""
    yield encode(header)
    said = header
    for placed in lines:
        if isinstance(lines, LogReader) and lines.header is not said:
            said = lines.header
            yield encode(said)
        yield encode(placed.line)
    if isinstance(lines, LogReader) and lines.header is not said:
        yield encode(lines.header)

"""Chrome's trace events, which Perfetto and chrome://tracing show, to write.

A session is a process, a prompt a thread in it. Waiting, turns and streams are pairs of nestable asynchronous events
(``ph`` ``b`` and ``e``, paired by category, name and id), all else is an instant (``i``); ``ts`` is in microseconds
(Trace Event Format, "Async Events"). Where a log has no time, its lines are a millisecond apart. No span ends before it
begins, whatever the lines' clocks say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.formats.lanes import sentence
from everyturn.formats.times import nanoseconds

_BEGINS: Final = {"queued": "waiting", "started": "turn", "stream_start": "stream"}
_ENDS: Final = {"ended": ("stream", "turn"), "stream_end": ("stream",), "folded": ("waiting",), "dropped": ("waiting",)}


class _Spans:
    """What is open, and the numbers of sessions and prompts."""

    def __init__(self) -> None:
        self._processes: dict[str, int] = {}
        self._threads: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._latest: dict[str, float] = {}
        """The latest time of each session, since each may have a clock of its own."""

    def events(self, line: LogLine, number: int) -> Iterator[dict[str, Any]]:
        before = self._latest.get(line.session, 0.0)
        time = before + 1000 if line.time is None else nanoseconds(line.time, number) / 1000
        self._latest[line.session] = max(before, time)
        who = line.prompt or line.operation or "session"
        if line.session not in self._processes:
            self._processes[line.session] = len(self._processes) + 1
            yield self._named("process_name", self._processes[line.session], 0, line.session)
        process = self._processes[line.session]
        if (line.session, who) not in self._threads:
            self._threads[line.session, who] = len(self._threads) + 1
            yield self._named("thread_name", process, self._threads[line.session, who], who)
        at = {"pid": process, "tid": self._threads[line.session, who], "ts": time}
        for name in (*_ENDS.get(line.kind, ()), *(("waiting",) if line.kind == "started" else ())):
            yield from self._close(line.session, who, name, time)
        if line.kind in _BEGINS:
            yield from self._close(line.session, who, _BEGINS[line.kind], time)
            begin = at | {"ph": "b", "cat": "prompt", "name": _BEGINS[line.kind], "id": f"{line.session}/{who}"}
            self._open[line.session, who, _BEGINS[line.kind]] = begin
            yield begin
        args = msgspec.to_builtins(line)
        yield at | {"ph": "i", "s": "t", "cat": line.kind, "name": sentence(line), "args": args}

    def rest(self) -> Iterator[dict[str, Any]]:
        """The ends of what is still open."""
        for key in list(self._open):
            yield from self._close(*key, self._latest[key[0]])

    def _close(self, session: str, who: str, name: str, time: float) -> Iterator[dict[str, Any]]:
        begin = self._open.pop((session, who, name), None)
        if begin is not None:
            yield begin | {"ph": "e", "ts": max(begin["ts"], time)}

    @staticmethod
    def _named(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
        return {"ph": "M", "name": what, "pid": process, "tid": thread, "args": {"name": name}}


def write(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as a JSON document of trace events."""
    spans = _Spans()
    yield b'{"displayTimeUnit":"ms","traceEvents":[\n'
    first = True
    for number, line in lines:
        for event in spans.events(line, number):
            yield (b"" if first else b",\n") + msgspec.json.encode(event)
            first = False
    for event in spans.rest():
        yield b",\n" + msgspec.json.encode(event)
    yield b"\n]}\n"

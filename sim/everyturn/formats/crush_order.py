"""What must be true between the lines of one run of ``crush-dispatch-trace/1``, for the log to make sense at all.

These are faults of the log, never of the agent: numbers that leave gaps, names that were not introduced, a return
without its call. What an agent may do wrong is judged in :mod:`everyturn.logs.recorded`.
"""

from __future__ import annotations

from everyturn.formats.crush_lines import (
    AcceptCall,
    AcceptReturn,
    AgentErrorLine,
    Begin,
    CancelCall,
    CancelReturn,
    ClearCall,
    ClearReturn,
    CompletionLine,
    CrushEvent,
    Delivery,
    EndLine,
    RunCall,
    RunReturn,
    StoreFailed,
    StreamEndLine,
    StreamStartLine,
    SummarizeCall,
    SummarizeReturn,
    UserMessage,
)


class OutOfOrder(Exception):
    """A line does not fit those before it."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected, found)
        self.expected, self.found = expected, found


def _require(true: bool, expected: str, found: str) -> None:
    if not true:
        raise OutOfOrder(expected, found)


class CrushOrder:
    """The rules of one run; :meth:`check` each of its lines in turn."""

    def __init__(self, begin: Begin) -> None:
        prompts = begin.scenario.prompts
        self.prompts = {prompt.id: prompt for prompt in prompts}
        _require(len(self.prompts) == len(prompts), "prompts with different names", "two of one name")
        _require(begin.seq == 0, "`seq` 0 in the first line of a run", f"{begin.seq}")
        self.run, self.seq, self.ended = begin.run, 0, False
        self._run_ids: dict[str, str] = {}
        self._open: set[tuple[str, str]] = set()
        self._called: set[tuple[str, str]] = set()
        self._streams: dict[str, str] = {}

    def check(self, event: CrushEvent) -> None:
        """Raise :class:`OutOfOrder` if ``event`` does not fit the lines before it."""
        _require(not self.ended, "a `begin` line, since this run has ended", f"a line of run {event.run}")
        _require(event.seq == self.seq + 1, f"`seq` {self.seq + 1}", f"{event.seq}")
        self.seq = event.seq
        match event:
            case Begin():
                raise OutOfOrder(f"a line of run {self.run}", "a second `begin`")
            case EndLine():
                self.ended = True
            case UserMessage() | StreamStartLine() | StreamEndLine() | CompletionLine() | StoreFailed():
                self._inside(event)
            case _:
                self._boundary(event)

    def _boundary(self, event: CrushEvent) -> None:
        """Calls, returns and notices: each at the edge of one prompt or operation."""
        match event:
            case AcceptCall(prompt=name):
                self._prompt(name)
                self._call("accept", name)
            case AcceptReturn(prompt=name):
                self._return("accept", name)
            case RunCall(prompt=name, mode=mode):
                self._prompt(name)
                expected = "accepted" if self.prompts[name].accepted else "in_process"
                _require(mode == expected, f"mode `{expected}` for {name}", f"`{mode}`")
                if mode == "accepted":
                    _require(("accept", name) in self._called, f"`accept_call` of {name} before", "`run_call`")
                self._call("run", name)
            case RunReturn(prompt=name):
                self._return("run", name)
            case CancelCall(op=name) | ClearCall(op=name) | SummarizeCall(op=name):
                _require(name not in self.prompts, "the name of an operation", f"that of prompt {name}")
                self._call(_operation(event), name)
            case CancelReturn(op=name) | ClearReturn(op=name) | SummarizeReturn(op=name):
                self._return(_operation(event), name)
            case AgentErrorLine(prompt=name) | Delivery(prompt=name):
                self._prompt(name)
        match event:
            case AcceptCall() | AcceptReturn() | RunCall() | RunReturn() | AgentErrorLine():
                self._own_run_id(event.prompt, event.run_id)
            case Delivery(run_id=str(run_id)):
                _require(run_id in self._run_ids, "a run id that was submitted", repr(run_id))

    def _inside(self, event: UserMessage | StreamStartLine | StreamEndLine | CompletionLine | StoreFailed) -> None:
        """What a thread tells while it works."""
        self._thread(event.thread)
        match event:
            case UserMessage(prompt=name, by=by, turn=turn):
                self._prompt(name)
                _require((turn is not None) == (by == "fold"), "`turn` where, and only where, a message is folded", by)
                if turn is not None:
                    self._prompt(turn)
            case StoreFailed(prompt=name):
                self._prompt(name)
            case StreamStartLine(turn=turn):
                self._turn(turn)
                _require(turn not in self._streams, f"the end of the stream of {turn}", "another start")
                self._streams[turn] = event.thread
            case StreamEndLine(turn=turn):
                found = self._streams.pop(turn, None)
                _require(found == event.thread, f"a stream of {turn} that started on {event.thread}", str(found))
            case CompletionLine(run_id=str(run_id)):
                _require(run_id in self._run_ids, "a run id that was submitted", repr(run_id))

    def _prompt(self, name: str) -> None:
        _require(name in self.prompts, f"a prompt of the scenario ({', '.join(self.prompts)})", repr(name))

    def _turn(self, name: str) -> None:
        if not name.startswith("summary:"):
            self._prompt(name)

    def _thread(self, name: str) -> None:
        known = name in self.prompts or any(name == called for _, called in self._called)
        _require(known, "a thread named after a prompt or an operation that was called", repr(name))

    def _own_run_id(self, prompt: str, run_id: str | None) -> None:
        expected = "a run id" if self.prompts[prompt].waits else "no run id"
        _require((run_id is not None) == self.prompts[prompt].waits, f"{expected} for {prompt}", f"{run_id!r}")
        if run_id is not None:
            owner = self._run_ids.setdefault(run_id, prompt)
            _require(owner == prompt, f"run id {run_id!r} with {owner}", prompt)
            own = next(each for each, whose in self._run_ids.items() if whose == prompt)
            _require(own == run_id, f"run id {own!r} for {prompt}", repr(run_id))

    def _call(self, what: str, name: str) -> None:
        again = what == "run" and (what, name) not in self._open
        _require(again or (what, name) not in self._called, f"one `{what}` of {name}", "another call")
        self._called.add((what, name))
        self._open.add((what, name))

    def _return(self, what: str, name: str) -> None:
        _require((what, name) in self._open, f"`{what}` of {name} to be called before", "its return")
        self._open.discard((what, name))


def _operation(event: CrushEvent) -> str:
    return str(type(event).__struct_config__.tag).partition("_")[0]

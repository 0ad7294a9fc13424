"""Whose turns a recording shows: which turn a thread began last, into which one a prompt goes, whom a notice speaks
of."""

from __future__ import annotations

from typing import Final

from everyturn.formats.crush_lines import (
    AcceptCall,
    AcceptReturn,
    CompletionLine,
    CrushEvent,
    Delivery,
    RunCall,
    RunReturn,
    StoreFailed,
    StreamEndLine,
    StreamStartLine,
    UserMessage,
)

DROPS: Final = {"cancel": "covered", "clear": "cleared", "step_drop": "covered", "handoff_drop": "covered"}
"""Completions by these tell that a queued prompt was dropped; why, in the words of a log."""


class Turns:
    """What the lines so far tell of the turns of one run; :meth:`see` each line in turn. A turn has the name of its
    prompt."""

    def __init__(self) -> None:
        self.last: dict[str, str] = {}
        """The turn or summary that each thread began last."""
        self.returned: dict[str, str] = {}
        """The prompt whose turn was the last within each prompt's ``Run``."""
        self.streaming: set[str] = set()
        """The turns and summaries of which a stream runs."""
        self._run_ids: dict[str, str] = {}
        self._began: set[str] = set()
        self._hosts: dict[str, str] = {}

    def see(self, event: CrushEvent) -> None:
        """Enter one line."""
        match event:
            case AcceptCall() | AcceptReturn() | RunCall() | RunReturn():
                if event.run_id is not None:
                    self._run_ids[event.run_id] = event.prompt
                if isinstance(event, RunReturn) and event.turns:
                    self.returned[event.prompt] = event.turns.split()[-1]
            case (
                UserMessage(by="turn", prompt=turn, thread=thread) | StoreFailed(by="turn", prompt=turn, thread=thread)
            ):
                self._begins(turn, thread)
            case StreamStartLine(turn=turn, thread=thread):
                self._begins(turn, thread)
                self.streaming.add(turn)
            case StreamEndLine(turn=turn):
                self.streaming.discard(turn)
            case UserMessage(by="fold") | StoreFailed(by="fold"):
                host = self.into(event)
                if host is not None:
                    self._hosts[event.prompt] = host

    def _begins(self, turn: str, thread: str) -> None:
        self.last[thread] = turn
        self._began.add(turn)

    def into(self, fold: UserMessage | StoreFailed) -> str | None:
        """The turn into which a prompt is folded."""
        return fold.turn or self.last.get(fold.thread)

    def carrier(self, prompt: str) -> str | None:
        """The turn that a prompt ends with: its own, or the one that it was folded into."""
        return prompt if prompt in self._began else self._hosts.get(prompt)

    def subject(self, event: CompletionLine | Delivery) -> str | None:
        """The prompt that a completion speaks of: its run id's, else the one whose turn its thread began last."""
        if event.run_id is not None:
            return self._run_ids.get(event.run_id)
        if isinstance(event, Delivery):
            return event.prompt
        return None if event.by in DROPS else self.last.get(event.thread)

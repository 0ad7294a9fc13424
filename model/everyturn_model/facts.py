"""What a partial log itself says up to the place just read, and what it is going to say."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn_model.events import (
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    Returned,
    Submitted,
    SummaryStarted,
    SummaryStreamEnded,
    TurnStarted,
    Writer,
)
from everyturn_model.marks import (
    Forgotten,
    Lacks,
    RunCalled,
    Seen,
    SubmitCalled,
    SummaryStreamStarted,
    TurnEnded,
    WasDropped,
    WasFolded,
    WasQueued,
)


class Facts:
    """Which calls are open, which streams are over, what is to come."""

    def __init__(self, seen: Sequence[Seen], lacks: Lacks) -> None:
        self._seen, self.lacks = seen, lacks
        self.called: dict[str, Submitted] = {}
        self.running: set[str] = set()
        self.streamed: set[str] = set()
        self._ended: set[str] = set()
        self.turns: dict[str, Seen] = {}
        self.queues = any(isinstance(each.event, Queued) for each in seen)
        """Whether the log tells the order of the queue."""
        self.on_entry: set[str] = set()
        """Prompts of which the log says that their message was written, or not, when they were cancelled on entry."""
        self._begins: dict[str, int] = {}
        self._queued: dict[str, int] = {}
        self._drops: dict[str, int] = {}
        self._folds: dict[str, tuple[int, Seen]] = {}
        self._summaries: list[tuple[int, Seen]] = []
        for index, each in enumerate(seen):
            self._look(index, each)
        self.now = 0

    def _look(self, index: int, each: Seen) -> None:
        """Remember where what is to come stands."""
        match each.event:
            case (
                MessageWritten(prompt=prompt, by=Writer.FOLD, turn=turn)
                | MessageFailed(prompt=prompt, by=Writer.FOLD, turn=turn)
                | WasFolded(prompt=prompt, turn=turn)
            ):
                self._begins[prompt] = index
                self._folds[prompt] = (index, each._replace(event=Folded(prompt, turn or each.prompt or "")))
            case MessageWritten(prompt=prompt) | MessageFailed(prompt=prompt) | TurnStarted(prompt=prompt):
                self._begins[prompt] = index
                if getattr(each.event, "by", None) is Writer.CANCEL_ON_ENTRY:
                    self.on_entry.add(prompt)
            case WasQueued(prompt=prompt):
                self._queued[prompt] = index
            case WasDropped(prompt=prompt):
                self._drops[prompt] = index
            case SummaryStreamStarted(summary) | SummaryStreamEnded(summary):
                started = SummaryStarted(summary, each.thread or "", None)
                self._summaries.append((index, each._replace(event=started)))

    def see(self, index: int) -> None:
        """Enter what stands at ``index``. A Run that was seen to return before it can queue nothing any more."""
        before = self._seen[self.now].event
        if isinstance(before, Returned) and index > self.now:
            self.running.discard(before.prompt)
        self.now = index
        match self._seen[index].event:
            case SubmitCalled(prompt, run_id, accepted):
                self.called[prompt] = Submitted(prompt, run_id, accepted)
            case RunCalled(prompt):
                self.running.add(prompt)
            case Forgotten(prompts=prompts):
                self.running -= prompts
                for prompt in prompts:
                    self.called.pop(prompt, None)
            case MessageWritten(prompt=prompt, by=Writer.TURN, turn=str()):
                self.turns[prompt] = self._seen[index]
            case SummaryStreamEnded(summary=summary):
                self.streamed.add(summary)
            case TurnEnded(turn=str(turn)):
                self._ended.add(turn)
            case _:
                pass

    def will_begin(self, prompt: str) -> bool:
        """Whether the prompt's message is still to come, or its turn, or its fold into another."""
        return self._begins.get(prompt, -1) > self.now

    def will_be_queued(self, prompt: str) -> bool:
        """Whether the log has yet to say that the prompt was queued, which may have happened before."""
        return self._queued.get(prompt, -1) > self.now

    def may_be_released(self, turn: str) -> bool:
        """Whether a log that tells of the ends of turns has told that this one's is known; others never tell."""
        return self.lacks.fates or turn in self._ended

    def may_be_dropped(self, prompt: str) -> bool:
        """Whether a log that tells of drops tells here or later that the prompt was dropped; others never tell."""
        return self.lacks.fates or self._drops.get(prompt, -1) >= self.now

    def summary_to_come(self) -> Seen | None:
        """The start of the summary whose stream is the next to be told of."""
        return next((started for index, started in self._summaries if index > self.now), None)

    def fold_to_come(self, prompt: str) -> Seen | None:
        """The fold of the prompt, if what shows it is still to come."""
        index, fold = self._folds.get(prompt, (-1, None))
        return fold if index > self.now else None

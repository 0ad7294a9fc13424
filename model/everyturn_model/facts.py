"""What a partial log itself says up to the place just read, and what it is going to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    ErrorNotified,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    Returned,
    Submitted,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TurnStarted,
    Writer,
)
from everyturn_model.marks import (
    Forgotten,
    Lacks,
    RunCalled,
    Seen,
    SubmitCalled,
    TurnEnded,
    WasDropped,
    WasFolded,
    WasQueued,
)


@dataclass(slots=True)
class _Spans:
    """Operations of one kind: those under way, and where the latest returned."""

    open: dict[str, int] = field(default_factory=dict)
    called: int = -1
    returned: int = -1

    def call(self, name: str, index: int) -> None:
        self.open[name] = self.called = index

    def close(self, name: str, index: int) -> None:
        self.open.pop(name, None)
        self.returned = index

    def since(self, gap: int) -> bool:
        return bool(self.open) or self.returned >= gap


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
        self.since: dict[str, int] = {}
        """Since when a prompt may be submitted; moments are gaps, each before what stands at that index."""
        self.runs: dict[str, int] = {}
        """Since when a prompt may enter the queue."""
        self.cancels: dict[str, int] = {}
        """Where each Cancel was called."""
        self._cancels, self._clears = _Spans(), _Spans()
        self._unsubmitted: dict[str, list[int]] = {}
        self._starts: Counter[str] = Counter()
        self._begins: dict[str, int] = {}
        self._queued: dict[str, int] = {}
        self._drops: dict[str, tuple[int, WasDropped]] = {}
        self._folds: dict[str, tuple[int, Seen]] = {}
        self._failures: dict[str, tuple[int, TurnEnded]] = {}
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
                self._folds.setdefault(prompt, (index, each._replace(event=Folded(prompt, turn or each.prompt or ""))))
            case MessageWritten(prompt=prompt) | MessageFailed(prompt=prompt) | TurnStarted(prompt=prompt):
                self._begins[prompt] = index
                self._starts[prompt] += isinstance(each.event, TurnStarted)
                if getattr(each.event, "by", None) is Writer.CANCEL_ON_ENTRY:
                    self.on_entry.add(prompt)
            case WasQueued(prompt=prompt):
                self._queued[prompt] = index
            case WasDropped(prompt=prompt):
                self._drops[prompt] = (index, each.event)
            case TurnEnded(prompt=prompt, turn=None):
                self._failures[prompt] = (index, each.event)
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
                self.since[prompt] = index + 1
            case RunCalled(prompt):
                self.running.add(prompt)
                self.runs[prompt] = index + 1
            case Forgotten(prompts=prompts):
                self._forget(prompts)
            case CancelCalled() | CancelReturned() | ClearCalled() | ClearReturned():
                self._see_operation(index)
            case Returned(prompt=prompt) | ErrorNotified(prompt=prompt):
                self._unsubmitted.setdefault(prompt, []).append(index)
            case MessageWritten(prompt=prompt, by=Writer.TURN, turn=str()):
                self.turns[prompt] = self._seen[index]
            case SummaryStreamEnded(summary=summary):
                self.streamed.add(summary)
            case TurnEnded(turn=str(turn)):
                self._ended.add(turn)
            case _:
                pass

    def _see_operation(self, index: int) -> None:
        match self._seen[index].event:
            case CancelCalled(operation=name):
                self._cancels.call(name, index)
                if name in self.cancels:
                    self.cancels[f"{name} at {self.cancels[name]}"] = self.cancels[name]
                self.cancels[name] = index
            case CancelReturned(operation=name):
                self._cancels.close(name, index)
            case ClearCalled(operation=name):
                self._clears.call(name, index)
            case ClearReturned(operation=name):
                self._clears.close(name, index)

    def _forget(self, prompts: frozenset[str]) -> None:
        self.running -= prompts
        for prompt in prompts:
            self.called.pop(prompt, None)
            self.since.pop(prompt, None)
            self.runs.pop(prompt, None)
            self._unsubmitted.pop(prompt, None)
        oldest = min(self.since.values(), default=self.now)
        self.cancels = {name: call for name, call in self.cancels.items() if call >= oldest}

    def submission(self, prompt: str, gap: int) -> int:
        """The first gap in which a prompt may have been submitted that was in ``gap`` at the latest.

        If its thread returned before, or its error was notified, it was submitted afterwards: nothing had become of it.
        """
        denied = (index + 1 for index in self._unsubmitted.get(prompt, ()) if index < gap)
        return max([self.since.get(prompt, self.now), *denied])

    def cancelled_since(self, prompt: str) -> bool:
        """Whether a Cancel was under way at some moment since the prompt may have been submitted."""
        return self._cancels.since(self.submission(prompt, self.now))

    def cleared_since(self, prompt: str) -> bool:
        """Whether a ClearQueue was under way at some moment since the prompt may have entered the queue."""
        return self._clears.since(self.runs.get(prompt, self.now))

    def latest_clear(self, prompt: str) -> int | None:
        """The first gap in which the latest ClearQueue that was under way meanwhile may have met the prompt's entry."""
        since = self.runs.get(prompt, self.now)
        return max(since, self._clears.called + 1) if self._clears.since(since) else None

    def calls(self, prompt: str, gap: int) -> dict[str, int]:
        """The Cancels that were called while a prompt may have been submitted or not, that was in ``gap`` at the
        latest, and where."""
        since = self.submission(prompt, gap)
        return {name: call for name, call in self.cancels.items() if since <= call < gap}

    def starts_once(self, prompt: str) -> bool:
        """Whether the log tells of exactly one turn of the prompt."""
        return self._starts[prompt] == 1

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
        return self.lacks.fates or self.drop_to_come(prompt) is not None

    def drop_to_come(self, prompt: str) -> WasDropped | None:
        """What the log says here or later of how the prompt was dropped."""
        index, dropped = self._drops.get(prompt, (-1, None))
        return dropped if index >= self.now else None

    def failure_to_come(self, prompt: str) -> TurnEnded | None:
        """The end of a prompt that failed before its turn, if the log has yet to tell of it."""
        index, failure = self._failures.get(prompt, (-1, None))
        return failure if index > self.now else None

    def summary_to_come(self) -> Seen | None:
        """The start of the summary whose stream is the next to be told of."""
        return next((started for index, started in self._summaries if index > self.now), None)

    def fold_to_come(self, prompt: str) -> Seen | None:
        """The fold of the prompt, if what shows it is still to come."""
        index, fold = self._folds.get(prompt, (-1, None))
        return fold if index > self.now else None

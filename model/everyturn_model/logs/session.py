"""What a watch remembers of one session: a few words for each prompt that is still open.

A prompt is *open* from its submission until it is over and nothing more is owed to it. A prompt of which only a part
was seen (its submission stands before the log, or lines were lost) is never open: nothing is concluded from what is
missing of it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from everyturn_model.logs.line import Line
from everyturn_model.promises import ALL, Promises

RECENT: Final = 8192
"""So many prompts, of all sessions together, are remembered after they are closed, for what may come twice."""


class LogPrompt:
    """What is known of one prompt. What is as usual stands in the class, so that a new prompt costs little."""

    sure = False
    """Whether it surely is on shared data."""
    untouched = False
    """Whether no Cancel, ClearQueue, shutdown or lost line met it."""
    met = False
    """Whether a Cancel, ClearQueue or shutdown may have taken it away."""
    in_queue = False
    """Whether it surely was in the queue when a Cancel began that spares the queue, and nothing else met it."""
    fate: str | None = None
    queued_at = -1
    overtaken: str | None = None
    thread: str | None = None
    running = False
    ended = False
    outcome: str | None = None
    earlier: frozenset[str | None] = frozenset()
    """How turns of it ended that were followed by another one."""
    host: LogPrompt | None = None
    folds: tuple[LogPrompt, ...] = ()
    doomed: str | None = None
    """The Cancel that found it and has returned."""
    late: tuple[str, str] | None = None
    """The prompt and the Cancel after whose return the stream that runs was started."""
    by_cancel = False
    """Whether a notice said that it was cancelled."""
    written = 0
    spared = False
    """Whether a write of its message failed."""
    told = 0
    notified = False
    own_error = False
    misowned = False
    kept_on: str | None = None
    passed: str | None = None
    """The thread that began another turn before it told of this one."""
    begun: str | None = None
    """What that thread began."""

    def __init__(self, name: str, run_id: str | None, submit_at: int) -> None:
        self.name, self.run_id, self.submit_at = name, run_id, submit_at
        self.whole = submit_at >= 0
        """Whether every line about it was seen, from its submission on."""

    @property
    def over(self) -> bool:
        """Whether nothing more will become of it, as far as was seen."""
        if self.fate in ("dropped", "refused") or self.own_error:
            return True
        host = self.host
        return (self.ended and not self.running) or (host is not None and host.ended and not host.running)

    @property
    def in_turn(self) -> bool:
        """Whether a turn of it, or one that it was folded into, surely is active."""
        return self.running or (self.host is not None and self.host.running)

    @property
    def cancelled(self) -> bool:
        """Whether it ended as cancelled."""
        host = self.host
        ending = self.outcome or (host.outcome if host else None)
        return self.fate == "dropped" or self.by_cancel or ending == "cancelled"

    @property
    def unwritten(self) -> bool:
        """Whether its message should be stored, and is not."""
        return not self.written and not self.spared and self.fate in ("started", "folded")

    def owed(self, *, messages: bool) -> bool:
        """Whether somebody waits for it, or its message is still to come."""
        if self.fate == "refused":
            return False
        waits = self.run_id is not None and not (self.told or self.notified or self.own_error)
        return waits or (messages and self.unwritten and not self.cancelled)


class LogSession:
    """What is open in one session."""

    __slots__ = (
        "cancels",
        "closing",
        "doubt",
        "exact",
        "name",
        "now",
        "operations",
        "ordered",
        "owed",
        "promises",
        "prompts",
        "recorded",
        "run_ids",
        "running",
        "tainted",
        "untraced",
        "waiting",
    )

    def __init__(
        self,
        name: str,
        *,
        tainted: bool = False,
        ordered: bool = False,
        recorded: bool = False,
        promises: Promises = ALL,
        exact: bool = False,
        doubt: bool = False,
    ) -> None:
        self.name = name
        self.exact = exact
        """Whether each line stands at its step: nothing happens between the two."""
        self.doubt = doubt
        """Whether a prompt that waits, where no line tells in what, is taken to be where a promise is broken."""
        self.promises = promises
        """What the session promises its users."""
        self.ordered = ordered
        """Whether ``queued`` lines stand in the order of the queue."""
        self.recorded = recorded
        """Whether a thread is called by the prompt that it was started for, and a turn begins with its first stream."""
        self.now = 0
        """The place of the present line among all lines."""
        self.prompts: dict[str, LogPrompt] = {}
        """The open prompts."""
        self.run_ids: dict[str, LogPrompt] = {}
        """Those of them that have a run id, by it."""
        self.running: dict[str, str | None] = {}
        """The prompts whose turn, and the operations whose summary is active; their threads."""
        self.operations: set[str] = set()
        """Cancels and ClearQueues under way."""
        self.cancels: dict[str, list[LogPrompt]] = {}
        """Which prompts each Cancel found that is under way."""
        self.waiting: dict[str, LogPrompt] = {}
        """Prompts with run id that were queued and have not started."""
        self.owed: dict[str, dict[str, LogPrompt]] = {}
        """For each thread, the prompts whose turn it ended and of which nobody was told yet."""
        self.closing = False
        self.tainted = tainted
        """Whether a Cancel may be under way that was not seen."""
        self.untraced: list[str] = []
        """The prompts of which nothing was known at rest: they may have been dropped without a line."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to remember, but for :attr:`tainted`."""
        return not (self.prompts or self.running or self.operations or self.waiting or self.owed or self.closing)

    def find(self, line: Line) -> LogPrompt | None:
        """The open prompt that a line is about, by its name or else by its run id."""
        if line.prompt is not None:
            return self.prompts.get(line.prompt)
        return None if line.run_id is None else self.run_ids.get(line.run_id)

    def open(self, prompt: LogPrompt) -> None:
        """From now on ``prompt`` is open."""
        self.prompts[prompt.name] = prompt
        if prompt.run_id is not None:
            self.run_ids[prompt.run_id] = prompt

    def close(self, prompt: LogPrompt) -> None:
        """From now on ``prompt`` is not open."""
        del self.prompts[prompt.name]
        self.waiting.pop(prompt.name, None)
        if prompt.run_id is not None:
            self.run_ids.pop(prompt.run_id, None)

    def lose(self, recent: Recent) -> None:
        """Lines are missing: forget whatever they might have changed."""
        for prompt in self.prompts.values():
            prompt.whole = prompt.untouched = prompt.in_queue = prompt.running = prompt.ended = False
            prompt.overtaken = prompt.outcome = prompt.passed = None
            recent.put(self.name, prompt)
        for forgotten in (self.prompts, self.run_ids, self.running, self.waiting, self.owed):
            forgotten.clear()
        self.tainted = True

    def rest(self, recent: Recent) -> None:
        """Nothing can move any more: nothing is open."""
        self.lose(recent)
        self.operations.clear()
        self.cancels.clear()
        self.untraced.clear()
        self.tainted = self.closing = False


class Recent:
    """The prompts that were closed last, or of which only a part was seen; the oldest are forgotten."""

    def __init__(self, size: int = RECENT) -> None:
        self._size = size
        self._prompts: OrderedDict[tuple[str, str], LogPrompt] = OrderedDict()
        self._run_ids: dict[tuple[str, str], LogPrompt] = {}

    def __len__(self) -> int:
        return len(self._prompts)

    def put(self, session: str, prompt: LogPrompt) -> None:
        """Remember a prompt as the latest."""
        key = session, prompt.name
        self.forget(*key)
        prompt.folds = ()
        self._prompts[key] = prompt
        if prompt.run_id is not None:
            self._run_ids[session, prompt.run_id] = prompt
        if len(self._prompts) > self._size:
            self.forget(*next(iter(self._prompts)))

    def get(self, session: str, line: Line) -> LogPrompt | None:
        """The prompt that a line is about, by its name or else by its run id."""
        if line.prompt is not None:
            return self._prompts.get((session, line.prompt))
        return None if line.run_id is None else self._run_ids.get((session, line.run_id))

    def forget(self, session: str, name: str) -> None:
        """Remember a prompt no longer."""
        prompt = self._prompts.pop((session, name), None)
        if prompt is not None and prompt.run_id is not None:
            self._run_ids.pop((session, prompt.run_id), None)

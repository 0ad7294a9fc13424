"""What was seen of a run, as the lines of a log: the judges of logs then judge it.

A turn begins when the session shows it as active, or else with its first stream, and its thread is the task that reads
that; it ends with its last stream, or else with what its client is told. A stream that the agent itself has given up,
and of which its client is told that it failed, has failed. Whose stream it is, is known by the prompts in what
the model was asked: of those that nobody was told of, the active one, or else the last. Who is told the answer of
another one's stream and had none of his own was folded into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from everyturn.formats.everyturn_log import LogLine, LogSnapshot, Placed
from everyturn.sessions.adapter import Held
from everyturn.sessions.calls import Observed, call_of
from everyturn_model.invariants.in_order import IN_ORDER
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.invariants.prompt_notice import PROMPT_NOTICE

SESSION: Final = "session"


class Telling:
    """The lines of one run. ``unsure``: invariants that the run may have broken or not, and why that is not seen."""

    def __init__(self, observed: Sequence[Observed], snapshot: Held | None, *, messages: bool) -> None:
        self.observed = observed
        self.messages = messages
        self.unsure: dict[str, str] = {}
        self._started: dict[str, str | None] = {}
        """Each prompt that had a turn, and the thread that began it."""
        self._running: set[str] = set()
        self._streams: dict[str, str] = {}
        """Number of a stream → whose it is."""
        self._streaming: set[str] = set()
        self._over: set[str] = set()
        self._written: set[str] = set()
        """Prompts whose message is written, or was to be: what becomes of them is no drop."""
        self._waited: set[str] = set()
        """Prompts that were submitted while another one's turn ran, and were not seen in the queue since."""
        self.violations: dict[str, str] = {}
        """What the run has broken, of what lines cannot show: invariant → sentence."""
        self._passed: dict[str, dict[str | None, str]] = {}
        """Prompts whose completion is still to be handed over after the end of their turn → the threads that have begun
        other turns since, and which."""
        self._owners = self._owners_of_streams()
        asked = [each for each in reversed(observed) if each.what == "asked"]
        self._threads = {self._owners[each.name]: each.thread for each in asked}
        """Each prompt that the model was asked for, and the task that reads its first stream."""
        self._folds = self._folded()
        self._told_as = {each.name: each.outcome for each in reversed(observed) if each.what == "told"}
        self._last = self._last_streams()
        named = {each.name for each in observed if each.what == "busy"}
        self.placed = snapshot is not None and set(self._owners.values()) <= named
        """Whether it is shown of every prompt whether it is active, in the queue, or on its way to either."""
        self.lines: tuple[Placed, ...] = tuple(
            Placed(number, line) for number, line in enumerate([*self._tell(), _rest(snapshot)], 1)
        )

    def _owners_of_streams(self) -> dict[str, str]:
        """Number of a stream → whose it is."""
        over: set[str] = set()
        owners, active = {}, ""
        for place, each in enumerate(self.observed):
            if each.what in ("told", "refused"):
                over.add(each.name)
            elif each.what == "busy":
                active = each.name
            elif each.what == "asked":
                waiting = [name for name in each.others if name not in over]
                # what the step that asks has made active is seen after it
                then = next((later.name for later in self.observed[place:] if later.what == "busy"), "")
                shown = [name for name in (active, then) if name in waiting]
                owners[each.name] = [*each.others[-1:], *waiting[-1:], *shown[:1]][-1]
        return owners

    def _last_streams(self) -> set[str]:
        """The numbers of the streams after which nothing more is asked for their prompts, until those are told."""
        latest: dict[str, str] = {}
        last: set[str] = set()
        for each in self.observed:
            if each.what == "asked":
                latest[self._owners[each.name]] = each.name
            elif each.what == "told" and each.name in latest:
                last.add(latest.pop(each.name))
        return last | set(latest.values())

    def _folded(self) -> dict[str, str]:
        """Who is told as finished without a stream of his own → the first stream that he was in, of another one."""
        own = set(self._owners.values())
        told = {each.name: each.outcome for each in self.observed if each.what == "told"}
        explicit = {each.name for each in self.observed if each.what == "folded"}
        folds: dict[str, str] = {}
        for each in self.observed:
            for name in each.others if each.what == "asked" else ():
                if name in own or name in explicit or name in folds:
                    continue
                if told.get(name) == "finished":
                    folds[name] = each.name
                elif name in told:
                    host = self._owners[each.name]
                    self.unsure[NO_FOLD_OF_RUN_ID.name] = (
                        f"{name} was in what the model was asked for {host}, and had no turn of its own: whether it "
                        "was folded is not seen (call self.folded(prompt, into) where the agent folds)"
                    )
        return folds

    def _tell(self) -> Iterator[LogLine]:
        for each in self.observed:
            match each.what:
                case "asked":
                    yield from self._asked(each)
                case "answered":
                    yield from self._answered(each)
                case "handed":
                    yield from self._end_without_stream(each.name)
                    self._hand_over(each.name, each.thread)
                case "told":
                    yield from self._told(each)
                case "busy":
                    yield from self._busy(each.name)
                case "folded":
                    yield _line("folded", prompt=each.name, turn=each.others[0])
                case "submit" if self._running:
                    self._waited.add(each.name)
                    yield from _plain(each)
                case "queued":
                    self._waited.discard(each.name)
                    yield from _plain(each)
                case "wrote" if self.messages:
                    self._written |= set(each.others)
                    kind = "message" if each.outcome is None else "message_failed"
                    yield from (_line(kind, prompt=name) for name in each.others)
                case _:
                    yield from _plain(each)

    def _asked(self, asked: Observed) -> Iterator[LogLine]:
        owner = self._streams[asked.name] = self._owners[asked.name]
        if owner not in self._running or owner in self._streaming:
            yield from self._start(owner)
        self._streaming.add(owner)
        for name, stream in self._folds.items():
            if stream == asked.name:
                yield _line("folded", prompt=name, turn=owner)
        yield _line("stream_start", prompt=owner, thread=asked.thread)

    def _start(self, name: str) -> Iterator[LogLine]:
        thread = self._threads.get(name)
        for passed, threads in self._passed.items():
            if passed != name:
                threads.setdefault(thread, name)
        if name in self._waited:
            self.unsure[IN_ORDER.name] = f"{name} waited while another turn ran, and look never showed it in the queue"
        self._started[name] = thread
        self._running.add(name)
        yield _line("started", prompt=name, thread=thread)

    def _answered(self, answered: Observed) -> Iterator[LogLine]:
        owner, how = self._streams.get(answered.name), answered.outcome
        if owner is None:
            return
        self._streaming.discard(owner)
        if answered.name not in self._last:
            yield _line("stream_end", prompt=owner, how="tool")  # another step follows, whatever it is for
            return
        if how == "cancelled" and self._told_as.get(owner) == "failed":
            how = "failed"
        yield _line("stream_end", prompt=owner, how=how)
        yield from self._end(owner, how)

    def _end(self, name: str, outcome: str | None) -> Iterator[LogLine]:
        if name in self._running:
            self._running.discard(name)
            if name not in self._over:
                self._passed[name] = {}
            yield _line("ended", prompt=name, outcome=outcome)

    def _end_without_stream(self, name: str) -> Iterator[LogLine]:
        """A turn for which the model was not asked ends as its client is told, if he is."""
        if name not in self._streams.values():
            yield from self._end(name, self._told_as.get(name) or "failed")

    def _busy(self, name: str) -> Iterator[LogLine]:
        for each in sorted(self._running - {name}):
            yield from self._end_without_stream(each)
        if name.startswith("p") and name not in self._started and name not in self._over:
            yield from self._start(name)

    def _told(self, told: Observed) -> Iterator[LogLine]:
        name, outcome = told.name, told.outcome
        if name not in self._started and name not in self._folds:
            if outcome == "cancelled" and name not in self._written:
                yield _line("dropped", prompt=name)
            elif outcome != "finished":
                yield _line("ended", prompt=name, outcome=outcome)
        else:
            yield from self._end_without_stream(name)
        thread = told.thread
        if thread == call_of(name) != self._started.get(name):
            thread = None  # it returns what another task has handed over
        self._hand_over(name, thread)
        self._over.add(name)
        yield _line("told", prompt=name, thread=thread, outcome=outcome, owner=told.others[0] if told.others else None)

    def _hand_over(self, name: str, thread: str | None) -> None:
        """Whether a completion was held back is seen only where who hands it over has run the turn."""
        since = self._passed.pop(name, {})
        if thread is not None and thread in since and thread == self._started.get(name):
            self.violations[PROMPT_NOTICE.name] = (
                f"{name} was told only after {thread} had begun the turn of {since[thread]}"
            )
        elif since:
            self.unsure[PROMPT_NOTICE.name] = (
                f"the client of {name} was told after another turn had begun, by another task than the one that ran "
                f"{name}'s turn: whether that had held it back is not seen"
            )


def _plain(seen: Observed) -> Iterator[LogLine]:
    """What is a line as it stands."""
    match seen.what:
        case "submit":
            run_id = f"run:{seen.name}" if seen.run_id else None
            yield _line("submit", prompt=seen.name, run_id=run_id)
            yield _line("submitted", prompt=seen.name)
        case "refused" | "queued":
            yield _line(seen.what, prompt=seen.name)
        case "call" if seen.name[0] == "x":
            yield _line("shutdown")
        case "call" | "return" if seen.name[0] != "x":
            kind = {"c": "cancel", "q": "clear"}[seen.name[0]]
            yield _line(f"{kind}_{seen.what}", operation=seen.name)


def _rest(snapshot: Held | None) -> LogLine:
    if snapshot is None:
        return _line("rest")
    return _line("rest", snapshot=LogSnapshot(busy=bool(snapshot.busy), queue=tuple(snapshot.queue)))


def _line(kind: Any, **fields: Any) -> LogLine:
    return LogLine(kind=kind, session=SESSION, **fields)

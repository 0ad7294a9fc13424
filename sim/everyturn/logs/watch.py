"""Watches a log: every line once, in constant memory for each open prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.logs.order import Gap
from everyturn.verdicts.verdict import InvariantResult, Verdict
from everyturn_model.invariants import INVARIANTS
from everyturn_model.logs.lines import OF_PROMPTS, OF_SESSIONS, running, started
from everyturn_model.logs.monitor import LogEvidence, LogMonitor, NotShown, PromptJudge, SessionJudge
from everyturn_model.logs.session import LogPrompt, LogSession, Recent
from everyturn_model.monitor import Invariant

_CLOSING: Final = frozenset(
    {"ended", "told", "dropped", "refused", "notified", "returned", "message", "message_failed"}
)
"""After these a prompt may be over, with nothing owed to it."""

_ENOUGH: Final = 4096
"""So many sessions are kept before idle ones are forgotten."""

Judges = tuple[tuple[str, PromptJudge], ...]
"""The invariants that a kind of line is judged for, each with its judge."""


class LineViolation(NamedTuple):
    """A line of a log shows that an invariant is broken."""

    invariant: str
    line: int
    session: str
    sentence: str
    prompt: str | None = None
    """Whose it is, unless it is the session's."""


class ViolationTally:
    """What was found for one invariant: how many violations, and the first."""

    __slots__ = ("count", "first")

    def __init__(self) -> None:
        self.count = 0
        self.first: LineViolation | None = None


class Watch:
    """Judges lines in the order in which they are given to :meth:`see`; ``report`` is called for each violation.

    ``recorded``: the lines are those of a recording, in which a thread and an owner are named wherever there is one.
    ``exact``: each line stands at its step. ``doubt``: where a prompt waits of which no line tells, is taken against
    the session.
    """

    def __init__(
        self,
        header: LogHeader,
        report: Callable[[LineViolation], None],
        invariants: Sequence[Invariant] = INVARIANTS,
        *,
        recorded: bool = False,
        exact: bool = False,
        doubt: bool = False,
    ) -> None:
        self._ordered, self._recorded = header.ordered, recorded
        self._exact, self._doubt = exact, doubt
        self._promises = header.promises.promises
        self.kinds = frozenset(str(kind) for kind in header.kinds)
        self.lines = self.prompts = self.run_ids = self.cancels = 0
        self.rests = self.lost = self.unknown = self.untouched = 0
        """How many rests were seen, how many lines are lost, and how many lines were of prompts not submitted here,
        and how many prompts were submitted while surely no Cancel was under way."""
        self._invariants = tuple(invariants)
        monitors = [
            (each.name, each.log)
            for each in invariants
            if isinstance(each.log, LogMonitor) and each.unpromised(self._promises) is None
        ]
        self.tallies = {name: ViolationTally() for name, _ in monitors}
        self._sessions: dict[str, LogSession] = {}
        self._named: set[int] = set()
        self._enough = _ENOUGH
        self._recent = Recent()
        self._report = report
        self._messages = "message" in self.kinds
        self._tainted = not header.complete
        self._threads = self._owners = recorded
        self._snapshots = False
        self._untraced: str | None = None
        self._place = 0
        judging = [(name, monitor) for name, monitor in monitors if monitor.needs <= self.kinds]
        self._takes = {kind: (take, _of_prompts(judging, kind), kind in _CLOSING) for kind, take in OF_PROMPTS.items()}
        self._submits = _of_prompts(judging, "submit")
        self._of_sessions = {kind: _of_sessions(judging, kind) for kind in (*OF_SESSIONS, "summary_start")}
        self._at_rest = [
            (name, monitor.at_rest)
            for name, monitor in monitors
            if monitor.at_rest is not None and monitor.needs - {"rest"} <= self.kinds
        ]

    def _new(self, name: str) -> LogSession:
        """A session that is not known; now and then, those of which there is nothing to remember are forgotten."""
        if len(self._sessions) >= self._enough:
            for idle in [each for each in self._sessions.values() if each.idle and each.tainted == self._tainted]:
                del self._sessions[idle.name]
            self._enough = max(_ENOUGH, 2 * len(self._sessions))
        session = LogSession(
            name,
            tainted=self._tainted,
            ordered=self._ordered,
            recorded=self._recorded,
            promises=self._promises,
            exact=self._exact,
            doubt=self._doubt,
        )
        self._sessions[name] = session
        self._named.add(hash(name))
        return session

    @property
    def named(self) -> int:
        """Of how many sessions lines were seen."""
        return len(self._named)

    @property
    def sessions(self) -> int:
        """How many sessions have something open."""
        return sum(not session.idle for session in self._sessions.values())

    @property
    def open(self) -> int:
        """How many prompts are open."""
        return sum(len(session.prompts) for session in self._sessions.values())

    def see(self, placed: Placed) -> None:
        """Take in and judge one line."""
        self._place, line = placed
        self.lines += 1
        session = self._sessions.get(line.session)
        if session is None:
            session = self._new(line.session)
        session.now = self.lines
        taking = self._takes.get(line.kind)
        if taking is None:
            self._session_line(session, line)
            return
        take, judges, closing = taking
        prompt = session.find(line) or self._seen_in_part(session, line)
        take(session, prompt, line)
        self._judge(judges, session, prompt, line)
        if closing:
            self._owners = self._owners or line.owner is not None
            if prompt.folds and not prompt.running:
                for each in prompt.folds:
                    self._close(session, each)
                prompt.folds = ()
            self._close(session, prompt)
        elif take is started:
            running(session, prompt, line)
            self._threads = self._threads or line.thread is not None

    def _session_line(self, session: LogSession, line: LogLine) -> None:
        match line.kind:
            case "submit":
                self._submit(session, line)
            case "rest":
                self._snapshots = self._snapshots or line.snapshot is not None
                self._rest(session, line)
            case "summary_start":
                self._judge_session(session, line)
                running(session, None, line)
            case "note":
                pass
            case kind:
                self.cancels += kind == "cancel_call"
                OF_SESSIONS[kind](session, line)
                self._judge_session(session, line)

    def _judge(self, judges: Judges, session: LogSession, prompt: LogPrompt, line: LogLine) -> None:
        for invariant, judge in judges:
            sentence = judge(session, prompt, line)
            if sentence is not None:
                self._found(invariant, session, sentence, prompt.name)

    def _judge_session(self, session: LogSession, line: LogLine) -> None:
        for invariant, judge in self._of_sessions[line.kind]:
            sentence = judge(session, line)
            if sentence is not None:
                self._found(invariant, session, sentence)

    def _submit(self, session: LogSession, line: LogLine) -> None:
        name = str(line.prompt)
        if name in session.prompts:
            self.unknown += 1
            return
        self._recent.forget(session.name, name)
        self.prompts += 1
        self.run_ids += line.run_id is not None
        prompt = LogPrompt(name, line.run_id, session.now)
        under_way = bool(session.operations) or session.closing or session.tainted
        prompt.untouched, prompt.met = not under_way, under_way
        self.untouched += not under_way
        session.open(prompt)
        self._judge(self._submits, session, prompt, line)

    def _seen_in_part(self, session: LogSession, line: LogLine) -> LogPrompt:
        """A prompt that is not open: it was closed, or its submission was not seen."""
        prompt = self._recent.get(session.name, line)
        if prompt is None:
            self.unknown += 1
            prompt = LogPrompt(line.prompt or str(line.run_id), line.run_id, -1)
            self._recent.put(session.name, prompt)
        elif prompt.whole and line.kind == "started":
            self._recent.forget(session.name, prompt.name)
            session.open(prompt)
        return prompt

    def _close(self, session: LogSession, prompt: LogPrompt) -> None:
        if prompt.over and prompt.name in session.prompts and not prompt.owed(messages=self._messages):
            session.close(prompt)
            self._recent.put(session.name, prompt)

    def _rest(self, session: LogSession, line: LogLine | None) -> None:
        self.rests += 1
        snapshot = None if line is None else line.snapshot
        for invariant, judge in self._at_rest:
            for sentence, prompt in judge(session, self.kinds, snapshot):
                self._found(invariant, session, sentence, prompt)
        self._untraced = max(session.untraced, default=self._untraced)
        session.rest(self._recent)

    def gap(self, gap: Gap) -> None:
        """Lines are lost: nothing is concluded from what is missing around them."""
        self.lost += gap.lines
        if gap.session is None:
            self._tainted = True
            for session in self._sessions.values():
                session.lose(self._recent)
            return
        (self._sessions.get(gap.session) or self._new(gap.session)).lose(self._recent)

    def restart(self, name: str | None) -> None:
        """Another process writes the session's lines (all sessions', if ``name`` is none): what was open is
        forgotten."""
        for each in list(self._sessions) if name is None else [name]:
            if each in self._sessions:
                self._sessions.pop(each).rest(self._recent)

    def finish(self, *, at_rest: bool = False) -> None:
        """The log stops. ``at_rest``: because nothing can move any more, in any session."""
        if at_rest:
            for session in list(self._sessions.values()):
                self._rest(session, None)

    def _found(self, invariant: str, session: LogSession, sentence: str, prompt: str | None = None) -> None:
        violation = LineViolation(invariant, self._place, session.name, sentence, prompt)
        tally = self.tallies[invariant]
        tally.count += 1
        if tally.first is None:
            tally.first = violation
        self._report(violation)

    def verdicts(self) -> Iterator[tuple[str, InvariantResult]]:
        """What is said of each of the invariants, for the lines seen so far."""
        for invariant in self._invariants:
            tally = self.tallies.get(invariant.name)
            if tally is not None and tally.first is not None:
                yield invariant.name, InvariantResult(Verdict.REFUTED, tally.first.sentence, count=tally.count)
            else:
                yield invariant.name, self._unrefuted(invariant)

    def _unrefuted(self, invariant: Invariant) -> InvariantResult:
        monitor, needs = invariant.log, invariant.needs
        unpromised = invariant.unpromised(self._promises)
        if unpromised is not None:
            return InvariantResult(Verdict.NOT_PROMISED, unpromised)
        if isinstance(monitor, NotShown):
            return InvariantResult(Verdict.NOT_JUDGED, monitor.reason)
        missing = monitor.needs - self.kinds
        if missing:
            return InvariantResult(
                Verdict.NOT_JUDGED, f"the log has no {', '.join(f'`{each}`' for each in sorted(missing))} lines"
            )
        if self.prompts < needs.prompts or self.run_ids < needs.run_ids or self.cancels < needs.cancels:
            return InvariantResult(Verdict.VACUOUS)
        unsaid = monitor.unsaid(self._shown())
        return InvariantResult(Verdict.HOLDS) if unsaid is None else InvariantResult(Verdict.NOT_JUDGED, unsaid)

    def _shown(self) -> LogEvidence:
        return LogEvidence(
            self.rests, self.open, self.untouched, self._snapshots, self._threads, self._owners, self._untraced
        )


def _of_prompts(monitors: Sequence[tuple[str, LogMonitor]], kind: str) -> Judges:
    """Who judges a kind of line about a prompt."""
    return tuple((name, each.of_prompts[kind]) for name, each in monitors if kind in each.of_prompts)


def _of_sessions(monitors: Sequence[tuple[str, LogMonitor]], kind: str) -> tuple[tuple[str, SessionJudge], ...]:
    """Who judges a kind of line about the whole session."""
    return tuple((name, each.of_sessions[kind]) for name, each in monitors if kind in each.of_sessions)

"""Logs against the specification: could a correct dispatcher have written these lines?

A run is a recorded run, one of our own traces, or in a log of any other agent a busy period of one session
(:mod:`everyturn.logs.busy_periods`). Traces are complete, all others partial (:mod:`everyturn_model.partial`). A run is
*refused* when no placing of the hidden steps explains it, *accepted* when one does; that one is shown on demand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, Unread
from everyturn.formats.crush_dispatch import RecordedRun, read_runs
from everyturn.formats.everyturn_log import LogHeader
from everyturn.logs.busy_periods import BusyPeriod, BusyPeriods
from everyturn.logs.events import lacks, missing_kinds, of_lines
from everyturn.logs.history import AS_IT_IS, History, Reading
from everyturn.logs.order import Gap
from everyturn.logs.projection import of_recording
from everyturn.printing import printable
from everyturn.runs import trace
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn_model.events import Rest
from everyturn_model.lifecycle import Phase
from everyturn_model.partial import BUDGET, Matched, PartialAnswer, Unexplained, match_complete, match_partial
from everyturn_model.spec.state import State

VERDICTS: Final = {
    PartialAnswer.ACCEPTED: Verdict.HOLDS,
    PartialAnswer.REFUSED: Verdict.REFUTED,
    PartialAnswer.UNDETERMINED: Verdict.UNDETERMINED,
}


MORE_LINES: Final = (
    "a log that tells more leaves fewer orders open: `submitted`, `stream_start` and `stream_end` lines, the `reason` "
    "of `dropped`,"
    ' `"ordered": true`'
)
"""What helps where a log of any agent was undetermined."""


@dataclass(frozen=True, slots=True)
class RunMatch:
    """One run: where it stands, its first and last line and how many there are, and the answer.

    ``session``: whose run it is, in a log of many sessions.
    """

    file: str
    revision: str
    run: int
    scope: str
    lines: tuple[int, int]
    count: int
    matched: Matched
    session: str | None = None

    @property
    def name(self) -> str:
        """The run as people call it."""
        return f"run {self.run}" if self.session is None else f"run {self.run} (session {printable(self.session)})"

    def concise(self) -> RunMatch:
        """The same without an explanation, if the run was accepted: for those who keep many."""
        if self.matched.answer is not PartialAnswer.ACCEPTED:
            return self
        return replace(self, matched=replace(self.matched, explanation=()))

    def sentences(self) -> Iterator[str]:
        """For each refusal: where, the guard, and what it demands; the longest prefix that fits goes with the first."""
        if self.matched.answer is PartialAnswer.UNDETERMINED:
            yield f"{self.file}:{self.lines[0]}: {self.name}: undetermined: {self.spent()}"
        for refused in self.matched.refusals:
            yield f"{self.file}:{refused.place}: {self.name}: {refused.guard}: {sentence(refused)}"

    def spent(self) -> str:
        """What a limit means."""
        spent = f"the budget of {self.matched.tried:,} tried actions is spent; `--budget` raises it"
        return spent if self.session is None else f"{spent}; {MORE_LINES}"

    def conforms(self) -> InvariantResult:
        """The verdict; the first refusal counts."""
        judged = InvariantResult(VERDICTS[self.matched.answer])
        for refused in self.matched.refusals[:1]:
            judged.sentence, judged.guard = sentence(refused), refused.guard
            judged.where, judged.count = f"{self.file}:{refused.place}", len(self.matched.refusals)
        if self.matched.answer is PartialAnswer.UNDETERMINED:
            judged.sentence = self.spent()
        return judged

    def cell(self) -> Cell:
        """The run as a cell of a result."""
        judged = self.conforms()
        return Cell(self.revision, self.scope, "log", judged.verdict, {}, conforms=judged, file=self.file, run=self.run)


def sentence(refused: Unexplained) -> str:
    """What was needed, and the guards that refused it, in words; then who stands in the way."""
    first, *others = refused.needed
    more = "".join(f" Nor {other.action} ({other.guard}): {other.sentence}" for other in others)
    found = ", ".join(standing(refused.guard, refused.states[0]))
    found += _unseen(refused, found)
    text = f"{first.action} of {subject(first.event)}: {first.sentence}{f' Here: {found}.' if found else ''}{more}"
    return printable(text)


def _unseen(refused: Unexplained, found: str) -> str:
    """What the log's own snapshot says where it shows an empty queue, and those who entered the queue are nowhere."""
    event = refused.needed[0].event
    if refused.guard != "rest-queue-empty" or not isinstance(event, Rest) or event.shared.queue or not found:
        return ""
    return ", which entered the queue and of which no line tells that it left; the rest line shows no queue"


def standing(guard: str, state: State) -> Iterator[str]:
    """The prompts, or whatever is active, that the guard speaks of."""
    match guard:
        case "nothing-active" | "nothing-else-active" | "rest-nothing-active":
            yield from (each.name for each in (state.turn, state.summary) if each is not None)
        case "rest-all-told":
            yield from (each.name for each in state.prompts if each.run_id and not (each.told or each.notified))
        case "rest-all-ended" | "rest-queue-empty":
            yield from (each.name for each in state.prompts if each.outcome is None and each.phase is not Phase.TURN)


def subject(event: object) -> str:
    """Whom an event is about."""
    for name in ("prompt", "turn", "summary", "operation"):
        if getattr(event, name, None) is not None:
            return str(getattr(event, name))
    return "the session"


@dataclass(slots=True)
class Conformed:
    """All that was matched. ``seconds``: time spent on each file; ``unreadable``: what could not be read; ``remarks``:
    what is to be said about the logs themselves."""

    runs: list[RunMatch] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    unreadable: Unread = field(default_factory=Unread)
    remarks: list[str] = field(default_factory=list)
    interrupted: bool = False

    def add(self, run: RunMatch, seconds: float) -> None:
        """One more run of a file on which so much time was spent."""
        self.runs.append(run)
        self.seconds[run.file] = seconds

    def with_more(self, more: Conformed) -> Conformed:
        """This, and what was matched of other files."""
        return Conformed(
            [*self.runs, *more.runs],
            self.seconds | more.seconds,
            self.unreadable.with_more(more.unreadable),
            [*self.remarks, *more.remarks],
            self.interrupted or more.interrupted,
        )

    def table(self, refuted: Mapping[str, int] | None = None) -> Iterator[str]:
        """For each file runs, accepted, refused, undetermined and lines a second, then what refused how many runs.

        ``refuted``: in how many runs of each file some invariant is refuted, if that was judged.
        """
        judged = "" if refuted is None else f"{'refuted':>9}"
        yield f"{'runs':>6}{'accepted':>10}{'refused':>9}{'undetermined':>14}{judged}{'lines/s':>10}  file"
        for file, seconds in self.seconds.items():
            runs = [each for each in self.runs if each.file == file]
            answers = Counter(each.matched.answer for each in runs)
            speed = sum(each.count for each in runs) / max(seconds, 1e-9)
            counts = "".join(
                f"{answers[answer]:>{width}}" for answer, width in zip(PartialAnswer, (10, 9, 14), strict=True)
            )
            judged = "" if refuted is None else f"{refuted.get(file, 0):>9}"
            yield f"{len(runs):>6}{counts}{judged}{speed:>10,.0f}  {file}"
            first, anywhere = refusing_guards(runs)
            for guard, often in sorted(anywhere.items(), key=lambda each: (-first[each[0]], -each[1], each[0])):
                yield f"{'':>8}{guard:<22} first in {first[guard]:>3}, in all {often:>3} of the runs"


def refusing_guards(runs: Sequence[RunMatch]) -> tuple[Counter[str], Counter[str]]:
    """In how many runs each guard was the first to refuse, and in how many it refused at all."""
    first = Counter(each.matched.refusals[0].guard for each in runs if each.matched.refusals)
    anywhere = Counter(guard for each in runs for guard in {refused.guard for refused in each.matched.refusals})
    return first, anywhere


def conform(
    logs: Sequence[Path],
    budget: int = BUDGET,
    say: Callable[[RunMatch], None] | None = None,
    reading: Reading = AS_IT_IS,
    progress: Callable[[LogFile], None] | None = None,
) -> Conformed:
    """Match all runs of some logs; each is handed to ``say`` as soon as it is judged.

    What cannot be read is left out and said. An interruption keeps what was matched so far. ``progress`` is given now
    and then the file that is being read.
    """
    conformed = Conformed()
    try:
        for path in logs:
            try:
                _file(path, budget, conformed, say, reading, progress)
            except UsageError as error:
                conformed.unreadable(str(error))
    except KeyboardInterrupt:
        conformed.interrupted = True
    return conformed


def _file(
    path: Path,
    budget: int,
    conformed: Conformed,
    say: Callable[[RunMatch], None] | None,
    reading: Reading,
    progress: Callable[[LogFile], None] | None,
) -> None:
    began = time.perf_counter()
    with LogFile(path, progress) as file:
        matches: Iterator[RunMatch]
        name = reading.format_of(file)
        if name == "recording":
            runs = read_runs(file, lambda error: conformed.unreadable(str(error)))
            matches = (match_recording(run, budget) for run in runs)
        elif name == "trace":
            matches = iter([_match_trace(file, budget)])
        else:
            match_log(file, reading, conformed, budget, say)
            return
        for judged in matches:
            conformed.add(judged, time.perf_counter() - began)
            if say is not None:
                say(judged)


def match_recording(run: RecordedRun, budget: int = BUDGET) -> RunMatch:
    """Match one recorded run."""
    matched = match_partial(of_recording(run), budget)
    lines = (run.logged[0].line, run.logged[-1].line)
    return RunMatch(str(run.path), run.header.revision, run.begin.run, run.scope, lines, len(run.logged), matched)


def _match_trace(file: LogFile, budget: int) -> RunMatch:
    """Match one of our own traces, which hides nothing."""
    read = trace.of(file)
    numbered = list(enumerate(read.lines, 2))
    matched = match_complete(
        ((number, trace.event_of(line)) for number, line in numbered if line.kind != "step"), budget
    )
    header = read.header
    lines = (2, numbered[-1][0] if numbered else 2)
    return RunMatch(str(file.path), header.revision, header.run, header.scope, lines, len(numbered), matched)


class LogMatcher:
    """Matches a log of any other agent while it is read, one busy period after the other, each as soon as it ends.

    Listens to a :class:`~everyturn.logs.history.History`; :meth:`finish` says that the log is over. What was matched,
    and what is to be said of the log, goes to ``conformed``, and each run to ``say``. Raises :class:`UsageError` for a
    header that does not promise enough.
    """

    def __init__(
        self,
        path: Path,
        header: LogHeader,
        conformed: Conformed,
        budget: int = BUDGET,
        say: Callable[[RunMatch], None] | None = None,
    ) -> None:
        lacking = ", ".join(f"`{kind}`" for kind in missing_kinds(header))
        if lacking:
            expected = "expected a log that tells of every step that the specification is matched by"
            raise UsageError(
                f"{path}: {expected}; found one without {lacking} lines (`kinds` of its header, or its mapping)"
            )
        self._path, self._header, self._conformed, self._budget, self._say = str(path), header, conformed, budget, say
        self._lacks, self._revision = lacks(header), printable(header.agent or "unknown")
        self._began = time.perf_counter()
        self._number = self._gaps = 0
        self._periods = BusyPeriods(header, self._match)
        self.see = self._periods.see
        self.restart = self._periods.restart

    def gap(self, gap: Gap) -> None:
        """Lines are lost."""
        self._gaps += 1
        self._periods.gap(gap)

    def finish(self, *, at_rest: bool, unmapped: str | None) -> None:
        """The log is over; ``unmapped``: what is to be said of lines that its mapping does not know.

        Raises :class:`UsageError` if there was no line in it.
        """
        self._periods.finish(at_rest=at_rest)
        self._conformed.remarks += [f"{self._path}: {remark}" for remark in self._remarks(unmapped)]
        if not self._periods.lines:
            raise UsageError(f"{self._path}: expected a log with an event in it; found none")

    def _match(self, busy_period: BusyPeriod) -> None:
        matched = match_partial(of_lines(busy_period, self._header), self._budget, self._lacks)
        places = [placed.number for placed in busy_period.lines]
        lines = (min(places), max(places))
        run = RunMatch(
            self._path, self._revision, self._number, "log", lines, len(places), matched, busy_period.session
        )
        self._number += 1
        self._conformed.add(run, time.perf_counter() - self._began)
        if self._say is not None:
            self._say(run)

    def _remarks(self, unmapped: str | None) -> Iterator[str]:
        """What was not judged because lines are lost, and what the mapping says nothing about, if anything."""
        skipped = f"{self._periods.skipped:,} lines, up to the next rest, were not matched"
        if self._gaps:
            places = "1 place" if self._gaps == 1 else f"{self._gaps:,} places"
            yield f"lines are lost at {places}; {skipped}"
        elif self._periods.skipped:
            yield f"the log begins in the midst of a session; {skipped}"
        if unmapped is not None:
            yield unmapped


def match_log(
    file: LogFile,
    reading: Reading,
    conformed: Conformed,
    budget: int = BUDGET,
    say: Callable[[RunMatch], None] | None = None,
) -> None:
    """Match a log of any other agent to its end. Raises :class:`UsageError` if it does not carry enough."""
    history = History(file, reading, lambda fault: conformed.unreadable(str(fault)))
    matcher = LogMatcher(file.path, history.header, conformed, budget, say)
    order = history.tell(matcher)
    history.read()
    order.flush()
    matcher.finish(at_rest=reading.at_rest, unmapped=history.unmapped)

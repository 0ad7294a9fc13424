"""Recordings against the specification: could a correct dispatcher have written these lines?

Each run is a partial log (:mod:`everyturn.projection`), which :mod:`everyturn_model.partial` matches. A run is *refused* when no
placing of the hidden steps explains it, *accepted* when one does; that one is shown on demand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from everyturn.errors import UsageError
from everyturn.formats.catalogue import format_of
from everyturn.formats.crush_dispatch import read_runs
from everyturn.formats.files import LogFile
from everyturn.outside import scope_of
from everyturn.projection import of_recording
from everyturn.verdict import Cell, Judged, Verdict
from everyturn_model.lifecycle import Phase
from everyturn_model.partial import BUDGET, Answer, Matched, Refused, match_partial
from everyturn_model.spec.state import State

VERDICTS: Final = {
    Answer.ACCEPTED: Verdict.HOLDS,
    Answer.REFUSED: Verdict.REFUTED,
    Answer.UNDETERMINED: Verdict.UNDETERMINED,
}


@dataclass(frozen=True, slots=True)
class RunMatch:
    """One recorded run: where it stands, how many lines it has, and the answer."""

    file: str
    revision: str
    run: int
    scope: str
    lines: tuple[int, int]
    matched: Matched

    def sentences(self) -> Iterator[str]:
        """For each refusal: where, the guard, what it demands, and how much of the run fits before."""
        for refused in self.matched.refusals:
            yield f"{self.file}:{refused.place}: run {self.run}: {refused.guard}: {_sentence(refused)}"

    def cell(self) -> Cell:
        """The run as a cell of a result; the first refusal counts."""
        judged = Judged(VERDICTS[self.matched.answer])
        for refused in self.matched.refusals[:1]:
            judged.sentence, judged.guard = _sentence(refused), refused.guard
            judged.where, judged.count = f"{self.file}:{refused.place}", len(self.matched.refusals)
        if self.matched.answer is Answer.UNDETERMINED:
            judged.sentence = f"the budget of {self.matched.tried:,} tried actions is spent"
        return Cell(self.revision, self.scope, "log", judged.verdict, {}, conforms=judged, file=self.file, run=self.run)


def _sentence(refused: Refused) -> str:
    """What was needed, and the guards that refused it, in words; then who stands in the way."""
    first, *others = refused.needed
    more = "".join(f" Nor {other.action} ({other.guard}): {other.sentence}" for other in others)
    found = ", ".join(_standing(refused.guard, refused.states[0]))
    return f"{first.action} of {_subject(first.event)}: {first.sentence}{f' Here: {found}.' if found else ''}{more}"


def _standing(guard: str, state: State) -> Iterator[str]:
    """The prompts, or whatever is active, that the guard speaks of."""
    match guard:
        case "nothing-active" | "nothing-else-active" | "rest-nothing-active":
            yield from (each.name for each in (state.turn, state.summary) if each is not None)
        case "rest-all-told":
            yield from (each.name for each in state.prompts if each.run_id and not (each.told or each.notified))
        case "rest-all-ended" | "rest-queue-empty":
            yield from (each.name for each in state.prompts if each.outcome is None and each.phase is not Phase.TURN)


def _subject(event: object) -> str:
    """Whom an event is about."""
    for name in ("prompt", "turn", "summary", "operation"):
        if getattr(event, name, None) is not None:
            return str(getattr(event, name))
    return "the session"


@dataclass(slots=True)
class Conformed:
    """All that was matched. ``seconds``: time spent on each file; ``unreadable``: what could not be read."""

    runs: list[RunMatch] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    interrupted: bool = False

    def table(self) -> Iterator[str]:
        """For each file runs, accepted, refused, undetermined and lines a second, then what refused how many runs."""
        yield f"{'runs':>6}{'accepted':>10}{'refused':>9}{'undetermined':>14}{'lines/s':>10}  file"
        for file, seconds in self.seconds.items():
            runs = [each for each in self.runs if each.file == file]
            answers = Counter(each.matched.answer for each in runs)
            speed = sum(last - first + 1 for first, last in (each.lines for each in runs)) / max(seconds, 1e-9)
            counts = "".join(f"{answers[answer]:>{width}}" for answer, width in zip(Answer, (10, 9, 14), strict=True))
            yield f"{len(runs):>6}{counts}{speed:>10,.0f}  {file}"
            first, anywhere = refusing_guards(runs)
            for guard, often in anywhere.most_common():
                yield f"{'':>8}{guard:<22} first in {first[guard]:>3}, in all {often:>3} of the runs"


def refusing_guards(runs: Sequence[RunMatch]) -> tuple[Counter[str], Counter[str]]:
    """In how many runs each guard was the first to refuse, and in how many it refused at all."""
    first = Counter(each.matched.refusals[0].guard for each in runs if each.matched.refusals)
    anywhere = Counter(guard for each in runs for guard in {refused.guard for refused in each.matched.refusals})
    return first, anywhere


def conform(logs: Sequence[Path], budget: int = BUDGET, say: Callable[[RunMatch], None] | None = None) -> Conformed:
    """Match all runs of some recordings; each is handed to ``say`` as soon as it is judged.

    What cannot be read is left out and said. An interruption keeps what was matched so far.
    """
    conformed = Conformed()
    try:
        for path in logs:
            try:
                _file(path, budget, conformed, say)
            except UsageError as error:
                conformed.unreadable.append(str(error))
    except KeyboardInterrupt:
        conformed.interrupted = True
    return conformed


def _file(path: Path, budget: int, conformed: Conformed, say: Callable[[RunMatch], None] | None) -> None:
    began = time.perf_counter()
    with LogFile(path) as file:
        name = format_of(file)
        if name != "recording":
            raise UsageError(f"{path}: --conformance: expected a recording (crush-dispatch-trace/1); found {name}")
        for run in read_runs(file, lambda error: conformed.unreadable.append(str(error))):
            matched = match_partial(of_recording(run), budget)
            lines = (run.logged[0].line, run.logged[-1].line)
            judged = RunMatch(str(path), run.header.revision, run.begin.run, scope_of(run), lines, matched)
            conformed.runs.append(judged)
            conformed.seconds[str(path)] = time.perf_counter() - began
            if say is not None:
                say(judged)

"""Which revision wrote this recording? Each recorded run against the implementation of each revision.

Where :mod:`everyturn.logs.conforming` asks whether *any* correct dispatcher could have written a run, this asks whether
*ours* could: at the granularity of single accesses, in any interleaving. So it is a test of our revisions, which claim
to be the agent's; and of a log from elsewhere it tells which revision to look at. Trace validation against a state
graph in this sense is that of Cirstea, Kuppe, Loillier and Merz, Validating Traces of Distributed Programs Against TLA+
Specifications (SEFM 2024), with the implementation in the place of the specification.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, Unread
from everyturn.formats.catalogue import format_of
from everyturn.formats.crush_dispatch import read_runs
from everyturn.logs.matching import Match, MatchAnswer, Matching
from everyturn.logs.recorder import RecordedWorld
from everyturn.logs.transcript import Transcript, transcript_of
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn.world.agents import find_revision, revision_name
from everyturn_impl.revisions import REVISIONS
from everyturn_impl.server import Server

BUDGET: Final = 500_000
"""So many product states are looked at for one run and revision."""
VERDICTS: Final = {
    MatchAnswer.ACCEPTED: Verdict.HOLDS,
    MatchAnswer.REFUSED: Verdict.REFUTED,
    MatchAnswer.UNDETERMINED: Verdict.UNDETERMINED,
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One run against one revision, and how long it took."""

    revision: str
    match: Match
    seconds: float


@dataclass(frozen=True, slots=True)
class RunIdentified:
    """One recorded run against every revision. ``recorded``: the revision that its header names."""

    file: str
    run: int
    recorded: str
    transcript: Transcript
    tried: tuple[Tried, ...]

    @property
    def scope(self) -> str:
        """The scope of the worlds that it was matched against."""
        return str(self.transcript.scope)

    def place(self, match: Match) -> str:
        """File and line where a refused run no longer fits."""
        places = self.transcript.places
        return f"{self.file}:{places[min(match.written, len(places) - 1)]}"

    def sentence(self, match: Match) -> str:
        """Why a run is not accepted: the line that does not fit, and what could have been there instead."""
        if match.answer is not MatchAnswer.REFUSED:
            return f"{match.states:,} product states were not enough for an answer"
        if self.transcript.contradiction is not None:
            return self.transcript.contradiction
        lines = self.transcript.lines
        least = "" if match.longest else " (at least)"
        if match.stored is not None:
            stored = self.transcript.stored or ()
            following = f"`{stored[match.stored]}`" if match.stored < len(stored) else "no more"
            return (
                f"all lines fit, but of {len(stored)} messages in the store {match.stored} at most, and not then "
                f"{following}"
            )
        before = f"{match.written} of {len(lines)} lines fit{least}"
        if match.written == len(lines):
            return f"{before}; at rest expected {self.transcript.rest}, found {_all(match.rests) or 'no rest'}"
        expected = lines[match.written]
        own = [each.line for each in match.instead if each.thread == expected.thread]
        others = [each for each in match.instead if each.thread != expected.thread]
        possible = f"{expected.thread} could write {_all(own)}" if own else f"not {expected.thread}, but {_all(others)}"
        return f"{before}; then `{expected}`, where {possible if own or others else 'nobody can write anything'}"

    def cells(self) -> Iterator[Cell]:
        """One cell for each revision."""
        for tried in self.tried:
            verdict = VERDICTS[tried.match.answer]
            judged = InvariantResult(verdict)
            if tried.match.answer is not MatchAnswer.ACCEPTED:
                judged.sentence = self.sentence(tried.match)
            if tried.match.answer is MatchAnswer.REFUSED:
                judged.where, judged.steps = self.place(tried.match), tried.match.written
            yield Cell(
                tried.revision,
                self.scope,
                "access",
                verdict,
                {},
                conforms=judged,
                states=tried.match.states,
                seconds=round(tried.seconds, 3),
                file=self.file,
                run=self.run,
                events=len(self.transcript.lines),
            )


def _all(things: Sequence[object]) -> str:
    return " or ".join(f"`{each}`" for each in things)


@dataclass(slots=True)
class Identified:
    """All that was matched, and what could not be read."""

    revisions: tuple[str, ...]
    runs: list[RunIdentified] = field(default_factory=list)
    unreadable: Unread = field(default_factory=Unread)
    interrupted: bool = False

    def counts(self, file: str | None = None) -> dict[str, Counter[MatchAnswer]]:
        """For each revision how many runs got which answer, of one file or of all."""
        counts: dict[str, Counter[MatchAnswer]] = {revision: Counter() for revision in self.revisions}
        for run in self.runs:
            for tried in run.tried if file in (None, run.file) else ():
                counts[tried.revision][tried.match.answer] += 1
        return counts

    def seconds(self, revision: str, file: str) -> float:
        """How long the runs of a file took with a revision."""
        runs = [run for run in self.runs if run.file == file]
        return sum(tried.seconds for run in runs for tried in run.tried if tried.revision == revision)

    def ranking(self, file: str | None = None) -> list[tuple[str, Counter[MatchAnswer]]]:
        """The revisions, that which explains most runs first; among equals the later one."""
        counts = self.counts(file)
        newest = {revision: number for number, revision in enumerate(self.revisions)}
        return sorted(
            counts.items(),
            key=lambda each: (-each[1][MatchAnswer.ACCEPTED], each[1][MatchAnswer.REFUSED], -newest[each[0]]),
        )

    def best(self, file: str) -> str:
        """The revision that explains most runs of a file."""
        return self.ranking(file)[0][0]


def identify(
    logs: Sequence[Path],
    revisions: Sequence[str] = tuple(REVISIONS),
    budget: int = BUDGET,
    say: Callable[[RunIdentified], None] | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Identified:
    """Match all runs of some recordings against all ``revisions``; each run is handed to ``say`` as soon as it is done.

    What cannot be read is left out and said. An interruption keeps what was matched so far. ``progress`` is given what
    is being matched, and after how many product states.
    """
    identified = Identified(tuple(_recordable(revision) for revision in revisions))
    try:
        for path in logs:
            try:
                _file(path, identified, budget, say, progress)
            except UsageError as error:
                identified.unreadable(str(error))
    except KeyboardInterrupt:
        identified.interrupted = True
    return identified


def _recordable(revision: str) -> str:
    """The full name of a revision whose door the recorder knows."""
    if not issubclass(find_revision(revision), Server):
        raise UsageError(f"--identify: {revision}: expected a subclass of everyturn_impl.server.Server")
    return revision_name(revision)


def _file(
    path: Path,
    identified: Identified,
    budget: int,
    say: Callable[[RunIdentified], None] | None,
    progress: Callable[[str, int], None] | None,
) -> None:
    with LogFile(path) as file:
        name = format_of(file)
        if name != "recording":
            raise UsageError(f"{path}: --identify: expected a recording (crush-dispatch-trace/1); found {name}")
        for run in read_runs(file, lambda error: identified.unreadable(str(error))):
            transcript = transcript_of(run)
            where = f"{path}: run {run.begin.run}"
            tried = tuple(_try(transcript, revision, budget, where, progress) for revision in identified.revisions)
            told = RunIdentified(str(path), run.begin.run, run.header.revision, transcript, tried)
            identified.runs.append(told)
            if say is not None:
                say(told)


def _try(
    transcript: Transcript, revision: str, budget: int, where: str, progress: Callable[[str, int], None] | None
) -> Tried:
    began = time.perf_counter()

    def told(states: int) -> None:
        if progress is not None:
            progress(f"{where}, {revision}", states)

    told(0)
    match = match_transcript(transcript, revision, budget, told)
    return Tried(revision, match, time.perf_counter() - began)


def match_transcript(
    transcript: Transcript, revision: str, budget: int = BUDGET, progress: Callable[[int], None] | None = None
) -> Match:
    """Whether ``revision`` could have written ``transcript``; nobody could write an end that its own lines
    contradict."""
    if transcript.contradiction is not None:
        return Match(MatchAnswer.REFUSED, 0, len(transcript.lines))
    return Matching(RecordedWorld(transcript.scope, revision)).match(transcript, budget, progress)

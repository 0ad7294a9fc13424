"""Refutations as tools show them that look at files: why, and at which line of which file it was decided."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from everyturn.asyncio.checking import STATES_OF_A_RUN, explain_token
from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.runtime.scenarios import find
from everyturn.campaigns.counting import CampaignResult
from everyturn.campaigns.known import KnownFailure, Since
from everyturn.errors import AgentFault, EndlessRun, UsageError
from everyturn.explanation.explain import Explanation, explain_source
from everyturn.reports import scenario_story, story
from everyturn.reports.headline import judged_of
from everyturn.sessions.by_name import workload_of
from everyturn.sessions.workload import FAULTS
from everyturn.source_location import Rank, rank
from everyturn.verdicts import hints
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn.world.agents import find_revision
from everyturn_model.invariants import BY_NAME

BUDGET: Final = 5_000
"""How many states are looked at to explain one refutation."""
_PORTS: Final = ("revision", "agent")
_PLACE: Final = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+)")


class FilePlace(NamedTuple):
    """A line of a file, by its path from the working folder, or, if it is not below that, by its package's."""

    file: str
    line: int
    text: str = ""


class Subject(NamedTuple):
    """What was asked about: its kind, as the option that names it, its name, and its scope, if it has one."""

    kind: str
    name: str
    scope: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.scope}".rstrip()

    @classmethod
    def of(cls, cell: Cell) -> Subject:
        """What a cell is about."""
        if cell.granularity in ("fifo", "any"):
            return cls("session" if cell.scope else "scenario", cell.revision, cell.scope)
        (kind,) = hints.dispatcher(cell.revision)
        return cls(kind, cell.revision, cell.scope)


_Told = tuple[tuple[str, ...], tuple[FilePlace, ...]]
"""Why, line by line, and where."""


class ToldRefutation(NamedTuple):
    """An invariant that something violates, the token of a run, why, and where: the deciding line first. ``again``: the
    command that makes the run again, if it is another one than that of :attr:`replay`."""

    subject: Subject
    invariant: str
    sentence: str
    token: str | None
    story: tuple[str, ...] = ()
    places: tuple[FilePlace, ...] = ()
    again: str | None = None

    @property
    def replay(self) -> str | None:
        """The command that makes the run again; none if nothing does."""
        if self.again is not None:
            return self.again
        if self.token is None:
            return None
        own = {} if self.subject.kind == "revision" else {self.subject.kind: self.subject.name}
        return hints.command("replay", self.token, **own)


class ToldDoubt(NamedTuple):
    """An invariant of which something is not known, and why."""

    subject: Subject
    invariant: str
    reason: str


def meaning(invariant: str) -> str:
    """What an invariant, or a kind of fault, says."""
    if invariant in BY_NAME:
        return BY_NAME[invariant].sentence
    if invariant == CONFORMS:
        return "Each run is one that the specification allows."
    return {**KINDS, **FAULTS}.get(invariant, invariant)


def refutations(cells: Iterable[Cell], named: Any = None) -> Iterator[ToldRefutation]:
    """What is refuted in cells, explained; ``named``: see :func:`explained`."""
    for cell in cells:
        for name, judged in judged_of(cell):
            if judged.verdict is Verdict.REFUTED:
                yield explained(Subject.of(cell), name, judged.sentence or "", judged.token, named)


def doubts(cells: Iterable[Cell]) -> Iterator[ToldDoubt]:
    """What is undetermined in cells."""
    for cell in cells:
        for name, judged in judged_of(cell):
            if judged.verdict is Verdict.UNDETERMINED:
                yield ToldDoubt(Subject.of(cell), name, _reason(cell, judged))


def of_campaign(found: CampaignResult) -> Iterator[ToldRefutation]:
    """What a campaign has found to fail, and the known failures that still do, each explained by its small run."""
    for failure in (each.failure for each in found.failures if each.file is None):
        yield explained(_of_known(failure), failure.invariant, failure.what, failure.token)
    for known in found.known:
        if known.outcome.since is Since.FAILING:
            failure = known.failure
            said, token = known.outcome.what or failure.what, known.outcome.token or failure.token
            yield explained(_of_known(failure), failure.invariant, said, token)


def _of_known(failure: KnownFailure) -> Subject:
    return Subject(failure.kind, failure.name, failure.scope)


def doubts_of_campaign(found: CampaignResult) -> Iterator[ToldDoubt]:
    """What a campaign does not know, of cells and of known failures."""
    for cell in found.cells:
        for name, verdict in cell.verdicts.items():
            if verdict is Verdict.UNDETERMINED:
                reason = cell.stopped or f"{cell.runs:,} of {cell.of:,} runs were made"
                yield ToldDoubt(Subject(cell.cell.kind, cell.cell.name, cell.cell.scope), name, reason)
    for known in found.known:
        if known.outcome.since is Since.OUT_OF_REACH:
            yield ToldDoubt(_of_known(known.failure), known.failure.invariant, known.outcome.how)


def _reason(cell: Cell, judged: InvariantResult) -> str:
    return judged.sentence or (
        f"a limit was reached: {cell.stopped}" if cell.stopped else "not everything was explored"
    )


def explained(subject: Subject, invariant: str, sentence: str, token: str | None, named: Any = None) -> ToldRefutation:
    """A refutation by the run of a token, with the reason and the deciding line, as far as these can be found.
    ``named``: what was asked about, by default what is found by the subject's name."""
    told: _Told = (), ()
    if token is not None:
        with suppress(UsageError, EndlessRun, AgentFault):  # it can be run, and not be explored
            named = subject.name if named is None else named
            told = (_of_ports if subject.kind in _PORTS else _of_program)(subject, named, invariant, token)
    story_lines, places = told
    return ToldRefutation(subject, invariant, sentence, token, story_lines, places or _definition(subject))


def _of_ports(subject: Subject, agent: Any, invariant: str, token: str) -> _Told:
    found = explain_source(token, [invariant], budget=BUDGET, agent=agent)
    lines = tuple(line.rstrip() for line in story.lines(found) if not line.startswith("Step by step:"))
    deciding = [(_below(place.file), place) for place in _deciding(found)]
    return lines, tuple(place._replace(file=file) for file, place in deciding if file is not None)


def _deciding(found: Explanation) -> Iterator[FilePlace]:
    """The lines that decided: the later racing access, the earlier one, the step of no return, the violating step."""
    touched = [] if found.race is None else [(each.step, each.place) for each in reversed(found.race)]
    lost = [] if found.no_return is None or found.no_return.step is None else [(found.no_return.step, 0)]
    for step, place in dict.fromkeys([*touched, *lost, (min(found.step, len(found.run.steps) - 1), 0)]):
        line = found.places[step][place]
        made = found.run.steps[step].operations[place]
        yield FilePlace(line.path, line.line, f"step {step}: {made.thread} {made.operation}")


def _of_program(subject: Subject, named: Any, invariant: str, token: str) -> _Told:
    program: Any = named if subject.kind == "scenario" else workload_of(token, named)
    found = explain_token(token, program, invariant, budget=BUDGET // STATES_OF_A_RUN)
    waiting = [str(each) for each in found.waiting]
    ends = waiting[::-1] if invariant == "hang" else []  # who waits for nobody that could end it, before main
    named = [*ends, found.finding.where, *waiting, *found.lines[::-1]]
    return tuple(scenario_story.lines(found)), tuple(_named_in(named))


def _named_in(texts: Iterable[str]) -> Iterator[FilePlace]:
    """The first line of a file below the working folder that texts name, if one does."""
    for text in texts:
        for matched in _PLACE.finditer(text):
            if Path(matched["file"]).is_file() and rank(str(Path(matched["file"]).resolve())) is Rank.OWN:
                yield FilePlace(Path(matched["file"]).as_posix(), int(matched["line"]), text.strip())
                return


def _definition(subject: Subject) -> tuple[FilePlace, ...]:
    """Where the class or function is defined that was asked about; by its package if that is not below here."""
    try:
        named: Any = _FOUND[subject.kind](subject.name)
        file, line = str(inspect.getsourcefile(named)), inspect.getsourcelines(named)[1]
    except (UsageError, OSError, TypeError):
        return ()
    depth = len(str(named.__module__).split("."))
    return (FilePlace(_below(file) or "/".join(Path(file).parts[-depth:]), line, str(subject)),)


def _session(name: str) -> Any:
    from everyturn.world.imports import found

    return found(name, "session")


_FOUND: Final[Mapping[str, Any]] = {
    "revision": find_revision,
    "agent": find_revision,
    "session": _session,
    "scenario": find,
}


def _below(file: str) -> str | None:
    """A file by its path from the working folder; none if it is not below that, or is an installed package's."""
    try:
        path = Path(file).resolve().relative_to(Path.cwd().resolve())
    except ValueError:
        return None
    return None if "site-packages" in path.parts else path.as_posix()

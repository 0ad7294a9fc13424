"""Known failures: a folder that is committed, with a small file for each, and what has become of one since.

A file says what failed, and has the token of a run. After a change of the code that run may be another one, so a
failure is *cured* only if its run is the recorded one and holds, or if its scope is explored and nothing violates the
invariant; it is *still failing* if either shows a violation; else it is *out of reach*: nobody knows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, get_args

import msgspec
from msgspec import Meta, Struct

from everyturn.asyncio import checking as programs
from everyturn.asyncio.runtime import tokens
from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.campaigns.subjects import PORTS, SubjectKind
from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.simpy.replay import replay
from everyturn.errors import AgentFault, UsageError
from everyturn.files.tables import explained, read_tables
from everyturn.files.writing import written
from everyturn.printing import one_of
from everyturn.runs.tokens.token import decode
from everyturn.runs.tokens.token_by_place import TokenByPlace
from everyturn.sessions.by_name import workload, workload_of
from everyturn.sessions.workload import FAULTS
from everyturn.verdicts import verdict as verdicts
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.selection import selection
from everyturn.verdicts.verdict import InvariantResult, Verdict

STATES: Final = 50_000
"""How many states are explored to see whether a failure is cured."""

MOST_FILES: Final = 10_000

Text = Annotated[str, Meta(max_length=100_000)]


class KnownFailure(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """A failure as its file has it: of one of ``revision``, ``agent``, ``session`` and ``scenario``, in a scope, with
    the token of a run and a sentence about it."""

    invariant: Text
    what: Text = ""
    token: Text
    revision: Text | None = None
    agent: Text | None = None
    session: Text | None = None
    scenario: Text | None = None
    scope: Text = ""
    setting: Text | None = None

    def __post_init__(self) -> None:
        if not any(getattr(self, kind) is not None for kind in get_args(SubjectKind)):
            raise ValueError(f"expected one of {', '.join(get_args(SubjectKind))}; found none")

    @property
    def kind(self) -> SubjectKind:
        """What kind of thing fails."""
        return next(kind for kind in get_args(SubjectKind) if getattr(self, kind) is not None)

    @property
    def name(self) -> str:
        """What fails."""
        return str(getattr(self, self.kind))

    @property
    def place(self) -> str:
        """What fails, and where."""
        setting = "" if self.setting is None else f" ({self.setting})"
        return f"{self.kind} {self.name}{' ' * bool(self.scope)}{self.scope}{setting}"


class Since(StrEnum):
    """What has become of a known failure."""

    FAILING = "still failing"
    CURED = "cured"
    OUT_OF_REACH = "out of reach"
    NOT_ASKED = "not asked"


class KnownOutcome(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What has become of a known failure, and how that is known; ``token``: of a run that fails now."""

    since: Since
    how: str
    token: str | None = None
    what: str | None = None


class CorpusFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A known failure, and the name of its file."""

    file: str
    failure: KnownFailure

    @property
    def unit(self) -> str:
        """The name of the unit that looks what has become of it."""
        return f"known {hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]}"


class KnownSince(Struct, frozen=True, forbid_unknown_fields=True):
    """A known failure and what has become of it."""

    file: str
    failure: KnownFailure
    outcome: KnownOutcome


def read_corpus(folder: Path | None) -> list[CorpusFile]:
    """The failures in a folder, by the names of their files; none if there is no folder. Raises :class:`UsageError`."""
    if folder is None or not folder.exists():
        return []
    if not folder.is_dir():
        raise UsageError(f"{folder}: expected a folder of known failures; found a file")
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise UsageError(f"{folder}: expected a folder that can be read; found {error.strerror}") from error
    if len(files) > MOST_FILES:
        raise UsageError(f"{folder}: expected at most {MOST_FILES:,} known failures; found {len(files):,}")
    return [CorpusFile(path.name, read_failure(path)) for path in files]


def read_failure(path: Path) -> KnownFailure:
    """A known failure from its file. Raises :class:`UsageError` that says what was expected and found."""
    raw = read_tables(path)
    try:
        failure = msgspec.convert(raw, KnownFailure)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {explained(str(error), raw, lambda place: ())}") from None
    given = [kind for kind in get_args(SubjectKind) if getattr(failure, kind) is not None]
    if len(given) != 1:
        raise UsageError(
            f"{path}: expected one of {', '.join(get_args(SubjectKind))}; found {' and '.join(given) or 'none'}"
        )
    try:
        _expect_its_token(failure)
        _expect_its_invariant(failure)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return failure


def _expect_its_token(failure: KnownFailure) -> None:
    """Raise :class:`UsageError` for a token of another kind, scope or setting: another scope would be explored."""
    if (failure.kind in PORTS) == tokens.is_token(failure.token):
        raise UsageError(f"token {failure.token:.40}: expected one of a {failure.kind}; found another's")
    if failure.kind in PORTS:
        held = decode(failure.token)
        run = held.schedule if isinstance(held, TokenByPlace) else held
        scope, setting = run.scope, run.granularity
    else:
        recorded = tokens.recorded(failure.token)
        scope, setting = recorded.scenario.rpartition("@")[2], recorded.order
        scope = scope if "@" in recorded.scenario else ""
    said = failure.setting or ("access" if failure.kind in PORTS else "fifo")
    if (scope, setting) != (failure.scope, said):
        raise UsageError(
            f"scope, setting: expected {scope!r}, {setting!r} as in the token; found {failure.scope!r}, {said!r}"
        )


def _expect_its_invariant(failure: KnownFailure) -> None:
    """Raise :class:`UsageError` for an invariant that is none of this kind of thing."""
    if failure.kind in PORTS or (failure.kind == "session" and failure.invariant not in FAULTS):
        selection([failure.invariant])
    elif failure.kind == "scenario" and failure.invariant not in KINDS:
        raise UsageError(f"invariant {failure.invariant!r}: expected {one_of(KINDS, failure.invariant)}")


def write_failure(folder: Path, failure: KnownFailure) -> Path:
    """Write a failure's file; the same failure has the same file. Raises :class:`UsageError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: expected a folder that can be written; found {error.strerror}") from error
    said = msgspec.to_builtins(failure)
    lines = [
        f"{key} = {json.dumps(said[key], ensure_ascii=False)}" for key in KnownFailure.__struct_fields__ if key in said
    ]
    path = folder / f"{file_name(failure)}.toml"
    written(path, ["".join(f"{line}\n" for line in lines).encode()])
    return path


def file_name(failure: KnownFailure) -> str:
    """A name for files about a failure, without a suffix: words for people, and digits that no other failure has."""
    words = re.sub(r"[^a-z0-9]+", "_", f"{failure.invariant} {failure.name} {failure.scope}".lower()).strip("_")
    digits = hashlib.sha256(f"{failure.place} {failure.invariant} {failure.token}".encode()).hexdigest()[:8]
    return f"{words[:80]}_{digits}"


def judge_known(known: CorpusFile) -> KnownSince:
    """What has become of a failure, by its run and by its scope. Raises :class:`UsageError` if its agent cannot be
    found, and :class:`KeyboardInterrupt` if it was interrupted."""
    try:
        outcome = _judge(known.failure)
    except AgentFault as error:
        outcome = KnownOutcome(Since.OUT_OF_REACH, str(error))
    return KnownSince(known.file, known.failure, outcome)


def not_asked(known: CorpusFile) -> KnownSince:
    """A failure of code that nobody has named, and that is not imported, therefore."""
    why = "no cell of this campaign names its agent"
    return KnownSince(known.file, known.failure, KnownOutcome(Since.NOT_ASKED, why))


def _judge(failure: KnownFailure) -> KnownOutcome:
    again = _replayed(failure)
    said = _of(again, failure.invariant)
    if said.verdict is Verdict.REFUTED:
        how = "its run" if again.strayed is None else "its run, as far as it can be made"
        return KnownOutcome(Since.FAILING, how, said.token or failure.token, said.sentence)
    explored = _explored(failure)
    said = _of(explored, failure.invariant)
    if said.verdict is Verdict.REFUTED:
        return KnownOutcome(Since.FAILING, "another run of its scope", said.token, said.sentence)
    if said.verdict in (Verdict.PROVED, Verdict.VACUOUS):
        return KnownOutcome(Since.CURED, "nothing in its scope violates it")
    if again.strayed is None and said.verdict is not Verdict.NOT_PROMISED:
        return KnownOutcome(Since.CURED, f"its run holds; its scope was not explored to the end ({explored.stopped})")
    return KnownOutcome(Since.OUT_OF_REACH, _why(said, again, explored))


def _why(said: InvariantResult, again: verdicts.Cell, explored: verdicts.Cell) -> str:
    if said.verdict in (Verdict.NOT_PROMISED, Verdict.NOT_JUDGED):
        return f"{said.verdict.words}: {said.sentence}"
    return f"{again.strayed}; its scope was not explored to the end ({explored.stopped})"


def _of(cell: verdicts.Cell, invariant: str) -> InvariantResult:
    found = cell.conforms if invariant == CONFORMS else cell.invariants.get(invariant)
    return InvariantResult(Verdict.NOT_JUDGED, "it is not judged there any more") if found is None else found


def _replayed(failure: KnownFailure) -> verdicts.Cell:
    wanted = [failure.invariant]
    if failure.kind in PORTS:
        return replay(failure.token, wanted, failure.name).cell
    if failure.kind == "session":
        return programs.replay(failure.token, workload_of(failure.token, failure.name, wanted)).cell
    return programs.replay(failure.token, failure.name).cell


def _explored(failure: KnownFailure) -> verdicts.Cell:
    wanted: Sequence[str] = [failure.invariant]
    if failure.kind in PORTS:
        granularity = failure.setting or "access"
        checked = check(failure.name, failure.scope, granularity=granularity, invariants=wanted, limits=Limits(STATES))
        found, interrupted = checked.cell, checked.interrupted
    else:
        setting = Setting(order=failure.setting or "fifo")
        limits = SearchLimits(runs=STATES // programs.STATES_OF_A_RUN)
        program = failure.name if failure.kind == "scenario" else workload(failure.name, failure.scope, wanted)
        searched = programs.check(program, setting, limits=limits)
        found, interrupted = searched.cell, searched.found.interrupted
    if interrupted:
        raise KeyboardInterrupt
    return found

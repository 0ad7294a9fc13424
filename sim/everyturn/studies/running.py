"""Runs a study: replication by replication, on one or several processes, with a journal from which it can go on."""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

import msgspec

from everyturn.errors import Unwritable, UsageError
from everyturn.files.reading import LogFile, stop
from everyturn.files.writing import written
from everyturn.studies.replication import Passed, Replication, replicate, require_methods
from everyturn.studies.study import Plot, StudyPoint
from everyturn.world.agents import code_of, find_revision

JOURNAL_SCHEMA: Final = "everyturn/study-journal/2"

STACK_BYTES: Final = 256 * 1024 * 1024
RECURSION_LIMIT: Final = 100_000
"""``d0`` to ``d4`` run what is queued recursively: a chain of n turns needs about 5 n frames, and a stack to hold
them."""

_UNDECODABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Task = tuple[StudyPoint, int]
StudyProgress = Callable[[float, str], None]
"""Called now and then with how many replications are done, in parts, and what runs."""

_Result = TypeVar("_Result")


class JournalHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a journal: whose replications follow; ``digest`` is that of everything that decides them."""

    schema: str
    title: str
    digest: str


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every other line: a replication, and a checksum of it and of its place in this journal."""

    made: msgspec.Raw
    check: str


class StudyJournal:
    """Replications as JSON lines, in the order of the tasks; a file, or nothing but memory.

    Each replication is written when it is done, so that a run that was interrupted or killed goes on where it stopped.
    A last line that is not complete is dropped; one that was edited, moved or doubled is an error.
    """

    def __init__(self, path: Path | None, cells: Sequence[StudyPoint]) -> None:
        self.path = path
        self.made: list[Replication] = []
        self._size = self._cut = 0
        self._file: BinaryIO | None = None
        self._header = JournalHeader(JOURNAL_SCHEMA, cells[0].study.title, digest(cells))
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path.parent}: expected a folder that can be written; found {error.strerror}") from error
        if not path.exists() or not self._load(path):
            header = msgspec.json.encode(self._header) + b"\n"
            written(path, [header])
            self._size, self._cut = len(header), 0

    def _load(self, path: Path) -> bool:
        """Take over what was made; whether there was a whole line. One that is not whole is cut off when more is
        written."""
        with LogFile(path) as file:
            for number, line in file.lines(stop):
                if not line.endswith(b"\n"):
                    self._cut = len(line)
                    break
                self._size += len(line)
                self._check_header(path, line) if number == 1 else self.made.append(self._made(path, number, line))
        return self._size > 0

    def _check_header(self, path: Path, line: bytes) -> None:
        try:
            header = msgspec.json.decode(line, type=JournalHeader)
        except _UNDECODABLE as error:
            raise UsageError(f"{path}:1: expected the header of a study's journal; found: {error}") from None
        if (header.schema, header.digest) != (JOURNAL_SCHEMA, self._header.digest):
            raise UsageError(
                f"{path}: expected the journal of this study as it is now (digest {self._header.digest}); found that "
                f"of "
                f"{header.title!r} (digest {header.digest}). Remove it, or choose another folder with -o"
            )

    def _made(self, path: Path, number: int, line: bytes) -> Replication:
        try:
            entry = msgspec.json.decode(line, type=_Entry)
            made = msgspec.json.decode(entry.made, type=Replication)
        except _UNDECODABLE as error:
            raise UsageError(f"{path}:{number}: expected a replication; found: {error}") from None
        if entry.check != self._check(bytes(entry.made)):
            raise UsageError(f"{path}:{number}: expected a replication as it was written; found one that was changed")
        return made

    def _check(self, made: bytes) -> str:
        """The checksum of the next replication."""
        return hashlib.sha256(f"{self._header.digest} {len(self.made)} ".encode() + made).hexdigest()[:16]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While replications are added: nobody else writes the file. Raises :class:`UsageError` if somebody does, or
        has."""
        if self.path is None:
            yield
            return
        with self.path.open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UsageError(f"{self.path}: expected a journal that nobody writes; found one in use") from error
            if os.fstat(file.fileno()).st_size != self._size + self._cut:
                raise UsageError(f"{self.path}: expected the journal as it was read; found one that has changed since")
            file.truncate(self._size)
            self._cut = 0
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def add(self, made: Replication) -> None:
        """Write one more replication, within :meth:`writing`. Raises :class:`UsageError` if it cannot be written."""
        raw = msgspec.json.encode(made)
        line = msgspec.json.encode(_Entry(msgspec.Raw(raw), self._check(raw))) + b"\n"
        self.made.append(made)
        if self.path is not None:
            assert self._file is not None
            try:
                self._file.write(line)
                self._file.flush()
                self._size += len(line)
            except OSError as error:
                raise Unwritable(self.path, error) from error


def digest(cells: Sequence[StudyPoint]) -> str:
    """A short name of all that decides what the replications of these cells are, their agents' code included.

    What is said about them (titles, plots, confidence) and how many there are does not.
    """
    said = {
        "title": "",
        "question": "",
        "plot": Plot(),
        "confidence": 0.5,
        "replications": 1,
        "revisions": ("",),
        "vary": {},
    }
    content = [
        (
            cell.revision,
            code_of(find_revision(cell.revision)),
            cell.parameters,
            msgspec.structs.replace(cell.study, **said),
        )
        for cell in cells
    ]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def run(
    cells: Sequence[StudyPoint],
    journal: StudyJournal,
    *,
    jobs: int = 1,
    progress: StudyProgress | None = None,
    rounded: Callable[[int], None] | None = None,
) -> bool:
    """Make the replications that the journal does not have yet; whether Ctrl-C ended it early.

    First one of every cell, then another one of each, so that all of the picture is there before long and gets sharper:
    ``rounded`` is told how many each cell has, after each such round but the last. The replications do not depend on
    ``jobs``, nor on what was made before. Raises :class:`UsageError`.
    """
    for cell in cells:
        require_methods(cell)
    done = {_key(each.revision, each.parameters, each.replication) for each in journal.made}
    most = max(cell.study.replications for cell in cells)
    tasks = [(cell, number) for number in range(most) for cell in cells if number < cell.study.replications]
    left = [(cell, number) for cell, number in tasks if _key(cell.revision, cell.parameters, number) not in done]
    say = progress or (lambda _parts, _what: None)
    try:
        with journal.writing():
            made = _each(left, jobs, partial(_tell, say, len(tasks) - len(left)))
            for each, (_, number), (_, following) in zip(made, left, left[1:] + left[-1:], strict=True):
                journal.add(each)
                if rounded is not None and following > number:
                    rounded(number + 1)
    except KeyboardInterrupt:
        return True
    return False


def _key(revision: str, parameters: dict[str, Any], number: int) -> bytes:
    return msgspec.json.encode((revision, parameters, number))


def _tell(say: StudyProgress, before: int, task: Task | None, parts: float) -> None:
    where = "" if task is None else " ".join([task[0].revision, *(f"{k}={v}" for k, v in task[0].parameters.items())])
    say(before + parts, where)


def _each(tasks: Sequence[Task], jobs: int, tell: Callable[[Task | None, float], None]) -> Iterator[Replication]:
    """The replications in the order of the tasks."""
    if jobs == 1 or len(tasks) < 2:
        for number, task in enumerate(tasks):
            yield with_deep_stack(partial(replicate, *task), partial(_within, tell, task, number))
        return
    from joblib import Parallel, delayed

    several = Parallel(n_jobs=jobs, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
    for number, made in enumerate(several(delayed(_alone)(task) for task in tasks), start=1):
        tell(None, number)
        yield made


def _within(tell: Callable[[Task | None, float], None], task: Task, before: int, share: float) -> None:
    tell(task, before + share)


def _alone(task: Task) -> Replication:
    """One replication in a process of its own."""
    return with_deep_stack(partial(replicate, *task), lambda _: None)


def with_deep_stack(work: Callable[[Passed], _Result], passed: Passed) -> _Result:
    """What ``work`` returns or raises, on a thread whose stack holds long chains of turns. Ctrl-C ends it soon."""
    results: list[_Result] = []
    errors: list[BaseException] = []
    stopping = threading.Event()

    def on_the_way(share: float) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        passed(share)

    def body() -> None:
        try:
            results.append(work(on_the_way))
        except BaseException as error:  # noqa: BLE001 - raised again below, on the caller's thread
            errors.append(error)

    before, limit = threading.stack_size(STACK_BYTES), sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        thread = threading.Thread(target=body, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.2)
        except KeyboardInterrupt:
            stopping.set()
            thread.join()
            raise
    finally:
        threading.stack_size(before)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]

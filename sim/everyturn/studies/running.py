"""Runs a study: replication by replication, on one or several processes, with a journal from which it can go on."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from everyturn.agents import code_of, find_revision
from everyturn.errors import UsageError
from everyturn.studies.replication import Passed, Replication, replicate, require_methods
from everyturn.studies.study import Cell, Plot

JOURNAL_SCHEMA: Final = "everyturn/study-journal/1"

STACK_BYTES: Final = 256 * 1024 * 1024
RECURSION_LIMIT: Final = 100_000
"""``d0`` to ``d4`` run what is queued recursively: a chain of n turns needs about 5 n frames, and a stack to hold them."""

Task = tuple[Cell, int]
Progress = Callable[[float, str], None]
"""Called now and then with how many replications are done, in parts, and what runs."""

_Result = TypeVar("_Result")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a journal: whose replications follow; ``digest`` is that of everything that decides them."""

    schema: str
    title: str
    digest: str


class Journal:
    """Replications as JSON lines, in the order of the tasks; a file, or nothing but memory.

    Each replication is written when it is done, so that a run that was interrupted or killed goes on where it stopped. A
    last line that is not complete is dropped.
    """

    def __init__(self, path: Path | None, cells: Sequence[Cell]) -> None:
        self.path = path
        self.made: list[Replication] = []
        self._header = Header(JOURNAL_SCHEMA, cells[0].study.title, digest(cells))
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes() if path.exists() else b""
            if b"\n" in content:
                self._load(path, content)
            else:
                path.write_bytes(msgspec.json.encode(self._header) + b"\n")
        except OSError as error:
            raise UsageError(f"{path}: expected a file that can be read and written; found {error.strerror}") from error

    def _load(self, path: Path, content: bytes) -> None:
        whole = content[: content.rfind(b"\n") + 1]
        first, *lines = whole.splitlines()
        try:
            header = msgspec.json.decode(first, type=Header)
        except msgspec.DecodeError as error:
            raise UsageError(f"{path}:1: expected the header of a study's journal; found: {error}") from None
        if (header.schema, header.digest) != (JOURNAL_SCHEMA, self._header.digest):
            raise UsageError(
                f"{path}: expected the journal of this study as it is now (digest {self._header.digest}); found that of "
                f"{header.title!r} (digest {header.digest}). Remove it, or choose another folder with -o"
            )
        for number, line in enumerate(lines, start=2):
            try:
                self.made.append(msgspec.json.decode(line, type=Replication))
            except msgspec.DecodeError as error:
                raise UsageError(f"{path}:{number}: expected a replication; found: {error}") from None
        if whole != content:
            path.write_bytes(whole)

    def add(self, made: Replication) -> None:
        """Write one more replication."""
        self.made.append(made)
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(made) + b"\n")


def digest(cells: Sequence[Cell]) -> str:
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


def run(cells: Sequence[Cell], journal: Journal, *, jobs: int = 1, progress: Progress | None = None) -> bool:
    """Make the replications that the journal does not have yet; whether Ctrl-C ended it early.

    The replications do not depend on ``jobs``, nor on what was made before. Raises :class:`UsageError`.
    """
    for cell in cells:
        require_methods(cell)
    done = {_key(each.revision, each.parameters, each.replication) for each in journal.made}
    tasks: list[Task] = [(cell, number) for cell in cells for number in range(cell.study.replications)]
    left = [(cell, number) for cell, number in tasks if _key(cell.revision, cell.parameters, number) not in done]
    say = progress or (lambda _parts, _what: None)
    try:
        for made in _each(left, jobs, partial(_tell, say, len(tasks) - len(left))):
            journal.add(made)
    except KeyboardInterrupt:
        return True
    return False


def _key(revision: str, parameters: dict[str, Any], number: int) -> bytes:
    return msgspec.json.encode((revision, parameters, number))


def _tell(say: Progress, before: int, task: Task | None, parts: float) -> None:
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

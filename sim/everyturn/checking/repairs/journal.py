"""What was explored, in a file, so that a search that is interrupted goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from everyturn.errors import UsageError

SCHEMA: Final = "everyturn/repairs-journal/1"
_HEADER: Final = json.dumps({"schema": SCHEMA}).encode() + b"\n"


class _Refuted(msgspec.Struct, forbid_unknown_fields=True):
    invariant: str
    steps: int
    sentence: str
    token: str


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    refuted: list[_Refuted]
    held: list[str]
    states: int
    stopped: str | None


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    question: str
    answer: _Answer


class ExplorationJournal:
    """Answers by question, one line each, after a first line that says what the file is.

    A file that says nothing of the kind is refused and left as it is; a last line that was cut off is taken out.
    Raises :class:`UsageError`.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        if path is not None:
            self._read(path, path.read_bytes() if path.exists() else b"")

    def _read(self, path: Path, written: bytes) -> None:
        if _HEADER.startswith(written):  # nothing yet, or cut off within the first line
            path.write_bytes(_HEADER)
            return
        if not written.startswith(_HEADER):
            raise UsageError(
                f"{path}:1: expected {_HEADER.decode().strip()}, the first line of a journal of a search for repairs; "
                "found another file, which is left as it is: name one that is not there yet"
            )
        *lines, last = written[len(_HEADER) :].split(b"\n")
        for number, line in enumerate(lines, start=2):
            self._keep(path, number, line)
        if not last:
            return
        try:
            json.loads(last)
        except ValueError:
            path.write_bytes(written[: len(written) - len(last)])
            return
        self._keep(path, len(lines) + 2, last)
        path.write_bytes(written + b"\n")

    def _keep(self, path: Path, number: int, line: bytes) -> None:
        try:
            row = msgspec.json.decode(line, type=_Row)
        except msgspec.DecodeError as error:
            raise UsageError(
                f"{path}:{number}: expected a question and its answer as a search for repairs writes them; found: "
                f"{error}; take the line out, and it is asked again"
            ) from None
        self._known[row.question] = msgspec.to_builtins(row.answer)

    def get(self, question: str) -> dict[str, Any] | None:
        """What was found, if it was asked before."""
        return self._known.get(question)

    def put(self, question: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer."""
        self._known[question] = dict(answer)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"question": question, "answer": answer}) + "\n")

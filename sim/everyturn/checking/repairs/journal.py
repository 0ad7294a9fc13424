"""What was explored, in a file, so that a search that is interrupted goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from everyturn.errors import UsageError


class ExplorationJournal:
    """Answers by question, one line each: the first line that was cut off ends it, and nothing is asked of what
    follows."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            self._read(path)

    def _read(self, path: Path) -> None:
        whole = b""
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1):
            try:
                row = json.loads(line)
                question, answer = row["question"], row["answer"]
            except (ValueError, KeyError, TypeError):
                if line.endswith(b"\n"):
                    raise UsageError(f"{path}:{number}: expected a line that a search for repairs wrote") from None
                break
            self._known[question] = answer
            whole += line
        path.write_bytes(whole)

    def get(self, question: str) -> dict[str, Any] | None:
        """What was found, if it was asked before."""
        return self._known.get(question)

    def put(self, question: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer."""
        self._known[question] = dict(answer)
        if self._path is not None:
            with self._path.open("a") as file:
                file.write(json.dumps({"question": question, "answer": answer}) + "\n")

"""Places in source files, and the lines around them that a page shows."""

from __future__ import annotations

import linecache
from collections.abc import Iterable
from pathlib import Path
from types import CodeType
from typing import Final

from everyturn.page.contents import SourceFile

AROUND: Final = 6
"""So many lines before and after each place are shown."""


class Places:
    """The places of a story by number, and the files that they lie in."""

    def __init__(self) -> None:
        self.listed: list[tuple[int, int, str]] = []
        self._numbers: dict[tuple[str, int, str], int] = {}
        self._files: dict[str, tuple[int, str]] = {}

    def number(self, path: str, line: int, function: str, name: str | None = None) -> int:
        """The number of a place; ``name``: what to call its file, else the path's last parts."""
        key = (path, line, function)
        if key not in self._numbers:
            file, _ = self._files.setdefault(path, (len(self._files), name or short(path)))
            self._numbers[key] = len(self.listed)
            self.listed.append((file, line, function))
        return self._numbers[key]

    def of_code(self, code: CodeType, line: int) -> int:
        """The number of a line of some code."""
        return self.number(code.co_filename, line, code.co_qualname)

    def name(self, number: int) -> str:
        """``file:line, in function``."""
        file, line, function = self.listed[number]
        return f"{list(self._files.values())[file][1]}:{line}, in {function}"

    def text(self, number: int) -> str:
        """The line itself."""
        file, line, _ = self.listed[number]
        return linecache.getline(list(self._files)[file], line).strip()

    def sources(self) -> list[SourceFile]:
        """Of each file the lines around the places in it."""
        wanted: dict[int, set[int]] = {number: set() for number, _ in self._files.values()}
        for file, line, _ in self.listed:
            wanted[file] |= set(range(max(1, line - AROUND), line + AROUND + 1))
        return [SourceFile(name, _lines(path, wanted[number])) for path, (number, name) in self._files.items()]


def _lines(path: str, numbers: Iterable[int]) -> dict[int, str]:
    lines = linecache.getlines(path)
    return {number: lines[number - 1].rstrip("\n") for number in sorted(numbers) if number <= len(lines)}


def short(path: str) -> str:
    """A file by its place in its package: no more of a machine's folders than that takes."""
    parts = Path(path).parts
    depth = 1
    while depth < min(len(parts) - 1, 4) and Path(*parts[: len(parts) - depth], "__init__.py").exists():
        depth += 1
    return "/".join(parts[-depth:])

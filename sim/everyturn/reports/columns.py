"""Text in columns that fits the width of a page."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

PAGE: Final = 100
"""So many characters a line has at most, where it can be broken."""
_GAP: Final = "  "


def entry(head: str, text: str, width: int) -> Iterator[str]:
    """A row of two columns: ``head`` in so many characters, and ``text`` beside it, in as many lines as it needs."""
    first = f"{head:<{width}}" if len(head) < width else f"{head}{_GAP}"
    if not text:
        yield head
    yield from textwrap.wrap(
        text,
        PAGE,
        initial_indent=first,
        subsequent_indent=" " * width,
        break_long_words=False,
        break_on_hyphens=False,
    )


def beside(left: Sequence[str], right: Sequence[str]) -> Iterator[str]:
    """Two lists side by side, with a rule between them; what is too long for its half goes on below, indented."""
    half = (PAGE - 5) // 2
    halves = [[_lines(text, half) for text in column] for column in (left, right)]
    width = max((len(line) for lines in halves[0] for line in lines), default=0)
    for one, other in zip_longest(*halves, fillvalue=[""]):
        for first, second in zip_longest(one, other, fillvalue=""):
            yield f"  {first:<{width}} | {second}".rstrip()


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=" " * 4, break_on_hyphens=False) or [""]


def blocks(rows: Iterable[Sequence[str]], names: int) -> list[list[list[str]]]:
    """A table that is too wide, as several: each begins with the first ``names`` columns, which say what a row is, and
    has as many of the others as fit. Cells are padded: the first of a row to the right, the others to the left."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in table]
    named = sum(widths[:names]) + len(_GAP) * max(0, names - 1)
    shown: list[list[int]] = [[]]
    taken = named
    for place in range(names, len(widths)):
        taken += len(_GAP) + widths[place]
        if taken > PAGE and shown[-1]:
            shown.append([])
            taken = named + len(_GAP) + widths[place]
        shown[-1].append(place)
    return [[row[:names] + [row[place] for place in places] for row in padded] for places in shown]


def joined(cells: Sequence[str]) -> str:
    """One line of such a table."""
    return _GAP.join(cells).rstrip()

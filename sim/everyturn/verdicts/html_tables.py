"""Verdicts, and tables of them, as a notebook shows them: whatever is foreign in them is text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.colours import COLOURS
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict

MOST_ROWS: Final = 200
"""More are not shown in a notebook."""
LONGEST_WORD: Final = 40
"""So many characters of a word without spaces are shown in a notebook."""
_COUNTS: Final = ("states", "transitions", "depth", "schedules", "seconds")
_OF_THE_CELL: Final = ("revision", "scope", "granularity", *_COUNTS)
"""Columns of what all verdicts of a cell have in common."""


def judged_in(cell: Cell) -> dict[str, InvariantResult]:
    """What was judged in a cell: the invariants, then conformance."""
    return cell.invariants | ({} if cell.conforms is None else {CONFORMS: cell.conforms})


def rows_of(cell: Cell) -> list[dict[str, Any]]:
    """A row for each invariant that was judged in a cell, and one for conformance."""
    counts = {name: getattr(cell, name) for name in _COUNTS}
    return [
        {
            "revision": cell.revision,
            "scope": cell.scope,
            "granularity": cell.granularity,
            "invariant": name,
            "verdict": str(judged.verdict),
            "steps": judged.steps,
            "runs": judged.count,
            "sentence": judged.sentence,
            "token": judged.token,
            **counts,
        }
        for name, judged in judged_in(cell).items()
    ]


def verdict_as_html(verdict: Verdict) -> str:
    """A verdict in its colour."""
    return f'<span style="{_coloured(verdict)}padding:0.1em 0.4em">{escape(verdict)}</span>'


def judged_as_html(judged: InvariantResult) -> str:
    """What is said of one invariant, as a table of one row."""
    said = {
        "verdict": str(judged.verdict),
        "sentence": judged.sentence,
        "steps": judged.steps,
        "runs": judged.count,
        "where": judged.where,
        "token": judged.token,
    }
    return as_html([said])


def cell_as_html(cell: Cell) -> str:
    """The verdict on a cell, and a row for each invariant that was judged in it."""
    rows = rows_of(cell)
    ran = "" if rows else escape(f" {cell.revision} {cell.scope}".rstrip())
    return f"<p>{verdict_as_html(cell.verdict)}{ran}</p>{as_html(rows) if rows else ''}"


def as_html(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a table of HTML, verdicts in the colours of the matrix. Columns in which nothing stands are left out;
    what is the same in all of several rows stands once, above them."""
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if _says(rows, name)]
    same = [name for name in columns if (len(rows) > 1 or name in _OF_THE_CELL) and _is_same(rows, name)]
    if len(same) == len(columns):
        same = []
    above = " · ".join(f"{escape(name)} <b>{escape(_shown(rows[0][name]))}</b>" for name in same if rows[0][name] != "")
    columns = [name for name in columns if name not in same]
    head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in columns)
    lines = [f"<tr>{''.join(_cell(row.get(name)) for name in columns)}</tr>" for row in rows[:MOST_ROWS]]
    more = f"<p>… and {len(rows) - MOST_ROWS:,} more rows</p>" if len(rows) > MOST_ROWS else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return f"{f'<p>{above}</p>' if above else ''}{table}{more}"


def _says(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(row.get(name) is not None for row in rows)


def _is_same(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a column has one value; verdicts are shown row by row."""
    first = rows[0].get(name)
    return not _is_verdict(first) and all(row.get(name) == first for row in rows)


def _is_verdict(value: Any) -> bool:
    return isinstance(value, str) and value in set(Verdict)


def _shown(value: Any) -> str:
    """A value as text: numbers with separators, and no more digits than four behind a point; what no line can be
    broken in, such as a token, is cut."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{round(value, 4):,}"
    text = str(value)
    return text if len(text) <= LONGEST_WORD or " " in text else f"{text[:LONGEST_WORD]}…"


def _coloured(verdict: str) -> str:
    """The style of a verdict: dark letters upon its colour, none of both where there is no colour."""
    colour = COLOURS[Verdict(verdict)]
    return "" if colour == "#ffffff" else f"background:{colour};color:#111;"


def _cell(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if _is_verdict(value):
        return f'<td style="{_coloured(value)}text-align:left;white-space:nowrap">{escape(value)}</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<td>{_shown(value)}</td>"
    return f'<td style="text-align:left">{escape(_shown(value))}</td>'

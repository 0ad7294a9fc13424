"""Results as rows: for people in a notebook, and for pandas or polars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from everyturn.errors import UsageError
from everyturn.reports.plots import COLOURS
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict

TableRow = dict[str, Any]
"""One row of a table: column → value. ``pandas.DataFrame(rows)`` and ``polars.DataFrame(rows)`` take a list of them."""

MOST_ROWS: Final = 200
"""More are not shown in a notebook."""
LONGEST_WORD: Final = 40
"""So many characters of a word without spaces are shown in a notebook."""
_COUNTS: Final = ("states", "transitions", "depth", "schedules", "seconds")
_OF_THE_CELL: Final = ("revision", "scope", "granularity", *_COUNTS)
"""Columns of what all verdicts of a cell have in common."""


class TabledResult:
    """What all results have in common: a table, which a notebook shows."""

    def table(self) -> list[TableRow]:
        """The result as rows, all with the same columns."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.table())} rows)"

    def _repr_html_(self) -> str:
        return as_html(self.table())


class CellResult(TabledResult):
    """The verdict on one agent in one scope; ``cell`` is what the command line gives with `--json`."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.revision}, {self.scope}: {self.verdict})"

    @property
    def revision(self) -> str:
        """The agent's name."""
        return self.cell.revision

    @property
    def scope(self) -> str:
        """What ran."""
        return self.cell.scope

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        return self.cell.verdict

    @property
    def verdicts(self) -> dict[str, InvariantResult]:
        """What is said of each invariant, and of ``conforms``: verdict, sentence, steps, token."""
        return judged_in(self.cell)

    @property
    def tokens(self) -> dict[str, str]:
        """For each refuted invariant the token of a run that violates it."""
        return {name: judged.token for name, judged in self.verdicts.items() if judged.token is not None}

    def table(self) -> list[TableRow]:
        """A row for each invariant, and one for conformance."""
        return rows_of(self.cell)

    def _token(self, name: str | None) -> str:
        """The token for ``name``; none: the first. Raises :class:`UsageError` if there is none."""
        return self.tokens[self._name(name)]

    def _name(self, name: str | None) -> str:
        found = self.tokens
        if name is None and found:
            return next(iter(found))
        if name in found:
            return name
        where = f"{self.revision} {self.scope}".rstrip()
        if not found:
            raise UsageError(f"{where}: nothing is refuted, so that there is no run that shows it")
        raise UsageError(f"{where}: expected one of what is refuted, {', '.join(found)}; found {name!r}")


def judged_in(cell: Cell) -> dict[str, InvariantResult]:
    """What was judged in a cell: the invariants, then conformance."""
    return cell.invariants | ({} if cell.conforms is None else {CONFORMS: cell.conforms})


def rows_of(cell: Cell) -> list[TableRow]:
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
    """A value as text: numbers with separators; what no line can be broken in, such as a token, is cut."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    text = str(value)
    return text if len(text) <= LONGEST_WORD or " " in text else f"{text[:LONGEST_WORD]}…"


def _cell(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if _is_verdict(value):
        colour = COLOURS[Verdict(value)]
        style = "" if colour == "#ffffff" else f"background:{colour};color:#111;"
        return f'<td style="{style}text-align:left;white-space:nowrap">{escape(value)}</td>'
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<td>{_shown(value)}</td>"
    return f'<td style="text-align:left">{escape(_shown(value))}</td>'

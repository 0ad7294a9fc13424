"""Results as rows: for people in a notebook, and for pandas or polars."""

from __future__ import annotations

from typing import Any

from everyturn.errors import UsageError
from everyturn.verdicts.html_tables import as_html, judged_in, rows_of
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict

TableRow = dict[str, Any]
"""One row of a table: column → value. ``pandas.DataFrame(rows)`` and ``polars.DataFrame(rows)`` take a list of them."""


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

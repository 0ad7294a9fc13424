"""Coverage as text that one can read from top to bottom: what was reached in a number, what was not in full."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from everyturn.checking.coverage import Coverage
from everyturn.checking.statements import Missed, Share
from everyturn.reports.columns import PAGE


def report(cell: Coverage) -> Iterator[str]:
    """The lines of the report on one cell."""
    yield _of_cell(cell)
    yield _headline("statements", cell.statements)
    yield from _listed("never entered", cell.never_entered)
    yield from _places(cell.missed)
    yield _headline("branches", cell.branches)
    yield from _places(cell.missed_branches)
    yield _headline("operations", _operations(cell))
    yield from _listed("never", cell.missed_operations)
    yield from _listed("failed too", cell.failed_operations)
    yield from _races(cell)
    yield _headline("actions", _true(cell.actions))
    yield from _listed("never", [name for name, taken in cell.actions.items() if not taken])
    yield _headline("guards", cell.guards)
    yield from _listed("refused", list(cell.refusals))
    yield _headline("witnesses", _true(cell.witnesses))
    yield from _listed("called for by this scope and not reached", cell.unreached)


def brief(cell: Coverage) -> Iterator[str]:
    """How much of each kind was reached in one cell."""
    yield _of_cell(cell)
    for what, share in (
        ("statements", cell.statements),
        ("branches", cell.branches),
        ("operations", _operations(cell)),
        ("races", Share(sum(race.meets for race in cell.races), len(cell.races))),
        ("actions", _true(cell.actions)),
        ("guards", cell.guards),
        ("witnesses", _true(cell.witnesses)),
    ):
        yield _headline(what, share)


def _of_cell(cell: Coverage) -> str:
    cut = "" if cell.complete else ", cut off"
    size = f"({cell.granularity}, {cell.states:,} states{cut}, {cell.seconds:.2f} s)"
    return f"{cell.revision}  {cell.scope}  {size}"


def _operations(cell: Coverage) -> Share:
    return Share(len(cell.operations), len(cell.operations) + len(cell.missed_operations))


def _true(named: Mapping[str, bool]) -> Share:
    return Share(sum(named.values()), len(named))


def _headline(what: str, share: Share) -> str:
    percent = f"{100 * share.reached // share.total:>3} %" if share.total else "    –"
    return f"  {what:<11} {share.reached:>4} of {share.total:<4} {percent}"


def _listed(what: str, names: Iterable[str]) -> Iterator[str]:
    names = list(names)
    if names:
        yield from textwrap.wrap(f"{what}: {', '.join(names)}", PAGE, initial_indent=" " * 6, subsequent_indent=" " * 8)


def _places(missed: list[Missed]) -> Iterator[str]:
    file = None
    for each in missed:
        if each.file != file:
            file = each.file
            yield f"      {file}"
        way = "" if each.way is None else f"  never {each.way}: "
        line = f"{each.line:>10}  {way}{each.text}"
        yield line if len(line) <= PAGE else f"{line[: PAGE - 2]} …"


def _races(cell: Coverage) -> Iterator[str]:
    meeting = [race for race in cell.races if race.meets]
    yield _headline("races", Share(len(meeting), len(cell.races)))
    for variable in dict.fromkeys(race.variable for race in cell.races):
        here = [race for race in meeting if race.variable == variable]
        total = sum(race.variable == variable for race in cell.races)
        yield f"      {variable}: {len(here)} of {total} pairs meet"
        for race in here:
            pair = f"          {race.first}  ×  {race.second}"
            yield from [pair] if len(pair) <= PAGE else [f"          {race.first}", f"            ×  {race.second}"]

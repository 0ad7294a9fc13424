"""The table of a validation: how often each invariant got which verdict, in the runs, sessions and prompts of each
agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from everyturn.logs.findings import Broken
from everyturn.logs.log_judge import NOTHING, Size
from everyturn.logs.validate import Validated
from everyturn.reports.headline import counted
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, worst

COLUMNS: Final = (Verdict.REFUTED, Verdict.HOLDS, Verdict.UNDETERMINED, Verdict.VACUOUS, Verdict.NOT_JUDGED)

_NAME: Final = 20
_WIDE: Final = 14


def table(validated: Validated) -> Iterator[str]:
    """The lines: for each agent, what is said of each invariant in its runs, and in its logs of many sessions; then the
    files."""
    for revision, cells in _by(validated.cells, lambda cell: cell.revision).items():
        logs = [cell for cell in cells if cell.run is None]
        runs = [cell for cell in cells if cell.run is not None]
        if runs:
            yield from _of_runs(revision, runs)
        if logs:
            yield from _of_logs(revision, logs, [validated.sizes.get(cell.file or "", NOTHING) for cell in logs])
    yield from files(validated)


def _of_runs(revision: str, cells: Sequence[Cell]) -> Iterator[str]:
    """In how many runs each invariant got which verdict."""
    yield f"{revision}: {counted(len(cells), 'run')}"
    yield _row("", *(verdict.value for verdict in COLUMNS))
    for name, judged in _judged(cells).items():
        counts = Counter(each.verdict for each in judged)
        yield _row(name, *(str(counts[verdict]) for verdict in COLUMNS))


def _of_logs(revision: str, cells: Sequence[Cell], sizes: Sequence[Size]) -> Iterator[str]:
    """What is said of each invariant; if it is refuted, in how many sessions it is broken, and for how many prompts.

    What is broken for a session as a whole, such as clean rest, is broken for no prompt.
    """
    sessions, prompts = sum(size.sessions for size in sizes), sum(size.prompts for size in sizes)
    yield (
        f"{revision}: {counted(len(cells), 'log')} with {counted(sessions, 'session')} and {counted(prompts, 'prompt')}"
    )
    yield _row("", "verdict", "sessions", "prompts")
    for name, judged in _judged(cells).items():
        broken = [size.broken.get(name, Broken(0, 0)) for size in sizes]
        counts = (sum(each.sessions for each in broken), sum(each.prompts for each in broken))
        yield _row(
            name, worst(each.verdict for each in judged).value, *(f"{each:,}" if each else "" for each in counts)
        )


def _row(name: str, *cells: str) -> str:
    return f"  {name:<{_NAME}}{''.join(f'{cell:>{_WIDE}}' for cell in cells)}".rstrip()


def files(validated: Validated) -> Iterator[str]:
    """How much each file tells of, and how much of it is refuted."""
    refutations = {file: _refuted(cells) for file, cells in _by(validated.cells, lambda cell: cell.file or "").items()}
    if validated.conformed.runs:
        yield from validated.conformed.table(refutations)
    for file, refuted in refutations.items():
        if file in validated.sizes:
            yield f"{file}: {_told(validated.sizes[file])}"
        elif file not in validated.conformed.seconds:
            runs = sum(cell.file == file for cell in validated.cells)
            yield f"{file}: {counted(runs, 'run')}, {refuted} refuted"


def _by(cells: Sequence[Cell], key: Callable[[Cell], str]) -> dict[str, list[Cell]]:
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    return groups


def _judged(cells: Sequence[Cell]) -> dict[str, list[InvariantResult]]:
    """What is said in all cells of each invariant, and of conformance."""
    said: dict[str, list[InvariantResult]] = {}
    for cell in cells:
        for name, judged in cell.invariants.items():
            said.setdefault(name, []).append(judged)
        if cell.conforms is not None:
            said.setdefault(CONFORMS, []).append(cell.conforms)
    return said


def _refuted(cells: Sequence[Cell]) -> int:
    return sum(cell.verdict is Verdict.REFUTED for cell in cells)


def _told(size: Size) -> str:
    """Of how much a log tells, in words."""
    refuted = f"; an invariant is broken in {counted(size.refuted, 'session')}" if size.refuted else ""
    return f"{counted(size.sessions, 'session')}, {counted(size.prompts, 'prompt')}{refuted}"

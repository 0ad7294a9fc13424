"""What a timed study takes from recorded logs: durations, and the times at which clients came."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from everyturn.errors import UsageError
from everyturn.formats import crush_lines as line
from everyturn.formats.crush_dispatch import RecordedRun, read_runs

_NANOSECONDS = 1e-9


class Visit(NamedTuple):
    """Somebody came: ``after`` seconds since the run began; ``kind`` is the letter of a scope (`A`, `c`, …)."""

    after: float
    kind: str


@cache
def visits(path: Path) -> tuple[tuple[Visit, ...], ...]:
    """For each run of a log that has any: who came and when, in order. Raises :class:`UsageError`."""
    found = tuple(tuple(_visits(run)) for run in read_runs(path))
    found = tuple(run for run in found if run)
    if not found:
        raise UsageError(f"{path}: expected a run in which a prompt is submitted; found none")
    return found


def _visits(run: RecordedRun) -> list[Visit]:
    kinds = {prompt.id: prompt.kind for prompt in run.begin.scenario.prompts}
    come: dict[str, Visit] = {}
    for _, event in run.logged:
        match event:
            case line.AcceptCall(prompt=name) | line.RunCall(prompt=name):
                come.setdefault(name, Visit(event.t * _NANOSECONDS, kinds.get(name, "A")))
            case line.CancelCall(op=name):
                come.setdefault(name, Visit(event.t * _NANOSECONDS, "c"))
            case line.ClearCall(op=name):
                come.setdefault(name, Visit(event.t * _NANOSECONDS, "q"))
            case line.SummarizeCall(op=name):
                come.setdefault(name, Visit(event.t * _NANOSECONDS, "s"))
    return sorted(come.values())


@cache
def durations(path: Path, of: str) -> tuple[float, ...]:
    """The durations, in seconds, that the runs of a log show. Raises :class:`UsageError` if there are none.

    ``stream``: from the start to the end of each stream that was not cancelled. ``store``: from a turn's own user
    message to the start of its first stream, if the same thread wrote nothing else between them: one write, that of the
    assistant message. ``gap``: between a prompt's submission and the next one in the same run.
    """
    match of:
        case "stream":
            found = [each for run in read_runs(path) for each in _streams(run)]
        case "store":
            found = [each for run in read_runs(path) for each in _writes(run)]
        case _:
            times = [[visit.after for visit in run if visit.kind in "AaIi"] for run in visits(path)]
            found = [later - earlier for run in times for earlier, later in pairwise(run)]
    if not found:
        raise UsageError(f"{path}: expected at least one duration of kind {of!r}; found none")
    return tuple(found)


def _streams(run: RecordedRun) -> list[float]:
    begun: dict[tuple[str, int], int] = {}
    found: list[float] = []
    for _, event in run.logged:
        match event:
            case line.StreamStartLine(turn=turn, step=step):
                begun[turn, step] = event.t
            case line.StreamEndLine(turn=turn, step=step, how=how) if how != "cancelled" and (turn, step) in begun:
                found.append((event.t - begun.pop((turn, step))) * _NANOSECONDS)
    return found


def _writes(run: RecordedRun) -> list[float]:
    written: dict[str, tuple[str, int]] = {}
    found: list[float] = []
    for _, event in run.logged:
        match event:
            case line.UserMessage(prompt=prompt, thread=thread, by="turn"):
                written[thread] = (prompt, event.t)
            case line.UserMessage(thread=thread):
                written.pop(thread, None)
            case line.StreamStartLine(turn=turn, thread=thread) if thread in written:
                prompt, since = written.pop(thread)
                if prompt == turn:
                    found.append((event.t - since) * _NANOSECONDS)
    return found

"""The part of a log that matters for one fault: its lines, the steps inferred between them, and who did what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from everyturn.errors import UsageError
from everyturn.files.reading import STDIN, LogFile
from everyturn.logs.conforming import RunMatch, standing
from everyturn.logs.faults import RefusedRuns
from everyturn.printing import printable
from everyturn_model import events as ev
from everyturn_model.marks import Forgotten, RunCalled
from everyturn_model.nodes import Explained
from everyturn_model.partial import Unexplained

LONGEST: Final = 60
"""So many steps are shown at most; of a longer way the first and the last."""

_SILENT: Final = (RunCalled, ev.SummariseReturned)
"""What tells a reader of an excerpt nothing."""


class Sign(StrEnum):
    """What a row is: a line that was read, a step that was inferred before it, or what no step explains."""

    SEEN = " "
    HIDDEN = "+"
    REFUSED = "!"


class ExcerptRow(NamedTuple):
    """One step. ``place``: its line; ``lane``: whose it is, none for the session as a whole; ``text``: the line as it
    stands; ``rules``: what forbids it, for a step that was refused."""

    place: int
    sign: Sign
    lane: str | None
    event: ev.Event
    text: str | None = None
    rules: tuple[str, ...] = ()


class ExcerptSpan(NamedTuple):
    """Something that lasts, from one row to another: in the queue, a turn, a wait without end."""

    lane: str
    kind: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The rows of one fault, in order; ``lanes``: prompts and operations from left to right; ``left_out``: rows not
    shown."""

    rows: tuple[ExcerptRow, ...]
    lanes: tuple[str, ...]
    spans: tuple[ExcerptSpan, ...]
    left_out: int

    @property
    def session(self) -> bool:
        """Whether a row is about the session as a whole, which has a lane of its own then."""
        return any(row.lane is None for row in self.rows)


def excerpt(fault: RefusedRuns, texts: dict[int, str]) -> Excerpt:
    """What of the run to show: up to the refusal, and only what is about those who are involved. ``texts``: lines of
    the file."""
    run, refused = fault.shown, fault.refused
    involved = _involved(refused)
    every = list(rows(run, texts))
    stop = next(index for index, row in enumerate(every) if row.sign is Sign.REFUSED)
    if every[stop].text is None:
        stop = next(
            (index for index, row in enumerate(every) if index > stop and row.sign is Sign.SEEN), len(every) - 1
        )
    told = [row for row in every[: stop + 1] if not isinstance(row.event, _SILENT)]
    near = [row for row in told if _matters(row, involved)]
    near = near if len(near) <= LONGEST else [*near[: LONGEST // 4], *near[-3 * LONGEST // 4 :]]
    last = {row.place: index for index, row in enumerate(near) if row.sign is not Sign.HIDDEN}
    shown = [
        row._replace(text=texts.get(row.place) if last.get(row.place) == index else None)
        for index, row in enumerate(near)
    ]
    lanes = tuple(dict.fromkeys(row.lane for row in shown if row.lane is not None))
    return Excerpt(tuple(shown), lanes, tuple(_spans(shown, fault.waiting)), len(told) - len(shown))


def rows(run: RunMatch, texts: dict[int, str]) -> Iterator[ExcerptRow]:
    """Every step of the run's explanation; a refused step has the rules that forbid it. A line's text stands at its
    last step."""
    owners = {
        step.event.turn: step.event.prompt for step in run.matched.explanation if isinstance(step.event, ev.TurnStarted)
    }
    left = _Refusals(run.matched.refusals)
    last = {step.place: index for index, step in enumerate(run.matched.explanation) if not step.hidden}
    for index, step in enumerate(run.matched.explanation):
        if isinstance(step.event, Forgotten):
            continue
        for place, event, rules in left.before(step):
            yield ExcerptRow(place, Sign.REFUSED, _lane(event, owners), event, None, rules)
        rules = left.of(step)
        sign = Sign.REFUSED if rules else Sign.HIDDEN if step.hidden else Sign.SEEN
        text = texts.get(step.place) if last.get(step.place) == index else None
        yield ExcerptRow(step.place, sign, _lane(step.event, owners), step.event, text, rules)
    for place, event, rules in left.before(None):
        yield ExcerptRow(place, Sign.REFUSED, _lane(event, owners), event, None, rules)


class _Refusals:
    """The refusals of a run: those of one step together, each told once."""

    def __init__(self, refusals: Iterable[Unexplained]) -> None:
        self._rules: dict[tuple[int, ev.Event], list[str]] = {}
        for refused in refusals:
            first = refused.needed[0]
            self._rules.setdefault((refused.place, first.event), []).append(first.sentence)

    def of(self, step: Explained) -> tuple[str, ...]:
        """The rules that forbid ``step``."""
        return tuple(self._rules.pop((step.place, step.event), ()))

    def before(self, step: Explained | None) -> Iterator[tuple[int, ev.Event, tuple[str, ...]]]:
        """What was refused at an earlier place than ``step`` and is no step of the explanation."""
        for place, event in [key for key in self._rules if step is None or key[0] < step.place]:
            yield place, event, tuple(self._rules.pop((place, event)))


def _lane(event: Any, owners: dict[str, str]) -> str | None:
    """Whose step it is."""
    for name in ("prompt", "summary", "operation"):
        value: str | None = getattr(event, name, None)
        if value is not None:
            return value.removeprefix("summary:")
    turn: str | None = getattr(event, "turn", None)
    return None if turn is None else owners.get(turn, turn)


def _involved(refused: Unexplained) -> set[str]:
    """The prompts and operations that the refused step speaks of, and those in its way."""
    event: Any = refused.needed[0].event
    state = refused.states[0]
    names = {getattr(event, name, None) for name in ("prompt", "turn", "summary", "operation", "owner", "error_owner")}
    names |= set(standing(refused.guard, state))
    thread = getattr(event, "thread", None)
    names |= {each.name for each in state.prompts if thread is not None and each.held == thread}
    names |= {each.name for each in state.prompts if event is not None and each.name in _ahead(state, event)}
    owner = state.of_turn(getattr(event, "turn", None))
    names |= set() if owner is None else {owner.name}
    if state.turn is not None:
        names.add(state.turn.prompt)
    return {name for name in names if name is not None}


def _ahead(state: Any, event: Any) -> frozenset[str]:
    ahead: frozenset[str] = state.prompt(event.prompt).ahead if hasattr(event, "prompt") else frozenset()
    return ahead


def _matters(row: ExcerptRow, involved: set[str]) -> bool:
    """Whatever is about somebody involved, and every Cancel and ClearQueue, which may excuse them."""
    return row.lane is None or row.lane in involved or row.sign is Sign.REFUSED or hasattr(row.event, "operation")


_BEGIN: Final = {ev.Queued: "queue", ev.TurnStarted: "turn", ev.SummaryStarted: "turn"}
_END: Final = {ev.TakenOut: "queue", ev.TurnReleased: "turn", ev.SummaryReleased: "turn"}


def _spans(shown: list[ExcerptRow], waiting: Iterable[str]) -> Iterator[ExcerptSpan]:
    """What lasts; a wait without end lasts from the submission to the last row."""
    last = len(shown) - 1
    open_: dict[tuple[str, str], int] = {}
    told: dict[str, int] = {}
    for index, row in enumerate(shown):
        lane = row.lane
        if lane is None:
            continue
        told.setdefault(lane, index)
        kind = _BEGIN.get(type(row.event))
        over = _END.get(type(row.event))
        if kind is not None:
            open_.setdefault((lane, kind), index)
        elif over is not None and (lane, over) in open_:
            yield ExcerptSpan(lane, over, open_.pop((lane, over)), index)
    yield from (ExcerptSpan(lane, kind, begin, last) for (lane, kind), begin in open_.items())
    yield from (ExcerptSpan(lane, "wait", told[lane], last) for lane in waiting if lane in told)


def lines_of(file: str, wanted: Iterable[int]) -> dict[int, str]:
    """Those lines of a log, as they may be shown; none if it cannot be read a second time."""
    numbers = set(wanted)
    if not numbers or Path(file) == STDIN:
        return {}
    found: dict[int, str] = {}
    try:
        with LogFile(Path(file)) as log:
            for number, raw in log.lines(lambda fault: None):
                if number in numbers:
                    found[number] = printable(raw.decode(errors="replace").rstrip("\r\n"))
                if number >= max(numbers):
                    break
    except UsageError:
        pass
    return found

"""The stories of a log: for each fault that it shows, the lines and the inferred steps that lead there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from everyturn.errors import UsageError
from everyturn.logs.conforming import conform
from everyturn.logs.excerpt import Excerpt, ExcerptRow, Sign, excerpt, lines_of
from everyturn.logs.faults import RefusedRuns, faults
from everyturn.logs.history import AS_IT_IS, Reading
from everyturn.logs.words import words
from everyturn.page.contents import (
    Act,
    BrokenRule,
    ClientWord,
    Deed,
    Lane,
    Marks,
    PageAnswer,
    Rule,
    SeenEvent,
    SourceFile,
    Stand,
    StateColumn,
    Story,
)
from everyturn.page.state_space import life_tree
from everyturn.page.tables import Table
from everyturn.printing import printable
from everyturn.reports.bug import runs_of
from everyturn.verdicts import hints
from everyturn_model import events as ev
from everyturn_model.lifecycle import Ledger
from everyturn_model.marks import SubmitCalled

SESSION: Final = "the session"
AROUND: Final = 2
"""So many lines of the log before and after each one are shown with it."""
_SIGNS: Final = {Sign.SEEN: "line", Sign.HIDDEN: "inferred", Sign.REFUSED: "refused"}


def log_stories(path: Path, reading: Reading = AS_IT_IS) -> Iterator[Story]:
    """A story for each fault in a log, the most frequent first. Raises :class:`UsageError` if none is found."""
    conformed = conform([path], reading=reading)
    for error in conformed.unreadable:
        raise UsageError(str(error))
    found = faults(conformed.runs)
    if not found:
        many = len(conformed.runs)
        raise UsageError(f"{path}: expected a log that shows a fault; found {many:,} runs and none that is refused")
    for fault in found:
        first, last = fault.shown.lines
        texts = lines_of(fault.shown.file, range(first, last + 1))
        yield _LogStory(fault, excerpt(fault, texts), texts).story()


class _LogStory:
    """One fault, as it is told."""

    def __init__(self, fault: RefusedRuns, shown: Excerpt, texts: dict[int, str]) -> None:
        self.fault = fault
        self.excerpt = shown
        self.texts = texts
        self.name = printable(Path(fault.shown.file).name)
        self.lanes = [SESSION, *shown.lanes] if shown.session else list(shown.lanes)
        self.prompts = sorted(
            {row.event.prompt for row in shown.rows if isinstance(row.event, ev.Submitted | SubmitCalled)}
        )

    def story(self) -> Story:
        rows = self.excerpt.rows
        acts = list(map(self._act, rows))
        columns, states = self._states()
        refused = next(number for number, row in enumerate(rows) if row.sign is Sign.REFUSED)
        moves: list[list[tuple[int, int, int]] | None] = [
            [(self.lanes.index(row.lane or SESSION), number, number + 1)] for number, row in enumerate(rows)
        ]
        run = self.fault.shown
        return Story(
            kind="log",
            title=self.fault.title,
            name=f"{self.name}, {run.name}",
            sentence=f"{run.name} of {self.name}, lines {run.lines[0]:,} to {run.lines[1]:,}",
            rules=[Rule(self.fault.invariant or self.fault.guard, self.fault.promise or self.fault.expected)],
            prompts=self.prompts,
            lanes=list(self._lanes()),
            columns=columns,
            sources=[SourceFile(self.name, self._near())],
            places=[(0, row.place, "the log") for row in rows],
            stands=[Stand("its next line", blocked=False)],
            acts=acts,
            states=states,
            moves=[*moves, None],
            rests={},
            way=[0] * len(rows),
            marks=Marks(violation=refused),
            claims=list(self._claims(refused)),
            carried="A log shows one run: nobody can be chosen otherwise. A model of the agent can be asked what would "
            "have been (everyturn check).",
            commands=[hints.command("validate", run.file, explain=str(run.run))],
        )

    def _act(self, row: ExcerptRow) -> Act:
        said = printable(words(row.event))
        broken = [BrokenRule(self.fault.invariant or self.fault.guard, " ".join(row.rules))] if row.rules else []
        text = said if row.sign is not Sign.HIDDEN else f"{said} (no line tells it)"
        line = Deed("", "reads", self.texts.get(row.place, "")[:400], place=self._number(row))
        return Act(
            text=text,
            kind=_SIGNS[row.sign],
            deeds=[] if row.sign is Sign.HIDDEN else [line],
            seen=[SeenEvent(type(row.event).__name__, said, getattr(row.event, "prompt", None), _client(row.event))],
            broken=broken,
            plain=row.sign is Sign.HIDDEN,
        )

    def _number(self, row: ExcerptRow) -> int:
        return next(number for number, each in enumerate(self.excerpt.rows) if each is row)

    def _near(self) -> dict[int, str]:
        near = {row.place + away for row in self.excerpt.rows for away in range(-AROUND, AROUND + 1)}
        return {number: self.texts[number][:400] for number in sorted(near) if number in self.texts}

    def _lanes(self) -> Iterator[Lane]:
        waiting = set(self.fault.waiting)
        for name in self.lanes:
            prompt = name if name in self.prompts else None
            yield Lane(name, "task", prompt, f"what the log tells of {name}")
            if prompt is not None and any(_client(row.event) and row.lane == name for row in self.excerpt.rows):
                yield Lane(f"{name}'s client", "client", name, "waits until he is told", ever=name in waiting)
        yield Lane("active", "object", None, "whose turn is running", 0)
        yield Lane("queue", "object", None, "the prompts that wait", 1)

    def _states(self) -> tuple[list[StateColumn], list[list[int]]]:
        """Whose turn runs, who waits in the queue, and what has become of each prompt, as far as these lines tell."""
        tables = [Table() for _ in range(2 + len(self.prompts))]
        ledger, active, queue = Ledger(), "", list[str]()
        states: list[list[int]] = []
        for row in (None, *self.excerpt.rows):
            if row is not None:
                ledger = ledger.step(row.event)
                active, queue = _after(row, active, queue)
            values = [active or None, list(queue), *(life_tree(ledger, prompt) for prompt in self.prompts)]
            numbers = [table.number(repr(value), value) for table, value in zip(tables, values)]
            states.append([*numbers, *[0] * len(self.lanes)])
        owners = [[each] if each else [] for each in tables[0].listed]
        columns = [
            StateColumn("active", "whose turn is running", tables[0].listed, owners),
            StateColumn("queue", "the prompts that wait", tables[1].listed, tables[1].listed),
        ]
        named = zip(self.prompts, tables[2:])
        columns += [StateColumn(name, f"what has become of {name}", table.listed) for name, table in named]
        return columns, list(_written(states))

    def _claims(self, refused: int) -> Iterator[PageAnswer]:
        fault = self.fault
        promise = "" if fault.promise is None else f" In general: {fault.promise}."
        yield PageAnswer("What went wrong?", f"{fault.title}.", [refused], [refused])
        yield PageAnswer("What was expected?", f"{fault.expected}{promise}")
        yield PageAnswer("How often?", f"{runs_of(fault).capitalize()}.")


def _after(row: ExcerptRow, active: str, queue: Sequence[str]) -> tuple[str, list[str]]:
    """Whose turn runs, and the queue, after a step that was made."""
    event = row.event
    if row.sign is Sign.REFUSED:
        return active, list(queue)
    match event:
        case ev.TurnStarted(prompt=prompt):
            return prompt, list(queue)
        case ev.TurnReleased():
            return "", list(queue)
        case ev.Queued(prompt=prompt):
            return active, [*queue, prompt]
        case ev.TakenOut(prompt=prompt):
            return active, [each for each in queue if each != prompt]
    return active, list(queue)


def _client(event: ev.Event) -> ClientWord:
    match event:
        case ev.Submitted(run_id=True) | SubmitCalled(run_id=True):
            return "waits"
        case ev.Completed(delivered=True, lost=lost):
            return "lost" if lost else "told"
    return ""


def _written(states: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Each state as the one before it, and what differs."""
    yield list(states[0])
    for number, (before, after) in enumerate(pairwise(states)):
        changed = [(place, new) for place, (old, new) in enumerate(zip(before, after)) if old != new]
        yield [number, *(each for pair in changed for each in pair)]

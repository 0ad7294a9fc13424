"""A run of a page step by step, as text for a terminal: what a step does, what it changes, how all stands after it.

All of it is read off the contents of the page (:mod:`everyturn.page.contents`), as the page's own script does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from everyturn.page.contents import Act, BrokenRule, Lane, Stand, Story
from everyturn.reports.differences import brief, differences, parts
from everyturn.reports.value_trees import Tree

Change = tuple[str, Tree, Tree]
"""The name of a part of the state, what it was, what it is."""

_ENDS: Final = {"not begun": "has not begun", "ends": "has ended", "": "has ended"}


class CodeLine(NamedTuple):
    """A line of source: where it is, and its text. ``role``: what it has to do with the step; of a program the line
    ``from`` which it goes on, and the one at which it ``waits`` then."""

    role: str
    place: str
    text: str


class ToldRun:
    """The run that a story tells. Steps are counted from 0; the place after the last one is the rest."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self._states = list(in_full(story.states))
        self._tasks = [lane for lane in story.lanes if lane.kind == "task"]
        self._after: list[int] = [0]
        self._moves: list[tuple[int, int]] = []
        for place in story.way:
            moves = story.moves[self._after[-1]] or []
            who, act, state = moves[place]
            self._moves.append((who, act))
            self._after.append(state)

    def __len__(self) -> int:
        return len(self._moves)

    def who(self, step: int) -> str:
        """The task that makes a step."""
        return self._tasks[self._moves[step][0]].name

    def act(self, step: int) -> Act:
        """What a step does."""
        return self.story.acts[self._moves[step][1]]

    def broken(self, step: int) -> Sequence[BrokenRule]:
        """What a step violates; of the place after the last one: what is violated at rest."""
        if step < len(self):
            return self.act(step).broken
        return self.story.rests.get(self._after[-1], ())

    @property
    def first_broken(self) -> int | None:
        """The first place at which something is violated."""
        return next((step for step in range(len(self) + 1) if self.broken(step)), None)

    @property
    def rests(self) -> bool:
        """Whether nobody can go on after the last step."""
        return self.story.moves[self._after[-1]] == []

    def changes(self, step: int) -> Iterator[Change]:
        """What a step changes in the state, inside of values."""
        before, after = (self._states[self._after[step + after]] for after in (0, 1))
        for column, old, new in zip(self.story.columns, before, after):
            if old != new:
                yield from differences(column.name, column.values[old], column.values[new])

    def code(self, step: int) -> Iterator[CodeLine]:
        """The lines that a step runs, each once, as far as they are known."""
        known: set[int] = set()
        for deed in self.act(step).deeds:
            if deed.place is not None and deed.place not in known:
                known.add(deed.place)
                role = "code" if deed.lane else "waits" if deed.verb == "waits" else "from"
                yield CodeLine(role, *self._line(deed.place))

    def state(self, step: int) -> Iterator[tuple[str, Tree]]:
        """The whole state after a step; before the first one, of step -1. A part for each line."""
        for column, number in zip(self.story.columns, self._states[self._after[step + 1]]):
            yield from parts(column.name, column.values[number])

    def waiting(self, step: int) -> Iterator[str]:
        """How each task stands after a step, and each client who waits to be told."""
        state = self._after[min(step + 1, len(self))]
        going = {move[0] for move in self.story.moves[state] or ()}
        for number, task in enumerate(self._tasks):
            stand = self.story.stands[self._states[state][len(self.story.columns) + number]]
            yield f"{task.name} {self._standing(stand, state, can=number in going)}"
        for lane in self.story.lanes:
            if lane.kind == "client":
                yield self._client(lane, min(step + 1, len(self)))

    def _standing(self, stand: Stand, state: int, *, can: bool) -> str:
        if stand.waits is None:
            return _ENDS.get(stand.ended, f"has ended: it {stand.ended}")
        where = "" if stand.place is None else f"  ({self._line(stand.place)[0]})"
        blocked = not can if stand.blocked is None else stand.blocked
        if not blocked:
            return f"can go on with {stand.waits}{where}"
        owners = [] if stand.holder is None else self._owners(state, stand.holder)
        holders = [*stand.tasks, *owners]
        known = not holders or stand.waits == " and ".join(holders)
        held = "" if known else f", held by {' and '.join(holders)}" if owners else f", for {' and '.join(holders)}"
        return f"WAITS: {stand.waits}{held}{where}"

    def _owners(self, state: int, column: int) -> list[str]:
        owners = self.story.columns[column].owners
        return owners[self._states[state][column]] if owners else []

    def _client(self, lane: Lane, made: int) -> str:
        """How a client stands after so many steps."""
        said, waits = "has not called yet", False
        for step in range(made):
            for seen in self.act(step).seen:
                if seen.prompt != lane.prompt or not seen.client:
                    continue
                if seen.client == "waits":
                    said, waits = f"WAITS to be told, since step {step}", True
                elif seen.client == "told":
                    said, waits = f"was told at step {step}", False
                else:
                    said += f"; what was to tell him at step {step} was lost"
        ever = waits and made == len(self) and self.rests
        return f"{lane.name} {said}{', FOR EVER' if ever else ''}"

    def _line(self, place: int) -> tuple[str, str]:
        """A place in words, and the text of its line."""
        number, line, function = self.story.places[place]
        source = self.story.sources[number]
        return f"{source.file}:{line}, in {function}", source.lines.get(line, "").strip()


def in_full(written: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """States in full: each is written as an earlier one, and what differs from that."""
    states: list[list[int]] = []
    for first, *rest in written:
        state = [first, *rest]
        if states:
            state = list(states[first])
            for place, number in zip(rest[::2], rest[1::2], strict=True):
                state[place] = number
        states.append(state)
        yield state


def told(run: ToldRun, step: int) -> Iterator[str]:
    """A step in words: who, what, the line of source, what changed. The place after the last one is the end."""
    if step == len(run):
        yield from _end(run)
        return
    act = run.act(step)
    yield f"step {step} of {len(run)}: {_with_name(run.who(step), act.text)}"
    if run.story.kind == "agent":
        yield from (f"  does     {deed.text}{f' = {deed.result}' if deed.result else ''}" for deed in act.deeds)
    else:
        yield from (f"  seen     {seen.text}" for seen in act.seen)
    for line in run.code(step):
        yield f"  {line.role:<8} {line.place}"
        if line.text:
            yield f"             {line.text}"
    changes = [f"{name}: {brief(before)} → {brief(after)}" for name, before, after in run.changes(step)]
    yield from (f"  changed  {each}" for each in changes or ["nothing"])


def _end(run: ToldRun) -> Iterator[str]:
    if not run.rests:
        yield f"after {len(run)} steps it is not at rest. {run.story.carried}".rstrip()
        return
    yield f"at rest, after {len(run)} steps: nobody can go on"
    yield from (f"  {each}" for each in run.waiting(len(run)) if "WAITS" in each)


def _with_name(who: str, text: str) -> str:
    """What a step does, with the task's name before it, unless it begins with that."""
    return text if text.startswith((f"{who} ", f"{who}'")) else f"{who}: {text}"

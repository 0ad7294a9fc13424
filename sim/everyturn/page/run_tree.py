"""Runs of an asyncio program that begin alike, as one tree of states: where they part, their reader may choose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from everyturn.asyncio.runtime.findings import ScenarioFinding
from everyturn.page.contents import Act, BrokenRule, Deed, SeenEvent, Stand, StateColumn
from everyturn.page.excerpts import Places
from everyturn.page.recording import WORLD, CodePlace, RunMoment, TaskStand
from everyturn.page.tables import Table
from everyturn.printing import printable
from everyturn.reports.value_trees import Tree

NOTED: Final = "noted"
_QUALIFIED: Final = re.compile(r"\((?:[\w<>]+\.)+(\w+)\)")
_SHORT_PATH: Final = re.compile(r"(?<=waits at )\S*/(?=[^/\s]+:\d+)")
_TOLD_OTHERWISE: Final = ("arrives", "rest", "between steps", "inside a step", "next")
"""Kinds of decisions that need not be told, since what happens tells them."""


def short_names(text: str) -> str:
    """A text in which tasks are called by the last part of their coroutines' names, and that can be shown."""
    return printable(_QUALIFIED.sub(r"(\1)", text))


class RunTree:
    """States by number, 0 the first one; each is known by the choices that lead there."""

    def __init__(self) -> None:
        self.places = Places()
        self.acts = Table()
        self.stands = Table()
        self.moves: list[list[tuple[int, int, int]] | None] = [[]]
        self.rests: dict[int, list[BrokenRule]] = {}
        self.tasks: dict[str, int] = {WORLD: 0}
        self._children: list[dict[Any, int]] = [{}]
        self._moments: list[RunMoment] = [RunMoment("")]
        self._parents: list[int] = [-1]

    def __len__(self) -> int:
        return len(self.moves)

    def add(self, moments: Sequence[RunMoment], findings: Sequence[ScenarioFinding] | None) -> list[int]:
        """A run: the place of each of its moves. ``findings``: what is wrong with it at rest; none: it was not gone on
        with."""
        node, way = 0, []
        for moment in moments:
            key = (tuple(moment.decisions), moment.who, moment.text)
            children = self._children[node]
            if key not in children:
                children[key] = len(children)
                self._grow(node, moment)
            place = children[key]
            way.append(place)
            moves = self.moves[node]
            assert moves is not None
            node = moves[place][2]
        if findings is None:
            self.moves[node] = self.moves[node] or None
        elif findings:
            self.rests[node] = [BrokenRule(each.kind, str(each)) for each in findings]
        return way

    def _grow(self, node: int, moment: RunMoment) -> None:
        who = self.tasks.setdefault(short_names(moment.who), len(self.tasks))
        for name in (*moment.stands, *moment.over):
            self.tasks.setdefault(short_names(name), len(self.tasks))
        if moment.who not in moment.stands:
            moment.over.setdefault(moment.who, moment.text)
        moment.over = {**self._moments[node].over, **moment.over}
        act = self._act(self._moments[node], moment)
        after = len(self.moves)
        moves = self.moves[node] = self.moves[node] or []
        moves.append((who, self.acts.number(msgspec.json.encode(act), act), after))
        self.moves.append([])
        self._children.append({})
        self._moments.append(moment)
        self._parents.append(node)

    # what a moment is -------------------------------------------------------------------------------------------

    def _act(self, before: RunMoment, moment: RunMoment) -> Act:
        decided = [f"{kind}: {word}" for kind, word in moment.decisions if kind not in _TOLD_OTHERWISE]
        changes = list(_changes(before, moment))
        said = [*([] if not changes else [_all_changed(changes)]), moment.text, *decided]
        who = "" if moment.who == WORLD else f"{moment.who} "
        return Act(
            text=_SHORT_PATH.sub("", short_names(f"{who}{', '.join(said)}")),
            kind="world" if moment.who == WORLD else "task",
            deeds=[*self._lines(moment), *changes],
            seen=[*moment.seen, *_woken(before, moment)],
            plain=not moment.seen and not changes and (moment.who != WORLD or moment.text.endswith("is called")),
        )

    def _lines(self, moment: RunMoment) -> Iterator[Deed]:
        """The lines that run: from where the task waited to where it waits now."""
        if moment.came_from is not None:
            yield Deed("", "reads", "goes on from", place=self._place(moment.came_from))
        stand = moment.stands.get(moment.who)
        if stand is not None and stand.place is not None:
            yield Deed("", "waits", "and waits then", place=self._place(stand.place))

    def _place(self, place: CodePlace) -> int:
        return self.places.number(*place)

    # as data -----------------------------------------------------------------------------------------------------

    @property
    def objects(self) -> list[str]:
        """The names of the program's objects, and of what it notes."""
        named = dict.fromkeys(name for moment in self._moments for name in moment.values if not _is_task(name, moment))
        return [*(name for name in named if name != NOTED), *([NOTED] if NOTED in named else [])]

    def written(self) -> tuple[list[StateColumn], list[list[int]]]:
        """The columns, and the states as they are written."""
        objects, tasks = self.objects, [name for name in self.tasks if name != WORLD]
        tables = {name: Table() for name in (*objects, *tasks)}
        rows: list[list[int]] = []
        written: list[list[int]] = []
        for moment, parent in zip(self._moments, self._parents, strict=True):
            values = {short_names(name): value for name, value in moment.values.items()}
            row = [
                table.number(msgspec.json.encode(values.get(name)), values.get(name)) for name, table in tables.items()
            ]
            row += [self._stand(name, moment) for name in self.tasks]
            rows.append(row)
            written.append(row if parent < 0 else [parent, *_differing(rows[parent], row)])
        notes = {**dict.fromkeys(objects, "an object of the program"), **dict.fromkeys(tasks, "variables of the task")}
        notes[NOTED] = "what the program noted"
        return [StateColumn(name, notes[name], table.listed) for name, table in tables.items()], written

    def _stand(self, name: str, moment: RunMoment) -> int:
        stand = self._made(name, moment)
        return self.stands.number(msgspec.json.encode(stand), stand)

    def _made(self, name: str, moment: RunMoment) -> Stand:
        if name == WORLD:
            return Stand("what comes from outside", blocked=False)
        stands: Mapping[str, TaskStand] = {short_names(each): stand for each, stand in moment.stands.items()}
        stand = stands.get(name)
        if stand is not None:
            place = None if stand.place is None else self._place(stand.place)
            return Stand(
                short_names(stand.waits), place, None, [short_names(each) for each in stand.tasks], stand.blocked
            )
        over = {short_names(each): short_names(text) for each, text in moment.over.items()}
        return Stand(ended=over.get(name, "not begun"))


def _is_task(name: str, moment: RunMoment) -> bool:
    return name in moment.stands


def _differing(before: Sequence[int], after: Sequence[int]) -> Iterator[int]:
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            yield from (place, new)


def _changes(before: RunMoment, moment: RunMoment) -> Iterator[Deed]:
    """The objects of the program that a moment changes."""
    for name, value in moment.values.items():
        if not _is_task(name, moment) and name in before.values and before.values[name] != value:
            yield Deed(name, "changes", ", ".join(_changed(name, before.values[name], value)))


def _changed(name: str, before: Tree, after: Tree) -> Iterator[str]:
    """The attributes that differ, by their names; the object, if that is not all."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        yield from (f"{name}.{each}" for each in after if before[each] != after[each])
    else:
        yield name


def _all_changed(changes: Sequence[Deed]) -> str:
    return f"changes {', '.join(each.text for each in changes)}"


def _woken(before: RunMoment, moment: RunMoment) -> Iterator[SeenEvent]:
    """The tasks that need not wait any more."""
    for name, stand in before.stands.items():
        now = moment.stands.get(name)
        if stand.blocked and name != moment.who and now is not None and not now.blocked:
            yield SeenEvent("Wakes", f"{short_names(name)} can go on", short_names(name))

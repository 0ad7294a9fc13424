"""A run of an asyncio program, moment by moment: who does what, and how all tasks and objects stand after it."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from typing import Any, Final

from everyturn.asyncio.runtime.decisions import Guide
from everyturn.asyncio.runtime.findings import step_name, task_name
from everyturn.asyncio.runtime.outside import Answer
from everyturn.asyncio.runtime.places import innermost, is_users
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.telling.story import how_it_stands, is_ours
from everyturn.asyncio.telling.waiting import waiting_now
from everyturn.page.contents import SeenEvent
from everyturn.page.program_values import ObjectNames, is_programs, program_tree, variables
from everyturn.printing import printable
from everyturn.reports.value_trees import Tree

WORLD: Final = "the world"
"""The lane of what happens outside of the program."""
END: Final = "end of asyncio.run"
"""The task with which ``asyncio.run`` ends; what it does is not told, what becomes of others is."""
MOST_MOMENTS: Final = 400
"""So many moments of one run are kept at most."""

_BETWEEN: Final = ("arrives", "rest", "next", "between steps")
"""Kinds of what the world decides while no step runs."""

CodePlace = tuple[str, int, str]
"""A file, a line and a function."""


@dataclass(frozen=True, slots=True)
class TaskStand:
    """How a task stands: what it waits for, at which place, the names of tasks that it waits for; whether it has to."""

    waits: str
    place: CodePlace | None
    tasks: tuple[str, ...]
    blocked: bool


@dataclass(slots=True)
class RunMoment:
    """One thing that happens. ``decisions``: what the world decided since the moment before, and in this one;
    ``came_from``: the place at which the task had waited.

    ``stands``: how each task stands after it, and those that are ``over``; ``values``: objects of the program and the
    variables of its tasks, by their names.
    """

    who: str
    text: str = ""
    decisions: list[tuple[str, str]] = field(default_factory=list)
    came_from: CodePlace | None = None
    seen: list[SeenEvent] = field(default_factory=list)
    stands: dict[str, TaskStand] = field(default_factory=dict)
    over: dict[str, str] = field(default_factory=dict)
    values: dict[str, Tree] = field(default_factory=dict)


class Recorder:
    """Told what happens, keeps the moments of a run."""

    def __init__(self) -> None:
        self.moments: list[RunMoment] = []
        self._names = ObjectNames()
        self._world: weakref.ref[Any] | None = None
        self._running: tuple[str, Any] | None = None
        self._pending = RunMoment("")
        self._known: dict[str, CodePlace | None] = {}

    def __call__(self, kind: str, what: Any) -> None:
        """One thing that happened."""
        if len(self.moments) >= MOST_MOMENTS:
            return
        if kind == "step":
            self._finish()
            self._world = weakref.ref(what._loop.world)
            self._running = step_name(what), getattr(what._callback, "__self__", None)
        elif kind == "world":
            self._finish()
            self._pending.who, self._pending.text = WORLD, str(what)
            self._close()
        elif kind == "decision":
            if what.kind in _BETWEEN:
                self._finish()
            self._pending.decisions.append((what.kind, what.word))
        elif kind == "seen":
            self._seen(what)
        elif kind == "rest":
            self._finish()
        elif kind in ("log", "print"):
            text = f"it notes {', '.join(map(repr, what))}" if kind == "log" else f"it prints {what.strip()}"
            if what and text.strip() != "it prints":
                self._pending.seen.append(SeenEvent("Noted" if kind == "log" else "Printed", printable(text)))

    @property
    def left(self) -> list[tuple[str, str]]:
        """What was decided after the last moment."""
        return self._pending.decisions

    def _seen(self, what: Any) -> None:
        name = getattr(what, "name", "")
        client = {"submit": "waits" if getattr(what, "run_id", False) else "", "told": "told"}
        prompt = name if name[:1] == "p" else None
        seen = SeenEvent(str(what.what), printable(what), prompt, client.get(what.what, ""))  # type: ignore[arg-type]
        self._pending.seen.append(seen)

    def _finish(self) -> None:
        """The step that was running has ended: it is a moment, if it is worth telling."""
        if self._running is None:
            return
        name, task = self._running
        self._running = None
        moment = self._pending
        if isinstance(task, asyncio.Task) and not is_ours(task):
            moment.who, moment.text = task_name(task), how_it_stands(task)
            moment.came_from = self._known.get(moment.who)
            self._close()
        elif not isinstance(task, Answer | asyncio.Task):
            moment.who, moment.text = WORLD, name
            self._close()

    def _close(self) -> None:
        moment, self._pending = self._pending, RunMoment("")
        world = None if self._world is None else self._world()
        if world is not None and world.phase == "ends" and moment.who in (WORLD, END):
            self._pending.decisions, self._pending.seen = moment.decisions, moment.seen
            return
        if world is not None and not world.over:
            self._look(world, moment)
        self.moments.append(moment)

    def _look(self, world: Any, moment: RunMoment) -> None:
        """How all stands now."""
        tasks = [task for task in world.tasks() if not is_ours(task) and task is not world.ending]
        answers = {id(answer.future): answer.name for answer in world.answers}
        for task, waiting in zip(tasks, waiting_now(tasks)):
            asked = answers.get(id(task._fut_waiter))
            what = waiting.what if asked is None else f"the world's answer “{asked}”"
            moment.stands[waiting.name] = TaskStand(what, place_of(task), waiting.for_tasks, _is_blocked(task))
        for task in filter(None, (each() for each in world.made)):
            if task.done():
                moment.over[task_name(task)] = how_it_stands(task)
        self._known = {name: stand.place for name, stand in moment.stands.items()}
        objects: dict[str, Any] = {}
        for task in tasks:
            shown: dict[str, Any] = {}
            for function, name, value in variables(task):
                if is_programs(value):
                    objects.setdefault(self._names.name(value, name), value)
                shown[name if name not in shown else f"{function}.{name}"] = value
            moment.values[task_name(task)] = {
                name: program_tree(value, self._names, 1)
                for name, value in shown.items()
                if type(value).__module__.partition(".")[0] != "everyturn"
            }
        for name, value in objects.items():
            moment.values[name] = program_tree(value, self._names)
        if world.logged:
            moment.values["noted"] = [program_tree(each, self._names, 1) for each in world.logged]


def place_of(task: asyncio.Task[Any]) -> CodePlace | None:
    """The innermost line of the program at which a task waits."""
    frame = innermost(task.get_coro())
    if frame is None or not is_users(frame.f_code.co_filename):
        return None
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_qualname


def _is_blocked(task: asyncio.Task[Any]) -> bool:
    waiter = task._fut_waiter  # type: ignore[attr-defined]
    return waiter is not None and not waiter.done()


def record(scenario: Scenario, guide: Guide, setting: Setting) -> tuple[ScenarioOutcome, list[RunMoment]]:
    """A run, and its moments. To be used within :func:`everyturn.asyncio.control.preparing.prepared`."""
    recorder = Recorder()
    outcome = run(scenario, guide, setting, recorder)
    left = recorder.left
    if left:
        recorder.moments.append(RunMoment(WORLD, "nothing more comes", left))
    return outcome, recorder.moments

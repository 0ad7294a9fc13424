"""A run of a scenario, told step by step: what the world did, which task went on, and where it waits after that."""

from __future__ import annotations

import asyncio
import linecache
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from everyturn.asyncio.runtime.blocking import was_ended
from everyturn.asyncio.runtime.decisions import Decision, Guide
from everyturn.asyncio.runtime.findings import step_name, task_name
from everyturn.asyncio.runtime.outside import Answer
from everyturn.asyncio.runtime.places import OURS, innermost, short
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run

_TOLD_OTHERWISE = ("arrives", "rest", "between steps", "inside a step", "next")
"""Kinds of decisions of which what comes of them is told, not they themselves."""


class StoryTeller:
    """Told what happens, makes lines of it. A task is told of by where it waits after its step."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._running: tuple[str, Any] | None = None

    def __call__(self, kind: str, what: Any) -> None:
        """One thing that happened."""
        if kind == "step":
            self.finish()
            cancelled = what._callback is None  # it is taken from the queue, no more
            self._running = None if cancelled else (step_name(what), getattr(what._callback, "__self__", None))
        elif kind == "world":
            self.finish()
            self.lines.append(f"* {what}")
        elif kind == "decision":
            self._decided(what)
        elif kind == "seen":
            self.lines.append(f"  {what}")
        elif kind == "rest":
            self.finish()  # and holds no task of a run that is over
        elif kind == "log":
            self.lines.append(f"  it notes {', '.join(map(repr, what))}")
        elif kind == "print":
            self.lines += [f"  it prints {line}" for line in what.splitlines() if line.strip()]

    def finish(self) -> None:
        """The step that was running has ended."""
        if self._running is None:
            return
        name, task = self._running
        self._running = None
        if isinstance(task, asyncio.Task) and not is_ours(task):
            self.lines.append(f"{task_name(task)} {how_it_stands(task)}")
        elif not isinstance(task, Answer | asyncio.Task) and not name.startswith("ScenarioWorld."):
            self.lines.append(name)

    def _decided(self, decision: Decision) -> None:
        if decision.kind not in _TOLD_OTHERWISE:
            self.lines.append(f"* {decision.kind}: {decision.word}")


def is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether it waits in code of ours: the main task of a session's run, for its clients; the end of asyncio.run."""
    frame = innermost(task.get_coro())
    return frame is not None and OURS in Path(frame.f_code.co_filename).parents


def how_it_stands(task: asyncio.Task[Any]) -> str:
    """How a task stands after a step of it, for a reader."""
    if task.cancelled():
        return "is cancelled"
    if task.done():
        error = task._exception  # whoever calls exception() has asked for it
        if was_ended(error):
            return "goes on no more"
        return f"ends in {error!r}" if error is not None else "ends"
    frame = innermost(task.get_coro())
    if frame is None:
        return "goes on"
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return f"waits at {short(frame.f_code.co_filename)}:{frame.f_lineno}" + (f"  {line}" if line else "")


def tell(scenario: Scenario, guide: Guide, setting: Setting) -> tuple[ScenarioOutcome, list[str]]:
    """The run that ``guide`` makes, and its story. To be used within
    :func:`everyturn.asyncio.control.preparing.prepared`."""
    teller = StoryTeller()
    outcome = run(scenario, guide, setting, teller)
    teller.finish()
    return outcome, list(_numbered(teller.lines))


def _numbered(lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        yield f"{number:4}  {line}"

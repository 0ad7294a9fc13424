"""What is wrong with a run of any async program, whatever it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from everyturn.asyncio.runtime.places import raised_at, suspended_at
from everyturn.errors import UsageError


class ScenarioFinding(NamedTuple):
    """Something wrong: its ``kind``, a sentence for people, and where in the program."""

    kind: str
    sentence: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.sentence} ({self.where})" if self.where else self.sentence


KINDS = {
    "hang": "the scenario never ends: at rest nothing can move any more, or it goes round for ever",
    "error": "the scenario ends in an exception: an assertion of its own, or what nobody handled",
    "left-over": "the scenario has ended, and a task waits or goes on for ever",
    "unretrieved": "a task or future failed, and nobody asked for its exception",
    "background": "a callback, or a finalizer, raised an exception",
    "destroyed": "a task was destroyed while it was pending",
    "never-awaited": "a coroutine was made and never awaited",
    "no-end": "the end of asyncio.run cancels what is left, and something does not end",
    "blocked": "the loop's own thread was blocked",
}
"""Kind → what it says. Each is judged in every run of a scenario."""


def kinds_of(scenario: object) -> Mapping[str, str]:
    """Kind → what it says, of all that runs of ``scenario`` are judged for: a workload has kinds of its own."""
    kinds: Mapping[str, str] = getattr(scenario, "kinds", KINDS)
    return kinds


def chosen(kinds: Mapping[str, str], wanted: Sequence[str] = (), without: Sequence[str] = ()) -> Mapping[str, str]:
    """Those of ``kinds`` that are ``wanted``, by default all, ``without`` some. Raises :class:`UsageError` for a name
    that is none of them, and if nothing is left."""
    for name in (*wanted, *without):
        if name not in kinds:
            near = get_close_matches(name, kinds, 1)
            meant = f" (did you mean {near[0]}?)" if near else ""
            raise UsageError(
                f"invariant {name!r}: expected a kind of fault that is judged here, one of {', '.join(kinds)}{meant}"
            )
    left = {name: text for name, text in kinds.items() if (name in wanted or not wanted) and name not in without}
    if not left:
        raise UsageError(f"without {', '.join(without)}: expected something left to judge, found nothing")
    return left


def of_context(context: dict[str, Any]) -> ScenarioFinding:
    """What the loop's exception handler was told, as a finding."""
    message = str(context.get("message", ""))
    error = context.get("exception")
    what = context.get("task") or context.get("future") or context.get("handle")
    name = task_name(what) if isinstance(what, asyncio.Task) else "a future"
    if "never retrieved" in message:
        where = raised_at(error) if error is not None else ""
        return ScenarioFinding("unretrieved", f"{name} failed with {error!r}, and nobody asked for it", where)
    if "destroyed but it is pending" in message:
        return ScenarioFinding("destroyed", f"{name} was destroyed while it was pending")
    where = raised_at(error) if error is not None else ""
    return ScenarioFinding("background", f"{message or 'an error in the background'}: {error!r}", where)


def task_name(task: asyncio.Task[Any]) -> str:
    """A task for a reader: its own name, or that of its coroutine beside the automatic one."""
    name = task.get_name()
    coroutine = getattr(task.get_coro(), "__qualname__", "")
    return f"{name} ({coroutine})" if name.startswith("Task-") and coroutine else name


def waits(task: asyncio.Task[Any]) -> str:
    """Where a task waits."""
    return suspended_at(task.get_coro())


def step_name(handle: Any) -> str:
    """What the loop runs next, for a reader: a task's step, or a callback."""
    callback = handle._callback
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return f"{task_name(task)} goes on"
    while hasattr(callback, "func"):
        callback = callback.func
    return f"{getattr(callback, '__qualname__', type(callback).__qualname__)} is called"

"""Where in the agent's code each step of a run was made: file, line and the line itself."""

from __future__ import annotations

import linecache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from everyturn.runs.run import Run
from everyturn.source_location import cell_name
from everyturn.world.operations import Operation
from everyturn.world.scope import Scope
from everyturn.world.world import World, begins_with


class SourceLine(NamedTuple):
    """A line of the agent: its file (from its package on), number, function and text; ``path``: the whole path of the
    file."""

    file: str
    line: int
    function: str
    text: str
    path: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def places(run: Run, known: World) -> list[list[SourceLine]]:
    """The place of each operation of each step of a run in the world that is ``known``.

    Each thread's code is resumed once more with the results that it got in the run; what it waits in is read off.
    """
    world = World(Scope.parse(run.scope), type(known.agent), run.granularity)
    numbers = {thread.name: number for number, thread in enumerate(world.threads)}
    threads: dict[str, _Thread] = {}
    found: list[list[SourceLine]] = []
    for step in run.steps:
        here: list[SourceLine] = []
        for made in step.operations:
            if made.thread not in threads:
                thread = threads[made.thread] = _Thread(world, numbers[made.thread])
                while thread.waiting != made.operation:  # its own business before the first scheduling point
                    assert thread.waiting is not None
                    thread.resume(_alone(thread.waiting, world, made.thread))
            thread = threads[made.thread]
            here.append(_place(thread.coroutine))
            thread.resume(made.result)
        found.append(here)
    for thread in threads.values():
        thread.coroutine.close()
    return found


class _Thread:
    """A thread that gets the results of a run."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.coroutine = world.start(number)
        self.waiting: Operation | None = None
        self._begun = False
        self.resume(None)

    def resume(self, result: Any) -> None:
        """Go on with the result of what it waits to do."""
        self._begun = self._begun or (self.waiting is not None and begins_with(self.waiting, result))
        try:
            self.waiting = self.world.resume(self.coroutine, result, begun=self._begun)
        except StopIteration:
            self.waiting = None


def _alone(operation: Operation, world: World, thread: str) -> Any:
    from everyturn.world import objects

    values = dict(zip(objects.COLUMNS, world.initial, strict=True))
    ((result, _),) = objects.apply(operation, tuple(values[name] for name in objects.columns(operation)), thread)
    return result


def _place(coroutine: Any) -> SourceLine:
    """Of the frames that wait for each other, the innermost that is neither the world's nor a port's."""
    innermost: FrameType | None = None
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        frame: FrameType = coroutine.cr_frame
        module = frame.f_globals.get("__name__", "")
        if innermost is None or module not in ("everyturn.world.gate", "everyturn.world.world"):
            innermost = frame
        coroutine = coroutine.cr_await
    assert innermost is not None
    file = Path(innermost.f_code.co_filename)
    depth = len(str(innermost.f_globals.get("__name__", "")).split("."))
    text = linecache.getline(str(file), innermost.f_lineno).strip()
    shown = cell_name(str(file)) or "/".join(file.parts[-depth:])
    return SourceLine(shown, innermost.f_lineno, innermost.f_code.co_name, text.split("  # ")[0], str(file))

"""The loop's own thread waits for what only it could do: a lock of ``threading`` that is held across an await, an
``Event`` or a queue of other threads that is waited for without a time limit.

Such a call ends in one of C, which a timer interrupts now and then. Whether it can ever end is known where its lock is
taken, or its queue is empty, and no other thread has anything to do: then nothing on the loop can go on any more, on
asyncio's own loop neither.
"""

from __future__ import annotations

import ast
import linecache
import queue
import threading
import time
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.runtime.findings import ScenarioFinding
from everyturn.asyncio.runtime.outside import Job
from everyturn.asyncio.runtime.places import user_line
from everyturn.identity.layout import attributes, layout
from everyturn.world.overrun import StepInterrupted

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

LOCK: Final = type(threading.Lock())
_NOTHING: Final = object()
_AT_REST: Final = 0.01
"""So many seconds of processor between two looks are none."""
_OFTEN: Final = 2
"""So many times in a row the thread must have been found where it stood before."""
_processor: Final = time.thread_time  # the program has clocks of its own
_threads: Final = threading.enumerate


class BlockedForEver(BaseException):
    """Ends a run whose loop can never go on. ``finding``: what is said of it."""

    def __init__(self, finding: ScenarioFinding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def _sleeps() -> int:
    """How often this thread has given up the processor by itself, to wait for something."""
    import resource  # which Windows lacks, where no timer looks

    return resource.getrusage(getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)).ru_nvcsw


def was_ended(error: BaseException | None) -> bool:
    """Whether this is what a step was ended by from outside."""
    return isinstance(error, StepInterrupted)


class _Look(NamedTuple):
    """Where the thread was, how long it had reckoned by then, and how often it had gone to sleep by itself: what waits
    in C does so anew after each look, what only gets no processor never. ``often``: for how many looks that has been
    so."""

    frame: int
    instruction: int
    seconds: float
    sleeps: int
    often: int = 0

    def stood_since(self, before: _Look | None) -> bool:
        """Whether the thread has waited at this instruction since the look before."""
        if before is None or before[:2] != self[:2]:
            return False
        return self.seconds - before.seconds <= _AT_REST and self.sleeps > before.sleeps


class Blocking:
    """Looks now and then at what the loop's thread does, where the same step goes on for a while. ``world``: of the
    present run."""

    def __init__(self) -> None:
        self.world: ref[ScenarioWorld] | None = None
        self._before: _Look | None = None

    def __call__(self, frame: FrameType | None) -> BlockedForEver | None:
        """What ends the run, if its thread has stood still since the look before, and can never go on."""
        world = None if self.world is None else self.world()
        if frame is None or world is None:
            return None
        before, now = self._before, _Look(id(frame), frame.f_lasti, _processor(), _sleeps())
        if before is not None and now.stood_since(before):
            now = now._replace(often=before.often + 1)
        self._before = now
        if now.often < _OFTEN:
            return None
        waited = None if Job.here() is not None or _others_have_work(world) else _waited_for(frame)
        if waited is None:
            return None
        world.settled = True  # what the step does when it is ended is none of the run
        sentence = f"{waited} blocks the event loop for ever: only what runs on this loop could end the wait"
        return BlockedForEver(ScenarioFinding("blocked", sentence, user_line(frame)))


def _others_have_work(world: ScenarioWorld) -> bool:
    """Whether another thread may do something meanwhile: functions of executors, and threads that are really there."""
    return any(pool.begun or pool.waiting for pool in world.pools) or len(_threads()) > 1


def _waited_for(frame: FrameType) -> str | None:
    """The lock or queue that the instruction of ``frame`` waits for, in words, if that can never end."""
    asked = _expression(frame.f_code, frame.f_lasti)
    method = "__enter__"
    if isinstance(asked, ast.Call):
        if asked.args or asked.keywords or not isinstance(asked.func, ast.Attribute):
            return None  # with a limit of time, or not to be waited for at all
        method, asked = asked.func.attr, asked.func.value
    found = _NOTHING if asked is None else _value(asked, frame)
    if type(found) is LOCK and method in ("__enter__", "acquire") and found.locked():
        return "a lock of threading that is held"
    if type(found) is queue.SimpleQueue and method == "get" and found.empty():
        return "an empty queue.SimpleQueue"
    return None


def _expression(code: CodeType, instruction: int) -> ast.expr | None:
    """What an instruction evaluates, or enters by ``with``, by its source; of a ``with`` that enters several things it
    is not known which."""
    line, end, column, stop = list(code.co_positions())[instruction // 2]
    if line is None:
        return None
    text = linecache.getline(code.co_filename, line)
    if end == line and column is not None and stop is not None:
        text = text.encode()[column:stop].decode(errors="replace")
    text = text.strip()
    for source in (text, f"{text} pass"):  # the line of a statement whose body follows
        try:
            (statement,) = ast.parse(source).body
        except (SyntaxError, ValueError):
            continue
        if isinstance(statement, ast.With):
            return statement.items[0].context_expr if len(statement.items) == 1 else None
        return statement.value if isinstance(statement, ast.Expr) else None
    return None


def _value(asked: ast.expr, frame: FrameType) -> Any:
    """What a name, or an attribute of one, stands for in a frame; no code of the program is run for it."""
    if isinstance(asked, ast.Name):
        for names in (frame.f_locals, frame.f_globals):
            if asked.id in names:
                return names[asked.id]
    if isinstance(asked, ast.Attribute):
        value = _value(asked.value, frame)
        return dict(attributes(value, layout(type(value)))).get(asked.attr, _NOTHING)
    return _NOTHING

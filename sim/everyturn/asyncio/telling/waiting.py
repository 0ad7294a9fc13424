"""Who waits for whom when nothing can move any more: task → what it waits for → the tasks that could end that."""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.findings import task_name, waits
from everyturn.asyncio.runtime.places import is_users
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.telling.story import is_ours
from everyturn.engines.coroutines.contents import contents
from everyturn.errors import EveryturnError

_PRIMITIVES: Final = (
    asyncio.Lock,
    asyncio.Event,
    asyncio.Condition,
    asyncio.Semaphore,
    asyncio.Queue,
    asyncio.Barrier,
)
_MOST_CIRCLES: Final = 3
_SHOWN_KEYS: Final = (str, int, bytes, bool, type(None))
_DEEPEST: Final = 4
_MOST_LOOKED_AT: Final = 2_000


class WaitingTask(NamedTuple):
    """A task that waits: for ``what``, at which ``place``, and the names of the tasks that it waits ``for_tasks``."""

    name: str
    what: str
    place: str
    for_tasks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} waits for {self.what}" + (f" at {self.place}" if self.place else "")


def waiting_at_rest(scenario: Scenario, setting: Setting, outcome: ScenarioOutcome) -> list[WaitingTask]:
    """The tasks that wait where this run comes to rest first, the main one first (but not that of a session's run,
    which only waits for its clients); none if it does not.

    To be used within :func:`everyturn.asyncio.search.searching.prepared`.
    """
    found: list[list[WaitingTask]] = []

    def watch(kind: str, what: Any) -> None:
        if kind == "rest" and not found:
            found.append(waiting_now([task for task in what.tasks() if not is_ours(task)]))

    run(scenario, ByWords([(each.kind, each.word) for each in outcome.decisions]), setting, watch)
    return found[0] if found else []


def circles(waiting: Sequence[WaitingTask]) -> list[list[str]]:
    """Tasks that wait for each other in a circle, each circle once, from its first task on."""
    onwards = {each.name: each.for_tasks for each in waiting}
    rank = {name: place for place, name in enumerate(onwards)}
    found: list[list[str]] = []
    pending = [[name] for name in reversed(onwards)]
    for _ in range(_MOST_LOOKED_AT):
        if not pending or len(found) == _MOST_CIRCLES:
            break
        way = pending.pop()
        for following in onwards[way[-1]]:
            if following == way[0]:
                found.append(way)
            elif following not in way and rank.get(following, -1) > rank[way[0]]:
                pending.append([*way, following])
    return found


def told(waiting: Sequence[WaitingTask]) -> str:
    """The graph in a sentence; circles are named."""
    said = "; ".join(map(str, waiting))
    for circle in circles(waiting):
        said += f"; in a circle: {' → '.join([*circle, circle[0]])}"
    return said


def waiting_now(tasks: Sequence[asyncio.Task[Any]]) -> list[WaitingTask]:
    """For whom each of these tasks waits now."""
    waiting = [_Waiting(task) for task in tasks]
    names = _Names(waiting)
    return [WaitingTask(task_name(each.task), *_what(each, waiting, names)) for each in waiting]


class _Waiting:
    """A task with the chain of frames in which it waits, and the lock or queue of asyncio's that it waits in."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.chain = list(_chain(task.get_coro()))
        self.waiter: Any = task._fut_waiter  # type: ignore[attr-defined]
        owners = [frame.f_locals.get("self") for _, frame, _ in self.chain if not is_users(frame.f_code.co_filename)]
        self.within = next((each for each in owners if isinstance(each, _PRIMITIVES)), None)

    def holds(self, lock: Any) -> bool:
        """Whether it is inside ``async with lock``, whose exit lies on the value stack meanwhile."""
        for owner, frame, awaited in self.chain:
            try:
                _, stack, _ = contents(owner, frame, awaited)
            except (EveryturnError, KeyError, StopIteration, AssertionError):
                continue
            for each in stack:
                if isinstance(each, types.MethodType) and each.__name__ == "__aexit__":
                    inside = each.__self__
                    if inside is lock or getattr(inside, "_lock", None) is lock:
                        return True
        return False


def _chain(awaitable: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Whatever waits, its frame, and what it awaits; the outermost first."""
    while awaitable is not None:
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "ag_frame", None)
        frame = frame or getattr(awaitable, "gi_frame", None)
        if frame is None:
            return
        awaited = getattr(awaitable, "cr_await", None) or getattr(awaitable, "gi_yieldfrom", None)
        yield awaitable, frame, awaited or getattr(awaitable, "ag_await", None)
        awaitable = awaited


def _what(one: _Waiting, every: Sequence[_Waiting], names: _Names) -> tuple[str, str, tuple[str, ...]]:
    """What a task waits for, where, and for which tasks."""
    place = waits(one.task)
    if one.within is not None:
        return _primitive(one, every, names, place)
    parts = [each for each in _parts(one) if not each.done()]
    tasks = tuple(task_name(each) for each in parts if isinstance(each, asyncio.Task))
    others = [each for each in parts if not isinstance(each, asyncio.Task)]
    said = [*tasks, *(_future(each, names) for each in others)]
    return " and ".join(said) or "nothing", place, tasks


def _primitive(one: _Waiting, every: Sequence[_Waiting], names: _Names, place: str) -> tuple[str, str, tuple[str, ...]]:
    within = one.within
    holders = tuple(
        task_name(each.task) for each in every if each is not one and each.within is not within and each.holds(within)
    )
    name = names.of(within)
    called = f"{type(within).__name__} {name}".rstrip()
    functions = {frame.f_code.co_name for _, frame, _ in one.chain}
    does = next((each for what, each in _OF_QUEUES.items() if what in functions), "")
    does = does if isinstance(within, asyncio.Queue) else ""
    held = f", which {' and '.join(holders)} holds" if holders else ""
    return f"{does}{called}{held}", place, holders


_OF_QUEUES: Final = {"get": "an item of ", "put": "room in ", "join": "task_done of every item of "}


def _parts(one: _Waiting) -> list[Any]:
    """The futures that a task waits for: those that are gathered, shielded, or in a set."""
    waiter = one.waiter
    if waiter is None:
        return []
    for _, frame, _ in one.chain:
        if frame.f_code.co_name == "_wait" and not is_users(frame.f_code.co_filename):
            return list(frame.f_locals.get("fs", ()))
        group = frame.f_locals.get("self")
        if isinstance(group, asyncio.TaskGroup) and not is_users(frame.f_code.co_filename):
            return sorted(group._tasks, key=task_name)
    return _inside(waiter)


def _inside(future: Any) -> list[Any]:
    children = getattr(future, "_children", None)
    if children:
        return [inner for each in children for inner in _inside(each)]
    for callback, _ in future._callbacks or ():
        for cell in getattr(callback, "__closure__", None) or ():
            if "shield" in callback.__qualname__ and isinstance(cell.cell_contents, asyncio.Future):
                inner = cell.cell_contents
                if inner is not future:
                    return [inner]
    return [future]


def _future(future: Any, names: _Names) -> str:
    name = names.of(future)
    return f"future {name}" if name else "a future that no waiting task can reach"


class _Names:
    """What the program calls the objects that its waiting tasks can reach: a variable and a path from it."""

    def __init__(self, waiting: Sequence[_Waiting]) -> None:
        self._found: dict[int, str] = {}
        pending: deque[tuple[str, Any, int]] = deque()
        for each in waiting:
            for _, frame, _ in each.chain:
                if is_users(frame.f_code.co_filename):
                    pending += [(name, value, 0) for name, value in frame.f_locals.items()]
        for _ in range(_MOST_LOOKED_AT):
            if not pending:
                break
            name, value, depth = pending.popleft()
            if id(value) in self._found or isinstance(value, str | bytes | int | float | type | types.ModuleType):
                continue
            self._found[id(value)] = name
            if depth < _DEEPEST:
                pending += [(each, inner, depth + 1) for each, inner in _inner(name, value)]

    def of(self, value: Any) -> str:
        """The name of ``value``, or nothing."""
        return self._found.get(id(value), "")


def _inner(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{name}[{key!r:.20}]" if isinstance(key, _SHOWN_KEYS) else f"{name}[…]", each
    elif isinstance(value, list | tuple | deque):
        yield from ((f"{name}[{place}]", each) for place, each in enumerate(value))
    elif isinstance(value, types.FunctionType):
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=False)
        yield from ((free, cell.cell_contents) for free, cell in cells if _is_filled(cell))
    elif isinstance(value, types.MethodType):
        yield name.rpartition(".")[0] or name, value.__self__
    elif type(value).__module__.partition(".")[0] not in ("asyncio", "everyturn", "_asyncio"):
        yield from ((f"{name}.{each}", inner) for each, inner in _attributes(value).items())


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes that an object has itself; nothing of the program's is called for them."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False

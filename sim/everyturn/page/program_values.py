"""What a program's waiting tasks hold, as trees: their variables, and the objects of the program's own classes.

Nothing of the program's is called for it, and nothing is held on to: what is looked at must not change the run.
"""

from __future__ import annotations

import asyncio
import types
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from everyturn.asyncio.runtime.findings import task_name
from everyturn.asyncio.runtime.places import is_users
from everyturn.engines.coroutines.contents import contents
from everyturn.errors import EveryturnError
from everyturn.reports.value_trees import Tree, plain

DEEPEST: Final = 4
MOST_PARTS: Final = 40
"""So many elements of a list or attributes of an object are shown at most."""
LONGEST: Final = 120
"""So many characters of a text are shown at most."""


def chain(task: asyncio.Task[Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Each coroutine in which a task waits, its frame, and what it awaits; the outermost first."""
    awaitable: Any = task.get_coro()
    while awaitable is not None and not getattr(awaitable, "cr_running", False):
        frame = getattr(awaitable, "cr_frame", None) or getattr(awaitable, "ag_frame", None)
        if frame is None:
            return
        awaited = getattr(awaitable, "cr_await", None) or getattr(awaitable, "ag_await", None)
        yield awaitable, frame, awaited
        awaitable = awaited


def variables(task: asyncio.Task[Any]) -> Iterator[tuple[str, str, Any]]:
    """Function, name and value of each variable in the program's own frames of a task that waits."""
    for awaitable, frame, awaited in chain(task):
        if not is_users(frame.f_code.co_filename):
            continue
        try:
            named = contents(awaitable, frame, awaited).named
        except (EveryturnError, KeyError, StopIteration, AssertionError):  # nobody can say what is in it
            continue
        for name, value in named:
            inner = _of_cell(value) if isinstance(value, types.CellType) else value
            if not isinstance(inner, types.CellType):
                yield frame.f_code.co_name, name, inner


def _of_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return cell


def is_programs(value: object) -> bool:
    """Whether a value is an object of one of the program's own classes."""
    module = type(value).__module__.partition(".")[0]
    if module in ("builtins", "asyncio", "_asyncio", "everyturn", "typing", "functools", "collections"):
        return False
    init = getattr(type(value), "__init__", None)
    code = getattr(init, "__code__", None)
    return code is None or is_users(code.co_filename) or code.co_filename == "<string>"


class ObjectNames:
    """What the objects of a program's own classes are called: as the variable in which each was seen first."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[str, Any]] = {}
        self._taken: set[str] = set()

    def name(self, value: Any, wished: str) -> str:
        """The name of an object, from now on."""
        known = self._names.get(id(value))
        if known is not None and known[1]() is value:
            return known[0]
        stem = type(value).__name__ if wished == "self" else wished
        name, number = stem, 2
        while name in self._taken:
            name, number = f"{stem}{number}", number + 1
        try:
            self._names[id(value)] = name, weakref.ref(value)
        except TypeError:  # it allows no weak references, and may not be held on to
            return stem
        self._taken.add(name)
        return name

    def known(self, value: Any) -> str | None:
        """The name that an object has already, if it has one."""
        known = self._names.get(id(value))
        return known[0] if known is not None and known[1]() is value else None


def program_tree(value: Any, names: ObjectNames, depth: int = 0) -> Tree:
    """A value of a program as a tree. Objects that have a name are their name inside of others."""
    known = names.known(value)
    if known is not None and depth:
        return f"→ {known}"
    if value is None or type(value) is bool:
        return value
    if type(value) in (int, str):
        return plain(value if type(value) is int else value[:LONGEST])
    if type(value) is float:
        return repr(value)
    if type(value) is bytes:
        return repr(value[:LONGEST])
    if _is(value, asyncio.Task):
        return f"task {task_name(value)}{' (done)' if value.done() else ''}"
    if _is(value, asyncio.Future):
        return _future(value, names, depth)
    if _is(value, types.FunctionType, types.MethodType, types.CoroutineType):
        return f"function {value.__qualname__}"
    if depth >= DEEPEST:
        return f"a {type(value).__qualname__}"
    return _of_parts(value, names, depth)


def _future(future: asyncio.Future[Any], names: ObjectNames, depth: int) -> Tree:
    if not future.done():
        return "future, not done"
    if future.cancelled():
        return "future, cancelled"
    error = future._exception
    if error is not None:
        return f"future, failed with {type(error).__name__}"
    return {"$": "future", "result": program_tree(future._result, names, depth + 1)}  # type: ignore[attr-defined]


def _of_parts(value: Any, names: ObjectNames, depth: int) -> Tree:
    if type(value) in (list, tuple, deque):
        return [program_tree(each, names, depth + 1) for each in list(value)[:MOST_PARTS]]
    if type(value) in (set, frozenset):
        return sorted((program_tree(each, names, depth + 1) for each in list(value)[:MOST_PARTS]), key=repr)
    if _is(value, dict):
        items = list(dict.items(value))[:MOST_PARTS]
        return {str(program_tree(key, names, DEEPEST)): program_tree(each, names, depth + 1) for key, each in items}
    parts = _attributes(value)
    if not parts or type(value).__module__.partition(".")[0] == "everyturn":
        return f"a {type(value).__qualname__}"
    shown = list(parts.items())[:MOST_PARTS]
    return {
        "$": type(value).__name__,
        **{name: program_tree(each, names, depth + 1) for name, each in shown if name not in _INNER},
    }


_INNER: Final = frozenset({"_loop", "_mixins_loop", "_source_traceback", "_log_traceback"})
"""Attributes of asyncio's own that tell nobody anything."""


def _attributes(value: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        found = None
    slots = [name for kind in type(value).__mro__ for name in _slots(kind)]
    parts = {name: object.__getattribute__(value, name) for name in slots if _has(value, name)}
    return {**parts, **(found if type(found) is dict else {})}


def _slots(kind: type) -> Iterator[str]:
    found = kind.__dict__.get("__slots__", ())
    for name in (found,) if isinstance(found, str) else found:
        if isinstance(kind.__dict__.get(name), types.MemberDescriptorType):
            yield name


def _has(value: Any, name: str) -> bool:
    try:
        object.__getattribute__(value, name)
    except AttributeError:
        return False
    return True


def _is(value: Any, *kinds: type) -> bool:
    """Whether a value is of one of these classes; what it says of its class itself is not asked."""
    return issubclass(type(value), kinds)

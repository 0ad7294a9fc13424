"""What is in the frame of a suspended coroutine: its variables, its value stack, the exception that it handles.

Read from what the garbage collector visits, which is in this order: the frame's own parts, up to its code; the
variables; the stack; the exception. Empty places are passed over, so :mod:`~everyturn.identity.bytecode` has to say
which are filled. Where it cannot, the frame's ``f_locals`` can; but not while a comprehension runs that was compiled
into its function: they say the wrong thing then, and Python 3.13.0 crashes.
"""

from __future__ import annotations

import gc
from types import AsyncGeneratorType, CodeType, FrameType
from typing import Any, NamedTuple

from everyturn.errors import UnsupportedLocal
from everyturn.identity.bytecode import Filled, Suspended, slot_names, suspensions
from everyturn.source_location import place_of


class Contents(NamedTuple):
    """``named``: variables that are bound, in the order of their slots; one that is shared with a nested function is a
    cell."""

    named: tuple[tuple[str, Any], ...]
    stack: tuple[Any, ...]
    handled: BaseException | None


def contents(coroutine: Any, frame: FrameType, awaited: object) -> Contents:
    """What is in the frame of ``coroutine``, which waits for ``awaited``. Raises :class:`UnsupportedLocal` where nobody
    can say."""
    code = frame.f_code
    place = suspensions(code)[frame.f_lasti]
    visited = _visited(coroutine, code)
    length = len(visited)
    if awaited is not None and visited[-1] is not awaited:
        length = next(number for number in range(length - 1, -1, -1) if visited[number] is awaited) + 1
    names = place.bound if place.doubtful == 0 else _bound(frame, place, length, awaited)
    if awaited is None:
        length = min(length, len(names) + sum(item.filled is not Filled.NO for item in place.stack))
    handled = next((each for each in visited[length:] if each is not None), None) if length < len(visited) else None
    return Contents(tuple(zip(names, visited)), tuple(visited[len(names) : length]), handled)


def _visited(coroutine: Any, code: CodeType) -> list[Any]:
    """What comes after the frame's code; the first thing of all may be the code once more, as the coroutine's own. An
    async generator may have what finishes it before that."""
    referents = gc.get_referents(coroutine)
    place = 2 if isinstance(coroutine, AsyncGeneratorType) and referents[0] is not code else 1
    while referents[place] is not code:
        place += 1
    return referents[place + 1 :]


def _bound(frame: FrameType, place: Suspended, visited: int, awaited: object) -> tuple[str, ...]:
    """The variables that are bound where some may or may not be: if all places that may or may not be filled are, or
    none is, that says it; else ``f_locals``."""
    present = visited - place.filled
    if awaited is not None and present == 0:
        return place.bound
    names = slot_names(frame.f_code)
    if awaited is not None and present == place.doubtful:
        return tuple(name for name, each in zip(names, place.slots, strict=True) if each is not Filled.NO)
    saved = any(item.saved and item.filled is Filled.MAYBE for item in place.stack)
    if place.puts_away and (saved or Filled.MAYBE in place.slots):
        raise UnsupportedLocal(
            f"{place_of(frame)}: a comprehension with an await in it, in {frame.f_code.co_qualname}, whose variables "
            f"are used "
            "elsewhere in the function and may be unbound there: expected a loop in its place, or other names in it"
        )
    if Filled.MAYBE not in place.slots:
        return place.bound
    bound = frame.f_locals
    return tuple(name for name in names if name in bound)

"""Tasks that only the event loop knows: it holds them weakly, so the garbage collector may take them while they wait.

What is garbage is found as CPython's collector finds it (``subtract_refs`` in ``Modules/gcmodule.c``): an object that
has no more references than other objects of this run hold, and that nothing reaches which has. But nothing is taken.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.runtime.outside import Answer

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

_BESIDES: Final = 3
"""References to an object that come of counting them: the list of objects, a variable, and an argument."""


def unheld(world: ScenarioWorld) -> list[str]:
    """Names of the tasks that wait and that nobody holds. To be asked where no code of the program is running."""
    if not _may_be_unheld(world):
        return []
    lost = _garbage()
    return [_name(task) for task in world.tasks() if id(task) in lost] if lost else []


def _name(task: asyncio.Task[Any]) -> str:
    from everyturn.asyncio.runtime.findings import task_name

    return task_name(task)


def _may_be_unheld(world: ScenarioWorld) -> bool:
    """Whether some task is not to be seen from what the world and the main task hold. Cheap, and never wrongly no.

    Only what this run has made is looked into: what was there before it may hold a task, which then counts as missed.
    """
    missed = {id(task) for task in world.tasks()} - {id(world.main), id(world.ending)}
    if world.onlooker is not None:
        missed -= {id(task) for task in world.onlooker.open.values()}
    if missed:
        missed -= _plainly_held(world)
    if not missed:
        return False
    roots = _roots(world)
    known = {id(root): root for root in roots}
    missed = {task for task in missed if not _leads_on(known, world.held_by.get(task))}
    return bool(missed) and _is_missed(world, roots, missed)


def _roots(world: ScenarioWorld) -> list[Any]:
    """What holds whatever is held."""
    watched = [handle for key in world.network.watched.values() for handle in key.data if handle is not None]
    handles = [*world.loop._ready, *world.progress.arrived, *watched]
    return [
        *(world.onlooker, world.main),
        *(answer.future for answer in world.answers),
        *(part for timer in world.loop._scheduled for part in timer._args or ()),  # type: ignore[attr-defined]
        *(part for handle in handles for part in (handle._callback, handle._args)),
    ]


def _leads_on(found: dict[int, Any], way: tuple[int, ...] | None) -> bool:
    """Whether a way, by addresses, on which a task was met before leads on from one object to the next still."""
    if way is None or way[0] not in found:
        return False
    each = found[way[0]]
    for address in way[1:]:
        for part in gc.get_referents(each):
            if id(part) == address:
                each = part
                break
        else:
            return False
    return True


def _is_missed(world: ScenarioWorld, roots: list[Any], missed: set[int]) -> bool:
    """Whether one of these tasks is not met from the roots; of each that is the way is remembered."""
    unmet = set(map(id, gc.get_objects())) - {id(world), id(world.loop), id(world.clock)}
    before = dict.fromkeys(map(id, roots), 0)
    pending = deque(roots)
    while pending and missed:
        each = pending.popleft()
        if id(each) in missed:
            missed.discard(id(each))
            world.held_by[id(each)] = _way(before, id(each))
        for part in gc.get_referents(each):
            if id(part) in unmet:
                unmet.discard(id(part))
                before.setdefault(id(part), id(each))
                pending.append(part)
    return bool(missed)


def _way(before: dict[int, int], address: int) -> tuple[int, ...]:
    way = [address]
    while address := before[address]:
        way.append(address)
    return tuple(reversed(way))


def _plainly_held(world: ScenarioWorld) -> set[int]:
    """The tasks that wait for an answer of the world, or that the loop is to run: most of all tasks, at little cost."""
    handles = [*world.loop._ready, *world.progress.arrived]
    owners = [getattr(handle._callback, "__self__", None) for handle in handles]
    answers = [*world.answers, *(each for each in owners if isinstance(each, Answer))]
    waiting = [
        callback for answer in answers if answer.future is not None for callback, _ in answer.future._callbacks or ()
    ]
    return {id(each) for each in (*owners, *(getattr(callback, "__self__", None) for callback in waiting))}


def _garbage() -> set[int]:
    """The addresses of what a collection would take now, of all that was made since the last ``gc.freeze``."""
    objects = gc.get_objects()
    outside: dict[int, int] = {}
    for each in objects:
        outside[id(each)] = sys.getrefcount(each) - _BESIDES
    for each in objects:
        for part in gc.get_referents(each):
            if id(part) in outside:
                outside[id(part)] -= 1
    held = [each for each in objects if outside[id(each)] > 0]
    lost = outside.keys() - set(map(id, held))
    while held:
        for part in gc.get_referents(held.pop()):
            if id(part) in lost:
                lost.discard(id(part))
                held.append(part)
    return lost

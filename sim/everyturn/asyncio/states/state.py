"""The state of a run at a moment when the world decides: everything that can matter later, as one value.

Equal states have equal futures; a state with something in it that cannot be known is equal to no other. Not counted: an
exception's traceback, automatic names of tasks, and what the standard library keeps for itself in its modules, but for
the state of its randomness.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.settings import CALLED
from everyturn.asyncio.states import (  # noqa: F401 - they register what they know
    built_in_kinds,
    encryption_kinds,
    frames,
    iterator_kinds,
    library_kinds,
    loop_kinds,
    memory_kinds,
)
from everyturn.asyncio.states.encoding import StateEncoder, known
from everyturn.asyncio.states.unknown import UnknownValue
from everyturn.world import overrun

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

__all__ = ["UnknownValue", "encode", "known"]

NOTES: Final = ("logged", "timing")
"""What a world keeps for whoever reads about a run: a part of its state where code of the program reads it."""


def encode(world: ScenarioWorld) -> tuple[Hashable, ...]:
    """The state of the world now. Raises :class:`UnknownValue` if something in it cannot be known."""
    with overrun.unwatched():
        try:
            return _encoded(world)
        except RecursionError:
            raise UnknownValue(RecursionError).within("what is nested more deeply than calls may be") from None


def _encoded(world: ScenarioWorld) -> tuple[Hashable, ...]:
    encoder = StateEncoder(world)
    loop: Any = world.loop
    encoder.part("ready", list(loop._ready), loop._ready.left)
    encoder.part("arrived", world.progress.arrived, world.progress.kept)
    encoder.part("timers", loop._scheduled, loop._timer_cancelled_count)
    encoder.part("network", world.network.state(), sorted(loop._transports.items()))
    encoder.part("answers", [_answer(each) for each in world.answers])
    encoder.part("orphans", [_answer(each) for each in world.orphans])
    encoder.part("pools", [(executor, _pool(pool)) for executor, pool in world.executors()])
    encoder.part("idle", [(world.pools.index(pool), future) for pool, future in world._idle])
    encoder.part("loop", loop.get_task_factory(), loop._stopping, loop._exception_handler, loop._signals)
    encoder.part("default executor", loop._default_executor)
    encoder.part("how the loop is set", loop._debug, loop.slow_callback_duration, _hung_on(loop, loop.own))
    encoder.part("shut down", loop._asyncgens_shutdown_called, loop._executor_shutdown_called)
    encoder.part("main", world.main, world.phase, world.numbers.left, world.clock.fine, world.clock.looks)
    encoder.part("randomness", hash(world.random.getstate()), hash(random.getstate()))
    encoder.part("world", _hung_on(world, world.own), _hung_on(world.network, world.network.own))
    encoder.part("orders", _known_orders(encoder, world))
    encoder.part("nobody's tasks", [task for task in world.tasks() if id(task) not in encoder.numbers])
    encoder.part("left", FIRST.left())
    library_kinds.surroundings(encoder)
    library_kinds.files(encoder)
    encoder.part("set", CALLED.calls)
    library_kinds.loggers(encoder)
    library_kinds.finalizers(encoder)
    library_kinds.garbage(encoder)
    library_kinds.set_by_name(encoder)
    encoder.part("notes", [(name, getattr(world, name)) for name in NOTES if name in encoder.mentioned])
    encoder.finish()
    bounds = world.clock.bounds(encoder.instants)
    return (*encoder.out, ("bounds", bounds))


def _hung_on(value: Any, own: frozenset[str]) -> dict[str, Any]:
    """What the program has hung on an object of ours."""
    return {name: each for name, each in vars(value).items() if name not in own}


def _answer(answer: Any) -> tuple[Any, ...]:
    return (
        answer.name,
        answer.future,
        answer.result,
        answer.errors,
        answer.effect,
        answer.until,
        answer.budget,
        answer.happened,
    )


def _pool(pool: Any) -> tuple[Any, ...]:
    kept = [[(local, held) for local, held in each.values() if held] for each in pool.threads]
    return ([_job(each) for each in pool.begun], [_job(each) for each in pool.waiting], pool.workers, kept)


def _job(job: Any) -> tuple[Any, ...]:
    return (job.name, job.call, job.ran, job.place, job.future, job.until, job._value, job._error)


def _known_orders(encoder: StateEncoder, world: ScenarioWorld) -> list[tuple[int, int]]:
    """Which of the objects of this state are known to come before which in sets."""
    numbers = encoder.numbers
    pairs = [(numbers.get(id(one)), numbers.get(id(other))) for one, other in world.orders.known()]
    return sorted((one, other) for one, other in pairs if one is not None and other is not None)

"""``asyncio.Future()`` and ``asyncio.Task(…)``: what a program makes by calling these classes, and not by its loop.

Stand-ins take the places of both while a program is explored. Called where the loop is one that is explored, they ask
it; else, and for everything but a call, they are the real classes. It is the loop that gives a task or future its place
in sets.
"""

from __future__ import annotations

import asyncio
import asyncio.futures
import asyncio.tasks
from abc import ABCMeta
from asyncio import events
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

# what follows is the same for every run

EAGER_FACTORY: Final[Any] = getattr(asyncio, "eager_task_factory", None)
"""From Python 3.12 on."""


class StandsFor(type):
    """The class of a stand-in: what is asked of it as a class is asked of the ``real`` one. Classes that a program
    derives from it are its own."""

    real: type

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.real) if "real" in cls.__dict__ else super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real) if "real" in cls.__dict__ else super().__subclasscheck__(subclass)

    def __eq__(cls, other: object) -> bool:
        return other is cls or ("real" in cls.__dict__ and other is cls.real)

    def __hash__(cls) -> int:
        return hash(cls.real) if "real" in cls.__dict__ else super().__hash__()


class CalledClass(StandsFor, ABCMeta):
    """The class of a stand-in that asks the loop where it is called."""

    def __call__(cls, *args: Any, **options: Any) -> Any:
        if "real" not in cls.__dict__:
            return super().__call__(*args, **options)
        loop = options.get("loop") or events._get_running_loop()
        make = getattr(loop, "called", None)
        return cls.real(*args, **options) if make is None else make(cls.real, args, options)


_OF_ASYNCIO: Final[list[tuple[type, tuple[ModuleType, ...]]]] = [
    (vars(asyncio.Future).get("real", asyncio.Future), (asyncio, asyncio.futures)),
    (vars(asyncio.Task).get("real", asyncio.Task), (asyncio, asyncio.tasks)),
]
"""Classes that are called, and the modules that have them by name: the real ones, also where a script has put stand-ins
into their places before a program imports this."""


def registering(original: Callable[[Any], None]) -> Callable[[Any], None]:
    """What asyncio does with each new task, whoever made it and of which class: its loop is told, too."""

    def add(task: Any) -> None:
        original(task)
        told = getattr(task.get_loop(), "registers", None)
        if told is not None:
            told(task)

    return add


def called_classes() -> list[tuple[ModuleType, str, Any]]:
    """Module, name of a class, and what takes its place there; so for the factory of eager tasks."""
    found: list[tuple[ModuleType, str, Any]] = []
    for real, owners in _OF_ASYNCIO:
        said = {"real": real, "__module__": real.__module__, "__qualname__": real.__qualname__, "__doc__": real.__doc__}
        instead = CalledClass(real.__name__, (real,), said)
        found += [(owner, real.__name__, instead) for owner in owners]
        if owners[1] is asyncio.tasks and hasattr(asyncio, "create_eager_task_factory"):
            eager = asyncio.create_eager_task_factory(instead)
            found += [(owner, "eager_task_factory", eager) for owner in owners]
    return found

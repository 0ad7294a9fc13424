"""Things with a state that is hidden in code and its surroundings: how each is made in two ways, and what is seen of it
later."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import enum
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Final

variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
number = 0
_PLUGIN: Final = compile("def make():\n    def get():\n        return number\n    return get\n", "plugin.py", "exec")
PLUGINS: Final[list[dict[str, Any]]] = [{"number": 0}, {"number": 1}]
for _namespace in PLUGINS:
    exec(_PLUGIN, _namespace)


class Desk:
    """Only its methods read and write a global."""

    def enter(self, way: int) -> None:
        """Write it."""
        global number  # noqa: PLW0603 # that is what it is about
        number = way

    def look(self) -> int:
        """Read it."""
        return number


class Replaced:
    """Its methods are others later."""

    hook: Any = None

    def method(self) -> int:
        """What is replaced."""
        return 2

    @property
    def shown(self) -> int:
        """What is replaced, too."""
        return 2

    def keeps(self, kept: list[int] = [0]) -> int:  # noqa: B006 # that is what it is about
        """A default that changes."""
        return kept[0]


class Colour(enum.Enum):
    """A member with a value that changes."""

    RED = enum.auto()
    QUEUE = [0]  # noqa: RUF012 # that is what it is about


class OwnFuture(asyncio.Future[int]):
    """One of a program's own."""


class OncePerClass(type):
    """Keeps one object of each class: only its own methods, and what is called through a class, lead there."""

    kept: ClassVar[dict[type, Any]] = {}

    def __call__(cls, *arguments: int) -> Any:
        if cls not in cls.kept:
            cls.kept[cls] = super().__call__(*arguments)
        return cls.kept[cls]


class Settings(metaclass=OncePerClass):
    """There is one."""

    def __init__(self, way: int = 0) -> None:
        self.way = way


class Keeping(property):
    """A property that keeps something itself."""

    kept: Any = None


class HasKeeping:
    """Its attribute is found on the property."""

    @Keeping
    def shown(self) -> Any:
        """What the property keeps."""
        return type(self).__dict__["shown"].kept


class Plugin:
    """Others are derived from it while the program runs."""


def _settings(way: int) -> None:
    Settings.kept.clear()
    Settings(way)


def _derived(way: int) -> None:
    """Nobody holds the class; it is there until the collector comes."""
    if way:
        type("Derived", (Plugin,), {})


def _shows(way: int) -> None:
    vars(HasKeeping)["shown"].kept = way


async def _ended() -> None:
    """Does nothing."""


def _renamed(way: int) -> Any:
    task = asyncio.create_task(_ended())
    task.set_name(f"Task-{70 + way}")
    return task


def _name(task: Any) -> str:
    return str(task.get_name())


def _desk(way: int) -> Desk:
    desk = Desk()
    desk.enter(way)
    return desk


def _replaced(name: str, made: Callable[[int], Any]) -> Callable[[int], Replaced]:
    def make(way: int) -> Replaced:
        setattr(Replaced, name, made(way))
        return Replaced()

    return make


def _keeps(way: int) -> Replaced:
    kept: Any = Replaced.keeps.__defaults__
    kept[0][0] = way
    return Replaced()


def _hanging(value: Any, name: str, way: object) -> Any:
    setattr(value, name, way)
    return value


def _member(way: int) -> Colour:
    Colour.QUEUE.value[0] = way
    return Colour.QUEUE


def _future(kind: Callable[[], Any], name: str) -> tuple[Callable[[int], Any], Callable[[Any], Any]]:
    return (lambda way: _hanging(kind(), name, way)), lambda future: getattr(future, name)


def _loops() -> Any:
    return asyncio.get_running_loop().create_future()


def _token(way: int) -> Any:
    token = variable.set(1)
    if way:
        variable.reset(token)
        variable.set(1)
    return token


def _reset(token: Any) -> str:
    try:
        variable.reset(token)
    except RuntimeError:
        return "was used"
    return "is used"


def _plugins(way: int) -> list[Any]:
    return [plugin["make"]() for plugin in (*PLUGINS, PLUGINS[way])]


def _function() -> Any:
    return lambda: None


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "a global that only methods read": (_desk, lambda desk: desk.look()),
    "a method": (_replaced("method", lambda way: (lambda self: 0, lambda self: 1)[way]), lambda it: it.method()),
    "a method's closure": (_replaced("method", lambda way: lambda self: way), lambda it: it.method()),
    "a static method": (_replaced("hook", lambda way: staticmethod(lambda: way)), lambda it: it.hook()),
    "a property": (_replaced("shown", lambda way: property(lambda self: way)), lambda it: it.shown),
    "a cached property's function": (
        _replaced("hook", lambda way: functools.cached_property(lambda self: way)),
        lambda it: type(it).__dict__["hook"].func(it),
    ),
    "a method's default": (_keeps, lambda it: it.keeps()),
    "a member's value": (_member, lambda member: member.value[0]),
    "a member's attribute": (lambda way: _hanging(Colour.RED, "seen", way), lambda member: member.seen),
    "a future's attribute": _future(_loops, "seen"),
    "a future's label": _future(_loops, "label"),
    "the number of a future": _future(_loops, "number"),
    "a task's attribute": _future(asyncio.current_task, "seen"),
    "the label of one's own future": _future(OwnFuture, "label"),
    "an attribute of a thread's future": _future(concurrent.futures.Future, "seen"),
    "a variable's default": (lambda way: contextvars.ContextVar("own", default=way), lambda own: own.get()),
    "whether a token was used": (_token, _reset),
    "whose globals": (_plugins, lambda functions: functions[2]()),
    "a function's name": (lambda way: _hanging(_function(), "__name__", str(way)), lambda it: it.__name__),
    "what a metaclass keeps": (_settings, lambda _: Settings().way),
    "what a property keeps": (_shows, lambda _: HasKeeping().shown),
    "which classes are derived from one": (_derived, lambda _: len(Plugin.__subclasses__())),
    "what is said of a class made late": (lambda way: type("Late", (), {"__doc__": str(way)}), lambda it: it.__doc__),
    "the module of a class made late": (
        lambda way: type("Late", (), {"__module__": f"m{way}"}),
        lambda it: it.__module__,
    ),
    "a task's name like an automatic one": (
        lambda way: asyncio.create_task(_ended(), name=f"Task-{70 + way}"),
        _name,
    ),
    "a task's new name like an automatic one": (_renamed, _name),
    "what is said of a function": (lambda way: _hanging(_function(), "__doc__", str(way)), lambda it: it.__doc__),
}
"""What differs → how it is made (of 0 or 1), and what is seen of it later."""

"""What imports leave in modules: iterators, files and results that are there before the first run, and go on."""

from __future__ import annotations

import abc
import array
import contextlib
import contextvars
import functools
import io
import itertools
import logging
import queue
import sys
import threading
import types
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

CYCLE = itertools.cycle("abc")
LINES = iter(["a", "b", "c"])
PAST_ONE = iter(range(9))
next(PAST_ONE)
NUMBERED = enumerate(iter("abc"), start=1)
TWICE = zip(LINES, map(str.upper, LINES), strict=False)
EXPRESSION = (f"id{number}" for number in range(9))
ARRAY = array.array("i", [7])
BUFFER = bytearray(2)
VIEW = memoryview(BUFFER)
TEXT = io.StringIO("ab")
BYTES = io.BytesIO(b"ab")
TEXT.read(1)
STATE = types.SimpleNamespace(used=0)
BY_NAME: defaultdict[str, int] = defaultdict(itertools.count().__next__)
new_id = functools.partial(next, itertools.count(5))


def numbers(first: int, *more: int, step: int, **named: int) -> Iterator[int]:
    while True:
        yield first + sum(more) + len(named)
        first += step


NUMBERS = numbers(1, 2, 3, step=2, x=0)


def by_default(_counter: Iterator[int] = itertools.count(3)) -> int:  # noqa: B008 # that is what is tried
    return next(_counter)


@functools.cache
def session_of(name: str) -> list[str]:
    return [name]


@functools.lru_cache(maxsize=8)
def limited(number: Any, *, more: int = 0) -> list[Any]:
    return [number, more]


@functools.lru_cache(maxsize=8, typed=True)
def typed(number: Any, *, more: int = 0) -> list[Any]:
    return [number, more]


class Part:
    @functools.lru_cache(maxsize=8)  # noqa: B019 # that is what is tried
    def part(self, number: int) -> list[int]:
        return [number]


PART = Part()
MADE = session_of("a"), limited(1), limited((1, 2), more=3), typed(1), typed(1.0, more=2), PART.part(0)


def results() -> Any:
    """What was there is there again, and unchanged; what this run adds is new."""
    again = session_of("a"), limited(1), limited((1, 2), more=3), typed(1), typed(1.0, more=2), PART.part(0)
    known = [one is other for one, other in zip(MADE, again, strict=True)]
    new = [session_of("b"), limited(2), typed(True, more=1), PART.part(1), session_of("a")]
    for each in new:
        each.append("x")
    return known, [len(each) for each in new]


class Counting(logging.Handler):
    """Keeps in an attribute how many records there were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.seen += 1


LOGGER, HANDLER = logging.getLogger(__name__), Counting()
LOGGER.addHandler(HANDLER)
LOGGER.propagate = False


def logged() -> int:
    LOGGER.error("x")
    return HANDLER.seen


@functools.singledispatch
def shown(value: object) -> str:
    return "anything"


def dispatched() -> str:
    before = shown(1)
    shown.register(int, lambda value: "a number")
    return before


def loaded() -> int:
    module: Any = sys.modules.setdefault("made_by_hand", types.ModuleType("made_by_hand"))
    module.used = getattr(module, "used", 0) + 1
    return int(module.used)


def written() -> str:
    TEXT.write("x")
    return TEXT.getvalue()


def used() -> int:
    STATE.used += 1
    return int(STATE.used)


def added() -> list[int]:
    ARRAY.append(8)
    return list(ARRAY)


def seen_in_a_buffer() -> int:
    VIEW[1] += 1
    return BUFFER[1]


VARIABLE: contextvars.ContextVar[list[str]] = contextvars.ContextVar("VARIABLE")
VARIABLE.set([])
BY_ITSELF: contextvars.ContextVar[list[str]] = contextvars.ContextVar("BY_ITSELF", default=[])  # noqa: B039


def in_a_context() -> tuple[int, int]:
    VARIABLE.get().append("x")
    BY_ITSELF.get().append("x")
    return len(VARIABLE.get()), len(BY_ITSELF.get())


GROUPS = itertools.groupby("aabb")
LOCK, REENTRANT, QUEUE = threading.Lock(), threading.RLock(), queue.SimpleQueue[str]()
QUEUE.put("a")
PROXY = types.MappingProxyType({"rows": list[str]()})
FAILURE = ValueError("x")


async def ticks() -> AsyncIterator[int]:
    for number in range(9):
        yield number


TICKS = ticks()


class Abstract(abc.ABC):  # noqa: B024 # classes are registered with it
    pass


class Registered: ...


def ticked() -> int:
    try:
        anext(TICKS).__await__().send(None)
    except StopIteration as end:
        return int(end.value)
    raise AssertionError


def locked() -> list[bool]:
    return [LOCK.acquire(blocking=False), LOCK.acquire(blocking=False)]


def held_already() -> bool:
    held = "count=0" not in repr(REENTRANT)
    REENTRANT.acquire()
    return held


def queued() -> tuple[str, int]:
    QUEUE.put("b")
    QUEUE.put("c")
    return QUEUE.get(), QUEUE.qsize()


def shown_by_a_proxy() -> int:
    PROXY["rows"].append("x")
    return len(PROXY["rows"])


def failed() -> tuple[int, bool]:
    before = FAILURE.__traceback__ is None
    FAILURE.add_note("x")
    with contextlib.suppress(ValueError):
        raise FAILURE
    return len(FAILURE.__notes__), before


def registered() -> bool:
    before = isinstance(Registered(), Abstract)
    Abstract.register(Registered)
    return before


LEFT: dict[str, tuple[Callable[[], Any], Any]] = {
    "in a cycle": (lambda: [next(CYCLE) for _ in range(4)], ["a", "b", "c", "a"]),
    "in the iterator of a range": (lambda: next(PAST_ONE), 1),
    "in an enumeration of an iterator": (lambda: next(NUMBERED), (1, "a")),
    "in a zip of one iterator twice": (lambda: (next(TWICE), next(LINES)), (("a", "B"), "c")),
    "in a generator expression": (lambda: (next(EXPRESSION), next(EXPRESSION)), ("id0", "id1")),
    "in a generator": (lambda: (next(NUMBERS), next(NUMBERS)), (7, 9)),
    "in what a function has by default": (by_default, 3),
    "in what a partial holds": (new_id, 5),
    "in what a dictionary makes by default": (lambda: (BY_NAME["x"], BY_NAME["y"]), (0, 1)),
    "in an array": (added, [7, 8]),
    "behind a view": (seen_in_a_buffer, 1),
    "in a text in memory": (written, "ax"),
    "in bytes in memory": (lambda: BYTES.read(1), b"a"),
    "in a namespace": (used, 1),
    "in results that are kept": (results, ([True] * 6, [2, 3, 3, 2, 2])),
    "in a handler of a logger": (logged, 1),
    "in what a dispatching function knows": (dispatched, "anything"),
    "among the modules": (loaded, 1),
    "in the value of a variable of contexts": (in_a_context, (1, 1)),
    "in groups": (lambda: (next(GROUPS)[0], next(GROUPS)[0]), ("a", "b")),
    "in an asynchronous generator": (ticked, 0),
    "in a lock of threads": (locked, [True, False]),
    "in a lock that may be taken again": (held_already, False),
    "in a queue of threads": (queued, ("a", 2)),
    "behind a proxy": (shown_by_a_proxy, 1),
    "on an exception": (failed, (1, True)),
    "with an abstract class": (registered, False),
}
"""What is left, by a function that leaves it → what that gives the first time."""

LEFT_OF_A_SET = iter({1, 2, 3})
IN_A_TUPLE = (itertools.count(), "x")


def begun() -> Iterator[int]:
    yield 1
    yield 2
    yield 3


BEGUN = begun()
next(BEGUN)

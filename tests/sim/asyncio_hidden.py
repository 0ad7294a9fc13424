"""Things with a state that is hidden somewhere: how each is made in two ways, and what is seen of it later."""

from __future__ import annotations

import array
import contextlib
import contextvars
import enum
import functools
import hashlib
import io
import itertools
import queue
import random
import re
import threading
import time
import types
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final

elsewhere: Any = types.ModuleType("elsewhere")
variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")


class Kept:
    """Something that can be referred to weakly, with a class attribute."""

    shared: ClassVar[list[int]] = []
    sometimes: ClassVar[Any] = None


class Text(str):
    pass


class Flag(enum.IntFlag):
    ONE = 1
    TWO = 2


def _counter() -> Callable[[], int]:
    number = 0

    def bump() -> int:
        nonlocal number
        number += 1
        return number

    return bump


def _module(way: int) -> None:
    elsewhere.number = way


def _instead_of_a_method(way: int) -> None:
    """Methods do not count, as they do not change; what is put in their place does."""
    Kept.sometimes = (_instead_of_a_method, [0])[way]


def _shared(way: int) -> None:
    Kept.shared = [way]


def _noted(error: Exception, way: int) -> Exception:
    error.add_note(str(way))
    return error


def _caused(way: int) -> Exception:
    error = ValueError()
    error.__cause__ = KeyError(way)
    return error


def _moved(iterator: Any, way: int) -> Any:
    for _ in range(way):
        next(iterator)
    return iterator


def _grown_and_shrunk(way: int) -> set[int]:
    members = set(range(1000 * way))
    for each in range(1000):  # one by one: the table stays as large as it was
        members.discard(each)
    return members


def _order_of_three(members: set[int]) -> list[int]:
    members.update((8, 1, 16))
    return list(members)


def _weak(way: int) -> Any:
    kept = Kept()
    return weakref.ref(kept), kept if way else None


def _called(bump: Any, way: int) -> Any:
    for _ in range(way):
        bump()
    return bump


def _hanging(value: Any, **attributes: Any) -> Any:
    vars(value).update(attributes)
    return value


def _digest(way: int) -> Any:
    return hashlib.sha256(str(way).encode())


def _written(way: int) -> io.StringIO:
    text = io.StringIO()
    text.write("x" * way)
    return text


def _queued(way: int) -> Any:
    items: queue.SimpleQueue[int] = queue.SimpleQueue()
    items.put(way)
    return items


def _aliases(way: int) -> list[list[int]]:
    one: list[int] = []
    return [one, one if way else []]


def _second_of(lists: list[list[int]]) -> int:
    lists[0].append(1)
    return len(lists[1])


def _cached(way: int) -> Any:
    calls: list[int] = []
    cached = functools.lru_cache(maxsize=None)(lambda number: len(calls))
    return _called(functools.partial(cached, 0), way) and cached


def _asked(way: int) -> Any:
    cached = functools.lru_cache(maxsize=4)(abs)
    return _called(functools.partial(cached, 0), 1 + way) and cached


class Private:
    """Holds something in a slot whose name looks like Python's own."""

    __slots__ = ("__way__",)

    def __init__(self, way: int) -> None:
        self.__way__ = way


async def _two() -> Any:
    yield 1
    yield 2


def _step(way: int) -> Any:
    """One step of an async generator that has yielded once: not begun, or the one that has ended."""
    generator = _two()
    first = generator.__anext__()
    _ended(first)
    return first if way else generator.__anext__()


def _ended(step: Any) -> None:
    with contextlib.suppress(StopIteration):
        step.send(None)


def _begins(step: Any) -> str:
    try:
        step.send(None)
    except StopIteration as stopped:
        return f"yields {stopped.value}"
    except RuntimeError as error:
        return str(error)
    return "waits"


def _locked(way: int) -> Any:
    lock = threading.Lock()
    if way:
        lock.acquire()
    return lock


def _by_address(way: int) -> Any:
    one, other = Kept(), Kept()
    return {id(one): "one"}, one, other, (one, other)[way]


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "aliasing": (_aliases, _second_of),
    "a closure's cell": (lambda way: _called(_counter(), way), lambda bump: bump()),
    "another module's global": (_module, lambda _: elsewhere.number),
    "a class attribute": (_shared, lambda _: Kept.shared),
    "an exception's arguments": (ValueError, lambda error: error.args),
    "an exception's notes": (lambda way: _noted(ValueError(), way), lambda error: error.__notes__),
    "an exception's cause": (_caused, lambda error: error.__cause__.args),
    "an exception's attribute": (lambda way: _hanging(ValueError(), code=way), lambda error: error.code),
    "a type": (lambda way: (1, True)[way], repr),
    "a zero's sign": (lambda way: (0.0, -0.0)[way], repr),
    "the end of a range": (lambda way: range(0, 3 + way, 2), repr),
    "what a class attribute is": (_instead_of_a_method, lambda _: type(Kept.sometimes).__name__),
    "a list's iterator": (lambda way: _moved(iter([0, 1, 2]), way), next),
    "a dictionary's iterator": (lambda way: _moved(iter({0: 0, 1: 1, 2: 2}), way), next),
    "enumerate": (lambda way: _moved(enumerate("abc"), way), next),
    "the function of a map": (lambda way: map((int, str)[way], [1]), next),
    "whether zip is strict": (lambda way: zip([1], [1, 2], strict=bool(way)), lambda it: len(list(_until_error(it)))),
    "a count": (lambda way: _moved(itertools.count(), way), next),
    "a cycle": (lambda way: _moved(itertools.cycle("ab"), way), next),
    "a chain": (lambda way: _moved(itertools.chain("ab", "cd"), way), next),
    "a slice of an iterator": (lambda way: itertools.islice("abcd", way, None), next),
    "a generator": (lambda way: _moved((each for each in "abc"), way), next),
    "a source of randomness": (random.Random, lambda source: source.getrandbits(32)),
    "the process's randomness": (lambda way: [random.random() for _ in range(way)] and None, lambda _: random.random()),
    "a text in memory": (_written, lambda text: text.getvalue()),
    "a digest": (_digest, lambda digest: digest.hexdigest()),
    "a queue made in C": (_queued, lambda items: items.get_nowait()),
    "a cache of calls": (_cached, lambda cached: cached.cache_info().currsize),
    "a deque's length": (lambda way: deque([1], maxlen=1 + way), lambda items: [items.append(2), len(items)]),
    "an array": (lambda way: array.array("i", [way]), lambda items: items[0]),
    "bytes that change": (lambda way: bytearray([way]), bytes),
    "a dictionary's order": (lambda way: {"ab"[way]: 0, "ba"[way]: 0}, list),
    "a set's members": (lambda way: {way}, sorted),
    "a set's table": (_grown_and_shrunk, _order_of_three),
    "a weak reference": (_weak, lambda pair: pair[0]() is not None),
    "a partial's argument": (lambda way: functools.partial(int, way), lambda part: part()),
    "a method's object": (lambda way: [way].copy, lambda method: method()),
    "a flag": (lambda way: Flag.ONE if way else Flag.ONE | Flag.TWO, lambda flag: flag.value),
    "an attribute of a text": (lambda way: _hanging(Text("a"), way=way), lambda text: text.way),
    "an attribute of a function": (lambda way: _hanging(lambda: None, way=way), lambda function: function.way),
    "a default": (lambda way: lambda number=way: number, lambda function: function()),
    "the end of a long pattern": (lambda way: re.compile("x" * 300 + str(way)), lambda pattern: pattern.pattern[-1]),
    "the sign of zero": (lambda way: -0.0 if way else 0.0, repr),
    "a truth or a number": (lambda way: True if way else 1, repr),
    "a mapping proxy": (lambda way: types.MappingProxyType({"way": way}), lambda proxy: proxy["way"]),
    "how often a cache was asked": (_asked, lambda cached: cached.cache_info().hits),
    "a slot like Python's own": (Private, lambda private: private.__way__),
    "a step of an async generator": (_step, _begins),
    "a lock": (_locked, lambda lock: lock.locked()),
    "whose address a number is": (_by_address, lambda held: id(held[3]) in held[0]),
    "a field of a struct sequence": (lambda way: time.struct_time((way,) * 9), lambda moment: moment.tm_year),
    "a context": (lambda way: variable.set(way) and None, lambda _: variable.get()),
}
"""What differs → how it is made (of 0 or 1), and what is seen of it later."""


def _until_error(iterator: Any) -> Any:
    try:
        yield from iterator
    except ValueError:
        yield "too long"
        yield "too long"

"""Agents that remember what they saw, in every way that Python has: told apart by value, or refused; never proved
right.

One dispatcher, wrong in one way: p1 tells nobody if it saw p2's mark. What it saw goes through two further awaits, in
which it can be lost by whoever takes two moments for one. So `no-hang` is refuted at `AA`, or the agent is refused by a
clear error.
"""

from __future__ import annotations

import array
import collections
import colorsys  # noqa: F401 # found by its name
import contextvars
import decimal
import fractions
import functools
import io
import itertools
import operator
import random
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from tests.sim.remembered_values import (
    Bits,
    Bounded,
    Colour,
    Derived,
    Fault,
    Given,
    Loose,
    Method,
    Named,
    OneSays,
    Part,
    Slotted,
    Text,
    Token,
    Uncompared,
    Whole,
    ZeroSays,
    annotated,
    class_with,
    counted,
    counting,
    enclosing,
    fails,
    moved,
    noted,
    raised,
    second,
    shared,
    with_attribute,
    with_force,
)
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.errors import AgentFault, UnsupportedLocal
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.ports import Ports


class Races(Small):
    """p1 tells nobody if it saw p2's mark; ``saw`` says whether it did."""

    state: Any

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p2":
            await self.ports.mark.set(1)
        elif await self.saw():
            return
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)

    async def saw(self) -> Any:
        raise NotImplementedError

    async def pause(self) -> None:
        await self.ports.queue.get()


def verdict(agent: Any, scope: str = "AA") -> str:
    """What is said of no-hang."""
    return check(agent, scope, invariants=["no-hang"]).cell.invariants["no-hang"].verdict


@dataclass(frozen=True)
class Ticket:
    number: int


@dataclass(frozen=True, slots=True)
class Desk:
    def take(self) -> tuple[Ticket, Desk]:
        return Ticket(1), self


class Marks(Small):
    """Marks each ticket that it takes, and tells nobody if one is marked already: none ever is."""

    own: ClassVar[dict[str, object]] = {"desk": Desk()}

    def __init__(self, ports: Ports, *, direct: bool = False, desk: Any) -> None:
        super().__init__(ports)
        self.desk = desk

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        for _ in range(2):
            ticket = await self.desk.do(Desk.take)
            if "marked" in vars(ticket):
                return
            vars(ticket)["marked"] = True
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


def test_a_result_is_nobody_elses() -> None:
    """What a step makes anew each time is another object each time, if code can tell."""
    assert verdict(Marks) == "proved"


# in a local variable -------------------------------------------------------------------------------------------------


TOKEN = Token()
ERROR = ValueError()


KNOWN: dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]] = {
    "a number": (lambda n: n, lambda kept: kept),
    "its type": (lambda n: True if n else 1, lambda kept: kept is True),
    "a float or an integer": (lambda n: 1.0 if n else 1, lambda kept: isinstance(kept, float)),
    "the sign of zero": (lambda n: -0.0 if n else 0.0, lambda kept: str(kept) == "-0.0"),
    "the sign of a complex zero": (lambda n: complex(0, -0.0 if n else 0.0), lambda kept: "-" in str(kept)),
    "not-a-number": (lambda n: float("nan") if n else 0.0, lambda kept: kept != kept),  # noqa: PLR0124
    "which not-a-number": (
        lambda n: (nan := float("nan"), (nan if n else float("nan"),)),
        lambda kept: kept[0] in kept[1],
    ),
    "a flag without a name": (lambda n: Bits(4) if n else Bits(2), lambda kept: int(kept) == 4),
    "a member": (Colour, lambda kept: kept is Colour.BLUE),
    "no field": (lambda n: Given(1, n), lambda kept: kept._kept),
    "a field that is not compared": (Uncompared, lambda kept: kept.content),
    "what is written into a dict by force": (lambda n: with_force(Loose(), n), lambda kept: kept.kept),
    "an attribute of a derived class": (lambda n: with_attribute(Derived(), kept=n), lambda kept: kept.kept),
    "which of two alike": (lambda n: (TOKEN, TOKEN if n else Token()), lambda kept: kept[0] == kept[1]),
    "an attribute of a named tuple": (lambda n: with_attribute(Named(1, 2), kept=n), lambda kept: kept.kept),
    "an attribute of a text": (lambda n: with_attribute(Text("x"), kept=n), lambda kept: kept.kept),
    "an attribute of a tuple": (lambda n: with_attribute(Slotted((1,)), kept=n), lambda kept: kept.kept),
    "an attribute of an integer": (lambda n: with_attribute(Whole(1), kept=n), lambda kept: kept.kept),
    "a class that equals all others": (lambda n: OneSays if n else ZeroSays, lambda kept: kept.says),
    "the order of a frozenset": (lambda n: frozenset((8, 0) if n else (0, 8)), lambda kept: next(iter(kept)) == 8),
    "a range": (range, len),
    "a slice": (slice, lambda kept: kept.stop),
    "arguments of an error": (ValueError, lambda kept: kept.args[0]),
    "an attribute of an error": (lambda n: with_attribute(ValueError(), kept=n), lambda kept: kept.kept),
    "a slot of an error": (lambda n: with_attribute(Fault(), slot=n), lambda kept: kept.slot),
    "a field of an error": (lambda n: with_attribute(OSError(), errno=n), lambda kept: kept.errno),
    "a note": (noted, lambda kept: kept.__notes__ == ["1"]),
    "the cause of an error": (lambda n: raised(ValueError(), KeyError(n)), lambda kept: kept.__cause__.args[0]),
    "the context of an error": (lambda n: raised(ValueError(), None, KeyError(n)),
        lambda kept: kept.__context__.args[0]),
    "whether a context is suppressed": (
        lambda n: with_attribute(ValueError(), __suppress_context__=bool(n)),
        lambda kept: kept.__suppress_context__,
    ),
    "an error in a group": (lambda n: ExceptionGroup("", [ValueError(n)]), lambda kept: kept.exceptions[0].args[0]),
    "which error": (lambda n: (ERROR, ERROR if n else ValueError()), lambda kept: kept[0] is kept[1]),
    "an argument of a partial": (lambda n: functools.partial(int, n), lambda kept: kept()),
    "a keyword of a partial": (lambda n: functools.partial(dict, x=n), lambda kept: kept()["x"]),
    "an attribute of a partial": (lambda n: with_attribute(functools.partial(int), x=n), lambda kept: kept.x),
    "an attribute of a derived partial": (lambda n: with_attribute(Part(int), kept=n), lambda kept: kept.kept),
    "the class of a partial": (lambda n: (Part if n else functools.partial)(int), lambda kept: type(kept) is Part),
    "a closure": (enclosing, lambda kept: kept()),
    "a closure of a closure": (lambda n: enclosing(enclosing(n)), lambda kept: kept()()),
    "whether two closures share": (counting, counted),
    "a default": (lambda n: lambda x=n: x, lambda kept: kept()),
    "a keyword's default": (lambda n: lambda *, x=n: x, lambda kept: kept()),
    "an attribute of a function": (lambda n: with_attribute(lambda: 0, x=n), lambda kept: kept.x),
    "the name of a function": (lambda n: with_attribute(lambda: 0, __name__=str(n)), lambda kept: kept.__name__ == "1"),
    "what is said of a function": (lambda n: with_attribute(lambda: 0, __doc__=str(n)),
        lambda kept: kept.__doc__ == "1"),
    "an annotation": (annotated, lambda kept: kept.__annotations__["x"]),
    "code": (lambda n: (lambda: 1) if n else (lambda: 0), lambda kept: kept()),
    "the object of a method": (lambda n: Method(n).read, lambda kept: kept()),
    "the object of a built-in method": (lambda n: (n,).__len__ if n else ().__len__, lambda kept: kept()),
    "the object of a method in C": (lambda n: str(n).isdigit if n else "x".isdigit, lambda kept: kept()),
    "the object of super": (lambda n: Bounded(n).of(), lambda kept: kept.__self__.content),
    "a property": (lambda n: property(lambda _: n), lambda kept: kept.fget(0)),
    "a class that was made": (class_with, lambda kept: kept.kept),
    "an object of a class that was made": (lambda n: (class_with(n), Loose()), lambda kept: kept[0].kept),
    "a place in a tuple": (lambda n: moved(iter((0, 1)), n), next),
    "a place in a text": (lambda n: moved(iter("01"), n), lambda kept: next(kept) == "1"),
    "a place in bytes": (lambda n: moved(iter(b"\0\1"), n), next),
    "a place in a range": (lambda n: moved(iter(range(2)), n), next),
    "a place in an enumeration": (lambda n: moved(enumerate((0, 0)), n), lambda kept: next(kept)[0]),
    "where an enumeration began": (lambda n: enumerate((0,), n), lambda kept: next(kept)[0]),
    "a place in a zip": (lambda n: moved(zip((0, 1), (0, 1), strict=False), n), lambda kept: next(kept)[0]),
    "whether a zip is strict": (lambda n: zip((0,), (), strict=bool(n)), fails),
    "a place from the end": (lambda n: moved(reversed((1, 0)), n), next),
    "a place in a map": (lambda n: moved(map(int, (0, 1)), n), next),
    "the function of a map": (lambda n: map(str if n else int, ("1",)), lambda kept: next(kept) == "1"),
    "a place in a filter": (lambda n: moved(filter(None, (2, 1)), n), lambda kept: next(kept) == 1),
    "whether two iterators are one": (shared, second),
    "zeros behind the point": (lambda n: decimal.Decimal("1.00" if n else "1.0"), lambda kept: str(kept) == "1.00"),
    "a fraction": (fractions.Fraction, lambda kept: kept),
    "which of two equal times": (lambda n: datetime(2020, 1, 1, fold=n), lambda kept: kept.fold),
    "a getter": (operator.itemgetter, lambda kept: kept((0, 1))),
    "an item of a generic": (lambda n: tuple[int] if n else tuple[str], lambda kept: kept.__args__[0] is int),
}  # fmt: skip
"""Ways to keep a number in an immutable value, or in one that Python alone can move on; and to read it from there."""


SET_ELSEWHERE: Any = contextvars.ContextVar("set elsewhere", default=0)


class Plain:
    """Anything can be put on it."""


def yielding(n: int) -> Iterator[int]:
    yield n


async def ending(n: int) -> int:
    return n


REFUSED: dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]] = {
    "a list": (lambda n: [n], lambda kept: kept[0]),
    "a list in a tuple": (lambda n: ([n],), lambda kept: kept[0][0]),
    "a dictionary": (lambda n: {1: n}, lambda kept: kept[1]),
    "the order of a dictionary": (lambda n: {n: 0, 1 - n: 0}, lambda kept: next(iter(kept))),
    "a set": (lambda n: {n}, lambda kept: 1 in kept),
    "a bytearray": (lambda n: bytearray([n]), lambda kept: kept[0]),
    "a deque": (lambda n: collections.deque([n]), lambda kept: kept[0]),
    "a counter": (lambda n: collections.Counter(x=n), lambda kept: kept["x"]),
    "a default": (lambda n: collections.defaultdict(enclosing(n)), lambda kept: kept[0]),
    "a namespace": (lambda n: SimpleNamespace(n=n), lambda kept: kept.n),
    "an object": (lambda n: with_attribute(Plain(), seen=n), lambda kept: kept.seen),
    "a generator": (yielding, next),
    "a list's iterator": (lambda n: moved(iter([0, 1]), n), next),
    "a dictionary's iterator": (lambda n: moved(iter({0: 0, 1: 0}), n), next),
    "a set's iterator": (lambda n: moved(iter({0, 1}), n), next),
    "a sequence's iterator": (lambda n: moved(iter(Sequence()), n), next),
    "a count": (itertools.count, next),
    "a chain": (lambda n: moved(itertools.chain((0,), (1,)), n), next),
    "a cycle": (lambda n: moved(itertools.cycle((0, 1)), n), next),
    "a random generator": (random.Random, lambda kept: kept.random() == random.Random(1).random()),
    "an open file": (lambda n: io.StringIO("01"[n]), lambda kept: kept.read() == "1"),
    "a view": (lambda n: memoryview(bytes([n])), lambda kept: kept[0]),
    "a proxy": (lambda n: types.MappingProxyType({1: n}), lambda kept: kept[1]),
    "a variable of a context": (lambda n: contextvars.Context().run(SET_ELSEWHERE.set, n), lambda kept: kept.old_value),
    "a lock": (lambda n: locked(threading.Lock(), n), lambda kept: kept.locked()),
    "an array": (lambda n: array.array("b", [n]), lambda kept: kept[0]),
    "a cache": (lambda n: functools.lru_cache(enclosing(n)), lambda kept: kept()),
}  # fmt: skip
"""Ways to keep a number that nobody can compare, or that others may have in hand."""


def locked(lock: Any, n: int) -> Any:
    if n:
        lock.acquire()
    return lock


class Sequence:
    def __getitem__(self, place: int) -> int:
        return place


class InALocal(Races):
    """Keeps what it saw in a local variable."""

    ways: tuple[Callable[[int], Any], Callable[[Any], Any]]

    async def saw(self) -> Any:
        make, read = self.ways
        kept = make(await self.ports.mark.get())
        await self.pause()
        await self.pause()
        return read(kept)


@pytest.mark.parametrize("way", KNOWN)
def test_what_is_kept_in_a_value_is_part_of_the_state(way: str) -> None:
    """Two values that code can tell apart are never one."""
    assert verdict(type("InAValue", (InALocal,), {"ways": KNOWN[way]})) == "refuted"


@pytest.mark.parametrize("way", REFUSED)
def test_what_has_no_value_is_refused(way: str) -> None:
    """With the name of the variable."""
    with pytest.raises(UnsupportedLocal, match=r"local variable 'kept' of InALocal\.saw lives across an await"):
        verdict(type("InNoValue", (InALocal,), {"ways": REFUSED[way]}))


@dataclass(frozen=True, slots=True)
class Sealed:
    content: int = 0


def force(sealed: Sealed, n: int) -> None:
    object.__setattr__(sealed, "content", n)


class ByForce(Races):
    """Changes what is frozen while it waits."""

    async def saw(self) -> Any:
        kept = (Sealed(),)
        await self.pause()
        force(kept[0], await self.ports.mark.get())
        await self.pause()
        await self.pause()
        return kept[0].content


def test_what_is_changed_by_force_is_another_value() -> None:
    """Nobody relies on what an object was when it was met before."""
    assert verdict(ByForce) == "refuted"


@dataclass(frozen=True)
class Box:
    """A shared object, one step of which writes into what it is given as immutable."""

    def put(self, n: int) -> tuple[None, Box]:
        vars(self)["kept"] = n
        return None, self


class PutsIntoABox(Races):
    own: ClassVar[dict[str, Any]] = {"box": Box()}

    def __init__(self, ports: Ports, *, box: Any, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.box = box

    async def saw(self) -> Any:
        await self.box.do(Box.put, await self.ports.mark.get())


def test_a_step_that_changes_its_object_in_place_is_refused() -> None:
    """It would be changed for every run at once."""
    with pytest.raises(AgentFault, match=r"own\.box\.put changes the Box in place"):
        verdict(PutsIntoABox)


@pytest.mark.parametrize("kept", [enclosing(1), ValueError(), iter((1,)), Token(), with_attribute(Named(1, 2), kept=1)])
def test_what_moves_on_goes_through_no_port(kept: Any) -> None:
    """Two threads would have it in hand."""

    class Gives(Races):
        async def saw(self) -> Any:
            await self.ports.queue.set((kept,))

    with pytest.raises((UnsupportedLocal, AgentFault), match=r"queue\.set"):
        verdict(Gives)

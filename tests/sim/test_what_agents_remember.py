"""Agents that remember what they saw, in every way that Python has: told apart by value, or refused; never proved
right.

One dispatcher, wrong in one way: p1 tells nobody if it saw p2's mark. What it saw goes through two further awaits, in
which it can be lost by whoever takes two moments for one. So `no-hang` is refuted at `AA`, or the agent is refused by a
clear error.
"""

from __future__ import annotations

import abc
import array
import builtins
import collections
import colorsys  # noqa: F401 # found by its name
import contextvars
import decimal
import enum
import fractions
import functools
import importlib
import io
import itertools
import logging
import numbers
import operator
import os
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import pytest
from tests.sim import remembering_elsewhere as elsewhere
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.errors import AgentFault, HiddenState, UnsupportedLocal
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


class Bits(enum.IntFlag):
    ONE = 1


class Colour(enum.Enum):
    RED = 0
    BLUE = 1


@dataclass(frozen=True)
class Given:
    """What it is given is kept in no field."""

    public: int
    private: InitVar[int]

    def __post_init__(self, private: int) -> None:
        object.__setattr__(self, "_kept", private)


@dataclass(frozen=True)
class Uncompared:
    content: int = field(compare=False)


@dataclass(frozen=True, eq=False)
class Token:
    content: int = 0


@dataclass(frozen=True)
class Loose:
    content: int = 0


class Derived(Loose):
    """Not frozen: it is no dataclass itself."""


class Pair(NamedTuple):
    one: int
    two: int


class Named(Pair):
    kept: int


class Text(str):
    kept: int


class Slotted(tuple[int, ...]):
    kept: int


class Whole(int):
    kept: int


class Fault(Exception):
    __slots__ = ("slot",)


class Part(functools.partial[Any]):
    kept: int


class Meta(type):
    """Its classes are all equal."""

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, Meta)

    def __hash__(cls) -> int:
        return 1


class ZeroSays(metaclass=Meta):
    says = 0


class OneSays(metaclass=Meta):
    says = 1


def with_attribute(made: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def with_force(made: Any, n: int) -> Any:
    vars(made)["kept"] = n
    return made


def raised(error: BaseException, cause: BaseException | None = None, context: Any = None) -> BaseException:
    error.__cause__, error.__context__ = cause, context
    return error


def noted(n: int) -> BaseException:
    error = ValueError()
    error.add_note(str(n))
    return error


def enclosing(content: Any) -> Callable[[], Any]:
    return lambda: content


def counting(n: int) -> tuple[Callable[[], None], Callable[[], int]]:
    """Two functions that share what they count, or do not."""

    def pair() -> tuple[Callable[[], None], Callable[[], int]]:
        count = 0

        def up() -> None:
            nonlocal count
            count += 1

        return up, lambda: count

    one, other = pair(), pair()
    return (one[0], one[1]) if n else (one[0], other[1])


def counted(kept: tuple[Callable[[], None], Callable[[], int]]) -> int:
    kept[0]()
    return kept[1]()


def annotated(n: int) -> Any:
    def function() -> None: ...

    function.__annotations__["x"] = n
    return function


def class_with(n: int) -> Any:
    class Made:
        kept = n

    return Made


def moved(iterator: Iterator[Any], n: int) -> Iterator[Any]:
    for _ in range(n):
        next(iterator)
    return iterator


def shared(n: int) -> tuple[Iterator[int], Iterator[int]]:
    one, other = iter((0, 1)), iter((0, 1))
    return (one, one) if n else (one, other)


def second(kept: tuple[Iterator[int], Iterator[int]]) -> int:
    next(kept[0])
    return next(kept[1])


def fails(iterator: Iterator[Any]) -> bool:
    try:
        list(iterator)
    except ValueError:
        return True
    return False


class Method(NamedTuple):
    content: int

    def read(self) -> int:
        return self.content


class Bounded(Loose):
    def of(self) -> Any:
        return super()


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
    "an object": (lambda n: with_attribute(Keeper(), seen=n), lambda kept: kept.seen),
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
    "a variable of a context": (lambda n: contextvars.Context().run(VARIABLE.set, n), lambda kept: kept.old_value),
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


# outside of the frames -----------------------------------------------------------------------------------------------


class Keeper:
    """Has a class attribute, and what is set on its objects."""

    seen = 0
    counts: ClassVar[dict[str, list[int]]] = {"x": [0]}


class Registered(abc.ABC):  # noqa: B024 - that others register is what it is for
    pass


class Registers: ...


class SpeakingModule(types.ModuleType):
    """What a module may become."""


class Remembering(type):
    seen = 0


class Typed(metaclass=Remembering):
    pass


class Described:
    """An attribute that keeps its value in itself."""

    def __init__(self) -> None:
        self.content = 0

    def __get__(self, instance: object, owner: object = None) -> int:
        return self.content

    def __set__(self, instance: object, value: int) -> None:
        self.content = value


class Slots:
    __slots__ = ("seen",)

    def __init__(self) -> None:
        self.seen = 0


class Listed(list[int]):
    seen = 0


class ZeroAbove:
    seen = 0


class OneAbove(ZeroAbove):
    seen = 1


class Below(ZeroAbove): ...


class Renamed: ...


def described_function(given: int) -> None: ...


class ZeroTuple(tuple[int, ...]):
    __slots__ = ()
    seen = 0


class OneTuple(tuple[int, ...]):
    __slots__ = ()
    seen = 1


KEEPER = Keeper()
SLOTS = Slots()
LISTED = Listed()
NUMBER = 0
NESTED: tuple[Any, ...] = ({"x": [SimpleNamespace(content=[0])]},)
DEFAULTS: Any = collections.defaultdict(int)
ORDERED: Any = collections.OrderedDict(a=0, b=0)
COUNTER: Any = collections.Counter()
DEQUE: Any = collections.deque([0])
BYTES = bytearray(1)
ARRAY = array.array("b", [0])
WEAK: Any = weakref.WeakKeyDictionary()
VARIABLE: Any = contextvars.ContextVar("seen", default=0)
DEFAULT: Any = contextvars.ContextVar("default", default=[0])  # noqa: B039 - what this is about
FRACTION: Any = fractions.Fraction(0)
SLOTLESS: Any = ZeroTuple()
LOCAL = threading.local()
LOCK = threading.Lock()
RLOCK = threading.RLock()
COUNT: Any = itertools.count()
DICE = random.Random(1)
LOGGER = logging.getLogger(__name__)
ERROR_KEPT = ValueError(0)
PARTIAL: Any = functools.partial(dict, x=[0])
SET: set[int] = set()
PROXIED: dict[str, int] = {"x": 0}
PROXY = types.MappingProxyType(PROXIED)
CONTENT = enclosing([0])


def remembers(*, given: list[int] = [0]) -> list[int]:  # noqa: B006 - what this is about
    return given


def attributed() -> None: ...


@functools.lru_cache
def cached(of: int) -> list[int]:
    return [of]


@functools.lru_cache
def pure(of: int) -> int:
    return of


@functools.singledispatch
def dispatched(of: object) -> int:
    return 0


def swap_code(function: Any, n: int) -> None:
    function.__code__ = (lambda: 1).__code__ if n else function.__code__


def set_global(n: int) -> None:
    global NUMBER  # noqa: PLW0603 - what this is about
    NUMBER = n


def set_local_import(n: int) -> None:
    from tests.sim import remembering_elsewhere

    remembering_elsewhere.NUMBER = n


def get_local_import() -> int:
    from tests.sim.remembering_elsewhere import NUMBER

    return NUMBER


def nothing_yet(n: int) -> None:
    globals()["LATER"] = n


Way = tuple[Callable[[Any, int], Any], Callable[[Any], Any]]

MEMORIES: dict[str, Way] = {
    "agent.state.seen": (lambda agent, n: setattr(agent.state, "seen", n), lambda agent: agent.state.seen),
    "agent.state.inner.list[0][0]": (
        lambda agent, n: operator.setitem(agent.state.inner.list[0], 0, n), lambda agent: agent.state.inner.list[0][0]),
    "agent.seen": (lambda agent, n: setattr(agent, "seen", n), lambda agent: agent.seen),
    "agent.later": (lambda agent, n: setattr(agent, "later", n), lambda agent: agent.later),
    "agent": (
        lambda agent, n: setattr(agent, "__class__", Other if n else type(agent)),
        lambda agent: isinstance(agent, Other)),
    "OutsideOfFrames.kind": (lambda agent, n: setattr(OutsideOfFrames, "kind", n), lambda agent: agent.kind),
    "Small.kind": (lambda agent, n: setattr(Small, "kind", n), lambda agent: getattr(agent, "kind", 0)),
    "Keeper.seen": (lambda agent, n: setattr(Keeper, "seen", n), lambda agent: Keeper.seen),
    "Keeper.counts['x'][0]": (
        lambda agent, n: operator.setitem(Keeper.counts["x"], 0, n), lambda agent: Keeper.counts["x"][0]),
    "Keeper.later": (lambda agent, n: setattr(type(KEEPER), "later", n),
        lambda agent: KEEPER.later),  # type: ignore[attr-defined]
    "KEEPER.seen": (lambda agent, n: setattr(KEEPER, "seen", n), lambda agent: KEEPER.seen),
    "SLOTS.seen": (lambda agent, n: setattr(SLOTS, "seen", n), lambda agent: SLOTS.seen),
    "LISTED.seen": (lambda agent, n: setattr(LISTED, "seen", n), lambda agent: LISTED.seen),
    "LISTED": (lambda agent, n: LISTED.append(n), lambda agent: LISTED[-1]),
    "Remembering.seen": (lambda agent, n: setattr(type(Typed), "seen", n), lambda agent: Typed.seen),
    "Colour.RED.seen": (lambda agent, n: setattr(Colour.RED, "seen", n),
        lambda agent: Colour.RED.seen),  # type: ignore[attr-defined]
    "Registered.register": (lambda agent, n: n and Registered.register(Registers),
        lambda agent: isinstance(Registers(), Registered)),
    "NUMBER": (lambda agent, n: set_global(n), lambda agent: NUMBER),
    "NESTED[0]['x'][0].content[0]": (
        lambda agent, n: operator.setitem(NESTED[0]["x"][0].content, 0, n), lambda agent: NESTED[0]["x"][0].content[0]),
    "DEFAULTS": (lambda agent, n: DEFAULTS[n], lambda agent: 1 in DEFAULTS),
    "ORDERED": (lambda agent, n: n and ORDERED.move_to_end("a"), lambda agent: next(iter(ORDERED)) == "b"),
    "COUNTER": (lambda agent, n: COUNTER.update(x=n), lambda agent: COUNTER["x"]),
    "DEQUE[0]": (lambda agent, n: operator.setitem(DEQUE, 0, n), lambda agent: DEQUE[0]),
    "BYTES": (lambda agent, n: operator.setitem(BYTES, 0, n), lambda agent: BYTES[0]),
    "ARRAY": (lambda agent, n: operator.setitem(ARRAY, 0, n), lambda agent: ARRAY[0]),
    "SET": (lambda agent, n: SET.add(n), lambda agent: 1 in SET),
    "WEAK.data": (lambda agent, n: operator.setitem(WEAK, KEEPER, n), lambda agent: WEAK[KEEPER]),
    "VARIABLE[0]": (lambda agent, n: VARIABLE.set(n), lambda agent: VARIABLE.get()),
    "LOCAL": (lambda agent, n: setattr(LOCAL, "seen", n), lambda agent: LOCAL.seen),
    "LOCK": (lambda agent, n: n and LOCK.acquire(), lambda agent: LOCK.locked()),
    "RLOCK": (lambda agent, n: n and RLOCK.acquire(), lambda agent: RLOCK._is_owned()),  # type: ignore[attr-defined]
    "COUNT": (lambda agent, n: n and next(COUNT), lambda agent: next(COUNT)),
    "DICE": (lambda agent, n: DICE.seed(n), lambda agent: DICE.random() == random.Random(1).random()),
    "random": (lambda agent, n: random.seed(n), lambda agent: random.random() == random.Random(1).random()),
    "LOGGER": (lambda agent, n: LOGGER.setLevel(50 + n), lambda agent: LOGGER.level == 51),
    "ERROR_KEPT.args": (lambda agent, n: setattr(ERROR_KEPT, "args", (n,)), lambda agent: ERROR_KEPT.args[0]),
    "PARTIAL.x[0]": (lambda agent, n: operator.setitem(PARTIAL()["x"], 0, n), lambda agent: PARTIAL()["x"][0]),
    "PROXY['x']": (lambda agent, n: operator.setitem(PROXIED, "x", n), lambda agent: PROXY["x"]),
    "CONTENT.content.cell_contents[0]": (
        lambda agent, n: operator.setitem(CONTENT(), 0, n), lambda agent: CONTENT()[0]),
    "remembers.given[0]": (lambda agent, n: operator.setitem(remembers(), 0, n), lambda agent: remembers()[0]),
    "remembers.given": (lambda agent, n: setattr(remembers, '__kwdefaults__', {'given': [n]}),
        lambda agent: remembers()[0]),
    "attributed.seen": (lambda agent, n: setattr(attributed, "seen", n),
        lambda agent: attributed.seen),  # type: ignore[attr-defined]
    "attributed.__code__": (lambda agent, n: swap_code(attributed, n), lambda agent: attributed()),
    "cached": (lambda agent, n: operator.setitem(cached(1), 0, n), lambda agent: cached(1)[0]),
    "pure": (lambda agent, n: pure(n), lambda agent: pure.cache_info().misses > 1),
    "dispatched": (
        lambda agent, n: n and dispatched.register(int, enclosing(1)), lambda agent: dispatched.registry.get(int)),
    "OutsideOfFrames.described.content": (lambda agent, n: setattr(agent, "described", n),
        lambda agent: agent.described),
    "elsewhere.NUMBER": (lambda agent, n: setattr(elsewhere, "NUMBER", n), lambda agent: elsewhere.NUMBER),
    "elsewhere, imported late": (lambda agent, n: set_local_import(n), lambda agent: get_local_import()),
    "elsewhere, by a function": (lambda agent, n: elsewhere.put(n), lambda agent: elsewhere.looked_up()),
    "Counter.total": (lambda agent, n: elsewhere.COUNTER.add(n), lambda agent: elsewhere.COUNTER.total),
    "elsewhere, by any name": (
        lambda agent, n: setattr(elsewhere, "NUM" + "BER", n), lambda agent: getattr(elsewhere, "NUM" + "BER")),
    "sys.modules": (
        lambda agent, n: setattr(sys.modules[__name__], "NUM" + "BER", n), lambda agent: sys.modules[__name__].NUMBER),
    "elsewhere, of sys.modules": (
        lambda agent, n: setattr(sys.modules["tests.sim." + "remembering_elsewhere"], "NUMBER", n),
        lambda agent: sys.modules["tests.sim." + "remembering_elsewhere"].NUMBER),
    "colorsys, of sys.modules": (
        lambda agent, n: setattr(sys.modules["color" + "sys"], "seen", n),
        lambda agent: sys.modules["color" + "sys"].seen),
    "elsewhere.__class__": (
        lambda agent, n: setattr(elsewhere, "__class__", (types.ModuleType, SpeakingModule)[n]),
        lambda agent: isinstance(elsewhere, SpeakingModule)),
    "globals": (lambda agent, n: nothing_yet(n), lambda agent: globals()["LATER"]),
    "sys.seen": (lambda agent, n: setattr(sys, "seen", n), lambda agent: sys.seen),  # type: ignore[attr-defined]
    "builtins.seen": (lambda agent, n: setattr(builtins, "seen", n),
        lambda agent: builtins.seen),  # type: ignore[attr-defined]
    "Below.__mro__": (lambda agent, n: setattr(Below, "__bases__", (OneAbove,) if n else (ZeroAbove,)),
        lambda agent: Below.seen),
    "Renamed.__name__": (lambda agent, n: setattr(Renamed, "__name__", str(n)), lambda agent: Renamed.__name__ == "1"),
    "described_function.__doc__": (
        lambda agent, n: setattr(described_function, "__doc__", str(n)),
        lambda agent: described_function.__doc__ == "1"),
    "described_function.__name__": (
        lambda agent, n: setattr(described_function, "__name__", str(n)),
        lambda agent: described_function.__name__ == "1"),
    "described_function.given": (
        lambda agent, n: operator.setitem(described_function.__annotations__, "given", n),
        lambda agent: described_function.__annotations__["given"]),
    "Number.register": (
        lambda agent, n: n and numbers.Number.register(Registers),
        lambda agent: isinstance(Registers(), numbers.Number)),
    "DEFAULT[1][0]": (lambda agent, n: operator.setitem(DEFAULT.get(), 0, n), lambda agent: DEFAULT.get()[0]),
    "FRACTION[0]": (lambda agent, n: setattr(FRACTION, "_numerator", n), lambda agent: FRACTION.numerator),
    "SLOTLESS": (
        lambda agent, n: setattr(SLOTLESS, "__class__", OneTuple if n else ZeroTuple), lambda agent: SLOTLESS.seen),
    "Colour._value2member_map_": (
        lambda agent, n: operator.setitem(Colour._value2member_map_, 7, [*Colour][n]),
        lambda agent: Colour(7) is [*Colour][1]),
    "os.environ": (lambda agent, n: operator.setitem(os.environ, "SEEN", str(n)),
        lambda agent: os.environ["SEEN"] == "1"),
}  # fmt: skip
"""Ways to keep a number outside of all frames, and to read it from there, by the path to it."""


class OutsideOfFrames(Races):
    """Keeps what it saw in no frame."""

    way: Way
    kind = 0
    described = Described()

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.seen = 0
        self.state = SimpleNamespace(seen=0, inner=SimpleNamespace(list=([0],)))

    async def saw(self) -> Any:
        put, get = type(self).way
        put(self, await self.ports.mark.get())
        await self.pause()
        await self.pause()
        return get(self)


class Other(OutsideOfFrames):
    pass


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """What an agent put into modules of others is taken out again."""
    state = random.getstate()
    yield
    random.setstate(state)
    elsewhere.__class__ = types.ModuleType
    vars(importlib.import_module("colorsys")).pop("seen", None)
    os.environ.pop("SEEN", None)
    for owner, name in ((sys, "seen"), (builtins, "seen"), (Small, "kind")):
        if name in vars(owner):
            delattr(owner, name)


@pytest.mark.parametrize("path", MEMORIES)
@pytest.mark.usefixtures("nothing_is_left")
def test_what_is_kept_outside_of_frames_is_an_error(path: str) -> None:
    """With the path to it, and the line."""
    with pytest.raises(HiddenState, match="is changed from here to the next await") as error:
        verdict(type("Outside", (OutsideOfFrames,), {"way": MEMORIES[path]}))
    assert str(error.value).startswith(f"{__file__}:")
    named = path.partition(",")[0].replace("elsewhere", "remembering_elsewhere")
    assert named in str(error.value) or path in ("globals", "sys.modules")


@pytest.mark.usefixtures("nothing_is_left")
def test_what_modules_of_others_hold_is_not_asked_what_it_is() -> None:
    """One stands for a package that is not installed, and raises whatever is asked."""
    import_module("tests.sim.asyncio_imported_late")
    with pytest.raises(HiddenState, match="is changed from here to the next await"):
        verdict(type("Outside", (OutsideOfFrames,), {"way": MEMORIES["sys.modules"]}))


def test_a_module_with_a_name_of_the_standard_library_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is trusted is known by where it lies."""
    (tmp_path / "colorsys.py").write_text(
        "from tests.sim.test_what_agents_remember import Races\n"
        "class Agent(Races):\n"
        "    seen = 0\n"
        "    async def saw(self):\n"
        "        Agent.seen = await self.ports.mark.get()\n"
        "        await self.pause()\n"
        "        await self.pause()\n"
        "        return Agent.seen\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(HiddenState, match=r"Agent\.seen is changed"):
        verdict(importlib.import_module("colorsys").Agent)
    sys.modules.pop("colorsys")

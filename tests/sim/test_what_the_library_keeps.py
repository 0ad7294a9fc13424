"""Agents that remember what they saw where the standard library or the interpreter keeps things for a program; and
agents that use the library as it is meant.

As in ``test_what_agents_remember``: what p1 saw goes through two further awaits, and `no-hang` is refuted at `AA`
unless it is lost on the way.
"""

from __future__ import annotations

import abc
import decimal
import enum
import functools
import gc
import json
import logging
import operator
import os
import sys
import typing
import uuid
import weakref
from collections import UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim.remembered_values import with_attribute
from tests.sim.test_what_agents_remember import InALocal, Races, verdict
from tests.sim.test_what_is_kept_outside_of_frames import OutsideOfFrames

from everyturn.errors import AgentFault, HiddenState
from everyturn_impl.calls import Call

# values with content that is easily overlooked -----------------------------------------------------------------------


class Bits(enum.IntFlag):
    ONE = 1
    TWO = 2


class Made(enum.Enum):
    """Makes members that have no name, or the name of another one."""

    KNOWN = 0

    @classmethod
    def _missing_(cls, value: object) -> Made:
        made = object.__new__(cls)
        made._value_ = 7
        if value != "nameless":
            made._name_ = "KNOWN"
        made.kept = value  # type: ignore[attr-defined]
        return made


class Reader:
    def read(self, n: int = 0) -> int:
        return n


async def zero() -> int:
    return 0


async def one() -> int:
    return 1


def ended(coroutine: Any) -> Any:
    with pytest.raises(StopIteration):
        coroutine.send(None)
    return coroutine


def zeroth() -> int:
    return 0


def first() -> int:
    return 1


def renamed(n: int) -> type:
    return with_attribute(type("Plain", (), {}), __name__="Other" if n else "Plain")  # type: ignore[no-any-return]


def abstract(n: int) -> Any:
    class Abstract(abc.ABC):  # noqa: B024 - that others register is what it is for
        pass

    if n:
        Abstract.register(int)
    return Abstract


READER = Reader()
INTEGERS: Any = tuple[int]
VALUES: dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]] = {
    "the name of a coroutine that has ended": (lambda n: ended(one() if n else zero()),
        lambda kept: kept.__name__ == "one"),
    "the code of one": (lambda n: ended(one() if n else zero()), lambda kept: kept.cr_code is one.__code__),
    "how safe an identifier is": (
        lambda n: uuid.UUID(int=1, is_safe=uuid.SafeUUID(0 if n else -1)), lambda kept: kept.is_safe.value == 0),
    "which decimal is not a number": (
        lambda n: (nan := decimal.Decimal("nan"), (nan if n else decimal.Decimal("nan"),)),
        lambda kept: kept[0] in kept[1]),
    "keywords of a method's call": (lambda n: operator.methodcaller("read", n=n), lambda kept: kept(READER)),
    "arguments of a method's call": (lambda n: operator.methodcaller("read", n), lambda kept: kept(READER)),
    "what is hung on a static method": (lambda n: with_attribute(staticmethod(zeroth), kept=n), lambda kept: kept.kept),
    "what a weak reference calls": (
        lambda n: weakref.ref(READER, first if n else zeroth),  # type: ignore[arg-type]
        lambda kept: kept.__callback__()),
    "what is hung on a member without a name": (lambda n: Made(n + 1), lambda kept: kept.kept == 2),
    "a member that was not given a name": (lambda n: (Made("nameless"), n), lambda kept: kept[1]),
    "the name of a class": (renamed, lambda kept: kept.__name__ == "Other"),
    "what is registered with a class": (abstract, lambda kept: issubclass(int, kept)),
    "notes that are no list": (
        lambda n: with_attribute(ValueError(), __notes__=() if n else []), lambda kept: kept.__notes__ == ()),
    "a type that is unpacked": (
        lambda n: next(iter(INTEGERS)) if n else tuple[int], lambda kept: kept.__unpacked__),
    "the stack of code": (
        lambda n: zeroth.__code__.replace(co_stacksize=10 + n), lambda kept: kept.co_stacksize == 11),
}  # fmt: skip


@pytest.mark.parametrize("way", VALUES)
def test_content_that_is_easily_overlooked_is_part_of_the_state(way: str) -> None:
    """Two values that code can tell apart are never one."""
    assert verdict(type("InAValue", (InALocal,), {"ways": VALUES[way]})) == "refuted"


def read_by_another() -> Any:
    return sys._getframe(1).f_locals["kept"]


class ReadByAnother(Races):
    """What it keeps is read by a function that it calls."""

    async def saw(self) -> Any:
        kept = await self.ports.mark.get()  # noqa: F841 - another function reads it
        await self.pause()
        await self.pause()
        return read_by_another()


def test_a_variable_that_another_function_reads_is_live() -> None:
    """Its own code does not show it."""
    assert verdict(ReadByAnother) == "refuted"


# outside of the frames -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sealed:
    content: int = 0


@dataclass(frozen=True)
class Alike:
    content: int = field(compare=False)


class Ours:
    """Has names of its own that the library uses for caches elsewhere."""

    _inverted_: typing.ClassVar[list[int]] = [0]
    _value2member_map_: typing.ClassVar[dict[str, int]] = {}


class Derived:
    pass


def own_names() -> Callable[[], list[int]]:
    dispatch_cache = [0]
    return lambda: dispatch_cache


@functools.cache
def content_of(alike: Alike) -> int:
    return alike.content


@functools.lru_cache
def written(number: float, _: int = 0) -> str:
    return str(number)


@functools.lru_cache
def pair(number: int) -> dict[str, int]:
    return {"x": number}


def ask_first(n: int) -> None:
    """Has one of two equal calls remembered, and has it answered by the other."""
    written(-0.0 if n else 0.5)
    written(0.0)


def ask_twice(n: int) -> None:
    content_of(Alike(n))
    content_of(Alike(1 - n))


def set_doc(n: int) -> None:
    global __doc__  # noqa: PLW0603 - what this is about
    __doc__ = str(n)


RECURSION: Final = sys.getrecursionlimit()
SEALED = Sealed()
OWN_NAMES = own_names()
LOGGER = logging.getLogger("kept.in")
ADAPTER: Any = logging.LoggerAdapter(LOGGER, {"n": 0})
KIND = typing.TypeVar("KIND")
Way = tuple[Callable[[Any, int], Any], Callable[[Any], Any]]

KEPT: dict[str, Way] = {
    "SEALED.content": (lambda agent, n: object.__setattr__(SEALED, "content", n), lambda agent: SEALED.content),
    "SEALED.content, made again": (
        lambda agent, n: SEALED.__init__(n),  # type: ignore[misc]
        lambda agent: SEALED.content),
    "_inverted_[0]": (lambda agent, n: operator.setitem(Ours._inverted_, 0, n), lambda agent: Ours._inverted_[0]),
    "_value2member_map_, key 'x'": (
        lambda agent, n: operator.setitem(Ours._value2member_map_, "x", n), lambda agent: Ours._value2member_map_["x"]),
    "OWN_NAMES.dispatch_cache": (lambda agent, n: operator.setitem(OWN_NAMES(), 0, n), lambda agent: OWN_NAMES()[0]),
    "Bits._value2member_map_[3].kept": (lambda agent, n: setattr(Bits(3), "kept", n),
        lambda agent: Bits(3).kept),  # type: ignore[attr-defined]
    "__doc__": (lambda agent, n: set_doc(n), lambda agent: __doc__ == "1"),
    "LOGGER.kept": (lambda agent, n: setattr(LOGGER, "kept", n),
        lambda agent: LOGGER.kept),  # type: ignore[attr-defined]
    "ADAPTER.extra['n']": (lambda agent, n: operator.setitem(ADAPTER.extra, "n", n), lambda agent: ADAPTER.extra["n"]),
    "LOGGER, all levels": (lambda agent, n: logging.disable(50 * n), lambda agent: not LOGGER.isEnabledFor(50)),
    "KIND.kept": (lambda agent, n: setattr(KIND, "kept", n), lambda agent: KIND.kept),  # type: ignore[attr-defined]
    "Derived.__subclasses__()": (lambda agent, n: n and type("Late", (Derived,), {}),
        lambda agent: len(Derived.__subclasses__())),
    "UserDict.kept": (lambda agent, n: setattr(UserDict, "kept", n),
        lambda agent: UserDict.kept),  # type: ignore[attr-defined]
    "Call.kept": (lambda agent, n: setattr(Call, "kept", n), lambda agent: Call.kept),  # type: ignore[attr-defined]
    "dumps.kept": (lambda agent, n: setattr(json.dumps, "kept", n),
        lambda agent: json.dumps.kept),  # type: ignore[attr-defined]
    "decimal.getcontext()": (
        lambda agent, n: setattr(decimal.getcontext(), "prec", 28 + n), lambda agent: decimal.getcontext().prec == 29),
    "sys.getrecursionlimit()": (
        lambda agent, n: sys.setrecursionlimit(RECURSION + n), lambda agent: sys.getrecursionlimit() == RECURSION + 1),
    "sys.get_coroutine_origin_tracking_depth()": (
        lambda agent, n: sys.set_coroutine_origin_tracking_depth(n),
        lambda agent: sys.get_coroutine_origin_tracking_depth()),
    "sys.get_asyncgen_hooks()[0]": (
        lambda agent, n: sys.set_asyncgen_hooks(firstiter=(None, lambda generator: None)[n]),
        lambda agent: sys.get_asyncgen_hooks().firstiter is not None),
    "written.cache_info().hits": (lambda agent, n: ask_first(n), lambda agent: written(0.0) == "-0.0"),
    "content_of": (lambda agent, n: ask_twice(n), lambda agent: content_of(Alike(0))),
    "pair": (lambda agent, n: operator.setitem(pair(1), "x", n), lambda agent: pair(1)["x"]),
}  # fmt: skip
"""Ways to keep a number where the library keeps things, by the path to it."""


@pytest.fixture
def nothing_is_left() -> Iterator[None]:
    """What an agent put into the library is taken out again."""
    before = decimal.getcontext().prec, sys.getrecursionlimit(), __doc__
    yield
    decimal.getcontext().prec = before[0]
    sys.setrecursionlimit(before[1])
    globals()["__doc__"] = before[2]
    sys.set_coroutine_origin_tracking_depth(0)
    sys.set_asyncgen_hooks(firstiter=None)
    logging.disable(0)
    gc.collect()
    for owner in (UserDict, Call, json.dumps):
        if "kept" in vars(owner):
            delattr(owner, "kept")


@thinned(3)
@pytest.mark.parametrize("path", KEPT)
@pytest.mark.usefixtures("nothing_is_left")
def test_what_the_library_keeps_for_an_agent_is_an_error(path: str) -> None:
    """With the path to it, and the line."""
    with pytest.raises(HiddenState, match="is changed from here to the next await") as error:
        verdict(type("Outside", (OutsideOfFrames,), {"way": KEPT[path]}))
    assert path.partition(",")[0] in str(error.value)


@pytest.mark.parametrize("change", [lambda: os.umask(0o22), lambda: gc.set_threshold(1)])
def test_a_setting_that_cannot_be_asked_for_is_not_changed_in_a_step(change: Callable[[], Any]) -> None:
    """Nobody could tell whether it had changed."""

    class Sets(Races):
        async def saw(self) -> Any:
            change()

    with pytest.raises(AgentFault, match=r"is changed|are changed"):
        verdict(Sets)


# the library as it is meant ------------------------------------------------------------------------------------------


@functools.lru_cache
def squared(number: int) -> int:
    return number * number


@functools.cache
def greeting(name: str) -> tuple[str, str]:
    return ("hello", name)


@functools.lru_cache(typed=True)
def added(one: int, other: int) -> int:
    return one + other


@functools.singledispatch
def described(value: object) -> str:
    return "something"


@described.register
def _(value: int) -> str:
    return "a number"


def third() -> decimal.Decimal:
    with decimal.localcontext() as context:
        context.prec = 3
        return decimal.Decimal(1) / decimal.Decimal(3)


class Careful(Races):
    """Uses caches, flags, loggers and sums, and remembers nothing."""

    async def saw(self) -> Any:
        for _ in range(2):
            squared(2), greeting("x"), added(1, 2), added(True, 2), described(1), described("x")
            (Bits.ONE | Bits.TWO, ~Bits.ONE, Bits(3))
            LOGGER.debug("nothing")
            third()
            await self.pause()
        return 0


def test_the_library_may_be_used() -> None:
    """Pure caches, sums of flags, loggers, settings that are set back: nothing of it is memory."""
    assert verdict(Careful) == "proved"

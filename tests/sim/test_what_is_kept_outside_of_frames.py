"""Agents that remember what they saw outside of their frames, wherever Python lets a program keep something: refused by
an error that names the place."""

from __future__ import annotations

import abc
import array
import builtins
import collections
import colorsys  # noqa: F401 # found by its name
import contextvars
import fractions
import functools
import importlib
import inspect
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
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from tests.sim import remembering_elsewhere as elsewhere
from tests.sim.remembered_values import Colour, enclosing
from tests.sim.small_agents import Small
from tests.sim.test_what_agents_remember import Races, verdict

from everyturn.errors import HiddenState
from everyturn_impl.ports import Ports


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
    assert str(error.value).startswith((f"{__file__}:", f"{inspect.getsourcefile(Races)}:"))
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

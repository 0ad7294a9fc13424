"""What a user's own agent keeps outside of its frames is named, or shows as different behaviour."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Callable
from typing import ClassVar

import pytest
from tests.sim.test_own_agents import explore

from everyturn.errors import AgentFault, HiddenState, ReplayError
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Ports
from everyturn_impl.revisions.hardened import Hardened

SEEN: list[str] = []
COUNT = 1000
COUNTER = itertools.count()
DICE = random.Random(1)


class Counts(Hardened):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.turns = 1000

    async def take_foldable(self, turn: Context) -> Call | None:
        self.turns += 1
        return await super().take_foldable(turn)


class Collects(Hardened):
    collected: ClassVar[dict[str, list[str]]] = {"x": []}

    async def take_foldable(self, turn: Context) -> Call | None:
        self.collected["x"].append(turn.name)
        return await super().take_foldable(turn)


class Locks(Hardened):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.lock = asyncio.Lock()

    async def take_foldable(self, turn: Context) -> Call | None:
        async with self.lock:
            return await super().take_foldable(turn)


class Remembers(Hardened):
    async def take_foldable(self, turn: Context) -> Call | None:
        SEEN.append(turn.name)
        return await super().take_foldable(turn)


class Rebinds(Hardened):
    async def take_foldable(self, turn: Context) -> Call | None:
        global COUNT  # noqa: PLW0603 - what this is about
        COUNT += 1
        return await super().take_foldable(turn)


def with_keyword(*, kept: list[int] = []) -> None:  # noqa: B006 - what this is about
    kept.append(1)


def with_attribute() -> None:
    with_attribute.__dict__.setdefault("kept", []).append(1)


def with_closure() -> Callable[[], None]:
    kept = 0

    def count() -> None:
        nonlocal kept
        kept += 1

    return count


class Slotted:
    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = 0

    def count(self) -> None:
        self.kept += 1


COUNTS = with_closure()
BYTES = bytearray(2)
LINE = deque([0])
KEYS: dict[int, None] = {0: None}
SLOTTED = Slotted()


def count_bytes() -> None:
    BYTES[0] = (BYTES[0] + 1) % 256


def count_line() -> None:
    LINE[0] += 1


def count_keys() -> None:
    KEYS[KEYS.popitem()[0] + 1] = None


KEPT: dict[str, Callable[[], None]] = {
    "with_keyword": with_keyword,
    "with_attribute": with_attribute,
    "COUNTS": COUNTS,
    "BYTES": count_bytes,
    "LINE": count_line,
    "KEYS": count_keys,
    "SLOTTED": SLOTTED.count,
}


WHERE_KEPT = {
    "with_keyword": "['with_keyword'].kept[0]",
    "with_attribute": "['with_attribute'].kept",
    "COUNTS": "['COUNTS'].kept.cell_contents",
    "BYTES": f"{__name__}.BYTES",
    "LINE": f"{__name__}.LINE[0]",
    "KEYS": f"{__name__}.KEYS, key 1",
    "SLOTTED": "['SLOTTED'].__self__.kept",
}
"""By what path it is reached."""


@pytest.mark.parametrize("name", KEPT)
def test_a_global_that_changes_inside_is_named(name: str) -> None:
    """Whatever Python keeps something in: defaults, closures, attributes, slots, keys."""

    class Keeps(Hardened):
        async def take_foldable(self, turn: Context) -> Call | None:
            KEPT[name]()
            return await super().take_foldable(turn)

    with pytest.raises(HiddenState) as error:
        explore(Keeps)
    assert WHERE_KEPT[name] in str(error.value)
    assert " is changed from here to the next await" in str(error.value)


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (Counts, "agent.turns is"),
        (Collects, "Collects.collected['x'][0] is"),
        (Locks, "agent.lock._locked is"),
        (Remembers, f"{__name__}.SEEN[0] is"),
        (Rebinds, f"{__name__}.COUNT is"),
    ],
)
def test_a_memory_outside_of_the_frames_is_named(agent: type[Hardened], named: str) -> None:
    """Attributes, attributes of classes and globals must not change: the engines do not see them."""
    with pytest.raises(HiddenState) as error:
        explore(agent)
    assert named in str(error.value)
    assert __file__ in str(error.value) or "hardened.py" in str(error.value)


class Alternates(Hardened):
    """Its memory is hidden inside an extension type, where nobody can look."""

    async def take_foldable(self, turn: Context) -> Call | None:
        if next(COUNTER) % 2:
            await self.ports.queue.get()
        return await super().take_foldable(turn)


class RollsDice(Hardened):
    """Asks for random numbers; a clock is the same."""

    async def take_foldable(self, turn: Context) -> Call | None:
        if DICE.random() < 0.5:
            await self.ports.queue.get()
        return await super().take_foldable(turn)


@pytest.mark.parametrize("agent", [Alternates, RollsDice])
def test_what_cannot_be_seen_shows_as_different_behaviour(agent: type[Hardened]) -> None:
    """Replays and the audit compare what a thread does with what it did before."""
    with pytest.raises((ReplayError, AgentFault)):
        explore(agent, "AA+1c")

"""Times that are reckoned with as plain numbers: one is taken for all, and that is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from everyturn.asyncio.runtime.running import RECKONED
from everyturn.asyncio.search.searching import search

WAYS: dict[str, Callable[[float, float, float], object]] = {
    "times": lambda a, b, c: (b - a) * 1000 > 500,
    "divided": lambda a, b, c: (b - a) / 60 > 1,
    "absolute": lambda a, b, c: abs(b - a) > 1,
    "whole": lambda a, b, c: int(b - a) >= 1,
    "rounded": lambda a, b, c: round(b - a, 1) > 1,
    "summed": lambda a, b, c: sum([b - a, c - b]) > 1,
    "spans": lambda a, b, c: c - b > b - a,
    "remainder": lambda a, b, c: time.time() % 60 < 30,
    "a plain number": lambda a, b, c: float(b - a) > 1,
    "negative": lambda a, b, c: -a < -b,
    "a key": lambda a, b, c: {a, b} > {c},
    "a date": lambda a, b, c: datetime.now().second < 30,
    "nanoseconds": lambda a, b, c: time.monotonic_ns() > 0,
}
EXACT: dict[str, Callable[[float, float, float], object]] = {
    "a span": lambda a, b, c: b - a > 1,
    "a deadline": lambda a, b, c: c >= a + 2,
    "shown": lambda a, b, c: f"{b - a:.2f}",
}


def reads(way: Callable[[float, float, float], object]) -> Any:
    async def scenario(world: Any) -> None:
        a = time.monotonic()
        await world.io("disk")
        b = time.monotonic()
        await world.io("disk")
        way(a, b, time.monotonic())

    return scenario


@pytest.mark.parametrize("way", WAYS)
def test_a_time_that_became_a_number_is_said_to_be_trusted(way: str) -> None:
    assert search(reads(WAYS[way])).trusted == [RECKONED]


@pytest.mark.parametrize("way", EXACT)
def test_what_the_clock_decides_needs_no_trust(way: str) -> None:
    assert search(reads(EXACT[way])).trusted == []


@dataclass
class _Message:
    sent: datetime = field(default_factory=lambda: datetime.now())  # noqa: PLW0108 # it is what people write


async def stamped(world: Any) -> None:
    """What each message is stamped with is part of the state."""
    message = _Message()
    await world.io("disk")
    assert message.sent.year == 2023, message  # as the loop says, whatever the year is


def test_a_date_is_the_loop_s_also_where_a_lambda_asks_for_it() -> None:
    found = search(stamped)
    assert found.complete
    assert not found.found
    assert found.trusted == [RECKONED]

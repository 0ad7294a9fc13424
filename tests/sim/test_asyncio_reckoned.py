"""Times that are reckoned with as plain numbers: one is taken for all, and that is said."""

from __future__ import annotations

import time
from collections.abc import Callable
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

"""Times that are reckoned with as plain numbers: one is taken for all, and that is said."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from everyturn.asyncio.checking import check, fuzz
from everyturn.asyncio.order.clock import Clock
from everyturn.asyncio.order.moments import earliest
from everyturn.asyncio.runtime.running import RECKONED
from everyturn.asyncio.search.searching import search
from everyturn.verdicts.verdict import Verdict

WAYS: dict[str, Callable[[float, float, float], object]] = {
    "whole": lambda a, b, c: int(b - a) >= 1,
    "rounded": lambda a, b, c: round(b - a, 1) > 1,
    "spans": lambda a, b, c: c - b > b - a,
    "remainder": lambda a, b, c: time.time() % 60 < 30,
    "a plain number": lambda a, b, c: float(b - a) > 1,
    "negative": lambda a, b, c: -a < -b,
    "a key": lambda a, b, c: {a, b} > {c},
    "a date": lambda a, b, c: datetime.now().second < 30,
    "nanoseconds": lambda a, b, c: time.monotonic_ns() > 0,
}
DECIDED: dict[str, Callable[[float, float, float], object]] = {
    "times": lambda a, b, c: (b - a) * 1000 > 500,
    "times from the left": lambda a, b, c: 1000 * (b - a) >= 500,
    "times less than nothing": lambda a, b, c: -1000 * (b - a) < -500,
    "divided": lambda a, b, c: (b - a) / 60 > 1,
    "more": lambda a, b, c: (b - a) * 1000 + 250 <= 500,
    "absolute": lambda a, b, c: abs(a - b) > 1,
    "summed": lambda a, b, c: sum([b - a, c - b]) > 1,
    "what is left": lambda a, b, c: (c - a) - (b - a) > 1,
    "two spans from one time": lambda a, b, c: c - a > (b - a) + 1,
    "the longest": lambda a, b, c: max(b - a, 1) > 1,
}
"""Each of them may come out either way."""
EXACT: dict[str, Callable[[float, float, float], object]] = {
    "a span": lambda a, b, c: b - a > 1,
    "a deadline": lambda a, b, c: c >= a + 2,
    "shown": lambda a, b, c: f"{b - a:.2f}",
}


def reads(way: Callable[[float, float, float], object], answers: set[object] | None = None) -> Any:
    async def scenario(world: Any) -> None:
        a = time.monotonic()
        await world.io("disk")
        b = time.monotonic()
        await world.io("disk")
        answer = way(a, b, time.monotonic())
        if answers is not None:
            answers.add(answer)

    return scenario


@pytest.mark.parametrize("way", WAYS)
def test_a_time_that_became_a_number_is_said_to_be_trusted(way: str) -> None:
    assert search(reads(WAYS[way])).trusted == [RECKONED]


@pytest.mark.parametrize("way", DECIDED)
def test_either_answer_is_explored_and_no_third_one(way: str) -> None:
    answers: set[object] = set()
    found = search(reads(DECIDED[way], answers))
    assert answers == {True, False}
    assert found.trusted == []
    assert found.complete


@pytest.mark.parametrize("way", [lambda a, b, c: (c - a) * 1000 < (b - a) * 1000, lambda a, b, c: abs(a - b) < 0])
def test_what_cannot_be_is_not_explored(way: Callable[[float, float, float], object]) -> None:
    answers: set[object] = set()
    assert search(reads(way, answers)).trusted == []
    assert answers == {False}


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


@pytest.mark.parametrize(
    "way",
    [
        lambda now, left, _: now <= left,
        lambda now, left, _: left > now,
        lambda now, left, _: left - now,
        lambda now, left, _: now - left,
        lambda now, _, since: now + since,
        lambda now, _, since: since < now - 990,
    ],
)
def test_a_time_that_an_earlier_run_left_behind_is_a_number_and_that_is_noted(way: Any) -> None:
    """Its instants are none of the clock's, which is asked what it is asked about a number."""

    def asked(earlier_one: bool) -> tuple[list[Sequence[str]], float, bool]:
        said: list[Sequence[str]] = []

        def choose(kind: str, options: Sequence[str]) -> int:
            said.append(options)
            return 0

        earlier, clock = Clock(choose), Clock(choose)
        first = earlier.present()
        for _ in range(3):
            earlier.tick()
        left, since = earlier.present() + 7, earlier.present() - first
        earlier.over = True
        if not earlier_one:
            left, since = earliest(left), earliest(since)
        return said, earliest(way(clock.present(), left, since)), clock.reckoned or earlier.reckoned

    assert asked(earlier_one=True) == (*asked(earlier_one=False)[:2], True)


def waits_long(way: Callable[[float], None]) -> Any:
    async def scenario(world: Any) -> None:
        start = time.monotonic()
        await world.io("disk")
        way(time.monotonic() - start)

    return scenario


def before(waited: float) -> None:
    whole = int(waited)
    if waited >= 5:
        assert whole >= 5


def afterwards(waited: float) -> None:
    if waited >= 5:
        assert int(waited) >= 5


def to_a_window(waited: float) -> None:
    window = waited // 60
    if waited >= 120:
        assert window >= 2


def only_noted(waited: float) -> None:
    print(int(waited * 1000), "ms")
    assert waited < 5


def noted_and_wrong(waited: float) -> None:
    whole = int(waited)
    if waited >= 5:
        assert whole < 5


@pytest.mark.parametrize("way", [before, afterwards, to_a_window, noted_and_wrong])
def test_what_rests_on_two_times_for_one_instant_is_no_fault_and_no_proof(way: Callable[[float], None]) -> None:
    for merge in (True, False):
        said = check(waits_long(way), merge=merge).cell.invariants
        assert said["error"].verdict is Verdict.UNDETERMINED
        assert said["hang"].verdict is Verdict.PROVED
    for engine in ("simpy", "tables"):
        assert fuzz(waits_long(way), runs=40, engine=engine).cell.invariants["error"].verdict is Verdict.UNDETERMINED


def test_a_fault_that_is_there_with_one_time_for_each_instant_is_found() -> None:
    assert check(waits_long(only_noted)).cell.invariants["error"].verdict is Verdict.REFUTED
    assert fuzz(waits_long(only_noted), runs=40).cell.invariants["error"].verdict is Verdict.REFUTED

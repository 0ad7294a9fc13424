"""Executors of the program's own do what they do without us, or are refused."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Any

import pytest

import everyturn
from everyturn.asyncio.runtime.outside import IN_ONE_STEP
from everyturn.asyncio.search.searching import search
from everyturn.errors import UsageError


def _on(executor: Any, function: Any, *args: Any) -> Any:
    return asyncio.get_running_loop().run_in_executor(executor, function, *args)


async def left_with_work(world: Any) -> None:
    """Leaving the block waits for what the executor was given."""
    rows: list[int] = []
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        waiting = [_on(executor, rows.append, number) for number in (1, 2)]
    assert rows == [1, 2]
    await asyncio.gather(*waiting)


async def shut_down_before(world: Any) -> None:
    """Nothing is taken any more."""
    executor = concurrent.futures.ThreadPoolExecutor(1)
    executor.shutdown(wait=False)
    try:
        await _on(executor, int)
    except RuntimeError:
        return
    raise AssertionError


async def shut_down_behind(world: Any) -> None:
    """What was taken is run, though nobody waits in the shutdown."""
    executor = concurrent.futures.ThreadPoolExecutor(2)
    waiting = [_on(executor, int), _on(executor, int)]
    executor.shutdown(wait=False)
    assert await asyncio.gather(*waiting) == [0, 0]


@pytest.mark.parametrize("scenario", [left_with_work, shut_down_before, shut_down_behind])
def test_a_shut_down_executor_does_what_it_does_without_us(scenario: Any) -> None:
    asyncio.run(scenario(None))
    assert everyturn.check_scenario(scenario).verdict == "proved"


class AtOnce(concurrent.futures.Executor):
    """Runs a function where it is given."""

    def submit(self, function: Any, /, *args: Any, **options: Any) -> Any:
        """Run it now."""
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        done.set_result(function(*args, **options))
        return done


async def another_kind(world: Any) -> None:
    """Not a pool of threads."""
    await _on(AtOnce(), int)


async def other_processes(world: Any) -> None:
    """What a function changes there is not changed here."""
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        await _on(executor, int)


async def with_an_initializer(world: Any) -> None:
    """It would run on each thread."""
    await _on(concurrent.futures.ThreadPoolExecutor(1, initializer=int), int)


async def left_with_work_for_two(world: Any) -> None:
    """In which order two threads end, while the loop is blocked, would be a choice."""
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        waiting = [_on(executor, int), _on(executor, int)]
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (another_kind, "a function for a AtOnce"),
        (other_processes, "a function for a ProcessPoolExecutor"),
        (with_an_initializer, "with an initializer"),
        (left_with_work_for_two, "has 2 function"),
    ],
)
def test_an_executor_that_cannot_be_followed_is_refused(scenario: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        everyturn.check_scenario(scenario)


KEPT = threading.local()


async def asks_who_it_is(world: Any) -> None:
    """A function on another thread is not on the loop's, and is told so."""
    here, main = threading.get_ident(), threading.main_thread()
    assert await asyncio.to_thread(threading.get_ident) != here
    assert await asyncio.to_thread(threading.current_thread) is not main
    assert (await asyncio.to_thread(threading.current_thread)).name == "asyncio_0"
    assert threading.current_thread() is main


class Counts(threading.local):
    """Begins on each thread."""

    def __init__(self, first: int) -> None:
        self.number = first


COUNTS = Counts(7)


def count() -> int:
    COUNTS.number += 1
    return COUNTS.number


async def keeps_something_for_each_thread(world: Any) -> None:
    """One worker finds what it kept, and nothing of the loop's thread, which finds nothing of the worker's."""
    KEPT.here, COUNTS.number = 1, 0
    assert not await asyncio.to_thread(hasattr, KEPT, "here")
    await asyncio.to_thread(setattr, KEPT, "there", 1)
    assert await asyncio.to_thread(hasattr, KEPT, "there")
    assert not hasattr(KEPT, "there")
    assert [await asyncio.to_thread(count) for _ in range(2)] == [8, 9]
    assert COUNTS.number == 0
    made = threading.local()
    made.here = 1
    assert not await asyncio.to_thread(hasattr, made, "here")
    assert (KEPT.here, made.here) == (1, 1)


def test_a_local_keeps_something_for_each_thread() -> None:
    found = search(keeps_something_for_each_thread)
    assert found.complete
    assert not found.found
    assert found.trusted == [IN_ONE_STEP]


async def keeps_a_number_on_a_thread(world: Any) -> None:
    """Nobody but the thread has it while the world decides."""
    try:
        await world.io("way", errors=[LookupError])
        await asyncio.to_thread(setattr, KEPT, "way", 0)
    except LookupError:
        await asyncio.to_thread(setattr, KEPT, "way", 1)
    await asyncio.gather(world.io("x"), world.io("y"))
    assert await asyncio.to_thread(getattr, KEPT, "way") == 0


def test_what_another_thread_keeps_is_a_part_of_the_state() -> None:
    assert set(search(keeps_a_number_on_a_thread).found) == {"error"}


async def two_at_once(world: Any) -> None:
    """The first of the two threads takes the third function."""
    await asyncio.gather(asyncio.to_thread(setattr, KEPT, "here", 1), asyncio.to_thread(setattr, KEPT, "here", 2))
    world.log(await asyncio.to_thread(getattr, KEPT, "here", None))


def test_which_of_several_threads_takes_a_function_is_trusted() -> None:
    assert any("of several threads" in each for each in search(two_at_once).trusted)

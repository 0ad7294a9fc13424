"""Asyncio programs of a few lines whose behaviours are known by construction."""

from __future__ import annotations

import asyncio
import time
from typing import Any


async def two_answers(world: Any) -> None:
    async def wait(name: str) -> None:
        world.log(await world.io(name, name))

    await asyncio.gather(wait("a"), wait("b"))


async def siblings_in_every_order(world: Any) -> None:
    """One of four siblings fails: the other three are cancelled in any of six orders."""

    async def wait(name: str) -> None:
        try:
            if name == "a":
                await world.io("answer")
                raise ValueError
            await asyncio.Future()
        finally:
            world.log(name)

    try:
        async with asyncio.TaskGroup() as group:
            for name in "abcd":
                group.create_task(wait(name), name=name)
    except ExceptionGroup:
        pass


async def three_timers(world: Any) -> None:
    """Timers set at one instant fire in the order of their delays; one set later with a shorter delay: before or
    after."""

    async def sleep(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        world.log(name)

    async def later() -> None:
        await world.io("answer")
        await sleep("later", 1)

    await asyncio.gather(sleep("two", 2), sleep("one", 1), later())


async def two_threads(world: Any) -> None:
    ran: list[str] = []

    def work(name: str) -> str:
        ran.append(name)
        return name

    async def ask(name: str) -> None:
        world.log(await asyncio.to_thread(work, name))

    await asyncio.gather(ask("a"), ask("b"))
    world.log(tuple(ran))


async def a_thread_that_sleeps(world: Any) -> None:
    def sleeps() -> float:
        begun = time.monotonic()
        time.sleep(1)
        return round(time.monotonic() - begun, 3)

    try:
        world.log(await asyncio.wait_for(asyncio.to_thread(sleeps), 2))
    except TimeoutError:
        world.log("too late")


async def an_answer_against_a_timeout(world: Any) -> None:
    try:
        async with asyncio.timeout(1):
            world.log(await world.io("answer", "answered"))
    except TimeoutError:
        world.log("too late")


async def an_answer_that_is_in_time(world: Any) -> None:
    try:
        async with asyncio.timeout(60):
            world.log(await world.io("answer", "answered", within=1))
    except TimeoutError:
        world.log("too late")


class Session:
    """Runs a prompt if it is idle, else queues it; at the end of a turn it looks at the queue, then saves, then goes
    idle."""

    def __init__(self, world: Any, *, mended: bool = False) -> None:
        self.world = world
        self.mended = mended
        self.busy = False
        self.queue: list[tuple[str, asyncio.Future[str]]] = []

    async def ask(self, prompt: str) -> str:
        if self.busy:
            waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self.queue.append((prompt, waiting))
            return await waiting
        self.busy = True
        return await self.turn(prompt)

    async def turn(self, prompt: str) -> str:
        await self.world.io(f"model {prompt}")
        if self.mended:
            await self.world.io(f"save {prompt}")
        if self.queue:
            following, waiting = self.queue.pop(0)
            waiting.set_result(await self.turn(following))
        else:
            if not self.mended:
                await self.world.io(f"save {prompt}")
            self.busy = False
        return prompt


def session(prompts: int, *, mended: bool) -> Any:
    async def scenario(world: Any) -> None:
        chat = Session(world, mended=mended)

        async def user(prompt: str) -> None:
            await world.io(f"user {prompt}")
            assert await chat.ask(prompt) == prompt

        await asyncio.gather(*(user(f"p{number}") for number in range(prompts)))

    return scenario


racy = session(2, mended=False)
mended = session(2, mended=True)


async def makes_its_own_tasks_and_futures(world: Any) -> None:
    """Of three that are ended it goes on with the first one that it meets; a task of its own waits for ever."""

    async def number(value: int) -> int:
        await asyncio.sleep(0)
        return value

    loop = asyncio.get_running_loop()
    own: asyncio.Task[Any] = asyncio.Task(asyncio.wait_for(asyncio.Future(), None), loop=loop)
    done, _ = await asyncio.wait([asyncio.Task(number(each), loop=loop) for each in range(3)])
    world.log(own.done(), *(each.result() for each in done))


async def meets_all_tasks_in_every_order(world: Any) -> None:
    """So that a weak set and the set of all tasks have been asked, and neither by the order of creation."""
    waiting = [asyncio.create_task(asyncio.wait_for(world.io(name), None), name=name) for name in "ab"]
    await asyncio.sleep(0)
    here = asyncio.current_task()
    world.log(*(each.get_name() for each in asyncio.all_tasks() if each is not here))
    world.log(*(each.get_name() for each in frozenset(asyncio.all_tasks()) if each is not here))
    await asyncio.gather(*waiting)

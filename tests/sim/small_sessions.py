"""Chat sessions in plain asyncio with one fault each, and the adapters to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import everyturn


class Right:
    """Answers one prompt at a time; who comes meanwhile waits. A Cancel ends the turn and forgets who waits."""

    def __init__(self, model: Any, store: Any) -> None:
        self.model, self.store = model, store
        self.active: str | None = None
        self.turn: asyncio.Task[str] | None = None
        self.queue: list[tuple[str, asyncio.Future[str]]] = []

    async def ask(self, text: str) -> str:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self.active is None:
            self.start(text, answered)
        else:
            self.queue.append((text, answered))
        return await answered

    def start(self, text: str, answered: asyncio.Future[str]) -> None:
        self.active = text
        self.turn = asyncio.create_task(self.answer(text))
        self.turn.add_done_callback(lambda turn: self.ended(turn, answered))

    async def answer(self, text: str) -> str:
        await self.store(text)
        answer: str = await self.model(text)
        return answer

    def ended(self, turn: asyncio.Task[str], answered: asyncio.Future[str]) -> None:
        tell(answered, turn)
        self.next()

    def next(self) -> None:
        self.active = self.turn = None
        if self.queue:
            self.start(*self.queue.pop(0))

    async def stop(self) -> None:
        while self.queue:
            self.queue.pop(0)[1].cancel()
        if self.turn is not None:
            self.turn.cancel()

    async def forget(self) -> None:
        while self.queue:
            self.queue.pop(0)[1].cancel()


def tell(answered: asyncio.Future[str], turn: asyncio.Task[str]) -> None:
    """Hand over what became of a turn."""
    if answered.done():
        return
    if turn.cancelled():
        answered.cancel()
    elif (error := turn.exception()) is not None:
        answered.set_exception(error)
    else:
        answered.set_result(turn.result())


class Forgets(Right):
    """Nobody is told that what waited is forgotten."""

    async def stop(self) -> None:
        self.queue.clear()
        if self.turn is not None:
            self.turn.cancel()


class AllAtOnce(Right):
    """Does not wait for the running turn."""

    async def ask(self, text: str) -> str:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.start(text, answered)
        return await answered


class IgnoresCancel(Right):
    async def stop(self) -> None: ...


class CancelsTheQueueAlone(Right):
    stop = Right.forget


class CancelsTheTurnAlone(Right):
    async def stop(self) -> None:
        if self.turn is not None:
            self.turn.cancel()


class StaysStopped(Right):
    """The mark that a Cancel raises is lowered by a turn that sees it, and by nobody else."""

    stopped = False

    async def stop(self) -> None:
        await super().stop()
        self.stopped = True

    async def answer(self, text: str) -> str:
        if self.stopped:
            self.stopped = False
            raise asyncio.CancelledError
        return await super().answer(text)


class StoresTwice(Right):
    async def answer(self, text: str) -> str:
        await self.store(text)
        return await super().answer(text)


class LastInFirstOut(Right):
    def next(self) -> None:
        self.active = self.turn = None
        if self.queue:
            self.start(*self.queue.pop())


class OneAnswer(Right):
    """Every client is given the latest answer."""

    latest = ""

    async def ask(self, text: str) -> str:
        await super().ask(text)
        await self.store("somebody was answered")
        return self.latest

    async def answer(self, text: str) -> str:
        self.latest = await super().answer(text)
        return self.latest


class StaysBusy(Right):
    """A turn that fails leaves the session busy."""

    def ended(self, turn: asyncio.Task[str], answered: asyncio.Future[str]) -> None:
        tell(answered, turn)
        if turn.cancelled() or turn.exception() is None:
            self.next()


class WaitsForTheTurn(Right):
    """A Cancel waits until the session says that it is idle; where it is idle already, nobody says so."""

    def __init__(self, model: Any, store: Any) -> None:
        super().__init__(model, store)
        self.idle = asyncio.Condition()

    async def stop(self) -> None:
        await super().stop()
        async with self.idle:
            await self.idle.wait()

    def next(self) -> None:
        super().next()
        asyncio.get_running_loop().create_task(self.say())

    async def say(self) -> None:
        async with self.idle:
            self.idle.notify_all()


class TellsLate(Right):
    """Runs whoever waits before it returns its own answer."""

    async def ask(self, text: str) -> str:
        if self.active is not None:
            answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self.queue.append((text, answered))
            return await answered
        self.active = text
        answer = await self.answer(text)
        while self.queue:
            self.active, answered = self.queue.pop(0)
            answered.set_result(await self.answer(self.active))
        self.active = None
        return answer


class HoldsBack(Right):
    """The same, by a task of the session's own."""

    held: tuple[asyncio.Future[str], asyncio.Task[str]] | None = None

    async def ask(self, text: str) -> str:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.queue.append((text, answered))
        if self.active is None:
            self.active = text
            self.turn = asyncio.create_task(self.work())
        return await answered

    async def work(self) -> str:
        done: list[tuple[asyncio.Future[str], str]] = []
        while self.queue:
            self.active, answered = self.queue.pop(0)
            done.append((answered, await self.answer(self.active)))
        for answered, answer in done:
            answered.set_result(answer)
        self.active = None
        return ""


class SaysItIsFinished(Right):
    """Whatever becomes of a turn, its client is given some text."""

    def ended(self, turn: asyncio.Task[str], answered: asyncio.Future[str]) -> None:
        if not answered.done():
            answered.set_result("sorry" if turn.cancelled() or turn.exception() else turn.result())
        self.next()


class Batches(Right):
    """Whoever waits is asked together, and all are given the one answer."""

    async def ask(self, text: str) -> str:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.queue.append((text, answered))
        if self.active is None:
            self.active = text
            self.turn = asyncio.create_task(self.work())
        return await answered

    async def work(self) -> str:
        while self.queue:
            batch, self.queue = self.queue, []
            self.active = batch[0][0]
            answer = await self.model([text for text, _ in batch])
            for _, answered in batch:
                answered.set_result(answer)
        self.active = None
        return ""


class LosesATask(Right):
    """What goes wrong when an answer is kept, nobody asks."""

    async def answer(self, text: str) -> str:
        answer = await super().answer(text)
        self.keeping = asyncio.create_task(self.keep(answer))
        return answer

    async def keep(self, answer: str) -> None:
        raise OSError("disk full")


class LooksTooEarly(Right):
    """A Cancel raises a mark at which nobody looks while the model answers."""

    stopped = False

    async def stop(self) -> None:
        self.stopped = True

    async def answer(self, text: str) -> str:
        self.stopped = False
        return await super().answer(text)


class Shields(Right):
    """Whoever cancels a turn does not reach the model."""

    async def answer(self, text: str) -> str:
        await self.store(text)
        answer: str = await asyncio.shield(self.model(text))
        return answer


class AsksAgain(Right):
    """A Cancel is taken for an error of the model, which is asked once more."""

    async def answer(self, text: str) -> str:
        await self.store(text)
        try:
            answer: str = await self.model(text)
        except BaseException:
            answer = await self.model(text)
        return answer


class CancelFails(Right):
    async def stop(self) -> None:
        assert self.turn is not None
        self.turn.cancel()


class Refuses(Right):
    """A prompt that finds the session busy is turned away."""

    async def ask(self, text: str) -> str:
        if self.active is not None:
            raise ConnectionRefusedError
        return await super().ask(text)


class Adapter(everyturn.Session):
    """To any of these."""

    promises = everyturn.Promises(cancel="turn and queue", folds=False)
    stores_prompts = True
    kind: type[Right] = Right

    async def open(self, world: Any) -> None:
        self.chat = self.kind(world.model(), world.store())

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        try:
            return await self.chat.ask(prompt.text)
        except ConnectionRefusedError as error:
            raise everyturn.PromptRefused from error

    async def cancel(self) -> None:
        await self.chat.stop()

    async def clear(self) -> None:
        await self.chat.forget()

    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active, queue=[text for text, _ in self.chat.queue])


def to(chat: type[Right], **attributes: Any) -> type[Adapter]:
    """The adapter to ``chat``; ``attributes``: what it has of its own."""
    return type(f"To{chat.__name__}", (Adapter,), {"kind": chat, "__module__": __name__, **attributes})


def __getattr__(name: str) -> type[Adapter]:
    """The adapter to a session, by its name: ``ToForgets``."""
    chat = globals().get(name.removeprefix("To"))
    if not name.startswith("To") or not isinstance(chat, type):
        raise AttributeError(name)
    return to(chat)


class Blind(Adapter):
    """Shows nothing of what the session holds, and not whether prompts are stored."""

    stores_prompts = False
    look = everyturn.Session.look


class TellsItself(Blind):
    """The answer comes by a call back; ``times``: so often."""

    times = 1

    async def submit(self, prompt: everyturn.UserPrompt) -> Any:
        self.asked = asyncio.create_task(self._ask(prompt))
        return self.later

    async def _ask(self, prompt: everyturn.UserPrompt) -> None:
        answer = await self.chat.ask(prompt.text)
        for _ in range(self.times):
            self.told(prompt, answer)


class TellsTwice(TellsItself):
    times = 2


Wrong = Callable[[], type[everyturn.Session]]

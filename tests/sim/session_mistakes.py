"""Adapters with one mistake each: what `everyturn check --session` says of them is what a user has to go on."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.sim.small_sessions import Adapter, Blind, Right

import everyturn


class NoSession:
    pass


class LacksSubmit(everyturn.Session):
    async def open(self, world: Any) -> None: ...


class LacksCancel(everyturn.Session):
    async def open(self, world: Any) -> None: ...

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        return ""


class IsNotAsync(Adapter):
    def submit(self, prompt: everyturn.UserPrompt) -> str:  # type: ignore[override]
        return ""


class TakesNothing(Adapter):
    async def submit(self) -> str:  # type: ignore[override]
        return ""


class LooksAsync(Adapter):
    async def look(self) -> everyturn.Held:  # type: ignore[override]
        return everyturn.Held()


class PromisesAWord(Adapter):
    promises = "everything"  # type: ignore[assignment]


class CannotOpen(Adapter):
    async def open(self, world: Any) -> None:
        self.chat = Right(world.model())  # type: ignore[call-arg]


class NeverOpens(Adapter):
    async def open(self, world: Any) -> None:
        await super().open(world)
        await asyncio.Event().wait()


class ReturnsNothing(Adapter):
    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        await super().submit(prompt)
        return None  # type: ignore[return-value]


class CallsWhatIsNotThere(Adapter):
    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        return await self.chat.answers(prompt.text)  # type: ignore[attr-defined,no-any-return]


class PassesTooMuch(Adapter):
    async def cancel(self) -> None:
        await self.chat.stop("now")  # type: ignore[call-arg]


class AwaitsNothing(Adapter):
    async def cancel(self) -> None:
        await self.chat.queue.clear()  # type: ignore[func-returns-value,misc]


class GivesAnotherText(Blind):
    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        return await self.chat.ask("hello")


class LooksAtNothing(Adapter):
    def look(self) -> everyturn.Held:
        return None  # type: ignore[return-value]


class LooksWrongly(Adapter):
    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active, queue=["somebody" for _ in self.chat.queue])


class LookRaises(Adapter):
    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.busy)  # type: ignore[attr-defined]


class StoresNothing(Adapter):
    async def open(self, world: Any) -> None:
        self.chat = Right(world.model(), lambda text: world.io(text))  # noqa: PLW0108 # as people write it


class TellsTwoThings(Blind):
    async def submit(self, prompt: everyturn.UserPrompt) -> Any:
        self.told(prompt, "answer:p1", cancelled=True)
        return self.later


class TellsNobody(Blind):
    async def submit(self, prompt: everyturn.UserPrompt) -> Any:
        self.told("somebody", "answer:p1")
        return self.later


class TellsAndReturns(Blind):
    async def submit(self, prompt: everyturn.UserPrompt) -> Any:
        answer = await self.chat.ask(prompt.text)
        self.told(prompt, answer)
        return answer

"""Services of the outside world that an agent talks to: a language model, and a store.

A program is given one in place of the real one. In a scenario they answer, no more; of a session, whatever they are
asked is told to a :class:`SessionOnlooker`: it is what can be seen of the session from outside.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from everyturn.asyncio.runtime.outside import ErrorBudget

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

_PROMPT: Final = re.compile(r"\bprompt:(p\d+)\b", re.IGNORECASE)
_ANSWER: Final = re.compile(r"\banswer:(p\d+)\b", re.IGNORECASE)


class ModelError(Exception):
    """The provider of the model has failed."""


class SessionOnlooker(Protocol):
    """Who is told what can be seen of a session from outside."""

    errors: ErrorBudget
    """How many streams may still end in a :class:`ModelError`."""
    open: dict[str, asyncio.Task[Any]]
    """The calls that have begun and not returned, by the names of their tasks."""
    taken: set[str]
    """Which of the services the session was given."""

    def asked(self, prompts: Sequence[str], request: object) -> int:
        """The model is asked, by the task that runs now; the number of this stream. ``prompts``: those not answered."""
        ...

    def answered(self, stream: int, how: str) -> None:
        """A stream has ended: ``finished``, ``failed`` or ``cancelled``."""
        ...

    def wrote(self, prompts: Sequence[str], *, failed: bool) -> None:
        """The texts of these prompts are in the store; or their write has failed, as far as the agent knows."""
        ...

    def look(self) -> None:
        """No code of the program is running."""
        ...

    def steps(self, handle: Any) -> None:
        """The loop runs ``handle`` next."""
        ...

    def becomes_ready(self, handle: Any) -> None:
        """The loop is to run ``handle``."""
        ...


def prompts_in(what: object) -> list[str]:
    """The names of the prompts whose texts are in ``what``, each once, in their order."""
    text = what if isinstance(what, str) else repr(what)
    return list(dict.fromkeys(name.lower() for name in _PROMPT.findall(text)))


def unanswered_in(request: object) -> list[str]:
    """The names of the prompts in ``request`` whose answers are not in it; if all are, the last one."""
    prompts = prompts_in(request)
    text = request if isinstance(request, str) else repr(request)
    answered = {name.lower() for name in _ANSWER.findall(text)}
    return [name for name in prompts if name not in answered] or prompts[-1:]


def _brief(request: object) -> str:
    """The beginning of what is asked: of messages the last one, which those before it do not have."""
    last = request[-1] if isinstance(request, list | tuple) and request else request
    content = last.get("content", last) if isinstance(last, dict) else last
    return repr(content if isinstance(content, str) else str(content))[:40]


class WorldModel:
    """A language model: an answer comes piece by piece, each when the world likes, and may be an error of the scope."""

    def __init__(self, world: ScenarioWorld, pieces: int) -> None:
        self.world = world
        self.pieces = pieces

    def stream(self, request: object, *_: object, **__: object) -> AnswerStream:
        """The answer to ``request``, piece by piece, for ``async for``; the model is asked when the first one is."""
        return AnswerStream(self.world, request, self.pieces)

    async def __call__(self, request: object, *_: object, **__: object) -> str:
        """The whole answer to ``request``."""
        text = ""
        async for piece in self.stream(request):
            text += piece
        return text


class AnswerStream:
    """One answer of a model. It ends with its last piece, with an error, or when whoever reads it stops: by being
    cancelled, by :meth:`aclose`, or because nobody holds the stream any more."""

    def __init__(self, world: ScenarioWorld, request: object, pieces: int) -> None:
        self.world = world
        self.request = request
        self.prompts = unanswered_in(request)
        text = " ".join(f"answer:{name}" for name in self.prompts) or "an answer"
        size = -(-len(text) // pieces)
        self.pieces = [text[place : place + size] for place in range(0, len(text), size)]
        self.number: int | None = None
        self.ended = False
        self.errors: Sequence[type[Exception]] = ()
        """What each piece may be instead; of a session, what its scope says."""
        self.within: float | None = None
        """The latest time at which each piece comes, in seconds after it was asked for."""

    @property
    def name(self) -> str:
        """What is asked of the world."""
        return f"model {' '.join(self.prompts) or _brief(self.request)}"

    def ask(self) -> None:
        """The model is asked, unless it was."""
        onlooker = self.world.onlooker
        if self.number is None:
            self.number = 0 if onlooker is None else onlooker.asked(self.prompts, self.request)

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        """The next piece. Raises :class:`ModelError` where the world has one left."""
        onlooker = self.world.onlooker
        if self.ended:
            raise StopAsyncIteration
        self.ask()
        if not self.pieces:
            self.end("finished")
            raise StopAsyncIteration
        errors, budget = (self.errors, None) if onlooker is None else ((ModelError,), onlooker.errors)
        try:
            await self.world.io(self.name, errors=errors, budget=budget, within=self.within)
        except asyncio.CancelledError:
            self.end("cancelled")
            raise
        except ModelError:
            self.end("failed")
            raise
        return self.pieces.pop(0)

    async def aclose(self) -> None:
        """Read no further."""
        self.end("cancelled")

    def end(self, how: str) -> None:
        """It has ended: ``finished``, ``failed`` or ``cancelled``. Said once."""
        if self.ended:
            return
        self.ended = True
        onlooker = self.world.onlooker
        if self.number is not None and onlooker is not None and not (self.world.over or self.world.settled):
            onlooker.answered(self.number, how)

    def __del__(self) -> None:
        if hasattr(self, "ended"):
            self.end("cancelled")


class WorldStore:
    """A store: what is written is there when the world likes, and may be there although the write was interrupted."""

    def __init__(self, world: ScenarioWorld) -> None:
        self.world = world
        self.rows: list[Any] = []
        self.kept: dict[Any, Any] = {}

    async def __call__(self, *row: Any) -> None:
        """Append a row."""
        name = f"store {' '.join(prompts_in(row)) or ' '.join(map(str, row))[:40]}"
        await self._write(name, prompts_in(row), partial(self.rows.append, row[0] if len(row) == 1 else row))

    write = append = save = add = __call__

    async def put(self, key: Any, row: Any) -> None:
        """Put a row in the place of what was there under ``key``."""
        before = prompts_in(self.kept.get(key, ""))
        new = [name for name in prompts_in(row) if name not in before]
        await self._write(f"store {key}", new, partial(self.kept.__setitem__, key, row))

    async def read(self) -> list[Any]:
        """All rows that were appended."""
        rows: list[Any] = await self.world.io("read the store", effect=partial(list, self.rows))
        return rows

    async def _write(self, name: str, prompts: Sequence[str], change: Callable[[], object]) -> None:
        write = _Write(self.world, prompts, change)
        try:
            await self.world.io(name, effect=write.happen)
        except asyncio.CancelledError:
            write.interrupt()
            raise


class _Write:
    """A write that is under way. Of one that was interrupted nobody is told whether it happens after all."""

    def __init__(self, world: ScenarioWorld, prompts: Sequence[str], change: Callable[[], object]) -> None:
        self.world = world
        self.prompts = tuple(prompts)
        self.change = change
        self.over = False

    def happen(self) -> None:
        """The store has it."""
        self.change()
        self._tell(failed=False)

    def interrupt(self) -> None:
        """Whoever writes is told that it failed, unless it has happened."""
        self._tell(failed=True)

    def _tell(self, *, failed: bool) -> None:
        onlooker = self.world.onlooker
        told, self.over = self.over, True
        if onlooker is not None and self.prompts and not (told or self.world.over or self.world.settled):
            onlooker.wrote(self.prompts, failed=failed)

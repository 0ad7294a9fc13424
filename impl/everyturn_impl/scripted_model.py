"""A client that answers by a script: for tests, examples and demonstrations. No network, no randomness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass

from everyturn_impl.calls import StepEnd, StreamResult
from everyturn_impl.errors import ProviderError, Unauthorised
from everyturn_impl.streaming_model import Request

TITLE_LENGTH = 40


class StreamGate:
    """Holds a stream: it tells that it has come (``reached``) and goes on when the gate is opened."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def reached(self) -> None:
        """Wait until a stream has come to the gate."""
        await self._reached.wait()

    def open(self) -> None:
        """Let the streams through, this one and later ones."""
        self._opened.set()

    async def pass_through(self) -> None:
        """Come to the gate and wait until it is open."""
        self._reached.set()
        await self._opened.wait()


@dataclass(frozen=True, slots=True)
class ScriptedStep:
    """One stream of a script: its text (none: a plain answer), how it ends, and what it waits for.

    ``delay``: seconds before each word. ``gate``: waited for after the text, before the end. ``full``: the context
    window is nearly full afterwards.
    """

    how: StepEnd = StepEnd.FINISHED
    text: str | None = None
    delay: float = 0.0
    gate: StreamGate | None = None
    full: bool = False


class ScriptedClient:
    """Answers each stream of a prompt by the next step of the prompt's script.

    ``scripts`` maps prompts' identifiers (none: summaries) to steps, taken in order, whether the stream is a further
    step of the turn, a retry or a continuation. What has no script, or whose script has ended, finishes at once with a
    plain answer. ``requests`` are the prompts that were asked for, in order.
    """

    def __init__(self, scripts: Mapping[str | None, Iterable[ScriptedStep]] | None = None) -> None:
        self._scripts = {prompt: list(steps) for prompt, steps in (scripts or {}).items()}
        self.requests: list[str | None] = []

    async def stream(self, request: Request) -> AsyncGenerator[str | StreamResult, None]:
        """Stream the next step of the prompt's script. Raises :class:`ProviderError` or :class:`Unauthorised`."""
        self.requests.append(request.prompt)
        steps = self._scripts.get(request.prompt)
        step = steps.pop(0) if steps else ScriptedStep()
        text = f"answer to {request.prompt or 'all of it'}" if step.text is None else step.text
        for number, word in enumerate(text.split(" ")):
            if step.delay:
                await asyncio.sleep(step.delay)
            yield f" {word}" if number else word
        if step.gate is not None:
            await step.gate.pass_through()
        if step.how is StepEnd.ERROR:
            raise ProviderError(request.prompt)
        if step.how is StepEnd.UNAUTHORISED:
            raise Unauthorised(request.prompt)
        yield StreamResult(step.how, full=step.full)

    async def title(self, text: str) -> str:
        """The beginning of ``text``."""
        return text[:TITLE_LENGTH]

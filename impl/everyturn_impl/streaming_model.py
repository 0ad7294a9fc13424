"""The language model's port over a streaming client: a user's own, or the scripted one of this package."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.calls import Context, StepEnd, Stream, StreamResult
from everyturn_impl.errors import Cancelled, NotConfigured, ProviderError, StoreError, Unauthorised
from everyturn_impl.sqlite_store import Message

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client is asked for: step ``number`` (from 1) of the turn of ``prompt``; no prompt: a summary.

    ``history`` reads the conversation so far; the prompts of the turn are in it.
    """

    session: str
    prompt: str | None
    number: int
    history: Callable[[], Awaitable[tuple[Message, ...]]]


class Client(Protocol):
    """A provider's client. Plug in your own; :class:`everyturn_impl.scripted_model.ScriptedClient` is an example."""

    def stream(self, request: Request) -> AsyncGenerator[str | StreamResult, None]:
        """Yield the answer's text piece by piece, and at the end how it ended, unless that is plainly finished.

        Raises :class:`Unauthorised` when the credentials are refused (they have to be fresh at the next request) and
        :class:`ProviderError` or :class:`OSError`, time-outs included, when the provider fails. Is interrupted where
        it waits when the turn is cancelled.
        """
        ...

    async def title(self, text: str) -> str:
        """A title for a session that begins with ``text``. Raises as :meth:`stream` does."""
        ...


class Conversation(Protocol):
    """Where requests come from and text goes to: the part of a store that a stream needs."""

    async def history(self) -> tuple[Message, ...]:
        """The conversation so far. Raises :class:`StoreError`."""
        ...

    def begin_text(self, context: Context) -> None:
        """A stream for ``context`` begins."""

    def add_text(self, context: Context, piece: str) -> None:
        """The stream for ``context`` brought ``piece``."""


class StreamingModel:
    """One session's model. ``client`` none: no model is configured."""

    def __init__(
        self, client: Client | None, session: str, contexts: CancellableContexts, conversation: Conversation
    ) -> None:
        self._client = client
        self._session = session
        self._contexts = contexts
        self._conversation = conversation

    async def ready(self, owner: str) -> None:
        """Raise :class:`NotConfigured` when there is no client."""
        if self._client is None:
            raise NotConfigured(owner)

    async def start(self, context: Context, prompt: str | None, number: int) -> Stream:
        """Begin a step's stream. The client is asked when the stream's end is waited for."""
        return Stream(context, prompt, number, self._contexts.is_cancelled(context))

    async def end(self, stream: Stream) -> StreamResult:
        """Read the stream to its end, or until its context is cancelled. Errors are ends, too."""
        if stream.cancelled:
            return StreamResult(StepEnd.CANCELLED)
        if self._client is None:
            return StreamResult(StepEnd.ERROR)
        try:
            return await self._contexts.run(stream.context, self._read(self._client, stream))
        except Cancelled:
            return StreamResult(StepEnd.CANCELLED)
        except Unauthorised:
            return StreamResult(StepEnd.UNAUTHORISED)
        except (ProviderError, StoreError, OSError) as error:
            _log.warning("the stream of %s, step %d, failed: %r", stream.prompt or "a summary", stream.number, error)
            return StreamResult(StepEnd.ERROR)

    async def _read(self, client: Client, stream: Stream) -> StreamResult:
        self._conversation.begin_text(stream.context)
        text = ""
        end = StreamResult(StepEnd.FINISHED)
        request = Request(self._session, stream.prompt, stream.number, self._conversation.history)
        async with aclosing(client.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, StreamResult):
                    end = piece
                else:
                    text += piece
                    self._conversation.add_text(stream.context, piece)
        return replace(end, text=text)

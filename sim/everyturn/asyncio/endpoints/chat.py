"""A language model behind an OpenAI-compatible interface, for a program that uses httpx or the openai package.

The program's own client sends requests and reads answers; only its transport is another one, which comes from here.
That an answer begins, each of its pieces, its end and what goes wrong are choices of the world, one by one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.runtime.services import AnswerStream, ModelError
from everyturn.errors import UsageError

try:
    import httpx
except ModuleNotFoundError as error:
    raise UsageError(
        "a chat endpoint: expected httpx, as everyturn[httpx] installs it; found no package of that name"
    ) from error

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

_CUT: Final = "peer closed connection without sending complete message body (incomplete chunked read)"
"""What httpx says of a stream that is cut."""

AnswerPieces = Callable[[dict[str, Any]], Sequence[str]] | Sequence[str]
"""The pieces of the answer: always the same, or by the request's JSON."""


class _Instead(Exception):
    """What comes instead of an answer: a status of HTTP, or an exception of httpx. Its name is that of the choice."""

    what: int | type[httpx.RequestError] = 500


@cache
def _instead(what: int | type[httpx.RequestError]) -> type[_Instead]:
    name = f"HTTP {what}" if isinstance(what, int) else what.__name__
    return type(name, (_Instead,), {"what": what})


class ChatEndpoint(httpx.AsyncBaseTransport):
    """A transport of httpx behind which a scripted model answers ``POST …/chat/completions``, whole or as a stream.

    ``answer``: its pieces; without one, as :meth:`world.model <everyturn.asyncio.runtime.world.ScenarioWorld.model>`
    answers, in so many ``pieces``, and told to whoever judges a session. ``statuses``: of HTTP, with which the endpoint
    may answer instead; ``errors``: exceptions of httpx that may come instead of an answer. ``cut``: a stream may break
    off before each piece. ``time_outs``: the time-outs of the program's client are set, and may pass as every timer
    may; else answers are always in time. ``within``: the latest time for each thing that comes, in seconds.

    Of a session so many answers fail as its scope says: at the beginning as ``statuses`` and ``errors`` say, or with
    status 500, and before each piece by breaking off.
    """

    def __init__(
        self,
        world: ScenarioWorld,
        answer: AnswerPieces | None = None,
        *,
        pieces: int = 2,
        statuses: Sequence[int] = (),
        errors: Sequence[type[httpx.RequestError]] = (),
        cut: bool = False,
        time_outs: bool = False,
        within: float | None = None,
    ) -> None:
        self.world = world
        self.answer = answer
        self.pieces = pieces
        self.errors = tuple(map(_instead, (*statuses, *errors)))
        self.cut: tuple[type[Exception], ...] = (ModelError,) if cut else ()
        self.time_outs = time_outs
        self.within = within
        world.gives("endpoint")

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request of the program's client."""
        asked = json.loads(await request.aread() or b"{}")
        what = f"{request.method} {request.url.path}"
        timeout = (request.extensions.get("timeout") or {}).get("read") if self.time_outs else None
        if request.method != "POST" or not request.url.path.endswith("/chat/completions"):
            await _in_time(self.world.io(what, within=self.within), timeout, request)
            return _refusal(404, f"{what}: expected POST …/chat/completions")
        stream = self._stream(asked)
        try:
            stream.ask()
            await _in_time(self._begins(stream), timeout, request)
        except (_Instead, ModelError) as error:
            stream.end("failed")
            instead = error.what if isinstance(error, _Instead) else 500
            if isinstance(instead, int):
                return _refusal(instead, f"the model answers with status {instead}")
            raise instead("scripted", request=request) from None
        except BaseException as error:
            stream.end("cancelled" if isinstance(error, asyncio.CancelledError) else "failed")
            raise
        if not asked.get("stream"):
            stream.end("finished")
            return httpx.Response(200, json=_completion(asked, "".join(stream.pieces)))
        events = _Events(stream, asked, timeout, request)
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=events)

    def _stream(self, asked: dict[str, Any]) -> AnswerStream:
        stream = AnswerStream(self.world, asked.get("messages", ()), self.pieces)
        if self.answer is not None:
            stream.pieces = list(self.answer(asked) if callable(self.answer) else self.answer)
        stream.errors, stream.within = self.cut, self.within
        return stream

    def _begins(self, stream: AnswerStream) -> Awaitable[Any]:
        """The first thing that comes: that the answer begins, or what comes instead of one."""
        onlooker = self.world.onlooker
        name = f"{stream.name} begins"
        errors, budget = (self.errors, None) if onlooker is None else (self.errors or (ModelError,), onlooker.errors)
        return self.world.io(name, errors=errors, budget=budget, within=self.within)  # type: ignore[no-any-return]


class _Events(httpx.AsyncByteStream):
    """The body of a streamed answer: an event for each piece, as server-sent events."""

    def __init__(
        self, stream: AnswerStream, asked: dict[str, Any], timeout: float | None, request: httpx.Request
    ) -> None:
        self._stream = stream
        self._asked = asked
        self._timeout = timeout
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        role: dict[str, str] = {"role": "assistant"}
        while self._stream.pieces:
            try:
                piece = await _in_time(self._stream.__anext__(), self._timeout, self._request)
            except ModelError:
                raise httpx.RemoteProtocolError(_CUT, request=self._request) from None
            yield _event(_chunk(self._asked, {**role, "content": piece}, None))
            role = {}
        self._stream.end("finished")
        await _in_time(self._ends(), self._timeout, self._request)
        yield _event(_chunk(self._asked, {}, "stop")) + b"data: [DONE]\n\n"

    def _ends(self) -> Awaitable[Any]:
        stream = self._stream
        return stream.world.io(f"{stream.name} ends", within=stream.within)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Read no further."""
        await self._stream.aclose()


async def _in_time(coming: Awaitable[Any], seconds: float | None, request: httpx.Request) -> Any:
    """What comes, if it comes in so many seconds: else what httpx raises."""
    if seconds is None:
        return await coming
    try:
        async with asyncio.timeout(seconds):
            return await coming
    except TimeoutError:
        raise httpx.ReadTimeout("", request=request) from None


def _event(what: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(what).encode() + b"\n\n"


def _chunk(asked: dict[str, Any], delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _answer(asked, "chat.completion.chunk", choice)


def _completion(asked: dict[str, Any], text: str) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return _answer(asked, "chat.completion", choice)


def _answer(asked: dict[str, Any], kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": kind, "created": 0, "model": asked.get("model", ""), "choices": [choice]}


def _refusal(code: int, message: str) -> httpx.Response:
    return httpx.Response(code, json={"error": {"message": message, "type": "scripted", "code": None, "param": None}})

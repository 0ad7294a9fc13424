"""mcp: a request that the client gives up just as the server answers it (modelcontextprotocol/python-sdk#2416)."""

from __future__ import annotations

from typing import Any

import anyio
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher


async def cancel_against_respond(world: Any) -> None:
    """Client and server over streams in memory; the user cancels whenever. Each ends, and none fails."""
    to_server, at_server = anyio.create_memory_object_stream(4)
    to_client, at_client = anyio.create_memory_object_stream(4)
    client, server = JSONRPCDispatcher(at_client, to_server), JSONRPCDispatcher(at_server, to_client)

    async def answers(context: Any, method: str, params: Any) -> dict[str, Any]:
        await world.io("tool")
        return {"answer": method}

    async def ignores(context: Any, method: str, params: Any) -> None: ...

    async with anyio.create_task_group() as both:
        await both.start(server.run, answers, ignores)
        await both.start(client.run, answers, ignores)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as asking:

                async def cancels() -> None:
                    await world.io("the user cancels")
                    scope.cancel()

                asking.start_soon(cancels)
                answer = await client.send_raw_request("tools/call", {})
                assert answer == {"answer": "tools/call"}
                asking.cancel_scope.cancel()
        assert await client.send_raw_request("ping", {}) == {"answer": "ping"}
        both.cancel_scope.cancel()

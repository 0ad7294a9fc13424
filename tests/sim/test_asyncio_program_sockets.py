"""Sockets that a program makes itself by calling ``socket.socket``, as packages do for the fastest address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from everyturn.asyncio.connections.peers import Hears, PeerStep
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import search
from everyturn.asyncio.telling.stock_script import stock_script
from everyturn.errors import UsageError

HERE = ("127.0.0.1", 80)


def far(world: Any) -> None:
    world.network.serve(HERE[0], HERE[1], [Hears(b"\n"), b"yes", PeerStep.CLOSES])
    world.network.limit(whole=True)


async def asks(world: Any) -> None:
    """Its own socket, the loop's methods."""
    far(world)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
        own.setblocking(False)
        await loop.sock_connect(own, HERE)
        await loop.sock_sendall(own, b"well?\n")
        assert await loop.sock_recv(own, 100) == b"yes"
        assert await loop.sock_recv(own, 100) == b""


async def opens_a_stream(world: Any) -> None:
    """As aiohttp does."""
    far(world)
    own = socket.socket(family=socket.AF_INET, type=socket.SOCK_STREAM, proto=0)
    own.settimeout(0)
    await asyncio.get_running_loop().sock_connect(own, HERE)
    reader, writer = await asyncio.open_connection(sock=own)
    writer.write(b"well?\n")
    assert await reader.read() == b"yes"
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("scenario", [asks, opens_a_stream])
def test_one_of_tcp_is_in_memory(scenario: Any) -> None:
    found = search(scenario)
    assert found.complete
    assert not found.found


async def stops_the_loop(world: Any) -> None:
    far(world)
    own = socket.socket()
    own.connect(HERE)


def test_one_that_blocks_cannot_be_explored() -> None:
    with pytest.raises(Unsupported, match="connect of a socket that blocks: expected what can be controlled"):
        search(stops_the_loop)


async def fails(world: Any) -> None:
    await asks(world)
    raise AssertionError


def test_a_run_with_one_has_no_script() -> None:
    found = search(fails).found["error"]
    with pytest.raises(UsageError, match="found one that the program makes itself"):
        stock_script(f"{__name__}:fails", Setting(), found.decisions, "run.py", "what is wrong")


def test_another_one_is_real() -> None:
    """Nobody is asked where no program is explored; and of datagrams nobody is."""
    real = socket.socket
    with prepared():
        with socket.socket() as plain:
            assert type(plain) is real
        assert issubclass(real, socket.socket)
    assert socket.socket is real

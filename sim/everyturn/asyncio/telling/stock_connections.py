"""Connections of a recorded run: what the sockets of a program answer, as a script for asyncio's own loop plays it.

Transports, streams and the loop are asyncio's own; what each call of a socket gives is what it gave in the run.

What stands behind the next comment is copied into the script, behind the driver.
"""

from __future__ import annotations

import asyncio
import asyncio.base_events
import errno
import itertools
import os
import selectors
import socket
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from everyturn.asyncio.telling.stock_driver import ScriptedLoop

CONNECTING: list[Callable[[ScriptedLoop], None]] = []
SOCKETS: list[dict[str, list[Any]]] = []
RESOLVED: list[tuple[str, int]] = []
# what follows is the same for every run


class ScriptedSocket:
    """One socket of the program: each call gives what it gave in the run, ``number`` tells which one it is."""

    type = socket.SOCK_STREAM
    family = socket.AF_INET
    proto = socket.IPPROTO_TCP

    def __init__(self, network: ScriptedNetwork, number: int, descriptor: int) -> None:
        self.network = network
        self.number = number
        self.descriptor = descriptor

    def fileno(self) -> int:
        return self.descriptor

    def gettimeout(self) -> float:
        return 0.0

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def setsockopt(self, *_: Any) -> None:
        """What an option is when somebody asks for it is recorded, too."""

    listen = setsockopt

    def recv(self, size: int) -> bytes:
        data: bytes = self.said("recv")
        return data

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: Any) -> int:
        count: int = self.said("send")
        return count

    def sendmsg(self, buffers: Any) -> int:
        return self.send(b"".join(buffers))

    def accept(self) -> tuple[ScriptedSocket, Any]:
        peer = self.said("accept")
        return self.network.socket(), peer

    def connect(self, address: Any) -> None:
        self.said("connect")

    def bind(self, address: Any) -> None:
        self.said("bind")

    def shutdown(self, how: int) -> None:
        self.said("shutdown")

    def getsockopt(self, *_: Any) -> Any:
        return self.said("getsockopt")

    def getsockname(self) -> Any:
        return self.said("getsockname")

    def getpeername(self) -> Any:
        return self.said("getpeername")

    def close(self) -> None:
        self.network.sockets.pop(self.descriptor, None)
        self.descriptor = -1

    def said(self, call: str) -> Any:
        """What this call gave in the run; an error if it is an errno."""
        answers = SOCKETS[self.number].get(call) if self.number < len(SOCKETS) else None
        if not answers:
            self.network.missing.append(f"{call} of socket {self.number + 1}")
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        how, given = answers.pop(0)
        if how == "raises":
            raise OSError(given, os.strerror(given))
        return given


class ScriptedNetwork:
    """In place of ``world.network``: what it is told matters only where the run was made."""

    def __init__(self, loop: ScriptedLoop) -> None:
        self.sockets: dict[int, ScriptedSocket] = {}
        self.missing = loop.outside.missing
        self._keys = loop.selector.keys
        self._made = itertools.count()

    def serve(self, *_: Any, **__: Any) -> None:
        """Who is at the far ends was there when the run was recorded."""

    visit = limit = serve

    def socket(self) -> ScriptedSocket:
        descriptor = next(each for each in itertools.count(10) if each not in self.sockets)
        self.sockets[descriptor] = ScriptedSocket(self, next(self._made), descriptor)
        return self.sockets[descriptor]

    def resolve(self, *_: Any, **__: Any) -> list[Any]:
        if not RESOLVED:
            self.missing.append("an address")
        address = RESOLVED.pop(0) if RESOLVED else ("", 0)
        return [(ScriptedSocket.family, ScriptedSocket.type, ScriptedSocket.proto, "", address)]

    def ready(self, descriptor: int, way: int) -> tuple[selectors.SelectorKey, int]:
        return self._keys[descriptor], way


class ScriptedSocketModule(types.ModuleType):
    """What :mod:`asyncio.base_events` takes for the module ``socket``."""

    def __init__(self, network: ScriptedNetwork) -> None:
        super().__init__("socket")
        self.network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.modules["socket"], name)

    def socket(self, *_: Any, **__: Any) -> Any:
        return self.network.socket()

    def getaddrinfo(self, *given: Any, **options: Any) -> Any:
        return self.network.resolve(*given, **options)


def connect(loop: ScriptedLoop) -> None:
    """From now on sockets are the script's."""
    loop.outside.network = ScriptedNetwork(loop)
    vars(asyncio.base_events)["socket"] = ScriptedSocketModule(loop.outside.network)


CONNECTING.append(connect)

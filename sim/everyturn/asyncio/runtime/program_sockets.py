"""Sockets that a program makes itself by calling ``socket.socket``, as packages do that look for the fastest address.

One of TCP is in memory, as those of ``asyncio.open_connection`` are. It blocks until somebody says otherwise, and what
blocks stops the loop: then it cannot be explored.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from everyturn.asyncio.connections.sockets import WorldSocket
from everyturn.asyncio.order.called import CalledClass
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.places import user_line

if TYPE_CHECKING:
    from everyturn.asyncio.connections.network import Network

_REAL: Final = socket.socket
STAND_IN: Final[Any] = CalledClass("socket", (_REAL,), {"real": _REAL, "__module__": "socket", "__slots__": ()})
"""Takes the place of ``socket.socket`` while a program is explored."""
_ANY: Final = -1


class ProgramSocket(WorldSocket):
    """One that the program has made itself."""

    blocks = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def setblocking(self, flag: bool) -> None:
        self.blocks = flag

    def settimeout(self, seconds: float | None) -> None:
        """None: it blocks; 0: it does not."""
        self.blocks = seconds != 0

    def gettimeout(self) -> float | None:  # type: ignore[override]
        return None if self.blocks else 0.0


def _unless_it_blocks(name: str) -> Callable[..., Any]:
    original = getattr(WorldSocket, name)

    def method(self: ProgramSocket, *args: Any) -> Any:
        if self.blocks:
            raise Unsupported(
                f"{user_line()}: {name} of a socket that blocks: expected what can be controlled while exploring; use "
                "asyncio.open_connection, or setblocking(False) and what the loop has for sockets"
            )
        return original(self, *args)

    return method


for _name in ("connect", "accept", "recv", "recv_into", "send", "sendmsg"):
    setattr(ProgramSocket, _name, _unless_it_blocks(_name))


def made(network: Network, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What a program gets that calls ``socket.socket`` so: one in memory if it is of TCP, else a real one."""
    given = {**dict(zip(("family", "type", "proto", "fileno"), args, strict=False)), **options}
    kind = given.get("type", _ANY)
    of_tcp = kind == _ANY or kind & ~(socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) == socket.SOCK_STREAM
    if given.get("fileno") is not None or given.get("family", _ANY) not in (_ANY, socket.AF_INET) or not of_tcp:
        return _REAL(*args, **options)
    network.made_by_the_program = True
    return network.socket(ProgramSocket)

"""A socket as the transports of asyncio use one: non-blocking, of TCP, in memory.

What each call does is what Linux does: ``tcp_recvmsg``, ``tcp_sendmsg``, ``tcp_close`` and ``tcp_reset`` in
``net/ipv4``. Where that depends on what has arrived, the world chooses.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from everyturn.asyncio.connections.connection import Connection
    from everyturn.asyncio.connections.network import Network
    from everyturn.asyncio.connections.pipes import Pipe

Address = tuple[str, int]
CUT: Final = "bytes on their way arrive in other pieces, too, than those that were explored"
SURE_ROOM: Final = 16_384
"""So many bytes that are written and not read any connection has room for: the default of ``tcp_wmem``, tcp(7)."""

DOUBLED: Final = frozenset({(socket.SOL_SOCKET, socket.SO_RCVBUF), (socket.SOL_SOCKET, socket.SO_SNDBUF)})
"""Options of which the kernel keeps twice what was set: socket(7)."""


class WorldSocket:
    """One socket of the program. ``network``: to which it belongs."""

    type = socket.SOCK_STREAM
    family = socket.AF_INET
    proto = socket.IPPROTO_TCP

    def __init__(self, network: Network, descriptor: int) -> None:
        self.network = network
        self.descriptor = descriptor
        self.address: Address | None = None
        self.peer: Address | None = None
        self.connection: Connection | None = None
        self.incoming: Pipe | None = None
        self.outgoing: Pipe | None = None
        self.options: dict[tuple[int, int], Any] = {}
        self.error = 0
        """What went wrong while it was being connected."""
        self.broken = False
        """Whether the program has been told of a reset."""
        self.saw_the_end = False
        self.listens = False

    # What says what it is.

    def fileno(self) -> int:
        return self.descriptor

    def getsockname(self) -> Address:
        return self.address or ("0.0.0.0", 0)  # noqa: S104 # as Linux says it

    def getpeername(self) -> Address:
        if self.peer is None:
            raise _error(errno.ENOTCONN)
        return self.peer

    def gettimeout(self) -> float:
        return 0.0

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def setsockopt(self, level: int, option: int, value: Any, *length: int) -> None:
        """No option changes what can happen; what was set can be asked for again."""
        doubled = (level, option) in DOUBLED and isinstance(value, int)
        self.options[level, option] = 2 * value if doubled else value

    def getsockopt(self, level: int, option: int, size: int = 0) -> Any:
        if (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            found, self.error = self.error, 0
        elif (level, option) in self.options:
            found = self.options[level, option]
        else:
            found = _known(self).get((level, option), 0)
            if (level, option) not in _known(self):
                self.network.trusted.add("a socket's option for which somebody asks, and that nobody has set, is 0")
        return found.to_bytes(size, sys.byteorder) if size and isinstance(found, int) else found

    # How it comes to be connected.

    def bind(self, address: Address) -> None:
        self.address = self.network.bound(address)

    def listen(self, backlog: int = 0) -> None:
        self.listens = True
        self.network.listen(self)

    def accept(self) -> tuple[WorldSocket, Address]:
        return self.network.accept(self)

    def connect(self, address: Address) -> NoReturn:
        self.network.connect(self, address)
        raise _error(errno.EINPROGRESS)

    # What goes through it.

    def recv(self, size: int) -> bytes:
        pipe = self.incoming
        if pipe is None:
            raise _error(errno.ENOTCONN)
        if self.broken or self.saw_the_end:
            return b""
        sizes = pipe.sizes(size)
        options = [f"{each} of {len(pipe.data)} bytes" for each in sizes]
        if not sizes and pipe.ended:
            options.append("the end")
        if pipe.overtakes:
            options.append("a reset")
        if not options:
            raise _error(errno.EAGAIN)
        if pipe.is_sampled:
            self.network.trusted.add(CUT)
        word = options[self.network.choose(f"{self.name} reads", options)]
        if word == "a reset":
            self.broken = True
            pipe.drop()
            raise _error(errno.ECONNRESET)
        self.saw_the_end = word == "the end"
        return b"" if self.saw_the_end else pipe.read(sizes[options.index(word)])

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def send(self, data: Any) -> int:
        pipe = self._ready_to_write()
        whole = bytes(data)
        taken = whole if pipe.unheard else whole[: pipe.room]
        if whole and not taken:
            raise _error(errno.EAGAIN)
        pipe.write(taken)
        if len(taken) < len(whole) or len(pipe.data) > SURE_ROOM:
            self.network.trusted.add(f"a connection has room for {pipe.holds:,} bytes that are written and not read")
        assert self.connection is not None
        self.connection.written(self)
        return len(taken)

    def sendmsg(self, buffers: Iterable[Any]) -> int:
        return self.send(b"".join(buffers))

    def _ready_to_write(self) -> Pipe:
        """Where it writes to. Raises OSError where it is known that nobody is there to read."""
        if self.outgoing is None or self.incoming is None or self.outgoing.ended or self.broken:
            raise _error(errno.EPIPE)
        if self.incoming.reset:
            options = ["the reset has not arrived", "the reset has arrived"]
            if self.incoming.overtakes and not self.saw_the_end:
                options.append("the reset has arrived, and no end before it")
            arrived = self.network.choose(f"{self.name} writes", options)
            if arrived:
                self.broken = True
                raise _error(errno.EPIPE if arrived == 1 else errno.ECONNRESET)
        if self.outgoing.unheard:
            self.incoming.reset = True
            if not self.saw_the_end:
                self.incoming.overtakes = True  # it may have come before the peer closed, and not been read
        return self.outgoing

    def shutdown(self, how: int) -> None:
        if self.outgoing is None or self.incoming is None or self.broken:
            raise _error(errno.ENOTCONN)
        if self.incoming.reset:
            options = ["the reset has not arrived", "the reset has arrived"]
            if self.network.choose(f"{self.name} ends", options):
                raise _error(errno.ENOTCONN)
        if how != socket.SHUT_RD:
            self.outgoing.ended = True
            assert self.connection is not None
            self.connection.written(self)

    def close(self) -> None:
        if self.descriptor < 0:
            return
        self.network.close(self)
        self.descriptor = -1

    def detach(self) -> int:
        raise _error(errno.EOPNOTSUPP)

    # What the network asks.

    @property
    def name(self) -> str:
        """For a reader."""
        return "a socket" if self.connection is None else self.connection.name_of(self)

    @property
    def can_read(self) -> bool:
        """Whether a selector may say that it can be read from."""
        return self.incoming is not None and (self.incoming.readable or self.broken or self.saw_the_end)

    @property
    def can_write(self) -> bool:
        """Whether a selector may say that it can be written to."""
        if self.incoming is None or self.outgoing is None:
            return False
        return self.broken or self.incoming.reset or self.outgoing.unheard or self.outgoing.room > 0

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _known(ours: WorldSocket) -> dict[tuple[int, int], int]:
    """Options that say what a socket is."""
    level = socket.SOL_SOCKET
    return {(level, socket.SO_TYPE): ours.type, (level, socket.SO_ACCEPTCONN): int(ours.listens)}


def _error(number: int) -> OSError:
    """The exception that a system call raises, of the class that Python has for it."""
    return OSError(number, os.strerror(number))

"""Small programs with connections, which run on any loop: what they note is what they did.

A program is data: what the server does with each connection, and what each client does with its own. Beside it stands
a relay, which brings the bytes of a stock run late and in other pieces than they were sent in, as a network does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any, Final, NamedTuple

from everyturn.asyncio.connections.peers import Hears, PeerStep

Operation = tuple[Any, ...]
Body = tuple[Operation, ...]

OPERATIONS: Final = (
    "write", "write", "read", "read", "exactly", "line", "eof", "drain", "sleep0", "close", "abort", "io", "closed",
)  # fmt: skip
"""Names of what one end can do, those more often that are more usual."""
TEXTS: Final = (b"a", b"b\n", b"cd")


class ConnectionProgram(NamedTuple):
    """What the server does with each connection, and what each client does."""

    server: Body
    clients: tuple[Body, ...]


def operation(name: str, number: int) -> Operation:
    """The operation of this name, with an argument by ``number``."""
    if name == "write":
        return name, TEXTS[number % len(TEXTS)]
    if name in ("read", "exactly"):
        return name, 1 + number % 3
    return (name,)


def connection_program(seed: int) -> ConnectionProgram:
    """The program of this number."""
    random = Random(seed)

    def body(most: int, first: str) -> Body:
        names = [first if random.random() < 0.8 else random.choice(OPERATIONS)]
        names += random.choices(OPERATIONS, k=random.randrange(most))
        return tuple(operation(name, random.randrange(6)) for name in names)

    clients = 2 if seed % 10 == 9 else 1
    most = 4 if clients == 1 else 2
    return ConnectionProgram(body(most, "read"), tuple(body(most, "write") for _ in range(clients)))


async def _write(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> None:
    writer.write(text)


async def _read(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> Any:
    return await reader.read(size)


async def _exactly(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, size: int) -> Any:
    return await reader.readexactly(size)


async def _line(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Any:
    return await reader.readline()


async def _eof(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write_eof()


async def _drain(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await writer.drain()


async def _sleep0(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0)


async def _close(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _abort(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _io(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await world.io("something else")


async def _closed(world: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


_DOES: Final[dict[str, Callable[..., Any]]] = {
    "write": _write,
    "read": _read,
    "exactly": _exactly,
    "line": _line,
    "eof": _eof,
    "drain": _drain,
    "sleep0": _sleep0,
    "close": _close,
    "abort": _abort,
    "io": _io,
    "closed": _closed,
}


async def _talk(world: Any, who: str, body: Body, reader: Any, writer: Any) -> None:
    for name, *arguments in body:
        try:
            found = await _DOES[name](world, reader, writer, *arguments)
        except (OSError, asyncio.IncompleteReadError, RuntimeError) as error:
            world.log(who, name, type(error).__name__)
        else:
            if name not in ("write", "sleep0"):
                world.log(who, name, found)
    writer.close()


async def interpret(program: ConnectionProgram, world: Any, through: Callable[[int], int] = lambda port: port) -> None:
    """The main coroutine of the program. ``through``: the port at which clients find a server that listens at one."""
    names = iter(range(9))

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _talk(world, f"server {next(names)}", program.server, reader, writer)

    async def client(number: int, body: Body) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        world.log(f"client {number}", "is connected")
        await _talk(world, f"client {number}", body, reader, writer)

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    port = through(server.sockets[0].getsockname()[1])
    await asyncio.gather(*(client(number, body) for number, body in enumerate(program.clients)))
    world.log("main ends")
    server.close()


async def reads_to_the_end(world: Any) -> None:
    world.network.serve("far.example", 80, [Hears(b"\n"), b"yes", PeerStep.CLOSES])
    reader, writer = await asyncio.open_connection("far.example", 80)
    writer.write(b"well?\n")
    assert await reader.read() == b"yes"
    writer.close()
    await writer.wait_closed()


async def what_is_on_its_way_matters(world: Any) -> None:
    """Which of two letters was sent is nowhere but on its way."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(1) != b"b"
        writer.close()

    async def send(writer: asyncio.StreamWriter) -> None:
        other = asyncio.ensure_future(world.io("a"))
        await world.io("b")
        writer.write(b"a" if other.done() else b"b")
        await other

    server = await asyncio.start_server(served, "127.0.0.1", 8000)
    _, writer = await asyncio.open_connection("127.0.0.1", 8000)
    await send(writer)
    await world.io("later")
    writer.close()
    server.close()


class Relay:
    """Listens for the clients of one stock run, and passes on what they and the server say: late, and cut anywhere."""

    def __init__(self, seed: int, unit: float) -> None:
        self._random = Random(seed)
        self._unit = unit
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.busy = 0
        """How many bytes, or ends, it has and has not passed on."""

    def through(self, port: int) -> int:
        """The port at which it stands before the server at ``port``."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._open.append(listener)
        self._start(self._accept, listener, port)
        found: int = listener.getsockname()[1]
        return found

    def _start(self, call: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=call, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                self._open += [client, server]
                self._start(self._pass_on, client, server)
                self._start(self._pass_on, server, client)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        while True:
            try:
                data = source.recv(100)
                self.busy += 1
                while data:
                    size = self._random.randint(1, len(data))
                    time.sleep(self._random.choice((0, 0, 1, 2)) * self._unit)
                    target.sendall(data[:size])
                    data = data[size:]
                    if not data:
                        break
                else:
                    time.sleep(self._random.choice((0, 0, 1, 2)) * self._unit)
                    target.shutdown(socket.SHUT_WR)
                    self.busy -= 1
                    return
                self.busy -= 1
            except OSError:
                for each in (source, target):
                    with contextlib.suppress(OSError):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        each.shutdown(socket.SHUT_RD)
                        each.close()
                self.busy = max(0, self.busy - 1)
                return

    def close(self) -> None:
        """Pass on nothing more."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(1)

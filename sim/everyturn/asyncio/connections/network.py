"""The kernel's side of the connections of one run: descriptors, ports, who listens, and what may come next."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Final, NamedTuple

from everyturn.asyncio.connections.connection import MADE, MADE_TOO_LATE, REFUSED, Connection
from everyturn.asyncio.connections.peers import Peer, Script, checked
from everyturn.asyncio.connections.sockets import Address, WorldSocket

ROOM: Final = 65_536
"""Bytes written and not read for which a connection has room, as far as nothing else is said."""
_FIRST_DESCRIPTOR: Final = 10
_FIRST_PORT: Final = 49_152
"""The first of the ports that are given to who asks for none (RFC 6335, section 6)."""
_ANY: Final = "0.0.0.0"  # noqa: S104 # it is only compared


class Service(NamedTuple):
    """Something outside that listens: each connection to it has a peer that follows ``script``."""

    script: Script
    refuses: bool
    breaks: bool


class NetworkMove(NamedTuple):
    """Something that may come in this look at the selector. ``handles``: what is appended then; ``optional``: it may
    never come as well."""

    name: str
    handles: Callable[[], Sequence[Any]]
    optional: bool = False


class Network:
    """All connections of one run, and who is at their far ends.

    ``choose`` decides what is open; ``unknown`` is told of an address that nobody has.
    """

    def __init__(self, choose: Callable[[str, Sequence[str]], int], unknown: Callable[[Address], None]) -> None:
        self._choose = choose
        self._unknown = unknown
        self.rooms: tuple[int, ...] = (ROOM,)
        self.whole = False
        self.trusted: set[str] = set()
        """What of connections was one of all that are possible, not explored."""
        self.sockets: dict[int, WorldSocket] = {}
        self.connections: list[Connection] = []
        self.services: dict[Address, Service] = {}
        self.hosts: dict[str, str] = {"localhost": "127.0.0.1"}
        self.watched: Mapping[int, Any] = {}
        """The descriptors that the loop looks at, with their handles."""
        self.reported: set[int] = set()
        """Descriptors of which this look at the selector has told."""
        self.made_by_the_program = False
        """Whether it has called ``socket.socket`` itself."""
        self.own: frozenset[str] = frozenset(vars(self)) | {"own"}
        """Names of its own attributes; a scenario may hang others on it."""

    def state(self) -> tuple[Any, ...]:
        """All that can matter later."""
        limits = self.rooms, self.whole, sorted(self.hosts.items())
        if not (self.sockets or self.connections or self.services):
            return limits
        descriptors = sorted(self.sockets)
        sockets = [self.sockets[each] for each in descriptors]
        services = sorted(self.services.items())
        reported = sorted(self.reported)
        watched = [(each, key.events, key.data) for each, key in sorted(self.watched.items())]
        return limits, descriptors, sockets, self.connections, services, reported, watched

    # What the world says.

    def serve(self, host: str, port: int, script: Script, *, refuses: bool = False, breaks: bool = False) -> None:
        """Somebody outside listens there: with each connection a peer that follows ``script``.

        ``script``: bytes to say, :class:`~everyturn.asyncio.connections.peers.Hears` and
        :class:`~everyturn.asyncio.connections.peers.PeerStep`. ``refuses``: a connection may be refused; ``breaks``: it
        may break at any time.
        """
        address = self.hosts.setdefault(host, host if _is_number(host) else f"192.0.2.{len(self.hosts)}")
        self.services[address, port] = Service(tuple(checked(script)), refuses, breaks)

    def visit(self, host: str, port: int, script: Script, *, breaks: bool = False) -> None:
        """Somebody outside connects to a server of the program, whenever it listens, and follows ``script``."""
        connection = self._connection((self.hosts.get(host, host), port))
        connection.client = Peer(script, connection.to_client, connection.to_server)
        connection.told = True
        connection.may_break = breaks
        connection.client.go_on()

    def limit(self, *rooms: int, whole: bool | None = None) -> None:
        """Say how much a connection takes, and in which pieces it gives it.

        ``rooms``: each connection has room for one of these numbers of bytes written and not read, as the world
        chooses. ``whole``: bytes that were written in one call are not cut, which is trusted then.
        """
        self.rooms = rooms or self.rooms
        self.whole = self.whole if whole is None else whole

    # What sockets ask.

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """Decide."""
        return self._choose(kind, options)

    def socket(self, kind: type[WorldSocket] = WorldSocket) -> WorldSocket:
        """A new one, with the lowest descriptor that is free."""
        descriptor = next(each for each in count(_FIRST_DESCRIPTOR) if each not in self.sockets)
        self.sockets[descriptor] = kind(self, descriptor)
        return self.sockets[descriptor]

    def bound(self, address: Address) -> Address:
        """The address at which a socket is bound; port 0: any that is free."""
        host, port = self.hosts.get(address[0], address[0]), address[1]
        if port and self.listener((host, port)) is not None:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        return host or _ANY, port or self._free_port()

    def listen(self, server: WorldSocket) -> None:
        """A server listens."""
        server.address = server.address or self.bound((_ANY, 0))

    def listener(self, address: Address) -> WorldSocket | Service | None:
        """Who listens there: a server of the program, or somebody outside."""
        for each in self.sockets.values():
            if each.listens and each.address in (address, (_ANY, address[1])):
                return each
        return self.services.get(address)

    def connect(self, client: WorldSocket, address: Address) -> None:
        """A client asks for a connection. It is told later what came of it."""
        if address[0] != _ANY and not address[0].startswith("127.") and address[0] not in self.hosts.values():
            self._unknown(address)
        connection = self._connection((address[0], address[1]))
        connection.client = client
        client.connection = connection
        client.address, client.peer = client.address or ("127.0.0.1", self._free_port()), connection.target
        heard = self.listener(connection.target)
        connection.missed = heard is None or (isinstance(heard, Service) and heard.refuses)

    def accept(self, server: WorldSocket) -> tuple[WorldSocket, Address]:
        """The first connection that has come to ``server``; whether one comes just now is open."""
        there = [each for each in self._of(server) if each.seen and not each.accepted and not each.over]
        if not there:
            coming = [each for each in self._of(server) if each.comes]
            options = ["no connection comes", *(f"{each.name} comes" for each in coming)]
            taken = self.choose("accepts", options) if coming else 0
            if not taken:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            there = [coming[taken - 1]]
        connection = there[0]
        connection.seen = connection.accepted = True
        ours = self.socket()
        connection.server, ours.connection = ours, connection
        ours.incoming, ours.outgoing = connection.to_server, connection.to_client
        client = connection.client
        ours.address = connection.target
        ours.peer = (client.address if isinstance(client, WorldSocket) else None) or ("127.0.0.1", _FIRST_PORT - 1)
        return ours, ours.peer

    def close(self, ours: WorldSocket) -> None:
        """The program closes a socket."""
        del self.sockets[ours.descriptor]
        if ours.listens:
            for each in self._of(ours):
                if not each.accepted and not isinstance(each.client, Peer):
                    each.server_goes()
                    self._forget(each)
        connection = ours.connection
        if connection is not None:
            self._end(connection, ours)
            if ours is connection.client:
                connection.client = None
            self._forget(connection)

    def _end(self, connection: Connection, ours: WorldSocket) -> None:
        """Say the end, or reset the connection where something was not read."""
        is_client = ours is connection.client
        incoming, outgoing = connection.to_client, connection.to_server
        if not is_client:
            incoming, outgoing = outgoing, incoming
            connection.server = None
        if incoming.data:
            outgoing.overtakes = outgoing.overtakes or not outgoing.ended
            outgoing.reset = True
        outgoing.ended = True
        incoming.drop()
        connection.written(ours)

    def _forget(self, connection: Connection) -> None:
        peer = connection.peer
        if peer is not None:
            gone = True
        elif connection.accepted or connection.over:
            gone = connection.client is None and connection.server is None
        else:
            gone = connection.client is None and not isinstance(self.listener(connection.target), WorldSocket)
        if gone:
            self.connections.remove(connection)

    def _of(self, server: WorldSocket) -> list[Connection]:
        """The connections to ``server``, those first that were asked for first."""
        assert server.address is not None
        host, port = server.address
        return [each for each in self.connections if each.target[1] == port and host in (_ANY, each.target[0])]

    def _connection(self, target: Address) -> Connection:
        numbers = {each.number for each in self.connections}
        number = next(each for each in count(1) if each not in numbers)
        options = [f"room for {each} bytes" for each in self.rooms]
        holds = self.rooms[self.choose(f"connection {number} has", options) if len(options) > 1 else 0]
        connection = Connection(number, target, holds, whole=self.whole)
        self.connections.append(connection)
        return connection

    def _free_port(self) -> int:
        taken = {each.address[1] for each in self.sockets.values() if each.address is not None}
        taken |= {each.target[1] for each in self.connections}
        return next(each for each in count(_FIRST_PORT) if each not in taken)

    # What may come.

    @property
    def owes(self) -> bool:
        """Whether a client must be told in this look at the selector that its connection is made: the server has seen
        it, so the kernel of both had made it before."""
        return any(each.seen and not each.told and each.client is not None for each in self.connections)

    def moves(self) -> Iterator[NetworkMove]:
        """What the selector may tell next, for the descriptors that are looked at; each of them once in one look."""
        for descriptor in sorted(self.watched.keys() - self.reported):
            ours = self.sockets.get(descriptor)
            if ours is None:
                continue
            reader, writer = self.watched[descriptor].data
            if ours.listens:
                yield from self._comes(ours, reader)
            elif ours.connection is not None and ours.incoming is None:
                yield from self._connects(ours.connection, ours, writer)
            else:
                yield from self._ready(ours, reader if ours.can_read else None, writer if ours.can_write else None)
        for each in self.connections:
            if each.may_break and each.peer is not None and not each.peer.closed and each.told:
                yield NetworkMove(f"{each.name} breaks", partial(self._breaks, each), optional=True)

    def _comes(self, server: WorldSocket, reader: Any) -> Iterator[NetworkMove]:
        if any(each.seen and not each.accepted and not each.over for each in self._of(server)):
            yield NetworkMove("a connection is there", partial(self._report, server, [reader]))
            return
        for each in self._of(server):
            if each.comes:
                arrive = partial(self._arrives, server, each, reader)
                yield NetworkMove(
                    f"{each.name} comes to port {each.target[1]}", arrive, not each.told and each.client is None
                )

    def _arrives(self, server: WorldSocket, connection: Connection, reader: Any) -> Sequence[Any]:
        connection.seen = True
        return self._report(server, [reader])

    def _connects(self, connection: Connection, client: WorldSocket, writer: Any) -> Iterator[NetworkMove]:
        heard = self.listener(connection.target)
        for way in connection.ways(heard=heard is not None):
            yield NetworkMove(f"{connection.name} {way}", partial(self._told, connection, client, writer, way))

    def _told(self, connection: Connection, client: WorldSocket, writer: Any, way: str) -> Sequence[Any]:
        connection.told = True
        heard = self.listener(connection.target)
        if way in (MADE, MADE_TOO_LATE):
            client.incoming, client.outgoing = connection.to_client, connection.to_server
            if way == MADE_TOO_LATE:
                connection.over = connection.to_client.reset = connection.to_client.overtakes = True
                connection.to_server.drop()
            elif isinstance(heard, Service):
                connection.seen = connection.accepted = True
                connection.server = Peer(heard.script, connection.to_server, connection.to_client)
                connection.may_break = heard.breaks
                connection.server.go_on()
        else:
            client.error = errno.ECONNREFUSED if way == REFUSED else errno.ECONNRESET
            connection.over = True
        return self._report(client, [writer])

    def _ready(self, ours: WorldSocket, reader: Any, writer: Any) -> Iterator[NetworkMove]:
        if reader is not None:
            yield NetworkMove(f"{ours.name} can read", partial(self._report, ours, [reader]))
        if writer is not None:
            yield NetworkMove(f"{ours.name} can write", partial(self._report, ours, [writer]))
        if reader is not None and writer is not None:
            yield NetworkMove(f"{ours.name} can read and write", partial(self._report, ours, [reader, writer]))

    def _breaks(self, connection: Connection) -> Sequence[Any]:
        connection.broken_by_peer()
        return ()

    def _report(self, ours: WorldSocket, handles: Sequence[Any]) -> Sequence[Any]:
        self.reported.add(ours.descriptor)
        return handles

    # What is asked of names.

    def resolve(self, host: Any, port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        """What ``getaddrinfo`` returns: one address, of TCP on IPv4."""
        number = _ANY if host is None else self.hosts.get(host, host)
        return [(WorldSocket.family, WorldSocket.type, WorldSocket.proto, "", (number, int(port or 0)))]


def _is_number(host: str) -> bool:
    return all(part.isdigit() for part in host.split("."))

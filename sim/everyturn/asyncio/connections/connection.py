"""One connection between two ends, from the moment that somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from everyturn.asyncio.connections.peers import Peer
from everyturn.asyncio.connections.pipes import Pipe

if TYPE_CHECKING:
    from everyturn.asyncio.connections.sockets import Address, WorldSocket

MADE: Final = "is made"
REFUSED: Final = "is refused"
MADE_TOO_LATE: Final = "is made, and nobody takes it"
RESET: Final = "is reset"


class Connection:
    """A connection to the address ``target``.

    ``told``: its client knows that it is made; ``seen``: it is among those that the server can accept; ``accepted``: it
    was. ``late``: the server was closed before it took it, but its client may see it made; ``missed``: it may have come
    at a time when nobody listened.
    """

    def __init__(self, number: int, target: Address, holds: int, *, whole: bool) -> None:
        self.number = number
        self.target = target
        self.client: WorldSocket | Peer | None = None
        self.server: WorldSocket | Peer | None = None
        self.to_server = Pipe(holds, whole=whole)
        self.to_client = Pipe(holds, whole=whole)
        self.told = self.seen = self.accepted = False
        self.late = self.missed = False
        self.over = False
        """Nobody outside of its client knows of it any more."""
        self.may_break = False

    @property
    def name(self) -> str:
        """For a reader."""
        return f"connection {self.number}"

    def name_of(self, end: object) -> str:
        """One of its ends, for a reader."""
        return f"the {'client' if end is self.client else 'server'} of {self.name}"

    @property
    def peer(self) -> Peer | None:
        """Its end that follows a script, if one does."""
        return next((end for end in (self.client, self.server) if isinstance(end, Peer)), None)

    @property
    def comes(self) -> bool:
        """Whether it can still come to the server."""
        return not (self.seen or self.over)

    def ways(self, *, heard: bool) -> list[str]:
        """What its client may be told. ``heard``: somebody listens at its target now."""
        found = [MADE] if not self.over and (self.seen or heard) else []
        found += [REFUSED] if not self.seen and not self.over and (self.missed or not heard) else []
        return found + ([MADE_TOO_LATE, RESET] if self.late else [])

    def server_goes(self) -> None:
        """The server is closed before it has accepted this connection."""
        self.late = not self.told
        self.missed = self.missed or not (self.told or self.seen)
        if self.told or self.seen:
            self.over = True
            self.to_server.drop()
            self.to_client.reset = self.to_client.overtakes = True

    def written(self, end: object) -> None:
        """An end has written something, or said that nothing follows: a peer goes on."""
        if self.peer is not None and self.peer is not end:
            self.peer.go_on()

    def broken_by_peer(self) -> None:
        """The far end, which is outside, breaks it."""
        assert self.peer is not None
        self.peer.breaks()

"""The far end of a connection that is outside of the program: it follows a script."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from everyturn.asyncio.connections.pipes import Pipe


class Hears(NamedTuple):
    """A step of a script: wait until the program has sent this, behind what was waited for before."""

    text: bytes


class PeerStep(Enum):
    """Steps of a script that say nothing."""

    ENDS = "says that nothing follows, and still listens"
    CLOSES = "closes the connection"
    RESETS = "breaks the connection: what is on its way may be lost"
    HEARS_THE_END = "waits until the program says that nothing follows"


Script = Sequence[bytes | Hears | PeerStep]
"""What a peer does, step by step; what it says arrives whenever, in any pieces. After it, it says nothing more."""

CHECKED: Final = (bytes, Hears, PeerStep)


def checked(script: Script) -> list[bytes | Hears | PeerStep]:
    """The script as a list. Raises TypeError for a step that is none."""
    for number, step in enumerate(script, 1):
        if not isinstance(step, CHECKED):
            raise TypeError(f"step {number} of a peer: expected bytes, Hears(bytes) or a PeerStep; found {step!r}")
    return list(script)


class Peer:
    """A far end that follows ``script``. What it does, it does as soon as it can: when that is seen, is open anyway."""

    def __init__(self, script: Script, incoming: Pipe, outgoing: Pipe) -> None:
        self.script = checked(script)
        self.incoming = incoming
        self.outgoing = outgoing
        self.heard = b""
        self.closed = False

    def go_on(self) -> None:
        """Do what can be done now."""
        self.heard += self.incoming.data
        self.incoming.read(len(self.incoming.data))
        while self.script and not self.closed and self._can(self.script[0]):
            self._do(self.script.pop(0))
        if not any(isinstance(each, Hears) for each in self.script):
            self.heard = b""  # nobody asks for it any more
        if not self.script and self.incoming.ended:
            self._close()

    def _can(self, step: bytes | Hears | PeerStep) -> bool:
        if isinstance(step, Hears):
            return step.text in self.heard
        return step is not PeerStep.HEARS_THE_END or self.incoming.ended

    def _do(self, step: bytes | Hears | PeerStep) -> None:
        if isinstance(step, bytes):
            self.outgoing.write(step)
        elif isinstance(step, Hears):
            self.heard = self.heard[self.heard.index(step.text) + len(step.text) :]
        elif step is PeerStep.ENDS:
            self.outgoing.ended = True
        elif step is PeerStep.CLOSES:
            self._close()
        elif step is PeerStep.RESETS:
            self.breaks()

    def _close(self) -> None:
        self.closed = self.outgoing.ended = True
        self.incoming.drop()

    def breaks(self) -> None:
        """Reset the connection."""
        self.closed = self.outgoing.reset = self.outgoing.overtakes = True
        self.incoming.drop()

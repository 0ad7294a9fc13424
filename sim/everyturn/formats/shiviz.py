"""ShiViz: a log as a space-time diagram with vector clocks, to write.

The first line of the file is the regular expression of an event, the second that of the border between executions
(here, sessions), as ShiViz's upload expects (bestchai.bitbucket.io/shiviz; Beschastnikh et al., CACM 59(8), 2016). A
client's submission comes before whatever the agent does about the prompt, and what the agent tells before its arrival.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.formats.lanes import lane, sentence
from everyturn.formats.room import Room
from everyturn.printing import printable

EVENT: Final = r"(?<event>.*)\n(?<host>\S*) (?<clock>\{.*\})"
BORDER: Final = r"^=== (?<trace>.*) ===$"

VectorClock = dict[str, int]

_PASSED_ON: Final = frozenset({"submit", "queued", "ended"})
"""Whatever is done about the prompt afterwards was caused by these."""


class _Execution:
    """The vector clocks of one session."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._clocks: dict[str, VectorClock] = {}
        self._sent: dict[str, VectorClock] = {}
        self.pieces: list[str] = []

    def line(self, line: LogLine) -> None:
        host = _host(lane(line))
        self._event(host, sentence(line), self._sent.get(line.prompt or ""))
        if line.kind in _PASSED_ON:
            self._sent[str(line.prompt)] = dict(self._clocks[host])
        elif line.kind in ("told", "notified", "refused"):
            name = line.prompt or line.run_id
            self._event(_host(f"client-of-{name}"), f"{name}'s client knows", self._clocks[host])

    def _event(self, host: str, text: str, after: VectorClock | None) -> None:
        clock = self._clocks.setdefault(host, {})
        for other, count in (after or {}).items():
            clock[other] = max(clock.get(other, 0), count)
        clock[host] = clock.get(host, 0) + 1
        self.pieces.append(self._room.take(f"{printable(text)}\n{host} {msgspec.json.encode(clock).decode()}\n"))


def _host(name: str) -> str:
    """A lane as one word; different lanes stay different, since a percent sign is written as code as well."""
    return re.sub(r"[\s%\ufeff]", lambda found: "".join(f"%{code:02X}" for code in found[0].encode()), printable(name))


def write(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as ShiViz reads it, one execution for each session."""
    executions: dict[str, _Execution] = {}
    room = Room("shiviz")
    for _, line in lines:
        executions.setdefault(line.session, _Execution(room)).line(line)
    yield f"{EVENT}\n{BORDER}\n".encode()
    for session, execution in executions.items():
        yield f"=== {printable(session)} ===\n".encode()
        yield "".join(execution.pieces).encode()

"""Mermaid: a log as a sequence diagram that Markdown viewers draw, to write (mermaid.js.org/syntax/sequenceDiagram)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.formats.lanes import lane, sentence
from everyturn.formats.room import Room


class _Diagram:
    """The participants of each session, in the order of their first line, and the arrows and notes between them."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._sessions: dict[str, dict[str, str]] = {}
        self._count = 0
        self.body: list[str] = []

    def line(self, line: LogLine) -> None:
        session = self._sessions.setdefault(line.session, {})
        at = self._name(session, lane(line))
        client = f"client-of-{line.prompt or line.run_id}"
        text = _plain(sentence(line))
        match line.kind:
            case "note":
                return
            case "submit":
                self._add(f"    {at}->>{self._name(session, 'agent')}: {text}")
            case "told" | "notified" | "refused":
                self._add(f"    {at}-->>{self._name(session, client)}: {text}")
            case "cancel_call" | "clear_call":
                self._add(f"    {at}->>{self._name(session, 'agent')}: {text}")
            case "cancel_return" | "clear_return":
                self._add(f"    {self._name(session, 'agent')}-->>{at}: {text}")
            case _:
                self._add(f"    Note over {at}: {text}")

    def _add(self, text: str) -> None:
        self.body.append(self._room.take(text))

    def _name(self, session: dict[str, str], lane: str) -> str:
        if lane not in session:
            session[lane] = f"L{self._count}"
            self._count += 1
        return session[lane]

    def text(self) -> str:
        """The diagram; each of several sessions is a box of participants."""
        lines = ["sequenceDiagram"]
        for session, names in self._sessions.items():
            boxed = len(self._sessions) > 1
            lines.append(
                f"    box transparent session {_plain(session)}" if boxed else f"    %% session {_plain(session)}"
            )
            lines += [f"    participant {name} as {_plain(each)}" for each, name in names.items()]
            lines += ["    end"] if boxed else []
        return "\n".join([*lines, *self.body]) + "\n"


def _plain(text: str) -> str:
    """A text without what Mermaid takes for syntax."""
    return re.sub(r"[;#<>{}\\\r\n%]", " ", text).strip() or "-"


def write(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as one diagram."""
    diagram = _Diagram(Room("mermaid"))
    for _, line in lines:
        diagram.line(line)
    yield diagram.text().encode()


def write_markdown(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as a Markdown page with a diagram for each session."""
    diagrams: dict[str, _Diagram] = {}
    room = Room("markdown")
    for _, line in lines:
        diagrams.setdefault(line.session, _Diagram(room)).line(line)
    for diagram in diagrams.values():
        yield f"```mermaid\n{diagram.text()}```\n\n".encode()

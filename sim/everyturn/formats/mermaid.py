"""Mermaid: a log as a sequence diagram that Markdown viewers draw, to write (mermaid.js.org/syntax/sequenceDiagram)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from everyturn.formats.everyturn_log import Header, Line, Placed
from everyturn.formats.lanes import lane, sentence


class _Diagram:
    """The participants, in the order of their first line, and the arrows and notes between them."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._names: dict[str, str] = {}
        self.body: list[str] = []

    def line(self, line: Line) -> None:
        here = lane(line)
        client = f"client-of-{line.prompt or line.run_id}"
        at = self._name(here)
        text = _plain(sentence(line))
        match line.kind:
            case "note":
                return
            case "submit":
                self.body.append(f"    {at}->>{self._name('agent')}: {text}")
            case "told" | "notified" | "refused":
                self.body.append(f"    {at}-->>{self._name(client)}: {text}")
            case "cancel_call" | "clear_call":
                self.body.append(f"    {at}->>{self._name('agent')}: {text}")
            case "cancel_return" | "clear_return":
                self.body.append(f"    {self._name('agent')}-->>{at}: {text}")
            case _:
                self.body.append(f"    Note over {at}: {text}")

    def _name(self, lane: str) -> str:
        return self._names.setdefault(lane, f"L{len(self._names)}")

    def text(self) -> str:
        lanes = [f"    participant {name} as {_plain(each)}" for each, name in self._names.items()]
        return "\n".join(["sequenceDiagram", f"    %% session {_plain(self._session)}", *lanes, *self.body]) + "\n"


def _plain(text: str) -> str:
    """A text without what Mermaid takes for syntax."""
    return re.sub(r"[;#<>{}\\\r\n%]", " ", text).strip() or "-"


def write(lines: Iterable[Placed], header: Header) -> Iterator[bytes]:
    """A log as one diagram for each session; several are fenced, as in Markdown."""
    diagrams: dict[str, _Diagram] = {}
    for _, line in lines:
        diagrams.setdefault(line.session, _Diagram(line.session)).line(line)
    if len(diagrams) == 1:
        yield next(iter(diagrams.values())).text().encode()
        return
    for diagram in diagrams.values():
        yield f"```mermaid\n{diagram.text()}```\n\n".encode()

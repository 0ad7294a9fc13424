"""What no operation shows, as notes."""

from __future__ import annotations

from everyturn.world.gate import Port
from everyturn.world.operations import Note
from everyturn_impl.calls import Call, Context, Fault


class JournalPort(Port):
    """Collects notes in the gate; an entry belongs to the operation made just before it, or to the first one that is
    seen."""

    __slots__ = ()
    object = "journal"

    def folded(self, call: Call, turn: Context) -> None:
        self._takes("folded", call, turn)
        self.gate.notes.append(Note("folded", call.prompt, turn.name))

    def dropped(self, call: Call, reason: str) -> None:
        self._takes("dropped", call, reason)
        self.gate.notes.append(Note("dropped", call.prompt, reason))

    def emptied(self, reason: str) -> None:
        self._takes("emptied", reason)
        self.gate.notes.append(Note("emptied", "", reason))

    def cancelled_on_entry(self, call: Call) -> None:
        self._takes("cancelled_on_entry", call)
        self.gate.notes.append(Note("cancelled_on_entry", call.prompt))

    def summary_failed(self, turn: Context, fault: Fault) -> None:
        self._takes("summary_failed", turn, fault)
        self.gate.notes.append(Note("summary_failed", turn.name, fault.kind))

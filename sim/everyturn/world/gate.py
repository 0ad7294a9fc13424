"""The gate that the ports of one world share, and what a port is: accesses that become operations.

Awaiting a port yields one :class:`~everyturn.world.operations.Operation` to whoever resumes the coroutine, an engine,
and continues with the result that the engine sends back. The same agent code therefore runs under every engine.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Coroutine, Generator
from types import CodeType
from typing import Any, Final

from everyturn.errors import AgentFault
from everyturn.source_location import running_at
from everyturn.world import signatures
from everyturn.world.operations import Note, Operation
from everyturn.world.results import Committed, Raised
from everyturn_impl.errors import error_of

_operation: Final = tuple.__new__
"""Makes a named tuple without looking at its arguments one by one: this happens at every access of every run."""


Called = tuple[Operation, CodeType, int]
"""A port's operation that was called and not awaited yet, and the code and the instruction that did."""


class Gate:
    """What the ports of one world share: whether a coroutine is being thrown away, the journal, and what is wrong.

    ``begun``: the work of the thread that goes on has been seen to begin. ``pending``: operations that were called and
    not awaited yet. ``fault``: what code did that it may not, found while it ran; it is told though the code may have
    handled the error that came of it.

    Throwing away a suspended coroutine runs its ``finally`` blocks, which would touch shared data. From the moment on
    one is thrown away until it has ended (``closing``), every access therefore ends the coroutine, and what comes of it
    is nobody's business. The garbage collector may throw one away at any time, even while another one runs.
    """

    __slots__ = ("begun", "closing", "fault", "notes", "pending")

    def __init__(self) -> None:
        self.begun = False
        self.closing = False
        self.fault: str | None = None
        self.pending: list[Called] = []
        self.notes: list[Note] = []

    def thrown_away(self) -> bool:
        """A coroutine has ended: whether it was being thrown away."""
        was, self.closing = self.closing, False
        return was

    def forget(self) -> None:
        """Forget what was wrong: code goes on."""
        self.fault = None
        if self.pending:
            self.pending.clear()

    def refuse(self, what: str) -> AgentFault:
        """The error for what code did just now that it may not; it is told, whatever the code makes of it."""
        self.fault = f"{running_at()}: {what}"
        return AgentFault(self.fault)


class Port:
    """A port of one shared object."""

    __slots__ = ("gate",)
    object: str

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def _do(self, method: str, *arguments: Any) -> Coroutine[Any, Any, Any]:
        """The operation with these arguments, to be awaited. Raises :class:`AgentFault` for what it does not take."""
        for check, argument in zip(signatures.checks(self.object, method), arguments):
            if check(argument) is not None:
                self._takes(method, *arguments)
        operation = _operation(Operation, (self.object, method, arguments))
        caller = sys._getframe(2)
        called = (operation, caller.f_code, caller.f_lasti)
        self.gate.pending.append(called)
        return _access(self.gate, called, operation)

    def _takes(self, method: str, *arguments: Any) -> None:
        """Raise :class:`AgentFault` for arguments that the port's method does not take."""
        for parameter, argument in zip(signatures.parameters(self.object, method), arguments, strict=False):
            if parameter.fault(argument) is not None:
                raise self.gate.refuse(signatures.wrong(self.object, method, parameter, argument))

    def _made(self, method: str, *arguments: Any) -> Coroutine[Any, Any, Any]:
        """An operation whose arguments are checked, to be awaited."""
        operation = _operation(Operation, (self.object, method, arguments))
        caller = sys._getframe(2)
        called = (operation, caller.f_code, caller.f_lasti)
        self.gate.pending.append(called)
        return _access(self.gate, called, operation)


@types.coroutine
def _access(gate: Gate, called: Called, operation: Operation) -> Generator[Operation, Any, Any]:
    """Yield the operation and return its result; raise what it raised."""
    pending = gate.pending
    if pending and pending[-1] is called:
        pending.pop()
    elif called in pending:
        pending.remove(called)
    if gate.closing:
        raise GeneratorExit
    try:
        result = yield operation
    except GeneratorExit:
        gate.closing = True
        raise
    if type(result) is Raised or type(result) is Committed:
        raise error_of(result.fault)
    return result

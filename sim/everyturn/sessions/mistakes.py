"""What an adapter does wrong, told with file and line: it is the user's mistake, and no fault of the agent."""

from __future__ import annotations

import dis
import inspect
from types import TracebackType
from typing import Any, Final

from everyturn.asyncio.runtime.places import raised_at, short
from everyturn.errors import AgentFault, UsageError
from everyturn.sessions.adapter import Session

_MISTAKES: Final = (AttributeError, NameError, TypeError)
_FROM_ELSEWHERE: Final = ("RAISE_VARARGS", "RERAISE", "SEND", "YIELD_VALUE", "RESUME", "CLEANUP_THROW")
"""Instructions at which an exception is raised on purpose, or comes out of what is awaited."""


def fault_of(error: Exception, adapter: type[Session]) -> AgentFault | None:
    """The adapter's mistake that ``error`` shows: it was raised by an instruction of the adapter's own code."""
    if isinstance(error, AgentFault):
        return error
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(error, _MISTAKES):
        return None
    code = trace.tb_frame.f_code
    if not code.co_qualname.startswith(f"{adapter.__qualname__}.") or code.co_filename != inspect.getfile(adapter):
        return None
    if dis.opname[code.co_code[trace.tb_lasti]] in _FROM_ELSEWHERE:
        return None
    return AgentFault(
        f"{short(code.co_filename)}:{trace.tb_lineno}: expected an adapter that calls the agent; found "
        f"{type(error).__name__}: {error}"
    )


def where(adapter: type[Session]) -> str:
    """File and line of an adapter."""
    try:
        return f"{short(inspect.getfile(adapter))}:{inspect.getsourcelines(adapter)[1]}"
    except (OSError, TypeError):
        return f"session {adapter.__qualname__}"


def method(session: Session, name: str) -> str:
    """File and line of a method of an adapter."""
    code: Any = inspect.unwrap(getattr(type(session), name)).__code__
    return f"{short(code.co_filename)}:{code.co_firstlineno}"


def opened(error: BaseException, adapter: type[Session]) -> UsageError:
    """What is said where ``open`` raises."""
    return AgentFault(
        f"{raised_at(error)}: session {adapter.__qualname__}: open: expected it to raise nothing; found "
        f"{type(error).__name__}: {error}"
    )

"""What a dispatcher is: the calls that a workspace, or a world of the simulator, makes on it.

:class:`~everyturn_impl.agent.SessionAgent` is one design. Any class that is made from
:class:`~everyturn_impl.ports.Ports` and has these methods can be run, simulated and checked; it need not inherit from
anything, and a method that nobody calls (``coordinate_summary`` in a scope without summaries) may be missing.

A class may besides declare

* ``own``: objects of its own that its threads share, by name, with their first values
  (:class:`~everyturn_impl.ports.Shared` has the rules). The constructor gets a port for each by that name;
* ``shares``: those of ``hooks``, ``contexts``, ``closing`` and ``threads`` through which its threads meet: they look at
  or change a hook or a caller's context of another, or the like. Without, an explorer takes them to be private;
* ``promises``: what it promises its users (``everyturn.Promises``); without, everything that the revisions do;
* ``attend``: the body of a thread of its own, which is there from the start and may wait for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol, runtime_checkable

from everyturn_impl.calls import Call, Context


class Dispatcher(Protocol):
    """One session's dispatcher. Made as ``Class(ports, direct=..., **own)``; ``direct``: no coordinator is asked
    for."""

    async def submit(self, call: Call) -> Call:
        """Accept ``call``: the call to :meth:`serve`. Raises :class:`~everyturn_impl.errors.CallerError` to refuse
        it."""
        ...

    async def serve(self, call: Call, caller: Context) -> None:
        """The body of an accepted prompt's thread; begins with ``threads.start``."""

    async def run_local(self, call: Call, caller: Context) -> None:
        """Run an in-process prompt on its caller's thread; may raise the :class:`~everyturn_impl.errors.AgentError`."""

    async def cancel(self) -> None:
        """Cancel whatever was submitted so far; waits for no stream."""

    async def clear_queue(self) -> None:
        """Remove every prompt that waits."""

    async def coordinate_summary(self, caller: Context) -> None:
        """Summarise for a user."""

    async def shut_down(self, workspace: Context) -> None:
        """Close the workspace and wait for the server's threads."""


@runtime_checkable
class Attended(Protocol):
    """A dispatcher with a thread of its own."""

    async def attend(self) -> None:
        """The body of that thread."""


def own_objects(dispatcher: type[Dispatcher]) -> Mapping[str, Any]:
    """The shared objects that a dispatcher's class declares: their first values, by name."""
    declared: Mapping[str, Any] = getattr(dispatcher, "own", {})
    return declared


def shared_objects(dispatcher: type[Dispatcher]) -> Collection[str]:
    """The names of the ports through which a dispatcher's threads meet, of those that are private otherwise."""
    declared: Collection[str] = getattr(dispatcher, "shares", ())
    return declared

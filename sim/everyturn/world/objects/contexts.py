"""Which contexts are cancelled, by their paths."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, Final

from everyturn.world.declarations import Column, Concerns, Declaration, EntryPath, Noticed, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Context

COLUMN: Final = Column("contexts", first=lambda scope: frozenset())


def is_done(cancelled: frozenset[tuple[str, ...]], context: Context | None) -> bool:
    """Whether ``context`` or one above it is among the cancelled paths; a detached one (none) never is."""
    if context is None or not cancelled:
        return False
    return any(context.path[:length] in cancelled for length in range(len(context.path) + 1))


def path(arguments: tuple[Any, ...]) -> Iterator[EntryPath]:
    """The path of the context that an operation is given first."""
    yield arguments[0].path


def paths_above(arguments: tuple[Any, ...]) -> Iterator[EntryPath]:
    """All paths whose cancellation cancels the context that an operation is given first."""
    for length in range(len(arguments[0].path) + 1):
        yield arguments[0].path[:length]


def _of_a_turn(arguments: tuple[Any, ...]) -> bool:
    """A Cancel can cancel what works for a prompt."""
    return arguments[0].prompt is not None


@Declaration("contexts.cancel", changes=("contexts",), entries=path, commutes=True)
def _cancel(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    cancelled: frozenset[tuple[str, ...]] = values[0]
    if is_done(cancelled, arguments[0]):
        return [(None, values)]
    return [(None, (cancelled | {arguments[0].path},))]


@Declaration(
    "contexts.done",
    reads=("contexts",),
    noticed=Noticed(("shutdown",), _of_a_turn),
    entries=paths_above,
    begins=False,
    concerns=Concerns.CANCELS,
)
def _done(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(is_done(values[0], arguments[0]), values)]


class ContextsPort(Port):
    """:class:`everyturn_impl.ports.Contexts` as operations."""

    object = "contexts"

    def cancel(self, context: Context) -> Coroutine[Any, Any, None]:
        return self._do("cancel", context)

    def done(self, context: Context) -> Coroutine[Any, Any, bool]:
        return self._do("done", context)

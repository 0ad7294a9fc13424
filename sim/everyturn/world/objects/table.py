"""The table of operations: what each touches, and the function that says what it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from everyturn.world.scope import ENDLESS
from everyturn_impl.calls import Context

COLUMNS: Final[tuple[str, ...]] = (
    "mutex",
    "active",
    "queue",
    "accepting",
    "contexts",
    "store",
    "budget",
    "titles",
    "hooks",
    "threads",
    "closing",
    "own",
)


class Accepting(NamedTuple):
    """Reservations and mark, which one step may change together: last sequence, open reservations, cancel mark."""

    sequence: int = 0
    open: frozenset[int] = frozenset()
    mark: int = 0


class Store(NamedTuple):
    """What later operations need of the message store: whether it has messages, and the buffered (turn, message)s."""

    messages: bool = True
    buffered: frozenset[tuple[str, str]] = frozenset()


class Budget(NamedTuple):
    """How often the world may still be unkind."""

    errors: int = 0
    tools: int = 0
    failures: int = 0
    refusals: int = 0
    losses: int = 0
    nearly_full: int = 0
    notices: int = 0

    def less(self, name: str) -> Budget:
        """The budget after one use of ``name``; an endless one stays as it is."""
        if getattr(self, name) == ENDLESS:
            return self
        return self._replace(**{name: getattr(self, name) - 1})


Values = tuple[Any, ...]
Outcomes = list[tuple[Any, Values]]
Handler = Callable[[Values, tuple[Any, ...], str], Outcomes]

HANDLERS: Final[dict[tuple[str, str], tuple[tuple[str, ...], Handler]]] = {}
"""(object, method) → the columns that it touches, and its handler."""


def handles(name: str, *touched: str) -> Callable[[Handler], Handler]:
    """Register a function as the handler of an operation (``object.method``)."""
    obj, method = name.split(".")

    def register(handler: Handler) -> Handler:
        HANDLERS[obj, method] = (touched, handler)
        return handler

    return register


def is_done(cancelled: frozenset[tuple[str, ...]], context: Context | None) -> bool:
    """Whether ``context`` or one above it is among the cancelled paths; a detached one (none) never is."""
    if context is None or not cancelled:
        return False
    return any(context.path[:length] in cancelled for length in range(len(context.path) + 1))

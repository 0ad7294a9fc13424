"""The completion hooks of coordinators: a pair of name and completion for each that keeps one, by name."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from typing import Any, Final

from everyturn.world.declarations import Column, Declaration, EntryPath, Noticed, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Completion

COLUMN: Final = Column("hooks", first=lambda scope: (), by_entry=True)


def _hook(arguments: tuple[Any, ...]) -> Iterator[EntryPath]:
    yield (arguments[0],)


@Declaration(
    "hooks.keep",
    changes=("hooks",),
    noticed=Noticed(("nearly_full",)),
    entries=_hook,
    instead="a call without a hook goes straight to broker.publish",
)
def _keep(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    hook, completion = arguments
    others = [pair for pair in values[0] if pair[0] != hook]
    return [(None, (tuple(sorted((*others, (hook, completion)), key=lambda pair: pair[0])),))]


@Declaration("hooks.take", changes=("hooks",), noticed=Noticed(("nearly_full",)), entries=_hook)
def _take(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    kept: Completion | None = None
    for hook, completion in values[0]:
        if hook == arguments[0]:
            kept = completion
    return [(kept, (tuple(pair for pair in values[0] if pair[0] != arguments[0]),))]


class HooksPort(Port):
    """:class:`everyturn_impl.ports.Hooks` as operations."""

    object = "hooks"

    def keep(self, hook: str, completion: Completion) -> Coroutine[Any, Any, None]:
        return self._do("keep", hook, completion)

    def take(self, hook: str) -> Coroutine[Any, Any, Completion | None]:
        return self._do("take", hook)

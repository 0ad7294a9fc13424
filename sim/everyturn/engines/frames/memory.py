"""What an agent keeps outside of its frames, where no identity sees it, and whether a resumption changed it.

Two local states are one if their frames are equal. That is true only as long as the agent remembers nothing elsewhere.
Looked at are its own attributes, those of its classes and the globals of the modules that these are written in, and in
them lists, dictionaries, sets and objects of the same modules or of asyncio. What is hidden deeper (the inside of an
extension type, another module, a closure, a file) shows only when the audit finds two histories that go on differently.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

from everyturn.errors import HiddenState

_DEPTH: Final = 4
_SCALARS: Final = (str, int, float, bytes, bool, complex, type(None))
_OURS: Final = ("everyturn_impl.", "everyturn.", "builtins", "abc", "typing")

Picture = dict[str, Hashable]


class Memory:
    """Looks at one agent; ``known`` are objects whose inside is nobody's business: ports and the like."""

    def __init__(self, agent: object, known: tuple[object, ...]) -> None:
        self._agent = agent
        self._known = {id(each) for each in known}
        self._classes = [each for each in type(agent).__mro__ if not f"{each.__module__}.".startswith(_OURS)]
        self._modules = {each.__module__: sys.modules[each.__module__] for each in self._classes}
        self._alive: list[object] = []

    def picture(self) -> Picture:
        """What is there now, as a value that is equal as long as nothing was changed."""
        self._alive = []
        return {where: self._stamp(value, _DEPTH) for where, value in self._places()}

    def check(self, before: Picture, where: str) -> None:
        """Raise :class:`HiddenState` if something has changed since ``before``, by code that went on at ``where``."""
        alive = self._alive  # what the stamps of ``before`` name must not be replaced by something at the same address
        after = self.picture()
        del alive
        if after == before:
            return
        changed = next(name for name in (*after, *before) if after.get(name) != before.get(name))
        value = repr(dict(self._places()).get(changed, "gone"))
        raise HiddenState(
            f"{where}: {changed} is changed from here to the next await, and is then {value:.100}: expected nothing "
            "outside of local variables to change; what threads share belongs into an object of the agent's own, see "
            "docs/your_own_agent.md"
        )

    def _places(self) -> Iterator[tuple[str, object]]:
        yield from _named(f"attribute of the agent ({type(self._agent).__qualname__})", _attributes(self._agent))
        for each in self._classes:
            yield from _named(f"attribute of class {each.__qualname__}", vars(each))
        for name, module in self._modules.items():
            yield from _named(f"global of module {name}", vars(module))

    def _stamp(self, value: Any, depth: int) -> Hashable:
        kind = type(value)
        if kind in _SCALARS:
            return (kind.__name__, value)
        self._alive.append(value)
        if depth and id(value) not in self._known:
            if isinstance(value, list | tuple | deque):
                return (id(value), *(self._stamp(each, depth - 1) for each in value))
            if isinstance(value, dict):
                return (id(value), *((self._stamp(k, 1), self._stamp(v, depth - 1)) for k, v in value.items()))
            if isinstance(value, set | frozenset):
                return (id(value), frozenset(self._stamp(each, depth - 1) for each in value))
            if isinstance(value, bytearray):
                return (id(value), bytes(value))
            if kind.__module__ in self._modules or kind.__module__.startswith("asyncio."):
                return (id(value), *((k, self._stamp(v, depth - 1)) for k, v in _attributes(value).items()))
        return id(value)


def _named(what: str, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in list(values.items()):
        if not name.startswith("__"):
            yield f"{what} {name!r}", value


def _attributes(value: object) -> dict[str, object]:
    """An object's own attributes, those in slots included."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                found[name] = getattr(value, name)
    return found

"""What an agent keeps outside of its frames, where no identity sees it, and whether a resumption changed it.

Two local states are one if their frames are equal. That is true only as long as the agent remembers nothing elsewhere.
Looked at are its own attributes, those of its classes and the globals of the modules that these are written in, and in
them lists, dictionaries, sets, functions' defaults and closures, and objects of the same modules or of asyncio. What is
hidden deeper (the inside of an extension type, another module, a file) shows only when the audit finds two histories that go on differently.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from types import FunctionType
from typing import Any, Final

from everyturn.errors import HiddenState

_DEPTH: Final = 4
_SCALARS: Final = (str, int, float, bytes, bool, complex, type(None))
_OURS: Final = ("everyturn_impl.", "everyturn.", "builtins.", "abc.", "typing.")

Picture = tuple[dict[str, Hashable], ...]
"""For each place that was looked at: what its names stand for."""


class Memory:
    """Looks at one agent; ``known`` are objects whose inside is nobody's business: ports and the like."""

    def __init__(self, agent: object, known: tuple[object, ...]) -> None:
        self._agent = agent
        self._known = {id(each) for each in known}
        classes = [each for each in type(agent).__mro__ if not f"{each.__module__}.".startswith(_OURS)]
        names = {each.__module__: None for each in classes}
        self._modules = {name: sys.modules[name] for name in names if name in sys.modules}
        self._slots = _slots(type(agent))
        self._shared: list[tuple[str, Mapping[str, object]]] = [
            (f"attribute of class {each.__qualname__}", vars(each)) for each in classes
        ]
        self._shared += [(f"global of module {name}", vars(module)) for name, module in self._modules.items()]
        self._alive: list[object] = []

    def picture(self) -> Picture:
        """What is there now, as a value that is equal as long as nothing was changed."""
        self._alive = []
        return tuple(
            {name: self._stamp(value, _DEPTH) for name, value in place.items() if not name.startswith("__")}
            for _, place in self._places()
        )

    def check(self, before: Picture, where: object) -> None:
        """Raise :class:`HiddenState` if something has changed since ``before``, by code that went on at ``where``."""
        alive = self._alive  # what the stamps of ``before`` name must not be replaced by something at the same address
        after = self.picture()
        del alive
        if after != before:
            raise HiddenState(
                f"{where}: {self._changed(before, after)}: expected nothing outside of local variables to change; what "
                "threads share belongs into an object of the agent's own, see docs/your_own_agent.md"
            )

    def _changed(self, before: Picture, after: Picture) -> str:
        for (what, place), one, other in zip(self._places(), before, after, strict=True):
            for name in (*other, *one):
                if one.get(name) != other.get(name):
                    value = repr(place.get(name, "gone"))
                    return f"{what} {name!r} is changed from here to the next await, and is then {value:.100}"
        raise AssertionError

    def _places(self) -> list[tuple[str, Mapping[str, object]]]:
        own = _attributes(self._agent, self._slots)
        return [(f"attribute of the agent ({type(self._agent).__qualname__})", own), *self._shared]

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
            if isinstance(value, FunctionType):
                return (id(value), *(self._stamp(each, depth - 1) for each in _kept(value)))
            if kind.__module__ in self._modules or kind.__module__.startswith("asyncio."):
                return (
                    id(value),
                    *((k, self._stamp(v, depth - 1)) for k, v in _attributes(value, _slots(kind)).items()),
                )
        return id(value)


def _attributes(value: object, slots: tuple[str, ...]) -> dict[str, object]:
    """An object's own attributes, those in slots included."""
    return {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots if hasattr(value, name)}}


def _kept(function: FunctionType) -> Iterator[object]:
    """What a function keeps from call to call: defaults, what was hung on it, what it took from where it was defined."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()
    for cell in function.__closure__ or ():
        with suppress(ValueError):
            yield cell.cell_contents


def _slots(kind: type) -> tuple[str, ...]:
    declared = (each.__dict__.get("__slots__", ()) for each in kind.__mro__)
    return tuple(name for slots in declared for name in ((slots,) if isinstance(slots, str) else slots))

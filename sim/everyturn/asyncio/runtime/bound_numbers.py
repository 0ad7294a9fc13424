"""Numbers that names of modules stand for, such as ``_last_id = 0``: each run begins with those of the first.

Functions that count on for the whole process (``global _last_id``), as those do that make ids out of the time, would
give each run other ids: no state of one would be equal to a state of another, and a run could change the next one.
Other things that such names stand for stay as they are: what is made once for good is made once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterable
from dis import get_instructions, opmap
from types import CodeType, FunctionType
from typing import Any, Final

from everyturn.asyncio.order.moments import Moment
from everyturn.asyncio.runtime.places import is_users, may_be_patched

_BINDS: Final = opmap["STORE_GLOBAL"]
_NUMBERS: Final = frozenset({int, float, Moment})


class BoundNumbers:
    """Those that code of the program, or of an installed package, binds anew."""

    def __init__(self) -> None:
        self._known: list[tuple[dict[str, Any], str, Any]] = []
        self._names: dict[tuple[int, str], dict[str, Any]] = {}
        self._modules = 0

    def look(self) -> None:
        """Remember what is there now. To be asked while nothing is kept from the collector.

        All functions are gone through where modules have come since the last time; else those that the program's own
        modules have by name, as a cell of a notebook may define one.
        """
        if len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._take(gc.get_objects())
        else:
            for module in list(sys.modules.values()):
                if is_users(str(getattr(module, "__file__", None) or "program")):
                    self._take(list(getattr(module, "__dict__", {}).values()))
        found = ((held, name, held.get(name)) for (_, name), held in self._names.items())
        self._known = [(held, name, value) for held, name, value in found if type(value) in _NUMBERS]

    def _take(self, objects: Iterable[Any]) -> None:
        for each in [each for each in objects if type(each) is FunctionType]:
            for name in _bound_by(each.__code__):
                self._names[id(each.__globals__), name] = each.__globals__

    def put_back(self) -> None:
        """A run begins: names that stand for another number by now stand for what they did."""
        for held, name, value in self._known:
            now = held.get(name)
            if now is not value and type(now) in _NUMBERS:
                held[name] = value

    def forget(self) -> None:
        """Nothing is put back any more."""
        self._known = []


_MET: Final[dict[int, tuple[CodeType, frozenset[str]]]] = {}
"""By the address of code that is kept here: in a large program there are tens of thousands, which are equal to none."""


def _bound_by(code: CodeType) -> frozenset[str]:
    """The global names that code of the program, or of an installed package, binds."""
    met = _MET.get(id(code))
    if met is None:
        met = _MET[id(code)] = code, _bound(code) if may_be_patched(code.co_filename) else frozenset()
    return met[1]


def _bound(code: CodeType) -> frozenset[str]:
    """The global names that code binds, that of functions within included."""
    within = (_bound(each) for each in code.co_consts if isinstance(each, CodeType))
    own = _own(code) if code.co_names and _BINDS in code.co_code[::2] else frozenset()
    return own.union(*within)


def _own(code: CodeType) -> frozenset[str]:
    return frozenset(str(each.argval) for each in get_instructions(code) if each.opcode == _BINDS)


BOUND: Final = BoundNumbers()
"""Those of the runs that are being made. Only one search runs in a process at a time."""

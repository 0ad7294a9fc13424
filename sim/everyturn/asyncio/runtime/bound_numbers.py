"""Numbers that names of modules stand for, such as ``_last_id = 0``: each run begins with those of the first.

Functions that count on for the whole process (``global _last_id``), as those do that make ids out of the time, would
give each run other ids: no state of one would be equal to a state of another, and a run could change the next one.
Other things that such names stand for stay as they are: what is made once for good is made once.
"""

from __future__ import annotations

import gc
from dis import get_instructions, opmap
from types import CodeType, FunctionType
from typing import Any, Final

from everyturn.asyncio.order.moments import Moment
from everyturn.asyncio.runtime.places import may_be_patched

_BINDS: Final = opmap["STORE_GLOBAL"]
_NUMBERS: Final = frozenset({int, float, Moment})


class BoundNumbers:
    """Those that code of the program, or of an installed package, binds anew."""

    def __init__(self) -> None:
        self._known: list[tuple[dict[str, Any], str, Any]] = []

    def look(self) -> None:
        """Remember what is there now. To be asked while nothing is kept from the collector."""
        names: dict[tuple[int, str], dict[str, Any]] = {}
        for each in gc.get_objects():
            if type(each) is FunctionType and may_be_patched(each.__code__.co_filename):
                for name in _bound(each.__code__):
                    names[id(each.__globals__), name] = each.__globals__
        found = ((held, name, held.get(name)) for (_, name), held in names.items())
        self._known = [(held, name, value) for held, name, value in found if type(value) in _NUMBERS]

    def put_back(self) -> None:
        """A run begins: names that stand for another number by now stand for what they did."""
        for held, name, value in self._known:
            now = held.get(name)
            if now is not value and type(now) in _NUMBERS:
                held[name] = value

    def forget(self) -> None:
        """Nothing is put back any more."""
        self._known = []


_BOUND: Final[dict[CodeType, frozenset[str]]] = {}


def _bound(code: CodeType) -> frozenset[str]:
    """The global names that code binds, that of functions within included."""
    known = _BOUND.get(code)
    if known is None:
        within = (_bound(each) for each in code.co_consts if isinstance(each, CodeType))
        own = _own(code) if code.co_names and _BINDS in code.co_code[::2] else frozenset()
        known = _BOUND[code] = own.union(*within)
    return known


def _own(code: CodeType) -> frozenset[str]:
    return frozenset(str(each.argval) for each in get_instructions(code) if each.opcode == _BINDS)


BOUND: Final = BoundNumbers()
"""Those of the runs that are being made. Only one search runs in a process at a time."""

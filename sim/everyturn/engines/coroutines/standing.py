"""Where a frame stands: what can be live there, and where it is found, worked out once for each place of some code."""

from __future__ import annotations

from collections.abc import Hashable
from gc import get_referents
from itertools import repeat
from operator import is_
from types import CodeType
from typing import Any, Final, NamedTuple

from everyturn.identity.anatomy import Changes
from everyturn.identity.bytecode import suspensions
from everyturn.identity.encoder import Encoder

_MUTABLE: Final = (list, set, dict)


class Standing(NamedTuple):
    """A place of ``code`` at which it is always the same variables that are bound, and as many values on the stack.

    ``head``: the number of the place and of the names of its ``variables``, the bound ones that count. These and what
    is ``stacked`` are given by where they lie behind the code among all that the frame shows, ``shown`` in number; what
    is awaited is the last of them. Behind it is nothing, or none, where an exception was handled before.
    """

    code: CodeType
    head: Hashable
    variables: tuple[int, ...]
    stacked: tuple[int, ...]
    shown: int

    def held(self, coroutine: Any, awaited: object) -> tuple[list[Any], list[Any]] | None:
        """Variables and stacked values of a frame that stands here and awaits something. None where it shows more than
        that: it handles an exception, or keeps in hand what it awaits."""
        all_of_it, code = get_referents(coroutine), self.code
        first = 1  # the first thing of all may be the code once more, as the coroutine's own
        while all_of_it[first] is not code:
            first += 1
        first += 1
        last = first + self.shown - 1
        if last >= len(all_of_it) or all_of_it[last] is not awaited:
            return None
        if last + 1 < len(all_of_it) and any(each is not None for each in all_of_it[last + 1 :]):
            return None
        variables = [all_of_it[first + place] for place in self.variables]
        stacked = [all_of_it[first + place] for place in self.stacked]
        if any(map(is_, variables, repeat(awaited))) or any(map(is_, stacked, repeat(awaited))):
            return None
        return variables, stacked


def standing(code: CodeType, instruction: int, values: Encoder, live: frozenset[str] | None) -> Standing | None:
    """What is known of a place beforehand; none where each frame has to be looked at for what is bound.

    ``live``: the variables that count; none: all do.
    """
    place, before = suspensions(code)[instruction], values.moved
    if place.doubtful or not place.stack:
        return None
    counted = tuple([number for number, name in enumerate(place.bound) if live is None or name in live])
    names = tuple([place.bound[number] for number in counted])
    head = values.number((values.encode(code), instruction, names))
    if values.moved != before:
        return None
    return Standing(code, head, counted, tuple(range(len(place.bound), place.filled - 1)), place.filled)


def may_change(stacked: object) -> Changes:
    """How much a value of the stack may change: besides, a list or the like that a display like ``(*await f(), x)`` is
    about to be built from."""
    return Changes.MUTABLE if type(stacked) in _MUTABLE else Changes.MOVING

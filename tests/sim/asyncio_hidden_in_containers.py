"""Things with a state that is hidden in containers, in caches and in what shows them: how each is made in two ways, and
what is seen of it later."""

from __future__ import annotations

import asyncio
import functools
import types
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final


class OwnSet(set[int]):
    """One of a program's own."""


def _popped(way: int) -> set[int]:
    """The same three members, in the same order; ``pop`` goes on behind the one that was taken last."""
    free = {1, 2, 3}
    if way:
        free.add(free.pop())
    return free


def _left(kind: type[set[int]]) -> Callable[[int], set[int]]:
    """0 and 16, in this order; where 8 has been nothing else comes, and 16 lies behind."""

    def make(way: int) -> set[int]:
        members = kind()
        for each in (0, 8, 16) if way else (0, 16):
            members.add(each)
        members.discard(8)
        return members

    return make


def _order_with_three(members: set[int]) -> list[int]:
    members.add(3)
    return list(members)


def _shown(show: Callable[[Any], Any], kind: type[dict[str, int]] = dict) -> Callable[[int], tuple[Any, Any, Any]]:
    """Two empty dictionaries, and something that shows one of them."""

    def make(way: int) -> tuple[Any, Any, Any]:
        both = kind(), kind()
        return *both, show(both[way])

    return make


def _how_many_are_shown(held: tuple[Any, Any, Any]) -> int:
    held[0].update(one=1)
    return len(held[2])


def _notes(way: int) -> tuple[Any, Any]:
    error = ValueError()
    error.__notes__ = ["first"]
    return error, error.__notes__ if way else ["first"]


def _noted(held: tuple[Any, Any]) -> int:
    held[1].append("second")
    return len(held[0].__notes__)


def _group(way: int) -> tuple[Any, Any]:
    errors = [ValueError()]
    return errors, ExceptionGroup("several", errors if way else list(errors))


def _members_given(held: tuple[Any, Any]) -> int:
    held[0].append(KeyError())
    return len(held[1].args[1])


NOT_A_NUMBER: Final = float("nan")


def _not_a_number(way: int) -> list[float]:
    return [NOT_A_NUMBER, (NOT_A_NUMBER, float("nan"))[way]]


class Shares:
    """Whose attributes others may have, too."""

    way = 0


def _attributes(way: int) -> tuple[Any, Any]:
    thing = Shares()
    return thing, vars(thing) if way else {}


def _seen_there(held: tuple[Any, Any]) -> bool:
    held[0].seen = True
    return "seen" in held[1]


def _two_of_one(way: int) -> tuple[Any, Any]:
    one, other = Shares(), Shares()
    if way:
        other.__dict__ = vars(one)
    return one, other


def _keywords(way: int) -> tuple[Any, Any]:
    part: Any = functools.partial(dict, one=1)
    return part, part.keywords if way else dict(part.keywords)


def _called_with(held: tuple[Any, Any]) -> Any:
    held[1].update(one=2)
    return held[0]()


def _released(way: int) -> memoryview:
    view = memoryview(b"a")
    if way:
        view.release()
    return view


def _read(view: memoryview) -> str:
    try:
        return str(view[0])
    except ValueError:
        return "released"


def _event(way: int) -> Any:
    """The one event of a cache that the program has made of a class of the library."""
    the_event = functools.cache(asyncio.Event)
    if way:
        the_event().set()
    else:
        the_event()
    return the_event


def _partial(way: int) -> Any:
    numbers = iter(range(9))
    kept = functools.cache(functools.partial(_next_of, numbers))
    for each in ("ab", "ba")[way]:
        kept(each)
    return kept


def _next_of(numbers: Any, _: str) -> int:
    return int(next(numbers))


@functools.lru_cache(maxsize=2)
def _remembered(_: str) -> list[str]:
    return []


def _asked_again(way: int) -> None:
    """Two results of the same names; the one that was asked for last stays longest."""
    _remembered.cache_clear()
    for each in ("a", "b", "a") if way else ("a", "b"):
        if not _remembered(each):
            _remembered(each).append("old")


def _after_a_third() -> list[str]:
    _remembered("c")
    return _remembered("a")


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "where a set begins to pop": (_popped, lambda free: free.pop()),
    "where others have been in a set": (_left(set), _order_with_three),
    "where others have been in a set of one's own": (_left(OwnSet), _order_with_three),
    "what a proxy shows": (_shown(types.MappingProxyType), _how_many_are_shown),
    "whose keys are shown": (_shown(dict.keys), _how_many_are_shown),
    "whose values are shown": (_shown(dict.values), _how_many_are_shown),
    "whose items are shown": (_shown(OrderedDict.items, OrderedDict), _how_many_are_shown),
    "whose notes a list is": (_notes, _noted),
    "whose members a list is": (_group, _members_given),
    "which not-a-number": (_not_a_number, lambda numbers: numbers[0] in numbers[1:]),
    "whose attributes a dictionary has": (_attributes, _seen_there),
    "whether two objects have one dictionary": (_two_of_one, lambda both: _seen_there((both[0], vars(both[1])))),
    "whose keywords a dictionary has": (_keywords, _called_with),
    "a released view": (_released, _read),
    "a cache of what the library makes": (_event, lambda the_event: the_event().is_set()),
    "a cache of a partial": (_partial, lambda kept: kept("a")),
    "what was asked for last": (_asked_again, lambda _: _after_a_third()),
}
"""What differs → how it is made (of 0 or 1), and what is seen of it later."""

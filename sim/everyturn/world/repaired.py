"""A dispatcher with repairs: ``d4+clears-under-mutex`` is a revision with classes put in front of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from everyturn.errors import UsageError
from everyturn.world import imports
from everyturn_impl.repairs import REPAIRS

WITH: Final = "+"
"""Stands between the name of a dispatcher and those of its repairs."""


def split(name: str) -> tuple[str, tuple[str, ...]]:
    """The name of the dispatcher and those of its repairs, in the order in which they are put in front of it."""
    base, *repairs = name.split(WITH)
    return base, in_order(repairs)


def in_order(repairs: Iterable[str]) -> tuple[str, ...]:
    """Each once: ours in the order of :data:`~everyturn_impl.repairs.REPAIRS`, then the user's as they were named."""
    known = tuple(REPAIRS)
    return tuple(sorted(dict.fromkeys(repairs), key=lambda name: known.index(name) if name in known else len(known)))


def find_repair(name: str) -> type:
    """A repair by its name, or the user's class ``package.module:Class``. Raises :class:`UsageError`."""
    if ":" not in name:
        if name not in REPAIRS:
            raise UsageError(f"repair {name!r}: expected one of {', '.join(REPAIRS)} or package.module:Class")
        return REPAIRS[name]
    found: Any = imports.found(name)
    if not isinstance(found, type):
        raise UsageError(f"repair {name!r}: expected a class that overrides methods of a dispatcher; found {found!r}")
    return found


def with_repairs(dispatcher: type, repairs: Iterable[str]) -> type:
    """The class with ``repairs`` in front of it, but for those that it has already. Raises :class:`UsageError`."""
    return put_in_front(dispatcher, tuple((name, find_repair(name)) for name in in_order(repairs)))


@cache
def put_in_front(dispatcher: type, repairs: tuple[tuple[str, type], ...]) -> type:
    """The class with these named repairs in front of it, outermost first. Raises :class:`UsageError`."""
    new = [(name, repair) for name, repair in repairs if not issubclass(dispatcher, repair)]
    if not new:
        return dispatcher
    for name, repair in new:
        if not _overridden(dispatcher, repair):
            raise UsageError(
                f"repair {name!r}: expected a class that overrides a method of {dispatcher.__qualname__}; found none"
            )
    qualified = WITH.join((dispatcher.__qualname__, *(name for name, _ in new)))
    try:
        return type(
            dispatcher.__name__,
            (*(repair for _, repair in new), dispatcher),
            {"__module__": dispatcher.__module__, "__qualname__": qualified},
        )
    except TypeError as error:
        raise UsageError(
            f"{qualified}: expected repairs that can be put in front of the class, that is, with no parents but its "
            f"own: {error}"
        ) from None


def _overridden(dispatcher: type, repair: type) -> bool:
    """Whether the repair, or a parent that the dispatcher has not, defines something that the dispatcher has."""
    own = [each for each in repair.__mro__ if each not in (*dispatcher.__mro__, object)]
    defined = [(name, value) for each in own for name, value in vars(each).items() if hasattr(dispatcher, name)]
    return any(callable(value) or not name.startswith(("__", "_abc_")) for name, value in defined)

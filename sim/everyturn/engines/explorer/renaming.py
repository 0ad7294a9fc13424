"""Renamings: prompts of one kind, and operations of one kind, change their names wherever these occur."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import partial
from itertools import permutations, product
from operator import is_
from typing import Any, Final, Protocol

from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Finding
from everyturn.world.world import World
from everyturn_model.lifecycle import Ledger
from everyturn_model.spec.state import State

_NAME: Final = re.compile(r"\b(p|r|cancel|clear|summarise)(\d+)\b")

Names = dict[str, str]


def renamings(world: World) -> list[Renaming]:
    """Every renaming of interchangeable threads, the identity first."""
    kinds: dict[str, list[str]] = {}
    for thread in world.threads:
        if not thread.daemon and thread.kind != "x":
            kinds.setdefault(thread.kind, []).append(thread.name)
    groups = [[dict(zip(names, each, strict=True)) for each in permutations(names)] for names in kinds.values()]
    return [Renaming({old: new for part in parts for old, new in part.items()}) for parts in product(*groups)]


class Renaming:
    """Replaces names wherever they occur in values; a part that names nobody stays the same object. What is ordered by
    name is put in order again."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._texts: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        """``value`` with every name in it replaced. Raises :class:`EveryturnError` for what may hide names."""
        kind = type(value)
        how = _HOW.get(kind)
        if how is None:
            how = _HOW[kind] = _how(value)
        return how(self, value)

    def text(self, value: str) -> str:
        """A text with every name in it replaced."""
        known = self._texts.get(value)
        if known is None:
            known = self._texts[value] = _NAME.sub(self._renamed, value)
        return known

    def _renamed(self, found: re.Match[str]) -> str:
        if found[1] == "r":
            return "r" + self.names.get(f"p{found[2]}", f"p{found[2]}")[1:]
        return self.names.get(found[0], found[0])


_HOW: Final[dict[type, Callable[[Renaming, Any], Any]]] = {}
"""How values of a class are renamed: found out once for each."""


def _how(value: Any) -> Callable[[Renaming, Any], Any]:
    if isinstance(value, Enum) or value is None or isinstance(value, (bool, int, float, bytes)):
        return _nameless
    if isinstance(value, str):
        return Renaming.text
    if isinstance(value, frozenset):
        return _set
    if isinstance(value, Ledger):
        return _ledger
    if isinstance(value, State):
        return _state
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return _record
    if isinstance(value, tuple):
        return _sequence
    if is_dataclass(value) and not isinstance(value, type):
        return partial(_dataclass, [each.name for each in fields(value)])
    raise EveryturnError(f"symmetry: expected a value whose names are known, found {value!r}")


def _nameless(renaming: Renaming, value: Any) -> Any:
    return value


def _set(renaming: Renaming, value: Any) -> Any:
    return frozenset(map(renaming, value))


def _sequence(renaming: Renaming, value: Any) -> Any:
    parts = tuple(map(renaming, value))
    return value if all(map(is_, parts, value)) else parts


def _record(renaming: Renaming, value: Any) -> Any:
    parts = tuple(map(renaming, value))
    return value if all(map(is_, parts, value)) else value._make(parts)


def _ledger(renaming: Renaming, value: Any) -> Any:
    return Ledger(tuple(sorted(map(renaming, value), key=lambda life: life.prompt)))


def _state(renaming: Renaming, value: Any) -> Any:
    return _in_order(State(*map(renaming, value)))


def _dataclass(names: Sequence[str], renaming: Renaming, value: Any) -> Any:
    before = [getattr(value, name) for name in names]
    after = list(map(renaming, before))
    return value if all(map(is_, after, before)) else replace(value, **dict(zip(names, after, strict=True)))


def _in_order(state: State) -> State:
    return state._replace(
        prompts=tuple(sorted(state.prompts, key=lambda each: each.name)),
        operations=tuple(sorted(state.operations, key=lambda each: (each.kind.value, each.name))),
    )


class RunNames(Protocol):
    """The names that the threads of a run have of their own, while tables say what it does by states that stand for its
    own."""

    def rename(self, renaming: int) -> None:
        """The state that the run is in was replaced by the one that stands for it, by the renaming of this number."""

    def thread(self, thread: int) -> int:
        """A thread's own number."""

    def value(self, value: Any) -> Any:
        """A value with everybody's own names."""

    def findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """What is violated, as far as it can be told in own names."""


class OwnNames:
    """Names where every state stands for itself: they are what they are."""

    def rename(self, renaming: int) -> None:
        """Nothing is renamed."""

    def thread(self, thread: int) -> int:
        """The same."""
        return thread

    def value(self, value: Any) -> Any:
        """The same."""
        return value

    def findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """The same."""
        return findings


class ChangedNames:
    """Names where renamings of a state count once; ``order``: where a renaming puts each of ``threads``."""

    def __init__(self, threads: Sequence[str], order: Callable[[int], tuple[int, ...]]) -> None:
        self._threads = threads
        self._order_of = order
        self._order = tuple(range(len(threads)))
        self._renaming = Renaming({})

    def rename(self, renaming: int) -> None:
        """As :meth:`RunNames.rename`."""
        step = self._order_of(renaming)
        self._order = tuple(step[place] for place in self._order)
        names = {self._threads[place]: self._threads[thread] for thread, place in enumerate(self._order)}
        self._renaming = Renaming(names)

    def thread(self, thread: int) -> int:
        """As :meth:`RunNames.thread`."""
        return self._order.index(thread)

    def value(self, value: Any) -> Any:
        """As :meth:`RunNames.value`."""
        return self._renaming(value)

    def findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Without sentences: of several prompts each names the first."""
        return tuple(Finding(each.invariant, "") for each in findings)

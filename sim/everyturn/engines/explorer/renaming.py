"""Renamings: prompts of one kind, and operations of one kind, change their names wherever these occur."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import permutations, product
from typing import Any, Final, Protocol

from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Finding
from everyturn.world.world import World
from everyturn_model.lifecycle import Ledger
from everyturn_model.spec.state import State

_NAME: Final = re.compile(r"\b(p|r|cancel|clear|summarise)(\d+)\b")

Names = dict[str, str]


def renamings(world: World) -> list[Names]:
    """Every renaming of interchangeable threads, the identity first."""
    kinds: dict[str, list[str]] = {}
    for thread in world.threads:
        if not thread.daemon and thread.kind != "x":
            kinds.setdefault(thread.kind, []).append(thread.name)
    groups = [[dict(zip(names, each, strict=True)) for each in permutations(names)] for names in kinds.values()]
    return [{old: new for part in parts for old, new in part.items()} for parts in product(*groups)]


def rename(value: Any, names: Names) -> Any:
    """``value`` with every name in it replaced. What is ordered by name is put in order again."""
    if isinstance(value, Enum) or value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if isinstance(value, str):
        return _NAME.sub(lambda found: _renamed(found, names), value)
    if isinstance(value, frozenset):
        return frozenset(rename(each, names) for each in value)
    if isinstance(value, Ledger):
        return Ledger(tuple(sorted((rename(each, names) for each in value), key=lambda life: life.prompt)))
    if isinstance(value, State):
        return _in_order(State(*(rename(each, names) for each in value)))
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(rename(each, names) for each in value)
    if isinstance(value, tuple):
        return tuple(rename(each, names) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: rename(getattr(value, each.name), names) for each in fields(value)})
    raise EveryturnError(f"symmetry: expected a value whose names are known, found {value!r}")


def _renamed(found: re.Match[str], names: Names) -> str:
    if found[1] == "r":
        return "r" + names.get(f"p{found[2]}", f"p{found[2]}")[1:]
    return names.get(found[0], found[0])


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
        self._names: Names = {}

    def rename(self, renaming: int) -> None:
        """As :meth:`RunNames.rename`."""
        step = self._order_of(renaming)
        self._order = tuple(step[place] for place in self._order)
        self._names = {self._threads[place]: self._threads[thread] for thread, place in enumerate(self._order)}

    def thread(self, thread: int) -> int:
        """As :meth:`RunNames.thread`."""
        return self._order.index(thread)

    def value(self, value: Any) -> Any:
        """As :meth:`RunNames.value`."""
        return rename(value, self._names)

    def findings(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Without sentences: of several prompts each names the first."""
        return tuple(Finding(each.invariant, "") for each in findings)

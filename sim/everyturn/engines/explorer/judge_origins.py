"""How the states of the judge's parts are made again from integers: each by the step that first led to it, or, where
renamings of a state count once, as the renaming of another one.

A renaming may number a state before any step leads to it, and the state of another prompt's part at that; so it is
noted where each of those comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from everyturn.engines.explorer.judge_parts import Arrays, Monitor, Part

AnyPart = Part | Monitor
Rename = Callable[[int, Any], Any]
"""(number of a renaming, value) → the value with other names."""


class Origin(NamedTuple):
    """The state of the part at a place, by its number, and the number of the renaming that made another one of it."""

    place: int
    number: int
    renaming: int


class RenamedStates:
    """The states of parts that a renaming has numbered, each with its origin."""

    def __init__(self, parts: Sequence[AnyPart]) -> None:
        self._parts = parts
        self._origins: list[dict[int, Origin]] = [{} for _ in parts]

    def number(self, becomes: int, value: Any, origin: Origin) -> int:
        """The number of a state of the part at the place ``becomes``, which comes from there."""
        states = self._parts[becomes].states
        before = len(states.values)
        number = states.number(value)
        if number == before:
            self._origins[becomes][number] = origin
        return number

    def saved(self) -> Arrays:
        """What was noted, as arrays by name."""
        return {
            f"{place}-renamed": np.array([(number, *each) for number, each in known.items()], np.int64).reshape(-1, 4)
            for place, known in enumerate(self._origins)
        }

    def restore(self, arrays: Arrays, first: int, rename: Rename) -> None:
        """Take over what was noted, and make the states of all parts again, whose steps are there already: those of the
        ``first`` ones, then those of all others, which look at them."""
        self._origins = [
            {number: Origin(*origin) for number, *origin in arrays[f"{place}-renamed"].tolist()}
            for place in range(len(self._parts))
        ]
        known = dict(enumerate(zip(self._parts, self._origins, strict=True)))
        make_again({place: known.pop(place) for place in range(first)}, rename)
        make_again(known, rename)


def make_again(parts: Mapping[int, tuple[AnyPart, Mapping[int, Origin]]], rename: Rename) -> None:
    """Number the states of parts as they were; origins may be of any of these parts.

    Raises :class:`ValueError` if that gives other states: the code has changed.
    """
    waiting = {place: _Unmade(part, origins) for place, (part, origins) in parts.items()}
    values = {place: part.states.values for place, (part, _) in parts.items()}
    while waiting:
        made = [each.make(values, rename) for each in waiting.values()]
        waiting = {place: each for place, each in waiting.items() if each.left}
        if waiting and not any(made):
            raise ValueError("states of the judge of which no other one can be the origin")


class _Unmade:
    """The states of a part that are to be made again."""

    def __init__(self, part: AnyPart, origins: Mapping[int, Origin]) -> None:
        self._part, self._origins = part, origins
        self._steps = part.first_steps()
        numbers = {*self._steps, *origins}
        self.left = [number for number in sorted(numbers, reverse=True) if number >= len(part.states.values)]

    def make(self, values: Mapping[int, list[Any]], rename: Rename) -> int:
        """Make as many as can be made now; how many."""
        before = len(self.left)
        while self.left:
            number = self.left[-1]
            origin = self._origins.get(number)
            if origin is None:
                value = self._part.redo(self._steps[number])[0]
            elif origin.number < len(values[origin.place]):
                value = rename(origin.renaming, values[origin.place][origin.number])
            else:
                break
            if self._part.states.number(value) != number:
                raise ValueError(f"state {number} of a table is another one now: the code has changed")
            self.left.pop()
        return before - len(self.left)

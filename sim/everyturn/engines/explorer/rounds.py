"""Runs that never end: whether threads can go round, so that what is judged at rest says nothing of some runs.

A cycle of global states takes every thread that moves in it back to its local state. So only steps within strongly
connected parts of the local states' own graph can lie on one. For code without a loop that can come back to the same
values there are none, and nothing needs to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from everyturn.engines.coroutines.components import components
from everyturn.engines.coroutines.local_states import Locals
from everyturn.engines.explorer.numbering import KeyNumbers

NONE: Final = -1


def local_parts(locals_: Locals) -> dict[int, int]:
    """For each local state that its thread may come back to: the number of its part, the same for all within reach."""

    def following(number: int) -> Iterator[int]:
        return (each.after for each in locals_[number].next.values())

    parts: dict[int, int] = {}
    for part in components(range(len(locals_)), following):
        if len(part) > 1 or part[0] in following(part[0]):
            parts.update(dict.fromkeys(part, part[0]))
    return parts


def on_cycles(sources: KeyNumbers, targets: KeyNumbers, states: int) -> KeyNumbers:
    """The places of the steps, given by source and target, that lie on a cycle or on a way between two cycles."""
    places = np.arange(len(sources))
    while True:
        reached, left = np.zeros(states, np.bool_), np.zeros(states, np.bool_)
        reached[targets[places]] = True
        left[sources[places]] = True
        kept: KeyNumbers = places[reached[sources[places]] & left[targets[places]]]
        if len(kept) == len(places):
            return kept
        places = kept

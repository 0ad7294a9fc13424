"""The specification proved on its own at small bounds: invariants, witnesses, non-properties, and counts."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import pytest

from everyturn_model.candidates import Bounds
from everyturn_model.exploration import Claim, Explored, Monitors, explore
from everyturn_model.graphs import saved, state_graph
from everyturn_model.witnesses import NON_PROPERTIES, WITNESSES


class Count(NamedTuple):
    """What an exploration of ``bounds`` must find: states, transitions, states at which the session may rest."""

    bounds: Bounds
    states: int
    transitions: int
    rests: int


PINNED: Final = (
)
"""Why the counts are plausible. A lone prompt has 3 rests: never submitted, or ended after it waited or not. Two have
9: each its own, independently of the other. A prompt without run id may be folded besides, with the message written before or
after the host ended. A lone cancel multiplies by its five stations (not called; called; effective; returned;) and by
what it finds."""

DISAGREE: Final = (
    Bounds("A", full=1, tools=1, cancels=1),
    Bounds("A", failures=1),
)


@cache
def explored(bounds: Bounds) -> Explored:
    return explore(bounds)

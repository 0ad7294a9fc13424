"""The random decisions of a run, as a function of seed, number of the run, and number of the decision.

SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): the state advances by a
constant, and a draw is a mixture of the state. So a decision can be drawn for one run after the other or for thousands
of runs at once, and comes out the same. A draw of 32 bits is scaled to its range by a multiplication (Lemire, ACM
TOMACS 29, 2019), which prefers some outcomes of n by at most n / 2^32.

A run has several *lanes*, streams of their own: what is decided on the way is drawn from lane 0 as it comes; what is
laid down before the first step, from another one, so that neither depends on how much of the other was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND: Final = np.uint64(0x94D049BB133111EB)
_BITS: Final = np.uint64(32)
_GOLDEN: Final = int(GOLDEN)
_WORD: Final = 2**64 - 1
DRAWN: Final = 1 << 32
"""A draw is below this."""


def mixed(states: Words) -> Words:
    """The output of SplitMix64 in these states."""
    words = states ^ (states >> np.uint64(30))
    words *= _FIRST
    words ^= words >> np.uint64(27)
    words *= _SECOND
    words ^= words >> np.uint64(31)
    return words


def starts(seed: int, runs: Words, lane: int = 0) -> Words:
    """The state in which a lane of each of these runs begins."""
    return mixed(mixed(np.array([seed % 2**64], np.uint64)) + runs * GOLDEN + np.uint64(lane))


def draws(states: Words) -> Words:
    """Advance ``states`` by one, and draw 32 bits from each."""
    states += GOLDEN
    return mixed(states) >> _BITS


def stream(seed: int, run: int, lane: int = 0) -> Iterator[int]:
    """All draws of one run, of 32 bits each: those of :func:`draws` from :func:`starts`, one after the other."""
    state = _mixed(_mixed(seed & _WORD) + run * _GOLDEN + lane & _WORD)
    while True:
        state = state + _GOLDEN & _WORD
        yield _mixed(state) >> 32


def _mixed(state: int) -> int:
    """As :func:`mixed`, of one state."""
    word = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ word >> 27) * 0x94D049BB133111EB & _WORD
    return word ^ word >> 31

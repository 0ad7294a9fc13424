"""Labelled transition systems as ``.aut`` files: the Aldebaran format, which CADP and mCRL2 read.

A line ``des (FIRST, TRANSITIONS, STATES)``, then a line ``(FROM, "LABEL", TO)`` for each transition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from everyturn.engines.coroutines.reached import Arc, Reached
from everyturn.errors import UsageError

_HEAD: Final = re.compile(r"des\s*\(\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\)\s*", re.ASCII)
_LINE: Final = re.compile(r'\(\s*(\d+)\s*,\s*(?:"(.*)"|([^",]*?))\s*,\s*(\d+)\s*\)\s*', re.ASCII)


class Lts(NamedTuple):
    """A labelled transition system: the first state, how many there are, the transitions in the order of the file."""

    first: int
    states: int
    arcs: tuple[Arc, ...]


def write(reached: Reached) -> Iterator[str]:
    """The lines of the file. States have the numbers of the breadth-first search, the initial one is 0."""
    return lines(0, reached.transitions_count, len(reached), reached.arcs())


def lines(first: int, transitions: int, states: int, arcs: Iterable[Arc]) -> Iterator[str]:
    """The lines of any labelled transition system."""
    yield f"des ({first}, {transitions}, {states})"
    for source, target, label in arcs:
        yield f'({source}, "{label}", {target})'


def read(text: Iterable[str]) -> Lts:
    """The system that a file describes. Raises :class:`UsageError` with the line for anything else."""
    numbered = enumerate(text, start=1)
    first, transitions, states = map(int, _match(_HEAD, "des (FIRST, TRANSITIONS, STATES)", *next(numbered, (1, ""))))
    arcs = []
    for number, line in numbered:
        if not line.strip():
            continue
        source, quoted, plain, target = _match(_LINE, '(FROM, "LABEL", TO)', number, line)
        if not (int(source) < states and int(target) < states):
            raise UsageError(f"line {number}: expected states below {states}, found {line.strip()!r}")
        arcs.append(Arc(int(source), int(target), quoted if plain is None else plain))
    if len(arcs) != transitions or first >= states:
        raise UsageError(
            f"line 1: expected {transitions} transitions and the first state {first} below {states}, "
            f"found {len(arcs)} transitions"
        )
    return Lts(first, states, tuple(arcs))


def _match(pattern: re.Pattern[str], expected: str, number: int, line: str) -> tuple[str, ...]:
    found = pattern.fullmatch(line.rstrip("\n"))
    if found is None:
        raise UsageError(f"line {number}: expected {expected}, found {line.strip()[:60]!r}")
    return found.groups()

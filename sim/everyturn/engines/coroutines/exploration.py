"""What every explorer takes and gives: limits and progress, violations and counts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from everyturn.errors import Unwritable
from everyturn.verdicts.checker import Finding
from everyturn_model.lifecycle import Ledger

DEFAULT_MAX_STATES: Final = 500_000_000
FIRST_REFUTATION: Final = "the first refutation"
"""Why an exploration stopped that was asked to stop there."""


class Limits(NamedTuple):
    """How far an exploration may go: states, seconds, bytes of memory."""

    states: int = DEFAULT_MAX_STATES
    seconds: float | None = None
    memory: int | None = None

    def reached(self, states: int, seconds: float, elsewhere: int = 0) -> str | None:
        """Which limit has been reached, in words; none if there is room. ``elsewhere``: bytes that other processes hold
        for it."""
        if states >= self.states:
            return f"{self.states:,} states"
        if self.seconds is not None and seconds >= self.seconds:
            return f"{self.seconds:g} seconds"
        if self.memory is not None and resident() + elsewhere >= self.memory:
            return f"{self.memory / 2**20:,.0f} MiB of memory"
        return None


NO_LIMITS: Final = Limits()


class Sight(NamedTuple):
    """How far an exploration has come. ``frontier``: states whose successors are not known yet; ``rest``: a guess of
    the states still to come, once levels have begun to shrink; ``memory`` in bytes."""

    states: int
    frontier: int
    depth: int
    seconds: float
    memory: int
    rest: int | None = None


ExplorationProgress = Callable[[Sight], None]
"""Called now and then."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A shortest way to a violation: the decisions (thread, choice) from the initial state, and what was violated."""

    finding: Finding
    decisions: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Exploration:
    """What an exploration found. With ample sets ways need not be shortest, and ``depth`` counts the rounds in which
    states were found.

    ``complete``: nothing was left out; else ``stopped`` says which limit was reached. ``depth``: the largest number of
    steps from the start. ``violations``: for each invariant a shortest one; ``others``: further ones, in the order in
    which they were found, as many as were asked for. ``rests``: states in which nothing can move; ``outcomes``: how
    runs can end. ``unsaved``: why what was found last is not in the file in which it was to be saved.
    """

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    complete: bool = False
    interrupted: bool = False
    stopped: str | None = None
    violations: dict[str, Violation] = field(default_factory=dict)
    others: dict[str, list[Violation]] = field(default_factory=dict)
    outcomes: set[object] = field(default_factory=set)
    locals: int = 0
    rests: int = 0
    unsaved: Unwritable | None = None


def outcome(ledger: Ledger) -> object:
    """The outcome of a run: for each prompt its fates, its ending and how often it was told."""
    return tuple(
        (life.prompt, tuple(sorted(life.fates)), ledger.ending(life), life.notices, life.reached, life.notified)
        for life in ledger
    )


def resident() -> int:
    """Bytes of memory that this process holds now; where the system does not say, the most that it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return peak()
    return pages * _page_size()


def peak() -> int:
    """The most bytes of memory that this process ever held."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _page_size() -> int:
    import resource

    size: Any = resource.getpagesize()
    return int(size)

"""What an exploration always is, asked of one that was read from a checkpoint: lengths, levels and counts fit together,
and a sample of the states that count as explored is explored once more."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from everyturn.engines.explorer.archives import Arrays, NoArchive
from everyturn.engines.explorer.judge_parts import STEPS
from everyturn.engines.explorer.levels import LevelExplorer

_SAMPLE: Final = 2048
"""So many explored states are explored once more."""
_PART: Final = 1 << 20
AnyNumbers = NDArray[Any]


class SearchCounts(Struct, frozen=True, forbid_unknown_fields=True):
    """What was counted."""

    states: int
    transitions: int
    depth: int
    rests: int
    seconds: float


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What is no array of a checkpoint.

    ``different``: how many violations of each invariant are kept, the first in ``violations``, all more in ``others``.
    ``learnt``: how much was, and a checksum of what can be seen.
    """

    schema: str
    revision: str
    scope: str
    granularity: str
    reduce: str
    invariants: list[str]
    different: int
    python: str
    code: str
    bits: list[int]
    levels: list[int]
    done: int
    counts: SearchCounts
    violations: list[tuple[str, str, list[tuple[int, int]]]]
    others: list[tuple[str, str, list[tuple[int, int]]]]
    moves: list[tuple[int, int]]
    learnt: list[int]


def require(true: object, what: str) -> None:
    """Raise :class:`NoArchive` if something is not true of what was read."""
    if not true:
        raise NoArchive(f"one that contradicts itself: {what}")


def check(header: Header, arrays: Arrays) -> None:
    """Raise :class:`NoArchive` if lengths, levels and counts do not fit together."""
    counts, levels = header.counts, header.levels
    states = len(arrays["states"])
    lengths = {len(arrays[name]) for name in ("states", "parents", "moves")}
    require(lengths == {counts.states} and states, "how many states there are")
    require(levels[:2] == [0, 1] and levels == sorted(set(levels)) and levels[-1] <= states, "its levels")
    require(levels[-2] <= header.done <= levels[-1], "how many states are explored")
    require(counts.depth == len(levels) - 2, "how deep it is")
    require(header.done < levels[-1] or levels[-1] == states or "first" in arrays, "where the next level begins")
    _check_parents(header, arrays["parents"], in_levels="first" not in arrays)
    require((arrays["moves"] < max(1, len(header.moves))).all(), "its moves")
    require(counts.transitions >= states - 1 and 0 <= counts.rests <= header.done, "its counts")
    require(math.isfinite(counts.seconds) and counts.seconds >= 0, "how long it took")
    told = [invariant for invariant, _, _ in header.violations]
    require(len(set(told)) == len(told) and set(told) <= {*header.invariants}, "what it has violated")
    _check_judge(arrays)
    if "first" in arrays:
        require(len(arrays["first"]) == len(arrays["falls"]) == header.done, "who goes first")
        require((arrays["bad"] < header.done).all() and arrays["checked"] <= header.done, "how far that was checked")


def _check_parents(header: Header, parents: AnyNumbers, *, in_levels: bool) -> None:
    """As :func:`check`, of where states come from; some at a time, because there may be little room. ``in_levels``:
    each comes from the level before its own."""
    levels = header.levels
    for start in range(1, len(parents), _PART):
        part = parents[start : start + _PART]
        numbers = np.arange(start, start + len(part))
        require((part < np.minimum(numbers, max(header.done, 1))).all(), "where its states come from")
        if in_levels:
            before, own = (np.searchsorted(levels, each, side="right") for each in (part, numbers))
            require((before == own - 1).all(), "the levels of its states")


def _check_judge(arrays: Arrays) -> None:
    """As :func:`check`, of the judge's tables."""
    tables = {name.removesuffix("steps") for name in arrays if name.startswith("judge-") and name.endswith("-steps")}
    for table in tables:
        for names in (STEPS, ("pairs", "masks")):
            require(len({len(arrays.get(table + name, ())) for name in names}) == 1, f"the lengths of {table}…")
    require(len(arrays["judge-bits"]) == len(tables) - 1, "the parts of the judge")
    reached, found = arrays["judge-after"], arrays["judge-found"]
    require((reached < len(arrays["judge-states"])).all() and (reached >= 0).all(), "what is judged")
    require((found < len(arrays["judge-lengths"])).all() and (found >= 0).all(), "what is found")


def check_sample(explorer: LevelExplorer) -> None:
    """Raise :class:`NoArchive` if a state that counts as explored leads out of the states, or violates what was not
    noted."""
    graph, done = explorer.graph, explorer.frontier.done
    if done == 0:
        return
    last = np.arange(max(0, done - _SAMPLE // 2), done)
    spread = np.linspace(0, done - 1, _SAMPLE // 2).astype(np.int64)
    which = np.unique(np.concatenate([last, spread]))
    chunk, judged = graph.chunk(graph.states.keys[which].copy())
    graph.successors.ask(chunk)
    answer = graph.successors.answer()
    require(not len(answer.rests), "a state of rest that was not noted")
    explored = graph.reduction.explored(which, graph.expansion(chunk, answer.found))
    words, found = graph.judged(explored, judged, answer.believed)
    words, _ = graph.representatives(words)
    require((graph.states.find(words) >= 0).all(), "a state that leads to one that it does not have")
    seen = {each.invariant for number in np.unique(found).tolist() for each in graph.judges.violated(number)}
    require(seen <= explorer.found.violations.keys(), "a violation that was not noted")

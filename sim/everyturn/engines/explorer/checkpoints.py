"""Checkpoints: an exploration by levels, saved in the middle, and taken up again with the same numbers.

Nothing of Python is stored, only integers: the packed states, and how each table was filled. Values are made again when
the checkpoint is read: macro steps by resuming the real code in the recorded order, the judge's states by judging the
step that first led to each. If the code has changed meanwhile, what comes out differs, and that is an error.

No proof rests on a checkpoint that was edited, or written by other code: an archive has a digest of all that is in it
and of the code (:mod:`everyturn.engines.explorer.archives`), and what an exploration always is, is asked of what was
read: lengths, levels and counts fit together, and a sample of the states that count as explored is explored once more.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

import everyturn_impl
import everyturn_model
from everyturn.engines.coroutines.exploration import Violation
from everyturn.engines.explorer import archives
from everyturn.engines.explorer.archives import NoArchive
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.state_graph import StateGraph
from everyturn.errors import UsageError
from everyturn.verdicts.checker import CONFORMS, Finding, Judge
from everyturn.world.agents import code_of, find_revision
from everyturn.world.world import World

SCHEMA: Final = "everyturn/checkpoint/3"
_MISFITS: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What numbers may raise that are no exploration's."""

_SAMPLE: Final = 2048
"""So many explored states are explored once more."""


class _Counts(Struct, frozen=True, forbid_unknown_fields=True):
    states: int
    transitions: int
    depth: int
    rests: int
    seconds: float


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    """What is no array. ``seen``: a checksum of everything that an onlooker can have seen so far, in order."""

    schema: str
    revision: str
    scope: str
    granularity: str
    reduce: str
    invariants: list[str]
    code: str
    bits: list[int]
    levels: list[int]
    done: int
    counts: _Counts
    violations: list[tuple[str, str, list[tuple[int, int]]]]
    moves: list[tuple[int, int]]
    seen: int


def save(explorer: LevelExplorer, path: Path) -> None:
    """Write an exploration that is not in the middle of a chunk. Raises :class:`UsageError` if that cannot be done."""
    archives.write(path, _arrays(explorer))


def load(path: Path, world: World, judge: Judge, reduce: str = "dead") -> LevelExplorer:
    """The exploration that was saved, ready to go on.

    Raises :class:`UsageError` if the file is no checkpoint, is one of another world or other invariants, was written by
    other code, or was changed since.
    """
    try:
        arrays = archives.read(path)
        said = json.loads(bytes(arrays["header"]))
        for name, value in _whose(world, judge, reduce).items():
            if said[name] != value:
                what = "the code has changed" if name == "code" else f"expected {name} {value!r}, found {said[name]!r}"
                raise UsageError(f"checkpoint {path}: {what}{'; start again' if name == 'code' else ''}")
        archives.check_digest(arrays)
        header = msgspec.convert(said, _Header)
        _check(header, arrays)
        explorer = _restore(LevelExplorer(world, judge, reduce), arrays, header, path)
        _check_sample(explorer)
        return explorer
    except OSError as error:
        raise UsageError(f"checkpoint {path}: {error.strerror or error}") from error
    except NoArchive as error:
        raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found {error}; start again") from error
    except _MISFITS as error:
        raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found something else ({error})") from error


def _whose(world: World, judge: Judge, reduce: str) -> dict[str, Any]:
    """Of what an exploration is, and by which code."""
    names = [invariant.name for invariant in judge.invariants]
    return {
        "schema": SCHEMA,
        "revision": world.revision,
        "scope": str(world.scope),
        "granularity": world.granularity,
        "reduce": reduce,
        "invariants": [*names, CONFORMS] if judge.conformance else names,
        "code": own_code() + code_of(find_revision(world.asked))[:16],
    }


@cache
def own_code() -> str:
    """A digest of our own code: with another one, nothing that was kept is gone on from."""
    digest = hashlib.sha256()
    for package in (sys.modules[__name__.partition(".")[0]], everyturn_impl, everyturn_model):
        for file in sorted(Path(package.__path__[0]).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _arrays(explorer: LevelExplorer) -> dict[str, Any]:
    found, graph, frontier = explorer.found, explorer.graph, explorer.frontier
    macro_steps = graph.tables.macro_steps
    header = _whose(graph.transitions.world, graph.judges.judge, explorer.reduce) | {
        "bits": graph.states.layout.bits,
        "levels": frontier.levels,
        "done": frontier.done,
        "counts": {name: getattr(found, name) for name in _Counts.__struct_fields__} | {"states": len(graph.states)},
        "violations": [
            [each.finding.invariant, each.finding.sentence, each.decisions] for each in found.violations.values()
        ],
        "moves": macro_steps.moves.values,
        "seen": _fingerprint(graph),
    }
    return {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "states": graph.states.keys,
        "parents": explorer.predecessors.parents,
        "moves": explorer.predecessors.moves,
        "journal": np.array(macro_steps.journal, np.int32).reshape(len(macro_steps.journal), -1),
        **{f"judge-{name}": array for name, array in graph.judges.saved().items()},
        **graph.reduction.saved(),
    }


def _fingerprint(graph: StateGraph) -> int:
    return zlib.crc32(repr(graph.tables.macro_steps.events.values).encode())


def _restore(explorer: LevelExplorer, arrays: dict[str, Any], header: _Header, path: Path) -> LevelExplorer:
    graph = explorer.graph
    first = graph.states.rows(graph.states.keys)
    graph.tables.redo(arrays["journal"].tolist())
    if _fingerprint(graph) != header.seen:
        raise UsageError(f"checkpoint {path}: the code has changed since it was written; start again")
    graph.tables.macro_steps.moves.restore(header.moves)
    graph.judges.restore({name[6:]: array for name, array in arrays.items() if name.startswith("judge-")})
    graph.states.restore(Layout(header.bits), arrays["states"].astype(np.uint64))
    _require((graph.states.rows(graph.states.keys[:1]) == first).all(), "where it began")
    explorer.predecessors.restore(arrays["parents"].astype(np.uint32), arrays["moves"].astype(np.uint16))
    graph.reduction.restore(arrays)
    explorer.frontier.restore(header.levels, header.done)
    for name in _Counts.__struct_fields__:
        setattr(explorer.found, name, getattr(header.counts, name))
    explorer.recall_outcomes()
    explorer.violations.take_over(
        Violation(Finding(invariant, sentence), tuple(decisions))
        for invariant, sentence, decisions in header.violations
    )
    return explorer


# what an exploration always is ----------------------------------------------------------------------------------------


def _require(true: object, what: str) -> None:
    if not true:
        raise NoArchive(f"one that contradicts itself: {what}")


def _check(header: _Header, arrays: dict[str, Any]) -> None:
    """Raise :class:`NoArchive` if lengths, levels and counts do not fit together."""
    counts, levels, parents = header.counts, header.levels, arrays["parents"]
    states = len(arrays["states"])
    lengths = {len(arrays[name]) for name in ("states", "parents", "moves")}
    _require(lengths == {counts.states} and states, "how many states there are")
    _require(levels[:2] == [0, 1] and levels == sorted(set(levels)) and levels[-1] <= states, "its levels")
    _require(levels[-2] <= header.done <= levels[-1], "how many states are explored")
    _require(counts.depth == len(levels) - 2, "how deep it is")
    _require(header.done < levels[-1] or levels[-1] == states or "first" in arrays, "where the next level begins")
    numbers = np.arange(1, states)
    _require((parents[1:] < np.minimum(numbers, max(header.done, 1))).all(), "where its states come from")
    _require((arrays["moves"] < max(1, len(header.moves))).all(), "its moves")
    _require(counts.transitions >= states - 1 and 0 <= counts.rests <= header.done, "its counts")
    _require(math.isfinite(counts.seconds) and counts.seconds >= 0, "how long it took")
    told = [invariant for invariant, _, _ in header.violations]
    _require(len(set(told)) == len(told) and set(told) <= {*header.invariants}, "what it has violated")
    if "first" not in arrays:
        level = np.searchsorted(levels, numbers, side="right")
        _require((np.searchsorted(levels, parents[1:], side="right") == level - 1).all(), "the levels of its states")


def _check_sample(explorer: LevelExplorer) -> None:
    """Raise :class:`NoArchive` if a state that counts as explored leads out of the states, or violates what was not
    noted."""
    graph, done = explorer.graph, explorer.frontier.done
    if not graph.reduction.keeps_successors or done == 0:
        return
    last = np.arange(max(0, done - _SAMPLE // 2), done)
    spread = np.linspace(0, done - 1, _SAMPLE // 2).astype(np.int64)
    which = np.unique(np.concatenate([last, spread]))
    words, expansion, found = graph.expand(which)
    _require((graph.states.find(expansion.words) >= 0).all(), "a state that leads to one that it does not have")
    at_rest = graph.at_rest(graph.states.rows(words[expansion.rests]).tolist())
    numbers = {*np.unique(found).tolist(), *(number for number, _ in at_rest)}
    seen = {each.invariant for number in numbers for each in graph.judges.violated(number)}
    _require(seen <= explorer.found.violations.keys(), "a violation that was not noted")

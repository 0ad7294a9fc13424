"""Checkpoints: an exploration by levels, saved in the middle, and taken up again with the same numbers.

Nothing of Python is stored, only integers: the packed states, and how each table was filled. Values are made again when
the checkpoint is read: macro steps by resuming the real code in the recorded order, and renamed by the recorded
renamings in between; the judge's states by judging the step that first led to each, or by the renaming that did. If the
code has changed meanwhile, what comes out differs, and that is an error.

What is saved is what is known between two chunks. With two processes some are under way then; what was learnt for those
is not saved, so that the file is the one that one process writes, and either goes on from it.

No proof rests on a checkpoint that was edited, or written by other code: an archive has a digest of all that is in it
and of the code (:mod:`everyturn.engines.explorer.archives`), and what an exploration always is, is asked of what was
read (:mod:`everyturn.engines.explorer.checkpoint_checks`).
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from collections.abc import Iterable
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

import everyturn_impl
import everyturn_model
from everyturn.engines.coroutines.exploration import Violation
from everyturn.engines.explorer import archives
from everyturn.engines.explorer.archives import Arrays, NoArchive
from everyturn.engines.explorer.checkpoint_checks import Header, SearchCounts, check, check_sample, require
from everyturn.engines.explorer.judge_parts import beginning
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.successors import Learnt
from everyturn.errors import UsageError
from everyturn.verdicts.checker import CONFORMS, Finding, Judge
from everyturn.world.agents import code_of, find_revision
from everyturn.world.world import World

SCHEMA: Final = "everyturn/checkpoint/4"
_MISFITS: Final = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What numbers may raise that are no exploration's."""
_COUNTED: Final = SearchCounts.__struct_fields__
_JUDGE: Final = "judge-"
_SAID: Final = {"different": "violations kept of each invariant (as --counterexamples asks)", "python": "Python"}
"""What is said of a field whose name says too little."""


def save(explorer: LevelExplorer, path: Path) -> None:
    """Write an exploration that is not in the middle of a chunk.

    Raises :class:`~everyturn.errors.Unwritable` if that cannot be done.
    """
    archives.write(path, _arrays(explorer))


def load(
    path: Path, world: World, judge: Judge, reduce: str = "dead", *, different: int = 1, processes: int = 1
) -> LevelExplorer:
    """The exploration that was saved, ready to go on, with as many ``processes`` as it is to have now.

    Raises :class:`UsageError` if the file is no checkpoint, is one of another world, other invariants or options, was
    written by other code, or was changed since.
    """
    try:
        arrays = archives.read(path)
        said = json.loads(bytes(arrays["header"]))
        for name, value in _whose(world, judge, reduce, different).items():
            if said[name] != value:
                raise UsageError(f"checkpoint {path}: {_differs(name, value, said[name])}")
        archives.check_digest(arrays)
        header = msgspec.convert(said, Header)
        check(header, arrays)
        return _restored(LevelExplorer(world, judge, reduce, processes=processes), arrays, header, path)
    except OSError as error:
        raise UsageError(f"checkpoint {path}: {error.strerror or error}") from error
    except NoArchive as error:
        raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found {error}; start again") from error
    except _MISFITS as error:
        raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found something else ({error})") from error


def _differs(name: str, expected: object, found: object) -> str:
    if name == "code":
        return "the code has changed; start again"
    return f"expected {_SAID.get(name, name)} {expected!r}, found {found!r}"


def _whose(world: World, judge: Judge, reduce: str, different: int) -> dict[str, Any]:
    """Of what an exploration is, and by which code."""
    names = [invariant.name for invariant in judge.invariants]
    return {
        "schema": SCHEMA,
        "revision": world.revision,
        "scope": str(world.scope),
        "granularity": world.granularity,
        "reduce": reduce,
        "invariants": [*names, CONFORMS] if judge.conformance else names,
        "different": different,
        "python": sys.implementation.cache_tag,
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


def _arrays(explorer: LevelExplorer) -> Arrays:
    found, graph, frontier = explorer.found, explorer.graph, explorer.frontier
    world, judge, learnt = graph.transitions.world, graph.judges.judge, graph.successors.learnt()
    header = _whose(world, judge, explorer.reduce, explorer.violations.different) | {
        "bits": graph.states.layout.bits,
        "levels": frontier.levels,
        "done": frontier.done,
        "counts": {name: getattr(found, name) for name in _COUNTED} | {"states": len(graph.states)},
        "violations": _listed(found.violations.values()),
        "others": _listed(chain.from_iterable(found.others.values())),
        "moves": learnt.moves,
        "learnt": _counted(learnt),
    }
    width = len(graph.states.layout.bits) + 1
    beliefs = {f"{graph.judges.beliefs_begin}{name}": array for name, array in graph.successors.beliefs().items()}
    return {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "states": graph.states.keys,
        "parents": explorer.predecessors.parents,
        "moves": explorer.predecessors.moves,
        "journal": np.array(learnt.journal, np.int32).reshape(-1, width),
        **{f"{_JUDGE}{name}": array for name, array in (graph.judges.saved() | beliefs).items()},
        **graph.reduction.saved(),
    }


def _listed(violations: Iterable[Violation]) -> list[tuple[str, str, tuple[tuple[int, int], ...]]]:
    return [(each.finding.invariant, each.finding.sentence, each.decisions) for each in violations]


def _counted(learnt: Learnt) -> list[int]:
    """How much was learnt, and a checksum of everything that an onlooker can have seen so far, in order."""
    return [*learnt.largest, learnt.locals, zlib.crc32(repr(learnt.events).encode())]


def _restored(explorer: LevelExplorer, arrays: Arrays, header: Header, path: Path) -> LevelExplorer:
    """``explorer`` as it was; another process of its is ended if it cannot be."""
    try:
        _restore(explorer, arrays, header, path)
        check_sample(explorer)
    except BaseException:
        explorer.close()
        raise
    return explorer


def _restore(explorer: LevelExplorer, arrays: Arrays, header: Header, path: Path) -> None:
    graph = explorer.graph
    first = graph.states.rows(graph.states.keys)
    judged = beginning(_JUDGE, arrays)
    beliefs = beginning(graph.judges.beliefs_begin, judged) if graph.judges.beliefs_begin else {}
    seen_at_rest = graph.successors.redo(arrays["journal"].tolist(), beliefs)
    learnt = graph.successors.learnt()
    if _counted(learnt) != header.learnt or learnt.moves != header.moves:
        raise UsageError(f"checkpoint {path}: the code has changed since it was written; start again")
    graph.judges.restore(judged, graph.reduction.renamed)
    graph.states.restore(Layout(header.bits), arrays.pop("states").astype(np.uint64, copy=False))
    require((graph.states.rows(graph.states.keys[:1]) == first).all(), "where it began")
    explorer.predecessors.restore(arrays.pop("parents").astype(np.uint32), arrays.pop("moves").astype(np.uint16))
    graph.reduction.restore(arrays)
    explorer.frontier.restore(header.levels, header.done)
    for name in _COUNTED:
        setattr(explorer.found, name, getattr(header.counts, name))
    violations, others = (
        [Violation(Finding(invariant, sentence), tuple(decisions)) for invariant, sentence, decisions in each]
        for each in (header.violations, header.others)
    )
    explorer.violations.take_over(violations, others)
    violated = {each.invariant for each in explorer.recall_outcomes(seen_at_rest)}
    require(violated <= explorer.found.violations.keys(), "a violation at rest that was not noted")

"""Checkpoints: an exploration by levels, saved in the middle, and taken up again with the same numbers.

Nothing of Python is stored, only integers: the packed states, and how each table was filled. Values are made again when
the checkpoint is read: leaps by resuming the real code in the recorded order, the judge's states by judging the step
that first led to each. If the code has changed meanwhile, what comes out differs, and that is an error.

A file is a NumPy archive (``numpy.savez``), read without pickling; it is written beside and then renamed, so that there
is always a whole one.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

from everyturn.checker import CONFORMS, Finding, Judge
from everyturn.engines.exploration import Violation
from everyturn.engines.levels import LevelExplorer
from everyturn.engines.packing import Layout
from everyturn.errors import UsageError
from everyturn.world import World

SCHEMA: Final = "everyturn/checkpoint/2"
_COUNTS: Final = ("states", "transitions", "depth", "rests", "seconds")


def save(explorer: LevelExplorer, path: Path) -> None:
    """Write an exploration that is not in the middle of a chunk. Raises :class:`UsageError` if that cannot be done."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            np.savez(file, **_arrays(explorer))
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(f"checkpoint {path}: cannot be written: {error.strerror or error}") from error


def load(path: Path, world: World, judge: Judge, reduce: str = "dead") -> LevelExplorer:
    """The exploration that was saved, ready to go on.

    Raises :class:`UsageError` if the file is no checkpoint, is one of another world or other invariants, or was written
    by other code.
    """
    try:
        if not zipfile.is_zipfile(path):
            raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found something else")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        header = json.loads(bytes(arrays["header"]))
        expected = _header(world, judge, reduce)
        for name, value in expected.items():
            if header[name] != value:
                raise UsageError(f"checkpoint {path}: expected {name} {value!r}, found {header[name]!r}")
        return _restore(LevelExplorer(world, judge, reduce), arrays, header, path)
    except OSError as error:
        raise UsageError(f"checkpoint {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"checkpoint {path}: expected {SCHEMA}, found something else ({error})") from error


def _header(world: World, judge: Judge, reduce: str) -> dict[str, Any]:
    names = [invariant.name for invariant in judge.invariants]
    return {
        "schema": SCHEMA,
        "revision": world.revision,
        "scope": str(world.scope),
        "granularity": world.granularity,
        "reduce": reduce,
        "invariants": [*names, CONFORMS] if judge.conformance else names,
    }


def _arrays(explorer: LevelExplorer) -> dict[str, Any]:
    found = explorer.found
    header = _header(explorer.transitions.world, explorer.judges.judge, explorer.reduce) | {
        "bits": explorer.layout.bits,
        "levels": explorer.levels,
        "done": explorer.done,
        "counts": {name: getattr(found, name) for name in _COUNTS},
        "violations": [
            [each.finding.invariant, each.finding.sentence, each.decisions] for each in found.violations.values()
        ],
        "moves": explorer.leaps.moves.values,
        "seen": _fingerprint(explorer),
    }
    states = len(explorer.states)
    return {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "states": explorer.states.keys,
        "parents": explorer.parents[:states],
        "moves": explorer.moves[:states],
        "journal": np.array(explorer.leaps.journal, np.int32).reshape(len(explorer.leaps.journal), -1),
        **{f"judge-{name}": array for name, array in explorer.judges.saved().items()},
        **({} if explorer.ample is None else {"first": explorer.ample.first, "falls": explorer.ample.falls}),
    }


def _fingerprint(explorer: LevelExplorer) -> int:
    """A checksum of everything that an onlooker can have seen so far, in order."""
    return zlib.crc32(repr(explorer.leaps.events.values).encode())


def _restore(explorer: LevelExplorer, arrays: dict[str, Any], header: dict[str, Any], path: Path) -> LevelExplorer:
    explorer.home.redo(arrays["journal"].tolist())
    if _fingerprint(explorer) != header["seen"]:
        raise UsageError(f"checkpoint {path}: the code has changed since it was written; start again")
    explorer.leaps.moves.restore([tuple(each) for each in header["moves"]])
    explorer.judges.restore({name[6:]: array for name, array in arrays.items() if name.startswith("judge-")})
    explorer.layout = Layout(header["bits"])
    explorer.states = explorer.states.replaced(arrays["states"].astype(np.uint64))
    explorer.parents = arrays["parents"].astype(np.uint32)
    explorer.moves = arrays["moves"].astype(np.uint16)
    if explorer.ample is not None:
        explorer.ample.restore(arrays["first"].astype(np.int8), arrays["falls"].astype(np.bool_))
    explorer.levels = list(header["levels"])
    explorer.done = int(header["done"])
    for name, value in header["counts"].items():
        setattr(explorer.found, name, value)
    explorer.recall()
    for invariant, sentence, decisions in header["violations"]:
        path_there = tuple((int(thread), int(choice)) for thread, choice in decisions)
        explorer.take_over(Violation(Finding(invariant, sentence), path_there))
    return explorer

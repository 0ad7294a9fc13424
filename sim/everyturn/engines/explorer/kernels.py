"""Which loops the search by levels runs on: NumPy's, or the same ones compiled (``pip install everyturn[fast]``).

Both give every state the same number, so that a search may change over in the middle; it does when it has become large
enough to pay for loading them. They are compiled once, which takes some seconds, for a search that is larger still, and
kept in the user's cache. ``EVERYTURN_KERNEL`` decides otherwise: ``numpy`` never, ``compiled`` from the first state on.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from everyturn.errors import UsageError

VARIABLE: Final = "EVERYTURN_KERNEL"
LOADING: Final = 1 << 19
"""From so many states on, loops that were compiled before are loaded: a quarter of a second, which is what they have
saved by then."""
GROWING: Final = 1 << 17
"""From so many on already, if levels still grow: many more are to come."""
COMPILING: Final = 1 << 21
"""From so many states on, they are compiled if they never were: about five seconds."""
_LOOPS: Final = "compiled_loops"


class _Chosen:
    """``loops``: the compiled loops, if they are in use; ``refused``: they cannot be."""

    loops: ModuleType | None = None
    refused = False


def compiled() -> ModuleType | None:
    """The compiled loops, if this process uses them by now."""
    return _Chosen.loops


def choose(states: int, *, grows: bool = False) -> None:
    """Use the compiled loops from now on if that pays for a search that has so many states already; ``grows``: each of
    its levels is larger than the last."""
    if _Chosen.loops is not None or _Chosen.refused:
        return
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in {"", "numpy", "compiled"}:
        raise UsageError(f"{VARIABLE}={wanted}: expected numpy or compiled, or nothing to let the size decide")
    if wanted == "numpy" or (not wanted and states < (min(GROWING, LOADING) if grows else LOADING)):
        return
    if find_spec("numba") is None:
        _Chosen.refused = True
        if wanted:
            raise UsageError(f"{VARIABLE}=compiled: expected numba to be installed: pip install 'everyturn[fast]'")
        return
    folder = _folder()
    is_new = not any(folder.rglob(f"{_LOOPS}.enter-*.nbi"))
    if is_new and not wanted and states < COMPILING:
        return
    _Chosen.loops = _loaded(folder, is_new=is_new)
    _Chosen.refused = _Chosen.loops is None


def forget() -> None:
    """Choose anew."""
    _Chosen.loops, _Chosen.refused = None, False


def _folder() -> Path:
    """Where compiled loops are kept: below the user's cache, one folder for each version of Python and of the loops."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    source = hashlib.sha256(Path(__file__).with_name(f"{_LOOPS}.py").read_bytes()).hexdigest()[:12]
    return Path(home) / "everyturn" / f"{platform.python_version()}-{source}"


def _loaded(folder: Path, *, is_new: bool) -> ModuleType | None:
    """The compiled loops; none if they cannot be had here, which is said."""
    if is_new:
        _say(f"compiling the search, once: some seconds; kept in {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numba = import_module("numba")
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(folder)
        try:
            loops = import_module(f"{__package__}.{_LOOPS}")
        finally:
            numba.config.CACHE_DIR = before
    except Exception as error:  # noqa: BLE001 - numba, or what it has kept, may be broken in any way
        _say(f"the search is not compiled, and slower ({error!r:.200}); if it stays so, remove {folder}")
        return None
    if not agrees(loops):
        _say(f"what was compiled is wrong on this machine, and not used; remove {folder}")
        return None
    return loops


def agrees(loops: ModuleType) -> bool:
    """Whether loops number keys as they come, and find them again, also in another table: a sample, each time that they
    are loaded."""
    rows = np.arange(1, 1001, dtype=np.uint64).reshape(500, 2) % np.uint64(97) << np.uint64(37)
    known: dict[tuple[int, ...], int] = {}
    expected = [known.setdefault(tuple(row), len(known)) for row in rows.tolist()]
    table = np.zeros((500, 2), np.uint64), np.zeros(1024, np.uint32), np.uint64(54)
    numbers, fresh, again = (np.zeros(500, np.int64) for _ in range(3))
    count = loops.add(*table, 0, rows, numbers, fresh)
    loops.find(*table, rows, again)
    if count != len(known) or not numbers.tolist() == expected == again.tolist():
        return False
    larger = table[0], np.zeros(2048, np.uint32), np.uint64(53)
    loops.enter_all(*larger, count)
    loops.find(*larger, rows, again)
    return again.tolist() == expected


def _say(line: str) -> None:
    sys.stderr.write(f"everyturn: {line}\n")

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
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Final

from everyturn.errors import UsageError

VARIABLE: Final = "EVERYTURN_KERNEL"
LOADING: Final = 1 << 16
"""From so many states on, loops that were compiled before are loaded: a quarter of a second."""
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


def choose(states: int) -> None:
    """Use the compiled loops from now on if that pays for a search that has so many states already."""
    if _Chosen.loops is not None or _Chosen.refused:
        return
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in {"", "numpy", "compiled"}:
        raise UsageError(f"{VARIABLE}={wanted}: expected numpy or compiled, or nothing to let the size decide")
    if wanted == "numpy" or (not wanted and states < LOADING):
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
    """The compiled loops; none if they cannot be compiled here, which is said."""
    try:
        import numba
    except ImportError as error:
        _say(f"numba cannot be used ({error}): the search goes on without it")
        return None
    before = numba.config.CACHE_DIR
    if is_new:
        _say(f"compiling the search, once: some seconds; kept in {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numba.config.CACHE_DIR = str(folder)
        from everyturn.engines.explorer import compiled_loops
    except (OSError, RuntimeError, numba.core.errors.NumbaError) as error:
        _say(f"the search is not compiled ({error}): it goes on as it is")
        return None
    finally:
        numba.config.CACHE_DIR = before
    return compiled_loops


def _say(line: str) -> None:
    sys.stderr.write(f"everyturn: {line}\n")

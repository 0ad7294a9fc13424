"""Functions by which a program changes files: who is told of it before."""

from __future__ import annotations

import builtins
import dbm
import io
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from everyturn.asyncio.runtime.changed_files import CHANGED

_CHANGING: Final[tuple[tuple[str, tuple[int, ...]], ...]] = (
    *((name, (0,)) for name in ("mkdir", "rmdir", "remove", "unlink", "truncate", "mkfifo", "mknod")),
    *((name, (1,)) for name in ("link", "symlink")),
    *((name, (0, 1)) for name in ("rename", "replace")),
)
"""Function of :mod:`os`, and which of its arguments are paths that it changes."""
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OF_A_DATABASE: Final = ("", "-journal", "-wal", "-shm")
_OF_A_DBM: Final = ("", ".db", ".dat", ".dir", ".pag", ".bak")
_FOLDERS: Final = ("dir_fd", "src_dir_fd", "dst_dir_fd")

TellsOf = Callable[[tuple[Any, ...], dict[str, Any]], None]


def telling(is_running: Callable[[], bool]) -> Iterator[tuple[Any, str, Any]]:
    """Owner, name, and what stands there: it says what is to be changed, if the program ``is_running``."""

    def told(owner: Any, name: str, before: TellsOf) -> tuple[Any, str, Any]:
        return owner, name, _telling(getattr(owner, name), before, is_running)

    opens = _telling(builtins.open, _opened, is_running)
    yield builtins, "open", opens
    yield io, "open", opens
    yield told(os, "open", _opened_by_the_system)
    for name, places in _CHANGING:
        if hasattr(os, name):
            yield told(os, name, _changed_at(places))
    yield told(os, "chmod", _permitted)
    yield told(os, "utime", _dated)
    yield told(sqlite3, "connect", _with_endings("database", _OF_A_DATABASE))
    yield told(dbm, "open", _with_endings("file", _OF_A_DBM))


def _telling(original: Callable[..., Any], before: TellsOf, is_running: Callable[[], bool]) -> Callable[..., Any]:
    def changing(*args: Any, **options: Any) -> Any:
        # what is logged is not looked at, wherever it is written
        if is_running() and not str(sys._getframe(1).f_globals.get("__name__")).startswith("logging"):
            before(args, options)
        return original(*args, **options)

    changing.__name__ = changing.__qualname__ = original.__name__
    return changing


def _opened(args: tuple[Any, ...], options: dict[str, Any]) -> None:
    mode = args[1] if len(args) > 1 else options.get("mode", "r")
    if isinstance(mode, str) and not set(mode).isdisjoint("wax+"):
        _changes(args[0] if args else options.get("file"))


def _opened_by_the_system(args: tuple[Any, ...], options: dict[str, Any]) -> None:
    flags = args[1] if len(args) > 1 else options.get("flags", 0)
    if isinstance(flags, int) and flags & _WRITING:
        _changes(args[0] if args else options.get("path"), options)


def _changed_at(places: tuple[int, ...]) -> TellsOf:
    def changed(args: tuple[Any, ...], options: dict[str, Any]) -> None:
        given = [*args, *(options[name] for name in ("path", "src", "dst") if name in options)]
        for place in places:
            _changes(given[place] if place < len(given) else None, options)

    return changed


def _permitted(args: tuple[Any, ...], options: dict[str, Any]) -> None:
    _changes(args[0] if args else options.get("path"), options, "rights")


def _dated(args: tuple[Any, ...], options: dict[str, Any]) -> None:
    given = args[1] if len(args) > 1 else options.get("times") or options.get("ns")
    _changes(args[0] if args else options.get("path"), options, "content" if given is None else "time")


def _with_endings(name: str, endings: tuple[str, ...]) -> TellsOf:
    def changed(args: tuple[Any, ...], options: dict[str, Any]) -> None:
        path = args[0] if args else options.get(name)
        if isinstance(path, str | os.PathLike) and not str(path).startswith((":memory:", "file:")):
            for ending in endings:
                _changes(f"{os.fspath(path)}{ending}")

    return changed


def _changes(path: Any, options: dict[str, Any] | None = None, what: str = "content") -> None:
    """What is at ``path`` is to be changed; what names no file is left to the function itself."""
    folder = next((options[name] for name in _FOLDERS if options.get(name) is not None), None) if options else None
    with suppress(TypeError, ValueError, OSError):
        found = os.fsdecode(path)
        if folder is not None:  # by an open descriptor of its folder, as shutil.rmtree does
            found = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), found)  # noqa: PTH118, PTH115
        CHANGED.changes(found, what)

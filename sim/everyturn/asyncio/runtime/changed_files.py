"""What a run changes on the disk is a part of its state, and is put back after it: the next run begins as the first."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.places import user_line

MOST: Final = 16 << 20
"""So many bytes of a file that a run changes can be put back."""
_KNOWN: Final = 1 << 20
"""So many bytes of a file are a part of a state; one with more is not known."""
_OF_THE_SYSTEM: Final = ("/dev/", "/proc/", "/sys/")


class OnDisk(NamedTuple):
    """What is at a path: ``kind`` is ``file``, ``folder``, ``link``, ``nothing`` or ``something else``; ``content`` of
    a file, or where a link leads; ``rights`` of a file or folder, and ``time``, in nanoseconds, of its last change."""

    kind: str
    content: bytes = b""
    rights: int = 0
    time: int = 0


class TooLarge(Exception):
    """A file has more than can be kept: so many bytes."""


def on_disk(path: str, most: int) -> OnDisk:
    """What is there now. Raises :class:`TooLarge` for a file of more than ``most`` bytes."""
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return OnDisk("link", bytes(Path(path).readlink()))
        if stat.S_ISDIR(found.st_mode):
            return OnDisk("folder", b"", stat.S_IMODE(found.st_mode), found.st_mtime_ns)
        if not stat.S_ISREG(found.st_mode):
            return OnDisk("something else")
        if found.st_size > most:
            raise TooLarge(found.st_size)
        return OnDisk("file", Path(path).read_bytes(), stat.S_IMODE(found.st_mode), found.st_mtime_ns)
    except FileNotFoundError:
        return OnDisk("nothing")
    except OSError:  # no right to look
        return OnDisk("something else")


class ChangedFiles:
    """Those of one run: path → what was there before it."""

    def __init__(self) -> None:
        self._before: dict[str, OnDisk] = {}
        self._set: set[tuple[str, str]] = set()
        """Of which the program has set the ``rights`` or the ``time``: else these are no part of a state."""
        self.count = 0
        """How often runs of this process were about to change something."""
        self.forbids: Callable[[], object] | None = None
        """What is called before, in a process that must leave the disk to another one."""

    def begin(self) -> None:
        """A run begins, with the names of temporary files of the first one."""
        vars(tempfile)["_name_sequence"] = None

    def changes(self, path: str, what: str = "content") -> None:
        """The program is about to change what is at ``path``: the ``rights`` or the ``time`` of a file, or what else
        there is of it. Raises :class:`Unsupported` if it could not be put back."""
        self.count += 1
        if self.forbids is not None:
            self.forbids()
        path = os.path.abspath(path)  # noqa: PTH100 # links are kept
        self._set.add((path, what))
        if path in self._before or path.startswith(_OF_THE_SYSTEM):
            return
        try:
            self._before[path] = on_disk(path, MOST)
        except TooLarge as error:
            raise Unsupported(
                f"{user_line()}: {path} is changed: expected a file of {MOST:,} bytes at most, which can be put back "
                f"after each run; found {error.args[0]:,}"
            ) from None

    def now(self) -> list[tuple[str, OnDisk]]:
        """What is at each of these paths. Raises :class:`TooLarge`."""
        return [(path, self._seen(path)) for path in self._before]

    def _seen(self, path: str) -> OnDisk:
        found = on_disk(path, _KNOWN)
        rights = found.rights if (path, "rights") in self._set else 0
        return found._replace(rights=rights, time=found.time if (path, "time") in self._set else 0)

    def put_back(self) -> None:
        """A run is over: there is again what was there before it, the last thing first."""
        for path, before in reversed(self._before.items()):
            try:
                _put(path, before)
            except OSError:  # somebody else has changed it, or taken the right away
                continue
        self._before.clear()
        self._set.clear()


def _put(path: str, before: OnDisk) -> None:
    try:
        now = on_disk(path, MOST)
    except TooLarge:
        now = OnDisk("file")
    if now == before or "something else" in (now.kind, before.kind):
        return
    there = Path(path)
    if now.kind == "folder" and before.kind != "folder":
        there.rmdir()
    elif now.kind != "nothing" and before.kind != "folder":
        there.unlink()  # a file that is still open is another one from now on
    if before.kind == "link":
        there.symlink_to(os.fsdecode(before.content))
    elif before.kind == "folder" and now.kind != "folder":
        there.mkdir()
    elif before.kind == "file":
        there.write_bytes(before.content)
    if before.kind in ("file", "folder"):
        there.chmod(before.rights)
        os.utime(there, ns=(before.time, before.time))


CHANGED: Final = ChangedFiles()
"""Those of the run that is being made."""

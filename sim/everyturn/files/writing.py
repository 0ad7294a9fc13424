"""How a file is written: beside its name, whole, and then put in place, so that a name means the old file or the new
one.

What is written beside has a name of its own, which nobody else uses, and is gone whatever happens. A device or a pipe
is written into, since it cannot be replaced; what a link leads to is replaced, not the link.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from backports import zstd

from everyturn.errors import Unwritable, UsageError

_PACKERS: Final[dict[str, Callable[[BinaryIO], Any]]] = {
    ".gz": lambda file: gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0),
    ".bz2": lambda file: bz2.BZ2File(file, "wb"),
    ".xz": lambda file: lzma.LZMAFile(file, "wb"),  # noqa: SIM115 - closed by its writer
    ".zst": lambda file: zstd.ZstdFile(file, mode="wb"),
}
"""What compresses a file whose name ends so. The same contents are the same bytes whenever they are written."""


def expect_writable(path: Path) -> None:
    """Say that a file cannot be written before hours of work for it. Raises :class:`~everyturn.errors.UsageError`."""
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # links that lead round, a name that is too long
        found = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: expected a file that can be written; found: {found}") from None
    if path.is_dir():
        raise UsageError(f"{path}: expected a file that can be written; found a folder")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: expected a file that can be written; found no folder {path.parent}")
    here = path if path.exists() else path.parent
    if not os.access(here, os.W_OK):
        raise UsageError(f"{path}: expected a file that can be written; found no permission to write {here}")


def expect_folder(path: Path) -> None:
    """Say that there is, and can be, no folder to write into. Raises :class:`~everyturn.errors.UsageError`."""
    try:
        here = next(each for each in (path, *path.absolute().parents) if os.path.lexists(each))
        fits = here.is_dir()
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: expected a folder that can be written; found: {found}") from None
    if not fits:
        raise UsageError(f"{path}: expected a folder that can be written; found that {here} is none")
    if not os.access(here, os.W_OK):
        raise UsageError(f"{path}: expected a folder that can be written; found no permission to write {here}")


def expect_apart(written_as: Mapping[str, Path | None], read: Iterable[Path] = ()) -> None:
    """Nothing is written twice, or in place of what is ``read``; ``written_as``: an option → its file, if there is one.
    Raises :class:`~everyturn.errors.UsageError`."""
    known = {os.path.realpath(each): "which is read" for each in read}
    for option, path in written_as.items():
        if path is None or (path.exists() and not path.is_file()):  # a device may take all
            continue
        place = os.path.realpath(path)
        if place in known:
            raise UsageError(f"{option} {path}: expected a file of its own; found one, {known[place]}")
        known[place] = f"which {option} names, too"


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` when all went well; if anything is raised, ``path`` is as it
    was.

    Raises :class:`~everyturn.errors.Unwritable` if it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                yield file
            return
        there = path.resolve()
        beside = there.with_name(f".everyturn-{secrets.token_hex(8)}.part")
        try:
            with beside.open("xb") as file:
                yield file
                _settle(file, there)
            beside.replace(there)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise Unwritable(path, error) from error


def _settle(file: BinaryIO, there: Path) -> None:
    """All of it is on the disk, with the permissions of the file whose place it takes."""
    if there.exists():
        with contextlib.suppress(OSError):
            os.fchmod(file.fileno(), there.stat().st_mode & 0o7777)
    file.flush()
    os.fsync(file.fileno())


def written(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, compressed if its name says so, as :func:`replacing` does."""
    packer = _PACKERS.get(path.suffix.lower())
    with replacing(path) as file:
        packed = file if packer is None else cast("BinaryIO", packer(file))
        try:
            for piece in pieces:
                packed.write(piece)
        finally:
            if packed is not file:
                packed.close()

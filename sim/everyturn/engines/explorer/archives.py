"""Files of named arrays: NumPy archives (``numpy.savez``), read without pickling and within bounds, with a digest of it
all.

An archive holds its arrays as they are, not compressed, so that none can be larger than the file. The digest tells that
a file was changed by accident or by hand; it is no signature, and no protection from somebody who makes it fit.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy

from everyturn.files.writing import replacing

Arrays = dict[str, Any]

_DIGEST: Final = "digest"
_LARGEST: Final = 1 << 20
"""More arrays are in no archive of ours."""


class NoArchive(ValueError):
    """A file is no archive, or not the one that was written."""


def write(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an archive. Raises :class:`~everyturn.errors.Unwritable`."""
    with replacing(path) as file:
        np.savez(file, **arrays, **{_DIGEST: _digest(arrays)})


def read(path: Path) -> Arrays:
    """The arrays of an archive. Raises :class:`NoArchive`, or :class:`OSError` if there is no such file."""
    if not zipfile.is_zipfile(path):
        with path.open("rb"):  # which is said if that is what is wrong
            raise NoArchive("something else")
    try:
        with zipfile.ZipFile(path) as stored:
            if len(stored.infolist()) > _LARGEST:
                raise NoArchive("too many arrays")
            arrays = {each.filename.removesuffix(".npy"): _array(stored, each) for each in stored.infolist()}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise NoArchive(f"a damaged one: {error}") from error
    return arrays


def check_digest(arrays: Arrays) -> None:
    """Take the digest out of arrays that were read. Raises :class:`NoArchive` if it is not theirs."""
    digest = arrays.pop(_DIGEST, None)
    if digest is None or digest.tobytes() != _digest(arrays).tobytes():
        raise NoArchive("one that was changed after it was written: its digest does not fit")


def _array(stored: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    """An array whose size is what its header says and not more than the file's."""
    if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
        raise NoArchive("compressed arrays")
    with stored.open(member) as file:
        shape, in_columns, kind = _header(file)
        content = file.read()
    if kind.kind not in "biu" or in_columns or math.prod(shape) * kind.itemsize != len(content):
        raise NoArchive(f"other arrays: {member.filename!a}")
    return np.frombuffer(content, kind).reshape(shape)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    if npy.read_magic(file) != (1, 0):
        raise NoArchive("arrays of another version")
    return npy.read_array_header_1_0(file)


def _digest(arrays: Mapping[str, Any]) -> Any:
    """Of names, kinds, shapes and contents, in the order of the names."""
    digest = hashlib.sha256()
    for name, found in sorted(arrays.items()):
        array = np.ascontiguousarray(found)
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(array.data if array.size else b"")
    return np.frombuffer(digest.digest(), np.uint8)

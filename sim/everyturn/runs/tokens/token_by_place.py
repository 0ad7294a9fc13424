"""Old tokens (``et1-…``), which name decisions by their place; they are read, and written no more.

They say where a run deviates from first-in first-out order: (number of the decision, place of the thread). One access
more in the code moves all places after it. So a run is now written by the names of its steps
(:mod:`everyturn.runs.tokens.token`).
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from everyturn.runs.schedule import Schedule

PREFIX: Final = "et1-"


class TokenByPlace(NamedTuple):
    """A schedule, how many steps its run has, and a fingerprint of them (0…65535)."""

    schedule: Schedule
    steps: int
    fingerprint: int

    def fits(self, steps: Sequence[str]) -> bool:
        """Whether a run of these steps, each as thread and operation, is the one that the token was made of."""
        return (self.steps, self.fingerprint) == (len(steps), zlib.crc32("\n".join(steps).encode()) & 0xFFFF)


def decode(text: str) -> TokenByPlace:
    """The token that ``text`` is, which begins with the prefix. Raises :class:`ValueError` for anything else."""
    body = text.removeprefix(PREFIX)
    try:
        checked = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        packed, check = checked[:-2], checked[-2:]
        if zlib.crc32(packed).to_bytes(4, "big")[2:] != check:
            raise ValueError("its checksum does not match: it was cut off or changed")
        revision, scope, granularity, steps, mark, flat = msgspec.msgpack.decode(
            packed, type=tuple[str, str, str, int, int, list[int]]
        )
    except (binascii.Error, UnicodeError, msgspec.DecodeError) as error:
        raise ValueError(str(error)) from error
    if len(flat) % 2 or any(number < 0 for number in flat):
        raise ValueError("its deviations are not pairs of natural numbers")
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return TokenByPlace(Schedule(revision, scope, granularity, _absolute(pairs)), steps, mark)


def _absolute(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    number = 0
    out = []
    for gap, value in pairs:
        number += gap
        out.append((number, value))
    return tuple(out)

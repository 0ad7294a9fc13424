"""Tokens: a whole schedule, with a fingerprint of the run it makes, in a short string (``et1-…``)."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from everyturn.errors import UsageError
from everyturn.schedule import Schedule

PREFIX = "et1-"


class Token(NamedTuple):
    """A schedule, how many steps its run has, and a fingerprint of them (0…65535)."""

    schedule: Schedule
    steps: int
    fingerprint: int


def fingerprint(steps: Sequence[str]) -> int:
    """A fingerprint of a run: of its threads and operations, in order."""
    return zlib.crc32("\n".join(steps).encode()) & 0xFFFF


def encode(token: Token) -> str:
    """The token as a string."""
    flat = [number for pair in _gaps(token.schedule.deviations) for number in pair]
    payload = [*token.schedule[:3], token.steps, token.fingerprint, flat]
    packed = msgspec.msgpack.encode(payload)
    checked = packed + zlib.crc32(packed).to_bytes(4, "big")[2:]
    return PREFIX + base64.urlsafe_b64encode(checked).decode().rstrip("=")


def decode(text: str) -> Token:
    """The token that ``text`` is. Raises :class:`UsageError` for anything else."""
    if not text.startswith(PREFIX):
        raise UsageError(f"token {_short(text)!r}: expected it to begin with {PREFIX!r}")
    try:
        body = text.removeprefix(PREFIX)
        checked = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        packed, check = checked[:-2], checked[-2:]
        if zlib.crc32(packed).to_bytes(4, "big")[2:] != check:
            raise ValueError("its checksum does not match: it was cut off or changed")
        revision, scope, granularity, steps, mark, flat = msgspec.msgpack.decode(
            packed, type=tuple[str, str, str, int, int, list[int]]
        )
        if len(flat) % 2 or any(number < 0 for number in flat):
            raise ValueError("its deviations are not pairs of natural numbers")
    except (binascii.Error, ValueError, UnicodeError, msgspec.DecodeError) as error:
        raise UsageError(f"token {_short(text)!r}: {error}") from error
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return Token(Schedule(revision, scope, granularity, _absolute(pairs)), steps, mark)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"


def _gaps(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    last = 0
    out = []
    for number, value in pairs:
        out.append((number - last, value))
        last = number
    return out


def _absolute(pairs: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    number = 0
    out = []
    for gap, value in pairs:
        number += gap
        out.append((number, value))
    return tuple(out)

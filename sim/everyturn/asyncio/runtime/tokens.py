"""A run of a scenario as a short string: its decisions, by their words, so that it survives edits of the program."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from everyturn.asyncio.runtime.decisions import Decision
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.runtime.scenarios import parts_of
from everyturn.errors import UsageError

PREFIX: Final = "ea1-"
LONGEST: Final = 1 << 20
"""The most that a token may unpack to, in bytes."""


class RecordedScenario(NamedTuple):
    """What a token holds: the scenario's name, how its loop was set up, and each decision's kind and word."""

    scenario: str
    order: str
    eager: bool
    groups: tuple[tuple[str, ...], ...]
    decisions: tuple[tuple[str, str], ...]

    @property
    def is_session(self) -> bool:
        """Whether it is a run of a session."""
        return bool(parts_of(self.scenario)[1])

    @property
    def option(self) -> str:
        """The option that names whose run it is: nothing is imported that is not named."""
        return f"--{'session' if self.is_session else 'scenario'} {parts_of(self.scenario)[0]}"

    @property
    def whose(self) -> str:
        """Whose run it is, in words."""
        return f"the {'session' if self.is_session else 'scenario'} {parts_of(self.scenario)[0]!r}"

    def unnamed(self) -> UsageError:
        """What is said where it is not named whose run it is."""
        return UsageError(
            f"this token is of {self.whose}: expected {self.option} (nothing is imported that is not named)"
        )


def token(scenario: str, decisions: list[Decision], setting: Setting) -> str:
    """The token of a run. Decisions after the last one that is not the first option are left out."""
    needed = [(each.kind, each.word) for each in decisions]
    while needed and decisions[len(needed) - 1].taken == 0:
        needed.pop()
    packed = zlib.compress(
        msgspec.json.encode(RecordedScenario(scenario, setting.order, setting.eager, setting.groups, tuple(needed))), 9
    )
    return PREFIX + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def is_token(text: str) -> bool:
    """Whether ``text`` says that it is a token of a scenario's run."""
    return text.startswith(PREFIX)


def found_in(source: str) -> str:
    """The token that ``source`` is, or that the file of this name holds. Raises :class:`UsageError`."""
    if is_token(source):
        return source
    try:
        text = Path(source).read_text(encoding="utf-8", errors="replace")[:LONGEST]
    except (OSError, ValueError) as error:
        raise UsageError(f"{source:.80}: expected a token, {PREFIX}…, or a file that holds one; found none") from error
    matched = re.search(rf"{PREFIX}[A-Za-z0-9_-]+", text)
    if matched is None:
        raise UsageError(f"{source}: expected a file that holds a token, {PREFIX}…; found none")
    return matched[0]


def recorded(text: str) -> RecordedScenario:
    """What a token holds. Raises :class:`UsageError` if it is none."""
    body = text.removeprefix(PREFIX)
    try:
        packed = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        whole = unpacking.decompress(packed, LONGEST)
        if unpacking.unconsumed_tail or not unpacking.eof:
            raise UsageError(f"token {text:.40}…: expected at most {LONGEST:,} bytes, whole; found more, or a part")
        return msgspec.json.decode(whole, type=RecordedScenario)
    except (binascii.Error, zlib.error, msgspec.DecodeError, UnicodeError, ValueError) as error:
        raise UsageError(f"token {text:.40}…: expected a token that was not cut or changed; found {error}") from error

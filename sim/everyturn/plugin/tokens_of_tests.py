"""Whose run a token holds, beside what a test asks about."""

from __future__ import annotations

from typing import Any

from everyturn.asyncio.runtime import tokens
from everyturn.asyncio.runtime.scenarios import name_of
from everyturn.plugin.words import AskedWords
from everyturn.runs.tokens.token import decode
from everyturn.runs.tokens.token_by_place import TokenByPlace
from everyturn.world.agents import revision_name
from everyturn.world.imports import found


def belongs(token: str, words: AskedWords) -> str | None:
    """None if ``token`` is of a run of what ``words`` ask about; else a sentence that says of what it is.

    Raises :class:`~everyturn.errors.UsageError` for what is no token.
    """
    found, name = whose(token), _name(words)
    if found == name:
        return None
    return f"the token is of {found}, and the test asks about {name}"


def whose(token: str) -> str:
    """Of what ``token`` is a run: `agent d4`. Raises :class:`~everyturn.errors.UsageError` for what is no token."""
    if tokens.is_token(token):
        name, _, scope = tokens.recorded(token).scenario.rpartition("@")
        return f"session {name}" if name else f"scenario {scope}"
    held = decode(token)
    return f"agent {held.schedule.revision if isinstance(held, TokenByPlace) else held.revision}"


def _name(words: AskedWords) -> str:
    subject: Any = words.subject
    if words.kind in ("revision", "agent"):
        return f"agent {revision_name(subject)}"
    if words.kind == "session" and isinstance(subject, str):
        subject = found(subject, "session")
    return f"{words.kind} {name_of(subject)}"

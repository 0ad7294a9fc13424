"""Foreign text, such as names in logs and of files, made fit to be shown; and what a misspelt name may mean."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final


def printable(text: object) -> str:
    """Foreign text without what could steer a terminal, and without what is no Unicode: both as escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text))


LONGEST: Final = 2000
"""So many characters an error has at most: what it quotes may be a file of any length."""


def bounded(text: object) -> str:
    """An error of a length that people read: its beginning, which names what is wrong, and its end, which says what to
    do."""
    whole = printable_lines(str(text))
    half = LONGEST // 2 - 1
    return whole if len(whole) <= LONGEST else f"{whole[:half]}…{whole[-half:]}"


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay lines."""
    return "\n".join(map(printable, text.split("\n")))


def one_of(names: Iterable[str], found: str) -> str:
    """What was expected, for an error about a name that is none of these, with the one that may be meant."""
    known = list(names)
    near = get_close_matches(found, known, 1)
    return f"one of {', '.join(known)}{f' (did you mean {near[0]}?)' if near else ''}"

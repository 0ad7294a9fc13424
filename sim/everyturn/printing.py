"""Foreign text, such as names in logs and of files, made fit to be shown."""

from __future__ import annotations


def printable(text: object) -> str:
    """Foreign text without what could steer a terminal, and without what is no Unicode: both as escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text))


def printable_lines(text: str) -> str:
    """The same for text of several lines, which stay lines."""
    return "\n".join(map(printable, text.split("\n")))

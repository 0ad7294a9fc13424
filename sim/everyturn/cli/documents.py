"""The JSON documents that commands print."""

from __future__ import annotations

from typing import Any

import msgspec


def encoded(document: Any) -> str:
    """A document as one line of JSON; what is no Unicode in it, as in names of files, is escaped."""
    try:
        return msgspec.json.encode(document).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(_escaped(msgspec.to_builtins(document))).decode()


def _escaped(found: Any) -> Any:
    if isinstance(found, str):
        return found.encode(errors="backslashreplace").decode()
    if isinstance(found, dict):
        return {_escaped(name): _escaped(each) for name, each in found.items()}
    return [_escaped(each) for each in found] if isinstance(found, list) else found

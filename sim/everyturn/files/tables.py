"""TOML files as people write them: read within bounds, and what is wrong in one said as all our errors are."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from everyturn.errors import UsageError
from everyturn.files.reading import text_of


def read_tables(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises :class:`UsageError` for what is no TOML, with its name and line, and for
    numbers that are none or infinite: nothing that is asked here may take so long.
    """
    try:
        tables = tomllib.loads(text_of(path))
        endless = next(_endless(tables, ""), None)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: expected TOML in UTF-8; found: {error}") from error
    except RecursionError:
        raise UsageError(f"{path}: expected a flat file; found tables that are nested too deeply") from None
    if endless is not None:
        raise UsageError(f"{path}: {endless}")
    return tables


def _endless(value: Any, place: str) -> Iterator[str]:
    """What is said of each number in ``value`` that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{place}: expected a finite number; found {value}"
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _endless(each, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _endless(each, f"{place}[{at}]")


_LONGEST: Final = 80
"""So much of what was found is quoted."""

_EXPLAINED: Final[Sequence[tuple[str, str]]] = (
    (r"Object missing required field `(?P<key>.*?)`", "expected a key `{key}`; found none"),
    (r"Object contains unknown field `(?P<key>.*?)`", "expected no other keys; found `{key}`"),
    (r"Invalid (?:enum )?value (?P<found>.*)", "expected one of {kinds}; found {found}"),
    (r"Expected (?P<wanted>.*), got (?P<found>.*)", "expected {wanted}; found {found}"),
    (r"Expected (?P<wanted>.*)", "expected {wanted}; found {value}"),
)


def explained(message: str, raw: Mapping[str, Any], kinds: Callable[[str], Sequence[str]]) -> str:
    """What msgspec expected of the tables ``raw``, and found and where, in the form that all our errors have.

    ``kinds``: the words that may stand at a place, of those where only some may.
    """
    text, _, where = message.partition(" - at `$")
    place = where.rstrip("`").lstrip(".")
    more = {"kinds": ", ".join(kinds(place)), "value": _shown(raw, place)}
    for pattern, said in _EXPLAINED:
        match = re.fullmatch(pattern, text, re.DOTALL)
        if match:
            text = said.format_map(match.groupdict() | more)
            break
    return f"{place}: {text}" if place else text


def _shown(raw: Mapping[str, Any], place: str) -> str:
    """What stands at a place."""
    found: Any = raw
    for key in re.findall(r"[^.\[\]]+", place):
        if isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        elif isinstance(found, Mapping) and key in found:
            found = found[key]
        else:
            return "another value"
    return repr(found)[:_LONGEST]

"""How long something may take, as people write it."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST: Final = 1e9
"""Thirty years, in seconds."""

EXPECTED: Final = "a duration such as 60s, 5m or 2h, or a number of seconds"


def parsed_duration(text: str) -> float:
    """The seconds that ``text`` says: a number, with s, m or h behind it or seconds without. Raises ValueError."""
    matched = re.fullmatch(r"([0-9]*\.?[0-9]+|[0-9]+\.)(?:e([+-]?[0-9]{1,2}))?\s*([smh]?)", text.strip(), re.ASCII)
    if matched is None:
        raise ValueError(f"expected {EXPECTED}; found {text!r}")
    seconds = float(f"{matched[1]}e{matched[2] or 0}") * _UNITS[matched[3]]
    if seconds > _LONGEST:
        raise ValueError(f"expected {EXPECTED}, at most thirty years; found {text!r}")
    return seconds

"""Addresses in what a program keeps: ``id(task)`` as a number, or written into a text, ``f"scope {id(self):x}"``.

In another run the object lies elsewhere. So what is the address of an object of the state stands for that object; any
other number is what it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

LEAST: Final = 1 << 32
"""Whole numbers below are no addresses."""
SHORTEST: Final = 9
"""The fewest digits of a number that is not below."""
_NUMBERS: Final = re.compile(r"(?<![0-9A-Za-z])(?:0x)?([0-9a-fA-F]{9,20})(?![0-9A-Za-z])")

AddressesInText = tuple[tuple[int, int, tuple[tuple[int, str, int], ...]], ...]
"""For each number in a text: where it begins and ends; what it can be, and how it is written then: ``d``, ``x`` or
``X`` as in formats, and with how many digits."""


@lru_cache(1 << 14)
def in_text(text: str) -> AddressesInText:
    """The numbers in a text that may be addresses."""
    return tuple((*each.span(1), _read(each[1])) for each in _NUMBERS.finditer(text))


def _read(digits: str) -> tuple[tuple[int, str, int], ...]:
    number, size = int(digits, 16), len(digits)
    found = [(number, form, size) for form in "xX" if digits == f"{number:0{size}{form}}"][:1]
    return (*found, (int(digits), "d", size)) if digits.isdecimal() else tuple(found)


def replaced(text: str, found: AddressesInText, numbers: Mapping[int, int]) -> tuple[object, ...] | None:
    """The text with the numbers of objects, and how they are written, in place of their addresses; none if there is no
    address in it."""
    pieces: list[object] = []
    begins = 0
    for start, end, read in found:
        known = next(((numbers[each], *written) for each, *written in read if each in numbers), None)
        if known is not None:
            pieces += [text[begins:start], known]
            begins = end
    return (*pieces, text[begins:]) if pieces else None

"""Long names in little room: shortened in the middle, and still told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count
from os.path import commonprefix
from typing import Final

_LEAST: Final = 6
"""Fewer characters are not enough to tell names apart."""


def shortened(names: Sequence[str], width: int) -> dict[str, str]:
    """Each of some different names in at most ``width`` characters (6 or more), no two alike.

    One that is too long keeps its beginning and its end. Where that makes names alike, as with identifiers that begin
    with the time, they show where they differ instead, and where that does not help either, a number.
    """
    assert width >= _LEAST
    found = {name: name for name in names if len(name) <= width}
    left = [name for name in dict.fromkeys(names) if name not in found]
    for shorten in (_middle, _difference(left, width)):
        shown = {name: shorten(name, width) for name in left}
        often = Counter([*shown.values(), *found.values()])
        found |= {name: short for name, short in shown.items() if often[short] == 1}
        left = [name for name in left if name not in found]
    taken = set(found.values())
    numbers = count(1)
    for name in left:
        short = next(each for number in numbers if (each := _numbered(name, width, number)) not in taken)
        taken.add(short)
        found[name] = short
    return found


def _middle(name: str, width: int) -> str:
    end = width // 2
    return f"{name[: width - 1 - end]}…{name[-end:]}"


def _difference(names: Sequence[str], width: int) -> Callable[[str, int], str]:
    """Shortens to what begins where the first of ``names`` that look alike begin to differ."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(_middle(name, width), []).append(name)
    starts = {name: len(commonprefix(group)) for group in alike.values() for name in group}  # noqa: RUF071 - no paths

    def shorten(name: str, width: int) -> str:
        rest = name[starts[name] :]
        return f"…{rest}" if len(rest) < width else f"…{rest[: width - 2]}…"

    return shorten


def _numbered(name: str, width: int, number: int) -> str:
    tail = f"…{number}"
    return f"{name[: max(0, width - len(tail))]}{tail}"

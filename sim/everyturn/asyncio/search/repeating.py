"""The same choices once more must do the same: else one run changes the next one, and nothing that was found counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from random import Random
from typing import Final

from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.running import ScenarioOutcome
from everyturn.errors import ReplayError

_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]+")
BY_ADDRESS: Final = (
    "the same choices do something else where objects lie elsewhere in memory (a set of them, id); what they do here "
    "is one of all that is possible"
)
WHY: Final = (
    ": something that one run leaves behind, such as a global, or where objects lie in memory (a set of them) changes "
    "the next one"
)


def compare(first: ScenarioOutcome, again: ScenarioOutcome) -> None:
    """Raise :class:`ReplayError` if the same choices did not do the same. Asked of runs 1, 2, 4, 8 and so on."""
    if len(again.decisions) < len(first.decisions):
        raise ReplayError(
            f"the same choices led to another place: expected {len(first.decisions)} decisions; found "
            f"{len(again.decisions)}{WHY}"
        )
    if first.merged:
        return
    for what, before, now in (("notes", first.logged, again.logged), ("findings", first.findings, again.findings)):
        difference = None if before == now else _first_difference(what, before, now)
        if difference is not None:
            raise ReplayError(f"the same choices did not do the same: {difference}{WHY}")


@contextmanager
def elsewhere(number: int) -> Iterator[None]:
    """Around a run: its objects lie in memory in another order than they would."""
    shuffled = Random(number)
    kept = [bytes(size) for size in range(0, 480, 16) for _ in range(40)]
    shuffled.shuffle(kept)
    del kept[::2]  # whose places the run will take, one here and one there
    NOW.elsewhere = True
    try:
        yield
    finally:
        NOW.elsewhere = False
        kept.clear()


def _first_difference(what: str, before: Sequence[object], now: Sequence[object]) -> str | None:
    for number, (one, other) in enumerate(zip_longest(before, now, fillvalue="nothing"), start=1):
        if one != other and _told(one) != _told(other):
            return f"{number}. of the {what}: expected {one}; found {other}"
    return None


def _told(value: object) -> str:
    """What is shown of a value, but for addresses: objects of two runs, such as exceptions, may be equal to nothing but
    themselves."""
    return _ADDRESS.sub("#", repr(value))

"""The same choices once more must do the same: else one run changes the next one, and nothing that was found counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from everyturn.asyncio.runtime.running import ScenarioOutcome
from everyturn.errors import ReplayError

WHY: Final = ": something that one run leaves behind, such as a global, changes the next one"


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
        if before != now:
            raise ReplayError(f"the same choices did not do the same: {_first_difference(what, before, now)}{WHY}")


def _first_difference(what: str, before: Sequence[object], now: Sequence[object]) -> str:
    for number, (one, other) in enumerate(zip_longest(before, now, fillvalue="nothing"), start=1):
        if one != other:
            return f"{number}. of the {what}: expected {one}; found {other}"
    return f"the {what} differ"

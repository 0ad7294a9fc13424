"""Random agents: the explorer finds what an oracle finds that merges nothing.

A hundred here; with ``EVERYTURN_NIGHTLY=1`` three thousand (``EVERYTURN_NIGHTLY=20000`` so many).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.nightly import how_many
from tests.sim.carriers import BLOCKS, EXPRESSIONS, KEPT, UNSUPPORTED
from tests.sim.random_agents import SCOPE, Judged, agent, judged, program
from tests.sim.test_every_schedule import every_schedule

from everyturn.checking.check import check
from everyturn.engines.coroutines import snapshot
from everyturn.errors import Disagreement, ReplayError, UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.verdicts.verdict import Verdict

MANY = how_many(100, nightly=3000)
_AT_ONCE = 50


@pytest.mark.parametrize("first", range(0, MANY, _AT_ONCE))
def test_the_explorer_finds_what_merging_nothing_finds(first: int, tmp_path: Path) -> None:
    """The same violations and outcomes; hardly any agent is refused that is not documented to be."""
    wrong: dict[int, Judged] = {}
    refused: dict[int, str] = {}
    for number in range(first, first + _AT_ONCE):
        which, made = agent(number, tmp_path)
        found = judged(which)
        if found.refused:
            if made.supported:
                refused[number] = found.refused
        elif found.found != found.true:
            wrong[number] = found
    assert wrong == {}
    assert len(refused) <= _AT_ONCE // 10, refused


def test_both_verdicts_occur() -> None:
    """An agent that always or never tells its prompt would show nothing; about a third is right."""
    sources = [program(number).source for number in range(MANY)]
    assert len(set(sources)) > 0.9 * MANY
    supported = [program(number).supported for number in range(MANY)]
    assert 0.8 * MANY < sum(supported) < MANY


def test_agents_of_a_number_are_the_same_each_time() -> None:
    """So a number is all that need be told of one."""
    assert program(3) == program(3)


@pytest.mark.parametrize("piece", [*BLOCKS, *UNSUPPORTED], ids=range(len(BLOCKS) + len(UNSUPPORTED)))
def test_every_piece_carries_the_value(piece: str) -> None:
    """Whoever writes one more must not forget where the value comes from, where it goes, and to wait."""
    assert "{v}" in piece
    assert "{w}" in piece
    assert "PAUSE" in piece or "Later" in piece or "Held(0)" in piece


def test_every_expression_and_value_is_complete() -> None:
    """Likewise."""
    assert all("{x}" in each for each in EXPRESSIONS)
    assert all("{v}" in kept and "{x}" in back for kept, back in KEPT)


def test_what_is_merged_wrongly_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all variables are taken for dead, much is proved that is wrong: the counter-check lets none of it pass."""
    monkeypatch.setattr(snapshot, "live_at", lambda *_: frozenset())
    judge = Judge(select(("no-hang", "nothing-lost")), conformance=False)
    caught = 0
    for number in range(40):
        which, _ = agent(number, tmp_path)
        try:
            unchecked = check(which, SCOPE, invariants=("no-hang",), counter_check=False).cell.verdict
            violated, _ = every_schedule(which, SCOPE, judge=judge)
        except (ReplayError, UsageError):
            continue
        if unchecked is Verdict.PROVED and "no-hang" in violated:
            with pytest.raises(Disagreement):
                check(which, SCOPE, invariants=("no-hang",))
            caught += 1
    assert caught > 5

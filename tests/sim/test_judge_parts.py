"""Parts of the judge as tables: a step is found again only where everything that it looked at is the same."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.explorer.judge_parts import Monitor
from everyturn.engines.explorer.packing import Layout
from everyturn.verdicts.checker import Finding

LIVES = st.tuples(*[st.integers(0, 2)] * 3)
ROWS = st.lists(st.tuples(LIVES, st.integers(0, 2)), min_size=1, max_size=40)
NEXT = st.lists(st.sampled_from([None, 0, 1, 2]), min_size=9, max_size=9)


@given(NEXT, st.lists(ROWS, min_size=1, max_size=4))
@settings(deadline=None)
def test_a_monitor_looks_further_for_some_lives_than_for_others(
    further: list[int | None], batches: list[list[tuple[tuple[int, int, int], int]]]
) -> None:
    """Whose life it looks at next depends on what it saw, for the same state and events, also within one batch.

    ``further``: by events and what was seen last, the next life to look at.
    """

    def seen_by(state: str, lives: tuple[int, ...], events: int) -> tuple[str, Finding | None, frozenset[int]]:
        looked: list[int] = []
        column: int | None = events % 3
        while column is not None and column not in looked:
            looked.append(column)
            column = further[3 * events + lives[column]]
        told = f"{events}:" + ",".join(f"{each}={lives[each]}" for each in looked)
        return told, Finding("some", told) if "=2" in told else None, frozenset(looked)

    findings, layout = Interned(), Layout([16] * 3)
    findings.number(None)
    monitor = Monitor("", seen_by, layout, findings)
    for rows in batches:
        lives, events = [each for each, _ in rows], [each for _, each in rows]
        after, found = monitor.step(np.zeros(len(rows), np.int64), layout.pack(np.array(lives)), np.array(events))
        expected = [seen_by("", each, seen) for each, seen in rows]
        assert [monitor.states.values[each] for each in after.tolist()] == [told for told, _, _ in expected]
        assert [findings.values[each] for each in found.tolist()] == [finding for _, finding, _ in expected]

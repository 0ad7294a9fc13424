from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from tests.nightly import one_in

from everyturn.studies import replication
from everyturn.studies.histories import TimedHistories
from everyturn.studies.replication import Passed, Replication, replicate
from everyturn.studies.running import with_deep_stack
from everyturn.studies.study import StudyPoint, source
from everyturn.studies.tally import TALLIED
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions import REVISIONS

BUSY: dict[str, Any] = {
    "title": "All that can happen",
    "hours": 1.5,
    "run_ids": 0.8,
    "accepted": 0.8,
    "sessions": 2,
    "arrivals": {"kind": "bursts", "per_hour": 15, "size": 3, "gap": {"kind": "exponential", "mean": 5}},
    "cancels": {"per_hour": 8, "patience": {"kind": "constant", "seconds": 60}},
    "latency": {"entry": {"kind": "exponential", "mean": 0.1}, "store": {"kind": "exponential", "mean": 0.3}},
    "faults": {"provider_error": 0.05, "unauthorised": 0.05, "tool_round": 0.2, "store": 0.01, "window_full": 0.05},
    "subscribers": {"number": 2, "buffer": 2, "read": {"kind": "exponential", "mean": 20}},
}
RACING = {**BUSY, "latency": {**BUSY["latency"], "access": {"kind": "exponential", "mean": 0.05}}}


def replications(
    raw: dict[str, Any], revision: str, histories: TimedHistories | None, monkeypatch: pytest.MonkeyPatch
) -> list[Replication]:
    """Two replications of a study, whose sessions share these histories; none: nothing is kept of any session."""

    def found(cell: StudyPoint) -> TimedHistories:
        return histories or TimedHistories(World(scope_of(cell), revision), only=TALLIED)

    monkeypatch.setattr(replication, "_histories", found)
    (cell,) = source({**raw, "revisions": [revision]}, "busy").cells()
    tasks: list[Callable[[Passed], Replication]] = [partial(replicate, cell, number) for number in range(2)]
    return [with_deep_stack(task, lambda _: None) for task in tasks]


def scope_of(cell: StudyPoint) -> Scope:
    return replication._scope(cell.study)


@pytest.mark.parametrize(("revision", "raw"), one_in(8, REVISIONS, (BUSY, RACING)))
def test_what_is_kept_changes_no_figure(revision: str, raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure is that of threads each of which is resumed at every step, where names never come again; also if the
    tables are full before long, and if all is in them."""
    (cell,) = source({**raw, "revisions": [revision]}, "busy").cells()
    kept = TimedHistories(World(scope_of(cell), revision), keeps=True, only=TALLIED)
    small = TimedHistories(World(scope_of(cell), revision), keeps=True, only=TALLIED, most=300)
    expected = replications(raw, revision, None, monkeypatch)
    assert [replications(raw, revision, each, monkeypatch) for each in (kept, kept, small)] == [expected] * 3
    assert small.full
    assert all(each.counts.submitted > 60 for each in expected)
    assert expected[0].counts.told < expected[0].counts.with_run_id


@pytest.mark.parametrize(
    ("raw", "revision", "counts", "wait", "response"),
    [
        (BUSY, "d0-no-accept", (105, 44, 41, 41, 21, 0), 4.538196, 63.834101),
        (BUSY, "d4-independent", (105, 74, 17, 11, 2, 11), 8.281986, 78.060239),
        (BUSY, "hardened", (105, 75, 10, 10, 4, 10), 14.435129, 70.967561),
        (RACING, "d0-no-accept", (105, 44, 41, 41, 22, 0), 4.900453, 73.013136),
        (RACING, "d4-independent", (105, 73, 18, 9, 8, 9), 8.472945, 75.423643),
        (RACING, "hardened", (105, 75, 11, 11, 6, 11), 12.420126, 66.73693),
    ],
)
def test_the_figures_of_a_seed_stay_what_they_were(
    raw: dict[str, Any], revision: str, counts: tuple[int, ...], wait: float, response: float
) -> None:
    """Those of sessions in which every operation is an event of SimPy and every step is resumed, as it once was."""
    (cell,) = source({**raw, "revisions": [revision]}, "busy").cells()
    task: Callable[[Passed], Replication] = partial(replicate, cell, 0)
    found = with_deep_stack(task, lambda _: None)
    of = found.counts
    assert (of.submitted, of.told, of.stuck, of.never_told, of.folded, of.given_up) == counts
    assert (found.wait.mean, found.response.mean) == pytest.approx((wait, response), abs=1e-6)

"""One replication: some sessions of one revision, for some hours of virtual time, and what was counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import simpy
from msgspec import Struct

from everyturn.errors import UsageError
from everyturn.studies.arrivals import Traffic
from everyturn.studies.histories import TimedHistories
from everyturn.studies.recorded import visits
from everyturn.studies.session import SimulatedSession
from everyturn.studies.study import RecordedArrivals, Study, StudyPoint
from everyturn.studies.subscribers import SimulatedBroker, SimulatedSessionBroker, Subscriber
from everyturn.studies.surroundings import Draw, Surroundings
from everyturn.studies.tally import TALLIED, Counts, DurationSummary, SessionTally, StudyTally
from everyturn.world.agents import find_revision, require
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions import REVISIONS

_SLICES = 100
"""So often is progress told within one replication."""

Passed = Callable[[float], None]
"""Called now and then with the share of the replication that is done."""


class Replication(Struct, frozen=True, kw_only=True):
    """The result of one replication; ``hours`` are the measured session-hours, without the warm-up.

    ``wait``: from submission to the turn's start, of prompts that started. ``response``: from submission until the
    waiter was told. In seconds, of prompts submitted after the warm-up.
    """

    revision: str
    parameters: dict[str, Any]
    replication: int
    hours: float
    counts: Counts
    wait: DurationSummary
    response: DurationSummary


def replicate(cell: StudyPoint, number: int, passed: Passed | None = None) -> Replication:
    """Simulate replication ``number`` of ``cell``. Raises :class:`UsageError` if the agent misbehaves."""
    study = cell.study
    env = simpy.Environment()
    tally = StudyTally(env, since=study.warm_up_hours * 3600)
    tallies = _open_sessions(cell, number, env, tally)
    end = study.hours * 3600
    try:
        for part in range(1, _SLICES + 1):
            env.run(until=end * part / _SLICES)
            if passed is not None:
                passed(part / _SLICES)
    except RecursionError:
        raise UsageError(
            f"{cell.revision}: expected chains of turns that Python's stack can hold; found one that is longer, after "
            f"{env.now / 3600:.1f} hours: this revision runs queued prompts recursively, so lower the load"
        ) from None
    for each in tallies:
        each.close()
    return Replication(
        revision=cell.revision,
        parameters=cell.parameters,
        replication=number,
        hours=(study.hours - study.warm_up_hours) * study.sessions,
        counts=tally.counts,
        wait=DurationSummary.of(tally.wait),
        response=DurationSummary.of(tally.response),
    )


def _open_sessions(cell: StudyPoint, number: int, env: simpy.Environment, tally: StudyTally) -> list[SessionTally]:
    study = cell.study
    broker = _broker(study, env, _draw(study.seed, number, "subscribers"))
    tallies: list[SessionTally] = []
    for place in range(study.sessions):
        draw = _draw(study.seed, number, f"session {place}")
        watched = SessionTally(tally, reads=broker is not None)
        publisher = (
            None if broker is None else SimulatedSessionBroker(broker, place % len(broker.subscribers), watched.reader)
        )
        surroundings = Surroundings(study.latency, study.faults, draw)
        session = SimulatedSession(env, _histories(cell), surroundings, watched, publisher)
        Traffic(study, session, watched, draw)
        tallies.append(watched)
    return tallies


def _histories(cell: StudyPoint) -> TimedHistories:
    """What the threads of one session do. Of a revision of the project's own all sessions of this process share it."""
    scope = _scope(cell.study)
    if cell.revision not in REVISIONS:
        return TimedHistories(World(scope, cell.revision), only=TALLIED)
    return _kept(scope, cell.revision)


@lru_cache(maxsize=len(REVISIONS))
def _kept(scope: Scope, revision: str) -> TimedHistories:
    return TimedHistories(World(scope, revision), keeps=True, only=TALLIED)


def _draw(seed: int, replication: int, place: str) -> Draw:
    """Random numbers by purpose. They do not depend on the cell, so that all cells meet the same arrivals."""
    return lambda purpose: Random(f"{seed}/{replication}/{place}/{purpose}")


def _broker(study: Study, env: simpy.Environment, draw: Draw) -> SimulatedBroker | None:
    if study.subscribers is None:
        return None
    about = study.subscribers
    return SimulatedBroker(
        env,
        [
            Subscriber(env, number, about.buffer, about.read.sampler(draw(f"read {number}")))
            for number in range(about.number)
        ],
    )


def require_methods(cell: StudyPoint) -> None:
    """Raise :class:`UsageError` if the cell's agent lacks a method that somebody may call in its study."""
    study = cell.study
    if isinstance(study.arrivals, RecordedArrivals):
        kinds = {visit.kind for run in visits(Path(study.arrivals.log)) for visit in run}
    else:
        kinds = ({"A"} if study.accepted else set()) | ({"I"} if study.accepted < 1 else set())
    called = Scope(
        "".join(kind for kind in "AaIi" if kind in kinds),
        cancels=int("c" in kinds or study.cancels.per_hour > 0 or study.cancels.patience is not None),
        clears=int("q" in kinds),
        summaries=int("s" in kinds),
    )
    require(find_revision(cell.revision), called, "this study")


def _scope(study: Study) -> Scope:
    """A scope of one prompt with what can happen in this study: it decides which accesses are scheduling points."""
    faults = study.faults
    return Scope(
        "A",
        errors=int(faults.provider_error > 0),
        tools=int(faults.tool_round > 0),
        failures=int(faults.store > 0),
        refusals=int(faults.unauthorised > 0),
        losses=int(study.subscribers is not None),
        notices=int(study.subscribers is not None),
        nearly_full=int(faults.window_full > 0),
    )

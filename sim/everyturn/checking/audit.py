"""The audit: is a local state really one?

The explorer takes two suspended threads for one if their frames have equal values. The audit is the counter-check
(:mod:`everyturn.checking.countercheck.counter_check`) of all that was merged: it reaches each such state again by every
other history that led there, and follows it onwards to the thread's end, by several continuations; and whole runs
beside that, in which the threads meet. What lies outside of the frames, a clock, random numbers, a global, shows there
if it makes a difference.
"""

from __future__ import annotations

import time

import msgspec

from everyturn.checking.countercheck.proofs import audited
from everyturn.engines.coroutines.exploration import NO_LIMITS, ExplorationProgress, Limits
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import Disagreement, ReplayError
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import CounterCheck
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher

AUDIT_SCHEMA = "everyturn/audit/1"


class Audited(msgspec.Struct, omit_defaults=True):
    """One audit.

    ``histories``: how many histories, besides the first, led to a local state that was known; ``compared``: how many
    resumptions beyond that were compared; ``runs``: how many whole runs were, too; ``complete``: all of the scope was
    explored; else ``stopped`` says which limit was reached; ``difference``: what disagreed.
    """

    revision: str
    scope: str
    granularity: str
    local_states: int
    histories: int
    compared: int
    runs: int
    complete: bool
    seconds: float
    difference: str | None = None
    stopped: str | None = None
    interrupted: bool = False


class Audits(msgspec.Struct):
    """What one command found."""

    cells: list[Audited]
    interrupted: bool = False
    schema: str = AUDIT_SCHEMA
    command: str = "audit"


def audit(
    revision: str | type[Dispatcher],
    scope: str,
    *,
    granularity: str = "access",
    limits: Limits = NO_LIMITS,
    progress: ExplorationProgress | None = None,
) -> Audited:
    """Explore ``scope`` and compare. Raises :class:`~everyturn.errors.UsageError` for what cannot be explored."""
    start = time.monotonic()
    world = World(Scope.parse(scope), revision, granularity)
    explorer = LevelExplorer(world, Judge((), conformance=False))
    done, complete, interrupted, difference, stopped = CounterCheck(), False, False, None, None
    try:
        found = explorer.run(limits, progress=progress)
        complete, interrupted, stopped = found.complete, found.interrupted, found.stopped
        done = audited(explorer)
    except (Disagreement, ReplayError) as error:
        difference = str(error)
    local = explorer.transitions.locals
    return Audited(
        revision=world.revision,
        scope=str(world.scope),
        granularity=granularity,
        local_states=len(local),
        histories=len(local.merges),
        compared=done.resumptions,
        runs=done.merged + done.schedules,
        complete=complete,
        seconds=round(time.monotonic() - start, 3),
        difference=difference,
        stopped=stopped,
        interrupted=interrupted,
    )

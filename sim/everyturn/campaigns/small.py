"""The small run of a failure: what was found, made smaller, so that it can be read, kept and tried in a moment."""

from __future__ import annotations

import hashlib

from backports import zstd
from msgspec import Struct

from everyturn.campaigns.known import KnownFailure
from everyturn.campaigns.subjects import PORTS, AskedCell
from everyturn.engines.simpy.replay import replay
from everyturn.errors import UsageError
from everyturn.explanation.shrink import shrink_source
from everyturn.runs import trace
from everyturn.runs.run import Run
from everyturn.world import overrun


class FoundFailure(Struct, frozen=True, forbid_unknown_fields=True):
    """A failure as it was found: in which cell, what was violated, by which run."""

    cell: AskedCell
    invariant: str
    token: str
    what: str

    @property
    def unit(self) -> str:
        """The name of the unit that makes it smaller."""
        return f"small {self.cell.place} {self.invariant} {hashlib.sha256(self.token.encode()).hexdigest()[:16]}"

    def as_known(self, scope: str | None = None, token: str | None = None, what: str | None = None) -> KnownFailure:
        """The failure by this run, or by that which was found."""
        setting = None if self.cell.setting in ("access", "fifo") else self.cell.setting
        subject = {self.cell.kind: self.cell.name}
        return KnownFailure(
            invariant=self.invariant,
            what=self.what if what is None else what,
            token=token or self.token,
            scope=self.cell.scope if scope is None else scope,
            setting=setting,
            **subject,
        )


def smaller(found: FoundFailure) -> tuple[KnownFailure, bytes | None]:
    """The failure by its smallest run, and that run as a compressed trace. Runs of asyncio programs are made smaller
    when they are found, and have no traces."""
    if found.cell.kind not in PORTS:
        return found.as_known(), None
    with overrun.watching():
        try:
            shrunk = shrink_source(found.token, [found.invariant], agent=found.cell.name, keep_cause=True)
        except UsageError:  # it can be run and not be explored: it stays as it is
            return found.as_known(), _packed(
                replay(found.token, [found.invariant], found.cell.name).run, found.invariant
            )
    if shrunk.interrupted:
        raise KeyboardInterrupt
    run = shrunk.run
    return found.as_known(run.scope, run.token, shrunk.finding.sentence), _packed(run, found.invariant)


def _packed(run: Run, invariant: str) -> bytes:
    return zstd.compress(trace.write(run, engine="simpy", strategy="shrink", seed=None, violates=[invariant]))

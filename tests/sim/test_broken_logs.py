"""A test of the judge: accepted logs, broken in some thirty ways, at every place where a way applies.

Each way of breaking is either a fault, which must be refuted by the invariant that it breaks, or harmless, and then
must be accepted. The logs are runs of ``hardened``, told as an agent's log.
"""

from __future__ import annotations

import io
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim.log_breaks import FAULTS, GUARDS, HARMLESS, Log, renumbered

from everyturn.engines.simpy.kernel import simulate
from everyturn.files.reading import LogFile, stop
from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, Placed, write
from everyturn.formats.everyturn_trace import TraceTranslator
from everyturn.logs.conforming import Conformed, RunMatch, match_log
from everyturn.logs.history import Reading
from everyturn.logs.log_judge import LogResult, watch
from everyturn.strategies import strategy
from everyturn.verdicts.checker import select
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.partial import PartialAnswer

ALL: Final[Any] = frozenset(KINDS)
HEADER: Final = LogHeader(agent="hardened", kinds=ALL, sequence="session", ordered=True)
SCOPES: Final = ("AAa+1c", "AAA", "Aaa+1t", "AaI+1e+1q", "AA+2c")
RUNS: Final = 5


class _Memory(LogFile):
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self.path, self.number, self.compression = Path("log"), 0, None
        self._ahead = []
        self._file = io.BytesIO(content)


def judge(log: Log) -> LogResult:
    """What the whole way says, from bytes to verdicts."""
    placed = (Placed(number, line) for number, line in enumerate(log))
    return watch(_Memory(b"".join(write(placed, HEADER))), Reading(), select(()), stop)


def conformance(log: Log) -> list[RunMatch]:
    """What the specification says, from bytes to answers."""
    placed = (Placed(number, line) for number, line in enumerate(log))
    conformed = Conformed()
    match_log(_Memory(b"".join(write(placed, HEADER))), Reading(), conformed)
    runs = conformed.runs
    assert not conformed.unreadable
    assert all(run.matched.answer is not PartialAnswer.UNDETERMINED for run in runs)
    return runs


def refusing(log: Log) -> list[str]:
    """The guards that refuse something, in order."""
    return [refused.guard for run in conformance(log) for refused in run.matched.refusals]


def refuted(log: Log) -> set[str]:
    return {name for name, said in judge(log).cell.invariants.items() if said.verdict is Verdict.REFUTED}


@cache
def accepted_logs() -> tuple[Log, ...]:
    """Runs of ``hardened``, which break nothing."""
    logs = []
    for scope in SCOPES:
        world, chooser = World(Scope.parse(scope), "hardened"), strategy("random-walk", 11)
        for number in range(RUNS):
            teller = TraceTranslator()
            events = (event for step in simulate(world, chooser, number).seen() for event in step)
            lines = [LogLine(session="s", **fields) for event in events for fields in teller.tell(event)]
            logs.append(renumbered(lines))
    return tuple(logs)


def test_the_logs_are_accepted() -> None:
    """Before they are broken; and nothing in them is lost or left open."""
    for log in accepted_logs():
        found = judge(log)
        assert (found.cell.verdict, found.remarks) == (Verdict.HOLDS, [])
        assert refusing(log) == []


@thinned(2)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_refused_wherever_it_is_made(name: str) -> None:
    """By the specification, too, at every place, and first by a guard that says what is wrong."""
    first = Counter(
        next(iter(refusing(renumbered(each))), "accepted")
        for log in accepted_logs()
        for each in FAULTS[name].breaks(log)
    )
    assert first.total() >= 5
    assert set(first) <= GUARDS[name], first


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_refuted_wherever_it_is_made(name: str) -> None:
    """By the invariant that it breaks, at every place, and there are enough places."""
    way = FAULTS[name]
    broken = [renumbered(each) for log in accepted_logs() for each in way.breaks(log)]
    missed = [log for log in broken if way.invariant not in refuted(log)]
    assert (len(missed), len(broken) >= 5) == (0, True), [len(broken), missed[:1]]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_accepted_wherever_it_is_made(name: str) -> None:
    """No invariant is refuted, at any place."""
    made = [each for log in accepted_logs() for each in HARMLESS[name].breaks(log)]
    wrong = [(found, log) for log in made if (found := refuted(log))]
    assert (len(wrong), len(made) >= 20) == (0, True), [len(made), wrong[:1]]


@thinned(2)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_not_refused_wherever_it_is_made(name: str) -> None:
    """By no guard of the specification, at any place."""
    made = [each for log in accepted_logs()[::2] for each in HARMLESS[name].breaks(log)]
    wrong = [(found, log) for log in made if (found := refusing(log))]
    assert (len(wrong), len(made) >= 10) == (0, True), [len(made), wrong[:1]]

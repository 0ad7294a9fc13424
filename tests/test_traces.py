"""Regression traces: each is replayed by the names of its steps, and violates what its header says, on every run.

One for each invariant, and one for each cause in docs/findings.md that has a token there, each shrunk.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer.paths import walk
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.simpy.replay import replay
from everyturn.explanation.shrink import judge_of
from everyturn.runs import trace
from everyturn.runs.schedule import deviations
from everyturn.runs.tokens.named_steps import ByName, names_of
from everyturn.strategies.replay import Replay
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.invariants import BY_NAME

TRACES = sorted((Path(__file__).parent / "traces").glob("*.jsonl"))


def test_there_is_a_trace_for_each_invariant() -> None:
    """Otherwise the other tests would look at too little."""
    assert {name for path in TRACES for name in trace.read(path).header.violates} == set(BY_NAME)


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_trace_violates_what_its_header_says(path: Path) -> None:
    """And the present code makes the same run."""
    replayed = replay(str(path), agent=trace.read(path).header.revision)
    assert replayed.strayed is None
    assert set(trace.read(path).header.violates) <= {finding.invariant for _, finding in replayed.findings}


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_hardened_passes_on_the_way_of_a_trace(path: Path) -> None:
    """It is driven along the recorded steps as far as it has them."""
    read = trace.read(path)
    names = names_of({"thread": line.thread, **line.data} for line in read.lines if line.kind == "step")
    world = World(Scope.parse(read.header.scope), "hardened", read.header.granularity)
    for invariant in read.header.violates:
        judge = judge_of(invariant)
        followed = walk(Transitions(world, judge), ByName(names))
        assert judge.run(simulate(world, Replay(deviations(followed.decisions))).seen()) == []

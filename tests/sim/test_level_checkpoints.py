"""Checkpoints of an exploration by levels: it goes on to the same end, and a file of something else is refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.test_levels import found

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer import checkpoints, compiled_chunks, frontier
from everyturn.engines.explorer import judge_tables as judging
from everyturn.engines.explorer.checkpoints import load, save
from everyturn.engines.explorer.judge_tables import JudgeTables
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import Event
from everyturn_model.invariants import Invariant, Kind
from everyturn_model.lifecycle import Ledger


@pytest.mark.parametrize(("revision", "scope", "limit"), [("d4", "AA+1c", 15_000), ("d3", "A+1c+1f", 300)])
def test_a_checkpoint_goes_on_to_the_same_end(revision: str, scope: str, limit: int, tmp_path: Path) -> None:
    """Stopped, saved and taken up by another process: counts, outcomes and violations are those of one go."""
    file = tmp_path / "checkpoint"
    world, judge = World(Scope.parse(scope), revision), Judge()
    explorer = LevelExplorer(world, judge)
    explorer.run(Limits(states=limit), save=lambda: save(explorer, file))
    assert not explorer.found.complete
    resumed = load(file, World(Scope.parse(scope), revision), Judge())
    assert len(resumed.graph.states) == len(explorer.graph.states)
    once = found(LevelExplorer(World(Scope.parse(scope), revision), Judge()))
    assert found(resumed) == once
    save(resumed, file)
    assert found(load(file, World(Scope.parse(scope), revision), Judge())) == once


@pytest.mark.parametrize("limit", [20, 60, 150, 400])
def test_a_checkpoint_goes_on_in_the_same_numbers(limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it was taken: the way to each state, each violation with its decisions, and what each kind of step
    violates."""
    monkeypatch.setattr(frontier, "_FEW", 7)
    once, stopped = (LevelExplorer(World(Scope.parse("A+1c+1f"), "d0"), Judge()) for _ in range(2))
    once.run()
    stopped.run(Limits(states=limit))
    save(stopped, tmp_path / "checkpoint")
    resumed = load(tmp_path / "checkpoint", World(Scope.parse("A+1c+1f"), "d0"), Judge())
    resumed.run()
    size = len(once.graph.states)
    assert (resumed.predecessors.parents == once.predecessors.parents).all()
    assert (resumed.predecessors.moves == once.predecessors.moves).all()
    assert resumed.graph.tables.macro_steps.moves.values == once.graph.tables.macro_steps.moves.values
    assert resumed.found.violations == once.found.violations
    steps = [explorer.graph.expand(slice(0, size)) for explorer in (once, resumed)]
    one, two = (
        [explorer.graph.judges.violated(number) for number in found.tolist()]
        for explorer, (_, _, found) in zip((once, resumed), steps, strict=True)
    )
    assert one == two
    assert any(one)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_is_killed_loses_nothing_that_was_saved(processes: int, tmp_path: Path) -> None:
    """kill -9 in the middle, also while another process works; the second try goes on from the checkpoint and proves
    what one go proves.
    """
    file = tmp_path / "checkpoint"
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from everyturn.verdicts.checker import Judge\n"
        "from everyturn.engines.explorer.checkpoints import save\n"
        "from everyturn.engines.coroutines.exploration import Limits\n"
        "from everyturn.engines.explorer.levels import LevelExplorer\n"
        "from everyturn.world.scope import Scope\n"
        "from everyturn.world.world import World\n"
        "explorer = LevelExplorer(World(Scope.parse('AA'), 'hardened'), Judge(), processes=int(sys.argv[2]))\n"
        "explorer.run(Limits(states=500), save=lambda: save(explorer, Path(sys.argv[1])))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(file), str(processes)], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    cell = check("hardened", "AA", checkpoint=file).cell
    whole = check("hardened", "AA").cell
    assert cell.verdict == whole.verdict == "proved"
    assert (cell.states, cell.transitions, cell.depth) == (whole.states, whole.transitions, whole.depth)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    """Another scope, other invariants, other code: said in one line."""
    file = tmp_path / "checkpoint"
    explorer = LevelExplorer(World(Scope.parse("AA"), "d3"), Judge())
    explorer.run(Limits(states=500))
    save(explorer, file)
    with pytest.raises(UsageError, match="expected scope 'AAa', found 'AA'"):
        load(file, World(Scope.parse("AAa"), "d3"), Judge())
    with pytest.raises(UsageError, match="expected invariants"):
        load(file, World(Scope.parse("AA"), "d3"), Judge(conformance=False))
    explorer.graph.tables.macro_steps.events.values[3] = ("other code",)
    save(explorer, file)
    with pytest.raises(UsageError, match="the code has changed"):
        load(file, World(Scope.parse("AA"), "d3"), Judge())


def test_a_checkpoint_of_an_earlier_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, before anything of it is read."""
    file = tmp_path / "checkpoint"
    explorer = LevelExplorer(World(Scope.parse("A"), "d3"), Judge())
    explorer.run(Limits(states=10))
    with monkeypatch.context() as before:
        before.setattr(checkpoints, "SCHEMA", "everyturn/checkpoint/1")
        save(explorer, file)
    with pytest.raises(UsageError, match="expected schema 'everyturn/checkpoint/4', found 'everyturn/checkpoint/1'"):
        load(file, World(Scope.parse("A"), "d3"), Judge())


def test_a_checkpoint_of_a_monitor_that_has_changed_is_refused(tmp_path: Path) -> None:
    """An invariant of the same name that goes from state to state in another way: its tables cannot be taken over."""
    file = tmp_path / "checkpoint"
    counts, stays = (Invariant("counts", "", Kind.ALWAYS, step, 0) for step in (_count, _stay))
    explorer = LevelExplorer(World(Scope.parse("A"), "d3"), Judge([counts]))
    explorer.run(Limits(states=20))
    save(explorer, file)
    assert load(file, World(Scope.parse("A"), "d3"), Judge([counts])).run().complete
    with pytest.raises(UsageError, match="is another one now: the code has changed"):
        load(file, World(Scope.parse("A"), "d3"), Judge([stays]))


def _count(state: int, event: Event, ledger: Ledger) -> int:
    return state + 1


def _stay(state: int, event: Event, ledger: Ledger) -> int:
    return state


@cache
def half_explored(reduce: str) -> tuple[bytes, tuple[object, ...]]:
    """A checkpoint, and what is found from there on."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "checkpoint")
        explorer = LevelExplorer(World(Scope.parse("II"), "d9"), Judge(), reduce)
        explorer.run(Limits(states=50))
        save(explorer, file)
        return file.read_bytes(), found(explorer)


@given(
    st.sampled_from(["dead", "symmetry", "ample"]), st.binary(max_size=300), st.integers(0, 2**20), st.integers(0, 2)
)
@settings(deadline=None, max_examples=60)
def test_a_damaged_checkpoint_is_refused_or_right(reduce: str, noise: bytes, at: int, kind: int) -> None:
    """Arbitrary bytes, or a checkpoint with some of them in it, or cut short there: a clean error, or the same
    exploration."""
    contents, expected = half_explored(reduce)
    at %= len(contents)
    damaged = [noise, contents[:at] + noise + contents[at + len(noise) :], contents[:at]][kind]
    with TemporaryDirectory() as folder:
        file = Path(folder, "checkpoint")
        file.write_bytes(damaged)
        try:
            resumed = load(file, World(Scope.parse("II"), "d9"), Judge(), reduce)
        except UsageError:
            return
        assert found(resumed) == expected


def test_a_second_ctrl_c_does_not_spoil_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends within a chunk, where tables are half filled: the file stays as it was, and goes on to the right end."""
    file = tmp_path / "checkpoint"
    explorer = LevelExplorer(World(Scope.parse("A+1c"), "d4"), Judge())
    explorer.run(Limits(states=50))
    save(explorer, file)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JudgeTables, "work_out", interrupted)
    explorer.run(save=lambda: save(explorer, file))
    monkeypatch.undo()
    assert explorer.found.interrupted
    once = found(LevelExplorer(World(Scope.parse("A+1c"), "d4"), Judge()))
    assert found(load(file, World(Scope.parse("A+1c"), "d4"), Judge())) == once


def test_more_observations_than_a_key_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any is looked up: its bits would be another state's."""
    for each in (judging, compiled_chunks):  # compiled loops are in use if a search before was large
        monkeypatch.setattr(each, "EVENTS_BITS", 3)
    with pytest.raises(EveryturnError, match="more than 8 different observations"):
        LevelExplorer(World(Scope.parse("A"), "d4"), Judge()).run()


def test_more_ways_to_fare_than_a_field_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a monitor is asked: two lives would be one."""
    monkeypatch.setattr(judging, "_LIFE_BITS", 2)
    with pytest.raises(EveryturnError, match="more than 4 ways that a prompt can have fared"):
        LevelExplorer(World(Scope.parse("A"), "d4"), Judge()).run()

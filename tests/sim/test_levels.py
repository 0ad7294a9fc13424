"""The explorer by levels finds what the plain one finds, whatever is packed, numbered and looked up."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import one_in, thinned
from tests.sim.small_agents import MayWait, Small

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Exploration, Limits
from everyturn.engines.coroutines.transitions import JUDGE, Row
from everyturn.engines.explorer import checkpoints, compiled_chunks, frontier
from everyturn.engines.explorer import judge_tables as judging
from everyturn.engines.explorer.checkpoints import load, save
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.judge_tables import JudgeTables
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.reductions import REDUCTIONS
from everyturn.engines.explorer.successors import Chunk, SuccessorTables
from everyturn.engines.simpy.replay import replay
from everyturn.errors import EveryturnError, UsageError
from everyturn.explanation.explain import shown_by
from everyturn.reports.text import Printer
from everyturn.verdicts.checker import SINK, Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.agent import SessionAgent as Independent
from everyturn_impl.calls import Call, Context
from everyturn_model.events import Event, Rest
from everyturn_model.invariants import INVARIANTS, Invariant, Kind
from everyturn_model.lifecycle import Ledger


def found(explorer: Explorer | LevelExplorer) -> tuple[object, ...]:
    """What an exploration finds, as far as it does not depend on the order of states."""
    exploration = explorer.run()
    lengths = {name: len(each.decisions) for name, each in exploration.violations.items()}
    counts = (exploration.states, exploration.transitions, exploration.depth, exploration.rests, exploration.locals)
    return (*counts, exploration.complete, exploration.outcomes, lengths, set(explorer.events))


SOME = ["d0", "d3", "d4", "hardened"]


@thinned(3)
@pytest.mark.parametrize(
    ("scope", "revision"),
    one_in(2, ["A", "AA", "Aa+1f", "AI+1q", "A+1t+u+1s", "ai+1s", "A+1c+x", "AA+1r+n", "A+1c+b"], SOME),
)
def test_both_explorers_find_the_same(revision: str, scope: str) -> None:
    """States, transitions, depth, rests, outcomes, events, and the length of each shortest violation."""
    world = World(Scope.parse(scope), revision)
    assert found(LevelExplorer(world, Judge())) == found(Explorer(World(Scope.parse(scope), revision), Judge()))


def test_a_choice_before_the_first_wait_is_a_scheduling_point_everywhere() -> None:
    """II+1f on an event loop: whether the model is ready is the world's choice, in the very first operation."""
    worlds = [World(Scope.parse("II+1f"), "d4", "await") for _ in range(2)]
    assert found(LevelExplorer(worlds[0], Judge())) == found(Explorer(worlds[1], Judge()))


@pytest.mark.parametrize(("scope", "revision"), [("Aa+1f+1e", "d4"), ("A+1t+1e", "d4"), ("Aa+1t+u", "d0")])
def test_a_step_of_several_operations_has_its_ways_in_one_order(scope: str, revision: str) -> None:
    """The number of a way means the same in the tables of macro steps and where a path is followed operation by
    operation."""
    explorer = LevelExplorer(World(Scope.parse(scope), revision, "await"), Judge((), conformance=False))
    explorer.run()
    words, expansion, _ = explorer.graph.expand(slice(0, None))
    before, after = (
        [explorer.graph.tables.macro_steps.global_row(row) for row in explorer.graph.states.rows(each).tolist()]
        for each in (words, expansion.words)
    )
    several = 0
    for source, move, reached in zip(expansion.source.tolist(), expansion.move.tolist(), after, strict=True):
        thread, choice = explorer.graph.tables.macro_steps.moves.values[move]
        ways = [row for row, _ in explorer.transitions.ways(_unjudged(before[source]), thread)]
        assert _unjudged(ways[choice]) == _unjudged(reached)
        several += len(ways) > 1
    assert several


def test_who_is_asked_what_follows_knows_how_large_the_judges_numbers_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever packs rows anew must not spill the judge's number into other columns."""
    asked: list[tuple[int, int]] = []
    ask = SuccessorTables.ask

    def spy(self: SuccessorTables, chunk: Chunk) -> None:
        asked.append((int(chunk.layout.get(chunk.words, JUDGE).max()), chunk.judges))
        ask(self, chunk)

    monkeypatch.setattr(SuccessorTables, "ask", spy)
    LevelExplorer(World(Scope.parse("AA"), "d4"), Judge()).run()
    assert max(asked)[0] > 100
    assert all(largest <= told for largest, told in asked)


def _unjudged(row: Row) -> Row:
    return (*row[:JUDGE], 0, *row[JUDGE + 1 :])


@pytest.mark.parametrize("granularity", ["access", "await"])
def test_they_agree_at_every_granularity_and_for_a_single_invariant(granularity: str) -> None:
    """Without conformance and with one monitor only, too."""
    worlds = [World(Scope.parse("AA+1c"), "d4", granularity) for _ in range(2)]
    judge = Judge(select(["no-hang"]), conformance=False)
    assert found(LevelExplorer(worlds[0], judge)) == found(Explorer(worlds[1], judge))


def test_a_rest_is_a_shorter_way_than_a_step_from_the_same_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever is found first; by levels too, when a level is explored in many chunks."""
    monkeypatch.setattr(frontier, "CHUNK", 1)
    for revision, scope, granularity in (("d0", "I+1s+2f", "await"), ("d4", "A+1c+1e", "access")):
        plain = found(Explorer(World(Scope.parse(scope), revision, granularity), Judge()))
        assert found(LevelExplorer(World(Scope.parse(scope), revision, granularity), Judge())) == plain


@pytest.mark.parametrize(("revision", "scope"), [("d0", "A+1c+1f"), ("d4", "A+1t+u+1s"), ("d3", "AA")])
def test_neither_chunks_nor_layouts_matter(revision: str, scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few states that never end with their level, and fields without a bit to spare, so that rows are
    packed anew often."""
    plain = found(Explorer(World(Scope.parse(scope), revision), Judge()))
    monkeypatch.setattr(frontier, "_FEW", 7)
    assert found(LevelExplorer(World(Scope.parse(scope), revision), Judge())) == plain
    tight = staticmethod(lambda largest: Layout([number.bit_length() for number in largest]))
    monkeypatch.setattr(Layout, "holding", tight)
    assert found(LevelExplorer(World(Scope.parse(scope), revision), Judge())) == plain


class LeavesTheMark(Small):
    """p1 and a Cancel set it, in any order."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.mark.set(1)

    async def cancel(self) -> None:
        await self.ports.mark.set(2)


@pytest.mark.parametrize("agent", [LeavesTheMark, MayWait])
def test_rests_that_differ_in_shared_data_or_in_who_waits_are_both_judged(agent: Any) -> None:
    """In nothing else: whatever is seen of rest, and violated there, is what the plain explorer sees."""
    for judge in (Judge((), conformance=False), Judge()):
        by_levels, plain = (kind(World(Scope.parse("A+1c"), agent), judge) for kind in (LevelExplorer, Explorer))
        assert found(by_levels) == found(plain)
        rests = {event for event in by_levels.events if isinstance(event, Rest)}
        assert len(rests) > 1


def test_a_limit_ends_undetermined_with_what_was_covered() -> None:
    """States, seconds or memory: the result says which, and nothing is called proved."""
    for limits in (Limits(states=1000), Limits(seconds=0.0), Limits(memory=1)):
        cell = check("hardened", "AA+1c", limits=limits).cell
        assert cell.verdict == "undetermined"
        assert cell.stopped is not None
        assert cell.states


def test_what_another_process_holds_counts_as_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they are at the limit, though neither is alone."""
    explorer = LevelExplorer(World(Scope.parse("A"), "d3"), Judge())
    monkeypatch.setattr(explorer.graph.successors, "resident", 1 << 60)
    assert explorer.run(Limits(memory=1 << 60)).stopped is not None
    assert not explorer.found.complete


def test_what_was_interrupted_goes_on_to_the_same_end() -> None:
    """A run that stopped at a limit continues where it stopped."""
    explorer = LevelExplorer(World(Scope.parse("AA"), "d3"), Judge())
    parts: list[Exploration] = [explorer.run(Limits(states=100 * number)) for number in range(1, 40)]
    assert parts[-1].complete
    assert found(explorer) == found(Explorer(World(Scope.parse("AA"), "d3"), Judge()))


# what monitors see -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["AAa", "AA+1c", "A+1f+1c", "AA+1t+u", "Ai+1s", "A+1r", "A+x"])
@pytest.mark.parametrize("revision", ["d1", "d4"])
def test_monitors_ignore_what_they_do_not_see(scope: str, revision: str) -> None:
    """An invariant that names the events it sees leaves its state as it is at every other one that occurs."""
    explorer = Explorer(World(Scope.parse(scope), revision), Judge(conformance=False))
    explorer.run(Limits(states=2000))
    events = set(explorer.events)
    states = {(index, each.monitors[index]): each for each in explorer.transitions.judged.values for index in range(15)}
    for (index, monitor), state in states.items():
        invariant = INVARIANTS[index]
        for event in events:
            if invariant.sees and monitor is not SINK and type(event) not in invariant.sees:
                assert invariant.step(monitor, event, state.ledger) == monitor


# checkpoints -------------------------------------------------------------------------------------------------------


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


# reductions --------------------------------------------------------------------------------------------------------


@thinned(3)
@pytest.mark.parametrize(
    ("scope", "revision"),
    one_in(4, ["AA", "aa", "II", "AA+d", "Aa+1e", "A+2c", "A+2q", "ii+1s", "AA+n"], SOME),
)
def test_no_reduction_changes_a_verdict_or_an_outcome(revision: str, scope: str) -> None:
    """Violated invariants, the length of a shortest violation (not with ample sets) and all outcomes are those of
    `none`."""
    explorers = [LevelExplorer(World(Scope.parse(scope), revision), Judge(), reduce) for reduce in REDUCTIONS]
    referee, *others = [explorer.run() for explorer in explorers]
    lengths = {name: len(each.decisions) for name, each in referee.violations.items()}
    for reduce, other in zip(list(REDUCTIONS)[1:], others, strict=True):
        assert other.violations.keys() == lengths.keys()
        if reduce != "ample":
            assert {name: len(each.decisions) for name, each in other.violations.items()} == lengths
        assert other.outcomes == referee.outcomes
        assert other.states <= referee.states


def test_two_prompts_of_a_kind_are_nearly_halved_by_symmetry() -> None:
    """AA: every state but those that are their own renaming has a partner."""
    whole = check("hardened", "AA").cell
    half = check("hardened", "AA", reduce="symmetry").cell
    assert whole.states is not None
    assert half.states is not None
    assert whole.states / 2 <= half.states < 0.55 * whole.states


def test_a_counterexample_found_up_to_renaming_replays() -> None:
    """Its threads have their own names again: SimPy makes the run and finds the same violations."""
    plain, reduced = (check("d3", "AA+1c", reduce=reduce) for reduce in ("dead", "symmetry"))
    assert {name: judged.steps for name, judged in reduced.cell.invariants.items()} == {
        name: judged.steps for name, judged in plain.cell.invariants.items()
    }
    assert reduced.runs.keys() == plain.runs.keys()


class Partial(Independent):
    """An agent that has a favourite: p1 looks at the queue before it submits."""

    async def submit(self, call: Call) -> Call:
        if call.prompt == "p1":
            await self.ports.queue.get()
        return await super().submit(call)


def test_an_agent_that_has_a_favourite_is_not_reduced() -> None:
    """Symmetry is checked, not believed."""
    with pytest.raises(EveryturnError, match="does not treat all prompts alike"):
        check(Partial, "AA", reduce="symmetry")


# counterexamples ---------------------------------------------------------------------------------------------------


def test_further_counterexamples_differ_and_replay() -> None:
    """Three of each invariant at most; no two with one cause and one order of conflicts; each violates what it says."""
    cell = check("d4", "AA+1c", counterexamples=3).cell
    told = 0
    for name, judged in cell.invariants.items():
        if judged.token is None:
            continue
        assert len(judged.others) <= 2
        shown = {shown_by(replay(judged.token).run.schedule, name)[:2]}
        for other in judged.others:
            again = replay(other.token)
            assert again.cell.invariants[name].sentence == other.sentence
            shown.add(shown_by(again.run.schedule, name)[:2])
            told += 1
        assert len(shown) == len(judged.others) + 1
    assert told > 4


def test_a_proof_says_in_its_line_what_it_never_met(capsys: pytest.CaptureFixture[str]) -> None:
    """hardened drops nothing at AA+1c, though the scope calls for it."""
    Printer(err=False).cell(check("hardened", "AA+1c").cell)
    first = capsys.readouterr().out.splitlines()[0]
    assert "proved" in first
    assert "never reached: drop" in first

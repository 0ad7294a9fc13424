"""The explorer by levels finds what the plain one finds, whatever is packed, numbered and looked up."""

from __future__ import annotations

from typing import Any

import pytest
from tests.nightly import one_in, thinned
from tests.sim.small_agents import MayWait, Small

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Exploration, Limits
from everyturn.engines.coroutines.transitions import JUDGE, Row
from everyturn.engines.explorer import frontier
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.reductions import REDUCTIONS
from everyturn.engines.explorer.successors import Chunk, SuccessorTables
from everyturn.engines.simpy.replay import replay
from everyturn.errors import EveryturnError
from everyturn.explanation.explain import shown_by
from everyturn.reports.text import Printer
from everyturn.verdicts.checker import SINK, Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.agent import SessionAgent as Independent
from everyturn_impl.calls import Call, Context
from everyturn_model.events import Rest
from everyturn_model.invariants import INVARIANTS


def found(explorer: Explorer | LevelExplorer) -> tuple[object, ...]:
    """What an exploration finds, as far as it does not depend on the order of states."""
    exploration = explorer.run()
    lengths = {name: len(each.decisions) for name, each in exploration.violations.items()}
    counts = (exploration.states, exploration.transitions, exploration.depth, exploration.rests, exploration.locals)
    return (*counts, exploration.complete, exploration.outcomes, lengths, set(explorer.events))


SOME = ["d0", "d3", "d4", "hardened"]


@thinned(6)
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


@thinned(2)
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


# reductions --------------------------------------------------------------------------------------------------------


@thinned(6)
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

"""An exploration by two processes finds what one finds, in the same order; and ends well when one of them does not."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.interruptible import interruptible
from tests.nightly import nightly, thinned

from everyturn.checking.check import check
from everyturn.engines.explorer import frontier, successor_worker
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.successor_worker import SuccessorWorker
from everyturn.engines.simpy.counterexample import decisions_of
from everyturn.errors import EveryturnError, UnsupportedLocal, UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call
from everyturn_impl.revisions.hardened import Hardened


class KeepsAList(Hardened):
    """Has a local across an await that has no value."""

    async def empty_queue(self) -> tuple[Call, ...]:
        kept = [1]
        queued = await self.ports.queue.get()
        assert kept
        if queued:
            await self.ports.queue.delete()
        return queued


def explored(
    processes: int, scope: str, revision: str, granularity: str, judge: Judge, reduce: str
) -> tuple[object, ...]:
    """Everything that an exploration finds: states by number with the way to each, violations, outcomes, events."""
    explorer = LevelExplorer(World(Scope.parse(scope), revision, granularity), judge, reduce, processes=processes)
    found = explorer.run(different=8)
    explorer.close()
    counts = (found.states, found.transitions, found.depth, found.rests, found.locals, found.complete)
    ways = (explorer.frontier.levels, explorer.predecessors.parents.tolist(), explorer.predecessors.moves.tolist())
    return counts, ways, found.violations, found.others, found.outcomes, list(explorer.events)


@thinned(4)
@pytest.mark.parametrize(
    ("scope", "revision", "granularity", "names", "reduce"),
    [
        ("AA", "d3", "access", (), "dead"),
        ("Ai+1f", "d0", "await", (), "none"),
        ("AA+1c", "d4", "access", ("no-hang", "no-lost-cancel"), "dead"),
        ("A+1t+u+1s", "hardened", "access", (), "dead"),
        ("A+1c+1f", "d3", "access", (), "dead"),
        ("AA+1e", "d0", "await", (), "dead"),
    ],
)
def test_two_processes_find_what_one_finds_in_the_same_order(
    scope: str, revision: str, granularity: str, names: tuple[str, ...], reduce: str
) -> None:
    """Numbers of states, parents, moves, violations, outcomes, events."""
    judge = Judge(select(names), conformance=not names)
    one, two = (explored(processes, scope, revision, granularity, judge, reduce) for processes in (1, 2))
    assert one == two


@pytest.mark.parametrize(("scope", "revision"), [nightly("AA+1c", "d4"), ("Ai+1f", "d0")])
def test_many_chunks_under_way_do_not_mix(scope: str, revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels of many small chunks, of which several are always under way, are those of one process."""
    monkeypatch.setattr(frontier, "CHUNK", 48)
    monkeypatch.setattr(frontier, "_FEW", 16)
    one, two = (explored(processes, scope, revision, "access", Judge(), "dead") for processes in (1, 2))
    assert one == two


def test_a_chunk_without_room_in_shared_memory_goes_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a slot can hold, the same is found."""
    one = explored(1, "AA", "d3", "access", Judge(), "dead")
    monkeypatch.setattr(successor_worker, "_ROOM", 64)
    assert explored(2, "AA", "d3", "access", Judge(), "dead") == one


def test_the_same_tables_can_be_made_in_this_process() -> None:
    """After an exploration by two: every state has the successors that it had, by the same numbers.

    Also if this process has followed a violation meanwhile, and met values in the order in which they lie there.
    """
    explorers = [LevelExplorer(World(Scope.parse("A+1c+1f"), "d3"), Judge(), processes=each) for each in (1, 2)]
    for explorer in explorers:
        found = explorer.run()
        longest = max(found.violations.values(), key=lambda each: len(each.decisions))
        decisions_of(explorer.transitions, longest.decisions)
    one, two = (explorer.graph.expand(slice(0, None)) for explorer in explorers)
    assert (one[1].source == two[1].source).all()
    assert (one[1].move == two[1].move).all()
    assert (one[1].events == two[1].events).all()
    assert (explorers[0].graph.states.find(one[1].words) == explorers[1].graph.states.find(two[1].words)).all()
    assert explorers[0].graph.tables.macro_steps.journal == explorers[1].graph.tables.macro_steps.journal


def test_what_another_process_cannot_import_is_refused() -> None:
    """A class that lives in a function: one clear error, before anything is explored."""

    class Hidden(Hardened):
        pass

    with pytest.raises(UsageError, match="two processes: expected an agent that another process can import"):
        LevelExplorer(World(Scope.parse("A"), Hidden), Judge(), processes=2)


@pytest.mark.parametrize("agent", ["Hardened", "Mine"])
def test_a_script_that_cannot_be_imported_is_told_so(agent: str, tmp_path: Path) -> None:
    """The other process imports the script again: one that does its work on import, or from a pipe, is the user's
    mistake."""
    script = (
        "from everyturn.checking.check import check\n"
        "from everyturn_impl.revisions.hardened import Hardened\n"
        "class Mine(Hardened): pass\n"
        f"check({agent}, 'A', processes=2)\n"
    )
    file = tmp_path / "script.py"
    file.write_text(script, encoding="utf-8")
    for command, text in (([str(file)], ""), (["-"], script)):
        done = subprocess.run([sys.executable, *command], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert last.startswith("everyturn.errors.UsageError: two processes: the second process ended with exit code 1")
        assert last.endswith('a script that does its work under if __name__ == "__main__"')


def test_an_error_of_the_other_process_is_raised_here() -> None:
    """As if the agent had run in this process: the user's mistake stays a user's mistake."""
    with pytest.raises(UnsupportedLocal) as here:
        check(KeepsAList, "A+1c")
    with pytest.raises(UnsupportedLocal) as there:
        check(KeepsAList, "A+1c", processes=2)
    assert str(here.value) == str(there.value)


def test_the_death_of_the_other_process_is_an_error() -> None:
    """Not a wait for ever, and not a verdict."""
    explorer = LevelExplorer(World(Scope.parse("AA"), "d3"), Judge(), processes=2)
    assert isinstance(explorer.graph.successors, SuccessorWorker)
    explorer.graph.successors.kill()
    with pytest.raises(EveryturnError, match="the second process ended with exit code -9"):
        explorer.run()


def test_ctrl_c_ends_both_with_what_was_found() -> None:
    """The terminal interrupts every process of a command: the second says nothing, the first what was found."""
    command = interruptible("check", "--scope", "AAA+1c", "--revision", "d4", "--jobs", "2")
    terminal, its = pty.openpty()
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=its, start_new_session=True)
    os.close(its)
    seen = b""
    with contextlib.suppress(OSError):  # at the end of the command there is nothing more to read
        while b"states" not in seen:
            seen += os.read(terminal, 1000)
        os.killpg(running.pid, signal.SIGINT)
        while True:
            seen += os.read(terminal, 1000)
    os.close(terminal)
    output, _ = running.communicate(timeout=60)
    assert b"Traceback" not in seen
    assert b"interrupted" in output
    assert b"undetermined" in output
    assert running.returncode == 130

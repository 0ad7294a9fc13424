"""The counter-check: whatever is wrong with what a proof rests on, nothing is proved.

Parts of the explorer are switched off here, one at a time, so that it merges what it must not merge, overlooks what an
agent remembers, or mistakes its own tables. Each time the truth is that ``no-hang`` is violated at ``AA``: p1 tells
nobody if it saw p2's mark.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from enum import IntFlag
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.nightly import one_in
from tests.sim.small_agents import Small

from everyturn.checking.audit import audit
from everyturn.checking.check import check
from everyturn.checking.countercheck import counter_check as counter_checking
from everyturn.checking.fuzz import fuzz
from everyturn.checking.liveness import cell, liveness
from everyturn.cli import main
from everyturn.engines.coroutines import snapshot
from everyturn.engines.coroutines.agent_memory import AgentMemory
from everyturn.engines.explorer.judge_tables import JudgeTables
from everyturn.errors import Disagreement
from everyturn.identity.encoder import Encoder
from everyturn.reports.text import Printer
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Completion, Context

SECRET = str(Path(tempfile.gettempdir()) / f"everyturn-told-in-secret-{os.getpid()}")
"""What threads keep in a file is seen by nobody."""


def write(told: str) -> None:
    with open(SECRET, "w", encoding="ascii") as file:  # noqa: PTH123 - a path would be looked into
        file.write(told)


def read() -> str:
    with open(SECRET, encoding="ascii") as file:  # noqa: PTH123
        return file.read()


@pytest.fixture(autouse=True, scope="module")
def _no_secret_is_left() -> Iterator[None]:
    yield
    Path(SECRET).unlink(missing_ok=True)


class Races(Small):
    """p2 sets the mark; p1 tells nobody if it has seen that."""

    def __init__(self, ports: Any, *, direct: bool = False) -> None:
        super().__init__(ports)
        self.state = SimpleNamespace(n=0)

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p2":
            await self.ports.mark.set(1)
        elif await self.saw(self.ports.mark.get, self.ports.queue.get):
            return
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)

    async def saw(self, mark: Any, pause: Any) -> Any:
        seen = await mark()
        await pause()
        await pause()
        return seen


def second(*values: Any, seen: Any = None) -> Any:
    return seen


class EvaluatesTheStarFirst(Races):
    async def saw(self, mark: Any, pause: Any) -> Any:
        seen = await mark()
        return second(seen=seen, *(await pause(), await pause()))  # noqa: B026 - what this is about


class Mangles(Races):
    async def saw(self, mark: Any, pause: Any) -> Any:
        __seen = await mark()
        await pause()
        await pause()
        return __seen


class Bits(IntFlag):
    ONE = 1


class KeepsFlags(Races):
    async def saw(self, mark: Any, pause: Any) -> Any:
        bits = Bits(2) if await mark() else Bits(4)
        await pause()
        await pause()
        return int(bits) == 2


class KeepsAnAttribute(Races):
    async def saw(self, mark: Any, pause: Any) -> Any:
        self.state.n = await mark()
        await pause()
        await pause()
        return self.state.n


class KeepsItInAFile(Races):
    """Where nobody looks, and where other threads find it, too."""

    async def saw(self, mark: Any, pause: Any) -> Any:
        write(str(await mark()))
        await pause()
        await pause()
        return read() == "1"


class _TellsByAFile(Races):
    """p2 tells p1 behind everybody's back, so that neither thread alone does anything strange."""

    def __init__(self, ports: Any, *, direct: bool = False) -> None:
        super().__init__(ports)
        write("0")

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        before = self.told_before()
        await self.ports.queue.get()
        if call.prompt == "p2":
            write("1")
        await self.ports.queue.get()
        if call.run_id is None or (call.prompt == "p1" and read() != before):
            return
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)

    def told_before(self) -> str:
        return "0"


class _TellsMeanwhile(_TellsByAFile):
    """Nobody is told anything if one thread runs after the other."""

    def told_before(self) -> str:
        return read()


TellsByAFile: Any = _TellsByAFile
TellsMeanwhile: Any = _TellsMeanwhile


# parts that are switched off ----------------------------------------------------------------------------------------

Off = Callable[[pytest.MonkeyPatch], None]


def everything_is_dead(patch: pytest.MonkeyPatch) -> None:
    """No local variable matters."""
    patch.setattr(snapshot, "live_at", lambda *_: frozenset())


def values_lose_their_content(patch: pytest.MonkeyPatch) -> None:
    """All members of a class of flags are one value."""
    whole = Encoder.encode

    def encode(self: Encoder, value: Any, *allow: Any) -> Any:
        return "flags" if isinstance(value, Bits) else whole(self, value, *allow)

    patch.setattr(Encoder, "encode", encode)


def memory_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    """An agent may remember what it likes."""
    patch.setattr(AgentMemory, "check", lambda *_: None)


def nothing(patch: pytest.MonkeyPatch) -> None:
    """All parts work; what the agent does is beyond them."""


WRONG = [
    (Races, everything_is_dead),
    (EvaluatesTheStarFirst, everything_is_dead),
    (Mangles, everything_is_dead),
    (KeepsFlags, values_lose_their_content),
    (KeepsAnAttribute, memory_is_not_looked_at),
    (KeepsItInAFile, nothing),
]


@pytest.mark.parametrize("options", [{}, {"engine": "plain"}, {"reduce": "ample"}], ids=["levels", "plain", "ample"])
@pytest.mark.parametrize(("agent", "off"), WRONG)
def test_nothing_is_proved_of_what_was_merged_wrongly(
    agent: Any, off: Off, options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error tells both histories, and where they part."""
    off(monkeypatch)
    if options and agent in (KeepsAnAttribute, KeepsItInAFile):
        pytest.skip("what is remembered depends on the order of the search, which may come upon the truth")
    asked = {"invariants": ("no-hang",), **options}
    assert check(agent, "AA", counter_check=False, **asked).cell.verdict is Verdict.PROVED
    with pytest.raises(Disagreement) as error:
        check(agent, "AA", **asked)
    assert re.search(r"the first history: .*threads\.start = None, mark\.get = 0\n", str(error.value))
    assert re.search(r"the other history: .*threads\.start = None, mark\.get = 1\n", str(error.value))
    assert "by the tables it waits for broker.publish(" in str(error.value)
    assert "really it ends (returned)" in str(error.value)


@pytest.mark.parametrize(("agent", "off"), WRONG)
def test_the_audit_follows_histories_onwards(agent: Any, off: Off, monkeypatch: pytest.MonkeyPatch) -> None:
    """That they differ shows two resumptions later only."""
    off(monkeypatch)
    found = audit(agent, "AA")
    assert found.difference is not None
    assert "go on differently" in found.difference


@pytest.mark.parametrize("options", [{}, {"engine": "plain"}, {"reduce": "ample"}], ids=["levels", "plain", "ample"])
def test_whole_runs_show_what_threads_tell_each_other_in_secret(options: Any) -> None:
    """Each thread alone does what the tables say; together they do not."""
    with pytest.raises(Disagreement, match=r"(?s)step \d+ of \d+: .* really"):
        check(TellsByAFile, "AA", **options)
    assert audit(TellsByAFile, "AA").difference is not None


def test_fuzz_and_liveness_prove_nothing_of_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete search by dependent accesses, and a graph of fair cycles, rest on tables as well."""
    asked: Any = {"strategy": "dpor", "runs": 1000, "invariants": ("no-hang",)}
    assert fuzz(TellsMeanwhile, "Aa", counter_check=False, **asked).cell.verdict is Verdict.PROVED
    with pytest.raises(Disagreement):
        fuzz(TellsMeanwhile, "Aa", **asked)
    everything_is_dead(monkeypatch)
    agent: Any = Mangles
    world = World(Scope.parse("AA"), agent)
    found = liveness(world)
    assert cell(world, found, counter_check=False).verdict is Verdict.PROVED
    with pytest.raises(Disagreement):
        cell(world, found)


def test_tables_of_the_judge_are_on_trial_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the judge's tables lose a violation, a random run of the coroutines finds it."""
    monkeypatch.setattr(JudgeTables, "violated", lambda *_: ())
    with pytest.raises(Disagreement, match="what is violated"):
        check("d3", "AA", invariants=("no-hang", "one-turn"))


# what is right passes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "reduce", "scope"),
    one_in(
        3,
        ["d0", "hardened"],
        ["none", "dead", "symmetry", "ample"],
        ["A+1c", "AI+1q", "Aa+1f", "A+1t+u+1s", "A+1c+x", "A+1r+n"],
    ),
)
def test_what_is_right_passes(revision: str, reduce: str, scope: str) -> None:
    """And something was looked at."""
    done = check(revision, scope, reduce=reduce).cell.counter_check
    assert done is not None
    assert min(done.schedules, done.merges) > 0
    assert done.merged > 0 or reduce == "ample"


@pytest.mark.parametrize("granularity", ["access", "await"])
def test_renamed_states_are_followed_by_their_own_names(granularity: str) -> None:
    """With symmetry, tables speak of other prompts than the run does."""
    done = check("hardened", "AAA", granularity=granularity, reduce="symmetry").cell.counter_check
    assert done is not None
    assert done.stopped or done.merged > 2


def test_an_exploration_that_goes_on_from_a_file_is_checked(tmp_path: Path) -> None:
    """Its tables were made again."""
    path = tmp_path / "half.npz"
    check("hardened", "AA", checkpoint=path)
    done = check("hardened", "AA", checkpoint=path).cell.counter_check
    assert done is not None
    assert done.stopped or done.merged


def test_two_processes_are_checked() -> None:
    """The tables of the other process are made again in this one."""
    one, two = (check("hardened", "AA", processes=number).cell.counter_check for number in (1, 2))
    assert one is not None
    assert two is not None
    assert one.stopped or two.stopped or (one.merged, one.merges) == (two.merged, two.merges)


def test_liveness_and_fuzz_say_what_was_checked() -> None:
    """A graph has merged states; runs have none."""
    world = World(Scope.parse("A+*e"), "hardened")
    graph = cell(world, liveness(world)).counter_check
    assert graph is not None
    assert graph.stopped or min(graph.merged, graph.schedules) > 0
    runs = fuzz("hardened", "A+1c", strategy="dpor", runs=10_000, invariants=("no-hang",)).cell.counter_check
    assert runs is not None
    assert runs.stopped or (runs.merged, runs.schedules > 0) == (0, True)


def test_the_same_work_is_done_each_time() -> None:
    """It depends on states, not on time."""
    one, other = (check("hardened", "A+1c").cell.counter_check for _ in range(2))
    assert one is not None
    assert other is not None
    one.seconds = other.seconds = 0.0
    assert one.stopped or other.stopped or one == other


# what is said of it -------------------------------------------------------------------------------------------------


def test_what_proves_nothing_needs_no_check() -> None:
    """Where everything is refuted, a run that was made again is the proof."""
    agent: Any = Races
    assert check(agent, "AA", invariants=("no-hang",)).cell.counter_check is None
    assert check("hardened", "AA", limits=_few_states()).cell.counter_check is None


def _few_states() -> Any:
    from everyturn.engines.coroutines.exploration import Limits

    return Limits(10)


def test_the_line_and_the_document_say_what_was_done() -> None:
    """Also that nothing was."""
    command = ["check", "--revision", "hardened", "--scope", "A"]
    people = CliRunner().invoke(main, command)
    assert people.exit_code == 0
    assert "; counter-checked: " in people.stdout
    (found,) = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)["cells"]
    assert found["counter_check"]["schedules"] > 0
    without = CliRunner().invoke(main, [*command, "--no-counter-check"])
    assert "; no counter-check]" in without.stdout
    (found,) = json.loads(CliRunner().invoke(main, [*command, "--no-counter-check", "--json"]).stdout)["cells"]
    assert found["counter_check"]["off"]


def test_time_is_a_limit_and_that_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was left out is not passed over in silence."""
    monkeypatch.setattr(counter_checking, "_LEAST", 0.0)
    monkeypatch.setattr(counter_checking, "_SHARE", 0.0)
    found = check("hardened", "A").cell
    assert found.verdict is Verdict.PROVED
    assert found.counter_check is not None
    assert found.counter_check.stopped == "0.0 seconds"
    Printer(err=False).cell(found)
    assert "2 schedules, stopped at 0.0 seconds]" in capsys.readouterr().out  # FEWEST, whatever the time


def test_a_difference_is_exit_code_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither a proof nor a refutation."""
    monkeypatch.chdir(Path(__file__).parents[2])
    name = f"{__name__}:TellsByAFile"
    result = CliRunner().invoke(main, ["check", "--agent", name, "--scope", "AA"])
    assert result.exit_code == 3
    assert "counter-check: " in result.stderr
    assert "proved" not in result.stdout

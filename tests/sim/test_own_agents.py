"""A user's own agent: what is no dispatcher, what cannot be explored, and what is told about it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import io
import itertools
import json
import random
import re
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.checking.countercheck.proofs import audited
from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.errors import AgentFault, HiddenState, ReplayError, UnsupportedLocal, UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World, find_revision
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Ports, Shared
from everyturn_impl.revisions.hardened import Hardened


def explore(agent: Any, scope: str = "AA") -> int:
    """Explore all there is, and audit; how much was compared."""
    explorer = Explorer(World(Scope.parse(scope), agent), Judge((), conformance=False))
    explorer.run()
    return audited(explorer).resumptions


def line_of(function: Callable[..., Any], text: str) -> str:
    """The place of the first line of ``function`` that contains ``text``."""
    lines, first = inspect.getsourcelines(function)
    return f"{__file__}:{next(first + number for number, line in enumerate(lines) if text in line)}"


# what lives across an await ------------------------------------------------------------------------------------------


@dataclass
class Box:
    content: int = 0


@dataclass(frozen=True)
class Sealed:
    content: Any = 0


def enclosing(content: Any) -> Callable[[], Any]:
    return lambda: content


def numbers() -> Iterator[int]:
    yield from (1, 2)


class Keeps(Hardened):
    """Has a local across an await."""

    made: ClassVar[Callable[[], Any]]

    async def empty_queue(self) -> tuple[Call, ...]:
        kept = type(self).made()
        queued = await self.ports.queue.get()
        assert kept is not None
        if queued:
            await self.ports.queue.delete()
        return queued


@pytest.mark.parametrize(
    ("make", "kind", "instead"),
    [
        (lambda: [1], "list", "a tuple"),
        (lambda: {1: 2}, "dict", "frozen dataclass"),
        (lambda: {1}, "set", "a frozenset"),
        (lambda: bytearray(b"x"), "bytearray", "bytes"),
        (numbers, "generator", "a tuple"),
        (Box, "Box", "frozen dataclass"),
        (lambda: Sealed([1]), "list", "a tuple"),
        (lambda: ((1, {}),), "dict", "frozen dataclass"),
        (io.StringIO, "StringIO", "a port"),
        (lambda: enclosing([1]), "list", "a tuple"),
        (lambda: functools.partial(print, [1]), "list", "a tuple"),
        (lambda: functools.partial(print, end={}), "dict", "frozen dataclass"),
        (lambda: iter([1]), "list_iterator", "port"),
        (itertools.count, "count", "port"),
        (random.Random, "Random", "port"),
        (object, "object", "port"),
    ],
)
def test_a_local_without_a_value_is_named_with_its_type_its_line_and_a_way_out(
    make: Callable[[], Any], kind: str, instead: str
) -> None:
    """Whatever is mutable, or lies hidden behind a closure or in a frozen object."""
    agent = type("Kept", (Keeps,), {"made": staticmethod(make)})
    with pytest.raises(UnsupportedLocal) as error:
        explore(agent, "A+1c")
    assert f"{line_of(Keeps.empty_queue, 'queue.get')}: local variable 'kept'" in str(error.value)
    assert f"holds a {kind}: expected" in str(error.value)
    assert instead in str(error.value)


def test_what_has_a_value_may_live_across_an_await() -> None:
    """Nested tuples, frozen dataclasses, functions with values, recursive ones, bound methods, iterators of tuples."""

    def fact(number: int) -> int:
        return 1 if number < 2 else number * fact(number - 1)

    values: tuple[Any, ...] = (
        (1, ("x", None)),
        Sealed(frozenset({1})),
        fact,
        iter((1, 2)),
        enumerate((1,)),
        range(2),
        iter(range(2)),
        Sealed,
        print,
    )

    for value in (*values, Sealed().__eq__):
        agent = type("Kept", (Keeps,), {"made": staticmethod(enclosing(value))})
        assert explore(agent, "A+1c") > 0


def test_two_lambdas_that_hold_different_values_are_different() -> None:
    """A closure is known by what it holds, not by its name."""

    class Chooses(Hardened):
        async def take_foldable(self, turn: Context) -> Call | None:
            answer = enclosing(await self.ports.mark.get() > 0)
            await self.ports.mutex.lock()
            await self.ports.mutex.unlock()
            if answer():
                await self.ports.queue.get()
            return None

    assert explore(Chooses, "AA+1c") > 0


class GivesAList(Hardened):
    """Gives a port something mutable."""

    async def enter(self, call: Call, turn: Context) -> Any:
        await self.ports.queue.set([])  # type: ignore[arg-type]
        return await super().enter(call, turn)


def test_a_mutable_argument_of_a_port_is_named_with_its_operation_and_line() -> None:
    """What goes through a port is shared data: it must have a value."""
    with pytest.raises(AgentFault) as error:
        explore(GivesAList)
    expected = (
        f"{line_of(GivesAList.enter, 'queue.set')}: queue.set is given a list: expected a tuple of Calls as calls"
    )
    assert expected in str(error.value)


# what is no port -----------------------------------------------------------------------------------------------------


class Sleeps(Hardened):
    async def enter(self, call: Call, turn: Context) -> Any:
        await asyncio.sleep(0)
        return await super().enter(call, turn)


class SleepsLonger(Hardened):
    async def enter(self, call: Call, turn: Context) -> Any:
        await asyncio.sleep(1)
        return await super().enter(call, turn)


class AsksAGenerator(Hardened):
    async def each(self) -> AsyncIterator[Call]:
        for call in await self.ports.queue.get():
            await self.ports.mark.get()
            yield call

    async def take_foldable(self, turn: Context) -> Call | None:
        async for call in self.each():
            return call
        return None


class Fails(Hardened):
    async def enter(self, call: Call, turn: Context) -> Any:
        raise KeyError(call.prompt)


@pytest.mark.parametrize(
    ("agent", "method", "text", "said"),
    [
        (Sleeps, "enter", "sleep", "no port"),
        (SleepsLonger, "enter", None, "no running event loop"),
        (AsksAGenerator, "take_foldable", "async for", "no asynchronous generators"),
        (Fails, "enter", "raise", "KeyError('p1')"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_await_that_leads_to_no_port_is_named_with_its_line(
    agent: type[Hardened], method: str, text: str | None, said: str
) -> None:
    """A sleep, an asynchronous generator, an error that nobody handles: one clear message each, in every engine."""
    with pytest.raises((AgentFault, UnsupportedLocal)) as error:
        explore(agent)
    assert said in str(error.value)
    if text is not None:
        assert line_of(getattr(agent, method), text) in str(error.value)


# what lies outside of the frames -------------------------------------------------------------------------------------

SEEN: list[str] = []
COUNT = 1000
COUNTER = itertools.count()
DICE = random.Random(1)


class Counts(Hardened):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.turns = 1000

    async def take_foldable(self, turn: Context) -> Call | None:
        self.turns += 1
        return await super().take_foldable(turn)


class Collects(Hardened):
    collected: ClassVar[dict[str, list[str]]] = {"x": []}

    async def take_foldable(self, turn: Context) -> Call | None:
        self.collected["x"].append(turn.name)
        return await super().take_foldable(turn)


class Locks(Hardened):
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        super().__init__(ports, direct=direct)
        self.lock = asyncio.Lock()

    async def take_foldable(self, turn: Context) -> Call | None:
        async with self.lock:
            return await super().take_foldable(turn)


class Remembers(Hardened):
    async def take_foldable(self, turn: Context) -> Call | None:
        SEEN.append(turn.name)
        return await super().take_foldable(turn)


class Rebinds(Hardened):
    async def take_foldable(self, turn: Context) -> Call | None:
        global COUNT  # noqa: PLW0603 - what this is about
        COUNT += 1
        return await super().take_foldable(turn)


def with_keyword(*, kept: list[int] = []) -> None:  # noqa: B006 - what this is about
    kept.append(1)


def with_attribute() -> None:
    with_attribute.__dict__.setdefault("kept", []).append(1)


def with_closure() -> Callable[[], None]:
    kept = 0

    def count() -> None:
        nonlocal kept
        kept += 1

    return count


class Slotted:
    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = 0

    def count(self) -> None:
        self.kept += 1


COUNTS = with_closure()
BYTES = bytearray(2)
LINE = deque([0])
KEYS: dict[int, None] = {0: None}
SLOTTED = Slotted()


def count_bytes() -> None:
    BYTES[0] = (BYTES[0] + 1) % 256


def count_line() -> None:
    LINE[0] += 1


def count_keys() -> None:
    KEYS[KEYS.popitem()[0] + 1] = None


KEPT: dict[str, Callable[[], None]] = {
    "with_keyword": with_keyword,
    "with_attribute": with_attribute,
    "COUNTS": COUNTS,
    "BYTES": count_bytes,
    "LINE": count_line,
    "KEYS": count_keys,
    "SLOTTED": SLOTTED.count,
}


WHERE_KEPT = {
    "with_keyword": "['with_keyword'].kept[0]",
    "with_attribute": "['with_attribute'].kept",
    "COUNTS": "['COUNTS'].kept.cell_contents",
    "BYTES": f"{__name__}.BYTES",
    "LINE": f"{__name__}.LINE[0]",
    "KEYS": f"{__name__}.KEYS, key 1",
    "SLOTTED": "['SLOTTED'].__self__.kept",
}
"""By what path it is reached."""


@pytest.mark.parametrize("name", KEPT)
def test_a_global_that_changes_inside_is_named(name: str) -> None:
    """Whatever Python keeps something in: defaults, closures, attributes, slots, keys."""

    class Keeps(Hardened):
        async def take_foldable(self, turn: Context) -> Call | None:
            KEPT[name]()
            return await super().take_foldable(turn)

    with pytest.raises(HiddenState) as error:
        explore(Keeps)
    assert WHERE_KEPT[name] in str(error.value)
    assert " is changed from here to the next await" in str(error.value)


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (Counts, "agent.turns is"),
        (Collects, "Collects.collected['x'][0] is"),
        (Locks, "agent.lock._locked is"),
        (Remembers, f"{__name__}.SEEN[0] is"),
        (Rebinds, f"{__name__}.COUNT is"),
    ],
)
def test_a_memory_outside_of_the_frames_is_named(agent: type[Hardened], named: str) -> None:
    """Attributes, attributes of classes and globals must not change: the engines do not see them."""
    with pytest.raises(HiddenState) as error:
        explore(agent)
    assert named in str(error.value)
    assert __file__ in str(error.value) or "hardened.py" in str(error.value)


class Alternates(Hardened):
    """Its memory is hidden inside an extension type, where nobody can look."""

    async def take_foldable(self, turn: Context) -> Call | None:
        if next(COUNTER) % 2:
            await self.ports.queue.get()
        return await super().take_foldable(turn)


class RollsDice(Hardened):
    """Asks for random numbers; a clock is the same."""

    async def take_foldable(self, turn: Context) -> Call | None:
        if DICE.random() < 0.5:
            await self.ports.queue.get()
        return await super().take_foldable(turn)


@pytest.mark.parametrize("agent", [Alternates, RollsDice])
def test_what_cannot_be_seen_shows_as_different_behaviour(agent: type[Hardened]) -> None:
    """Replays and the audit compare what a thread does with what it did before."""
    with pytest.raises((ReplayError, AgentFault)):
        explore(agent, "AA+1c")


# what is no dispatcher -----------------------------------------------------------------------------------------------


class Unfinished(Small):
    """Serves accepted prompts and nothing else."""

    async def clear_queue(self, everything: bool) -> None:
        pass

    def run_local(self, call: Call, caller: Context) -> None:
        pass


class NeedsMore(Unfinished):
    def __init__(self, ports: Ports, database: str, *, direct: bool = False) -> None:
        super().__init__(ports)


@pytest.mark.parametrize(
    ("agent", "scope", "said"),
    [
        (Unfinished, "AA+1c", "expected async methods submit, serve, cancel; missing: cancel"),
        (Unfinished, "I", "missing: run_local"),
        (Unfinished, "A+1q", "expected clear_queue(self), found clear_queue(self, everything: 'bool')"),
        (NeedsMore, "A", "expected a constructor (ports, *, direct)"),
    ],
)
def test_what_a_scope_needs_and_a_class_lacks_is_named(agent: Any, scope: str, said: str) -> None:
    """Only what the scope calls must be there."""
    with pytest.raises(UsageError) as error:
        World(Scope.parse(scope), agent)
    assert said in str(error.value)
    World(Scope.parse("AA"), Unfinished)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Bell:
    """A bell that rings once for everybody who waits."""

    rung: bool = False

    def ring(self) -> tuple[None, Bell]:
        return None, Bell(True)

    def hear(self) -> tuple[str, Bell] | None:
        return ("ding", self) if self.rung else None

    def crack(self) -> tuple[None, int]:
        return None, 1


class Rings(Unfinished):
    """Has a shared object of its own: its second prompt waits for the first."""

    own: ClassVar[dict[str, Any]] = {"bell": Bell()}
    cracks = False

    def __init__(self, ports: Ports, *, direct: bool = False, bell: Shared[Bell]) -> None:
        super().__init__(ports)
        self.bell = bell

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if self.cracks:
            await self.bell.do(Bell.crack)  # type: ignore[arg-type]
        if call.prompt == "p1":
            await self.bell.do(Bell.ring)
        else:
            assert await self.bell.wait(Bell.hear) == "ding"


@pytest.mark.parametrize(("scope", "states"), [("A", 3), ("AA", 7)])
def test_an_own_object_is_shared_and_can_be_waited_for(scope: str, states: int) -> None:
    """p2 starts, and hears after p1 rang: 3 × 3 states, without the one in which it has heard too early..."""
    explorer = Explorer(World(Scope.parse(scope), Rings), Judge((), conformance=False))  # type: ignore[arg-type]
    assert explorer.run().states == states


def test_a_step_that_returns_no_value_of_its_object_is_named() -> None:
    """A step is a pair of a result and the next value."""
    agent = type("Cracks", (Rings,), {"cracks": True})
    with pytest.raises(AgentFault, match="expected a pair of a result and the next Bell"):
        explore(agent, "A")


# where classes are found ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["-m", "everyturn"], ["-c", "from everyturn.cli import main; main()"]])
def test_a_class_in_the_current_directory_is_found(tmp_path: Path, command: list[str]) -> None:
    """However the command was started."""
    (tmp_path / "mine.py").write_text(
        "from everyturn_impl.revisions.hardened import Hardened\nclass Mine(Hardened): pass\n"
    )
    paths = [str(Path(each).resolve()) for each in sys.path if each and Path(each).name in ("model", "impl", "sim")]
    done = subprocess.run(
        [sys.executable, "-P", *command, "check", "--agent", "mine:Mine", "--scope", "A"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mine:Mine  A" in done.stdout


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("class Mine:\n    def f(:\n", ":2: ", "expected Python; found"),
        ("import nothing_of_that_name\n", ":1: ", "found ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("\n\nraise SystemExit(0)\n", ":3: ", "found SystemExit: 0"),
        ("x = 1\n1 / 0\n", ":2: ", "found ZeroDivisionError: division by zero"),
        ("x = 1\n", ": ", "expected a class Mine; found none of that name"),
    ],
)
def test_a_module_with_an_error_is_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str, said: str
) -> None:
    """Not ours: one line, with the file and the line in it, and what is wrong there."""
    name = f"broken_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError) as error:
        find_revision(f"{name}:Mine")
    assert str(error.value).startswith(f"agent '{name}:Mine': {tmp_path / name}.py{place}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_module_that_is_nowhere_is_told_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current directory, and the import path; what is missing is the package if there is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/somewhere/else"])
    with pytest.raises(UsageError) as error:
        find_revision("no_such_package.agents:Mine")
    assert "expected a module 'no_such_package' in the current directory" in str(error.value)
    assert f"found none in {tmp_path} (current), /somewhere/else" in str(error.value)


class Raises(Hardened):
    """Cannot be made."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        raise LookupError("no configuration")


def test_a_constructor_that_raises_is_the_users_mistake() -> None:
    """The line where it does."""
    with pytest.raises(UsageError) as error:
        World(Scope.parse("A"), Raises)
    expected = f"{line_of(Raises.__init__, 'raise')}: expected a constructor that raises nothing; found LookupError"
    assert expected in str(error.value)


# names ---------------------------------------------------------------------------------------------------------------


class OneName(Small):
    """Every turn has the same name, whoever's it is."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = Context(("w", "turn"), call.prompt)
        await self.ports.active.set(turn)
        await self.ports.store.create_assistant(turn, turn, 1)
        await self.ports.active.delete(turn)


@pytest.mark.parametrize("engine", ["levels", "plain"])
def test_turns_of_different_prompts_have_different_names(engine: str) -> None:
    """What is seen of a turn is known by its name: what was seen of one prompt must not be said of another."""
    with pytest.raises(AgentFault, match=r"turn 'turn' begins for p\d and was one of p\d: expected contexts"):
        check(OneName, "AA", invariants=["no-deadlock"], engine=engine)  # type: ignore[arg-type]
    assert check(OneName, "A", invariants=["one-turn"], engine=engine).cell.states  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["simpy", "tables"])
def test_turns_of_different_prompts_have_different_names_in_samples(engine: str) -> None:
    """A sample is no way around what the explorer refuses: neither a risk nor a violation is said of such turns."""
    with pytest.raises(AgentFault, match=r"turn 'turn' begins for p\d and was one of p\d: expected contexts"):
        fuzz(OneName, "AA", engine=engine, runs=10)  # type: ignore[arg-type]
    assert fuzz(OneName, "A", engine=engine, runs=10).cell.schedules == 10  # type: ignore[arg-type]


# samples -------------------------------------------------------------------------------------------------------------


class CountsRuns(OneName):
    """Counts what it has served in an attribute, from run to run."""

    served = 0

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        self.served += 1
        await self.ports.queue.get()


def test_samples_of_an_agent_with_a_memory_are_refused() -> None:
    """What one run leaves behind is there in the next: such runs bound no probability. The line is named."""
    place = re.escape(line_of(CountsRuns.serve, "threads.start"))
    with pytest.raises(HiddenState, match=f"{place}: agent.served is changed"):
        fuzz(CountsRuns, "AA", runs=10)  # type: ignore[arg-type]


class KeepsAList(OneName):
    """Tells nobody, and keeps a list across an await: it can be run, but no two of its states can be compared."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        seen = [call.prompt]
        await self.ports.queue.get()
        seen.append(call.prompt)


def test_what_cannot_be_explained_is_refuted_all_the_same() -> None:
    """The verdict and its token stand, with exit code 1; why there is no explanation is said."""
    result = CliRunner().invoke(
        main, ["fuzz", "--agent", f"{__name__}:KeepsAList", "--scope", "A", "--runs", "5", "--json"]
    )
    (cell,) = json.loads(result.stdout)["cells"]
    assert (result.exit_code, cell["invariants"]["no-hang"]["verdict"]) == (1, "refuted")
    assert "everyturn: the first violation cannot be explained: " in result.stderr
    assert "'seen' of KeepsAList.serve lives across an await and holds a list" in result.stderr

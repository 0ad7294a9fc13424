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
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.checking.countercheck.proofs import audited
from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.errors import AgentFault, HiddenState, UnsupportedLocal
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions.hardened import Hardened


def explore(agent: Any, scope: str = "AA") -> int:
    """Explore all there is, and audit; how much was compared."""
    explorer = Explorer(World(Scope.parse(scope), agent), Judge((), conformance=False))
    explorer.run()
    return audited(explorer).resumptions


def line_of(function: Callable[..., Any], text: str) -> str:
    """The place of the first line of ``function`` that contains ``text``."""
    lines, first = inspect.getsourcelines(function)
    return (
        f"{inspect.getsourcefile(function)}:{next(first + number for number, line in enumerate(lines) if text in line)}"
    )


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

"""Suspended coroutines as values: what counts, what does not, and what cannot be explored."""

from __future__ import annotations

import inspect
import types
from collections.abc import Generator
from typing import Any

import pytest
from tests.nightly import one_in, thinned

from everyturn.checking.audit import audit
from everyturn.checking.check import check
from everyturn.checking.countercheck.proofs import audited
from everyturn.engines.coroutines.snapshot import Identities
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.errors import AgentFault, ReplayError, UnsupportedLocal
from everyturn.identity.encoder import Encoder
from everyturn.identity.live_variables import live_names
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_impl.revisions.hardened import Hardened


@types.coroutine
def pause() -> Generator[None, Any, Any]:
    """Wait for a result."""
    result = yield
    return result


async def straight(first: int, second: int) -> int:
    third = first + 1
    await pause()
    return third + second


async def around(limit: int) -> int:
    total = 0
    count = 0
    while count < limit:
        total += await pause()
        count += 1
    return total


async def guarded(first: int, second: int) -> int:
    try:
        await pause()
    finally:
        print(first)
    return second


async def handled(first: int, second: int) -> int:
    try:
        await pause()
        second = 0
    except ValueError:
        return first
    return second


async def either(flag: bool, first: int, second: int) -> int:
    return first if await pause() else second


async def overwritten(first: int) -> int:
    first = await pause()
    return first  # noqa: RET504 - the assignment is what this is about


async def iterated(numbers: tuple[int, ...]) -> int:
    last = 0
    for number in numbers:
        last = number
        await pause()
    return last


async def caught(first: int, second: int) -> int:
    try:
        await pause()
    except ValueError:
        return first
    return second


async def broken(flag: int, first: int) -> int:
    while flag:
        await pause()
        if flag > 1:
            break
        first = 0
    return first


async def continued(flag: bool, first: int, second: int) -> int:
    while flag:
        await pause()
        if second:
            continue
        first = 0
    return first


async def placed(first: dict[int, int], second: int) -> None:
    first[second] = await pause()


async def added(first: int) -> int:
    return await pause() + first  # type: ignore[no-any-return]


async def formatted(first: int) -> str:
    return f"{await pause()} {first}"


async def seen_by_locals(first: int) -> object:
    await pause()
    return locals()


async def seen_by_vars(first: int) -> object:
    await pause()
    return vars()


async def seen_by_dir(first: int) -> object:
    await pause()
    return dir()


async def seen_by_eval(first: int) -> object:
    await pause()
    return eval("first")


async def seen_by_exec(first: int) -> None:
    await pause()
    exec("print(first)")


@pytest.mark.parametrize("function", [seen_by_locals, seen_by_vars, seen_by_dir, seen_by_eval, seen_by_exec])
def test_where_any_name_may_be_read_every_name_counts(function: Any) -> None:
    """Nobody can tell from the text which one is."""
    assert live_names(function.__code__) is None


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (caught, [{"first", "second"}]),
        (broken, [{"flag", "first"}]),
        (continued, [{"flag", "first", "second"}]),
        (placed, [{"first", "second"}]),
        (added, [{"first"}]),
        (formatted, [{"first"}]),
        (straight, [{"second", "third"}]),
        (around, [{"total", "count", "limit", "pause"}]),
        (guarded, [{"first", "second", "print"}]),
        (handled, [{"first", "ValueError"}]),
        (either, [{"first", "second", "pause"}]),
        (overwritten, [set()]),
        (iterated, [{"last", "number", "pause"}]),
    ],
)
def test_a_local_counts_if_it_may_be_read_later(function: Any, expected: list[set[str]]) -> None:
    """Live names at each await, as a reader of the source would say; a name too many costs states, one too few lies."""
    found = live_names(function.__code__)
    assert found is not None
    local = set(function.__code__.co_varnames)
    assert [set(names) & local for _, names in sorted(found.items())] == [
        names & local - ({"number"} if function is iterated else set()) for names in expected
    ]


def suspended(coroutine: Any, *results: Any) -> Any:
    """The coroutine, resumed with these results."""
    coroutine.send(None)
    for result in results:
        coroutine.send(result)
    return coroutine


def test_equal_histories_are_equal_and_dead_locals_do_not_count() -> None:
    """What was overwritten or will not be read again makes no difference."""
    of = Identities(Encoder()).of
    assert of(suspended(overwritten(1))) == of(suspended(overwritten(2)))
    assert of(suspended(straight(1, 2))) == of(suspended(straight(1, 2)))
    assert of(suspended(straight(1, 2))) != of(suspended(straight(2, 2)))


def test_true_is_not_one() -> None:
    """Values of different types are different."""
    of = Identities(Encoder()).of
    assert of(suspended(straight(1, True))) != of(suspended(straight(1, 1)))


def test_the_place_in_a_loop_counts() -> None:
    """An iterator on the value stack is part of the state although no variable names it."""
    of = Identities(Encoder()).of
    assert of(suspended(iterated((7, 7, 7)))) != of(suspended(iterated((7, 7, 7)), None))
    assert of(suspended(iterated((7, 7)), None)) == of(suspended(iterated((7, 7)), None))


async def twice() -> None:
    await pause()
    await pause()


async def again(number: int) -> int:
    while number < 9:
        await nested()
        number += 1
    return number


async def nested() -> None:
    await pause()


def test_the_instruction_counts() -> None:
    """Of two places that wait for the same with the same locals, one goes on to the other."""
    of = Identities(Encoder()).of
    assert of(suspended(twice())) != of(suspended(twice(), None))


def test_what_was_remembered_of_a_frame_is_of_the_same_wait_only() -> None:
    """A coroutine that comes back to its instruction with another local is somewhere else."""
    of = Identities(Encoder()).of
    coroutine = suspended(again(1))
    before = of(coroutine)
    coroutine.send(None)
    assert of(coroutine) == of(suspended(again(2)))
    assert of(coroutine) != before


class KeepsAList(Hardened):
    """Has a mutable local across an await."""

    async def empty_queue(self) -> tuple[Call, ...]:
        """Collect in a list."""
        seen: list[Call] = []
        queued = await self.ports.queue.get()
        seen.extend(queued)
        await self.ports.queue.delete()
        return tuple(seen)


def test_a_local_without_a_value_is_an_error_with_its_name_and_line() -> None:
    """The user is told what to change, and where."""
    with pytest.raises(UnsupportedLocal) as error:
        check(KeepsAList, "A+1c")
    line = inspect.getsourcelines(KeepsAList.empty_queue)[1] + 3
    assert "'seen'" in str(error.value)
    assert "list" in str(error.value)
    assert f"{__file__}:{line}" in str(error.value)


@thinned(6)
@pytest.mark.parametrize(
    ("revision", "granularity", "scope"),
    [
        *one_in(4, [name for name in REVISIONS if name not in LATER], ["access"], ["AA", "AA+1c", "Ai+1s", "AA+1f"]),
        *one_in(
            6,
            [name for name in REVISIONS if name not in LATER],
            ["await"],
            ["AA+1c", "Ai+1s", "AA+1q", "AA+1f", "AA+1r", "AA+1t+u"],
        ),
    ],
)
def test_merged_local_states_do_the_same(granularity: str, revision: str, scope: str) -> None:
    """Every local state that was reached by several histories goes on alike from each of them."""
    audited = audit(revision, scope, granularity=granularity)
    assert audited.complete
    assert audited.difference is None
    assert audited.histories > 0
    assert audited.compared > 0


class Forgetful(Hardened):
    """Keeps something outside of its frames, where no identity sees it."""

    turns = 0

    async def take_foldable(self, turn: Context) -> Call | None:
        """Behave differently at every second call in this process."""
        type(self).turns += 1
        if type(self).turns % 2:
            await self.ports.queue.get()
        return await super().take_foldable(turn)


def test_the_audit_notices_what_is_hidden_from_the_identity() -> None:
    """An agent with a hidden memory does not get away with it."""
    explorer = Explorer(World(Scope.parse("AA"), Forgetful), Judge(()))
    with pytest.raises((ReplayError, AgentFault)):
        explorer.run()
        audited(explorer)


def test_a_set_that_nobody_goes_through_is_known_by_its_members() -> None:
    """Not by the order in which they came, nor by its table; one that somebody may go through is."""
    one, other = frozenset([0, 8]), frozenset([8, 0])
    columns, own = Encoder(ordered=False), Encoder()
    assert columns.value((1, one)) == columns.value((1, other))
    assert own.value((1, one)) != own.value((1, other))

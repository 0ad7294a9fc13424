"""Tasks and futures in sets: every order that somebody sees, no order that nobody sees."""

from __future__ import annotations

import asyncio
import uuid
import weakref
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import pytest
from tests.nightly import thinned

from everyturn.asyncio.checking import fuzz
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import ScenarioSearch, outcomes, search
from everyturn.asyncio.states import state as states
from everyturn.errors import ReplayError


def noted(scenario: Any, found: ScenarioSearch, guide: DepthFirstGuide) -> set[tuple[Any, ...]]:
    with prepared(scenario):
        return {tuple(each.logged) for each in outcomes(scenario, found.setting, guide) if each.complete}


def behaviours(scenario: Any) -> set[tuple[Any, ...]]:
    """What runs note, with merging; it is what they note without."""
    found = search(scenario)
    assert found.complete, found.stopped
    whole = noted(scenario, found, DepthFirstGuide())
    assert noted(scenario, found, Merging()) == whole
    return whole


def futures(names: str) -> list[asyncio.Future[str]]:
    made = []
    for name in names:
        future = asyncio.get_running_loop().create_future()
        future.set_result(name)
        made.append(future)
    return made


async def called(world: Any) -> None:
    world.log(*(each.result() for each in set(futures("abc"))))


async def displayed(world: Any) -> None:
    a, b, c = futures("abc")
    world.log(*(each.result() for each in {a, b, c}))


async def comprehended(world: Any) -> None:
    world.log(*(each.result() for each in {each for each in futures("abc")}))  # noqa: C416


async def frozen(world: Any) -> None:
    world.log(*(each.result() for each in frozenset(futures("abc"))))


class Own(set[Any]):
    """A set of a program's own."""


async def of_ones_own(world: Any) -> None:
    world.log(*(each.result() for each in Own(futures("abc"))))


async def what_is_left_of_all_tasks(world: Any) -> None:
    """As programs do that cancel all others."""
    here = {asyncio.current_task()}
    others = [asyncio.create_task(asyncio.sleep(0), name=name) for name in "abc"]
    world.log(*(each.get_name() for each in asyncio.all_tasks() - here))
    await asyncio.gather(*others)


async def left_of_all_tasks_and_frozen(world: Any) -> None:
    others = [asyncio.create_task(asyncio.sleep(0), name=name) for name in "abc"]
    world.log(*(each.get_name() for each in frozenset(asyncio.all_tasks()) if each is not asyncio.current_task()))
    await asyncio.gather(*others)


async def frozen_later(world: Any) -> None:
    many = set(futures("abc"))
    world.log(*(each.result() for each in frozenset(many)))


async def keys_of_a_dictionary(world: Any) -> None:
    many = dict.fromkeys(futures("abc"))
    world.log(*(each.result() for each in frozenset(many)))


async def put_into_another_one(world: Any) -> None:
    """Which asks nobody for a hash."""
    many, kept = set(futures("ab")), {*futures("c")}
    kept.update(many)
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(*(each.result() for each in kept))


async def made_in_c(world: Any) -> None:
    first, *others = futures("abc")
    world.log(*(each.result() for each in {first}.union(others)))


@thinned(2)
@pytest.mark.parametrize(
    "scenario",
    [
        *(called, displayed, comprehended, frozen, made_in_c, of_ones_own, what_is_left_of_all_tasks),
        *(frozen_later, keys_of_a_dictionary, put_into_another_one),
    ],
)
def test_all_orders_of_three(scenario: Any) -> None:
    assert len(behaviours(scenario)) == 6


async def added_one_by_one_in_steps_of_their_own(world: Any) -> None:
    made = futures("abc")
    plain = {made[0]}
    for each in made:
        plain.add(each)
        await asyncio.sleep(0)
    world.log(*(each.result() for each in plain))


def test_what_is_added_in_steps_of_their_own_is_in_one_set_at_once() -> None:
    assert len(behaviours(added_one_by_one_in_steps_of_their_own)) == 6


async def taken_and_cleared_within_a_step(world: Any) -> None:
    a, b = futures("ab")
    held = {a}
    await asyncio.sleep(0)
    held.add(b)
    world.log(*(each.result() for each in held))
    held.clear()
    await asyncio.sleep(0)


async def taken_and_popped_within_a_step(world: Any) -> None:
    a, b = futures("ab")
    held = {a}
    await asyncio.sleep(0)
    held.add(b)
    world.log(*(each.result() for each in held))
    while held:
        held.pop()
    await asyncio.sleep(0)


async def seen_through_another_set(world: Any) -> None:
    a, b = futures("ab")
    hash(a), hash(b)
    await asyncio.sleep(0)
    world.log(*(each.result() for each in {a} | {b}))


@pytest.mark.parametrize(
    "scenario", [taken_and_cleared_within_a_step, taken_and_popped_within_a_step, seen_through_another_set]
)
def test_a_set_that_no_step_ends_with_has_every_order(scenario: Any) -> None:
    assert behaviours(scenario) == {("a", "b"), ("b", "a")} or behaviours(scenario) == {(("a", "b"),), (("b", "a"),)}


async def looked_at_twice(world: Any) -> None:
    made = futures("ab")
    one, other = set(made), set([made[1], made[0]])  # noqa: C405
    world.log([each.result() for each in one])
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log([each.result() for each in other])


def test_an_order_that_was_seen_is_seen_again() -> None:
    found = search(looked_at_twice)
    assert found.complete
    with prepared(looked_at_twice):
        seen = [each.logged for each in outcomes(looked_at_twice, found.setting) if each.complete]
    assert all(one == other for one, other in seen)
    assert {tuple(one) for one, _ in seen} == {("a", "b"), ("b", "a")}


async def an_order_that_matters_later(world: Any) -> None:
    made = futures("ab")
    together = set(made)
    len(list(together))
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(next(iter(together)).result())


def test_a_state_counts_which_orders_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = search(an_order_that_matters_later)
    assert len(noted(an_order_that_matters_later, found, Merging())) == 2
    known = found.states
    monkeypatch.setattr(states, "_known_orders", lambda encoder, world: [])
    assert search(an_order_that_matters_later).states < known


async def many_in_the_background(world: Any) -> None:
    held: set[asyncio.Task[None]] = set()
    for _ in range(20):
        task = asyncio.create_task(asyncio.sleep(0))
        held.add(task)
        task.add_done_callback(held.discard)
    while held:
        await asyncio.sleep(0)


def test_twenty_tasks_in_a_set_that_nobody_goes_through_have_no_order() -> None:
    found = search(many_in_the_background)
    assert found.complete
    assert found.runs == 1


async def popped(world: Any) -> None:
    together = set(futures("abc"))
    world.log(together.pop().result())


def test_any_member_may_be_popped() -> None:
    assert behaviours(popped) == {("a",), ("b",), ("c",)}


async def changed_while_gone_through(world: Any) -> None:
    together = set(futures("ab"))
    for _ in together:
        together.update(futures("c"))


def test_a_set_that_changes_size_while_it_is_gone_through_is_an_error() -> None:
    assert "Set changed size during iteration" in str(search(changed_while_gone_through).found["error"].findings)


async def six_at_once(world: Any) -> None:
    a, b, c, d, e, f = futures("abcdef")
    for _ in {a, b, c, d, e, f}:
        pass


def test_of_six_in_one_set_that_no_call_made_it_is_said_that_not_every_order_was_explored() -> None:
    found = search(six_at_once)
    assert not found.complete
    assert "6 tasks or futures hang together by sets" in str(found.stopped)


def test_the_stand_in_is_a_set() -> None:
    with prepared(called):
        together = set("ab")
        assert isinstance(together, set)
        assert isinstance({1}, set)
        assert type(together) == set  # noqa: E721 # as unmodified code may ask
        kinds: dict[type, str] = {set: "known"}
        assert kinds[type(together)] == "known"
    assert type(set()) is type({1})


def test_without_groups_nothing_is_decided() -> None:
    assert Setting().groups == ()


ROOMS = {"red", "green"}


async def tasks_are_keys_and_members(world: Any) -> None:
    """As anyio keeps what it knows of tasks, beside asyncio's sets of them."""
    names: dict[Any, str] = {}
    weakly: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()

    async def work(name: str) -> None:
        weakly[asyncio.current_task()] = names[asyncio.current_task()] = name
        await world.io(name)

    tasks = {asyncio.create_task(work(name)) for name in "ab"}
    done, _ = await asyncio.wait(tasks)
    await asyncio.gather(world.io("end"), world.io("late"))
    world.log(*(names[each] + weakly[each] for each in done))


def test_tasks_that_are_keys_and_members_keep_no_states_apart() -> None:
    assert behaviours(tasks_are_keys_and_members) == {(("aa", "bb"),), (("bb", "aa"),)}
    assert not search(tasks_are_keys_and_members).opaque


async def goes_through_texts(world: Any) -> None:
    await world.io("disk")
    world.log(*ROOMS)


async def keeps_texts_in_a_variable(world: Any) -> None:
    rooms = {"red", "green"}
    await asyncio.gather(world.io("disk"), world.io("net"))
    world.log(*rooms)


async def keeps_numbers(world: Any) -> None:
    rooms = {1, 2, "only"}
    await asyncio.gather(world.io("disk"), world.io("net"))
    world.log(*rooms)


async def goes_through_them_at_once(world: Any) -> None:
    world.log(*{name.upper() for name in ("red", "green")})


async def goes_through_what_stands_there(world: Any) -> None:
    for each in {"red", "green"}:  # noqa: PLC0208 # that is what it is about
        world.log(each)


async def goes_through_keys(world: Any) -> None:
    world.log(*({"red": 1}.keys() | {"green": 1}.keys()))


async def goes_by_a_hash(world: Any) -> None:
    world.log(hash("red") % 2)


async def looks_up_in_texts(world: Any) -> None:
    rooms = {name.upper() for name in ("red", "green")}
    world.log("RED" in rooms, "red" in {"red", "green"}, len(rooms), sorted(rooms))


@pytest.mark.parametrize("merge", [True, False])
def test_of_a_set_of_texts_one_order_is_trusted(merge: bool) -> None:
    """It is another one in each process."""
    at_once = (goes_through_them_at_once, goes_through_what_stands_there, goes_through_keys, goes_by_a_hash)
    gone_through = (goes_through_texts, keeps_texts_in_a_variable, *at_once)
    for scenario, said in (*((each, 1) for each in gone_through), (keeps_numbers, 0), (looks_up_in_texts, 0)):
        found = search(scenario, merge=merge)
        assert found.complete
        assert sum("PYTHONHASHSEED" in each for each in found.trusted) == said


@pytest.mark.parametrize(
    ("scenario", "said"), [(goes_through_texts, 1), (keeps_texts_in_a_variable, 1), (keeps_numbers, 0)]
)
def test_a_sample_trusts_the_same(scenario: Any, said: int) -> None:
    found = fuzz(scenario, runs=3, strategy="random-walk").found
    assert sum("PYTHONHASHSEED" in each for each in found.trusted) == said


async def first_come(world: Any) -> None:
    async def work(name: str) -> str:
        await world.io(name)
        return name

    names = [await each for each in asyncio.as_completed([work(name) for name in "abc"])]
    assert names == ["a", "b", "c"]


def test_coroutines_of_which_as_completed_makes_tasks_begin_in_the_order_in_which_they_were_given() -> None:
    """CPython goes by their addresses, so that the same choices led to another place in each run."""
    found = search(first_come)
    assert set(found.found) == {"error"}
    assert [each for each in found.trusted if "as_completed" in each]


async def looks_and_takes(world: Any) -> None:
    many = set(futures("abc"))
    first = next(iter(many))
    assert many.pop() is first
    world.log(first.result(), *(each.result() for each in many))


def test_what_is_taken_first_is_what_comes_first() -> None:
    assert len(behaviours(looks_and_takes)) == 6
    assert not search(looks_and_takes).found


class Listener:
    """Somebody who is told."""

    def told(self) -> None:
        """Nothing is done."""


ONE, OTHER = Listener(), Listener()


async def looks_and_takes_again(world: Any) -> None:
    """Behind the one that was taken comes what comes first then, as long as nothing is added."""
    many = set(futures("abc"))
    many.pop()
    first = next(iter(many))
    assert many.pop() is first


def test_so_it_is_of_the_second_one() -> None:
    found = search(looks_and_takes_again)
    assert found.complete
    assert not found.found


async def tuples(world: Any) -> None:
    world.log(*(each.result() for each, _ in {(future, 1) for future in futures("ab")}))


class Turn:
    """Is found by its task."""

    def __init__(self, future: Any) -> None:
        self.future = future

    def __hash__(self) -> int:
        return hash(self.future)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turn) and self.future is other.future


async def turns(world: Any) -> None:
    world.log(*(each.future.result() for each in {Turn(future) for future in futures("ab")}))


async def turns_in_a_set_that_is_called(world: Any) -> None:
    world.log(*(each.result() for each, _ in set([(future, 1) for future in futures("ab")])))  # noqa: C403


async def gone_at_once(world: Any) -> None:
    """A set that is not kept, and whose members were asked for their hashes by another one."""
    world.log(*(each.result() for each in {*set(futures("ab"))}))


async def keys_without_others(world: Any) -> None:
    many, others = dict.fromkeys(futures("abc")), set(futures("d"))
    world.log(*(each.result() for each in many.keys() - others))


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (tuples, "what is hashed by a task"),
        (turns, "what is hashed by a task"),
        (turns_in_a_set_that_is_called, "what is hashed by a task"),
        (gone_at_once, "if it is not kept"),
        (keys_without_others, "if it is not kept"),
    ],
)
def test_of_what_cannot_be_put_in_every_order_one_is_trusted(scenario: Any, said: str) -> None:
    found = search(scenario)
    assert found.complete
    assert [each for each in found.trusted if said in each]


@pytest.mark.parametrize("scenario", [called, frozen_later, many_in_the_background, what_is_left_of_all_tasks])
def test_where_every_order_is_explored_nothing_is_trusted(scenario: Any) -> None:
    assert not search(scenario).trusted


async def methods_at_once(world: Any) -> None:
    """They lie where they happen to: eight of them in the same order again would be a wonder."""
    a, b, c, d, e, f, g, h = (Listener() for _ in range(8))
    many = [a.told, b.told, c.told, d.told, e.told, f.told, g.told, h.told]
    world.log(*map(many.index, {a.told, b.told, c.told, d.told, e.told, f.told, g.told, h.told}))


def test_a_run_that_does_something_else_where_objects_lie_elsewhere_is_told() -> None:
    """Or it cannot be made again at all, if it did so by itself."""
    try:
        found = search(methods_at_once)
    except ReplayError as error:
        assert "where objects lie in memory" in str(error)
    else:
        assert [each for each in found.trusted if "elsewhere in memory" in each]


async def listeners(world: Any) -> None:
    here = {ONE.told, OTHER.told}
    await asyncio.gather(world.io("x"), world.io("y"))
    for each in here:
        each()


def test_of_a_set_of_methods_one_order_is_trusted() -> None:
    assert [each for each in search(listeners).trusted if "builtins.method" in each]


@dataclass(frozen=True)
class Topic:
    """A key, as programs have them."""

    name: str
    number: int = 0


@dataclass(frozen=True)
class Numbers:
    """One that is hashed without a text."""

    one: int
    other: uuid.UUID


def keeps(*members: Any) -> Any:
    async def scenario(world: Any) -> None:
        held = set(members)
        await asyncio.gather(world.io("x"), world.io("y"))
        await asyncio.gather(world.io("v"), world.io("w"))
        world.log(len(held))

    return scenario


A_DAY, OTHER_DAY = date(2024, 1, 1), date(2024, 1, 2)
VALUES = {
    "a dataclass": (keeps(Topic("a"), Topic("b")), True),
    "one of numbers": (keeps(Numbers(1, uuid.UUID(int=1)), Numbers(2, uuid.UUID(int=2))), False),
    "tuples": (keeps(("a", 1), ("b", 1)), True),
    "ids": (keeps(uuid.UUID(int=1), uuid.UUID(int=2)), False),
    "paths": (keeps(PurePath("a"), PurePath("b")), True),
    "days": (keeps(A_DAY, OTHER_DAY), True),
    "decimals": (keeps(Decimal(1), Decimal(2)), False),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_is_hashed_by_its_value_keeps_no_states_apart(name: str) -> None:
    """Where a text is a part of it, its order is another one in each process."""
    scenario, of_texts = VALUES[name]
    found = search(scenario)
    assert not found.opaque
    assert found.merged
    assert [each for each in found.trusted if "PYTHONHASHSEED" not in each] == []
    assert bool(found.trusted) == of_texts


@dataclass(frozen=True, eq=True)
class Holder:
    """It is hashed by a future."""

    future: Any


async def keeps_holders(world: Any) -> None:
    loop = asyncio.get_running_loop()
    held = {Holder(loop.create_future()), Holder(loop.create_future())}
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(len(held))


def test_what_is_hashed_by_a_future_in_it_is_not_known() -> None:
    assert search(keeps_holders).opaque

"""The table of operations is true: of each fact that is declared, either doing the operation shows it or the page says
it.

A wrong one can mean a wrong *proved*. So each fact is also turned into its opposite, one by one, and must then be found
to be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim.small_operations import VALUES, arguments, exchangeable, outcomes, rows, seen

from everyturn.world import objects
from everyturn.world.declarations import Concerns, Declaration, Noticed
from everyturn.world.objects import OPERATIONS
from everyturn.world.observer import shared_data
from everyturn.world.operations import OWN, WAIT, Operation
from everyturn.world.scope import EXTRAS, Scope
from everyturn_impl.calls import Context

PAGE: Final = " ".join(
    (Path(__file__).parents[2] / "docs" / "semantics.md").read_text(encoding="utf-8").replace("\n", " ").split()
)
NAMES: Final = sorted(known.name for known in OPERATIONS.values())
TABLE: Final = {known.name: known for known in OPERATIONS.values()}

DETACHED: Final = {"store.read_results", "store.finish_turn", "store.record_cancelled"}
"""Operations of the store that no cancellation reaches: they are given the contexts like the others, and need not be.
That orders more than must be, and leaves nothing out."""

Table = dict[str, Declaration]


# what doing it shows -----------------------------------------------------------------------------------------------


def wrong_effect(known: Declaration) -> list[str]:
    """The facts that are not what doing the operation on small values shows."""
    found = seen(known.name)
    parted = {name for name, column in objects.BY_NAME.items() if column.parts is not None}
    reads = set(known.reads) - parted - ({"contexts"} if known.name in DETACHED else set())
    facts = {
        "reads": reads == found.reads,
        "changes": set(known.changes) == found.changes,
        "spends": set(known.spends) == found.spends,
        "blocks": known.blocks == found.blocks,
        "may fail": known.may_fail == found.fails,
    }
    return [fact for fact, right in facts.items() if not right]


def wrong_locality(known: Declaration, table: Table) -> list[str]:
    """What others could notice of the operation, where it is taken to be one thread's own business.

    Where it is no scheduling point, it can be exchanged with whatever another thread does, unless both touch an entry
    that is watched while the code runs.
    """
    wrong = []
    for given in arguments(known.name, "p2"):
        if known.is_noticed(Scope.parse("A"), given):
            continue
        for other in table.values():
            wrong += [
                f"noticed by {other.name}"
                for also in arguments(other.name, "p1")
                if not exchangeable(other.name, also, known.name, given) and not _watched(known, given, other, also)
            ]
    return wrong


def _watched(one: Declaration, given: tuple[Any, ...], other: Declaration, also: tuple[Any, ...]) -> bool:
    if one.entries is None or other.entries is None or one.columns[:1] != other.columns[:1]:
        return False
    return bool(set(one.entries(given)) & set(other.entries(also)))


def wrong_commutes(known: Declaration) -> list[str]:
    """Two threads may make it at the same entry, in any order, if and only if it is said so."""
    if known.entries is None or not known.changes:
        return ["commutes"] if known.commutes else []
    alike = [
        exchangeable(known.name, given, known.name, also)
        for given in arguments(known.name, "p1")
        for also in arguments(known.name, "p2")
        if set(known.entries(given)) & set(known.entries(also))
    ]
    return [] if known.commutes == all(alike) else ["commutes"]


NOT_RECORDED: Final = ("titles.", "closing.", "threads.join_all")
"""What no world of recordings does: it has no new session and no shutdown."""
SPARED: Final = {"calls.accepted", "calls.returned", "model.ready"}
"""What concerns nobody, and is not said to: it is no step that a log is matched by, or is at once followed by one."""
CAUTIOUS: Final = {"store.flush_under"}
"""What is buffered is told by no line; so its being cancelled concerns nobody, and is said to."""


def concerned(name: str, given: tuple[Any, ...]) -> Concerns:
    """Whom an operation concerns in a world of recordings, by doing it before and after every other."""
    met = {
        other
        for other in NAMES
        for also in arguments(other, "p2")
        if not other.startswith(NOT_RECORDED)
        and not (other == "contexts.cancel" and also[0].prompt is None)  # a Cancel cancels turns and summaries
        and not exchangeable(name, given, other, also, recorded=True)
    }
    return Concerns.NOBODY if not met else Concerns.CANCELS if met == {"contexts.cancel"} else Concerns.OTHERS


def wrong_concerns(known: Declaration) -> list[str]:
    """It says of nobody that it is not concerned who is; and somebody is, of those whom it names."""
    order = list(Concerns)
    found = [(concerned(known.name, given), known.concerned(given)) for given in arguments(known.name, "p1")]
    if known.name.startswith(NOT_RECORDED) or known.name in SPARED or known.name == "contexts.cancel":
        return [] if all(said is Concerns.OTHERS for _, said in found) else ["concerns"]
    safe = all(order.index(said) >= order.index(shown) for shown, said in found)
    needed = {said for _, said in found} <= {shown for shown, _ in found}
    return [] if safe and (needed or (known.name in CAUTIOUS and known.concerns is Concerns.CANCELS)) else ["concerns"]


# what the page says ------------------------------------------------------------------------------------------------


def _between(begin: str, end: str) -> str:
    """The words of the page from ``begin`` on, up to ``end``."""
    assert begin in PAGE, begin
    rest = PAGE[PAGE.index(begin) :]
    assert end in rest, end
    return rest[: rest.index(end)]


def _extras(letters: str) -> set[str]:
    return {EXTRAS[letter][0] for letter in letters}


GIVES_WAY: Final = _between("With `await` only those are", "and the beginning of each thread's work")
LOCAL: Final = _between("An operation that only its own thread can notice", "This leaves out no behaviour")
LOOKS: Final = _between("its first operation, but for a successful look", "A `model.ready` that fails counts")


def waits_by_the_page(known: Declaration) -> bool | tuple[str, ...]:
    """When code on an event loop gives way at an operation, by the page."""
    condition = re.search(rf"`{known.name}` with `(\w)`", GIVES_WAY)
    if condition is not None:
        return tuple(_extras(condition[1]))
    return f"`{known.name}`" in GIVES_WAY or (known.object == "store" and "all store operations" in GIVES_WAY)


def noticed_by_the_page(known: Declaration) -> tuple[set[str], bool] | None:
    """The extras without which only its own thread notices an operation, and whether only a caller's; none: always
    noticed."""
    for which, without in re.findall(r"\| ([^|]+) \| ([^|]+) \|", LOCAL):
        if f"`{known.name}`" in which:
            return _extras("".join(re.findall(r"`(\w)`", without))), "caller that is no turn" in which
    return None


def wrong_by_the_page(known: Declaration) -> list[str]:
    """The facts that the page says otherwise."""
    said = noticed_by_the_page(known)
    noticed = None if known.noticed is None else (set(known.noticed.extras), known.noticed.given is not None)
    looks = f"`{known.name}`" in LOOKS
    waits = waits_by_the_page(known)
    facts = {"waits": known.waits == waits, "noticed": noticed == said, "begins": known.begins == (not looks)}
    return [fact for fact, right in facts.items() if not right]


def wrong(known: Declaration, table: Table) -> list[str]:
    """Everything that is wrong with what is declared of one operation, in a table of all."""
    return [
        *wrong_effect(known),
        *wrong_by_the_page(known),
        *wrong_commutes(known),
        *wrong_concerns(known),
        *(fault for each in table.values() if each.noticed is not None for fault in wrong_locality(each, table)),
    ]


@thinned(4)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_declared_of_an_operation_is_true(name: str) -> None:
    assert wrong(TABLE[name], TABLE) == []


# and what is false is found ----------------------------------------------------------------------------------------


def opposites(known: Declaration) -> Iterator[Declaration]:
    """The declaration with one fact turned into its opposite."""
    for location in known.reads:
        if location != "store" and not (known.name in DETACHED and location == "contexts"):
            yield replace(known, reads=tuple(each for each in known.reads if each != location))
            yield replace(known, changes=(*known.changes, location))
    for location in known.changes:
        yield replace(known, changes=tuple(each for each in known.changes if each != location))
        yield replace(
            known, changes=tuple(each for each in known.changes if each != location), reads=(*known.reads, location)
        )
    yield replace(known, reads=(*known.reads, "no such location"))
    for kind in known.spends:
        yield replace(known, spends=tuple(each for each in known.spends if each != kind))
    yield replace(known, spends=(*known.spends, "direct"))
    yield replace(known, blocks=not known.blocks)
    yield replace(known, waits=not known.waits)
    yield replace(known, begins=not known.begins)
    yield replace(known, commutes=not known.commutes)
    yield replace(known, noticed=Noticed(("direct",)) if known.noticed is None else None)
    for concerns in Concerns:
        said = {known.concerned(given) for given in arguments(known.name, "p1")}
        harmless = known.name in CAUTIOUS or (len(said) > 1 and concerns is Concerns.CANCELS)
        if said != {concerns} and (not harmless or concerns is Concerns.OTHERS):
            yield replace(known, concerns=concerns)
    if known.noticed is not None:
        for extra in known.noticed.extras:
            yield replace(known, noticed=known.noticed._replace(extras=tuple({*known.noticed.extras} - {extra})))
        if known.noticed.given is not None:
            yield replace(known, noticed=known.noticed._replace(given=None))
    if known.entries is not None:
        yield replace(known, entries=None)
        yield replace(known, entries=lambda arguments: [("another", *map(str, arguments))])


@thinned(4)
@pytest.mark.parametrize("name", NAMES)
def test_a_fact_turned_into_its_opposite_is_found(name: str) -> None:
    for mutant in opposites(TABLE[name]):
        assert wrong(mutant, TABLE | {name: mutant}), mutant


# columns -----------------------------------------------------------------------------------------------------------


def operations_of(column: str) -> list[tuple[str, tuple[Any, ...]]]:
    """The operations that are given a column, each with what a thread may give it."""
    return [(name, given) for name in NAMES if column in TABLE[name].columns for given in arguments(name, "p1")]


@pytest.mark.parametrize("column", [name for name in objects.COLUMNS if name != "own"])
def test_what_a_column_hands_out_is_declared(column: str) -> None:
    """A dispatcher's code gets the value itself as a result, and can tell apart all that differs in it."""
    handed = any(
        result is row[column]
        for name, given in operations_of(column)
        for row in rows(TABLE[name].columns, VALUES)
        if isinstance(row[column], tuple | frozenset | Context)
        for result, _ in outcomes(name, given, "p1", row) or ()
        if result
    )
    assert handed == objects.BY_NAME[column].handed_out


@pytest.mark.parametrize(
    "column", [name for name in objects.COLUMNS if name not in ("own", "budget", "store", "mutex")]
)
def test_a_column_by_entry_is_one_for_each_first_argument(column: str) -> None:
    """Operations with different first arguments can be exchanged, if and only if it is said so."""
    apart = [
        exchangeable(one, given, other, also)
        for one, given in operations_of(column)
        for other in NAMES
        for also in arguments(other, "p2")
        if TABLE[one].columns[0] == column in TABLE[other].columns and given and also and given[0] != also[0]
    ]
    assert (all(apart) and bool(apart)) == objects.BY_NAME[column].by_entry


@pytest.mark.parametrize("column", objects.COLUMNS)
def test_what_an_onlooker_sees_of_the_shared_data_is_declared(column: str) -> None:
    first = objects.initial(Scope.parse("A"))
    place = objects.COLUMNS.index(column)
    seen_values = {shared_data((*first[:place], value, *first[place + 1 :])) for value in VALUES.get(column, ())}
    assert (len(seen_values) > 1) == objects.BY_NAME[column].seen


def test_messages_that_are_there_from_the_start_stay() -> None:
    """Only in a new session, which has none, is that a location that changes; no other part of a column is fixed."""
    parts = {
        f"{name}.{part}": extras
        for name, column in objects.BY_NAME.items()
        for part, extras in (column.parts or {}).items()
    }
    assert parts == {"store.messages": ("new_session",), "store.buffered": ()}
    for name, given in operations_of("store"):
        for row in rows(TABLE[name].columns, VALUES):
            if row["store"].messages:
                assert all(after["store"].messages for _, after in outcomes(name, given, "p1", row) or ())


def test_every_location_is_a_column_or_a_part_of_one() -> None:
    known = {*objects.COLUMNS, "store.messages", "store.buffered"}
    for each in [*TABLE.values(), objects.own.STEP, objects.own.WAITING]:
        assert {*each.reads, *each.changes} <= known, each.name
        assert {*each.spends} <= {*objects.Budget._fields}, each.name


def test_an_object_of_a_dispatcher_blocks_and_waits_where_it_says_so() -> None:
    waiting, step = (objects.declared(Operation(f"{OWN}door", method)) for method in (f"{WAIT}enter", "enter"))
    assert (waiting.blocks, waiting.waits, waiting.changes) == (True, True, ("own",))
    assert (step.blocks, step.waits, step.changes) == (False, False, ("own",))


def test_what_may_be_shared_is_what_the_page_for_agents_says() -> None:
    """A class may declare these in its `shares`."""
    assert set(objects.SHARES) == {"hooks", "contexts", "closing", "threads"}

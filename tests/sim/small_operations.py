"""What operations do on small values, seen by doing it: whatever is declared of them is compared with this."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any, Final, NamedTuple

from everyturn.errors import AgentFault
from everyturn.world.objects import OPERATIONS, Accepting, Budget
from everyturn.world.objects.store import StoreState
from everyturn.world.results import fault_of
from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation, Stream

THREADS: Final = ("p1", "p2")
CALLERS: Final = {name: Context(("w", name)) for name in THREADS}
TURNS: Final = {name: CALLERS[name].turn(name) for name in THREADS}
CALLS: Final = {name: Call(name, name, f"r{name[1]}") for name in THREADS}
MESSAGE: Final = "m"

_SETS: Final[tuple[frozenset[str], ...]] = (frozenset(), frozenset({"p1"}), frozenset({"p2"}), frozenset(THREADS))
_COMPLETIONS: Final = {name: Completion(name, f"r{name[1]}") for name in THREADS}
_NONE: Final = Budget()
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "mutex": (None, *THREADS),
    "active": (None, *TURNS.values()),
    "queue": ((), (CALLS["p1"],), (CALLS["p2"],), tuple(CALLS.values())),
    "accepting": (
        *(Accepting(), Accepting(1, frozenset({1})), Accepting(2), Accepting(2, frozenset({1, 2}))),
        *(Accepting(2, frozenset({1}), mark) for mark in (0, 1, 2)),
        Accepting(2, frozenset(), 1),
    ),
    "contexts": (
        frozenset(),
        frozenset({("w",)}),
        frozenset({CALLERS["p1"].path}),
        frozenset({TURNS["p1"].path}),
        frozenset({TURNS["p2"].path}),
    ),
    "store": tuple(
        StoreState(messages, buffered)
        for messages in (True, False)
        for buffered in (frozenset(), *(frozenset({(TURNS[name].name, MESSAGE)}) for name in THREADS))
    ),
    "budget": (_NONE, Budget(*[1] * 7), *(_NONE._replace(**{name: 1}) for name in Budget._fields)),
    "titles": _SETS,
    "hooks": ((), (("h1", _COMPLETIONS["p1"]),), (("h1", _COMPLETIONS["p2"]), ("h2", _COMPLETIONS["p2"]))),
    "threads": _SETS,
    "closing": (False, True),
}
"""Values of each column."""


def arguments(name: str, thread: str) -> list[tuple[Any, ...]]:
    """What a thread may give an operation: a server thread and a title are named like their prompt."""
    caller, turn, call = CALLERS[thread], TURNS[thread], CALLS[thread]
    under = (caller, turn)
    match name:
        case "active.set" | "active.delete" | "active.delete_if" | "active.set_if_idle":
            return [(turn,)]
        case "queue.set":
            return [((),), ((call,),)]
        case "queue.compare_and_set":
            return [((), (call,)), ((CALLS["p1"],), ())]
        case "reservations.close":
            return [(Reservation(number), clears) for number in (1, 2) for clears in (True, False)]
        case "mark.set":
            return [(int(thread[1]),)]
        case "contexts.cancel":
            return [(each,) for each in (Context(("w",)), *CALLERS.values(), *TURNS.values())]
        case "contexts.done" | "store.flush_under":
            return [(each,) for each in under]
        case "store.finish_summary" | "store.save_session":
            return [(turn.summary(),)]
        case "store.read":
            return [(each, thread) for each in under]
        case "store.write_user":
            return [(None, thread, "record", None), (caller, thread, "turn", turn), (turn, thread, "fold", turn)]
        case "store.create_assistant":
            return [(turn, turn, 1), (None, turn, 1)]
        case "store.read_usage" | "store.save_usage":
            return [(each, turn, MESSAGE) for each in under]
        case "store.read_results" | "store.finish_step" | "store.finish_turn":
            return [(turn, MESSAGE)]
        case "store.create_summary":
            return [(turn.summary(), each) for each in (*under, None)]
        case "store.abandon_summary":
            return [(each, turn.summary(), True) for each in (*under, None)]
        case "model.start":
            return [(turn, thread, 1)]
        case "model.end":
            return [(Stream(turn, thread, 1),), (Stream(turn, thread, 1, cancelled=True),), (Stream(turn, None, 1),)]
        case "broker.publish":
            return [(_COMPLETIONS[thread], None)]
        case "broker.notify_error":
            return [(thread, Fault("store", thread), True)]
        case "hooks.keep":
            return [("h1", _COMPLETIONS[thread]), ("h2", _COMPLETIONS[thread])]
        case "hooks.take":
            return [("h1",), ("h2",)]
        case "mutex.lock" | "mutex.unlock" | "store.flush" | "threads.join_all":
            return [()]
    return [()] if name.endswith((".get", ".delete", ".count", ".look", "closing.set")) else [(thread,)]


Row = dict[str, Any]
Outcome = tuple[Any, Row]


def outcomes(name: str, given: tuple[Any, ...], thread: str, row: Row) -> list[Outcome] | None:
    """Every result of an operation with the row after it; none if it must not be done here."""
    known = OPERATIONS[known_as(name)]
    try:
        found = known.effect(tuple(row[column] for column in known.columns), given, thread)
    except AgentFault:
        return None
    return [(result, {**row, **dict(zip(known.columns, after, strict=True))}) for result, after in found]


def known_as(name: str) -> tuple[str, str]:
    """The key of an operation in the table."""
    obj, _, method = name.partition(".")
    return obj, method


def rows(columns: tuple[str, ...], values: dict[str, tuple[Any, ...]]) -> Iterator[Row]:
    """All rows of these columns."""
    for each in product(*(values[column] for column in columns)):
        yield dict(zip(columns, each, strict=True))


def located(row: Row) -> dict[str, Any]:
    """The row by locations: the store in its parts, the budget in its kinds."""
    flat: dict[str, Any] = {}
    for column, value in row.items():
        if column in ("store", "budget"):
            flat |= {f"{column}.{part}": content for part, content in value._asdict().items()}
        else:
            flat[column] = value
    return flat


class Seen(NamedTuple):
    """What was seen of an operation: locations that it depends on or changes, what it spends, whether it blocks, and
    fails."""

    reads: frozenset[str]
    changes: frozenset[str]
    spends: frozenset[str]
    blocks: bool
    fails: bool


@cache
def seen(name: str) -> Seen:
    """Do an operation on all small values."""
    reads: set[str] = set()
    changes: set[str] = set()
    blocks = fails = False
    for given in arguments(name, "p1"):
        made: dict[tuple[str, frozenset[Any]], Any] = {}
        for row in rows(OPERATIONS[known_as(name)].columns, VALUES):
            found = outcomes(name, given, "p1", row)
            if found is None:
                continue
            before = located(row)
            after = [(result, located(each)) for result, each in found]
            blocks |= not found
            fails |= any((fault := fault_of(result)) is not None and fault.kind != "cancelled" for result, _ in found)
            changes |= {place for _, each in after for place in each if each[place] != before[place]}
            for place in before:
                others = frozenset((other, value) for other, value in before.items() if other != place)
                came = {
                    (result, frozenset((other, value) for other, value in each.items() if other != place))
                    for result, each in after
                }
                if made.setdefault((place, others), came) != came:
                    reads.add(place)
    spent = {place.removeprefix("budget.") for place in reads | changes if place.startswith("budget.")}
    kept = {place for place in changes if not place.startswith("budget.")}
    looked = {place for place in reads if not place.startswith("budget.")} - kept
    return Seen(frozenset(looked), frozenset(kept), frozenset(spent), blocks, fails)


QUIET: Final = VALUES | {"budget": (_NONE,)}
"""The world does nothing unkind."""
RECORDED: Final = QUIET | {"store": (StoreState(),), "closing": (False,)}
"""As in recordings; what is buffered there is told by no line."""


@cache
def exchangeable(
    one: str, given: tuple[Any, ...], other: str, also: tuple[Any, ...], *, recorded: bool = False
) -> bool:
    """Whether two operations of different threads come to the same in either order, wherever both can be done."""
    columns = tuple(dict.fromkeys(OPERATIONS[known_as(one)].columns + OPERATIONS[known_as(other)].columns))
    return all(
        _both(one, given, "p1", other, also, "p2", row, recorded=recorded)
        == {
            (first, second, end)
            for second, first, end in _both(other, also, "p2", one, given, "p1", row, recorded=recorded)
        }
        for row in rows(columns, RECORDED if recorded else QUIET)
        if not recorded or (outcomes(one, given, "p1", row) and outcomes(other, also, "p2", row))
    )


def _both(
    one: str,
    given: tuple[Any, ...],
    thread: str,
    other: str,
    also: tuple[Any, ...],
    second: str,
    row: Row,
    *,
    recorded: bool,
) -> set[tuple[Any, Any, Any]]:
    """The results of both in this order, and the row in the end."""
    ended: set[tuple[Any, Any, Any]] = set()
    for first_result, between in outcomes(one, given, thread, row) or ():
        following = outcomes(other, also, second, between)
        if following == [] and outcomes(other, also, second, row):
            ended.add((first_result, "is blocked", "by the first"))
        for second_result, after in following or ():
            end = located(after)
            if recorded:
                end.pop("store.buffered", None)
            ended.add((first_result, second_result, frozenset(end.items())))
    return ended

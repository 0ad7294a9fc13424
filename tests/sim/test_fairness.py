"""Liveness under fairness, from both sides: small programs whose answer is known, and all small programs there are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everyturn.engines.coroutines.programs import ProgramStep
from everyturn.engines.fairness import fairness as fair_cycles
from everyturn.engines.fairness.fairness import Fairness, Lasso, WaitKind, find

Ways = Iterable[Any]
"""The states that a thread's next step can lead to: none, it is blocked; several, the world chooses."""


@dataclass(frozen=True)
class Small:
    """A small program: its first state, for each thread what its next step leads to, and who waits."""

    first: Any
    threads: dict[str, Callable[[Any], Ways]]
    waits: Callable[[Any], Collection[str]]
    one_choice: bool = False
    """Whether all choices of a thread are one and the same; else each state has its own."""

    def initial(self) -> Any:
        return self.first

    def moves(self, state: Any) -> Iterator[ProgramStep]:
        for thread, step in self.threads.items():
            for outcome, target in enumerate(step(state)):
                yield ProgramStep(thread, target, thread if self.one_choice else (thread, state), outcome)

    def waiting(self, state: Any) -> Collection[str]:
        return self.waits(state)

    def told(self, state: Any, move: int) -> str:
        return f"{list(self.moves(state))[move].thread} from {state}"


def put(state: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    """The state with one part replaced."""
    return (*state[:place], value, *state[place + 1 :])


def trying(state: tuple[Any, ...]) -> list[str]:
    """Threads that stand at "try": (place of thread 0, place of thread 1, ...)."""
    return [f"t{number}" for number in (0, 1) if state[number] == "try"]


def peterson(me: int) -> Callable[[Any], Ways]:
    """Peterson's lock, round after round: states are (places, flags, turn)."""
    other = 1 - me

    def step(state: Any) -> Ways:
        places, flags, turn = state
        match places[me]:
            case "rest":
                return [(put(places, me, "flag"), put(flags, me, True), turn)]
            case "flag":
                return [(put(places, me, "try"), flags, other)]
            case "try" if not flags[other] or turn == me:
                return [(put(places, me, "in"), flags, turn)]
            case "try":
                return [state]  # it spins
            case _:
                return [(put(places, me, "rest"), put(flags, me, False), turn)]

    return step


PETERSON = Small(
    (("rest", "rest"), (False, False), 0), {f"t{me}": peterson(me) for me in (0, 1)}, lambda state: trying(state[0])
)


def taker(me: int, *, spins: bool) -> Callable[[Any], Ways]:
    """A lock that whoever comes takes: (place, place, is it held?)."""

    def step(state: Any) -> Ways:
        match state[me], state[2]:
            case "rest", _:
                return [put(state, me, "try")]
            case "try", False:
                return [put(put(state, me, "in"), 2, True)]
            case "try", True:
                return [state] if spins else []
            case _:
                return [put(put(state, me, "rest"), 2, False)]

    return step


SPIN_LOCK = Small(("rest", "rest", False), {f"t{me}": taker(me, spins=True) for me in (0, 1)}, trying)
SEMAPHORE = Small(("rest", "rest", False), {f"t{me}": taker(me, spins=False) for me in (0, 1)}, trying)


def diner(me: int, first: int, second: int, *, meals: int) -> Callable[[Any], Ways]:
    """A diner takes two forks, one after the other, and eats: states are (forks held, forks, meals left), by diner."""

    def step(state: Any) -> Ways:
        held, forks, left = state
        if left[me] == 0:
            return []
        if held[me] == 2:
            eaten = left if meals < 0 else put(left, me, left[me] - 1)
            return [(put(held, me, 0), put(put(forks, first, None), second, None), eaten)]
        fork = second if held[me] else first
        return [] if forks[fork] is not None else [(put(held, me, held[me] + 1), put(forks, fork, me), left)]

    return step


def dining(orders: tuple[tuple[int, int], tuple[int, int]], meals: int) -> Small:
    """Two diners who take the forks in these orders; each waits for his next meal."""
    return Small(
        ((0, 0), (None, None), (meals, meals)),
        {f"t{me}": diner(me, *order, meals=meals) for me, order in enumerate(orders)},
        lambda state: [f"t{me}" for me in (0, 1) if state[2][me] and state[0][me] < 2],
    )


def polite(me: int) -> Callable[[Any], Ways]:
    """Raise the flag; if the other's is up, lower it and begin anew: (place, place)."""

    def step(state: Any) -> Ways:
        match state[me]:
            case "down":
                return [put(state, me, "up")]
            case "up" if state[1 - me] in ("up", "back"):
                return [put(state, me, "back")]
            case "up":
                return [put(state, me, "done")]
            case "back":
                return [put(state, me, "down")]
            case _:
                return []

    return step


POLITE = Small(
    ("down", "down"),
    {f"t{me}": polite(me) for me in (0, 1)},
    lambda state: [f"t{me}" for me in (0, 1) if state[me] != "done"],
)


def both_wait(*, spins: bool) -> Small:
    """Both raise their flag and wait until the other's is down."""

    def thread(me: int) -> Callable[[Any], Ways]:
        def step(state: Any) -> Ways:
            if state[me] == "down":
                return [put(state, me, "up")]
            if state[me] == "up" and state[1 - me] == "up":
                return [state] if spins else []
            return [put(state, me, "done")] if state[me] == "up" else []

        return step

    return Small(
        ("down", "down"),
        {f"t{me}": thread(me) for me in (0, 1)},
        lambda state: [f"t{me}" for me in (0, 1) if state[me] == "up"],
    )


def stream(*outcomes: str) -> Small:
    """A turn whose stream ends as the world chooses; whatever is not "finished" leads to another round."""
    return Small(
        "streaming",
        {"t0": lambda state: outcomes if state == "streaming" else ["streaming"] if state != "finished" else []},
        lambda state: ["waiter"] if state != "finished" else [],
    )


IDLE_LOOP = Small(
    (0, False),
    {"t0": lambda state: [(1 - state[0], state[1])], "t1": lambda state: [] if state[1] else [(state[0], True)]},
    lambda state: [] if state[1] else ["waiter"],
)
SELF_LOOP = Small(
    False,
    {"t0": lambda state: [state], "t1": lambda state: [] if state else [True]},
    lambda state: [] if state else ["waiter"],
)
FLICKERING = Small(
    (0, False),
    {
        "t0": lambda state: [(1 - state[0], state[1])],
        "t1": lambda state: [(state[0], True)] if state[0] and not state[1] else [],
    },
    lambda state: [] if state[1] else ["waiter"],
)

DETOUR = Small(
    0,
    {
        "t0": lambda state: {0: [1, 2], 1: [0], 2: [0]}.get(state, []),
        "t1": lambda state: ["done"] if state == 2 else [],
    },
    lambda state: [] if state == "done" else ["waiter"],
)
"""Thread 1 can end it at 2 only, and nobody has to go there."""


@pytest.mark.parametrize(
    ("program", "fairness", "expected"),
    [
        pytest.param(PETERSON, "weak", {}, id="peterson-lets-everybody-in"),
        pytest.param(PETERSON, "none", {WaitKind.LIVELOCK}, id="peterson-needs-fairness"),
        pytest.param(SPIN_LOCK, "weak", {WaitKind.LIVELOCK}, id="a-spin-lock-starves"),
        pytest.param(SPIN_LOCK, "strong", {WaitKind.LIVELOCK}, id="a-spinning-thread-moves-all-the-time"),
        pytest.param(SEMAPHORE, "weak", {WaitKind.LIVELOCK}, id="a-semaphore-starves-who-is-not-always-enabled"),
        pytest.param(SEMAPHORE, "strong", {}, id="a-semaphore-is-strongly-fair-only"),
        pytest.param(FLICKERING, "weak", {WaitKind.LIVELOCK}, id="enabled-again-and-again-is-not-always"),
        pytest.param(FLICKERING, "strong", {}, id="strong-fairness-lets-it-through"),
        pytest.param(DETOUR, "strong", {WaitKind.ENDLESS}, id="a-strongly-fair-run-may-stay-away"),
        pytest.param(IDLE_LOOP, "weak", {}, id="an-idle-loop-keeps-nobody"),
        pytest.param(IDLE_LOOP, "none", {WaitKind.LIVELOCK}, id="an-unfair-schedule-runs-only-the-loop"),
        pytest.param(SELF_LOOP, "weak", {}, id="a-self-loop-is-unfair"),
        pytest.param(dining(((0, 1), (1, 0)), 2), "weak", {WaitKind.HANG}, id="diners-left-and-right-block-each-other"),
        pytest.param(dining(((0, 1), (0, 1)), 2), "weak", {}, id="diners-in-order-eat"),
        pytest.param(dining(((0, 1), (0, 1)), -1), "weak", {WaitKind.LIVELOCK}, id="endless-diners-starve-each-other"),
        pytest.param(dining(((0, 1), (0, 1)), -1), "strong", {}, id="strongly-fair-diners-eat-for-ever"),
        pytest.param(POLITE, "weak", {WaitKind.LIVELOCK}, id="after-you-no-after-you"),
        pytest.param(POLITE, "strong", {WaitKind.LIVELOCK}, id="politeness-is-fair"),
        pytest.param(both_wait(spins=False), "weak", {WaitKind.HANG}, id="both-wait-at-rest"),
        pytest.param(both_wait(spins=True), "weak", {WaitKind.LIVELOCK}, id="both-wait-spinning"),
        pytest.param(stream("finished"), "weak", {}, id="a-stream-finishes"),
        pytest.param(stream("finished", "tool"), "weak", {WaitKind.ENDLESS}, id="tools-as-long-as-the-model-asks"),
        pytest.param(stream("tool", "refused"), "weak", {WaitKind.LIVELOCK}, id="no-choice-helps"),
    ],
)
def test_known_programs(program: Small, fairness: Fairness, expected: Collection[WaitKind]) -> None:
    """What is known of a small program is found, with a run that shows it, and nothing else is."""
    found = find(program, fairness=fairness)
    assert {lasso.kind for lasso in found.lassos} == set(expected)
    for lasso in found.lassos:
        assert_shows(program, lasso, fairness)


def assert_shows(program: Small, lasso: Lasso, fairness: Fairness) -> None:
    """The lasso is a run of the program; its cycle closes, is fair, and somebody waits in all of it."""
    at = program.initial()
    for step in (*lasso.stem, *lasso.cycle):
        assert step.state == at
        assert step.move in list(program.moves(at))
        at = step.move.target
    turn = lasso.cycle[0].state if lasso.cycle else at
    assert turn == at
    if lasso.kind is WaitKind.HANG:
        assert not list(program.moves(at))
        assert lasso.who in program.waiting(at)
        return
    assert all(lasso.who in program.waiting(step.state) for step in lasso.cycle)
    edges = [(step.state, step.move) for step in lasso.cycle]
    assert is_fair(program, edges, fairness, choices=lasso.kind is WaitKind.LIVELOCK)


def is_fair(program: Small, edges: list[tuple[Any, ProgramStep]], fairness: Fairness, *, choices: bool) -> bool:
    """Whether a run that takes exactly these moves again and again is fair, word for word as the page says."""
    moved = {move.thread for _, move in edges}
    enabled = [{move.thread for move in program.moves(state)} for state, _ in edges]
    if fairness == "weak" and set.intersection(*enabled) - moved:
        return False
    if fairness == "strong" and set.union(*enabled) - moved:
        return False
    taken = {(move.choice, move.outcome) for _, move in edges}
    made = {(state, move.choice) for state, move in edges}
    possible = {(m.choice, m.outcome) for state, choice in made for m in program.moves(state) if m.choice == choice}
    return not choices or possible <= taken


# all small programs -----------------------------------------------------------------------------------------------

Arrow = tuple[int, int, int]
"""From, thread, to."""


@st.composite
def small_programs(draw: st.DrawFn) -> Small:
    """Up to four states and eight moves of two threads; who waits in which state."""
    states = st.integers(0, 3)
    arrows: list[Arrow] = draw(st.lists(st.tuples(states, st.integers(0, 1), states), max_size=8, unique=True))
    waiting = draw(st.sets(states, min_size=1))

    def thread(number: int) -> Callable[[Any], Ways]:
        return lambda state: [to for at, who, to in arrows if (at, who) == (state, number)]

    threads = {f"t{number}": thread(number) for number in (0, 1)}
    return Small(0, threads, lambda state: ["waiter"] if state in waiting else [], draw(st.booleans()))


def by_definition(program: Small, fairness: Fairness) -> set[WaitKind]:
    """The same answer by trying every set of moves that a run may take again and again."""
    reached, open_ = {program.initial()}, [program.initial()]
    while open_:
        new = {move.target for move in program.moves(open_.pop())} - reached
        reached |= new
        open_ += new
    waiting = {state for state in reached if program.waiting(state)}
    kinds = {WaitKind.HANG} if any(not list(program.moves(state)) for state in waiting) else set()
    edges = [(state, move) for state in waiting for move in program.moves(state) if move.target in waiting]
    for kind in (WaitKind.LIVELOCK, WaitKind.ENDLESS):
        for size in range(1, len(edges) + 1):
            for some in combinations(edges, size):
                graph = networkx.MultiDiGraph((state, move.target) for state, move in some)
                fair = is_fair(program, list(some), fairness, choices=kind is WaitKind.LIVELOCK)
                if fair and networkx.is_strongly_connected(graph):
                    return kinds | {kind}
    return kinds


@settings(max_examples=150, deadline=None, derandomize=True)
@given(small_programs(), st.sampled_from(["none", "weak", "strong"]))
def test_small_programs_by_definition(program: Small, fairness: Fairness) -> None:
    """Components and refinement find the same as trying every set of moves, and what they show is a fair run."""
    found = find(program, fairness=fairness)
    assert by_definition(program, fairness) == {lasso.kind for lasso in found.lassos}
    for lasso in found.lassos:
        assert_shows(program, lasso, fairness)


@pytest.mark.parametrize("fairness", ["none", "weak", "strong"])
@pytest.mark.parametrize("program", [PETERSON, SPIN_LOCK, SEMAPHORE, FLICKERING, POLITE, IDLE_LOOP, SELF_LOOP, DETOUR])
def test_a_cycle_that_is_not_a_shortest_one_is_fair_too(
    program: Small, fairness: Fairness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are too many ways to look at, it is put together step by step: the same is found, and each cycle
    shows it."""
    shortest = find(program, fairness=fairness)
    monkeypatch.setattr(fair_cycles, "EXACT", 0)
    found = find(program, fairness=fairness)
    assert [(each.kind, each.who) for each in found.lassos] == [(each.kind, each.who) for each in shortest.lassos]
    for lasso, other in zip(found.lassos, shortest.lassos, strict=True):
        assert lasso.stem == other.stem
        assert len(lasso.cycle) >= len(other.cycle)
        assert_shows(program, lasso, fairness)
        assert lasso.cycle or lasso.kind is WaitKind.HANG


def test_a_limit_ends_without_an_answer() -> None:
    """Too few states: nothing is claimed."""
    found = find(PETERSON, max_states=3)
    assert (found.complete, found.lassos) == (False, [])

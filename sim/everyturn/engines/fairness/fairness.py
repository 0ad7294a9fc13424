"""Fair cycles: can a program, fairly scheduled, leave somebody waiting for ever?

A program is anything with an initial state and moves; who waits in a state is its own business
(:class:`~everyturn.engines.coroutines.programs.Program`). Somebody waits for ever in one of three ways, which
:class:`WaitKind` names: at rest, or on a cycle that a fair schedule can go round for ever, of which there are those
that the world's choices allow and those that no choice gets out of.

*Threads.* A schedule is weakly fair (just) if no thread is enabled from some point on and never moves again; strongly
fair (compassionate) if no thread is enabled again and again and never moves again (Lamport 1980; Manna and Pnueli
1992). A strongly connected part of the waiting states holds a weakly fair cycle if each thread moves within it or is
somewhere in it disabled; no smaller part of it could do better, so that maximal parts decide.

*Choices.* An operation that has several outcomes in one state is a choice of the world (a stream ends, or asks for
tools). Choices are fair if one that is made again and again where an outcome is possible has that outcome again and
again. This is a Streett condition: whoever breaks it in a part may not be made in it, which leaves smaller parts
(Emerson and Lei 1987; Lichtenstein and Pnueli 1985).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, Final, Literal, NamedTuple

from everyturn.engines.coroutines.components import components
from everyturn.engines.coroutines.exploration import ExplorationProgress
from everyturn.engines.coroutines.programs import Graph, Program, ProgramStep
from everyturn.errors import EndlessRun
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime

Fairness = Literal["none", "weak", "strong"]

MAX_STATES: Final = 2_000_000
EXACT: Final = 1_000_000
"""Up to this many (state, what is still owed) pairs a cycle is a shortest one; beyond, it is put together greedily."""


class WaitKind(StrEnum):
    """How somebody comes to wait for ever; see the sentences in :data:`SENTENCES`."""

    HANG = "hang"
    LIVELOCK = "livelock"
    ENDLESS = "endless"


SENTENCES: Final = {
    WaitKind.HANG: "nothing can move any more, and {who} still waits",
    WaitKind.LIVELOCK: "fairly scheduled threads can go round for ever, whatever the world chooses, and {who} waits",
    WaitKind.ENDLESS: "{who} waits for as long as the world keeps making the same choices; fair choices would end it",
}


class LassoStep(NamedTuple):
    """One step of a counterexample: from which state, which move, and what that is in words."""

    state: Any
    move: ProgramStep
    told: str


@dataclass(frozen=True, slots=True)
class Lasso:
    """A counterexample: ``stem`` happens once, and then ``cycle`` for ever (a hang has none)."""

    kind: WaitKind
    who: str
    stem: tuple[LassoStep, ...]
    cycle: tuple[LassoStep, ...]

    @property
    def sentence(self) -> str:
        """What is wrong."""
        return SENTENCES[self.kind].format(who=self.who)

    def lines(self) -> Iterator[str]:
        """The run as people read it."""
        width = len(str(len(self.stem) + len(self.cycle)))
        yield from (f"{number:{width}}  {step.told}" for number, step in enumerate(self.stem))
        if self.cycle:
            yield f"{'':{width}}  ┌ for ever:"
            yield from (f"{number:{width}}  │ {step.told}" for number, step in enumerate(self.cycle, len(self.stem)))
            yield f"{'':{width}}  └"
        else:
            yield f"{'':{width}}  at rest"


@dataclass(slots=True)
class Liveness:
    """What was found. ``complete``: every reachable state was looked at, so that what was not found is not there; else
    ``stopped`` says why not; ``graph`` has them."""

    lassos: list[Lasso] = field(default_factory=list)
    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    complete: bool = False
    interrupted: bool = False
    graph: Graph | None = field(default=None, repr=False)
    stopped: str | None = None

    def of(self, kind: WaitKind) -> list[Lasso]:
        """The counterexamples of one kind."""
        return [lasso for lasso in self.lassos if lasso.kind is kind]


def find(
    program: Program,
    *,
    fairness: Fairness = "weak",
    max_states: int = MAX_STATES,
    max_seconds: float | None = None,
    progress: ExplorationProgress | None = None,
) -> Liveness:
    """For each who may wait for ever: a hang, if there is one, and a livelock, else a cycle that choices could leave.

    Stems are shortest ways to the rest or the part; a cycle is a shortest fair one from there (see :data:`EXACT`).
    """
    start = time.monotonic()
    graph = Graph(program)
    found = Liveness(graph=graph)
    try:
        with overrun.watching(max_seconds):
            found.complete = graph.explore(max_states, progress, start)
            if found.complete:
                found.lassos = list(_lassos(graph, fairness))
            else:
                found.stopped = f"{max_states:,} states"
    except KeyboardInterrupt:
        found.interrupted, found.complete = True, False
    except (OutOfTime, EndlessRun) as error:
        found.stopped, found.complete = str(error), False
    found.states, found.transitions = len(graph.states), sum(map(len, graph.moves))
    found.depth = len(graph.path(len(graph.states) - 1))
    found.seconds = time.monotonic() - start
    return found


# what is found --------------------------------------------------------------------------------------------------


def _lassos(graph: Graph, fairness: Fairness) -> Iterator[Lasso]:
    waiting: dict[str, list[int]] = {}
    for number, state in enumerate(graph.states):
        for who in graph.program.waiting(state):
            waiting.setdefault(who, []).append(number)
    cyclic = _on_cycles(graph)
    for who, numbers in sorted(waiting.items()):
        rest = next((number for number in numbers if not graph.moves[number]), None)
        if rest is not None:
            yield _lasso(graph, WaitKind.HANG, who, rest, [])
        inside = cyclic.intersection(numbers)
        if not inside:
            continue
        for kind in (WaitKind.LIVELOCK, WaitKind.ENDLESS):
            part = min(_fair_parts(graph, inside, fairness, kind), key=lambda part: min(part.states), default=None)
            if part is not None:
                entry = min(part.states)
                yield _lasso(graph, kind, who, entry, _cycle(graph, part, entry, fairness, kind))
                break


def _on_cycles(graph: Graph) -> set[int]:
    """The states that some run can come back to."""
    everything = range(len(graph.states))
    cyclic: set[int] = set()
    for part in components(everything, lambda number: [move.target for move in graph.moves[number]]):
        if len(part) > 1 or any(move.target == part[0] for move in graph.moves[part[0]]):
            cyclic.update(part)
    return cyclic


# fair parts -------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A strongly connected part that a fair run can stay in; ``banned`` are choices that it may not make, by state."""

    states: frozenset[int]
    banned: frozenset[tuple[int, Hashable]]


def _within(graph: Graph, part: _Part, number: int) -> Iterator[tuple[int, ProgramStep]]:
    """The moves that stay in the part, with their numbers."""
    for index, move in enumerate(graph.moves[number]):
        if move.target in part.states and (number, move.choice) not in part.banned:
            yield index, move


def _targets(graph: Graph, part: _Part, number: int) -> list[int]:
    return [move.target for _, move in _within(graph, part, number)]


def _fair_parts(graph: Graph, inside: Collection[int], fairness: Fairness, kind: WaitKind) -> Iterator[_Part]:
    """The largest parts that a fair run can stay in; for a livelock choices are fair, too."""
    open_ = [_Part(frozenset(inside), frozenset())]
    while open_:
        area = open_.pop()
        for states in components(sorted(area.states), partial(_targets, graph, area)):
            part = _Part(frozenset(states), area.banned)
            if not any(True for number in states for _ in _within(graph, part, number)):
                continue
            unfair = _unfair_choices(graph, part) if kind is WaitKind.LIVELOCK else frozenset()
            if unfair:
                open_.append(_Part(part.states, part.banned | unfair))
                continue
            starved = _starved(graph, part)
            if fairness == "strong" and starved:
                calm = frozenset(n for n in states if not starved & graph.enabled(n))
                open_.append(_Part(calm, part.banned))
            elif fairness != "weak" or not any(all(t in graph.enabled(n) for n in states) for t in starved):
                yield part


def _starved(graph: Graph, part: _Part) -> set[Hashable]:
    """The threads that can move somewhere in a part, but never do so within it."""
    enabled = {thread for number in part.states for thread in graph.enabled(number)}
    return enabled - {move.thread for number in part.states for _, move in _within(graph, part, number)}


def _unfair_choices(graph: Graph, part: _Part) -> frozenset[tuple[int, Hashable]]:
    """Choices made within a part where an outcome is possible that never comes within it, by state."""
    made = {(number, move.choice) for number in part.states for _, move in _within(graph, part, number)}
    taken = {(move.choice, move.outcome) for number in part.states for _, move in _within(graph, part, number)}
    return frozenset(
        (number, move.choice)
        for number in part.states
        for move in graph.moves[number]
        if move.choice is not None and (number, move.choice) in made and (move.choice, move.outcome) not in taken
    )


_Place = tuple[int, int]
"""A state, and what a cycle has paid so far of what it owes, bit by bit."""

# cycles -----------------------------------------------------------------------------------------------------------


def _cycle(graph: Graph, part: _Part, entry: int, fairness: Fairness, kind: WaitKind) -> list[tuple[int, int]]:
    """A fair way round from ``entry``, as (state, move): a shortest one, if there are not too many ways to look at."""
    owed = _Owed(graph, part, fairness, kind)
    if len(part.states) << owed.number <= EXACT:
        return _round(graph, part, (entry, 0), lambda at: at == (entry, owed.all), owed.pay)
    way: list[tuple[int, int]] = []
    at, paid = entry, 0
    while paid != owed.all:
        more = _round(graph, part, (at, paid), partial(_pays, paid), owed.pay)
        for number, index in more:
            at, paid = owed.pay(number, paid, index)
        way += more
    if way and at == entry:
        return way
    return way + _round(graph, part, (at, 0), lambda then: then[0] == entry, owed.pay)


def _pays(before: int, then: _Place) -> bool:
    return then[1] != before


class _Owed:
    """What a cycle must contain to be fair, bit by bit: a move of each thread or a state where it is disabled (strongly
    fair: a move of each that moves at all), and for fair choices each outcome."""

    def __init__(self, graph: Graph, part: _Part, fairness: Fairness, kind: WaitKind) -> None:
        self.graph = graph
        moves = [move for number in sorted(part.states) for _, move in _within(graph, part, number)]
        self.threads = list(dict.fromkeys(move.thread for move in moves)) if fairness != "none" else []
        everywhere = set.intersection(*(graph.enabled(number) for number in part.states))
        if fairness == "weak":
            idle = {t for n in part.states for t in graph.enabled(n)} - set(self.threads)
            assert not idle & everywhere
            self.threads += sorted(idle, key=str)
        by_choice: dict[Hashable, list[Hashable]] = {}
        for move in moves:
            if (
                kind is WaitKind.LIVELOCK
                and move.choice is not None
                and move.outcome not in by_choice.setdefault(move.choice, [])
            ):
                by_choice[move.choice].append(move.outcome)
        self.outcomes = [(c, o) for c, outcomes in by_choice.items() if len(outcomes) > 1 for o in outcomes]
        self.weak = fairness == "weak"
        self.number = len(self.threads) + len(self.outcomes)
        self.all = (1 << self.number) - 1

    def pay(self, number: int, paid: int, index: int) -> tuple[int, int]:
        """Where a move leads, and what is paid then."""
        move = self.graph.moves[number][index]
        enabled = self.graph.enabled(number)
        for bit, thread in enumerate(self.threads):
            if thread == move.thread or (self.weak and thread not in enabled):
                paid |= 1 << bit
        for bit, outcome in enumerate(self.outcomes, len(self.threads)):
            if outcome == (move.choice, move.outcome):
                paid |= 1 << bit
        return move.target, paid


def _round(
    graph: Graph,
    part: _Part,
    start: _Place,
    is_goal: Callable[[_Place], bool],
    pay: Callable[[int, int, int], _Place],
) -> list[tuple[int, int]]:
    """A shortest way of at least one move within a part from ``start`` to a goal."""
    came: dict[_Place, tuple[_Place, int]] = {}
    queue = deque([start])
    while queue:
        at = queue.popleft()
        for index, _ in _within(graph, part, at[0]):
            then = pay(*at, index)
            if then in came:
                continue
            came[then] = (at, index)
            if is_goal(then):
                return _back(came, start, then)
            queue.append(then)
    raise AssertionError("a strongly connected part has a way from each of its states to each other")


def _back(came: dict[_Place, tuple[_Place, int]], start: _Place, goal: _Place) -> list[tuple[int, int]]:
    way = []
    at = goal
    while True:
        at, index = came[at]
        way.append((at[0], index))
        if at == start:
            return way[::-1]


def _lasso(graph: Graph, kind: WaitKind, who: str, entry: int, cycle: Sequence[tuple[int, int]]) -> Lasso:
    def step(number: int, index: int) -> LassoStep:
        move = graph.moves[number][index]
        state = graph.states[number]
        return LassoStep(state, move._replace(target=graph.states[move.target]), graph.program.told(state, index))

    return Lasso(kind, who, tuple(step(*at) for at in graph.path(entry)), tuple(step(*at) for at in cycle))

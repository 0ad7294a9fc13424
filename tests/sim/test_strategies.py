"""Strategies, on toy threads: they know nothing of the world, and their guarantees can be counted by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, NamedTuple

import pytest
from tests.nightly import thinned

from everyturn.errors import ReplayError
from everyturn.strategies import strategy
from everyturn.strategies.profile import Profile
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Footprint


class Op(NamedTuple):
    """One access of a toy thread: ``kind`` and the location it touches."""

    kind: str
    at: int

    @property
    def footprint(self) -> Footprint:
        bit = 1 << self.at
        return Footprint(bit, 0 if self.kind == "read" else bit)


Program = tuple[tuple[Op, ...], ...]


@dataclass(frozen=True)
class Wish:
    """An access as strategies see it."""

    thread: int
    op: Op

    @property
    def name(self) -> str:
        return self.op.kind

    @property
    def footprint(self) -> Footprint:
        return self.op.footprint


class Made(NamedTuple):
    """A run of a toy program: who moved with which result, the memory at rest, who is blocked."""

    order: tuple[tuple[int, Op, Any], ...]
    memory: tuple[Any, ...]
    blocked: tuple[int, ...]

    @property
    def outcome(self) -> object:
        """What does not depend on the order of independent accesses."""
        threads = sorted({thread for thread, _, _ in self.order})
        results = tuple(tuple(result for each, _, result in self.order if each == thread) for thread in threads)
        return results, self.memory, self.blocked

    @property
    def trace(self) -> object:
        """The Mazurkiewicz trace, in Foata normal form: layers of accesses that depend on none of their own layer."""
        layers: list[list[tuple[int, Op, Any]]] = []
        for event in self.order:
            depth = 0
            for number, layer in enumerate(layers, start=1):
                if any(each[0] == event[0] or each[1].footprint.depends_on(event[1].footprint) for each in layer):
                    depth = number
            if depth == len(layers):
                layers.append([])
            layers[depth].append(event)
        return tuple(tuple(sorted(layer, key=repr)) for layer in layers), self.blocked


def play(program: Program, chooser: Strategy, run: int) -> Made:
    """One run of a toy program. ``write`` stores the thread's number, ``add`` adds 1, ``flip`` stores a choice of
    two."""
    chooser.begin(run)
    memory: list[Any] = [0] * 4
    done = [0] * len(program)
    waiting = list(range(len(program)))
    order: list[tuple[int, Op, Any]] = []

    def blocked(thread: int) -> bool:
        op = program[thread][done[thread]]
        return (op.kind == "lock" and memory[op.at] != 0) or (op.kind == "wait" and memory[op.at] == 0)

    while True:
        waiting = [thread for thread in waiting if done[thread] < len(program[thread])]
        enabled = [thread for thread in waiting if not blocked(thread)]
        if not enabled:
            break
        thread = enabled[chooser.pick([Wish(each, program[each][done[each]]) for each in enabled])]
        op = program[thread][done[thread]]
        result = memory[op.at] if op.kind in ("read", "add") else None
        match op.kind:
            case "write" | "lock":
                memory[op.at] = thread + 1
            case "unlock":
                memory[op.at] = 0
            case "add":
                memory[op.at] += 1
            case "flip":
                memory[op.at] = result = chooser.choose(2)
        order.append((thread, op, result))
        done[thread] += 1
        waiting.remove(thread)
        waiting.append(thread)
    chooser.end([Wish(thread, program[thread][done[thread]]) for thread in waiting])
    return Made(tuple(order), tuple(memory), tuple(sorted(waiting)))


def all_runs(program: Program, chooser: Strategy, limit: int = 100_000) -> list[Made]:
    """Every run of a finite strategy."""
    made: list[Made] = []
    while not chooser.exhausted:
        made.append(play(program, chooser, len(made)))
        assert len(made) < limit
    return made


def steps(thread: str) -> tuple[Op, ...]:
    """A thread from letters: r0 w1 a0 L3 U3 f2."""
    kinds = {"r": "read", "w": "write", "a": "add", "L": "lock", "U": "unlock", "f": "flip", "W": "wait"}
    return tuple(Op(kinds[word[0]], int(word[1])) for word in thread.split())


def some_program(random: Random) -> Program:
    """A small program with reads, writes, choices, and locks that may deadlock or be given back by another thread."""
    words = ["r0", "w0", "a0", "r1", "w1", "a1", "f2", "L3", "U3", "L2", "U2", "W1", "W0"]
    threads = 2 + random.randrange(2)
    return tuple(steps(" ".join(random.choices(words, k=random.randrange(1, 7 - threads)))) for _ in range(threads))


def counts(program: Program) -> Profile:
    """An exact profile."""
    return Profile(tuple(float(len(thread)) for thread in program), sum(map(len, program)))


# depth-first ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["delay:inf", "preemption:inf", "delay:100", "preemption:100"])
def test_an_unbounded_search_runs_every_interleaving_once(name: str) -> None:
    """Threads of 3, 2 and 2 steps: 7! / (3! 2! 2!) interleavings, all different."""
    made = all_runs((steps("r0 w1 a0"), steps("w0 r1"), steps("a1 a1")), strategy(name, 0))
    assert len(made) == len(set(made)) == 210


@pytest.mark.parametrize("name", ["delay:inf", "preemption:inf", "dpor"])
def test_every_outcome_of_every_choice_is_tried(name: str) -> None:
    """Three choices of two on one thread: eight runs."""
    made = all_runs((steps("f0 f1 f2"),), strategy(name, 0))
    assert {run.memory[:3] for run in made} == set(product((0, 1), repeat=3))
    assert len(made) == 8


def preemptions(made: Made, program: Program) -> int:
    """How often a thread was left that could have gone on (toy threads without locks)."""
    left = [len(thread) for thread in program]
    count = 0
    for (before, _, _), (after, _, _) in zip(made.order, made.order[1:]):
        left[before] -= 1
        count += before != after and left[before] > 0
    return count


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_preemption_bounding_is_complete_up_to_its_bound(bound: int) -> None:
    """It runs exactly the interleavings with at most so many preemptions, and those with fewer first."""
    program = (steps("r0 r0 r0"), steps("r1 r1"), steps("r2 r2"))
    everything = all_runs(program, strategy("preemption:inf", 0))
    made = all_runs(program, strategy(f"preemption:{bound}", 0))
    costs = [preemptions(run, program) for run in made]
    assert costs == sorted(costs)
    assert {run.order for run in made} == {run.order for run in everything if preemptions(run, program) <= bound}


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
def test_delay_bounding_is_complete_up_to_its_bound(bound: int) -> None:
    """It runs exactly the interleavings of two threads that need at most so many delays of a round robin."""
    program = (steps("r0 r0 r0"), steps("r1 r1 r1"))
    everything = {run.order for run in all_runs(program, strategy("delay:inf", 0))}
    made = [run.order for run in all_runs(program, strategy(f"delay:{bound}", 0))]
    assert len(everything) == math.comb(6, 3)
    assert len(made) == len(set(made))
    assert set(made) == {order for order in everything if delays(order, program) <= bound}


def delays(order: Sequence[tuple[int, Op, Any]], program: Program) -> int:
    """How often, of two threads, the one whose turn it was not went on: the first, then whoever moved last, if it
    can."""
    left = [len(thread) for thread in program]
    last, count = 0, 0
    for thread, _, _ in order:
        count += thread != last and left[last] > 0
        left[thread] -= 1
        last = thread
    return count


def test_a_search_that_is_told_something_else_the_second_time_says_so() -> None:
    """A prefix that cannot be followed: the program is not deterministic."""
    chooser = strategy("delay:inf", 0)
    play((steps("r0"), steps("r1"), steps("r2")), chooser, 0)
    with pytest.raises(ReplayError, match="not deterministic"):
        for run in range(1, 6):
            play((steps("r0"), steps("r1")), chooser, run)


# partial order reduction ------------------------------------------------------------------------------------------


@thinned(2)
@pytest.mark.parametrize("seed", range(300))
def test_partial_order_reduction_reaches_every_outcome_once(seed: int) -> None:
    """Random programs: the traces are exactly those of all interleavings, none is run twice but for redundant runs."""
    program = some_program(Random(seed))
    everything = all_runs(program, strategy("delay:inf", 0))
    reduced = strategy("dpor", 0)
    made = all_runs(program, reduced)
    assert {run.outcome for run in made} == {run.outcome for run in everything}
    traces = {run.trace for run in everything}
    assert {run.trace for run in made} == traces
    assert len(made) - reduced.redundant == len(traces)  # type: ignore[attr-defined]


def test_independent_threads_need_one_schedule() -> None:
    """Three threads that share nothing: one run instead of 90 interleavings."""
    program = (steps("w0 r0"), steps("w1 r1"), steps("w2 r2"))
    assert (len(all_runs(program, strategy("dpor", 0))), len(all_runs(program, strategy("delay:inf", 0)))) == (1, 90)


def test_a_deadlock_that_only_one_order_shows_is_found() -> None:
    """Two locks taken in two orders: three traces, in one of them both threads wait for ever."""
    made = all_runs((steps("L0 L1 U1 U0"), steps("L1 L0 U0 U1")), strategy("dpor", 0))
    assert (0, 1) in {run.blocked for run in made}

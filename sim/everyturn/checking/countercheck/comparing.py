"""A walk compared with what the real coroutines do, step by step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from everyturn.checking.countercheck.likeness import alike
from everyturn.checking.countercheck.walks import Said, Walk
from everyturn.engines.coroutines.stepper import MadeStep, Stepper
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.errors import EveryturnError
from everyturn.runs.outcomes import shown
from everyturn.verdicts.checker import Finding
from everyturn.world.operations import Operation
from everyturn.world.world import World


class Parted(NamedTuple):
    """Where a run left the tables: what was really done until then, in how many steps, and a sentence that says what
    differs."""

    done: tuple[str, ...]
    steps: int
    sentence: str


class Claims(NamedTuple):
    """What is claimed of all runs, judged by ``judge``: which invariants none violates, and how they can end (none: not
    known)."""

    judge: JudgeTable
    proved: frozenset[str]
    outcomes: Collection[object] | None


class _Differs(Exception):
    """Tables and coroutines say different things."""


def parted(walk: Walk, world: World, claims: Claims) -> Parted | None:
    """Where the real coroutines of ``world``, which nothing has used, leave ``walk``, or do what ``claims`` say of
    none; none if they do not."""
    done: list[MadeStep] = []
    try:
        _follow(walk, world, claims, done)
    except _Differs as difference:
        sentence = str(difference)
    except EveryturnError as error:
        sentence = f"by the tables this goes on, and really it ends in an error: {error}"
    else:
        return None
    lines = (
        f"{world.threads[said.thread].name} {_told(operation)} = {shown(result)}"
        for said, made in zip(walk.steps, done, strict=False)
        for operation, result in made.operations
    )
    return Parted(tuple(lines), len(done), sentence)


def _follow(walk: Walk, world: World, claims: Claims, done: list[MadeStep]) -> None:
    """Raise :class:`_Differs`, or what the agent does wrong, at the first difference."""
    stepper, judge = Stepper(world), claims.judge
    state = judge.start
    _equal("what is seen before the first step", (), stepper.first)
    for said in walk.steps:
        _enabled(stepper.enabled(), said.enabled, world)
        before = stepper.operation(said.thread)
        name = world.threads[said.thread].name
        if not alike(before, said.before):
            raise _Differs(_waits(name, said.before, before))
        made = stepper.step(said.thread, _chooser(said))
        done.append(made)
        after = stepper.operation(said.thread)
        if not alike(after, said.after):
            raise _Differs(_waits(name, said.after, after))
        _equal("what is seen", said.events, made.events)
        state, findings = judge.step(state, made.events)
        _violated(said.findings, findings, claims)
        if said.waiting is not None:
            waiting: frozenset[str] = judge.state(state).monitors[0]
            _equal("who waits to be told", sorted(said.waiting), sorted(waiting))
        if not said.known:
            raise _Differs("the state that is reached here was never explored")
    if walk.rested is not None:
        _enabled(stepper.enabled(), (), world)
        rest = stepper.rest()
        _equal("what is seen at rest", walk.rested.events, rest)
        state, findings = judge.step(state, rest)
        _violated(walk.rested.findings, findings, claims)
        if claims.outcomes is not None and judge.outcome(state) not in claims.outcomes:
            raise _Differs("the outcome of this run was never found")


def _chooser(said: Said) -> Callable[[int], int]:
    """Gives each operation that has several outcomes the one that it had by the tables."""
    outcomes = iter(said.outcomes)

    def choose(among: int) -> int:
        chosen = next(outcomes, None)
        if chosen is None or chosen >= among:
            raise _Differs(
                f"by the tables an operation has outcome {chosen} of those that it can have, really {among} are "
                f"possible"
            )
        return chosen

    return choose


def _enabled(found: Sequence[int], expected: Sequence[int], world: World) -> None:
    if tuple(found) != tuple(expected):
        names = [thread.name for thread in world.threads]
        _equal("who can go on", [names[each] for each in expected], [names[each] for each in found])


def _equal(what: str, expected: Any, found: Any) -> None:
    if expected != found:
        raise _Differs(f"{what}: by the tables {_listed(expected)}, really {_listed(found)}")


def _violated(expected: Sequence[Finding], found: Sequence[Finding], claims: Claims) -> None:
    """Compare violations, and their sentences where the tables have any."""
    if not expected and not found:
        return
    _equal("what is violated", sorted(each.invariant for each in expected), sorted(each.invariant for each in found))
    if all(each.sentence for each in expected):
        _equal("what is violated", _sentences(expected), _sentences(found))
    for finding in found:
        if finding.invariant in claims.proved:
            raise _Differs(f"{finding.invariant} was to be proved and is violated: {finding.sentence}")


def _sentences(findings: Iterable[Finding]) -> list[str]:
    return sorted(f"{each.invariant}: {each.sentence}" for each in findings)


def _listed(value: Any) -> str:
    return (", ".join(map(str, value)) or "nothing") if isinstance(value, (tuple, list)) else str(value)


def _waits(name: str, expected: Operation | None, found: Operation | None) -> str:
    return f"by the tables {name} then {_does(expected)}, really it {_does(found)}"


def _does(operation: Operation | None) -> str:
    return "ends" if operation is None else f"waits for {_told(operation)}"


def _told(operation: Operation) -> str:
    return f"{operation}({', '.join(map(shown, operation.arguments))})"


def operations(steps: Iterable[Said], world: World) -> Iterator[str]:
    """The first operation of each step of a walk."""
    for said in steps:
        yield f"{world.threads[said.thread].name} {said.before}"

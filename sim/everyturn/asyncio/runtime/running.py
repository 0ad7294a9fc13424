"""One run of a scenario: from its first step to rest, and what is wrong with it."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from weakref import getweakrefs, ref

from everyturn.asyncio.order.earlier import EARLIER
from everyturn.asyncio.order.hashed import HOLDERS, MERGED
from everyturn.asyncio.order.ordering import Groups
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.apart import apart
from everyturn.asyncio.runtime.blocking import BlockedForEver, Blocking, was_ended
from everyturn.asyncio.runtime.changed_files import CHANGED as CHANGED_FILES
from everyturn.asyncio.runtime.decisions import Decision, Guide
from everyturn.asyncio.runtime.errors import REFUSED, Abandoned, AtRest, Unsupported
from everyturn.asyncio.runtime.findings import ScenarioFinding, task_name, waits
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.output import taken_by
from everyturn.asyncio.runtime.places import raised_at
from everyturn.asyncio.runtime.process_settings import PROCESS
from everyturn.asyncio.runtime.settings import CALLED
from everyturn.asyncio.runtime.world import LONGEST, ScenarioWorld
from everyturn.errors import AgentFault, UsageError
from everyturn.world import overrun

Scenario = Callable[[ScenarioWorld], Coroutine[Any, Any, Any]]

DRAWN: Final = (
    "what random draws is the same sequence of numbers in every run; it is one of all that are possible: where another "
    "number would lead elsewhere, let world.io(...) stand for what is drawn"
)
IDENTIFIERS: Final = (
    "what is drawn from the system (uuid4, secrets, os.urandom, sources that nobody seeds) is the same sequence in "
    "every run; it is one of all that are possible"
)
_UNTOUCHED: Final = random.Random(0).getrandbits(64)
"""What a source draws first, if it was seeded as those of a run are."""
LEFT: Final = (
    "at the end of asyncio.run what is left is cancelled in the order in which it was made; it is one of all that are "
    "possible"
)
LEFT_OPEN: Final = (
    "at the end of asyncio.run async generators that are left open are closed in the order in which they began; it is "
    "one of all that are possible"
)
RECKONED: Final = (
    "what is reckoned with a time otherwise than by sums, multiples and comparisons took the earliest that it can be"
)


@dataclass
class ScenarioOutcome:
    """What came of one run. ``complete``: it came to rest, and was judged.

    ``groups``: those of its setting; ``neighbours``: pairs of tasks or futures that were in one set at once.
    ``unordered``: classes of objects that were met in sets that are ordered by addresses; ``alone``: one in a set.
    ``rested``: how much of
    ``logged`` was noted before it came to rest first; what follows is the end of ``asyncio.run``. ``times``: the clock
    at each iteration of the loop, in seconds: the earliest that everything decided allows. ``unsure``: kinds of faults
    of which it cannot be seen whether this run has one, and why not; ``shown``: what the run has shown, where a verdict
    needs that something was seen at all. ``trusted``: what of its connections was one of all that are possible.
    ``measured``: durations that it has noted. ``two_times``: a time became a plain number, and was found out to be
    another one. ``blocked``: its thread can never go on.
    """

    decisions: list[Decision]
    logged: list[Any]
    findings: list[ScenarioFinding] = field(default_factory=list)
    complete: bool = False
    merged: bool = False
    iterations: int = 0
    groups: Groups = ()
    neighbours: frozenset[tuple[str, str]] = frozenset()
    unordered: frozenset[type] = frozenset()
    alone: frozenset[type] = frozenset()
    rested: int = 0
    times: list[float] = field(default_factory=list)
    unsure: dict[str, str] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()
    measured: list[tuple[str, float]] = field(default_factory=list)
    two_times: bool = False
    blocked: bool = False


class Setting(NamedTuple):
    """How the loop of a run is set up.

    ``order``: which ready handle is next, the ``fifo`` of asyncio or ``any``. ``eager``: tasks begin at once (Python
    3.12 and later). ``groups``: tasks and futures of which every order in sets is explored. ``longest``: iterations
    after which a run is given up. ``until``: the time (of ``time.monotonic``) at which it is.
    """

    order: str = "fifo"
    eager: bool = False
    groups: Groups = ()
    longest: int = LONGEST
    until: float | None = None


def run(
    scenario: Scenario,
    guide: Guide,
    setting: Setting,
    watch: Callable[[str, Any], None] | None = None,
    *,
    world_of: Callable[..., ScenarioWorld] = ScenarioWorld,
) -> ScenarioOutcome:
    """One run of ``scenario``, with every choice of the world made by ``guide``; ``watch`` is told what happens.

    ``world_of``: what makes the world of guide, setting and ``watch``.

    To be used within :func:`everyturn.asyncio.control.preparing.prepared`. Raises
    :class:`~everyturn.asyncio.runtime.errors.Unsupported` where the program does what cannot be controlled.
    """
    blocking = Blocking()
    with overrun.undivided(blocking):  # the program may swallow Ctrl-C, and goes on then as it never does
        return _whole(scenario, guide, setting, watch, world_of, blocking)


def _whole(
    scenario: Scenario,
    guide: Guide,
    setting: Setting,
    watch: Callable[[str, Any], None] | None,
    world_of: Callable[..., ScenarioWorld],
    blocking: Blocking,
) -> ScenarioOutcome:
    outcome = ScenarioOutcome([], [], groups=setting.groups)
    EARLIER.freeze()  # the collector looks into what this run makes, and not again into what a search remembers
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        world = world_of(guide, setting, watch=watch)
        blocking.world = ref(world)
        fault: UsageError | None = None
        with taken_by(_printing(watch, ref(world))):
            try:
                FIRST.context().run(_one, world, scenario, outcome, noted)
            except UsageError as error:  # its sentence says it all, and its traceback holds what is thrown away here
                error.__traceback__ = error.__cause__ = error.__context__ = None
                fault = error
            failures, over = world.failures, world.over
            with _unseen():
                _forgotten(world)
                del world
                gc.collect()
        CHANGED_FILES.put_back()
        if fault is None and not over:
            outcome.findings += _judged(failures, noted)
        with _unseen():  # judged is what is garbage without what modules hold
            if FIRST.put_back():
                gc.collect()
    if fault is not None:
        raise fault
    return outcome


def _one(
    world: ScenarioWorld, scenario: Scenario, outcome: ScenarioOutcome, noted: Sequence[warnings.WarningMessage]
) -> None:
    random.seed(0)
    REFUSED.clear()
    NOW.begin()
    CALLED.begin()
    CHANGED_FILES.begin()
    world.guide.begin(world)
    outcome.decisions, outcome.logged, outcome.measured = world.decisions, world.logged, world.timing.measured
    try:
        _run(world, scenario, outcome)
        outcome.complete = True
    except Abandoned as abandoned:
        outcome.merged = abandoned.merged
    finally:
        world.settled = True
        drawn = {DRAWN} if random.getrandbits(64) != _UNTOUCHED else set()
        drawn |= {IDENTIFIERS} if world.random.getrandbits(64) != _UNTOUCHED else set()
        if not outcome.complete or world.tasks():
            # What still waits is thrown away: what it does then is not judged, what only garbage holds is.
            if outcome.complete:
                gc.collect()
            outcome.findings += _judged(world.failures, noted)
            world.over = True
        _close(world)
        world.clock.over = True
        PROCESS.put_back()
    outcome.iterations, outcome.neighbours = world.progress.iterations, frozenset(world.numbers.neighbours.pairs)
    outcome.unordered = frozenset(world.unordered | world.orders.unordered)
    outcome.alone = frozenset(world.alone)
    merged = {MERGED} if NOW.merges and world.numbers.several else set()
    merged |= {HOLDERS} if world.numbers.neighbours.holders else set()
    outcome.trusted = frozenset(world.network.trusted | world.orders.trusted | merged)
    if world.clock.reckoned:
        outcome.trusted |= {RECKONED}
        outcome.times = world.clock.times()
        outcome.two_times = world.clock.is_told_apart(outcome.times)
    outcome.trusted |= drawn
    if REFUSED:
        raise REFUSED[0]


def _printing(watch: Callable[[str, Any], None] | None, world: ref[ScenarioWorld]) -> Callable[[str], None]:
    """What is printed is told, but not what comes of throwing away what still waits."""

    def take(text: str) -> None:
        running = world()
        if watch is not None and running is not None and not running.over:
            watch("print", text)

    return take


def _forgotten(world: ScenarioWorld) -> None:
    """What knows the loop and its tasks weakly is told that they are gone. A value of a
    :class:`~weakref.WeakKeyDictionary` that leads back to its key, as a scope that was never left does to its task,
    would keep the whole run for all that follow."""
    for each in (world.loop, *(made() for made in world.made)):
        for weak in getweakrefs(each):
            if weak.__callback__ is not None:
                with suppress(Exception):
                    weak.__callback__(weak)


@contextmanager
def _unseen() -> Iterator[None]:
    """Nothing is said of exceptions in what is thrown away."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _judged(failures: Sequence[ScenarioFinding], noted: Sequence[warnings.WarningMessage]) -> list[ScenarioFinding]:
    """What the loop and the interpreter have said so far."""
    return [*failures, *(_never_awaited(each) for each in noted if "was never awaited" in str(each.message))]


def _never_awaited(noted: warnings.WarningMessage) -> ScenarioFinding:
    return ScenarioFinding("never-awaited", str(noted.message))


def _run(world: ScenarioWorld, scenario: Scenario, outcome: ScenarioOutcome) -> None:
    loop = world.loop
    main = world.main = loop.create_task(_main(scenario, world), name="main")
    judge = getattr(scenario, "at_rest", None)
    try:
        rests = _to_rest(world)
    except BlockedForEver as blocked:
        _judge_blocked(world, blocked.finding, judge, outcome)
        return
    outcome.rested = len(world.logged)
    outcome.times = world.clock.times()
    if judge is not None:  # what it means for a session to be at rest, its workload knows
        judge(world, outcome)
    elif rests and not main.done():
        outcome.findings.append(ScenarioFinding("hang", _hang(loop, main), waits(main)))
    if main.done():
        _judge_end(main, outcome)
    elif rests:
        return
    for task in loop.world.tasks() if rests and judge is None else ():
        outcome.findings.append(ScenarioFinding("left-over", f"{task_name(task)} still waits at rest", waits(task)))
    _end(world, outcome)


def _judge_blocked(
    world: ScenarioWorld, finding: ScenarioFinding, judge: Callable[..., None] | None, outcome: ScenarioOutcome
) -> None:
    """The loop's thread can never go on: all that has not ended by then never does."""
    outcome.rested = len(world.logged)
    outcome.times = world.clock.times()
    outcome.findings.append(finding)
    outcome.blocked = True
    main = world.main
    if judge is not None:
        judge(world, outcome)
    elif not main.done() or (not main.cancelled() and was_ended(main._exception)):
        outcome.findings.append(ScenarioFinding("hang", f"the scenario never ends: {finding.sentence}", finding.where))
    else:
        for task in world.tasks():
            sentence = f"{task_name(task)} never goes on: {finding.sentence}"
            outcome.findings.append(ScenarioFinding("left-over", sentence, finding.where))


def _judge_end(main: asyncio.Task[Any], outcome: ScenarioOutcome) -> None:
    """How the scenario has ended."""
    if main.cancelled():
        outcome.findings.append(ScenarioFinding("error", "the scenario was cancelled"))
    elif (error := main.exception()) is not None:
        if isinstance(error, Unsupported | AgentFault):
            raise error
        outcome.findings.append(ScenarioFinding("error", f"the scenario ends in {error!r}", raised_at(error)))
        error.__traceback__ = None


async def _main(scenario: Scenario, world: ScenarioWorld) -> Any:
    return await scenario(world)


def _to_rest(world: ScenarioWorld) -> bool:
    """Whether it comes to rest; if not, the program ends the process. Raises :class:`BlockedForEver`."""
    rests = True
    try:
        with apart():
            world.loop.run_forever()
    except AtRest:
        pass
    except overrun.StepInterrupted as interrupted:
        if isinstance(interrupted.error, BlockedForEver):
            raise interrupted.error from None
        raise
    except (SystemExit, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) and not overrun.nobody_asked():
            raise
        rests = False
        sentence = f"the program ends the process: {error!r}"
        world.failures.append(ScenarioFinding("background", sentence, raised_at(error)))
    world.rests()
    return rests


def _hang(loop: Any, main: asyncio.Task[Any]) -> str:
    others = [f"{task_name(task)} at {waits(task)}" for task in loop.world.tasks() if task is not main]
    beside = f"; beside it wait {', '.join(others)}" if others else ""
    return f"at rest the scenario still waits{beside}"


def _end(world: ScenarioWorld, outcome: ScenarioOutcome) -> None:
    """What ``asyncio.run`` does at its end: cancel what is left, close generators, wait for the executor."""
    loop = world.loop
    world.phase = "ends"
    left = loop.world.tasks()
    if len(left) > 1:
        world.orders.trusted.add(LEFT)
    for task in left:
        task.cancel()
    end = world.ending = loop.create_task(_shut_down(loop, left), name="end of asyncio.run")
    try:
        _to_rest(world)
    except BlockedForEver as blocked:
        never = ScenarioFinding("no-end", f"asyncio.run never ends: {blocked.finding.sentence}", blocked.finding.where)
        outcome.findings += [blocked.finding, never]
        return
    if not end.done():
        waiting = [task_name(task) for task in left if not task.done()] or ["the executor"]
        outcome.findings.append(ScenarioFinding("no-end", f"asyncio.run never ends: waits for {', '.join(waiting)}"))
        return
    end.result()
    for task in left:
        if not task.cancelled() and task.exception() is not None:
            loop.call_exception_handler(
                {"message": "unhandled exception during shutdown", "exception": task.exception(), "task": task}
            )


async def _shut_down(loop: Any, left: list[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*left, return_exceptions=True)
    if len(loop._asyncgens) > 1:
        loop.orders.trusted.add(LEFT_OPEN)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _throw_away(coroutine: Any) -> None:
    """End what a run that is not gone on with has begun: something may hold it until a later run."""
    with suppress(BaseException):  # whatever its own handlers make of it
        coroutine.close()


def _close(world: ScenarioWorld) -> None:
    """Close the loop, and throw away what still waits, unseen."""
    loop = world.loop
    with _unseen() if world.over else nullcontext():
        for task in loop.world.tasks():
            task._log_destroy_pending = False
            if world.over:
                task._log_traceback = False
                _throw_away(task.get_coro())
        loop._ready.clear()
        loop._scheduled.clear()  # type: ignore[attr-defined]
        loop.numbers = None  # type: ignore[assignment]
        loop.close()

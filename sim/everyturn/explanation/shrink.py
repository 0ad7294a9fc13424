"""Shrinking: a smaller run that still violates the same invariant, down to one that is 1-minimal.

Two dimensions. First the scope: without a prompt, or with one cancel, error … less. Steps are carried over by name; if
that does not violate the invariant, the smaller scope is explored up to a limit. Then the schedule: without deviations
from first-in first-out order, or with lower ones, by delta debugging (Zeller and Hildebrandt, Simplifying and Isolating
Failure-Inducing Input, IEEE TSE 28, 2002). At the end no single prompt, extra or deviation can be removed, nor a single
deviation lowered, so that shrinking once more changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer import paths
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.paths import ByPlace, walk_or_cut
from everyturn.engines.simpy.counterexample import decisions_of
from everyturn.engines.simpy.kernel import simulate_path
from everyturn.engines.simpy.replay import Replayed, replay
from everyturn.errors import EndlessRun, ReplayError, UsageError
from everyturn.explanation.cause import cause_of
from everyturn.files.writing import written
from everyturn.runs import trace
from everyturn.runs.run import Run
from everyturn.runs.schedule import Schedule, deviations
from everyturn.runs.tokens.named_steps import ByName, Named
from everyturn.verdicts.checker import CONFORMS, Finding, Judge
from everyturn.verdicts.selection import Wanted, judge_by, selection
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher
from everyturn_model.invariants import BY_NAME

ShrinkProgress = Callable[[str, int, int], None]
"""Called now and then with the scope, the number of deviations, and how many runs were tried."""
Deviations = tuple[tuple[int, int], ...]

EXPLORED_STATES: Final = 20_000
"""How many states of a smaller scope are looked at when its carried-over steps do not violate the invariant."""
_THREADS: Final = {"cancels": "cancel", "clears": "clear", "summaries": "summarise"}


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A shrunk run, the step that violates and what is said there; what it was before; how many runs were tried.

    ``interrupted``: it may not be minimal.
    """

    run: Run
    step: int
    finding: Finding
    before: Schedule
    tried: int
    interrupted: bool

    @property
    def after(self) -> Schedule:
        """The schedule of the shrunk run."""
        return self.run.schedule

    def write(self, path: Path) -> None:
        """Write the run as a trace file that says what it violates. Raises :class:`UsageError` if that fails."""
        violates = [self.finding.invariant]
        contents = trace.write(self.run, engine="simpy", strategy="shrink", seed=None, violates=violates)
        written(path, [contents])


def judge_of(invariant: Wanted) -> Judge:
    """A judge of one invariant (or of ``conforms``) alone."""
    return judge_by([invariant])


def name_of(invariant: Wanted) -> str:
    """The name of an invariant that may be an object."""
    return invariant if isinstance(invariant, str) else invariant.name


def violated_by(replayed: Replayed, invariants: Sequence[Wanted] = ()) -> Wanted:
    """The invariant to look at: of those asked for, the first in the canonical order that the run violates.

    Raises :class:`UsageError` if it violates none.
    """
    found = {finding.invariant for _, finding in replayed.findings}
    asked = selection(invariants)
    objects: dict[str, Wanted] = {name_of(each): each for each in invariants}
    for name in [*asked.names, *([CONFORMS] if asked.conformance else [])]:
        if name in found:
            return objects.get(name, name)
    said = ", ".join(map(name_of, invariants)) or "something"
    why = f" ({replayed.strayed})" if replayed.strayed else ""
    raise UsageError(
        f"expected a run that violates {said}; found one that violates {', '.join(sorted(found)) or 'none'}{why}"
    )


def violating(
    source: str,
    invariants: Sequence[Wanted],
    strayed: Callable[[str], None] | None = None,
    agent: str | type[Dispatcher] | None = None,
) -> tuple[Schedule, Wanted]:
    """The schedule of a token or a trace file, and the invariant to look at (:func:`violated_by`).

    ``strayed`` is told where the run leaves the recorded one, because the code has changed. ``agent``: what runs in
    place of the revision that is named there.
    """
    replayed = replay(source, [CONFORMS, *BY_NAME, *_objects(invariants)], agent=agent)
    wanted = violated_by(replayed, invariants)
    if replayed.strayed and strayed is not None:
        strayed(replayed.strayed)
    return replayed.run.schedule, wanted


def _objects(invariants: Sequence[Wanted]) -> list[Wanted]:
    return [each for each in invariants if not isinstance(each, str)]


def shrink_source(
    source: str,
    invariants: Sequence[Wanted] = (),
    progress: ShrinkProgress | None = None,
    *,
    keep_cause: bool = False,
    agent: str | type[Dispatcher] | None = None,
    strayed: Callable[[str], None] | None = None,
) -> Shrunk:
    """Shrink the run of a token or a trace file. Raises :class:`UsageError` if it violates none of the invariants asked
    for.

    ``agent``, ``strayed``: see :func:`violating`.
    """
    schedule, wanted = violating(source, invariants, strayed, agent)
    return shrink(schedule, wanted, progress, keep_cause=keep_cause, agent=agent)


def shrink(
    schedule: Schedule,
    invariant: Wanted,
    progress: ShrinkProgress | None = None,
    *,
    keep_cause: bool = False,
    agent: str | type[Dispatcher] | None = None,
) -> Shrunk:
    """Shrink a schedule that violates ``invariant``. Ctrl-C ends it early and keeps what was reached.

    ``keep_cause``: every smaller run has to show the same :mod:`cause <everyturn.explanation.cause>`; else one that
    violates the invariant in another way, often a shorter one, will do. ``agent``: what runs in place of the schedule's
    revision.
    """
    agent = agent or schedule.revision
    return _Shrinker(schedule, invariant, agent, progress, keep_cause=keep_cause).run()


class _Shrinker:
    """The smallest schedule so far (scope, deviations, path), and the tables of each scope that was tried."""

    def __init__(
        self,
        schedule: Schedule,
        invariant: Wanted,
        agent: str | type[Dispatcher],
        progress: ShrinkProgress | None,
        *,
        keep_cause: bool,
    ) -> None:
        self.before = schedule
        self.agent = agent
        self.judge = judge_of(invariant)
        self.invariant = name_of(invariant)
        self.progress = progress
        self.tried = 0
        self.scope = Scope.parse(schedule.scope)
        self._tables: dict[str, Transitions] = {}
        self._explored: dict[str, Deviations | None] = {}
        found = self._by_place(self.scope, schedule.deviations)
        if found is None:
            raise UsageError(f"expected a schedule that violates {self.invariant}, found one that does not")
        self.turns, self.path = found
        self.cause = cause_of(*self._shown(self.scope, *found)) if keep_cause else None

    def run(self) -> Shrunk:
        """Shrink until nothing gets smaller."""
        interrupted = False
        try:
            while self._smaller_scope() or self._fewer_deviations():
                pass
        except KeyboardInterrupt:
            interrupted = True
        _, _, run, step, finding = self._shown(self.scope, self.turns, self.path)
        return Shrunk(run, step, finding, self.before, self.tried, interrupted)

    # trying ------------------------------------------------------------------------------------------------------

    def _shown(
        self, scope: Scope, turns: Deviations, path: paths.Path
    ) -> tuple[Transitions, paths.Path, Run, int, Finding]:
        """The run of a schedule through SimPy and what it violates, with its path in tables."""
        transitions = self._transitions(scope)
        run = simulate_path(transitions.world, turns, path)
        for step, finding in self.judge.run(run.seen()):
            if finding.invariant == self.invariant:
                return transitions, path, run, step, finding
        raise ReplayError(f"{run.token} violates {self.invariant} in the tables and not in SimPy: the engines disagree")

    def _world(self, scope: Scope) -> World:
        return World(scope, self.agent, self.before.granularity)

    def _transitions(self, scope: Scope) -> Transitions:
        key = str(scope)
        if key not in self._tables:
            self._tables[key] = Transitions(self._world(scope), self.judge)
        return self._tables[key]

    def _tried(self, scope: Scope, decider: Callable[[], paths.Decider]) -> tuple[Deviations, paths.Path] | None:
        """The deviations up to the violation, and the path that they make; none if nothing is violated."""
        self.tried += 1
        if self.progress is not None:
            self.progress(str(self.scope), len(getattr(self, "turns", ())), self.tried)
        try:
            path = walk_or_cut(self._transitions(scope), decider, self.invariant)
        except EndlessRun:
            return None
        step = path.violation(self.invariant)
        if step is None:
            return None
        turns = path.deviations_until(step)
        if turns == deviations(path.decisions):
            return turns, path
        return turns, walk_or_cut(self._transitions(scope), lambda: ByPlace(turns), self.invariant)

    def _by_place(self, scope: Scope, turns: Deviations) -> tuple[Deviations, paths.Path] | None:
        return self._tried(scope, lambda: ByPlace(turns))

    def _by_name(self, scope: Scope, names: Sequence[Named]) -> tuple[Deviations, paths.Path] | None:
        return self._tried(scope, lambda: ByName(names))

    # the scope ---------------------------------------------------------------------------------------------------

    def _smaller_scope(self) -> bool:
        """Take the first smaller scope in which the invariant is violated, carried over or found anew."""
        candidates = list(smaller_scopes(self.scope))
        for scope, rename in candidates:
            names = [each for each in map(rename, self.path.names) if each is not None]
            if self._take(scope, self._by_name(scope, names)):
                return True
        for scope in dict.fromkeys(scope for scope, _ in candidates):
            turns = self._explore(scope)
            if turns is not None and self._take(scope, self._by_place(scope, turns)):
                return True
        return False

    def _take(self, scope: Scope, found: tuple[Deviations, paths.Path] | None) -> bool:
        if found is None:
            return False
        if self.cause is not None and cause_of(*self._shown(scope, *found)) != self.cause:
            return False
        self.scope = scope
        self.turns, self.path = found
        return True

    def _explore(self, scope: Scope) -> Deviations | None:
        """The deviations of a shortest violation among the first states of a scope, if there is one."""
        key = str(scope)
        if key not in self._explored:
            self._explored[key] = None
            if not any(is_vacuous(each, scope) for each in self.judge.invariants):
                explorer = Explorer(self._world(scope), self.judge)
                found = explorer.run(Limits(states=EXPLORED_STATES), stop_at=frozenset({self.invariant}))
                if found.interrupted:
                    raise KeyboardInterrupt
                violation = found.violations.get(self.invariant)
                if violation is not None:
                    self._explored[key] = deviations(decisions_of(explorer.transitions, violation.decisions))
        return self._explored[key]

    # the schedule ------------------------------------------------------------------------------------------------

    def _fewer_deviations(self) -> bool:
        """Remove and lower deviations until none can be; whether any could."""
        shrunk = False
        size = max(1, len(self.turns) // 2)
        while True:
            if self._remove(size):
                shrunk = True
            elif size > 1:
                size //= 2
            elif self._lower() or self._remove_by_name():
                shrunk = True
            else:
                return shrunk

    def _remove(self, size: int) -> bool:
        """Remove runs of ``size`` deviations, from the last to the first; whether any could be."""
        removed = False
        end = len(self.turns)
        while end > 0:
            begin = max(0, end - size)
            if self._better(self._by_place(self.scope, (*self.turns[:begin], *self.turns[end:]))):
                removed = True
            end = min(begin, len(self.turns))
        return removed

    def _lower(self) -> bool:
        """Lower the first deviation that can be."""
        for index, (decision, place) in enumerate(self.turns):
            for lower in range(1, place):
                turns = (*self.turns[:index], (decision, lower), *self.turns[index + 1 :])
                if self._better(self._by_place(self.scope, turns)):
                    return True
        return False

    def _remove_by_name(self) -> bool:
        """Move a step on which a deviation was made to where its thread is next in turn, the others as they were."""
        for decision, _ in self.turns:
            number = max(index for index, step in enumerate(self.path.steps) if step.decision <= decision)
            step = self.path.steps[number]
            first = self._transitions(self.scope).world.threads[step.enabled[0]].name
            names = self.path.names
            following = next((at for at in range(number, len(names)) if names[at].thread == first), None)
            if following is not None and following != number:
                moved = [*names[:number], names[following], *names[number:following], *names[following + 1 :]]
                if self._better(self._by_name(self.scope, moved)):
                    return True
        return False

    def _better(self, found: tuple[Deviations, paths.Path] | None) -> bool:
        """Take what was found if it violates with fewer, or lower, deviations."""
        if found is None or _size(found[0]) >= _size(self.turns):
            return False
        return self._take(self.scope, found)


def _size(turns: Deviations) -> tuple[int, int]:
    return len(turns), sum(place for _, place in turns)


# smaller scopes ---------------------------------------------------------------------------------------------------

Rename = Callable[[Named], Named | None]


def smaller_scopes(scope: Scope) -> Iterator[tuple[Scope, Rename]]:
    """Each scope with one prompt or one extra less, and what becomes of a saved step there; none: nobody makes it."""
    for index in range(len(scope.prompts)):
        if len(scope.prompts) > 1:
            less = replace(scope, prompts=scope.prompts[:index] + scope.prompts[index + 1 :])
            yield less, _without("p", index + 1)
    for field in fields(scope)[1:]:
        number = getattr(scope, field.name)
        if not number:
            continue
        less = replace(scope, **{field.name: number - 1})
        if field.name not in _THREADS:
            yield less, _without(field.name, 1)
            continue
        for removed in range(number, 0, -1):
            yield less, _without(_THREADS[field.name], removed)


def _without(kind: str, removed: int) -> Rename:
    """Renames the threads of ``kind`` when number ``removed`` is gone; a prompt's title goes with it."""
    pattern = re.compile(rf"((?:title:)?{kind})(\d+)")

    def rename(named: Named) -> Named | None:
        match = pattern.fullmatch(named.thread)
        if match is None or int(match[2]) < removed:
            return named
        if int(match[2]) == removed:
            return None
        return named._replace(thread=f"{match[1]}{int(match[2]) - 1}")

    return rename

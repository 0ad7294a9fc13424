"""Why a run violates an invariant: what raced, when it was too late, and the nearest run in which all is well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer.paths import ByPlace, walk, walk_or_cut
from everyturn.engines.simpy.kernel import simulate, simulate_path
from everyturn.errors import EndlessRun
from everyturn.explanation.cause import Cause, cause_of
from everyturn.explanation.deciding_races import DecidingRaces
from everyturn.explanation.happens_before import Race
from everyturn.explanation.no_return import BUDGET, NoReturn, point_of_no_return
from everyturn.explanation.shrink import judge_of, name_of, violating
from everyturn.explanation.source_lines import SourceLine, places
from everyturn.runs.outcomes import label
from everyturn.runs.run import Run
from everyturn.runs.schedule import Schedule, deviations
from everyturn.runs.tokens.named_steps import ByName, Named
from everyturn.strategies.replay import Replay
from everyturn.verdicts.selection import Wanted
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True)
class Passing:
    """The nearest run that does not violate the invariant, whatever else it may violate: it differs from ``step`` on,
    by one ``decision`` if there is such a run."""

    step: int
    run: Run
    decision: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why ``run`` violates ``invariant``.

    ``core``: the steps that happened before the violation; ``places``: the line of the agent of each operation of each
    step; ``race``: the accesses whose order decided; ``no_return``: none if the budget did not suffice, with the
    names of the steps of ``good``, the way that was lost there.
    """

    run: Run
    invariant: str
    promise: str
    sentence: str
    step: int
    core: frozenset[int]
    places: list[list[SourceLine]]
    race: Race | None
    passing: Passing | None
    no_return: NoReturn | None
    good: tuple[Named, ...]


def explain_source(
    source: str,
    invariants: Sequence[Wanted] = (),
    *,
    budget: int = BUDGET,
    agent: str | type[Dispatcher] | None = None,
    strayed: Callable[[str], None] | None = None,
) -> Explanation:
    """Explain the run of a token or a trace file. Raises :class:`UsageError` if it violates none of the invariants
    asked for.

    ``agent``, ``strayed``: see :func:`~everyturn.explanation.shrink.violating`.
    """
    schedule, wanted = violating(source, invariants, strayed, agent)
    return explain(schedule, wanted, budget=budget, agent=agent)


def explain(
    schedule: Schedule, invariant: Wanted, *, budget: int = BUDGET, agent: str | type[Dispatcher] | None = None
) -> Explanation:
    """Explain a schedule that violates ``invariant``; ``budget`` states are looked at for the point of no return.

    ``agent``: what runs in place of the schedule's revision.
    """
    return _Explainer(schedule, invariant, agent=agent).explain(budget)


class ShownCause(NamedTuple):
    """What tells one violating run from another: its cause, the folded order of its conflicts, its racing accesses."""

    cause: Cause
    order: frozenset[tuple[str, str]]
    race: tuple[str, str] | None


def shown_by(schedule: Schedule, invariant: Wanted, transitions: Transitions | None = None) -> ShownCause:
    """What a schedule shows that violates ``invariant``; ``transitions``: tables of its world that judge it, if any."""
    explainer = _Explainer(schedule, invariant, transitions)
    cause = cause_of(explainer.transitions, explainer.path, explainer.run, explainer.step, explainer.finding)
    order = explainer.order.folded(explainer.step)
    race = explainer.races.first()
    if race is None:
        return ShownCause(cause, order, None)
    first, second = (explainer.run.steps[touch.step].operations[touch.place] for touch in race)
    return ShownCause(cause, order, (f"{first.thread} {first.operation}", f"{second.thread} {second.operation}"))


class _Explainer:
    """One run, in tables and through SimPy."""

    def __init__(
        self,
        schedule: Schedule,
        wanted: Wanted,
        transitions: Transitions | None = None,
        agent: str | type[Dispatcher] | None = None,
    ) -> None:
        self.judge = judge_of(wanted)
        self.invariant = invariant = name_of(wanted)
        self.schedule = schedule
        if transitions is None:
            world = World(Scope.parse(schedule.scope), agent or schedule.revision, schedule.granularity)
            transitions = Transitions(world, self.judge)
        self.transitions = transitions
        self.world = transitions.world
        self.path = walk_or_cut(self.transitions, lambda: ByPlace(schedule.deviations), invariant)
        self.run = simulate_path(self.world, schedule.deviations, self.path)
        found = (each for each in self.judge.run(self.run.seen()) if each[1].invariant == invariant)
        self.step, self.finding = next(found)
        self.races = DecidingRaces(self.transitions, self.path, self.run, self.step, self.finding)
        self.order = self.races.order

    def explain(self, budget: int) -> Explanation:
        no_return = point_of_no_return(self.transitions, self.path, budget)
        good = () if no_return is None or no_return.step is None else tuple(self._lost(no_return))
        return Explanation(
            run=self.run,
            invariant=self.invariant,
            promise=next((each.sentence for each in self.judge.invariants), "the run obeys the protocol"),
            sentence=self.finding.sentence,
            step=self.step,
            core=frozenset(self.order.core(self._target())),
            places=places(self.run, self.world),
            race=self.races.first(),
            passing=self._passing() or self._turned_back(no_return, good),
            no_return=no_return,
            good=good,
        )

    def _target(self) -> int:
        """The step that the violation is about; at rest, the last one that tells of a prompt that the sentence
        names."""
        last = len(self.run.steps) - 1
        if self.step <= last:
            return self.step
        words = self.finding.sentence.replace(",", " ").replace(":", " ").split()
        for number in range(last, -1, -1):
            if any(getattr(event, "prompt", None) in words for event in self.run.steps[number].events):
                return number
        return last

    # the nearest passing run -------------------------------------------------------------------------------------

    def _passing(self) -> Passing | None:
        """The run that differs by one decision, as late as can be, and violates nothing that is judged here.

        The other steps are made in their order as far as they can be; if no such run passes, a thread is held back.
        """
        last = min(self.step, len(self.path.steps) - 1)
        for others in (self._others, self._held_back):
            for number in range(last, -1, -1):
                for names, decision in others(number):
                    try:
                        path = walk(self.transitions, ByName(names))
                    except EndlessRun:
                        continue
                    if path.violation(self.invariant) is None:
                        run = simulate(self.world, Replay(deviations(path.decisions)))
                        return Passing(number, run, decision)
        return None

    def _turned_back(self, no_return: NoReturn | None, good: Sequence[Named]) -> Passing | None:
        """The run that takes the good way at the point of no return, if that is known."""
        if no_return is None or no_return.step is None:
            return None
        path = walk(self.transitions, ByName([*self.path.names[: no_return.step], *good]))
        run = simulate(self.world, Replay(deviations(path.decisions)))
        return Passing(no_return.step, run, f"{good[0]} comes before {self.path.names[no_return.step]}, and so on")

    def _held_back(self, number: int) -> Iterator[tuple[list[Named], str]]:
        """Another thread goes on at a step, and the one that did waits until that has done all it did."""
        names = self.path.names
        step = self.path.steps[number]
        for thread in step.enabled:
            name = self.world.threads[thread].name
            if thread != step.thread:
                ahead = [each for each in names[number:] if each.thread == name]
                behind = [each for each in names[number:] if each.thread != name]
                yield (
                    [*names[:number], *ahead, *behind],
                    f"{names[number]} waits until {name} has done what it has to do",
                )

    def _others(self, number: int) -> Iterator[tuple[list[Named], str]]:
        """The other decisions at a step: another outcome, or another thread first."""
        names = self.path.names
        step = self.path.steps[number]
        for choice in self.transitions.moves(step.row, step.thread):
            operations = self._operations(step.row, step.thread, choice.choice)
            if operations != step.named.operations:
                other = Named(step.named.thread, operations)
                what = next(
                    b for a, b in zip(step.named.operations, (*operations, *operations), strict=False) if a != b
                )
                yield (
                    [*names[:number], other, *names[number + 1 :]],
                    f"{other.thread}'s {what[0]} ends with: {what[1].split('(')[-1].lower()}",
                )
        for thread in step.enabled:
            if thread == step.thread:
                continue
            name = self.world.threads[thread].name
            following = next((at for at in range(number, len(names)) if names[at].thread == name), None)
            if following is not None:
                moved = [*names[:number], names[following], *names[number:following], *names[following + 1 :]]
                yield moved, f"{names[following]} comes before {names[number]}"

    def _operations(self, row: tuple[int, ...], thread: int, choice: int) -> tuple[tuple[str, str], ...]:
        made = self.transitions.made(row, thread, choice)
        return tuple((operation, label(result)) for operation, result in made)

    def _lost(self, no_return: NoReturn) -> Iterator[Named]:
        """The steps of the good way that was still there before the point of no return."""
        assert no_return.step is not None
        row = (*[step.row for step in self.path.steps], self.path.last)[no_return.step]
        for thread, choice in no_return.good:
            yield Named(self.world.threads[thread].name, self._operations(row, thread, choice))
            row = next(move.row for move in self.transitions.moves(row, thread) if move.choice == choice)

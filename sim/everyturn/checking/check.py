"""Exhaustive verdicts: every interleaving of a revision in a scope, judged by every invariant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from everyturn.engines.coroutines.exploration import (
    NO_LIMITS,
    Exploration,
    ExplorationProgress,
    Limits,
    Violation,
    peak,
)
from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.search import Search
from everyturn.errors import Unwritable, UsageError
from everyturn.runs.run import Run
from everyturn.verdicts import hints
from everyturn.verdicts.checker import CONFORMS, Judge
from everyturn.verdicts.selection import Selection, Wanted, selection
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Another, Cell, CounterCheck, InvariantResult, Verdict, of_cell, with_unpromised
from everyturn.world import overrun
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher
from everyturn_model.invariants import Kind
from everyturn_model.witnesses import WITNESSES

_CANDIDATES = 25
"""How many violations are looked at for each counterexample that is to differ in the racing pair."""


class CheckedCell(NamedTuple):
    """A cell, and the shortest run for each violation in it, by invariant. ``unsaved``: why its checkpoint, if there
    was to be one, is not what was found."""

    cell: Cell
    runs: dict[str, tuple[Run, int]]
    interrupted: bool
    unsaved: Unwritable | None = None


def check(
    revision: str | type[Dispatcher],
    scope: str,
    *,
    granularity: str = "access",
    invariants: Sequence[Wanted] = (),
    without: Sequence[str] = (),
    stop_at_first: bool = False,
    limits: Limits = NO_LIMITS,
    progress: ExplorationProgress | None = None,
    engine: str = "levels",
    checkpoint: Path | None = None,
    reduce: str = "dead",
    counterexamples: int = 1,
    processes: int = 1,
    counter_check: bool = True,
) -> CheckedCell:
    """The verdict on one cell: all interleavings, unless a limit is reached.

    ``invariants``: which to judge, by name or as objects of one's own; none: all, and conformance; ``without`` some of
    them. ``stop_at_first``: end at the first refutation, with the same shortest counterexample; the others are then
    undetermined. ``counterexamples``: how many to give for each refuted invariant, different in the cause that they
    show, or else in the order of conflicting accesses. ``reduce``: one of
    :data:`~everyturn.engines.explorer.reductions.REDUCTIONS`; with ``ample``, violations need not be shortest.
    ``checkpoint``: a file that is written now and then, and gone on from if it is there (``levels`` only). Raises
    :class:`UsageError`. ``processes``: with two, the agent's code runs in a process of its own, with the same result;
    there is one with ``plain``, with symmetry and with ample sets. ``counter_check``: what is proved
    is checked again in part through the real coroutines, without tables; raises :class:`~everyturn.errors.Disagreement`
    if that shows something else.
    """
    world = World(Scope.parse(scope), revision, granularity)
    asked = _selected(invariants, without, reduce, counterexamples, stop_at_first=stop_at_first)
    judge = asked.judge(world.promises)
    explorer, found = _explore(
        world, judge, limits, progress, engine, checkpoint, reduce, counterexamples, processes, stop_at_first
    )
    said, conforms, runs = _judge_all(explorer, judge, found)
    checked_again = _counter_checked(explorer, found, proved_by(said, conforms), asked=counter_check)
    elsewhere = explorer.peak_elsewhere
    explorer.close()
    _add_others(explorer, asked, found, {**said, CONFORMS: conforms}, runs, counterexamples - 1)
    said = with_unpromised(asked.invariants, said, world.promises)
    cell = Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=granularity,
        verdict=of_cell(said, conforms),
        invariants=said,
        conforms=conforms,
        witnesses=_witnesses(explorer),
        states=found.states,
        transitions=found.transitions,
        depth=found.depth,
        seconds=round(found.seconds, 3),
        peak_bytes=peak() + elsewhere,
        stopped=found.stopped,
        reduction=reduce,
        counter_check=checked_again,
    )
    return CheckedCell(cell, runs, found.interrupted, found.unsaved)


def check_all(
    explore: Callable[..., CheckedCell],
    cells: Sequence[tuple[str | type[Dispatcher], str]],
    jobs: int,
    watching: Callable[[str], AbstractContextManager[ExplorationProgress]],
) -> Iterator[CheckedCell]:
    """The verdicts on cells (revision, scope), in their order. With two ``jobs`` or more, as many cells are explored at
    once, in processes of their own, from which no runs come back; a single cell is explored by two.

    ``explore``: :func:`check` with its options. ``watching``: progress, for the name of a cell; of one process only.
    """
    if jobs > 1 and len(cells) > 1:
        from joblib import Parallel, delayed

        yield from Parallel(jobs, return_as="generator")(delayed(_without_runs)(explore, *cell) for cell in cells)
        return
    for revision, scope in cells:
        with watching(f"{revision} {scope}") as progress:
            checked = explore(revision, scope, progress=progress, processes=min(jobs, 2))
        yield checked


def _without_runs(explore: Callable[..., CheckedCell], revision: str | type[Dispatcher], scope: str) -> CheckedCell:
    """The verdict alone, for another process: runs are known by their tokens."""
    with overrun.watching():
        return explore(revision, scope)._replace(runs={})


def _selected(
    invariants: Sequence[Wanted], without: Sequence[str], reduce: str, counterexamples: int, *, stop_at_first: bool
) -> Selection:
    """What is to be judged. Raises :class:`UsageError`, also for options that contradict each other."""
    asked = selection(invariants, without)
    if asked.own and reduce == "symmetry":
        raise UsageError(
            f"reduce symmetry: expected invariants of the list, which treat all prompts alike; found "
            f"{', '.join(sorted(asked.own))}: choose reduce dead"
        )
    if stop_at_first and counterexamples > 1:
        raise UsageError(f"stop at first: expected one counterexample, found that {counterexamples} were asked for")
    return asked


def _explore(
    world: World,
    judge: Judge,
    limits: Limits,
    progress: ExplorationProgress | None,
    engine: str,
    checkpoint: Path | None,
    reduce: str,
    counterexamples: int,
    processes: int,
    stop_at_first: bool,
) -> tuple[Search, Exploration]:
    if engine == "plain":
        if checkpoint is not None or reduce != "dead" or counterexamples > 1:
            raise UsageError("the plain engine has no checkpoints, reductions and further counterexamples: use levels")
        plain = Explorer(world, judge)
        return plain, plain.run(limits, progress=progress, stop_at_first=stop_at_first)
    different = _CANDIDATES * (counterexamples - 1) + 1
    explorer, save = _begun(world, judge, checkpoint, reduce, different, processes)
    return explorer, explorer.run(
        limits, progress=progress, stop_at_first=stop_at_first, save=save, different=different
    )


def _begun(
    world: World, judge: Judge, checkpoint: Path | None, reduce: str, different: int, processes: int
) -> tuple[LevelExplorer, Callable[[], None] | None]:
    """A search, gone on from its file if there is one, and what saves it there."""
    if checkpoint is None:
        return LevelExplorer(world, judge, reduce, processes=processes), None
    from everyturn.engines.explorer import checkpoints

    explorer = (
        checkpoints.load(checkpoint, world, judge, reduce, different=different, processes=processes)
        if checkpoint.exists()
        else LevelExplorer(world, judge, reduce, processes=processes)
    )
    return explorer, lambda: checkpoints.save(explorer, checkpoint)


def _judge_all(
    explorer: Search, judge: Judge, found: Exploration
) -> tuple[dict[str, InvariantResult], InvariantResult | None, dict[str, tuple[Run, int]]]:
    """What an exploration says of each invariant and of conformance, and the run that refutes it, by its name."""
    scope = explorer.transitions.world.scope
    runs: dict[str, tuple[Run, int]] = {}
    said: dict[str, InvariantResult] = {}
    for invariant in judge.invariants:
        vacuous = is_vacuous(invariant, scope)
        said[invariant.name] = _judged(explorer, judge, found, invariant.name, runs, vacuous=vacuous)
    _doubt(explorer, judge, found, said)
    conforms = _judged(explorer, judge, found, CONFORMS, runs, vacuous=False) if judge.conformance else None
    return said, conforms, runs


def _judged(
    explorer: Search,
    judge: Judge,
    found: Exploration,
    name: str,
    runs: dict[str, tuple[Run, int]],
    *,
    vacuous: bool,
) -> InvariantResult:
    violation = found.violations.get(name)
    if violation is not None:
        from everyturn.engines.simpy.counterexample import counterexample  # what is proved needs no SimPy

        run, step, finding = counterexample(explorer.transitions, violation, judge)
        runs[name] = run, step
        guard = finding.sentence if name == CONFORMS else None
        return InvariantResult(Verdict.REFUTED, finding.sentence, len(violation.decisions), run.token, guard)
    if not found.complete:
        return InvariantResult(Verdict.UNDETERMINED)
    return InvariantResult(Verdict.VACUOUS if vacuous else Verdict.PROVED)


def proved_by(said: Mapping[str, InvariantResult], conforms: InvariantResult | None) -> list[str]:
    """The names of the invariants that are proved, conformance included."""
    judged = {**said, **({} if conforms is None else {CONFORMS: conforms})}
    return [name for name, each in judged.items() if each.verdict is Verdict.PROVED]


def _counter_checked(
    explorer: Search, found: Exploration, proved: Sequence[str], *, asked: bool
) -> CounterCheck | None:
    """The counter-check of an exploration that proves something; none if it does not."""
    if not proved:
        return None
    if not asked:
        return CounterCheck(off=True)
    from everyturn.checking.countercheck.proofs import counter_checked

    return counter_checked(explorer, found, proved)


def _doubt(explorer: Search, judge: Judge, found: Exploration, said: dict[str, InvariantResult]) -> None:
    """Take back what was proved at rest, if some runs never come to rest though nothing in the scope is endless."""
    at_rest = [each.name for each in judge.invariants if each.kind is Kind.AT_REST]
    proved = [name for name in at_rest if said[name].verdict is Verdict.PROVED]
    world = explorer.transitions.world
    if not proved or not found.complete or world.scope.endless:
        return
    round_ = explorer.round()
    asks = hints.of_world("liveness", world.revision, str(world.scope), world.granularity)
    for name in proved if round_ is not None else ():
        said[name] = InvariantResult(
            Verdict.UNDETERMINED,
            f"holds at rest, but threads can go round for ever, {round_}: who waits meanwhile says {asks}",
        )


def _add_others(
    explorer: Search,
    asked: Selection,
    found: Exploration,
    said: Mapping[str, InvariantResult | None],
    runs: Mapping[str, tuple[Run, int]],
    most: int,
) -> None:
    """Add to what is refuted ``most`` further counterexamples that differ."""
    for name, violations in found.others.items() if most else ():
        judged = said[name]
        if judged is not None:
            judged.others = list(_different(explorer, asked, runs[name][0], violations, most))


def _different(
    explorer: Search, asked: Selection, first: Run, violations: Sequence[Violation], most: int
) -> Iterator[Another]:
    """Violations of one invariant that differ from the first and from each other in the cause that they show.

    If there are not enough of them, others follow that differ in the order of their conflicting accesses.
    """
    from everyturn.engines.simpy.counterexample import counterexample
    from everyturn.explanation.explain import shown_by

    name, judge = violations[0].finding.invariant, explorer.transitions.judge
    transitions = Transitions(explorer.transitions.world, asked.judge_of(name))
    shown = shown_by(first.schedule, name, transitions)
    causes, orders = {shown.cause}, {shown.order}
    later: list[Another] = []
    for violation in violations:
        if len(causes) > most:
            return
        run, _, finding = counterexample(explorer.transitions, violation, judge)
        shown = shown_by(run.schedule, name, transitions)
        another = Another(finding.sentence, len(violation.decisions), run.token, shown.race)
        if shown.cause not in causes:
            causes.add(shown.cause)
            yield another
        elif shown.order not in orders:
            later.append(another)
        orders.add(shown.order)
    yield from later[: most + 1 - len(causes)]


def _witnesses(explorer: Search) -> dict[str, bool]:
    """Which witnesses were reached: what a proof is worth."""
    seen = set(explorer.events)
    return {witness.name: any(witness.shows(event) for event in seen) for witness in WITNESSES}

"""Which tables a proof rests on, for each kind of exploration."""

from __future__ import annotations

from collections.abc import Collection
from functools import singledispatch

from everyturn.checking.countercheck.counter_check import THOROUGH, Workload, counter_check, enough
from everyturn.checking.countercheck.level_tables import LevelTables
from everyturn.checking.countercheck.row_tables import RowTables
from everyturn.checking.countercheck.walks import ThreadChoice, WalkTables
from everyturn.engines.coroutines.exploration import Exploration
from everyturn.engines.coroutines.programs import Graph
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.search import Search
from everyturn.engines.fairness.fairness import Liveness
from everyturn.engines.fairness.waiting import Waiting
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import CounterCheck
from everyturn.world.world import World


@singledispatch
def tables_of(search: Search) -> WalkTables:
    """What a search that is complete says of runs; each kind of search is registered below."""
    raise NotImplementedError(f"no tables are known of {type(search).__name__}: register them in {__name__}")


@tables_of.register
def _(search: LevelExplorer) -> WalkTables:
    return LevelTables(search)


@tables_of.register
def _(search: Explorer) -> WalkTables:
    return RowTables(search.transitions, search.numbers, search.parent)


def counter_checked(search: Search, found: Exploration, proved: Collection[str]) -> CounterCheck:
    """The counter-check of an exploration that proves something. Raises :class:`~everyturn.errors.Disagreement`."""
    work = enough(found.states, found.depth)
    return _check(search, work, proved, found.outcomes, found.seconds)


def audited(search: Search) -> CounterCheck:
    """The counter-check of all that an exploration merged, however long it takes. Raises as :func:`counter_checked`
    does."""
    return _check(search, THOROUGH)


def waiting_checked(graph: Graph, found: Liveness) -> CounterCheck:
    """The counter-check of a graph in which nobody waits for ever. Raises as :func:`counter_checked` does."""
    waiting = graph.program
    assert isinstance(waiting, Waiting)
    transitions = waiting.transitions

    def parent(state: int) -> tuple[int, ThreadChoice]:
        source, place = graph.parents[state]
        return source, list(transitions.successors(graph.states[source]))[place][:2]

    tables = RowTables(transitions, graph.numbers, parent, waits=True)
    work = enough(found.states, found.depth)
    return counter_check(waiting.world, transitions.judge, tables, transitions.locals, work, seconds=found.seconds)


def runs_checked(
    world: World, judge: Judge, proved: Collection[str], outcomes: Collection[object], runs: int, seconds: float
) -> CounterCheck:
    """The counter-check of ``runs`` through SimPy that stand for all others, and ended in ``outcomes``. Raises
    likewise."""
    from everyturn.checking.countercheck.run_tables import RunTables  # SimPy's runs alone need SimPy

    tables, work = RunTables(world, judge), enough(runs, 20)
    return counter_check(world, judge, tables, None, work, proved=proved, outcomes=outcomes, seconds=seconds)


def _check(
    search: Search,
    work: Workload,
    proved: Collection[str] = (),
    outcomes: Collection[object] | None = None,
    seconds: float | None = None,
) -> CounterCheck:
    transitions = search.explored
    return counter_check(
        transitions.world,
        transitions.judge,
        tables_of(search),
        transitions.locals,
        work,
        proved=proved,
        outcomes=outcomes,
        seconds=seconds,
    )

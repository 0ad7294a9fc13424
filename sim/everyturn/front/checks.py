"""Proofs: every interleaving of an agent in a scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack, overload

from everyturn.checking.check import CheckedCell
from everyturn.checking.check import check as check_cell
from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
from everyturn.errors import UsageError
from everyturn.front.asking import Agent, Granularity, Progress, dispatcher, exploring, scope_text
from everyturn.front.graphs import READABLE, graph
from everyturn.front.of_programs import also_of_programs
from everyturn.front.runs import Question, RunsAgain
from everyturn.front.scenarios import check_scenario
from everyturn.front.sessions import check_session
from everyturn.front.tables import TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports.matrix_plot import matrix_of
from everyturn.verdicts.html_tables import as_html
from everyturn.verdicts.selection import Wanted, selection
from everyturn.world.scope import DEFAULT_SCOPES, Scope
from everyturn.world.world import World

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from networkx import MultiDiGraph

Reduce = Literal["none", "dead", "symmetry", "ample"]


class CheckOptions(TypedDict, total=False):
    """The options of :func:`check`, as :func:`check_all` takes them."""

    invariants: Sequence[Wanted]
    without: Sequence[str]
    stop: Literal["never", "first"]
    granularity: Granularity
    reduce: Reduce
    counterexamples: int
    max_states: int
    max_seconds: float | None
    max_memory: int | None
    processes: int
    counter_check: bool
    progress: Progress


class CheckResult(RunsAgain):
    """The verdict on one agent in one scope; ``cell`` is what `everyturn check --json` gives. Its runs are shortest
    ones."""

    def __init__(self, checked: CheckedCell, asked: Question) -> None:
        super().__init__(checked.cell, asked)
        self.interrupted: bool = checked.interrupted

    def __repr__(self) -> str:
        return f"CheckResult({self.revision}, {self.scope}: {self.verdict}, {self.states or 0:,} states)"

    @property
    def states(self) -> int | None:
        """How many states were found."""
        return self.cell.states

    def graph(self, *, max_states: int = READABLE, progress: Progress = False) -> MultiDiGraph:
        """The reachable states as a graph of networkx; those that are judged, so that there are as many as ``states``.

        A node has the shared values by their names (``active``, ``queue``, ``mutex`` …), ``threads``, ``depth``,
        ``rest`` and ``violated``; an edge has ``thread``, ``operations``, ``events``, ``violates`` and ``label``.
        Raises :class:`~everyturn.UsageError` beyond ``max_states``.
        """
        world = World(Scope.parse(self.scope), dispatcher(self._asked.agent), self.cell.granularity)
        judge = selection(self._asked.invariants, self._asked.without).judge(world.promises)
        with exploring(progress, f"{self.revision} {self.scope}") as show:
            return graph(world, judge, max_states, show)

    def figure(self) -> Figure:
        """The verdicts as one row of the matrix."""
        return matrix_of([self.cell])


class CheckResults(Sequence[CheckResult], TabledResult):
    """Several verdicts: a table, and the matrix. Made of any results of :func:`everyturn.check`."""

    def __init__(self, results: Iterable[CheckResult]) -> None:
        self._results = list(results)

    def __repr__(self) -> str:
        return f"CheckResults({self._results!r})"

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, place: int) -> CheckResult: ...

    @overload
    def __getitem__(self, place: slice) -> CheckResults: ...

    def __getitem__(self, place: int | slice) -> CheckResult | CheckResults:
        return self._results[place] if isinstance(place, int) else CheckResults(self._results[place])

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self._results)

    def table(self) -> list[TableRow]:
        """A row for each agent, scope and invariant."""
        return [row for result in self for row in result.table()]

    def matrix(self) -> list[TableRow]:
        """A row for each agent, scope and granularity, a column for each invariant: its verdict."""
        names = dict.fromkeys(name for result in self for name in result.verdicts)
        return [
            {
                "revision": result.revision,
                "scope": result.scope,
                "granularity": result.cell.granularity,
                **{name: str(said.verdict) if (said := result.verdicts.get(name)) else None for name in names},
            }
            for result in self
        ]

    def figure(self) -> Figure:
        """The matrix: agents and scopes as rows, invariants as columns."""
        return matrix_of([result.cell for result in self])

    def _repr_html_(self) -> str:
        return as_html(self.matrix())


@also_of_programs(check_scenario, check_session)
@undisturbed
def check(
    agent: Agent,
    scope: str | Scope,
    *,
    invariants: Sequence[Wanted] = (),
    without: Sequence[str] = (),
    stop: Literal["never", "first"] = "never",
    granularity: Granularity = "access",
    reduce: Reduce = "dead",
    counterexamples: int = 1,
    max_states: int = DEFAULT_MAX_STATES,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    processes: int = 1,
    counter_check: bool = True,
    progress: Progress = False,
) -> CheckResult:
    """Explore every interleaving of ``agent`` in ``scope``: proved, or refuted with a shortest run.

    ``invariants``: which to judge, by name or as an object of one's own (:class:`everyturn.invariants.Invariant`);
    none: all, and conformance; ``without`` some of them. ``stop="first"`` ends at the first refutation, with the same
    shortest run; what is not refuted by then is undetermined. ``max_states``, ``max_seconds``, ``max_memory``
    (bytes): limits beyond which what is not refuted is undetermined. ``counterexamples``: how many for each
    invariant, different in cause. ``reduce``, ``processes``, ``counter_check``: as on the command line. With
    ``scenario=…`` or ``session=…`` in place of ``agent`` it is :func:`check_scenario` or :func:`check_session`. Raises
    :class:`~everyturn.UsageError`, also for code that cannot be explored.
    """
    if stop not in ("never", "first"):
        raise UsageError(f"stop: expected 'never' or 'first', found {stop!r}")
    text = scope_text(scope)
    with exploring(progress, text) as show:
        checked = check_cell(
            dispatcher(agent),
            text,
            granularity=granularity,
            invariants=invariants,
            without=without,
            stop_at_first=stop == "first",
            limits=Limits(max_states, max_seconds, max_memory),
            progress=show,
            reduce=reduce,
            counterexamples=counterexamples,
            processes=processes,
            counter_check=counter_check,
        )
    return CheckResult(checked, Question(agent, tuple(invariants), tuple(without)))


@undisturbed
def check_all(
    agents: Iterable[Agent], scopes: Iterable[str | Scope] = DEFAULT_SCOPES, **options: Unpack[CheckOptions]
) -> CheckResults:
    """The verdicts on every agent in every scope, scope by scope; ``options`` are those of :func:`check`.

    Ctrl-C ends it early and keeps what was found.
    """
    if isinstance(agents, str) or isinstance(scopes, str):
        raise UsageError("check_all: expected lists of agents and of scopes, found one; say [agent], [scope]")
    names = list(agents)
    made: list[CheckResult] = []
    for scope in scopes:
        for agent in names:
            made.append(check(agent, scope, **options))
            if made[-1].interrupted:
                return CheckResults(made)
    return CheckResults(made)

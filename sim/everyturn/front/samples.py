"""Samples: runs of an agent in a scope under a strategy, and what they bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, overload

from everyturn.checking.fuzz import FuzzedCell
from everyturn.checking.fuzz import fuzz as fuzz_cell
from everyturn.checking.sampler import Chooser, Sampled
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import UsageError
from everyturn.front.asking import Agent, Granularity, dispatcher, scope_text
from everyturn.front.of_programs import also_of_programs
from everyturn.front.runs import Question, ReplayResult, RunsAgain, replay
from everyturn.front.scenarios import fuzz_scenario
from everyturn.front.sessions import fuzz_session
from everyturn.front.tables import TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports.state_plots import accumulation_of
from everyturn.runs.schedule import deviations
from everyturn.strategies.replay import Replay
from everyturn.verdicts.html_tables import as_html
from everyturn.verdicts.selection import Wanted
from everyturn.world.scope import Scope
from everyturn.world.world import World

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Show = Callable[[int, int, float], None]
"""Called now and then with runs made, invariants violated, seconds."""


class FuzzRun:
    """One run of a sample: its ``number``, the names of what it ``violated``, and how many ``steps`` it had (none,
    over tables)."""

    def __init__(self, sampled: Sampled, world: World, asked: Question) -> None:
        self.number: int = sampled.number
        self.violated: frozenset[str] = sampled.violated
        self.steps: int | None = sampled.steps
        self.sentences: dict[str, str] = {each.invariant: each.sentence for _, each in sampled.findings}
        self._sampled = sampled
        self._world = world
        self._asked = asked

    def __repr__(self) -> str:
        return f"FuzzRun({self.number}, {', '.join(sorted(self.violated)) or 'nothing violated'})"

    def _repr_html_(self) -> str:
        """The run's number and steps, and what it violates."""
        said = {"run": self.number, "steps": self.steps}
        found = [{"violated": name, "sentence": self.sentences.get(name)} for name in sorted(self.violated)]
        return as_html([said | each for each in found or [{"violated": "nothing"}]])

    @property
    def token(self) -> str:
        """The run as a token. Raises :class:`~everyturn.UsageError` for a run over tables, whose decisions are not
        kept."""
        if self._sampled.decisions is None:
            raise UsageError(
                f"run {self.number}: expected a run through SimPy, found one over tables: say engine='simpy'"
            )
        return simulate(self._world, Replay(deviations(list(self._sampled.decisions)))).token

    def replay(self) -> ReplayResult:
        """Make the run again. Raises as :attr:`token` does."""
        return replay(self.token, agent=self._asked.agent, invariants=self._asked.invariants)


class FuzzResult(Sequence[FuzzRun], RunsAgain):
    """A sample: its runs one by one, in the order of their numbers, and the verdict on the whole; ``cell`` is what
    `everyturn fuzz --json` gives.

    The verdict is *refuted*, or a bound on the *risk* if the strategy's runs are independent. Tokens are of the first
    runs that violate something.
    """

    def __init__(self, fuzzed: FuzzedCell, runs: list[FuzzRun], asked: Question) -> None:
        super().__init__(fuzzed.cell, asked)
        self.interrupted: bool = fuzzed.interrupted
        self.complete: bool = fuzzed.complete
        self._runs = runs

    def __repr__(self) -> str:
        return f"FuzzResult({self.revision}, {self.scope}: {self.verdict}, {len(self):,} runs)"

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, place: int) -> FuzzRun: ...

    @overload
    def __getitem__(self, place: slice) -> list[FuzzRun]: ...

    def __getitem__(self, place: int | slice) -> FuzzRun | list[FuzzRun]:
        return self._runs[place]

    def __iter__(self) -> Iterator[FuzzRun]:
        return iter(self._runs)

    @property
    def risk(self) -> float | None:
        """What the probability per run of a violation not seen is at most, at confidence 0.95; none: the runs bound
        nothing."""
        return None if self.cell.risk is None else float(self.cell.risk["at_most"])

    def accumulated(self) -> list[TableRow]:
        """A row for each run: its number, and for each violated invariant in how many runs so far it was."""
        counts = dict.fromkeys((name for name in self.verdicts if self.verdicts[name].count), 0)
        rows: list[TableRow] = []
        for run in self:
            for name in counts:
                counts[name] += name in run.violated
            rows.append({"run": run.number, **counts})
        return rows

    def figure(self) -> Figure:
        """In how many runs each invariant was violated, as runs accumulate."""
        return accumulation_of(self.accumulated(), f"{self.revision}, {self.scope}: {self.cell.strategy}")


@also_of_programs(fuzz_scenario, fuzz_session)
@undisturbed
def fuzz(
    agent: Agent,
    scope: str | Scope,
    *,
    strategy: Chooser = "portfolio",
    runs: int | None = None,
    seed: int = 0,
    until_risk: float | None = None,
    invariants: Sequence[Wanted] = (),
    without: Sequence[str] = (),
    granularity: Granularity = "access",
    engine: Literal["simpy", "tables"] = "simpy",
    max_seconds: float | None = None,
    counter_check: bool = True,
    progress: bool | Show = False,
    watch: Callable[[FuzzRun], None] | None = None,
) -> FuzzResult:
    """Make ``runs`` runs of ``agent`` in ``scope`` (1,000 if nothing is said) under a strategy, and judge each.

    The same ``seed`` makes the same runs; a run is known by its number, from 0. ``strategy``: a name (``"pct:3"``),
    or an object of one's own (:class:`everyturn.strategies.Strategy`). ``until_risk``: as many runs as bound the
    probability of a violation by this. ``engine="tables"``: the same runs a hundred times as fast, for
    ``random-walk`` and ``pct``. ``invariants``, ``without``: as for :func:`check`. ``watch`` is given each run as
    soon as it is made. Ctrl-C ends it early and keeps what was found. Raises :class:`~everyturn.UsageError`.
    """
    text, asked = scope_text(scope), Question(agent, tuple(invariants), tuple(without))
    world = World(Scope.parse(text), dispatcher(agent), granularity)
    made: list[FuzzRun] = []

    def note(sampled: Sampled) -> None:
        made.append(FuzzRun(sampled, world, asked))
        if watch is not None:
            watch(made[-1])

    with _sampling(progress, text) as show:
        fuzzed = fuzz_cell(
            dispatcher(agent),
            text,
            granularity=granularity,
            strategy=strategy,
            runs=runs,
            until_risk=until_risk,
            engine=engine,
            seed=seed,
            max_seconds=max_seconds,
            invariants=invariants,
            without=without,
            progress=show,
            watch=note,
            counter_check=counter_check,
        )
    return FuzzResult(fuzzed, made, asked)


@contextmanager
def _sampling(progress: bool | Show, what: str) -> Iterator[Show | None]:
    if not isinstance(progress, bool):
        yield progress
    elif progress:
        from everyturn.reports.text import ProgressLine

        with ProgressLine(what) as bar:
            yield bar.sampling
    else:
        yield None

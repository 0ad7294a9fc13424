"""Verdicts on asyncio programs: every run of one, or a sample of them, or one again.

A program is a scenario, judged without knowing what it is about; or a workload, which knows what its runs are judged
for (``kinds``), and what follows for the whole (``told``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.findings import KINDS, ScenarioFinding, kinds_of
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.scenarios import find, name_of
from everyturn.asyncio.runtime.tokens import RecordedScenario, found_in, recorded, token
from everyturn.asyncio.search.confirming import DOUBTFUL
from everyturn.asyncio.search.counter_checking import counter_check as check_again
from everyturn.asyncio.search.sampling import ScenarioSample, sample, strategy_for
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits, search
from everyturn.asyncio.telling.explaining import BUDGET, MOST_LINES, ExplainedScenario, explain, wanted_of
from everyturn.asyncio.telling.shrinking import Weight, shrink
from everyturn.asyncio.telling.story import tell
from everyturn.asyncio.telling.waiting import told as who_waits
from everyturn.asyncio.telling.waiting import waiting_at_rest
from everyturn.checking.countercheck.counter_check import Workload, enough
from everyturn.checking.fuzz import ENGINES, how_many
from everyturn.checking.risk import residual, upper_bound
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Cell, CounterCheck, InvariantResult, Verdict, worst
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime

HANGS: Final = "at rest the scenario still waits"

STATES_OF_A_RUN: Final = 25
"""A budget of states is one of so many times fewer runs."""

Kinds = Mapping[str, str]
"""What runs are judged for: kinds of faults, or invariants, each with what it says."""


class CheckedScenario(NamedTuple):
    """The verdict on a scenario, and what the search counted."""

    cell: Cell
    found: ScenarioSearch


def check(
    scenario: str | Scenario,
    setting: Setting | None = None,
    *,
    kinds: Kinds | None = None,
    limits: SearchLimits = SearchLimits(),  # noqa: B008 # it cannot be changed
    merge: bool = True,
    watch: Callable[[ScenarioSearch], None] | None = None,
    counter_check: bool = True,
    processes: int = 1,
) -> CheckedScenario:
    """Explore every run of ``scenario``, unless a limit is reached. Raises :class:`UsageError`.

    ``kinds``: what it is judged for, by default all that there is. ``counter_check``: make some of the runs again on
    which a proof rests (:mod:`everyturn.asyncio.search.counter_checking`), which raises
    :class:`~everyturn.errors.Disagreement` if they differ. ``processes``: as for
    :func:`~everyturn.asyncio.search.searching.search`.
    """
    function, name = find(scenario), name_of(scenario)
    begun = time.monotonic()
    until = None if limits.seconds is None else begun + limits.seconds
    with _in_time(name, limits.seconds), prepared(function, (setting or Setting())._replace(until=until)):
        result = search(function, setting, limits=limits, merge=merge, watch=watch, begun=begun, processes=processes)
        otherwise = Verdict.PROVED if result.complete else Verdict.UNDETERMINED
        said = judged(function, name, kinds or kinds_of(function), result, otherwise)
        checked_again = _counter_checked(function, result, said, asked=counter_check)
    if result.setting.order != "fifo" and result.found:
        most = result.seconds if limits.seconds is None else limits.seconds - result.seconds
        bound = limits._replace(seconds=max(most, 5.0), first=frozenset())
        _compare_with_asyncio(function, result.setting, said, bound)
    cell = cell_of(function, name, said, result)
    cell.states, cell.transitions, cell.depth = result.states, result.decisions, result.longest
    cell.schedules, cell.seconds, cell.stopped = result.runs, round(result.seconds, 3), result.stopped
    cell.complete, cell.counter_check = result.complete, checked_again
    return CheckedScenario(cell, result)


@contextmanager
def _in_time(name: str, seconds: float | None) -> Iterator[None]:
    """Within, no step goes on when the time is over. Raises :class:`UsageError` if nothing was found by then."""
    try:
        with overrun.watching(seconds):
            yield
    except OutOfTime as error:
        raise UsageError(
            f"scenario {name!r}: {error}: expected the runs that are made before all others, to learn from them, to "
            "end sooner"
        ) from None


def _counter_checked(
    scenario: Scenario, result: ScenarioSearch, said: dict[str, InvariantResult], *, asked: bool
) -> CounterCheck | None:
    """The counter-check of a search that proves something; none if it does not."""
    guide, result.guide = result.guide, None
    proved = [kind for kind, judged in said.items() if judged.verdict is Verdict.PROVED]
    if not proved:
        return None
    if not asked:
        return CounterCheck(off=True)
    runs = enough(result.states, result.longest).runs
    work = Workload(runs, 3 * runs, 4 * result.longest)
    schedules = max(4, result.runs)
    return check_again(
        scenario,
        result.setting,
        guide,
        proved,
        work=work,
        seconds=result.seconds,
        schedules=schedules,
        unordered=result.unordered,
    )


def fuzz(
    scenario: str | Scenario,
    setting: Setting | None = None,
    *,
    kinds: Kinds | None = None,
    strategy: str = "portfolio",
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    seconds: float | None = None,
    watch: Callable[[ScenarioSearch], None] | None = None,
    counter_check: bool = True,
    first: int = 0,
    engine: str = "simpy",
) -> CheckedScenario:
    """Make ``runs`` runs of ``scenario`` under a strategy (:mod:`everyturn.asyncio.search.sampling`): refuted, or a
    bound on the risk that one run shows a fault, or proved if a finite strategy without a bound has made all its runs.

    ``until_risk``: as many runs as bound the risk by this if all are clean. The same ``seed`` makes the same runs, each
    by its number alone; ``first``: the number of the first, so that a sample can be made in parts. ``engine``
    ``tables``: the same runs, followed from state to state where that is known; some are made all the same, and
    compared (:mod:`everyturn.asyncio.search.tables`), which raises :class:`~everyturn.errors.Disagreement` if they
    differ. Raises :class:`UsageError` for a strategy that is not known.
    """
    function, name = find(scenario), name_of(scenario)
    setting = setting or Setting()
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
    tables = engine == "tables"
    with _in_time(name, seconds), prepared(function, setting):
        chooser = strategy_for(function, setting, strategy, seed).chooser
        number = how_many(runs, until_risk, strategy, chooser)
        sampled = sample(
            function,
            setting,
            strategy,
            runs=number,
            seed=seed,
            seconds=seconds,
            watch=watch,
            first=first,
            tables=tables,
        )
        result, used = sampled.found, sampled.used
        said = judged(function, name, kinds or kinds_of(function), result, _otherwise(sampled, until_risk))
        for kind in result.found.keys() & said.keys():
            said[kind].count = sampled.often(kind)
        checked_again = _counter_checked(function, result, said, asked=counter_check)
    cell = cell_of(function, name, said, result)
    cell.schedules, cell.strategy, cell.seed = result.runs, strategy, seed
    cell.seconds, cell.stopped, cell.depth = round(result.seconds, 3), result.stopped, result.longest
    cell.complete = True if sampled.complete else None
    cell.risk = (
        None
        if result.found or not result.runs
        else residual(used.chooser, len(used.known), result.runs, sampled.ends.values())
    )
    if cell.risk is not None and until_risk is not None:
        cell.risk |= {"asked": until_risk, "met": cell.risk["at_most"] <= until_risk}
    cell.counter_check = checked_again
    return CheckedScenario(cell, result)


def _otherwise(sampled: ScenarioSample, until_risk: float | None) -> Verdict:
    """What is known of a fault that no run showed. A run that did not come to rest shows nothing."""
    chooser, found = sampled.used.chooser, sampled.found
    if chooser.independent:
        enough_runs = until_risk is None or upper_bound(found.runs) <= until_risk
        return Verdict.RISK if found.runs and not found.unrested and enough_runs else Verdict.UNDETERMINED
    return Verdict.PROVED if sampled.complete and chooser.proves == "always" else Verdict.UNDETERMINED


class ReplayedScenario(NamedTuple):
    """A run made again: its verdict, its story, and where it left the recorded path, if it did; what was run, how, and
    the name that its token has for it."""

    cell: Cell
    outcome: ScenarioOutcome
    lines: list[str]
    strayed: str | None
    scenario: Scenario
    setting: Setting
    name: str


def replay(source: str, scenario: str | Scenario | None = None, *, kinds: Kinds | None = None) -> ReplayedScenario:
    """Make the run of a token again, or of a file that holds one. ``scenario``: the code to run; only what the caller
    names is imported. ``kinds``: as for :func:`check`.

    Raises :class:`UsageError` if no scenario is named.
    """
    function, held, setting = _held(source, scenario)
    guide = ByWords(held.decisions)
    with prepared(function, setting):
        outcome, lines = tell(function, guide, setting)
        if not outcome.complete:
            outcome.findings.append(
                ScenarioFinding("hang", f"after {outcome.iterations:,} iterations of the loop it is not at rest")
            )
            lines = [*lines[:MOST_LINES], "      and so on"]
        seen = ScenarioSearch(setting)
        seen.add(outcome, time.monotonic())
        said = {
            kind: InvariantResult(Verdict.REFUTED, _sentence(function, setting, outcome, kind))
            if kind in seen.found
            else InvariantResult(Verdict.HOLDS)
            for kind in kinds or kinds_of(function)
        }
    cell = cell_of(function, name_of(function if scenario is None else scenario), said, seen)
    cell.strayed = guide.strayed
    return ReplayedScenario(cell, outcome, lines, guide.strayed, function, setting, held.scenario)


def _held(source: str, scenario: str | Scenario | None) -> tuple[Scenario, RecordedScenario, Setting]:
    """What a token holds, and the code to run. Raises :class:`UsageError` if no scenario is named, or another kind of
    program."""
    held = recorded(found_in(source))
    if scenario is None:
        raise held.unnamed()
    function = find(scenario)
    if held.is_session is (kinds_of(function) is KINDS):
        raise UsageError(f"this token is of {held.whose}: expected {held.option}; found {name_of(scenario)}")
    return function, held, _setting(held)._replace(longest=2_000)


def explain_token(
    source: str, scenario: str | Scenario | None = None, kind: str | None = None, *, budget: int = BUDGET
) -> ExplainedScenario:
    """Explain the run of a token, or of a file that holds one. Raises :class:`UsageError` if it shows no fault."""
    function, held, setting = _held(source, scenario)
    name = scenario if isinstance(scenario, str) else held.scenario
    return explain(function, name, setting, held.decisions, kind, budget=budget)


class ShrunkToken(NamedTuple):
    """A run made shorter: what it was, what it is, its token, and how many runs were tried; or the shortest so far, if
    Ctrl-C ``interrupted``."""

    kind: str
    before: ScenarioOutcome
    after: ReplayedScenario
    token: str
    tried: int
    interrupted: bool


def shrink_token(
    source: str,
    scenario: str | Scenario | None = None,
    kind: str | None = None,
    *,
    watch: Callable[[Weight, int], None] | None = None,
) -> ShrunkToken:
    """Make the run of a token shorter. ``watch`` is told now and then. Raises :class:`UsageError` if it shows no
    fault."""
    function, held, setting = _held(source, scenario)
    with prepared(function, setting):
        before = run(function, ByWords(held.decisions), setting)
        wanted = wanted_of(before, kind, kinds_of(function)).kind
        shrunk = shrink(function, setting, before, wanted, every=True, watch=watch)
        text = token(held.scenario, shrunk.outcome.decisions, setting)
        after = replay(text, scenario)
    return ShrunkToken(wanted, before, after, text, shrunk.tried, shrunk.interrupted)


def _setting(held: RecordedScenario) -> Setting:
    return Setting(order=held.order, eager=held.eager, groups=held.groups)


def cell_of(program: Scenario, name: str, said: dict[str, InvariantResult], seen: ScenarioSearch) -> Cell:
    """The cell of a program; what else follows from all runs that were ``seen``, a workload knows."""
    cell = Cell(
        revision=name,
        scope="",
        granularity=seen.setting.order,
        verdict=worst(each.verdict for each in said.values()),
        invariants=said,
    )
    told: Callable[[Cell, ScenarioSearch], Cell] | None = getattr(program, "told", None)
    return cell if told is None else told(cell, seen)


def judged(
    scenario: Scenario, name: str, kinds: Kinds, result: ScenarioSearch, otherwise: Verdict
) -> dict[str, InvariantResult]:
    """Kind → its verdict: refuted with a short run of those that were ``found``, else ``otherwise``."""
    said: dict[str, InvariantResult] = {}
    for kind in kinds:
        if kind not in result.found:
            is_open = kind in result.doubtful
            said[kind] = InvariantResult(Verdict.UNDETERMINED, DOUBTFUL) if is_open else InvariantResult(otherwise)
            continue
        outcome = result.found[kind]
        made = result.setting._replace(groups=outcome.groups)
        if outcome.complete:  # one that never rests is told as it is: each try at a shorter one may not end
            shrunk = shrink(scenario, made, outcome, kind)
            outcome, result.interrupted = shrunk.outcome, result.interrupted or shrunk.interrupted
        text = token(name, outcome.decisions, made)
        sentence = _sentence(scenario, made, outcome, kind)
        said[kind] = InvariantResult(Verdict.REFUTED, sentence, len(outcome.decisions), text)
    return said


def _compare_with_asyncio(
    scenario: Scenario, setting: Setting, said: dict[str, InvariantResult], limits: SearchLimits
) -> None:
    """Add to each refutation at any order whether first in, first out can make it, too."""
    exact = search(scenario, setting._replace(order="fifo"), limits=limits)
    for kind, judged in said.items():
        if judged.verdict is not Verdict.REFUTED:
            continue
        if kind in exact.found:
            whether = "asyncio's own order can make it, too"
        elif exact.complete:
            whether = "asyncio's own order cannot make it: right at --order fifo, it needs that order"
        else:
            whether = f"whether asyncio's own order can make it is not known ({exact.stopped})"
        judged.sentence = f"{judged.sentence}; {whether}"


def _sentence(scenario: Scenario, setting: Setting, outcome: ScenarioOutcome, kind: str) -> str | None:
    """What is said of a run that shows a fault of this kind; of a hang, who waits for whom."""
    if kind == "hang" and outcome.complete and not outcome.blocked:
        with prepared(scenario, setting):
            return f"{HANGS}: {who_waits(waiting_at_rest(scenario, setting, outcome))}"
    return next((str(each) for each in outcome.findings if each.kind == kind), None)

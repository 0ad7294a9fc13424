"""Every run of a scenario: depth first through the choices of the world, equal states merged."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.ordering import MOST_PLACES, joined, too_large
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.ahead import runs_ahead
from everyturn.asyncio.search.confirming import doubtful
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging, RepeatedChoices
from everyturn.asyncio.search.endless import ScenarioStates, UpTo
from everyturn.asyncio.search.repeating import BY_ADDRESS, compare, elsewhere
from everyturn.asyncio.search.second_process import AheadRun
from everyturn.asyncio.search.trust import trusted
from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, FIRST_REFUTATION, Limits
from everyturn.errors import ReplayError
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime


class SearchLimits(NamedTuple):
    """When to give up: so many runs, seconds, bytes held by the process, states. Nothing: never. ``first``: as soon as
    a fault of one of these kinds is found."""

    runs: int | None = None
    seconds: float | None = None
    memory: int | None = None
    states: int | None = None
    first: frozenset[str] = frozenset()

    def reached(self, found: ScenarioSearch) -> str | None:
        """Which limit has been reached, in words; none if there is room."""
        if self.runs is not None and found.runs >= self.runs:
            return f"{self.runs:,} runs"
        if self.first.intersection(found.found):
            return FIRST_REFUTATION
        others = Limits(self.states or DEFAULT_MAX_STATES, self.seconds, self.memory)
        return others.reached(found.seen, found.seconds)


@dataclass
class ScenarioSearch:
    """What a search found: counts, and for each kind of finding the run with the fewest decisions.

    ``complete``: every run was made. Else ``stopped`` says why not. ``opaque``: paths to objects that kept states from
    being merged, and how often. ``unrested``: runs that were given up before they came to rest. ``unsure``, ``shown``:
    of all runs together what is said of one in :class:`~everyturn.asyncio.runtime.running.ScenarioOutcome`.
    ``seen``: all states, those included that could not be compared.
    ``trusted``: what of this program was one of all that are possible, not explored. ``assumed``: of those, what is
    said of connections. ``unordered``: classes of objects in sets that are ordered by addresses. ``guide``: that of a
    search that merged, until the counter-check is over. ``doubtful``: kinds of faults of runs in which they rest on two
    times for one instant.
    """

    setting: Setting
    runs: int = 0
    decisions: int = 0
    longest: int = 0
    seconds: float = 0.0
    states: int = 0
    seen: int = 0
    merged: int = 0
    complete: bool = False
    interrupted: bool = False
    stopped: str | None = None
    unrested: int = 0
    neighbours: frozenset[tuple[str, str]] = frozenset()
    unordered: frozenset[type] = frozenset()
    alone: frozenset[type] = frozenset()
    trusted: list[str] = field(default_factory=list)
    guide: Merging | None = None
    found: dict[str, ScenarioOutcome] = field(default_factory=dict)
    opaque: dict[str, int] = field(default_factory=dict)
    unsure: dict[str, str] = field(default_factory=dict)
    shown: frozenset[str] = frozenset()
    assumed: frozenset[str] = frozenset()
    doubtful: frozenset[str] = frozenset()

    def add(self, outcome: ScenarioOutcome, begun: float, doubtful: frozenset[str] = frozenset()) -> None:
        """Count one more run. ``doubtful``: kinds of faults that it shows, and that are none of it."""
        self.follows(len(outcome.decisions), begun)
        self.meets(outcome)
        self.doubtful |= doubtful
        for finding in outcome.findings:
            if finding.kind in doubtful:
                continue
            best = self.found.get(finding.kind)
            if best is None or len(outcome.decisions) < len(best.decisions):
                self.found[finding.kind] = outcome
        if not outcome.complete and not outcome.merged:
            self.unrested += 1
            self.stopped = f"a run did not come to rest within {self.setting.longest:,} iterations of the loop"

    def follows(self, decisions: int, begun: float) -> None:
        """Count one more run with so many decisions, of which nothing is new."""
        self.runs += 1
        self.decisions += decisions
        self.longest = max(self.longest, decisions)
        self.seconds = time.monotonic() - begun

    def meets(self, outcome: ScenarioOutcome) -> None:
        """Remember what a run, or a part of one, has met."""
        self.neighbours |= outcome.neighbours
        self.unsure = outcome.unsure | self.unsure
        self.shown |= outcome.shown
        self.unordered |= outcome.unordered
        self.alone |= outcome.alone
        self.assumed |= outcome.trusted

    def would_keep(self, kinds: Collection[str], decisions: int) -> bool:
        """Whether a run of so many decisions is the one to tell of one of these kinds of faults."""
        best = [self.found.get(each) for each in kinds]
        return any(each is None or decisions < len(each.decisions) for each in best)

    def is_repeated(self, number: int) -> bool:
        """Whether the run of this number is made once more, to compare: 1, 2, 4, 8 and so on."""
        return number & (number - 1) == 0

    def knows(self, made: AheadRun, decisions: int) -> bool:
        """Whether a run that was made elsewhere, with so many decisions, shows no fault of which it would be the run to
        tell."""
        return not self.would_keep([each.kind for each in made.findings], decisions)

    def trusts(self) -> None:
        """Say what was trusted, once all runs are made."""
        self.trusted = trusted(self.assumed)


def outcomes(scenario: Scenario, setting: Setting, guide: DepthFirstGuide | None = None) -> Iterator[ScenarioOutcome]:
    """Every run of ``scenario``, one by one, in the order of a depth-first search. To be used within
    :func:`prepared`."""
    guide = guide or DepthFirstGuide()
    while True:
        yield run(scenario, guide, setting)
        if not guide.next():
            return


def search(
    scenario: Scenario,
    setting: Setting | None = None,
    *,
    limits: SearchLimits = SearchLimits(),  # noqa: B008 # it cannot be changed
    merge: bool = True,
    watch: Callable[[ScenarioSearch], None] | None = None,
    begun: float | None = None,
    processes: int = 1,
) -> ScenarioSearch:
    """Every run of ``scenario``, unless a limit is reached.

    Orders in sets are explored for as many objects as a run was seen to need: the search then begins anew. ``merge``: a
    run ends where it comes to a state that another one has been in. ``watch`` is told after each run. At Ctrl-C what
    was found so far is returned, as ``interrupted``. ``begun``: since when its seconds count, by ``time.monotonic``.
    ``processes``: with two, and if equal states are merged, a second one makes runs ahead
    (:mod:`everyturn.asyncio.search.ahead`); what is found is the same.
    """
    setting = setting or Setting()
    begun = time.monotonic() if begun is None else begun
    until = None if limits.seconds is None else begun + limits.seconds
    with prepared(scenario, setting._replace(until=until)):
        while True:
            result = ScenarioSearch(setting)
            FIRST.was_unknown()
            try:
                with overrun.watching(limits.seconds, time.monotonic() - begun):
                    finished = _exhaust(scenario, result, begun, limits, merge=merge, watch=watch, processes=processes)
            except KeyboardInterrupt:
                result.interrupted, result.stopped = True, "interrupted"
                return result
            except OutOfTime as error:
                result.stopped = str(error)
                return result
            except ReplayError:
                if FIRST.was_unknown():
                    continue
                raise
            if NOW.lacks(result.unordered, result.alone):
                NOW.take(result.unordered)
                NOW.take_alone(result.alone)
                continue
            if result.stopped in (None, FIRST_REFUTATION) and FIRST.was_unknown():
                continue
            if finished:
                result.complete = finished and result.stopped is None
                result.trusts()
                return result
            setting = setting._replace(groups=joined(setting.groups, result.neighbours))


def _exhaust(
    scenario: Scenario,
    result: ScenarioSearch,
    begun: float,
    limits: SearchLimits,
    *,
    merge: bool,
    watch: Callable[[ScenarioSearch], None] | None,
    processes: int,
) -> bool:
    """Whether all runs were made, or a limit ends it; else the search is to begin anew, with more places in sets."""
    guide = Merging() if merge else DepthFirstGuide()
    setting = result.setting
    result.guide = guide if isinstance(guide, Merging) else None
    if limits.seconds is not None:
        setting = setting._replace(until=begun + limits.seconds)
    made: Iterator[ScenarioOutcome] = outcomes(scenario, setting, guide)
    if processes > 1 and isinstance(guide, Merging):
        made = _with_runs_ahead(scenario, setting, guide, result)
    for outcome in made:
        result.add(outcome, begun, doubtful(scenario, setting, outcome))
        if result.is_repeated(result.runs) and (outcome.complete or outcome.merged):
            # as long as the first: a limit of time that ends it earlier would look like another run
            compare(outcome, run(scenario, RepeatedChoices(outcome), setting._replace(until=None)))
            _look_for_addresses(scenario, result, outcome)
        if isinstance(guide, Merging):
            guide.ended(outcome)
            result.states, result.merged, result.opaque = len(guide.seen), guide.merged, guide.opaque
            result.seen = guide.graph.count
        if _is_to_begin_anew(result) or NOW.lacks(result.unordered, result.alone):
            return False
        if watch is not None:
            watch(result)
        reached = limits.reached(result)
        if reached is not None:
            result.stopped = reached
            return True
    if isinstance(guide, Merging) and result.stopped is None:
        _look_for_endless_runs(scenario, result, guide.graph, begun)
    if size := too_large(joined(setting.groups, result.neighbours)):
        result.stopped = (
            f"{size} tasks or futures hang together by sets: only the orders of {MOST_PLACES} were explored"
        )
    return True


def _with_runs_ahead(
    scenario: Scenario, setting: Setting, guide: Merging, result: ScenarioSearch
) -> Iterator[ScenarioOutcome]:
    """As :func:`outcomes`, some of them made by a second process."""
    with runs_ahead(scenario, setting, guide) as ahead:
        while True:
            outcome = None
            if not result.is_repeated(result.runs + 1):
                outcome = ahead.outcome(result.runs, result.knows)
            yield outcome or run(scenario, guide, setting)
            ahead.compare()
            if not guide.next():
                return


def _look_for_addresses(scenario: Scenario, result: ScenarioSearch, outcome: ScenarioOutcome) -> None:
    """Note whether a run does something else where its objects lie elsewhere."""
    for number in range(3 if result.runs == 1 else 1):
        with elsewhere(result.runs + number):
            again = run(scenario, RepeatedChoices(outcome), result.setting)
        try:
            compare(outcome, again)
        except ReplayError:
            result.assumed |= {BY_ADDRESS}


def _is_to_begin_anew(result: ScenarioSearch) -> bool:
    """Whether tasks or futures were in one set of which not every order is explored, although it could be."""
    groups = result.setting.groups
    return not too_large(groups) and joined(groups, result.neighbours) != groups


def _look_for_endless_runs(scenario: Scenario, result: ScenarioSearch, graph: ScenarioStates, begun: float) -> None:
    """Find a run to each state from which none comes to rest; where the way to one is not remembered, nothing is
    proved."""
    for state in graph.endless():
        guide = UpTo(graph.ways.get(state, ()))
        outcome = run(scenario, guide, result.setting)
        if state not in graph.ways or guide.finding is None:
            result.stopped = "runs go round for ever, which are too many to be told"
            return
        if guide.finding.kind not in result.found:
            outcome.findings.append(guide.finding)
            outcome.merged = True
            result.add(outcome, begun)

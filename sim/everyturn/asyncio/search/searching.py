"""Every run of a scenario: depth first through the choices of the world, equal states merged."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from weakref import ref

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.ordering import MOST_PLACES, joined, too_large
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.endless import ScenarioStates, UpTo
from everyturn.asyncio.search.merges import ScenarioMerges
from everyturn.asyncio.search.packing import StatePacking
from everyturn.asyncio.search.repeating import BY_ADDRESS, WHY, compare, elsewhere
from everyturn.asyncio.search.trust import trusted
from everyturn.asyncio.states.state import UnknownValue, encode
from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, FIRST_REFUTATION, Limits
from everyturn.errors import ReplayError
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime

MERGEABLE: Final = ("arrives", "between steps", "rest", "next")
"""Kinds of choices at which no code of the program is running: its state is all there is."""


class DepthFirstGuide:
    """A guide that takes a prefix, then the first option, and remembers what there was to choose from.

    The program must offer the same choices along the same prefix: if it does not it is not deterministic, which is a
    :class:`ReplayError`.
    """

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.offered: list[tuple[str, tuple[str, ...]]] = []
        self.made = 0

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning."""
        self.made = 0

    def look(self) -> None:
        """Nothing to do."""

    def foreseen(self) -> Sequence[str] | None:
        """Along the prefix: what was offered there."""
        return self.offered[self.made][1] if self.made < len(self.taken) else None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next place of the prefix, or 0."""
        number, self.made = self.made, self.made + 1
        offer = kind, tuple(options)
        if number < len(self.taken):
            if self.offered[number] != offer:
                raise ReplayError(
                    f"decision {number + 1}: the same choices led to another place: expected "
                    f"{_offer(self.offered[number])}; found {_offer(offer)}{WHY}"
                )
            return self.taken[number]
        self.taken.append(0)
        self.offered.append(offer)
        return 0

    def next(self) -> bool:
        """Go to the next prefix in the order of depth; whether there is one."""
        if self.made < len(self.taken):
            raise ReplayError(
                f"the same choices led to another place: expected a decision {self.made + 1} "
                f"({_offer(self.offered[self.made])}); found the end of the run{WHY}"
            )
        del self.taken[self.made :], self.offered[self.made :]
        while self.taken:
            self.taken[-1] += 1
            if self.taken[-1] < len(self.offered[-1][1]):
                return True
            self.taken.pop()
            self.offered.pop()
        return False


def _offer(offer: tuple[str, tuple[str, ...]]) -> str:
    kind, options = offer
    return f"{kind} ({', '.join(options)})"


class RepeatedChoices(DepthFirstGuide):
    """The same choices once more, up to where the first run ended or was left."""

    def __init__(self, first: ScenarioOutcome) -> None:
        super().__init__()
        self.taken = [decision.taken for decision in first.decisions]
        self.offered = [(decision.kind, decision.options) for decision in first.decisions]
        self._merged = first.merged

    def look(self) -> None:
        """Where the first run was left without a choice, this one is."""
        if self._merged and self.made >= len(self.taken):
            raise Abandoned(merged=True)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice of the first run; where there is no more, it was left there, or the two differ."""
        if self.made < len(self.taken):
            return super().choose(kind, options)
        if self._merged:
            raise Abandoned
        raise ReplayError(
            f"decision {self.made + 1}: the same choices led to another place: expected the end of the run; found "
            f"{_offer((kind, tuple(options)))}{WHY}"
        )


class Merging(DepthFirstGuide):
    """A depth-first guide that leaves a run where it comes to a state that was seen before."""

    def __init__(self, key: Callable[[ScenarioWorld], Sequence[Hashable]] = encode) -> None:
        super().__init__()
        self.seen: dict[bytes, int] = {}
        self.graph = ScenarioStates()
        self.merges = ScenarioMerges()
        self.merged = 0
        self.opaque: dict[str, int] = {}
        self._key = key
        self._packed = StatePacking()
        self._last = 0
        self._states: list[int | None] = []
        """The number of the state at each choice of the prefix, where there is one."""
        self._world: Callable[[], ScenarioWorld | None] = _nowhere

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning, in a new world."""
        super().begin(world)
        self._world = ref(world)
        self._last = 0

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next place of the prefix; beyond it 0, unless the state was seen before: then :class:`Abandoned`."""
        if self.made >= len(self.taken):
            self._states.append(self._state(kind, options) if kind in MERGEABLE else None)
        state = self._states[self.made]
        if state is not None:
            self._last = state
        return super().choose(kind, options)

    def look(self) -> None:
        """Leave a run that comes to a state again although the world has nothing to choose."""
        if self.made >= len(self.taken):
            self._last = self._state("looks", ())

    def next(self) -> bool:
        """Go to the next prefix in the order of depth; whether there is one."""
        more = super().next()
        del self._states[len(self.taken) :]
        return more

    def ended(self, outcome: ScenarioOutcome) -> None:
        """A run has ended; said before :meth:`next`."""
        if outcome.complete:
            self.graph.rests(self._last)

    def key_of(self, world: ScenarioWorld, kind: str, options: Sequence[str]) -> bytes:
        """The state of ``world`` at this choice, equal for equal states only. Raises :class:`UnknownValue`."""
        return self._packed(kind, options, self._key(world))

    def _state(self, kind: str, options: Sequence[str]) -> int:
        """The number of the present state, which is a new one: else :class:`Abandoned`."""
        world = self._world()
        assert world is not None
        try:
            key = self.key_of(world, kind, options)
        except UnknownValue as opaque:
            self.opaque[str(opaque)] = self.opaque.get(str(opaque), 0) + 1
            return self.graph.new(self._last, self.taken, done=world.main.done())
        if key in self.seen:
            self.graph.leads(self._last, self.seen[key])
            self.merged += 1
            if kind in MERGEABLE:
                self.merges.add(self.taken, self.seen[key])
            world.settled = True
            gc.collect()  # what only garbage holds, such as an error that nobody asked for, belongs to this run
            raise Abandoned(merged=True)
        self.seen[key] = self.graph.new(self._last, self.taken, done=world.main.done())
        return self.seen[key]


def _nowhere() -> None:
    return None


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
    search that merged, until the counter-check is over.
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

    def add(self, outcome: ScenarioOutcome, begun: float) -> None:
        """Count one more run."""
        self.runs += 1
        self.decisions += len(outcome.decisions)
        self.longest = max(self.longest, len(outcome.decisions))
        self.seconds = time.monotonic() - begun
        self.neighbours |= outcome.neighbours
        self.unsure = outcome.unsure | self.unsure
        self.shown |= outcome.shown
        self.unordered |= outcome.unordered
        self.alone |= outcome.alone
        self.assumed |= outcome.trusted
        for finding in outcome.findings:
            best = self.found.get(finding.kind)
            if best is None or len(outcome.decisions) < len(best.decisions):
                self.found[finding.kind] = outcome
        if not outcome.complete and not outcome.merged:
            self.unrested += 1
            self.stopped = f"a run did not come to rest within {self.setting.longest:,} iterations of the loop"

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
) -> ScenarioSearch:
    """Every run of ``scenario``, unless a limit is reached.

    Orders in sets are explored for as many objects as a run was seen to need: the search then begins anew. ``merge``: a
    run ends where it comes to a state that another one has been in. ``watch`` is told after each run. At Ctrl-C what
    was found so far is returned, as ``interrupted``. ``begun``: since when its seconds count, by ``time.monotonic``.
    """
    setting = setting or Setting()
    begun = time.monotonic() if begun is None else begun
    until = None if limits.seconds is None else begun + limits.seconds
    with prepared(scenario, setting._replace(until=until)):
        while True:
            result = ScenarioSearch(setting)
            try:
                with overrun.watching(limits.seconds, time.monotonic() - begun):
                    finished = _exhaust(scenario, result, begun, limits, merge=merge, watch=watch)
            except KeyboardInterrupt:
                result.interrupted, result.stopped = True, "interrupted"
                return result
            except OutOfTime as error:
                result.stopped = str(error)
                return result
            if NOW.lacks(result.unordered, result.alone):
                NOW.take(result.unordered)
                NOW.take_alone(result.alone)
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
) -> bool:
    """Whether all runs were made, or a limit ends it; else the search is to begin anew, with more places in sets."""
    guide = Merging() if merge else DepthFirstGuide()
    setting = result.setting
    result.guide = guide if isinstance(guide, Merging) else None
    if limits.seconds is not None:
        setting = setting._replace(until=begun + limits.seconds)
    for outcome in outcomes(scenario, setting, guide):
        result.add(outcome, begun)
        if result.runs & (result.runs - 1) == 0 and (outcome.complete or outcome.merged):
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

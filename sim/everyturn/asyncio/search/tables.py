"""Runs of a scenario that are followed from state to state: only what is not known yet is made.

The next choice of a run depends on the state at the one before and on what was taken there, on nothing else. So what
came of each option is remembered, and a strategy decides its way through that as it does through the program: with the
same draws, the same run. Where the way is not known the run is made: up to there again, and on to a state that is
known. What is remembered of the way between two choices is what the run noted, and what was wrong with it.

The core does the same for agents against ports (:mod:`everyturn.engines.walks.walks`); there a step depends on less
than the whole state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn
from weakref import ref

from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.counter_checking import noted_alike
from everyturn.asyncio.search.depth_first import MERGEABLE, leave
from everyturn.asyncio.search.packing import StatePacking
from everyturn.asyncio.search.repeating import WHY
from everyturn.asyncio.search.strategy_guide import StrategyGuide, WorldSource
from everyturn.asyncio.states.state import UnknownValue, encode
from everyturn.errors import Disagreement, ReplayError

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

MOST_CHOICES: Final = 500_000
"""So many are remembered; runs that come to others are made to their end."""
_MADE_AGAIN: Final = 128
"""One run of so many is made, and compared with what is known; so are runs 1, 2, 4, 8 and so on."""


class Did(NamedTuple):
    """Kinds of what was wrong, as often as it was, and what was noted, as far as runs can be compared by it."""

    kinds: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ended(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """How a run ended that did this."""
        return tuple(sorted(set(self.kinds))), self.notes


_NOTHING: Final = Did()


@dataclass(slots=True)
class Way:
    """What a run does from one choice to the next one. ``to``: none where it comes to its end."""

    did: Did
    iterations: int
    to: Choice | None


@dataclass(slots=True)
class Choice:
    """A choice of the world at one state, and what is known to follow on each of its options."""

    kind: str
    options: tuple[str, ...]
    ways: list[Way | None]
    sources: list[WorldSource] | None = None

    def is_offered(self, kind: str, options: Sequence[str]) -> bool:
        """Whether this is that choice. Within a step of the program moments are named as they were met in the run, so
        that only their number is the same."""
        if kind in MERGEABLE:
            return self.kind == kind and self.options == tuple(options)
        return self.kind == kind and len(self.options) == len(options)


class Taken(NamedTuple):
    """A choice, and the place of the option that was taken."""

    choice: Choice
    place: int


@dataclass
class TabledRun:
    """A run: its choices, and all that it did. ``outcome``: where it was made to its end."""

    taken: list[Taken] = field(default_factory=list)
    did: Did = _NOTHING
    outcome: ScenarioOutcome | None = None


class RunTables:
    """What is known of the runs of one scenario. ``made``: so many runs were made, or parts of them. ``watch`` is told
    what comes of each that is not a whole one."""

    def __init__(self, scenario: Scenario, setting: Setting, watch: Callable[[ScenarioOutcome], None]) -> None:
        self.made = 0
        self.choices = 0
        self._scenario = scenario
        self._setting = setting
        self._watch = watch
        self._first: Way | None = None
        self._states: dict[bytes, Choice] = {}
        self._packing = StatePacking()
        self._after: dict[tuple[int, int], Did] = {}
        self._kept: dict[Did, Did] = {}

    def run(self, guide: StrategyGuide, number: int) -> TabledRun:
        """Run ``number``, as ``guide`` decides: followed as far as it is known. Raises :class:`Disagreement` where a
        run that is made does something else."""
        if number % _MADE_AGAIN == 0 or number & (number - 1) == 0:
            return self._made_again(guide)
        guide.starts()
        found, passed, iterations = TabledRun(), 0, 0
        way = self._first
        while True:
            while way is not None:
                if way.did is not _NOTHING:
                    found.did = self._then(found.did, way.did)
                iterations += way.iterations
                if iterations > self._setting.longest:
                    return self._to_the_end(guide, found)
                choice = way.to
                if choice is None:
                    return found
                if passed == len(found.taken):
                    found.taken.append(Taken(choice, guide.decides(choice)))
                way = choice.ways[found.taken[passed].place]
                passed += 1
            if self.choices >= MOST_CHOICES:
                return self._to_the_end(guide, found)
            outcome = self._learn(guide, found)
            if not outcome.complete and not outcome.merged:
                return TabledRun(found.taken, _all_of(outcome), outcome)
            found.outcome = outcome if outcome.complete else None
            way = self._way(found.taken[:passed])

    def whole(self, found: TabledRun) -> ScenarioOutcome:
        """A run that was followed, made from its beginning to its end. Raises :class:`Disagreement`."""
        outcome = self._run(noting := _Noting(None, found.taken))
        did = Did(tuple(each.kind for each in outcome.findings), noting.noted(outcome.logged))
        self._compare(outcome, did)
        return outcome

    def _then(self, before: Did, did: Did) -> Did:
        """Both, one after the other: the same object for the same two."""
        key = id(before), id(did)  # of objects that are kept here
        known = self._after.get(key)
        if known is None:
            both = Did(before.kinds + did.kinds, before.notes + did.notes)
            known = self._after[key] = self._kept.setdefault(both, both)
        return known

    def _way(self, taken: Sequence[Taken]) -> Way | None:
        return taken[-1].choice.ways[taken[-1].place] if taken else self._first

    # Runs that are made.

    def _run(self, guide: FirstOption) -> ScenarioOutcome:
        self.made += 1
        return run(self._scenario, guide, self._setting)

    def _to_the_end(self, guide: StrategyGuide, found: TabledRun) -> TabledRun:
        """The rest of a run, where nothing is remembered of it."""
        outcome = self._run(_Noting(guide, found.taken))
        return TabledRun(found.taken, _all_of(outcome), outcome)

    def _learn(self, guide: StrategyGuide, found: TabledRun) -> ScenarioOutcome:
        """Make a run on from where it is not known, to its end or to a state that is known."""
        passed, learning = len(found.taken), _Learning(self, guide, found.taken)
        outcome = self._run(learning)
        if outcome.complete:
            learning.arrives(None)
        elif not outcome.merged:
            return outcome
        if outcome.merged:
            self._watch(outcome)
        kinds = self._kinds(found, passed, learning.parts, outcome)
        for number, (part, wrong) in enumerate(zip(learning.parts, kinds, strict=True), start=passed):
            did = Did(wrong, part.notes) if wrong or part.notes else _NOTHING
            way = Way(self._kept.setdefault(did, did), part.iterations, part.to)
            if number:
                before = found.taken[number - 1]
                before.choice.ways[before.place] = way
            else:
                self._first = way
        return outcome

    def _kinds(
        self, found: TabledRun, passed: int, parts: Sequence[_Part], outcome: ScenarioOutcome
    ) -> list[tuple[str, ...]]:
        """What is wrong with each part of a run. What only garbage holds is said at the end of a run; so to see which
        part has left it, the run is made once more to the end of each."""
        before = Counter(found.did.kinds)
        total = Counter(each.kind for each in outcome.findings)
        shares: list[Counter[str]] = [Counter() for _ in parts]
        ends = [each for each, part in enumerate(parts[:-1]) if part.to is not None and part.to.kind in MERGEABLE]
        if total != before and ends and self._up_to(found.taken[: passed + ends[-1]]) != before:
            for end in ends:
                reached = self._up_to(found.taken[: passed + end])
                shares[end], before = reached - before, reached
        shares[-1] = total - before
        return [tuple(each.elements()) for each in shares]

    def _up_to(self, taken: Sequence[Taken]) -> Counter[str]:
        """What is wrong with a run that is left at the choice behind these."""
        return Counter(each.kind for each in self._run(_UpTo(taken)).findings)

    def arrive(self, world: ScenarioWorld, kind: str, options: tuple[str, ...]) -> tuple[Choice, bool]:
        """The choice that a run has come to, and whether it is known."""
        key = self._key(world, kind, options) if kind in MERGEABLE else None
        known = None if key is None else self._states.get(key)
        if known is not None:
            return known, True
        choice = Choice(kind, options, [None] * len(options))
        self.choices += 1
        if key is not None:
            self._states[key] = choice
        return choice, False

    def _key(self, world: ScenarioWorld, kind: str, options: tuple[str, ...]) -> bytes | None:
        try:
            return self._packing(kind, options, encode(world))
        except UnknownValue:
            return None

    # Comparing.

    def _made_again(self, guide: StrategyGuide) -> TabledRun:
        """A run that is made, and compared with what is known of it."""
        guide.starts()
        outcome = self._run(noting := _Noting(guide, []))
        did = Did(tuple(each.kind for each in outcome.findings), noting.noted(outcome.logged))
        if outcome.complete:
            self._compare(outcome, did)
        return TabledRun([], did, outcome)

    def _compare(self, outcome: ScenarioOutcome, did: Did) -> None:
        way, known = self._first, _NOTHING
        for number, decision in enumerate(outcome.decisions):
            if way is None:
                return
            known = self._then(known, way.did) if way.did is not _NOTHING else known
            choice = way.to
            if choice is None or not choice.is_offered(decision.kind, decision.options):
                expected = "its end" if choice is None else _offer(choice.kind, choice.options)
                self._differ(outcome, f"choice {number + 1}: {_offer(decision.kind, decision.options)}", expected)
            way = choice.ways[decision.taken]
        if way is None:
            return
        known = self._then(known, way.did)
        if way.to is not None:
            self._differ(outcome, "its end", _offer(way.to.kind, way.to.options))
        if known.ended != did.ended:
            self._differ(outcome, _told(did), _told(known))

    def _differ(self, outcome: ScenarioOutcome, found: str, expected: str) -> NoReturn:
        raise Disagreement.between(
            "what is known of a run, by the states that it comes to, is not what it does when it is made",
            (f"the run: {', '.join(each.word for each in outcome.decisions)}", f"found: {found}"),
            f"expected: {expected}",
        )


class _Part(NamedTuple):
    notes: tuple[str, ...]
    iterations: int
    to: Choice | None


class _Following(FirstOption):
    """Takes what was taken, where that is offered."""

    def __init__(self, taken: Sequence[Taken]) -> None:
        self.taken = taken
        self.made = 0
        self._known = len(taken)

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning, in a new world."""
        self._world = ref(world)

    def foreseen(self) -> Sequence[str] | None:
        """What was offered there."""
        return self.taken[self.made].choice.options if self.made < self._known else None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next place; behind the last one as :meth:`decides`."""
        number, self.made = self.made, self.made + 1
        if number >= self._known:
            return self.decides(kind, tuple(options))
        choice, place = self.taken[number]
        if not choice.is_offered(kind, options):
            raise ReplayError(
                f"decision {number + 1}: the same choices led to another place: expected "
                f"{_offer(choice.kind, choice.options)}; found {_offer(kind, options)}{WHY}"
            )
        return place

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        raise NotImplementedError

    def leaves(self) -> NoReturn:
        """Leave the run here. What it has left to the collector is seen by that, but not tasks that wait: they would
        wait on."""
        self._held = self.world().tasks()
        leave(self.world())
        raise Abandoned(merged=True)

    def world(self) -> ScenarioWorld:
        world = self._world()
        assert world is not None
        return world


class _Noting(_Following):
    """Takes what was taken, then what ``guide`` decides, and looks at each choice at what was noted since the last
    one: what is noted may be changed later."""

    def __init__(self, guide: StrategyGuide | None, taken: Sequence[Taken]) -> None:
        super().__init__(taken)
        self._guide = guide
        self._notes: list[str] = []

    def choose(self, kind: str, options: Sequence[str]) -> int:
        self.noted(self.world().logged)
        return super().choose(kind, options)

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        assert self._guide is not None
        return self._guide.choose(kind, options)

    def noted(self, logged: Sequence[object]) -> tuple[str, ...]:
        """All that was noted so far."""
        self._notes += map(noted_alike, logged[len(self._notes) :])
        return tuple(self._notes)


class _Learning(_Following):
    """Takes what was taken, then what a strategy decides, up to a state that is known."""

    def __init__(self, tables: RunTables, guide: StrategyGuide, taken: list[Taken]) -> None:
        super().__init__(taken)
        self.parts: list[_Part] = []
        self._tables = tables
        self._guide = guide
        self._new = taken
        self._noted = self._iterations = 0

    def begin(self, world: ScenarioWorld) -> None:
        super().begin(world)
        self._logged, self._progress = world.logged, world.progress

    def choose(self, kind: str, options: Sequence[str]) -> int:
        place = super().choose(kind, options)
        self._noted, self._iterations = len(self._logged), self._progress.iterations
        return place

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        choice, known = self._tables.arrive(self.world(), kind, options)
        self.arrives(choice)
        if known:
            self.leaves()
        place = self._guide.decides(choice)
        self._new.append(Taken(choice, place))
        return place

    def arrives(self, choice: Choice | None) -> None:
        """A part of the run ends here."""
        notes = tuple(map(noted_alike, self._logged[self._noted :]))
        self.parts.append(_Part(notes, self._progress.iterations - self._iterations, choice))


class _UpTo(_Following):
    """Leaves a run behind what was taken."""

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        self.leaves()


def _all_of(outcome: ScenarioOutcome) -> Did:
    return Did(tuple(each.kind for each in outcome.findings), tuple(map(noted_alike, outcome.logged)))


def _offer(kind: str, options: Iterable[str]) -> str:
    return f"{kind} ({', '.join(options)})"


def _told(did: Did) -> str:
    kinds, notes = did.ended
    return f"{', '.join(kinds) or 'nothing'} found, {', '.join(notes) or 'nothing'} noted"

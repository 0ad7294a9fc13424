"""Runs of a scenario that are followed from state to state: only what is not known yet is made.

The next choice of a run depends on the state at the one before and on what was taken there, on nothing else. So what
came of each option is remembered, and a strategy decides its way through that as it does through the program: with the
same draws, the same run. Where the way is not known the run is made, and the way to its next choice is learnt. What is
remembered of a way is what the run noted, and what was wrong with it.

The core does the same for agents against ports (:mod:`everyturn.engines.walks.walks`); there a step depends on less
than the whole state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple
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
"""One of so many runs that could be followed is made all the same, and compared; so are runs 1, 2, 4, 8 and so on."""
_SURELY: Final = 500
"""So many choices are learnt whether or not it pays."""
_SELDOM: Final = 8
"""Where it does not pay, one run of so many learns one way."""


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
class KnownWay:
    """What a run does from one choice to the next one. ``to``: none where it comes to its end."""

    did: Did
    iterations: int
    to: Choice | None


@dataclass(slots=True)
class Choice:
    """A choice of the world at one state, and what is known to follow on each of its options."""

    kind: str
    options: tuple[str, ...]
    ways: list[KnownWay | None]
    sources: list[WorldSource] | None = None

    def expect(self, number: int, kind: str, options: tuple[str, ...]) -> None:
        """Raise :class:`ReplayError` if a run has another choice at this place. Within a step of the program moments
        are named as they were met in the run, so that only their number is the same."""
        same = self.options == options if kind in MERGEABLE else len(self.options) == len(options)
        if self.kind != kind or not same:
            raise ReplayError(
                f"decision {number + 1}: a run came to another choice than others had come to from the same state: "
                f"expected {_offer(self.kind, self.options)}; found {_offer(kind, options)}{WHY}; with --engine simpy "
                "nothing is taken for the same"
            )


class Taken(NamedTuple):
    """A choice, and the place of the option that was taken."""

    choice: Choice
    place: int


@dataclass
class TabledRun:
    """A run: its choices, and all that it did. ``outcome``: where it was made."""

    taken: list[Taken] = field(default_factory=list)
    did: Did = _NOTHING
    outcome: ScenarioOutcome | None = None


class ScenarioTables:
    """What is known of the runs of one scenario. ``made``, ``followed``: so many runs were."""

    def __init__(self, scenario: Scenario, setting: Setting) -> None:
        self.made = self.followed = self.choices = 0
        self.scenario = scenario
        self.setting = setting
        self._first: KnownWay | None = None
        self._states: dict[bytes, Choice] = {}
        self._packing = StatePacking()
        self._after: dict[tuple[int, int], Did] = {}
        self._kept: dict[Did, Did] = {}

    def run(self, guide: StrategyGuide, number: int) -> TabledRun:
        """Run ``number``, as ``guide`` decides: followed if all of it is known, else made. Raises
        :class:`Disagreement` where a run that is made does something else than is known of it."""
        guide.starts()
        found, iterations, way = TabledRun(), 0, self._first
        while way is not None and iterations + way.iterations <= self.setting.longest:
            if way.did is not _NOTHING:
                found.did = self._then(found.did, way.did)
            iterations += way.iterations
            choice = way.to
            if choice is None:
                self.followed += 1
                if number % _MADE_AGAIN == 0 or number & (number - 1) == 0:
                    found.outcome = self.whole(found)
                return found
            place = guide.decides(choice)
            found.taken.append(Taken(choice, place))
            way = choice.ways[place]
        return self._make(guide, found, most=self._worth() if way is None else 0)

    def whole(self, found: TabledRun) -> ScenarioOutcome:
        """A run that was followed is made. Raises :class:`Disagreement`."""
        outcome = run(self.scenario, noting := _Noting(found.taken), self.setting)
        did = _all_of(outcome, noting)
        if did.ended != found.did.ended:
            raise Disagreement.between(
                "what is known of a run, by the states that it comes to, is not what it does when it is made",
                (f"the run: {', '.join(each.word for each in outcome.decisions)}", f"found: {_told(did)}"),
                f"expected: {_told(found.did)}",
            )
        return outcome

    def _then(self, before: Did, did: Did) -> Did:
        """Both, one after the other: the same object for the same two."""
        key = id(before), id(did)  # of objects that are kept here
        known = self._after.get(key)
        if known is None:
            both = Did(before.kinds + did.kinds, before.notes + did.notes)
            known = self._after[key] = self._kept.setdefault(both, both)
        return known

    def _worth(self) -> int:
        """How many ways a run learns that is made. States cost more than steps; so where few runs can be followed,
        few ways are learnt."""
        if self.choices >= MOST_CHOICES:
            return 0
        if self.choices < _SURELY or self.followed > self.made // 4:
            return MOST_CHOICES
        return int(self.made % _SELDOM == 0)

    def _make(self, guide: StrategyGuide, found: TabledRun, *, most: int) -> TabledRun:
        """Make a run, on from where it is not known as ``guide`` decides, and learn so many ways of it."""
        self.made += 1
        making = _Making(found, guide, self, most)
        outcome = run(self.scenario, making, self.setting)
        did = _all_of(outcome, making)
        if outcome.complete:
            making.ends()
        for part in self._told_apart(making.parts, outcome):
            way = KnownWay(self._kept.setdefault(part.did, part.did), part.iterations, part.to)
            if part.taken:
                last = part.taken[-1]
                last.choice.ways[last.place] = way
            else:
                self._first = way
        return TabledRun(making.taken, did, outcome)

    def _told_apart(self, parts: Sequence[_Part], outcome: ScenarioOutcome) -> Sequence[_Part]:
        """The parts of a run that are learnt, each with what is wrong there. What only garbage holds is said at the
        end of a run; so where something is wrong it is looked whether it was left in an earlier part: the run is made
        once more up to there."""
        total = Counter(each.kind for each in outcome.findings)
        if not parts or total == parts[-1].before:
            return parts
        first, last = parts[0], parts[-1]
        if last.to is None and (first is last or self._up_to(last.taken[:-1]) == last.before):
            return [*parts[:-1], last.with_wrong(total)]
        reached = self._up_to(first.taken)
        return [first if reached is None else first.with_wrong(reached)]

    def _up_to(self, taken: Sequence[Taken]) -> Counter[str] | None:
        """What is wrong with a run that is left at the choice behind these; nothing is known while code of the program
        is running there: it is said of what follows."""
        leaving = _Leaving(list(taken))
        outcome = run(self.scenario, leaving, self.setting)
        return Counter(each.kind for each in outcome.findings) if leaving.left else None

    def way(self, taken: Sequence[Taken]) -> KnownWay | None:
        """The way behind these, if it is known."""
        return taken[-1].choice.ways[taken[-1].place] if taken else self._first

    def choice(self, world: ScenarioWorld, kind: str, options: tuple[str, ...]) -> Choice:
        """The choice that a run has come to: the same in the same state."""
        key = self._key(world, kind, options) if kind in MERGEABLE else None
        known = None if key is None else self._states.get(key)
        if known is None:
            known = Choice(kind, options, [None] * len(options))
            self.choices += 1
            if key is not None:
                self._states[key] = known
        return known

    def _key(self, world: ScenarioWorld, kind: str, options: tuple[str, ...]) -> bytes | None:
        try:
            return self._packing(kind, options, encode(world))
        except UnknownValue:
            return None


class _Following(FirstOption):
    """Takes what was taken, where that is offered."""

    def __init__(self, taken: list[Taken]) -> None:
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
        choice.expect(number, kind, tuple(options))
        return place

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        raise NotImplementedError

    def world(self) -> ScenarioWorld:
        world = self._world()
        assert world is not None
        return world


class _Noting(_Following):
    """Looks at each choice at what was noted since the last one: what is noted may be changed later."""

    def __init__(self, taken: list[Taken]) -> None:
        super().__init__(taken)
        self._notes: list[str] = []

    def choose(self, kind: str, options: Sequence[str]) -> int:
        self.noted(self.world().logged)
        return super().choose(kind, options)

    def noted(self, logged: Sequence[object]) -> tuple[str, ...]:
        """All that was noted so far."""
        self._notes += map(noted_alike, logged[len(self._notes) :])
        return tuple(self._notes)


class _Part(NamedTuple):
    """A way that a run went, behind what was ``taken``. ``before``: what was known to be wrong by then."""

    taken: tuple[Taken, ...]
    before: Counter[str]
    did: Did
    iterations: int
    to: Choice | None

    def with_wrong(self, total: Counter[str]) -> _Part:
        """With what is wrong up to its end, and was not before."""
        return self._replace(did=self.did._replace(kinds=tuple((total - self.before).elements())))


class _Making(_Noting):
    """Takes what was taken, then what a strategy decides, and learns so many ways: ``parts``."""

    def __init__(self, found: TabledRun, guide: StrategyGuide, tables: ScenarioTables, most: int) -> None:
        super().__init__(found.taken)
        self.parts: list[_Part] = []
        self._wrong = Counter(found.did.kinds)
        self._guide = guide
        self._tables = tables
        self._left = most
        self._before = 0, 0

    def begin(self, world: ScenarioWorld) -> None:
        super().begin(world)
        self._progress = world.progress

    def choose(self, kind: str, options: Sequence[str]) -> int:
        place = super().choose(kind, options)
        if self.made >= self._known:
            self._before = len(self._notes), self._progress.iterations
        return place

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        if not self._left:
            return self._guide.choose(kind, options)
        way = self._tables.way(self.taken)
        if way is None:
            choice = self._tables.choice(self.world(), kind, options)
            self._learns(choice)
        else:
            choice = way.to or Choice("the end", (), [])
            choice.expect(len(self.taken), kind, options)
            self._wrong.update(way.did.kinds)
        place = self._guide.decides(choice)
        self.taken.append(Taken(choice, place))
        return place

    def ends(self) -> None:
        """The run has come to its end."""
        if self._left and self._tables.way(self.taken) is None:
            self._learns(None)

    def _learns(self, choice: Choice | None) -> None:
        noted, iterations = self._before
        notes = tuple(self._notes[noted:])
        did = Did((), notes) if notes else _NOTHING
        spent = self._progress.iterations - iterations
        self.parts.append(_Part(tuple(self.taken), self._wrong.copy(), did, spent, choice))
        self._left -= 1


class _Leaving(_Following):
    """Leaves a run behind what was taken. What is left to the collector then is seen, but for tasks that wait: they
    would wait on. Where code of the program is running it goes on as if nothing interferes."""

    left = False

    def decides(self, kind: str, options: tuple[str, ...]) -> int:
        if self.made > self._known + 1 or kind not in MERGEABLE:
            return 0
        self.left = True
        self._held = self.world().tasks()
        leave(self.world())
        raise Abandoned(merged=True)


def _all_of(outcome: ScenarioOutcome, noting: _Noting) -> Did:
    return Did(tuple(each.kind for each in outcome.findings), noting.noted(outcome.logged))


def _offer(kind: str, options: Sequence[str]) -> str:
    return f"{kind} ({', '.join(options)})"


def _told(did: Did) -> str:
    kinds, notes = did.ended
    return f"{', '.join(kinds) or 'nothing'} found, {', '.join(notes) or 'nothing'} noted"

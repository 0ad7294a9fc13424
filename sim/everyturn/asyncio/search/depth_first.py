"""Guides that go through the choices of the world depth first: each run once, or until it comes to a state that was
seen before."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.search.endless import ScenarioStates
from everyturn.asyncio.search.merges import ScenarioMerges
from everyturn.asyncio.search.packing import StatePacking
from everyturn.asyncio.search.repeating import WHY
from everyturn.asyncio.states.state import UnknownValue, encode
from everyturn.errors import ReplayError

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import ScenarioOutcome
    from everyturn.asyncio.runtime.world import ScenarioWorld

MERGEABLE: Final = ("arrives", "between steps", "rest", "next")
"""Kinds of choices at which no code of the program is running: its state is all there is."""


Offer = tuple[str, tuple[str, ...]]
"""What there is to choose from: a kind, and options."""
Way = tuple[int, ...]
"""The places of choices, from the first on."""


class DepthFirstGuide:
    """A guide that takes a prefix, then the first option, and remembers what there was to choose from.

    The program must offer the same choices along the same prefix: if it does not it is not deterministic, which is a
    :class:`ReplayError`.
    """

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.offered: list[Offer] = []
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

    def passed_over(self) -> Iterator[tuple[Way, list[Offer]]]:
        """The ways that begin other runs than the one that is under way, in the order in which it comes to them, and
        what is offered along each."""
        for depth in reversed(range(len(self.taken))):
            for place in range(self.taken[depth] + 1, len(self.offered[depth][1])):
                yield (*self.taken[:depth], place), self.offered[: depth + 1]

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


def _offer(offer: Offer) -> str:
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


LOOKS: Final = "looks"
"""The kind of a step at which a run may be left although the world has nothing to choose."""


class SeenState(NamedTuple):
    """A state, packed, or why it is not known; whether the scenario had ended there."""

    key: bytes | str
    done: bool


class SeenStep(NamedTuple):
    """What a guide was asked in a run that was made elsewhere: a choice, or to look. ``seen``: the state there, if one
    counts; ``leaves``: the run was left there."""

    kind: str
    options: tuple[str, ...]
    seen: SeenState | None
    leaves: bool = False


class Merging(DepthFirstGuide):
    """A depth-first guide that leaves a run where it comes to a state that was seen before."""

    def __init__(self, key: Callable[[ScenarioWorld], Sequence[Hashable]] = encode) -> None:
        super().__init__()
        self.seen: dict[bytes, int] = {}
        self.graph = ScenarioStates()
        self.merges = ScenarioMerges()
        self.merged = 0
        self.opaque: dict[str, int] = {}
        self.packing = StatePacking()
        self.met: list[int] | None = None
        """Hashes of the states that it has met itself, where somebody wants to know them."""
        self.key = key
        self._last = 0
        self._states: list[int | None] = []
        """The number of the state at each choice of the prefix, where there is one."""
        self._world: Callable[[], ScenarioWorld | None] = _nowhere
        self._given: SeenState | None = None
        """A state that was met elsewhere, in place of the present one."""

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
            self._last = self._state(LOOKS, ())

    def next(self) -> bool:
        """Go to the next prefix in the order of depth; whether there is one."""
        more = super().next()
        del self._states[len(self.taken) :]
        return more

    def ended(self, outcome: ScenarioOutcome) -> None:
        """A run has ended; said before :meth:`next`."""
        if outcome.complete:
            self.graph.rests(self._last)

    def follow(self, steps: Sequence[SeenStep]) -> bool:
        """Go beyond the prefix as a run went that was made elsewhere, and comes to its end or to a state that was seen
        before; whether that is what it does here."""
        if not self._fits(steps):
            return False
        self.made = len(self.taken)
        self._last = next((each for each in reversed(self._states) if each is not None), 0)
        try:
            for step in steps:
                self._given = step.seen
                if step.kind == LOOKS:
                    self.look()
                else:
                    self.choose(step.kind, step.options)
        except Abandoned:
            pass
        finally:
            self._given = None
        return True

    def agrees(self, way: int, steps: Sequence[SeenStep]) -> bool:
        """Whether the run that was just made, behind so many choices of a prefix, went as one that was made elsewhere,
        as far as both were made."""
        choices = [each for each in steps if each.kind != LOOKS]
        for place, step in enumerate(choices, start=way):
            key = None if step.seen is None else step.seen.key
            known = self.seen.get(key) if isinstance(key, bytes) else None
            if place >= len(self.taken):
                return known is not None
            if self.offered[place] != (step.kind, step.options):
                return False
            if isinstance(key, bytes) and known != self._states[place]:
                return False
        return way + len(choices) == len(self.taken) or any(each.leaves for each in steps)

    def _fits(self, steps: Sequence[SeenStep]) -> bool:
        """Whether the first state of these that was seen before is the last one, if the run was left there, and there
        is none if it was not."""
        new: set[bytes] = set()
        for place, step in enumerate(steps):
            key = None if step.seen is None else step.seen.key
            if isinstance(key, bytes):
                if key in self.seen or key in new:
                    return step.leaves and place + 1 == len(steps)
                new.add(key)
        return not any(step.leaves for step in steps)

    def key_of(self, world: ScenarioWorld, kind: str, options: Sequence[str]) -> bytes:
        """The state of ``world`` at this choice, equal for equal states only. Raises :class:`UnknownValue`."""
        return self.packing(kind, options, self.key(world))

    def _state(self, kind: str, options: Sequence[str]) -> int:
        """The number of the present state, which is a new one: else :class:`Abandoned`."""
        key, done = self._given or self._looked_at(kind, options)
        if isinstance(key, str):
            self.opaque[key] = self.opaque.get(key, 0) + 1
            return self.graph.new(self._last, self.taken, done=done)
        if key in self.seen:
            self.graph.leads(self._last, self.seen[key])
            self.merged += 1
            if kind in MERGEABLE:
                self.merges.add(self.taken, self.seen[key])
            if self._given is None:
                leave(self._world())
            raise Abandoned(merged=True)
        self.seen[key] = self.graph.new(self._last, self.taken, done=done)
        return self.seen[key]

    def _looked_at(self, kind: str, options: Sequence[str]) -> SeenState:
        world = self._world()
        assert world is not None
        done = world.main.done()
        try:
            state = self.key(world)
        except UnknownValue as opaque:
            return SeenState(str(opaque), done)
        if self.met is not None:
            self.met.append(hash_of(kind, options, state))
        return SeenState(self.packing(kind, options, state), done)


def leave(world: ScenarioWorld | None) -> None:
    """A run comes to a state that was seen before, and is left there."""
    assert world is not None
    world.settled = True
    gc.collect()  # what only garbage holds, such as an error that nobody asked for, belongs to this run


def hash_of(kind: str, options: Sequence[str], state: Sequence[Hashable]) -> int:
    """A hash of a state where the world has this choice, the same in a process that was forked."""
    try:
        return hash((kind, *options, *state))
    except TypeError:  # something has a name, say, that cannot be hashed
        return 0


def _nowhere() -> None:
    return None

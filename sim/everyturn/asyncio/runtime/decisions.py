"""What the world decides while a program runs: each is one choice among named options.

All nondeterminism of a run passes through one method, :meth:`Guide.choose`, as in Shuttle's scheduler trait.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld


GO_ON: Final = "goes on"
"""The option that nothing comes just now."""


class Decision(NamedTuple):
    """One choice of the world: of what ``kind``, among which ``options``, and the place of the one that was taken."""

    kind: str
    options: tuple[str, ...]
    taken: int

    @property
    def word(self) -> str:
        """The option that was taken."""
        return self.options[self.taken]


class Guide(Protocol):
    """Who decides."""

    def begin(self, world: ScenarioWorld) -> None:
        """A run begins, in this world."""
        ...

    def look(self) -> None:
        """A run is long: the state at which the loop looks for what has arrived may be one that was seen before."""
        ...

    def foreseen(self) -> Sequence[str] | None:
        """The options of the next choice, where they are known from an earlier run."""
        ...

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The place of the option that is taken. There are at least two; 0 is what happens if nothing interferes."""
        ...


class FirstOption:
    """Nothing interferes: always the first option."""

    def begin(self, world: ScenarioWorld) -> None:
        """Nothing to do."""

    def look(self) -> None:
        """Nothing to do."""

    def foreseen(self) -> Sequence[str] | None:
        """Nothing is known."""
        return None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """0."""
        return 0


class Prefix(FirstOption):
    """A list of places, then the first option for ever. A place that is not there any more counts as strayed."""

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        self.made = 0
        self.strayed: str | None = None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next place of the list."""
        number, self.made = self.made, self.made + 1
        if number >= len(self.places):
            return 0
        place = self.places[number]
        if place < len(options):
            return place
        if self.strayed is None:
            self.strayed = f"decision {number + 1} ({kind}): expected {place + 1} options or more, found {len(options)}"
        return 0


class ByWords(FirstOption):
    """The options of a recorded run by their names, so that a run survives edits of the program.

    Where the next recorded decision is not on offer it is looked for among the next few; what cannot be found at all
    is left out, and :attr:`strayed` says where that happened first.
    """

    LOOKAHEAD = 8

    def __init__(self, recorded: Sequence[tuple[str, str]]) -> None:
        self.recorded = recorded
        self.place = 0
        self.strayed: str | None = None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The option that the recorded run took at this point."""
        for ahead in range(self.place, min(len(self.recorded), self.place + self.LOOKAHEAD)):
            recorded_kind, word = self.recorded[ahead]
            if recorded_kind == kind and word in options:
                if ahead > self.place:
                    self._stray(kind, options)
                self.place = ahead + 1
                return options.index(word)
        if self.place < len(self.recorded):
            self._stray(kind, options)
        return 0

    def _stray(self, kind: str, options: Sequence[str]) -> None:
        if self.strayed is None:
            recorded_kind, word = self.recorded[self.place]
            self.strayed = (
                f"decision {self.place + 1}: expected {word!r} ({recorded_kind}), found a choice of {kind} among "
                f"{', '.join(map(repr, options))}"
            )


def told_apart(options: Sequence[str]) -> tuple[str, ...]:
    """The options, those of one name numbered: a run is found again by the words of its decisions."""
    if len(set(options)) == len(options):
        return tuple(options)
    return tuple(
        f"{each} ({number})" if (number := list(options[:place]).count(each) + 1) > 1 else each
        for place, each in enumerate(options)
    )

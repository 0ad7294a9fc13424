"""A guide that asks a scheduling strategy: who goes on is decided among the loop and the sources of the outside world.

A strategy decides among threads, and which outcome a choice has. On asyncio the *threads* are the loop, number 0, and
the sources of what comes from outside: each name that the world was asked for (``world.io``, a model, a store), each
function on another thread, the garbage collector. An *access* of a source is that its next answer happens or arrives,
an access of the loop is that it goes on to its next steps or timer instead. With ``--order any`` each task is a thread,
too. In which way an answer arrives, what a comparison of times says, and the order in a set are *outcomes*.

What a step of a task reads and writes is not known. So each step is taken to depend on every other: that is true of
what it does to the order of ready callbacks, and less is never assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from everyturn.asyncio.runtime.decisions import GO_ON, FirstOption
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import EVERYWHERE, Footprint

LOOP: Final = "the loop"
_ORDERS: Final = ("arrives", "rest", "between steps", "inside a step", "next")
"""Kinds of choices of which thread goes on; all others are of outcomes."""
_ENDINGS: Final = (
    " runs on a thread",
    " ends on its thread",
    " happens, unwanted",
    " happens",
    " arrives",
    " can read and write",
    " can read",
    " can write",
    " is made",
    " is refused",
    " is reset",
)


class WorldSource(NamedTuple):
    """A thread of the world that could go on, and the places of the options in which it does."""

    thread: int
    name: str
    places: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def footprint(self) -> Footprint:
        """Not known: it may read and write whatever others do."""
        return EVERYWHERE


class Offered(Protocol):
    """A choice of the world that is met again and again. ``sources``: whose steps its options are, once that is
    known."""

    kind: str
    options: tuple[str, ...]
    sources: list[WorldSource] | None


class StrategyGuide(FirstOption):
    """A guide that asks a strategy. ``known``: threads by their names, numbered; those of this run follow."""

    def __init__(self, chooser: Strategy, number: int, known: dict[str, int]) -> None:
        self.chooser = chooser
        self._number = number
        self._always = self.known = known

    def begin(self, world: Any) -> None:
        """Run ``number`` of the strategy begins."""
        self.starts()

    def starts(self) -> None:
        """The same, whether or not the run is made."""
        self.known = dict(self._always)
        self.chooser.begin(self._number)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """What the strategy decides."""
        if kind not in _ORDERS:
            return self.chooser.choose_named(kind, options)
        return self._picked(self.sources(kind, options))

    def decides(self, choice: Offered) -> int:
        """The same, of a choice that may have been met before."""
        if choice.kind not in _ORDERS:
            return self.chooser.choose_named(choice.kind, choice.options)
        sources = choice.sources
        if sources is None:
            sources = self.sources(choice.kind, choice.options)
            if self.chooser.blind or all(each.name in self._always for each in sources):  # else numbered in each run
                choice.sources = sources
        return self._picked(sources)

    def _picked(self, sources: list[WorldSource]) -> int:
        source = sources[self.chooser.pick(sources)]
        if len(source.places) == 1:
            return source.places[0]
        return source.places[self.chooser.choose_named(source.name, source.words)]

    def sources(self, kind: str, options: Sequence[str]) -> list[WorldSource]:
        """The threads that could go on, in the order of the options."""
        return [
            WorldSource(self._numbered(name), name, places, words)
            for name, places, words in _by_thread(kind, tuple(options))
        ]

    def _numbered(self, name: str) -> int:
        return self.known.setdefault(name, len(self.known))


@lru_cache(4_096)
def _by_thread(kind: str, options: tuple[str, ...]) -> tuple[tuple[str, tuple[int, ...], tuple[str, ...]], ...]:
    """The threads whose steps the options are, in their order, each with the places of its options, and these."""
    grouped: dict[str, list[int]] = {}
    last = ""
    for place, word in enumerate(options):
        name = _thread(kind, word)
        if last and word.startswith(f"{last}: "):  # another way of the same answer
            name = last
        grouped.setdefault(name, []).append(place)
        last = name
    return tuple((name, tuple(places), tuple(options[each] for each in places)) for name, places in grouped.items())


def _thread(kind: str, word: str) -> str:
    """Whose step an option is."""
    if word in (GO_ON, "rests"):
        return LOOP
    if kind == "next":
        return word
    return next((word.removesuffix(each) for each in _ENDINGS if word.endswith(each)), word)

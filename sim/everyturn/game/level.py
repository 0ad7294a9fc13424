"""What a level is: a program, a goal, and what is said before and after."""

from __future__ import annotations

import inspect
import textwrap
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from everyturn.game.graph import PlayGraph


class ShownCode(NamedTuple):
    """The code that a player sees: the file and line that it begins at, by how much it is indented there, and its
    lines."""

    file: str
    first: int
    indented: int
    lines: tuple[str, ...]


def shown(thing: Any) -> ShownCode:
    """The source of a class or function, as it is shown."""
    lines, first = inspect.getsourcelines(thing)
    flush = textwrap.dedent("".join(lines)).splitlines()
    return ShownCode(inspect.getsourcefile(thing) or "?", first, len(lines[0].rstrip()) - len(flush[0]), tuple(flush))


class Playable(Protocol):
    """What is played: code, and everything that it can do."""

    @property
    def code(self) -> ShownCode:
        """The code that the player sees."""
        ...

    @property
    def legend(self) -> str:
        """What the marks in the code mean."""
        ...

    @property
    def command(self) -> str:
        """What to type for the tool's own verdict."""
        ...

    def explored(self) -> PlayGraph:
        """Every state and every move; the goal is reached where the tool finds a fault."""
        ...


class Term(NamedTuple):
    """A word of the field, and the one sentence that says what it means."""

    word: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level.

    ``program`` is what is played; ``mended`` the same with a fix; a level that cannot be won has none, and may have
    what stood ``before``. ``fix`` says in a sentence what differs. ``story`` sets the scene, ``hints`` get clearer one
    by one; ``won`` says what is so when the goal is reached (nothing, if it cannot be), ``moral`` what has happened.
    """

    name: str
    title: str
    goal: str
    story: str
    hints: tuple[str, ...]
    moral: str
    program: Playable
    terms: tuple[Term, ...] = ()
    mended: Playable | None = None
    before: Playable | None = None
    fix: str = ""
    won: str = ""

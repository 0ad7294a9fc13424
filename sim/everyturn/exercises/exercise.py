"""What an exercise is: a task, a file to begin with, and what must be proved, or refuted, of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

NAME = "Mine"
"""What the class of an answer is called."""
MAIN = "main"
"""What the scenario of an answer is called."""


@dataclass(frozen=True)
class ExerciseClaim:
    """In ``scope`` each of ``invariants`` is proved, or ``refuted``; without a scope: all that is judged of an asyncio
    scenario."""

    scope: str
    invariants: tuple[str, ...] = ()
    refuted: bool = False


@dataclass(frozen=True)
class Exercise:
    """``start``: the file in this package that an answer begins with; ``notebook``: the one that leads to it."""

    number: int
    title: str
    task: str
    start: str
    claims: tuple[ExerciseClaim, ...]
    notebook: str | None = None

    @property
    def of_a_scenario(self) -> bool:
        """Whether an asyncio program is asked for, not a class."""
        return not self.claims[0].scope

    def beginning(self) -> str:
        """The text of the file to begin with."""
        return files("everyturn.exercises").joinpath("starts", self.start).read_text(encoding="utf-8")

"""A ledger that notes whose lives were looked at, so that what was said of it is known to hold for all that agree in
those."""

from __future__ import annotations

from typing import Final

from everyturn_model.lifecycle import Execution, Ledger, Life

EVERYBODY: Final = ""
"""In place of a name: all lives."""


class WatchedLedger(Ledger):
    """A ledger that notes whose lives were looked at: those that the answer depends on.

    It passes for an ordinary one: it equals, and is told, replaced and copied as, what it stands for.
    """

    __slots__ = ("__weakref__", "_ledger", "_looked")
    _ledger: Ledger
    _looked: set[str]

    def __init__(self, ledger: Ledger, looked: set[str]) -> None:
        object.__setattr__(self, "_ledger", ledger)
        object.__setattr__(self, "_looked", looked)

    @property  # type: ignore[misc]
    def __class__(self) -> type[Ledger]:  # type: ignore[override]
        """By which a dataclass tells whether two values can be equal, and makes another."""
        return Ledger

    def __reduce__(self) -> tuple[type[Ledger], tuple[tuple[Life, ...]]]:
        return Ledger, (self.lives,)

    @property
    def lives(self) -> tuple[Life, ...]:
        """All of them."""
        self._looked.add(EVERYBODY)
        return self._ledger.lives

    def get(self, prompt: str) -> Life | None:
        """The life of ``prompt``."""
        self._looked.add(prompt)
        return self._ledger.get(prompt)

    def of_turn(self, turn: str) -> Life | None:
        """The life that has the turn: no other has it, so if there is one the others do not matter."""
        life = self._ledger.of_turn(turn)
        self._looked.add(EVERYBODY if life is None else life.prompt)
        return life

    def of_message(self, message: str | None) -> tuple[Life, Execution] | None:
        """The life and the turn that have the message: no others have it."""
        found = self._ledger.of_message(message)
        if message is not None:
            self._looked.add(EVERYBODY if found is None else found[0].prompt)
        return found

"""How often the world may still be unkind: no object of a dispatcher, but what operations spend."""

from __future__ import annotations

from typing import Final, NamedTuple

from everyturn.world.declarations import Column
from everyturn.world.scope import ENDLESS, Scope


class Budget(NamedTuple):
    """How often the world may still be unkind."""

    errors: int = 0
    tools: int = 0
    failures: int = 0
    refusals: int = 0
    losses: int = 0
    nearly_full: int = 0
    notices: int = 0

    def less(self, name: str) -> Budget:
        """The budget after one use of ``name``; an endless one stays as it is."""
        if getattr(self, name) == ENDLESS:
            return self
        return self._replace(**{name: getattr(self, name) - 1})


def _first(scope: Scope) -> Budget:
    return Budget(*(getattr(scope, name) for name in Budget._fields))


COLUMN: Final = Column("budget", first=_first, orders=False)

"""A dispatcher and the repairs that may be put in front of it: any set of them is a dispatcher."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from everyturn.errors import UsageError
from everyturn.world import repaired
from everyturn.world.agents import find_revision, revision_name
from everyturn_impl.dispatcher import Dispatcher
from everyturn_impl.repairs import REPAIRS

RepairSet = frozenset[str]
"""Names of repairs."""


class Family:
    """``base`` with any of ``repairs``: by their names, or as classes of the user's own; none: all that are known."""

    def __init__(self, base: str | type[Dispatcher], repairs: Sequence[str | type] = ()) -> None:
        self.base = base
        self.by_name = all(isinstance(each, str) for each in (base, *repairs))
        self._class = find_revision(base)
        asked = {_name(each): repaired.find_repair(each) if isinstance(each, str) else each for each in repairs}
        self._classes: dict[str, type] = {name: asked[name] for name in repaired.in_order(asked)} or dict(REPAIRS)
        self.has = tuple(name for name, each in self._classes.items() if issubclass(self._class, each))
        self.pool = tuple(name for name in self._classes if name not in self.has)
        if not self.pool:
            raise UsageError(
                f"{revision_name(base)}: expected repairs that it has not yet; found {', '.join(self.has)}"
            )

    def in_order(self, chosen: Iterable[str]) -> tuple[str, ...]:
        """Repairs as they are put in front, outermost first."""
        return tuple(name for name in self.pool if name in set(chosen))

    def name(self, chosen: Iterable[str]) -> str:
        """The name of the dispatcher with these repairs."""
        return repaired.WITH.join((revision_name(self.base), *self.in_order(chosen)))

    def agent(self, chosen: Iterable[str]) -> str | type[Dispatcher]:
        """The dispatcher with these repairs: by its name, if it has one, so that tokens of it can be replayed."""
        if self.by_name:
            return self.name(chosen)
        return self.dispatcher(chosen)

    def dispatcher(self, chosen: Iterable[str]) -> type[Dispatcher]:
        """The dispatcher with these repairs, as a class."""
        return repaired.put_in_front(self._class, tuple((name, self._classes[name]) for name in self.in_order(chosen)))


def _name(repair: str | type) -> str:
    return repair if isinstance(repair, str) else f"{repair.__module__}:{repair.__qualname__}"

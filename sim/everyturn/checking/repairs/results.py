"""What a search for repairs has found: everyturn/repairs/1."""

from __future__ import annotations

from typing import Final

import msgspec

SCHEMA: Final = "everyturn/repairs/1"


class RepairRefutation(msgspec.Struct, frozen=True):
    """A set of repairs with which ``invariant`` is still violated, by the run of ``token``."""

    repairs: tuple[str, ...]
    scope: str
    invariant: str
    steps: int
    sentence: str
    token: str


class MinimalSet(msgspec.Struct):
    """A set of repairs with which everything that was asked holds in all scopes, and without any of which it does not.

    ``states``: how many each proof has, by its scope. ``subsets``: a refutation for every proper subset, or, if
    ``one_less``, for those that lack one repair; ``undetermined``: those that are not refuted, since they reached a
    limit in a scope. ``breaks``: what the base does and the base with these repairs does not: it was proved or could
    not be violated, and is refuted now. ``breaks_unknown``: scopes where a limit was reached before that was known.
    """

    repairs: tuple[str, ...]
    revision: str
    states: dict[str, int]
    subsets: list[RepairRefutation] = []
    one_less: bool = False
    undetermined: list[tuple[tuple[str, ...], str]] = []
    breaks: list[RepairRefutation] = []
    breaks_unknown: list[str] = []

    @property
    def minimal(self) -> bool:
        """Whether it is known that with any one of the repairs less it is refuted."""
        return not self.undetermined


class RepairsFound(msgspec.Struct):
    """All that a search found. ``has``: repairs that the base has already.

    ``hopeless``: refutations that no set of the repairs that was tried cures. ``together``: larger sets of further
    repairs were not all tried against a run; none: all were. ``undetermined``: sets in a scope that reached a limit.
    """

    schema: str
    base: str
    invariants: list[str]
    scopes: list[str]
    repairs: list[str]
    has: list[str] = []
    sets: list[MinimalSet] = []
    hopeless: list[RepairRefutation] = []
    undetermined: list[tuple[tuple[str, ...], str]] = []
    tried: list[RepairRefutation] = []
    explorations: int = 0
    replays: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    stopped_early: bool = False
    together: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it is known that there are no other minimal sets."""
        open_ = self.undetermined or self.together is not None or any(not each.minimal for each in self.sets)
        return not (self.interrupted or self.stopped_early or open_)

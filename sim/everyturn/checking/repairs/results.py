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
    ``one_less``, for those that lack one repair. ``breaks``: what the base does and the base with these repairs does
    not: it was proved or could not be violated, and is refuted now.
    """

    repairs: tuple[str, ...]
    revision: str
    states: dict[str, int]
    subsets: list[RepairRefutation] = []
    one_less: bool = False
    breaks: list[RepairRefutation] = []


class RepairsFound(msgspec.Struct):
    """All that a search found. ``has``: repairs that the base has already.

    ``hopeless``: refutations that no set of the repairs cures. ``undetermined``: sets in a scope that reached a limit.
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

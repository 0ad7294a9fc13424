"""One call for the whole question."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from everyturn.checking.repairs.family import Family
from everyturn.checking.repairs.journal import ExplorationJournal
from everyturn.checking.repairs.refuting import Refuter, RepairQuestion, Watching
from everyturn.checking.repairs.results import MinimalSet, RepairRefutation, RepairsFound
from everyturn.checking.repairs.search import search, smallest_first
from everyturn.engines.coroutines.exploration import NO_LIMITS, Limits
from everyturn.errors import UsageError
from everyturn.verdicts.checker import CONFORMS
from everyturn.verdicts.selection import Wanted, selection
from everyturn.world.agents import require
from everyturn.world.scope import DEFAULT_SCOPES, Scope
from everyturn_impl.dispatcher import Dispatcher


def find_repairs(
    base: str | type[Dispatcher],
    invariants: Sequence[Wanted] = (),
    scopes: Sequence[str] = (),
    repairs: Sequence[str | type] = (),
    *,
    granularity: str = "access",
    limits: Limits = NO_LIMITS,
    journal: Path | None = None,
    watching: Watching = lambda name: nullcontext(),
    say: Callable[[MinimalSet | RepairRefutation], None] = lambda found: None,
    first: bool = False,
    breaks: bool = True,
) -> RepairsFound:
    """The minimal sets of ``repairs`` (none: all that are known) with which ``base`` keeps ``invariants`` (none: all)
    in all ``scopes`` (none: the default ones).

    ``journal``: a file that explorations are kept in. ``first``: end at the first set. ``breaks``: look for what a set
    breaks. Raises :class:`UsageError`.
    """
    if CONFORMS in invariants:
        raise UsageError(f"repairs: expected invariants; found {CONFORMS}: conformance cannot be searched for")
    family = Family(base, repairs)
    every = tuple(dict.fromkeys(str(Scope.parse(scope)) for scope in scopes or DEFAULT_SCOPES))
    for scope in every:
        require(family.dispatcher(family.pool), Scope.parse(scope), f"scope {scope}")
    question = RepairQuestion(
        family, selection(invariants, () if invariants else (CONFORMS,)), every, granularity, limits
    )
    refuter = Refuter(smallest_first(question), ExplorationJournal(journal), watching)
    return search(refuter, say, first=first, breaks=breaks)

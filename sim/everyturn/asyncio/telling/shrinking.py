"""A shorter run with a finding of the same kind: in which the world interferes as rarely as it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import GO_ON, ByWords
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.confirming import doubtful

SHRINKING: Final = 300
"""How often a run is made shorter at most."""

_LONGER: Final = 10
_LONGEST: Final = 200
"""A try is given up after so many times the iterations of the run that is made shorter, or so many, if that is more:
one that goes round for ever is no shorter run."""

Weight = tuple[int, int, int, int, int]
"""Choices that are not the first option; events of the world; choices; what is noted; iterations of the loop."""


class ShrunkScenario(NamedTuple):
    """A run that no single change makes shorter, and how many were tried for it; or the shortest so far, if Ctrl-C
    ``interrupted``."""

    outcome: ScenarioOutcome
    tried: int
    interrupted: bool = False


def shrink(
    scenario: Scenario,
    setting: Setting,
    outcome: ScenarioOutcome,
    kind: str,
    *,
    every: bool = False,
    watch: Callable[[Weight, int], None] | None = None,
) -> ShrunkScenario:
    """A run with a finding of the same kind, as short as single changes of its choices can make it.

    Tried are the first option in place of another one, or with ``every`` each option before it; late ones first.
    ``watch`` is told now and then.
    """
    best, tried = outcome, 0
    try:
        with prepared(scenario, setting):
            for _ in range(SHRINKING):
                longest = min(setting.longest, max(_LONGEST, _LONGER * best.iterations))
                setting = setting._replace(longest=longest)
                for guide in _simpler(best, every=every):
                    tried += 1
                    found = run(scenario, guide, setting)
                    if any(each.kind == kind for each in found.findings) and weight(found) < weight(best):
                        if kind in doubtful(scenario, setting, found):
                            continue
                        best = found
                        break
                else:
                    break
                if watch is not None:
                    watch(weight(best), tried)
    except KeyboardInterrupt:
        return ShrunkScenario(best, tried, interrupted=True)
    return ShrunkScenario(best, tried)


def _simpler(outcome: ScenarioOutcome, *, every: bool) -> Iterator[ByWords]:
    """The same run with one interference of the world left out, or an earlier option in its place."""
    words = [(each.kind, each.word) for each in outcome.decisions]
    for place in range(len(words) - 1, -1, -1):
        decision = outcome.decisions[place]
        for option in decision.options[: decision.taken if every else min(decision.taken, 1)]:
            yield ByWords([*words[:place], (decision.kind, option), *words[place + 1 :]])


def weight(outcome: ScenarioOutcome) -> Weight:
    """What shrinking makes smaller, the first first."""
    return (
        sum(each.taken > 0 for each in outcome.decisions),
        sum(each.word != GO_ON for each in outcome.decisions if each.kind not in ("time", "clock", "order in sets")),
        len(outcome.decisions),
        len(outcome.logged),
        outcome.iterations,
    )

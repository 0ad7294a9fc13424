"""The audit of a scenario: is a state really one? The counter-check of all that a search merged, to its end."""

from __future__ import annotations

import time
from collections.abc import Callable

from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.runtime.scenarios import find, name_of, parts_of
from everyturn.asyncio.search.counter_checking import counter_check
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits, search
from everyturn.checking.audit import Audited
from everyturn.checking.countercheck.counter_check import THOROUGH
from everyturn.errors import Disagreement, ReplayError
from everyturn.verdicts.verdict import CounterCheck


def audit(
    scenario: str | Scenario,
    setting: Setting,
    limits: SearchLimits,
    watch: Callable[[ScenarioSearch], None] | None = None,
) -> Audited:
    """Explore ``scenario`` and follow each state that was merged by two of its histories, each by several
    continuations, and random schedules beside them.

    Of ``local_states`` are counted states, of ``histories`` the merges. Where there are thousands of merges, 2,000 or
    more of them are followed, evenly spread. Raises :class:`~everyturn.errors.UsageError`.
    """
    function, start = find(scenario), time.monotonic()
    done, states, merged, difference = CounterCheck(), 0, 0, None
    complete, interrupted, stopped = False, False, None
    revision, scope = parts_of(name_of(scenario))
    try:
        found = search(function, setting, limits=limits, watch=watch)
        states, merged = found.states, found.merged
        complete, interrupted, stopped = found.complete, found.interrupted, found.stopped
        work = THOROUGH._replace(longest=4 * found.longest)
        done = counter_check(
            function, found.setting, found.guide, (), work=work, seconds=None, unordered=found.unordered
        )
    except (Disagreement, ReplayError) as error:
        difference = str(error)
    return Audited(
        revision=revision,
        scope=scope,
        granularity=setting.order,
        local_states=states,
        histories=merged,
        compared=done.resumptions,
        runs=done.merged + done.schedules,
        complete=complete,
        seconds=round(time.monotonic() - start, 3),
        difference=difference,
        stopped=stopped,
        interrupted=interrupted,
    )

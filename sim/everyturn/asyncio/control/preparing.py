"""What runs need around them: patched clocks, no collection of garbage but at their ends, and one run before them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from everyturn.asyncio.control.patches import Patches
from everyturn.asyncio.order.earlier import EARLIER
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.output import kept

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import Scenario, Setting
    from everyturn.asyncio.runtime.world import ScenarioWorld

_WARMING: Final = 500
"""The most iterations of the loop in the run before all others."""


@contextmanager
def prepared(
    scenario: Scenario | None = None,
    setting: Setting | None = None,
    world_of: Callable[..., ScenarioWorld] | None = None,
) -> Iterator[None]:
    """Around runs. With a ``scenario`` it is run once before, as nothing interferes: what is imported while it runs,
    and what is computed once for good, is there for all runs then, and belongs to none. ``world_of``: what makes the
    world of that run."""
    EARLIER.freeze()  # what is here before, garbage too, is looked at by no collection
    gc.disable()
    patches = Patches()
    try:
        with kept():
            patches.put()
            if scenario is not None:
                NOW.take(_run_once(scenario, setting, world_of))
                patches.put_in_modules()
                gc.collect()
                EARLIER.freeze()
            yield
    finally:
        NOW.put_back()
        patches.put_back()
        gc.enable()
        EARLIER.forget()


class _Looking(FirstOption):
    """Nothing interferes; which classes there are sets of is looked at whenever the world has a choice."""

    LOOKS = 50

    def __init__(self) -> None:
        self.found: dict[type, None] = {}
        self._looks = 0

    def foreseen(self) -> Sequence[str]:
        """Nothing that would have to be looked for: what the collector may take is no matter here."""
        return ()

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """0."""
        if self._looks < self.LOOKS:
            self._looks += 1
            self.found.update(dict.fromkeys(NOW.look()))
        return 0


def _run_once(scenario: Scenario, setting: Setting | None, world_of: Callable[..., ScenarioWorld] | None) -> list[type]:
    """The first run: the classes of which it had sets that are ordered by addresses."""
    from everyturn.asyncio.runtime.running import Setting, run
    from everyturn.asyncio.runtime.world import ScenarioWorld

    guide = _Looking()
    run(scenario, guide, (setting or Setting())._replace(longest=_WARMING), world_of=world_of or ScenarioWorld)
    return list(guide.found)

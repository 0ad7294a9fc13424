"""What runs need around them: patched clocks, no collection of garbage but at their ends, and one run before them."""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import ref

from everyturn.asyncio.control.patches import Patches
from everyturn.asyncio.order.earlier import EARLIER
from everyturn.asyncio.order.sequences import NOW, PASSING
from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.output import kept
from everyturn.asyncio.runtime.process_settings import PROCESS
from everyturn.asyncio.states.library_kinds import finalizers_before_the_runs
from everyturn.asyncio.states.mentioned import BEFORE
from everyturn.asyncio.states.state import encode
from everyturn.asyncio.states.unknown import UnknownValue
from everyturn.world import overrun

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
    world of that run.

    Within another one for the same program nothing is done again; within one for another program, that one is over
    meanwhile.
    """
    wanted, around = _Preparation(scenario, setting, world_of), _Preparation.now
    if around is not None and around.serves(wanted):
        around.as_it_began()
        yield
        return
    if around is not None:
        around.end()
    try:
        wanted.begin()
        yield
    finally:
        wanted.end()
        if around is not None:
            around.begin()


class _Preparation:
    """What stands around the runs of one program. ``now``: that which is under way."""

    now: ClassVar[_Preparation | None] = None

    def __init__(
        self, scenario: Scenario | None, setting: Setting | None, world_of: Callable[..., ScenarioWorld] | None
    ) -> None:
        self._scenario = scenario
        self._setting = setting
        self._world_of = world_of
        self._classes: list[type] = []
        self._ends = ExitStack()

    def serves(self, other: _Preparation) -> bool:
        """Whether the runs of ``other`` need nothing else: how long they last, and which orders in sets are explored,
        does not matter."""
        return self._scenario is other._scenario and self._world_of is other._world_of and self._way() == other._way()

    def _way(self) -> tuple[str, bool]:
        from everyturn.asyncio.runtime.running import Setting

        setting = self._setting or Setting()
        return setting.order, setting.eager

    def begin(self) -> None:
        """Raises what the first run raises; :meth:`end` is to be called then, too."""
        _Preparation.now = self
        self._ends.callback(EARLIER.forget)
        self._ends.enter_context(overrun.watching())
        self._ends.callback(PROCESS.forget)
        self._ends.callback(PROCESS.put_back)
        PROCESS.take()
        EARLIER.freeze()  # what is here before, garbage too, is looked at by no collection
        self._ends.callback(gc.enable)
        gc.disable()
        _ = platform.uname().processor  # asked of a subprocess, once for all; clients of models tell it
        patches = Patches()
        self._ends.callback(patches.put_back)
        self._ends.callback(NOW.put_back)
        self._ends.enter_context(kept())
        patches.put()
        NOW.take_alone([PASSING])
        self._ends.callback(BEFORE.forget)
        BEFORE.take()
        finalizers_before_the_runs()
        if self._scenario is not None:
            FIRST.take(self._scenario)
            self._ends.callback(FIRST.forget)
            while _finds(self._scenario, self._setting, self._world_of):
                pass
            self._classes = list(NOW.classes)
            with FIRST.importing():
                patches.put_in_modules()
            BEFORE.take(anew=False)
            gc.collect()
            finalizers_before_the_runs()
            EARLIER.freeze()
            gc.unfreeze()
            PROCESS.take(signals=False)
            gc.freeze()

    def as_it_began(self) -> None:
        """Forget of which classes sets were found since."""
        if NOW.classes != self._classes:
            alone = NOW.alone
            NOW.put_back()
            NOW.take(self._classes)
            NOW.take_alone(alone)

    def end(self) -> None:
        """Everything as it was."""
        _Preparation.now = None
        self._ends.close()


class _Looking(FirstOption):
    """Nothing interferes; which classes there are sets of is looked at whenever the world has a choice, and before the
    first step and at rest in all that the program's code can come to: also in what was there before the run."""

    LOOKS = 50

    def __init__(self) -> None:
        self.found: dict[type, None] = {}
        self.alone: set[type] = set()
        self._looks = 0
        self._begun = False
        self._world: Callable[[], ScenarioWorld | None] = lambda: None

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning."""
        self._world = ref(world)

    def foreseen(self) -> Sequence[str]:
        """Nothing that would have to be looked for: what the collector may take is no matter here."""
        return ()

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """0."""
        if self._looks < self.LOOKS:
            self._looks += 1
            self.found.update(dict.fromkeys(NOW.look()))
        return 0

    def watch(self, kind: str, what: Any) -> None:
        """One thing that happens."""
        if kind == "rest" or (kind == "step" and not self._begun):
            self._begun = True
            world = self._world()
            assert world is not None
            with suppress(UnknownValue, RecursionError):  # then a search that merges says so
                encode(world)
            self.found.update(dict.fromkeys(world.unordered | world.orders.unordered))
            self.alone |= world.alone


def _finds(scenario: Scenario, setting: Setting | None, world_of: Callable[..., ScenarioWorld] | None) -> bool:
    """One run before all others: whether another one might find more, as it had sets that were not known, or has
    imported something."""
    modules = len(sys.modules)
    found, alone = _run_once(scenario, setting, world_of)
    NOW.take(found)
    NOW.take_alone(alone)
    return bool(found) or len(sys.modules) > modules


def _run_once(
    scenario: Scenario, setting: Setting | None, world_of: Callable[..., ScenarioWorld] | None
) -> tuple[list[type], set[type]]:
    """The classes, not taken yet, of which a run had sets that are ordered by addresses; and those of which it had sets
    of one."""
    from everyturn.asyncio.runtime.running import Setting, run
    from everyturn.asyncio.runtime.world import ScenarioWorld

    guide = _Looking()
    setting = (setting or Setting())._replace(longest=_WARMING)
    run(scenario, guide, setting, guide.watch, world_of=world_of or ScenarioWorld)
    return [each for each in guide.found if not NOW.has_order(each)], guide.alone

"""Levels on an event loop: every run of an asyncio program, with what the player sees at each choice of the world."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import CoroutineType
from typing import Any, Final
from weakref import ref

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import GO_ON
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.findings import task_name
from everyturn.asyncio.runtime.outside import Answer
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.depth_first import MERGEABLE, DepthFirstGuide
from everyturn.asyncio.states.state import encode
from everyturn.game.graph import PlayGraph, PlayMove, PlayStand
from everyturn.game.level import ShownCode, shown
from everyturn.game.threads import stand

LOOP: Final = "loop"
"""Who goes on where nothing comes from outside."""
CLOCK: Final = "clock"
"""Who decides whether a deadline has come."""
MAIN: Final = "main"
_DUE: Final = " holds"
_NOT_DUE: Final = " does not hold"
"""How the loop tells whether a deadline is before now."""
_RUNS_ON: Final = "runs what is ready"


@dataclass(frozen=True)
class OnALoop:
    """An asyncio scenario; the goal is reached at rest, with a finding of ``kind``. ``shows``: names of the scenario's
    variables that the player sees."""

    scenario: Scenario
    kind: str
    shows: str

    legend = "A name stands where that task waits. Between two waits a task runs alone: nobody comes in between."

    @property
    def code(self) -> ShownCode:
        """The function that the player sees."""
        return shown(self.scenario)

    @property
    def command(self) -> str:
        """How to check it."""
        return f"everyturn check --scenario {self.scenario.__module__}:{self.scenario.__qualname__}"

    def explored(self) -> PlayGraph:
        """Every state in which the world has a choice, and every rest."""
        mapping = LoopMap(self)
        setting = Setting()
        with prepared(self.scenario, setting):
            while True:
                mapping.ended(run(self.scenario, mapping, setting, mapping.told))
                if not mapping.next():
                    return mapping.drawn()


class LoopMap(DepthFirstGuide):
    """A depth-first guide that draws a map: a number for each state, and what each choice leads to.

    A run is left where it comes to a state that is on the map. Two rests that look alike and show the same are one.
    """

    def __init__(self, level: OnALoop) -> None:
        super().__init__()
        self.level = level
        self.code = level.code
        self.graph = PlayGraph([], ("ready", *level.shows.split()))
        self.seen: dict[str, int] = {}
        self._nodes: list[int] = []
        """The number of the state at each choice of the prefix."""
        self._stands: list[dict[str, PlayStand]] = []
        self._rests: dict[tuple[Any, ...], int] = {}
        self._world: Callable[[], ScenarioWorld | None] = lambda: None
        self._story: list[str] = []
        self._run = _Run()

    def begin(self, world: ScenarioWorld) -> None:
        """From the beginning, in a new world."""
        super().begin(world)
        self._world = ref(world)
        self._story, self._run = [], _Run()

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next place of the prefix; beyond it 0, unless the state is on the map already."""
        if self.made >= len(self._nodes):
            self._nodes.append(self._arrive(kind, options))
        self._looks()  # so that what is shown of a function that has ended is from its last choice
        self._story = []
        place = super().choose(kind, options)
        if kind == "time" or options[place] == GO_ON:
            self._story.append(_in_words(options[place]))
        return place

    def next(self) -> bool:
        """Go to the next prefix in the order of depth; whether there is one."""
        more = super().next()
        del self._nodes[len(self.taken) :]
        return more

    def told(self, kind: str, what: Any) -> None:
        """What happens between two choices; and rest, at which all that can be seen is looked at."""
        if self._run.resting is not None:
            return  # what comes now is the end of asyncio.run
        if kind == "step":
            self._story.append(self._run.step(what))
        elif kind == "world":
            self._story.append(str(what) if self._story else str(what).removeprefix(f"{_source(str(what))} "))
        elif kind == "rest":
            self._run.resting = self._looks()

    def ended(self, outcome: ScenarioOutcome) -> None:
        """A run has ended; said before :meth:`next`."""
        if not outcome.complete or self._run.resting is None:
            return
        wins = self._wins(outcome)
        key = (self._run.resting, wins)
        if key not in self._rests:
            self._rests[key] = self._new(self._run.resting, ())
            if wins is not None:
                self.graph.wins_at_rest[self._rests[key]] = wins
        self._lead_to(self._rests[key])

    def _wins(self, outcome: ScenarioOutcome) -> str | None:
        """What is said of a run that reaches the goal."""
        found = [each.sentence for each in outcome.findings if each.kind == self.level.kind]
        if found and self.level.kind == "hang" and self._run.resting is not None:
            left = [name for name, _ in self._run.resting[1] if name != MAIN]
            return f"Nothing can move any more, and {' and '.join(left) or MAIN} still wait{'s' * (len(left) < 2)}"
        return found[0] if found else None

    def _arrive(self, kind: str, options: Sequence[str]) -> int:
        """The number of the present state, which is new on the map: else the run is left there."""
        world = self._world()
        assert world is not None
        key = repr((kind, tuple(options), encode(world))) if kind in MERGEABLE else None
        if key is not None and key in self.seen:
            self._lead_to(self.seen[key])
            world.settled = True
            raise Abandoned(merged=True)
        number = self._new(self._looks(), options)
        if key is not None:
            self.seen[key] = number
        self._lead_to(number)
        return number

    def _new(self, looks: _Looks, options: Sequence[str]) -> int:
        shared, stands = looks
        coming = {_source(each): PlayStand(next=_in_words(each)) for each in options}
        self._stands.append({**dict(stands), **coming})
        for name in self._stands[-1]:
            self._who(name)
        self.graph.states.append((self.graph.shared.number(shared),))
        self.graph.moves.append([PlayMove(self._who(_source(each)), "", -1, None) for each in options])
        return len(self.graph.states) - 1

    def drawn(self) -> PlayGraph:
        """The map, when all runs were made: everybody who was ever there has a place in each state."""
        for number, (here, (shared,)) in enumerate(zip(self._stands, self.graph.states, strict=True)):
            stands = [self.graph.stands.number(here.get(name, _ABSENT)) for name in self.graph.who]
            self.graph.states[number] = (shared, *stands)
        return self.graph

    def _lead_to(self, number: int) -> None:
        """The choice that was made last leads to a state."""
        made = min(self.made, len(self.taken), len(self._nodes))
        if made == 0:
            return
        moves = self.graph.moves[self._nodes[made - 1]]
        place = self.taken[made - 1]
        moves[place] = moves[place]._replace(told="; ".join(filter(None, self._story)), target=number)

    def _who(self, name: str) -> int:
        if name not in self.graph.who:
            self.graph.who.append(name)
        return self.graph.who.index(name)

    def _looks(self) -> _Looks:
        """What can be seen now: the values that are shown, and where each task stands."""
        world = self._world()
        assert world is not None
        return (self._run.ready(world), *self._run.values(world, self.graph.objects[1:])), tuple(
            (self._run.name(task), stand(task.get_coro(), self.code, "")) for task in world.tasks()
        )


_Looks = tuple[tuple[str, ...], tuple[tuple[str, PlayStand], ...]]
_ABSENT: Final = PlayStand(ended="is not there")


def _source(option: str) -> str:
    """Who acts if an option is taken: what comes from outside, the clock, or the loop."""
    if option.endswith((_DUE, _NOT_DUE)):
        return CLOCK
    return LOOP if option in (GO_ON, "rests") else option.removesuffix(" arrives").removesuffix(" happens")


def _in_words(option: str) -> str:
    if option.endswith((_DUE, _NOT_DUE)):
        return "the deadline has come" if option.endswith(_DUE) else "the deadline has not come yet"
    return _RUNS_ON if option == GO_ON else option


@dataclass
class _Run:
    """What is remembered of one run: its tasks' names, and the variables of its main function."""

    resting: _Looks | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def name(self, task: asyncio.Task[Any]) -> str:
        """A task by the name of its function, those of one name numbered in the order in which they were seen."""
        if id(task) not in self.names:
            own = task_name(task)
            base = getattr(task.get_coro(), "__name__", own) if own.startswith("Task-") else own
            taken = [each for each in self.names.values() if each.split(" ")[0] == base]
            self.names[id(task)] = f"{base} {len(taken) + 1}" if taken else base
        return self.names[id(task)]

    def step(self, handle: Any) -> str:
        """What the loop runs, in words."""
        owner = getattr(handle._callback, "__self__", None)
        if isinstance(owner, asyncio.Task):
            return f"{self.name(owner)} runs"
        return f"{owner.name} is handed over" if isinstance(owner, Answer) else ""

    def ready(self, world: ScenarioWorld) -> str:
        """What the loop will run next, in its order."""
        handles: list[Any] = [*world.loop._ready, *world.progress.arrived]
        told = [self.step(each).removesuffix(" runs").removesuffix(" is handed over") for each in handles]
        return _value([each or "…" for each in told])

    def values(self, world: ScenarioWorld, wanted: Sequence[str]) -> tuple[str, ...]:
        """The variables that are shown; of a function that has ended, as they were last."""
        coroutine = world.main.get_coro()
        while isinstance(coroutine, CoroutineType) and coroutine.cr_frame is not None:
            found = coroutine.cr_frame.f_locals
            self.variables.update((name, found[name]) for name in wanted if name in found)
            coroutine = coroutine.cr_await
        return tuple(_value(self.variables[name]) if name in self.variables else "" for name in wanted)


def _value(value: Any) -> str:
    """A variable's value as the player sees it."""
    match value:
        case None:
            return "nobody"
        case bool():
            return "yes" if value else "no"
        case asyncio.Event():
            return "set" if value.is_set() else "not set"
        case asyncio.Lock():
            return "taken" if value.locked() else "free"
        case asyncio.Queue():
            return _value(getattr(value, "_queue"))  # noqa: B009
        case asyncio.Future():
            return "done" if value.done() else "waits"
        case list() | tuple() | deque() | set():
            return "[" + ", ".join(map(_value, value)) + "]"
    return str(value)

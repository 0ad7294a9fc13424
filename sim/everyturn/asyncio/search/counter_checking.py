"""The counter-check of a search: no proof before some of it was made again without what it rests on.

A proof rests on this, that equal encodings mean equal futures. So states that were merged are reached again by two of
their histories, and both are followed to rest by the same choices, through the loop itself, without any merging; and
random schedules are run, each compared from some state on with the first history of that state. Compared step by step:
what the world can choose, the ready queue, what runs, what is noted, and what is wrong at rest. No run may show what
was proved to be in none.

Two runs that were taken for one may differ in what is no part of a state: numbers of instants, times, addresses and the
automatic names of tasks. Those are not compared; nor are numbers that are noted where the clock shows another time, nor
what comes once ``asyncio.run`` cancels several tasks that were left, or closes several generators: in which order is
trusted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple
from weakref import ref

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.decisions import Decision, FirstOption
from everyturn.asyncio.runtime.findings import step_name
from everyturn.asyncio.runtime.running import LEFT, LEFT_OPEN, Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.depth_first import MERGEABLE, Merging
from everyturn.asyncio.search.merges import ScenarioMerge
from everyturn.asyncio.states.state import UnknownValue
from everyturn.checking.countercheck.counter_check import Workload
from everyturn.errors import Disagreement, ReplayError
from everyturn.verdicts.verdict import CounterCheck

LONGEST: Final = 200
"""Iterations of the loop after which a run that is followed is left, or four times the decisions of the longest run, if
that is more: it may go round for ever."""
_AT_REST: Final = frozenset({"hang", "error", "left-over", "no-end"})
"""Kinds of findings that follow from the state at which a run comes to rest."""
_AT_THE_END: Final = frozenset({"no-end"})
"""Those of them that come of what is cancelled there."""
_ORDERS_AT_THE_END: Final = frozenset({LEFT, LEFT_OPEN})
"""What is trusted of them."""
_SHARE: Final = 0.1
_LEAST: Final = 0.5
FEWEST: Final = 2
"""So many merged states and schedules are compared whatever the time: a proof without any would be none."""
_CONTINUATIONS: Final = 12
"""So many of each merge are followed at most, where there are few."""
_SHOWN: Final = 12
"""So many of the last steps of a continuation are told."""
_NOTES: Final = "notes "
_BEHIND_IT: Final = (
    "what may be behind it: something that one run leaves behind for the next, what lies outside of the program, where "
    "objects lie in memory (id), lines of a traceback; else it is a fault of everyturn, please report it"
)
_NOT_OF_THE_STATE: Final = re.compile(r"\bTask-\d+|\b0x[0-9a-f]+|\d+\.\d+(?:e[-+]?\d+)?|\bt\d+")

Meets = Callable[[Any, str, Sequence[str]], int | None]
"""The number of the state of this world at this choice, if a comparison is to begin there."""


class Followed(NamedTuple):
    """A run beyond the state that is looked at: line by line what came, what was chosen until then, and how it ended.
    ``times``: what the clock has shown from there on."""

    lines: list[str]
    history: list[str]
    outcome: ScenarioOutcome
    state: int | None
    times: list[float]


class Following(FirstOption):
    """Takes the choices of ``way``, then draws from ``onwards``; remembers what happens from the end of ``way`` on.

    With ``meets`` it draws from ``before`` until ``meets`` says the number of a state, and remembers what happens from
    there on.
    """

    def __init__(
        self, way: Sequence[int], onwards: Random, meets: Meets | None = None, before: Random | None = None
    ) -> None:
        self._way = way
        self._onwards = onwards
        self._first = onwards.choice((None, 0.1, 0.8))
        """How probable the first option is; none: as probable as each other."""
        self._meets = meets
        self._before = before or onwards
        self._world: Callable[[], Any] = lambda: None
        self.made = 0
        self.begun: int | None = None
        """How many choices had been made when the remembered part began."""
        self.state: int | None = None
        self.instant = 0
        """At which look at the clock the remembered part began."""
        self.lines: list[str] = []

    def begin(self, world: Any) -> None:
        """From the beginning, in a new world."""
        self._world = ref(world)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice of the way; behind it a random one."""
        number, self.made = self.made, self.made + 1
        if number < len(self._way):
            return self._next(self._way[number], kind, options)
        self._look(kind, options)
        if self.begun is None:
            return self._before.randrange(len(options))
        if kind in MERGEABLE and self._is_compared():
            ready = ", ".join(step_name(handle) for handle in self._world().loop._ready)
            self.lines.append(f"ready: {_alike(ready)}")
        return self._drawn(len(options))

    def _drawn(self, number: int) -> int:
        """A random place: in some runs the first one is rare, in some the others are, so that timers are beaten, too,
        and beat."""
        if self._first is not None:
            return 0 if self._onwards.random() < self._first else self._onwards.randrange(1, number)
        return self._onwards.randrange(number)

    def _next(self, place: int, kind: str, options: Sequence[str]) -> int:
        if place >= len(options):
            raise ReplayError(
                f"decision {self.made}: the same choices led to another place: expected {place + 1} options or more "
                f"({kind}); found {', '.join(options)}"
            )
        return place

    def _look(self, kind: str, options: Sequence[str]) -> None:
        if self.begun is not None:
            return
        self.instant = self._world().clock.now
        if self._meets is None:
            self.begun = self.made - 1
        elif kind in MERGEABLE and (state := self._meets(self._world(), kind, options)) is not None:
            self.begun, self.state = self.made - 1, state

    def _is_compared(self) -> bool:
        """Whether nothing has come yet of which the order is trusted."""
        return _ORDERS_AT_THE_END.isdisjoint(self._world().orders.trusted)

    def watch(self, kind: str, what: Any) -> None:
        """One thing that happens."""
        if self.begun is None or not self._is_compared():
            return
        if kind == "decision":
            self.lines.append(_decided(what))
        elif kind == "step":
            self.lines.append(_alike(step_name(what)))
        elif kind == "log":
            self.lines.append(f"{_NOTES}{', '.join(noted_alike(each) for each in what)}")
        elif kind == "world":
            self.lines.append(_alike(str(what)))


def _decided(decision: Decision) -> str:
    if decision.kind == "time":  # its words are of instants, which are numbered from the beginning of a run
        return f"time: choice {decision.taken + 1} of {len(decision.options)}"
    options = " / ".join(decision.options)
    return _alike(f"{decision.kind}: {decision.word}, of {options}")


def _alike(text: str) -> str:
    """Without what is no part of a state."""
    return _NOT_OF_THE_STATE.sub("#", text)


def noted_alike(value: Any, depth: int = 5) -> str:
    """What was noted, without what is no part of a state: as far as two runs can be compared by it."""
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return _alike(repr(value))
    if not depth or not isinstance(value, tuple | list | dict):
        return type(value).__name__
    if isinstance(value, dict):
        value = list(value.items())
    return f"[{', '.join(noted_alike(each, depth - 1) for each in value)}]"


def counter_check(
    scenario: Scenario,
    setting: Setting,
    guide: Merging | None,
    proved: Collection[str],
    *,
    work: Workload,
    seconds: float | None,
    schedules: int | None = None,
    unordered: frozenset[type] = frozenset(),
) -> CounterCheck:
    """Make runs again on which a proof rests. Raises :class:`~everyturn.errors.Disagreement`.

    ``guide``: that of the search, if it merged. ``proved``: kinds of findings that no run may show. ``seconds``: those
    of the search, of which it may take a tenth, or half a second if that is more; none: no limit. ``schedules``: how
    many random ones at most; none: as many as ``work`` says. ``unordered``: classes of which the search found sets that
    are ordered by addresses.
    """
    limit = None if seconds is None else max(_LEAST, _SHARE * seconds)
    setting = setting._replace(longest=max(LONGEST, work.longest), until=None)
    checking = _Checking(scenario, setting, frozenset(proved), limit)
    with prepared(scenario, setting):
        NOW.take(unordered)
        if guide is not None:
            checking.follow(guide, work)
        checking.sample(guide, work.runs if schedules is None else min(work.runs, schedules))
    return checking.done()


class _Checking:
    """A counter-check that is under way."""

    def __init__(self, scenario: Scenario, setting: Setting, proved: frozenset[str], limit: float | None) -> None:
        self._scenario = scenario
        self._setting = setting
        self._proved = proved
        self._limit = limit
        self._done = CounterCheck()
        self._start, self._worked = time.monotonic(), time.process_time()

    def done(self) -> CounterCheck:
        """How much was done."""
        self._done.seconds = round(time.monotonic() - self._start, 3)
        return self._done

    def follow(self, guide: Merging, work: Workload) -> None:
        """Reach merged states again by two of their histories, and go on by the same choices: where there are few, by
        several continuations of each."""
        ways = guide.graph.ways
        merges = _spread([each for each in guide.merges.kept if each.state in ways], work.merges)
        most = max(work.continuations, min(_CONTINUATIONS, work.merges // max(1, len(merges))))
        for continuation in range(most):
            for number, merge in enumerate(merges):
                if self._done.merged >= FEWEST and self._is_late():
                    return
                self._compare(f"merge {number}.{continuation}", ways[merge.state], merge)
                self._done.merged += not continuation
                self._done.resumptions += 1

    def sample(self, guide: Merging | None, runs: int) -> None:
        """Random schedules, each of them compared with the first history of a state that it comes to."""
        for number in range(runs):
            if self._done.schedules >= FEWEST and self._is_late():
                return
            name = f"run {number}"
            meets = None if guide is None else _meeting(guide, number)
            followed = self._run(Following((), _onwards(name), meets, Random(f"counter-check: {name}")))
            self._claimed(followed)
            if followed.state is not None and guide is not None:
                self._part(self._run(Following(guide.graph.ways[followed.state], _onwards(name))), followed)
            self._done.schedules += 1

    def _compare(self, name: str, first: Sequence[int], merge: ScenarioMerge) -> None:
        one, other = (self._run(Following(way, _onwards(name))) for way in (first, merge.way))
        self._claimed(one)
        self._claimed(other)
        self._part(one, other)

    def _run(self, guide: Following) -> Followed:
        setting = self._setting
        if self._limit is not None:
            setting = setting._replace(until=time.monotonic() + max(_LEAST, 10 * self._limit))
        outcome = run(self._scenario, guide, setting, guide.watch)
        history = [each.word for each in outcome.decisions[: guide.begun]]
        return Followed(guide.lines, history, outcome, guide.state, outcome.times[guide.instant :])

    def _claimed(self, followed: Followed) -> None:
        """Nothing that was proved is shown."""
        for finding in followed.outcome.findings:
            if finding.kind in self._proved:
                raise Disagreement.between(
                    f"{finding.kind} was proved to be in no run, and a run shows it",
                    (f"the run: {_listed(each.word for each in followed.outcome.decisions)}", str(finding)),
                    _BEHIND_IT,
                )

    def _part(self, first: Followed, other: Followed) -> None:
        """Raise if the two do not go on alike."""
        whole = first.outcome.complete and other.outcome.complete
        place, (one, two) = _first_difference(first, other)
        if place is None or (not whole and (one is None or two is None)):
            return
        raise Disagreement.between(
            "two histories were taken for one state, and what follows on the other is not what follows on the first",
            (
                f"the first history: {_listed(first.history)}",
                f"the other history: {_listed(other.history)}",
                f"the first goes on: {_listed(first.lines[max(0, place - _SHOWN) : place])}, {one or 'it ends'}",
                f"the other goes on: {_listed(other.lines[max(0, place - _SHOWN) : place])}, {two or 'it ends'}",
            ),
            f"the difference: {one or 'the end'} / {two or 'the end'}, {place} things after they met",
        )

    def _is_late(self) -> bool:
        """Whether it has taken as long as it may, by the processor's time: what others do on this machine changes
        nothing."""
        if self._limit is not None and time.process_time() - self._worked > self._limit:
            self._done.stopped = f"{self._limit:.1f} seconds"
        return self._done.stopped is not None


def _first_difference(first: Followed, other: Followed) -> tuple[int | None, tuple[str | None, str | None]]:
    """Where two runs part, and what each does there; none where they do not.

    Numbers that are noted may be made of the time. So they are compared only where the clock shows the same in both.
    """
    ones, others = [*first.lines, *_ends(first.outcome)], [*other.lines, *_ends(other.outcome)]
    if not first.times or first.times != other.times:
        ones, others = ([_without_numbers(each) for each in lines] for lines in (ones, others))
    for place in range(max(len(ones), len(others))):
        one = ones[place] if place < len(ones) else None
        two = others[place] if place < len(others) else None
        if one != two:
            return place, (one, two)
    return None, (None, None)


def _without_numbers(line: str) -> str:
    return re.sub(r"\d+", "#", line) if line.startswith(_NOTES) else line


def _ends(outcome: ScenarioOutcome) -> list[str]:
    if not outcome.complete:
        return []
    compared = _AT_REST - _AT_THE_END if _ORDERS_AT_THE_END & outcome.trusted else _AT_REST
    kinds = sorted({each.kind for each in outcome.findings if each.kind in compared})
    return [f"at rest: {', '.join(kinds) or 'all is well'}"]


def _meeting(guide: Merging, number: int) -> Meets:
    """The comparison of run ``number`` begins at one of its first choices, drawn at random, or the next that comes to a
    state to which the way is known."""
    wait = Random(f"counter-check: meets {number}").randrange(1 + number)

    def meets(world: Any, kind: str, options: Sequence[str]) -> int | None:
        nonlocal wait
        wait -= 1
        if wait >= 0:
            return None
        try:
            state = guide.seen.get(guide.key_of(world, kind, options))
        except UnknownValue:
            return None
        return state if state in guide.graph.ways else None

    return meets


def _onwards(name: str) -> Random:
    """The draws of what follows a state: the same for each of its histories."""
    return Random(f"counter-check: onwards: {name}")


def _spread(merges: Sequence[ScenarioMerge], most: int) -> list[ScenarioMerge]:
    """At most so many, evenly spread."""
    number = min(len(merges), most)
    return [merges[place * len(merges) // number] for place in range(number)]


def _listed(lines: Iterable[str]) -> str:
    return ", ".join(islice(lines, 200)) or "nothing"

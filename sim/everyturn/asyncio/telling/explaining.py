"""Why a run of a scenario shows a fault: what waited for what, which completion decided, when it was too late, and the
nearest run in which all is well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from time import monotonic
from typing import Any, Final, NamedTuple

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import GO_ON, ByWords
from everyturn.asyncio.runtime.findings import ScenarioFinding, chosen, kinds_of
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.telling.other_runs import ORDERS, Behind, From, Tries
from everyturn.asyncio.telling.stock_script import beyond_asyncio
from everyturn.asyncio.telling.story import tell
from everyturn.asyncio.telling.waiting import WaitingTask, waiting_at_rest
from everyturn.errors import UsageError

BUDGET: Final = 2_000
"""How many runs are made at most in search of the point of no return, and of what decided."""
MANY: Final = 400
PATIENCE: Final = 10.0
"""After so many iterations a run may be one that goes on for ever: then it has so many seconds to come to rest."""
MOST_LINES: Final = 100
"""The most lines that are told of a run that does not come to rest."""
_COMPARED: Final = re.compile(r"(t\d+.*) <= (t\d+)(?: \+ 1e-09 s)? (holds|does not hold)")
Recorded = Sequence[tuple[str, str]]


class DecidingPair(NamedTuple):
    """Two things of which the ``first`` came before the ``second``, at choice number ``decision``: the other way round
    the fault is not there."""

    decision: int
    first: str
    second: str


class PassingScenario(NamedTuple):
    """The nearest run that shows nothing wrong: it is the same up to choice number ``decision``, and there takes
    ``instead``. ``recorded``: all its choices, kind and word."""

    decision: int
    taken: str
    instead: str
    lines: list[str]
    recorded: Recorded


class LostScenario(NamedTuple):
    """From choice number ``decision`` on every run shows the fault; none before it. ``runs`` were made to find that
    out; ``decision`` 0: every run of the scenario does."""

    decision: int
    word: str
    runs: int


class ExplainedScenario(NamedTuple):
    """Why a run shows a fault of one kind. ``meaning``: what that
    kind says in general; ``lines``: its story; ``waiting``: who waits for whom at rest; none of
    ``pair``, ``passing`` and ``lost`` where it was not found. ``beyond_asyncio``: why asyncio's own loop cannot make
    it; none if it can. ``strayed``: where the run left the recorded one, if it did."""

    name: str
    setting: Setting
    finding: ScenarioFinding
    meaning: str
    outcome: ScenarioOutcome
    lines: list[str]
    waiting: list[WaitingTask]
    pair: DecidingPair | None
    passing: PassingScenario | None
    lost: LostScenario | None
    beyond_asyncio: str | None
    strayed: str | None


def explain(
    scenario: Scenario,
    name: str,
    setting: Setting,
    recorded: Recorded,
    kind: str | None = None,
    *,
    budget: int = BUDGET,
) -> ExplainedScenario:
    """Explain the run of these words; ``kind``: of which fault, none: the first. Raises :class:`UsageError` if it shows
    none of it."""
    with prepared(scenario, setting):
        guide = ByWords(recorded)
        outcome, lines = tell(scenario, guide, setting._replace(longest=min(setting.longest, MANY)))
        if not outcome.complete:
            outcome, lines = tell(scenario, ByWords(recorded), setting._replace(until=monotonic() + PATIENCE))
        if not outcome.complete:
            return _endless(name, setting, outcome, lines, kind)
        finding = wanted_of(outcome, kind, kinds_of(scenario))
        explaining = _Explaining(scenario, setting, outcome, finding.kind, budget)
        return ExplainedScenario(
            name=name,
            setting=setting,
            finding=finding,
            meaning=kinds_of(scenario)[finding.kind],
            outcome=outcome,
            lines=lines,
            waiting=waiting_at_rest(scenario, setting, outcome),
            pair=explaining.pair(),
            lost=(lost := explaining.lost()),
            passing=explaining.passing() or explaining.turned_back(lost),
            beyond_asyncio=beyond_asyncio(setting, outcome.decisions),
            strayed=guide.strayed,
        )


def wanted_of(outcome: ScenarioOutcome, kind: str | None, kinds: Mapping[str, str]) -> ScenarioFinding:
    """The finding to look at: of this kind, or the first. Raises :class:`UsageError` if the run has none."""
    if kind is not None:
        chosen(kinds, [kind])
    for finding in outcome.findings:
        if kind is None or finding.kind == kind:
            return finding
    found = ", ".join(sorted({each.kind for each in outcome.findings})) or "nothing wrong"
    raise UsageError(f"expected a run with {kind or 'a fault'}; found {found}")


def _endless(
    name: str, setting: Setting, outcome: ScenarioOutcome, lines: list[str], kind: str | None
) -> ExplainedScenario:
    """Of a run that goes on for ever its story is told, no more."""
    if kind not in (None, "hang", "left-over"):
        raise UsageError(f"expected a run with {kind}; found one that goes on for ever")
    finding = ScenarioFinding(kind or "hang", f"after {outcome.iterations:,} iterations of the loop it is not at rest")
    told_ = [*lines[:MOST_LINES], "      and so on"]
    return ExplainedScenario(
        name, setting, finding, "", outcome, told_, [], None, None, None, "it never comes to rest", None
    )


class _Explaining:
    """One run, and others that are made to compare it with: at most ``budget`` for each question."""

    def __init__(self, scenario: Scenario, setting: Setting, outcome: ScenarioOutcome, kind: str, budget: int) -> None:
        self._budget = budget
        self._scenario = scenario
        self._setting = setting
        self._decisions = outcome.decisions
        self._kind = kind
        self._good: dict[int, ScenarioOutcome] = {}
        """A run without the fault that begins with so many choices of this one."""
        self._behind: tuple[int, Behind] | None = None
        """What was put off, and how."""

    def pair(self) -> DecidingPair | None:
        """The latest two things whose order decided: if the second comes first, there is no such fault."""
        tried = Tries(self._budget // 2)
        for number in range(len(self._decisions) - 1, -1, -1):
            if self._decisions[number].kind in ORDERS:
                found = self._brought_forward(number, tried) or self._put_off(number, tried)
                if found is not None:
                    return found
        return None

    def _brought_forward(self, number: int, tried: Tries) -> DecidingPair | None:
        """Another option of a choice comes first, and then what came there."""
        decision = self._decisions[number]
        for word in decision.options:
            same = _source(word) == _source(decision.word)
            if same or (word == GO_ON and decision.kind != "arrives"):
                continue
            for recorded in self._other_way_round(number, word):
                if tried.one() and self._spares(recorded):
                    return DecidingPair(number + 1, told(decision.word), told(word))
        return None

    def _put_off(self, number: int, tried: Tries) -> DecidingPair | None:
        """What came at a choice comes behind something that came later, of which it was no option."""
        late = self._decisions[number].word
        for made, early in self._events if late not in (GO_ON, "rests") else ():
            if made <= number or _source(early) == _source(late):
                continue
            guide = Behind(self._decisions, number, early)
            if tried.one() and self._spares_behind(guide):
                self._behind = number, guide
                return DecidingPair(number + 1, told(late), told(early))
        return None

    @cached_property
    def _events(self) -> list[tuple[int, str]]:
        """What the world did, each with how many choices were made before it came."""
        made, came = 0, []

        def watch(kind: str, what: Any) -> None:
            nonlocal made
            made += kind == "decision"
            if kind == "world":
                came.append((made, str(what)))

        run(self._scenario, ByWords([(each.kind, each.word) for each in self._decisions]), self._setting, watch)
        return came

    def passing(self) -> PassingScenario | None:
        """The run that differs by one choice, as late as can be, and shows nothing wrong at all."""
        behind = self._passing_behind()
        for number, word in islice(self._others(), self._budget // 3):
            if behind is not None and behind.decision > number:
                return behind
            for recorded in (*self._other_way_round(number, word), self._words(number, word)):
                outcome, lines = tell(self._scenario, ByWords(recorded), self._setting)
                if outcome.complete and not outcome.findings:
                    made = [(each.kind, each.word) for each in outcome.decisions]
                    return PassingScenario(number + 1, self._decisions[number].word, word, lines, made)
        return behind

    def _passing_behind(self) -> PassingScenario | None:
        """The run in which the later of the two that decided came first, if it shows nothing wrong at all."""
        if self._behind is None:
            return None
        number, guide = self._behind
        recorded = guide.made
        outcome, lines = tell(self._scenario, ByWords(recorded), self._setting)
        if not outcome.complete or outcome.findings or len(recorded) <= number:
            return None
        return PassingScenario(number + 1, self._decisions[number].word, recorded[number][1], lines, recorded)

    def turned_back(self, lost: LostScenario | None) -> PassingScenario | None:
        """The run that goes another way at the point of no return, if that is known."""
        good = None if lost is None else self._good.get(lost.decision - 1)
        if good is None or lost is None or len(good.decisions) < lost.decision:
            return None
        recorded = [(each.kind, each.word) for each in good.decisions]
        _, lines = tell(self._scenario, ByWords(recorded), self._setting)
        return PassingScenario(lost.decision, lost.word, recorded[lost.decision - 1][1], lines, recorded)

    def lost(self) -> LostScenario | None:
        """The first choice after which every run shows the fault; none if so many runs do not say it."""
        budget = self._budget
        left = [budget]
        low, high = 0, len(self._decisions)
        # a run without the fault is still there after `low` choices (if any), and not after `high`
        first = self._can_be_spared(0, left)
        if first is None:
            return None
        if not first:
            return LostScenario(0, "", budget - left[0])
        while high - low > 1:
            middle = (low + high) // 2
            spared = self._can_be_spared(middle, left)
            if spared is None:
                return None
            low, high = (middle, high) if spared else (low, middle)
        return LostScenario(high, self._decisions[high - 1].word, budget - left[0])

    def _others(self) -> Iterator[tuple[int, str]]:
        """Each option that was not taken, with the number of its choice, late ones first."""
        for number in range(len(self._decisions) - 1, -1, -1):
            decision = self._decisions[number]
            yield from ((number, word) for word in decision.options if word != decision.word)

    def _words(self, number: int, word: str) -> list[tuple[str, str]]:
        """The same up to a choice, another option there, and then nothing interferes."""
        before = [(each.kind, each.word) for each in self._decisions[:number]]
        return [*before, (self._decisions[number].kind, word)]

    def _other_way_round(self, number: int, word: str) -> Iterator[list[tuple[str, str]]]:
        """The same up to a choice, there ``word``, then what came there, and all else in its order."""
        decision = self._decisions[number]
        later = [(each.kind, each.word) for each in self._decisions[number + 1 :]]
        place = next((at for at, (_, said) in enumerate(later) if said == word), None)
        if place is not None:
            later.pop(place)
        yield [*self._words(number, word), (decision.kind, decision.word), *later]
        yield [*self._words(number, word), *later]

    def _spares(self, recorded: Recorded) -> bool:
        """Whether a run comes to rest without this kind of fault."""
        outcome = run(self._scenario, ByWords(recorded), self._setting)
        return outcome.complete and all(each.kind != self._kind for each in outcome.findings)

    def _spares_behind(self, guide: Behind) -> bool:
        """Whether a run comes to rest without this kind of fault in which something comes behind what it came before,
        all else in its order."""
        outcome = run(self._scenario, guide, self._setting, guide.watch)
        return guide.in_order and outcome.complete and all(each.kind != self._kind for each in outcome.findings)

    def _can_be_spared(self, number: int, left: list[int]) -> bool | None:
        """Whether some run that begins with so many choices of this one is without the fault; none if it is not
        known."""
        guide = From(self._decisions[:number])
        while left[0] > 0:
            left[0] -= 1
            outcome = run(self._scenario, guide, self._setting)
            if outcome.complete and all(each.kind != self._kind for each in outcome.findings):
                self._good[number] = outcome
                return True
            guide.ended(outcome)
            if not guide.next():
                return False
        return None


def _source(word: str) -> str:
    """Whose answer it is, however it comes."""
    return word.removesuffix(" arrives").partition(": ")[0]


def told(word: str) -> str:
    """A choice for a reader."""
    if word == GO_ON:
        return "the next steps of the loop, or a timer"
    compared = _COMPARED.fullmatch(word)
    if compared is None:
        return word
    return f"the time {compared[1]} {'has' if compared[3] == 'holds' else 'has not'} come at {compared[2]}"

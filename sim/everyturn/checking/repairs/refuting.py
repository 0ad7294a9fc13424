"""Whether a set of repairs suffices: by runs that refuted other sets, made again; then by exploring each scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from everyturn.checking.check import CheckedCell, check
from everyturn.checking.repairs.family import Family, RepairSet
from everyturn.checking.repairs.journal import ExplorationJournal
from everyturn.checking.repairs.results import RepairRefutation
from everyturn.engines.coroutines.exploration import ExplorationProgress, Limits
from everyturn.engines.explorer.checkpoints import own_code
from everyturn.engines.simpy.replay import replay
from everyturn.verdicts.selection import Selection, Wanted
from everyturn.verdicts.verdict import Cell, Verdict
from everyturn.world.agents import code_of, promises_of

Watching = Callable[[str], AbstractContextManager[ExplorationProgress | None]]
"""Progress, for what is being explored."""


class RepairQuestion(NamedTuple):
    """What is to hold: these ``invariants`` in these ``scopes``, smallest first, within ``limits``."""

    family: Family
    asked: Selection
    scopes: tuple[str, ...]
    granularity: str
    limits: Limits


class Undetermined(Exception):
    """A limit was reached: ``args`` are the scope and the limit."""


class Refuter:
    """Finds out whether a set of repairs suffices, and keeps every run that shows that one does not."""

    def __init__(self, question: RepairQuestion, journal: ExplorationJournal, watching: Watching) -> None:
        self.question = question
        self.wanted = wanted_of(question)
        self.explorations = 0
        self.replays = 0
        self.states: dict[RepairSet, dict[str, int]] = {}
        self.known: dict[RepairSet, RepairRefutation | None] = {}
        self._journal = journal
        self._watching = watching
        self._kept: list[RepairRefutation] = []

    def refutation(self, chosen: RepairSet) -> RepairRefutation | None:
        """A run that violates something with these repairs; none: all scopes are proved. Raises
        :class:`Undetermined`."""
        if chosen not in self.known:
            self.known[chosen] = self._by_replay(chosen) or self._by_exploring(chosen)
        return self.known[chosen]

    def violates(self, found: RepairRefutation, chosen: RepairSet) -> RepairRefutation | None:
        """The run of a refutation, made with other repairs, if it violates the same invariant there."""
        self.replays += 1
        family = self.question.family
        (wanted,) = [each for each in self.wanted if _name(each) == found.invariant]
        again = replay(found.token, [wanted], family.agent(chosen))
        for step, finding in again.findings:
            if finding.invariant == found.invariant:
                return RepairRefutation(
                    family.in_order(chosen), found.scope, found.invariant, step, finding.sentence, again.run.token
                )
        return None

    def _by_replay(self, chosen: RepairSet) -> RepairRefutation | None:
        for place, found in enumerate(reversed(self._kept)):
            again = self.violates(found, chosen)
            if again is not None:
                self._kept.append(self._kept.pop(len(self._kept) - 1 - place))
                return again
        return None

    def _by_exploring(self, chosen: RepairSet) -> RepairRefutation | None:
        """Explore the scopes, smallest first; a set that fails in one is not tried in a larger one."""
        states: dict[str, int] = {}
        for scope in self.question.scopes:
            answer = self.explored(chosen, scope, self.wanted, stop_at_first=True)
            refuted = answer["refuted"]
            if refuted:
                found = RepairRefutation(self.question.family.in_order(chosen), scope, **refuted[0])
                self._kept.append(found)
                return found
            if answer["stopped"]:
                raise Undetermined(scope, answer["stopped"])
            states[scope] = answer["states"]
        self.states[chosen] = states
        return None

    def explored(
        self, chosen: RepairSet, scope: str, wanted: Sequence[Wanted], *, stop_at_first: bool = False
    ) -> dict[str, Any]:
        """What an exploration says: ``refuted`` (invariant, steps, sentence, token), ``held``, ``states``,
        ``stopped``."""
        family, limits = self.question.family, self.question.limits
        name = family.name(chosen)
        code = own_code() + code_of(family.dispatcher(chosen))[:16]
        names = ",".join(map(_name, wanted))
        key = f"{name} {code} {scope} {self.question.granularity} {names} {limits} first={stop_at_first}"
        known = self._journal.get(key)
        if known is not None:
            return known
        self.explorations += 1
        with self._watching(f"{name} {scope}") as progress:
            checked = check(
                family.agent(chosen),
                scope,
                granularity=self.question.granularity,
                invariants=wanted,
                stop_at_first=stop_at_first,
                limits=limits,
                progress=progress,
            )
        if checked.interrupted:
            raise KeyboardInterrupt
        answer = _answer(checked)
        self._journal.put(key, answer)
        return answer


def _answer(checked: CheckedCell) -> dict[str, Any]:
    """An exploration as the journal keeps it; an invariant that is undetermined though no limit was reached is told as
    stopped."""
    cell: Cell = checked.cell
    said = dict(cell.invariants)
    refuted = [
        {"invariant": name, "steps": each.steps, "sentence": each.sentence, "token": each.token}
        for name, each in said.items()
        if each.verdict is Verdict.REFUTED
    ]
    open_ = [name for name, each in said.items() if each.verdict is Verdict.UNDETERMINED]
    stopped = cell.stopped or (f"{', '.join(open_)} undetermined" if open_ else None)
    held = [name for name, each in said.items() if each.verdict in (Verdict.PROVED, Verdict.VACUOUS)]
    return {"refuted": refuted, "held": held, "states": cell.states or 0, "stopped": stopped}


def wanted_of(question: RepairQuestion) -> list[Wanted]:
    """The invariants that are asked and promised."""
    promises = promises_of(question.family.dispatcher(()))
    return [each for each in question.asked.invariants if each.unpromised(promises) is None]


def _name(wanted: Wanted) -> str:
    return wanted if isinstance(wanted, str) else wanted.name


def subsets(chosen: RepairSet, *, one_less: bool) -> Iterable[RepairSet]:
    """The proper subsets, largest first, or those with one repair less."""
    from itertools import combinations

    members = sorted(chosen)
    smallest = len(members) - 1 if one_less else 0
    for size in range(len(members) - 1, smallest - 1, -1):
        yield from map(frozenset, combinations(members, size))

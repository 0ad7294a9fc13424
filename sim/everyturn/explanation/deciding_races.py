"""Which races decided: those whose other order spares a run its violation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer.paths import Path, PathStep, walk
from everyturn.errors import EndlessRun
from everyturn.explanation.happens_before import HappensBefore, Race
from everyturn.runs.run import Run
from everyturn.runs.tokens.named_steps import ByName
from everyturn.verdicts.checker import Finding

_UNKIND: Final = (
    "(Fault(store",
    "(committed",
    "(Fault(not-",
    "StreamResult(ERROR",
    "StreamResult(UNAUTHORISED",
    "lost",
)


class DecidingRaces:
    """The deciding races of one run, up to ``step``, where it is found to violate something.

    ``path`` is the run over ``transitions``, which judge the violated invariant.
    """

    def __init__(self, transitions: Transitions, path: Path, run: Run, step: int, finding: Finding) -> None:
        self.transitions = transitions
        self.path = path
        self.finding = finding
        self.order = HappensBefore(run)
        self._until = min(step, len(run.steps) - 1)
        self._spared: dict[tuple[int, int], bool] = {}

    def __iter__(self) -> Iterator[Race]:
        """The most telling first: both accesses writing rather than one of them, then the latest.

        Counting reservations tells least: it ends a critical section, and comes with it wherever that goes.
        """
        races = [race for race in self.order.races if race.second.step <= self._until]
        races.sort(
            key=lambda race: (
                race.first.column == "reservations",
                not (race.first.wrote and race.second.wrote),
                -race.second.step,
                -race.first.step,
            )
        )
        return (race for race in races if self._decides(race))

    def first(self) -> Race | None:
        """The most telling one; if there is none, the first conflict that decides, ordered though it is by others."""
        conflicts = (race for race in self.order.conflicts() if race.second.step <= self._until and self._decides(race))
        return next(iter(self), None) or next(conflicts, None)

    def _decides(self, race: Race) -> bool:
        pair = (race.first.step, race.second.step)
        if pair not in self._spared:
            self._spared[pair] = self._spares(*pair)
        return self._spared[pair]

    def _spares(self, first: int, second: int) -> bool:
        """Whether the run is spared this violation if ``second``'s thread comes as far as that before ``first``.

        The world has to be as unkind as it was: the same errors in the same number.
        """
        names = self.path.names
        begin, end = self._section(first)[0], self._section(second)[1]
        ahead = [each for each in names[begin : end + 1] if each.thread == names[second].thread]
        behind = [each for each in names[begin : end + 1] if each.thread != names[second].thread]
        try:
            path = walk(self.transitions, ByName([*names[:begin], *ahead, *behind, *names[end + 1 :]]))
        except EndlessRun:
            return False
        said = [finding.sentence for step in path.steps for finding in step.findings]
        said += [finding.sentence for finding in path.resting]
        spared = self.finding.sentence not in said and _unkind(path) == _unkind(self.path)
        return spared and self._turned(path, first, second)

    def _turned(self, path: Path, first: int, second: int) -> bool:
        """Whether the second access did come before the first; one that waits for the other cannot."""
        ahead, behind = (self._made(self.path, each) for each in (second, first))
        for step in path.steps:
            if self._named(step) == ahead[0]:
                ahead = (ahead[0], ahead[1] - 1)
            elif self._named(step) == behind[0]:
                behind = (behind[0], behind[1] - 1)
            if not ahead[1]:
                return True
            if not behind[1]:
                return False
        return True

    @staticmethod
    def _named(step: PathStep) -> tuple[str, str]:
        return step.named.thread, step.named.first

    def _made(self, path: Path, number: int) -> tuple[tuple[str, str], int]:
        """A step by its thread and operation, and how often that had been made by then."""
        name = self._named(path.steps[number])
        return name, sum(self._named(step) == name for step in path.steps[: number + 1])

    def _section(self, step: int) -> tuple[int, int]:
        """First and last step of the critical section that a step is in; itself, if it is in none."""
        mine = [number for number, each in enumerate(self.path.steps) if each.thread == self.path.steps[step].thread]
        begin = end = step
        for number in reversed([each for each in mine if each <= step]):
            operation = self.path.steps[number].named.first
            if operation == "mutex.lock":
                begin = number
                end = next((each for each in mine if each >= step and self._unlocks(each)), step)
                break
            if operation == "mutex.unlock":
                break
        return begin, end

    def _unlocks(self, step: int) -> bool:
        return any(name == "mutex.unlock" for name, _ in self.path.steps[step].named.operations)


def _unkind(path: Path) -> list[tuple[str, str]]:
    """What went wrong in a path by the world's choice."""
    return sorted(
        operation for step in path.steps for operation in step.named.operations if operation[1].startswith(_UNKIND)
    )

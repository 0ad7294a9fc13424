"""Judges recordings of a real agent by what can be seen from outside.

Each invariant has one small class with a ``name`` and ``see(event, ledger)``, which is called once for each line, after
the :class:`~tests.sim.referee.ledger.Ledger` has seen it, and returns a sentence when the line shows a violation. The
judges claim only what no order of the hidden steps can explain; the exact meanings, and what a log cannot show, are in
``docs/semantics.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.sim.referee.cancels import NoLostCancel, NoPoisonedPrompt
from tests.sim.referee.ledger import Ledger
from tests.sim.referee.notices import NoDoubleEmit, PromptNotice, RightOwner, TrueOutcome
from tests.sim.referee.rest import CleanRest, NoHang, NothingLost
from tests.sim.referee.turns import InOrder, NoFoldOfRunId, OneTurn

from everyturn.files.reading import LogFile
from everyturn.formats.crush_dispatch import LogError, RecordedRun, read_runs
from everyturn.formats.crush_lines import CrushEvent
from everyturn.verdicts.verdict import Verdict
from everyturn_model.invariants import BY_NAME, INVARIANTS, Kind
from everyturn_model.logs.monitor import NotShown


class Judge(Protocol):
    """What follows a recording for one invariant."""

    name: str

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line; the sentence that says what it violates, if it does."""


JUDGES: Final[tuple[Callable[[], Judge], ...]] = (
    NoHang,
    NoDoubleEmit,
    NoFoldOfRunId,
    OneTurn,
    NoLostCancel,
    NoPoisonedPrompt,
    NothingLost,
    InOrder,
    RightOwner,
    CleanRest,
    PromptNotice,
    TrueOutcome,
)

NOT_SHOWN: Final = {each.name: each.log.reason for each in INVARIANTS if isinstance(each.log, NotShown)}
"""The invariants that these logs cannot show, and why."""

_JUDGED: Final = frozenset(make().name for make in JUDGES)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is said of one invariant in one run: the first line that refutes it, and a sentence; or why it is open."""

    verdict: Verdict
    line: int | None = None
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """What is said of one recorded run; ``findings`` has all fifteen invariants, in their usual order."""

    path: Path
    revision: str
    run: int
    line: int
    scope: str
    at_rest: bool
    findings: dict[str, Finding]

    @property
    def refuted(self) -> dict[str, Finding]:
        """The invariants that the run refutes."""
        return {name: each for name, each in self.findings.items() if each.verdict is Verdict.REFUTED}


def judge_file(source: Path | LogFile, fault: Callable[[LogError], None] | None = None) -> Iterator[RunReport]:
    """Judge the runs of a log one after the other.

    What cannot be read is handed to ``fault``; without it, raises :class:`~everyturn.formats.crush_dispatch.LogError`.
    """
    return map(judge_run, read_runs(source, fault))


def judge_run(run: RecordedRun) -> RunReport:
    """Judge one run, in one pass over its lines."""
    ledger = Ledger(run.begin)
    judges = [make() for make in JUDGES]
    found: dict[str, Finding] = {}
    for line, event in run.logged:
        ledger.see(event)
        for judge in judges:
            if judge.name not in found:
                sentence = judge.see(event, ledger)
                if sentence is not None:
                    found[judge.name] = Finding(Verdict.REFUTED, line, sentence)
    still_open = {judge.name: judge.undecided for judge in judges if isinstance(judge, NothingLost)}
    findings = {
        name: found.get(name) or _unrefuted(name, ledger, at_rest=run.at_rest, undecided=still_open.get(name))
        for name in BY_NAME
    }
    scope, first = run.scope, run.logged[0].line
    return RunReport(run.path, run.header.revision, run.begin.run, first, scope, run.at_rest, findings)


def _unrefuted(name: str, ledger: Ledger, *, at_rest: bool, undecided: str | None) -> Finding:
    """What may be said of an invariant that no line violates."""
    if name not in _JUDGED:
        return Finding(Verdict.NOT_JUDGED, sentence=NOT_SHOWN.get(name, "nobody judges it from outside"))
    lives = [life for life in ledger.lives.values() if life.called is not None]
    needs = BY_NAME[name].needs
    if (
        len(lives) < needs.prompts
        or sum(life.waits for life in lives) < needs.run_ids
        or ledger.cancels < needs.cancels
    ):
        return Finding(Verdict.VACUOUS)
    if BY_NAME[name].kind is Kind.AT_REST and not at_rest:
        return Finding(Verdict.NOT_JUDGED, sentence="the log stops before the run is at rest")
    return Finding(Verdict.NOT_JUDGED, sentence=undecided) if undecided else Finding(Verdict.HOLDS)


def count_verdicts(reports: Iterable[RunReport]) -> dict[str, dict[str, Counter[Verdict]]]:
    """For each revision and invariant, how many runs got which verdict."""
    counts: dict[str, dict[str, Counter[Verdict]]] = {}
    for report in reports:
        rows = counts.setdefault(report.revision, {name: Counter() for name in BY_NAME})
        for name, finding in report.findings.items():
            rows[name][finding.verdict] += 1
    return counts

"""Judges one recorded run: its lines, told as a log's, are watched as those of any other agent are."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.formats.crush_dispatch import RecordedRun
from everyturn.formats.crush_log import CrushTranslator, header_of
from everyturn.formats.everyturn_log import LogLine, Placed
from everyturn.logs.watch import LineViolation, Watch
from everyturn.verdicts.verdict import InvariantResult, Verdict
from everyturn_model.monitor import Invariant


def judge_run(run: RecordedRun, chosen: Sequence[Invariant]) -> dict[str, InvariantResult]:
    """What is said of each invariant: the first line that refutes it, with all prompts of which that line shows the
    same."""
    found: dict[str, list[LineViolation]] = {}
    watch = Watch(
        header_of(run.header), lambda each: found.setdefault(each.invariant, []).append(each), chosen, recorded=True
    )
    teller, session = CrushTranslator(), f"run {run.begin.run}"
    for number, event in run.logged:
        for fields in teller.tell(event):
            watch.see(Placed(number, LogLine(session=session, **fields)))
    order = [each.id for each in run.begin.scenario.prompts]
    said = dict(watch.verdicts())
    for name, violations in found.items():
        line = violations[0].line
        there = sorted((each for each in violations if each.line == line), key=lambda each: _place(order, each))
        said[name] = InvariantResult(Verdict.REFUTED, _together(there), where=f"{run.path}:{line}")
    return said


def _place(order: Sequence[str], violation: LineViolation) -> int:
    """Where the prompt stands in the scenario."""
    return order.index(violation.prompt) if violation.prompt in order else -1


def _together(violations: Sequence[LineViolation]) -> str:
    """What is said of the first prompt, and of all others of which the same is said at the end of a sentence."""
    first = violations[0]
    stem = first.sentence.removesuffix(first.prompt or "")
    same = [each.prompt for each in violations if each.prompt and each.sentence == stem + each.prompt]
    return stem + ", ".join(same) if len(same) > 1 else first.sentence

"""How one run is explained: what was seen, line by line, and where each hidden step was put."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn.logs.conforming import RunMatch, standing
from everyturn.logs.excerpt import Sign, lines_of, rows
from everyturn.logs.words import words
from everyturn.printing import printable
from everyturn_model.lifecycle import Phase
from everyturn_model.partial import PartialAnswer, Unexplained
from everyturn_model.spec.prompts import Prompt

LEGEND: Final = (
    "  (+ a step that no line tells, put before the line that needs it;\n"
    "  ! a step that the specification refuses; | the line)"
)
_TEXT: Final = 88


def explanation(run: RunMatch) -> Iterator[str]:
    """One line for each step, the log's own lines between them; then, for a refused run, how far it fits and what it
    met."""
    refusals = run.matched.refusals
    count = f", {len(refusals)} refusals" if len(refusals) > 1 else ""
    yield f"{run.file}: {run.name}: {run.matched.answer}{count}, lines {run.lines[0]} to {run.lines[1]}"
    yield LEGEND
    guards = {(each.place, first.event): first for each in refusals for first in each.needed[:1]}
    for row in rows(run, lines_of(run.file, range(run.lines[0], run.lines[1] + 1))):
        if row.sign is Sign.REFUSED and (row.place, row.event) in guards:
            said = [each.needed[0] for each in refusals if (each.place, each.needed[0].event) == (row.place, row.event)]
            yield from (f"{row.place:>6} ! {each}" for each in said)
        hidden = row.sign is Sign.HIDDEN or (row.sign is Sign.REFUSED and row.text is None)
        yield f"{row.place:>6} {'+' if hidden else ' '} {printable(words(row.event))}"
        if row.text is not None:
            yield f"{'':>6} | {row.text if len(row.text) <= _TEXT else f'{row.text[:_TEXT]} …'}"
    if run.matched.answer is PartialAnswer.UNDETERMINED:
        yield f"  undetermined: {run.spent()}"
    for refused in refusals[:1]:
        yield from _refusal(refused)


def _refusal(refused: Unexplained) -> Iterator[str]:
    """The longest prefix that fits, what was needed there, and the states that were possible."""
    yield f"  what fits: everything before line {refused.place}"
    yield f"  what line {refused.place} would need, and the guard that refuses it:"
    yield from (f"    {printable(f'{words(each.event)}: {each}')}" for each in refused.needed)
    for number, state in enumerate(refused.states, 1):
        standings = ", ".join(standing(refused.guard, state))
        prompts = "; ".join(f"{each.name}: {_phase(each)}" for each in state.prompts)
        active = (
            state.turn.name
            if state.turn is not None
            else state.summary.name
            if state.summary is not None
            else "nothing"
        )
        which = f" {number} of {len(refused.states)}" if len(refused.states) > 1 else ""
        here = f"; in the way: {standings}" if standings else ""
        yield printable(f"  possible state{which} there: active: {active}; {prompts}{here}")


def _phase(prompt: Prompt) -> str:
    """Where a prompt stands, and how it ended."""
    where = {Phase.TURN: "in its turn", Phase.LEFT: "its turn is over", Phase.TAKEN: "taken out of the queue"}
    phase = where.get(prompt.phase, str(prompt.phase))
    return phase if prompt.outcome is None else f"{phase} ({prompt.outcome})"

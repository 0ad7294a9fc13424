"""What is said of a cell in a line: how many verdicts of each kind, how much was looked at, and what that bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from everyturn.verdicts.expectations import unreached
from everyturn.verdicts.verdict import WORST_FIRST, Cell, CounterCheck, InvariantResult, Verdict
from everyturn.world.scope import Scope


def judged_of(cell: Cell) -> Iterator[tuple[str, InvariantResult]]:
    """All that is said in a cell, conformance last."""
    yield from cell.invariants.items()
    if cell.conforms is not None:
        yield "conforms", cell.conforms


def verdict_counts(cell: Cell) -> str:
    """How many of each verdict there are in a cell."""
    counts = Counter(judged.verdict for _, judged in judged_of(cell))
    return ", ".join(f"{counts[verdict]} {verdict.words}" for verdict in WORST_FIRST if counts[verdict])


def headline(cell: Cell) -> str:
    """Verdicts and size of a cell."""
    counts = Counter(judged.verdict for _, judged in judged_of(cell))
    said = verdict_counts(cell)
    if cell.conforms is not None:
        said += f" ({len(cell.invariants)} invariant{'s' * (len(cell.invariants) != 1)} and conformance)"
    if cell.states is not None:
        size = f"{cell.states:,} states, {cell.transitions:,} transitions, depth {cell.depth}, {cell.seconds:.2f} s"
        if cell.peak_bytes is not None:
            size += f", {cell.peak_bytes / 2**20:,.0f} MiB"
        if cell.reduction == "symmetry":
            size += ", up to renaming"
        if cell.reduction == "ample":
            size += ", partial order reduced"
            if Verdict.REFUTED in counts:
                size += " (there may be shorter counterexamples)"
        if cell.stopped is not None:
            size += f"; stopped at {cell.stopped}"
    else:
        runs = (
            f"complete: {cell.schedules:,} schedule{'s' * (cell.schedules != 1)}"
            if cell.complete
            else f"{cell.schedules:,} run{'s' * (cell.schedules != 1)}"
        )
        size = f"{runs} ({cell.strategy}, seed {cell.seed})"
        if cell.risk is not None:
            size += risk_told(cell.risk, counts)
        elif cell.risk is None and not cell.complete and cell.run is None:
            size += ", no bound for what was not seen: these runs are no independent samples"
    if cell.counter_check is not None:
        size += f"; {counter_checked(cell.counter_check)}"
    missed = unreached(cell.witnesses, Scope.parse(cell.scope)) if cell.witnesses else ()
    if missed and cell.verdict in (Verdict.PROVED, Verdict.VACUOUS):
        said += f", but never reached: {', '.join(missed)}"
    return f"{said}  [{size}]"


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def counter_checked(done: CounterCheck) -> str:
    """How much of a proof was made again without tables."""
    if done.off:
        return "no counter-check"
    counts = ((done.merged, "merged state"), (done.schedules, "schedule"))
    said = ", ".join(counted(count, what) for count, what in counts if count) or "nothing"
    said = f"counter-checked: {said}"
    return said if done.stopped is None else f"{said}, stopped at {done.stopped}"


def risk_told(risk: Mapping[str, Any], counts: Mapping[Verdict, int]) -> str:
    """What independent runs say about what they did not show; ``counts``: how many verdicts of each kind there are."""
    said = ""
    if counts.get(Verdict.RISK) or counts.get(Verdict.UNDETERMINED):
        said += ", each of the others" if counts.get(Verdict.REFUTED) else ", a violation"
        said += (
            f": probability per run at most {risk['at_most']:.2g}, confidence {risk['confidence']}, {risk['method']}"
        )
    if not risk.get("met", True):
        said += f" (asked for: {risk['asked']:g})"
    if "pct" in risk:
        pct = risk["pct"]
        said += f", a violation of depth {pct['depth']} missed with probability at most {pct['missed_at_most']:.2g}"
    unseen = risk["unseen"]
    seen = f"{unseen['classes']} outcome{'s' * (unseen['classes'] != 1)} seen"
    return f"{said}; {seen}, unseen outcomes: at most {unseen['high']:.2g}"

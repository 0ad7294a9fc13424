"""A regression trace shows the cause that it is named after: what docs/findings.md tells of it happens in it, in
order."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from everyturn.engines.simpy.replay import replay
from everyturn.explanation.source_lines import places
from everyturn.runs.event_text import event_text
from everyturn.runs.run import Run
from everyturn.world.scope import Scope
from everyturn.world.world import World

TRACES: Final = Path(__file__).parent / "traces"

STORIES: Final[dict[str, list[str]]] = {
    "H1": ["Queued(prompt=p2", "Folded(prompt=p2"],
    "H2": [
        "p1 queue.get in drain",
        "Queued(prompt=p2",
        "p1 queue.get in hand_off",
        "turn=p1/p2.1",
        "Completed(prompt=p2, run_id=True, delivered=True",
    ],
    "H3": ["Queued(prompt=p2", "cancel1 queue.delete in clear", "Dropped(prompt=p2, reason=cleared"],
    "H4": ["Queued(prompt=p2", "turn=p1/p1, how=error", "p1 active.delete in leave", "Rest("],
    "H5": [
        "p2 active.get in run_in_process",
        "p1 active.delete in leave",
        "p1 queue.get in hand_off",
        "p2 queue.set in append",
        "Rest(",
    ],
    "H6": [
        "p1 active.get in run_accepted",
        "summarise1 active.delete in leave",
        "summarise1 queue.get in take_after_summary",
        "p1 queue.set in append",
        "Rest(",
    ],
    "H7": ["p1 queue.get in queue_continuation", "p2 queue.set in append", "p1 queue.set in queue_continuation"],
    "H8": ["p1 queue.get in hand_off", "turn=p1/p2.1", "MessageFailed(prompt=p2", "ErrorNotified(prompt=p1"],
    "H9": [
        "summarise1 active.set",
        "cancel1 contexts.cancel",
        "summarise1 store.finish_summary",
        "cancel1 queue.get",
        "p1 active.get in run_accepted",
        "SummariseReturned(",
        "Queued(prompt=p1",
        "Rest(",
    ],
    "H10": ["FailedBeforeTurn(prompt=p1", "ErrorNotified(prompt=p1, run_id=True, owner=p1, lost=True", "Rest("],
    "E5": [
        "summarise1 queue.get in take_after_summary",
        "cancel1 queue.get in clear",
        "summarise1 queue.set in take_after_summary",
        "Completed(prompt=p1, run_id=True, delivered=True, cancelled=True",
        "turn=summarise1/p1.1, how=finished",
        "Completed(prompt=p1, run_id=True, delivered=True",
    ],
    "E1": ["clear1 queue.get in clear", "p1 queue.set in hand_off", "clear1 queue.delete in clear"],
    "E2": ["queue.get in ", "queue.set in ", "queue.set in ", "/p2", "/p2.1"],
    "E3": [
        "turn=p1/p1, how=unauthorised",
        "Queued(prompt=p1",
        "Completed(prompt=p1, run_id=True, delivered=True",
        "Completed(prompt=p1, run_id=True, delivered=True",
    ],
    "E4": ["queue.get in hand_off", "queue.get in hand_off", "TurnStarted(turn=p1/p3.1", "TurnStarted(turn=p2/p3.1"],
    "F1": ["p1 queue.get in drain", "Folded(prompt=p2"],
    "T1": ["active.get in run_in_process", "active.get in run_in_process", "p1 active.set", "p2 active.set"],
    "T2": ["summarise1 active.get", "p1 active.set in run_accepted", "summarise1 active.set in enter_summary"],
    "T3": ["p1 queue.get in hand_off", "p2 active.set in run_accepted", "p1 active.delete in leave", "p3 active.set"],
    "L1": ["Submitted(prompt=p1", "cancel1 active.get", "CancelReturned(", "p1 active.set in run_in_process"],
    "L2": ["cancel1 mark.set", "CancelledOnEntry(prompt=p1", "StreamStarted(turn=p2/p2", "turn=p2/p2, how=finished"],
    "L3": [
        "p1 queue.get in hand_off",
        "p2 active.set in run_accepted",
        "p1 active.delete in leave",
        "cancel1 active.get in cancel",
        "CancelReturned(",
        "StreamStarted(turn=p2/p2",
        "turn=p2/p2, how=finished",
    ],
    "L4": [
        "p1 active.set in run_accepted",
        "summarise1 active.set in enter_summary",
        "CancelReturned(",
        "StreamStarted(turn=p1/p1",
        "turn=p1/p1, how=finished",
    ],
    "L5": [
        "full=True",
        "SummaryStarted(",
        "cancel1 contexts.cancel",
        "SummaryStreamEnded(summary=p1/p1/summary, how=cancelled",
        "p1 queue.set in queue_continuation",
        "TurnStarted(turn=p1/p1.1",
        "turn=p1/p1.1, how=finished",
    ],
    "P1": ["cancel1 mark.set", "CancelReturned(", "Submitted(prompt=p2", "CancelledOnEntry(prompt=p2"],
    "P2": ["cancel1 contexts.cancel", "CancelReturned(", "Submitted(prompt=p2", "Folded(prompt=p2"],
    "N1": ["p1 queue.get in hand_off", "clear1 queue.delete in clear", "p1 queue.set in hand_off", "turn=p1/p2.1"],
    "N2": ["p1 queue.get in drain", "clear1 queue.delete in clear", "Folded(prompt=p2"],
    "N3": [
        "turn=p1/p1, how=unauthorised",
        "TurnStarted(turn=p1/retry/p1",
        "MessageWritten(prompt=p1, by=turn, turn=p1/retry/p1",
    ],
    "N4": ["turn=p1/p1, how=finished", "turn=p1/p2.1, how=unauthorised", "TurnStarted(turn=p1/retry/p1"],
    "N6": ["TurnStarted(turn=p1/p1", "ReadFailed(prompt=p1"],
    "N7": ["p1 queue.get in hand_off", "p2 queue.set in append", "p1 queue.delete in hand_off"],
    "Q1": [
        "Queued(prompt=p2",
        "Queued(prompt=p3",
        "TakenOut(prompt=p2",
        "TurnStarted(turn=p4/p4",
        "Queued(prompt=p2",
        "TurnStarted(turn=p4/p3.1",
    ],
    "W1": ["turn=p1/p1, how=finished", "turn=p1/p2.1, how=error", "ErrorNotified(prompt=p1, run_id=True, owner=p2"],
    "R1": ["cancel1 reservations.look", "p1 reservations.close", "cancel1 mark.set"],
    "B1": [
        "p1 hooks.keep",
        "turn=p1/p2.1, prompt=p2",
        "turn=p1/p2.1, how=finished",
        "Completed(prompt=p1, run_id=True, delivered=True",
    ],
    "B2": ["turn=p1/p1, how=unauthorised", "p1 hooks.keep", "turn=p1/retry/p1, how=finished", "turn=p1/retry/p2.1"],
    "B3": [
        "full=True",
        "SummaryStarted(",
        "p1 queue.get in take_after_summary",
        "turn=p1/p1/p2.1",
        "Completed(prompt=p1, run_id=True, delivered=True",
    ],
    "O1": [
        "turn=p1/p1, how=unauthorised",
        "p1 hooks.keep",
        "Queued(prompt=p1",
        "Folded(prompt=p1",
        "p1 broker.publish",
    ],
    "O3": ["p1 queue.set in queue_continuation", "p2 queue.set in append", "p1 hooks.keep"],
    "O4": ["p2 queue.get in hand_off", "TurnStarted(turn=p2/p1.1", "p2 hooks.keep"],
    "O5": ["clear1 queue.get in clear", "p1 queue.set in hand_off", "Completed(prompt=p2, run_id=True, delivered=True"],
    "O6": ["StepFailed(turn=p1/p1, cause=cancelled", "record_early_cancel", "delivered=True, error=True"],
    "O7": [
        "cancel1 contexts.cancel",
        "SummaryStreamEnded(summary=p1/p1/summary, how=cancelled",
        "p1 queue.set in queue_continuation",
        "cancel1 queue.delete in clear",
        "p1 queue.get in hand_off",
        "Completed(prompt=p1, run_id=True, delivered=True",
    ],
    "S2": [
        "turn=p1/p1, how=finished",
        "p1 store.read_usage in finish_step",
        "p1 active.delete in leave",
        "p1 store.flush",
        "Completed(prompt=p1",
    ],
    "S1": ["cancel1 contexts.cancel", "FinalFailed(turn=p1/p1", "p1 hooks.keep", "p1 store.flush"],
}
"""Cause → parts of what happens in its trace, in this order."""
NEVER: Final = {
    "S2": "store.finish_step",
    "H2": "Completed(prompt=p1",
    "H3": "Completed(prompt=p2",
    "H4": "in hand_off",
    "H8": "Completed(prompt=p2",
    "N3": "prompt=p2",
}
"""Cause → what does not happen: it would be another one."""


def told(run: Run) -> list[str]:
    """Each operation with its function in the agent, and each event."""
    lines = []
    for step, here in zip(
        run.steps, places(run, World(Scope.parse(run.scope), run.revision, run.granularity)), strict=True
    ):
        for made, place in zip(step.operations, here, strict=True):
            lines.append(f"{made.thread} {made.operation} in {place.function}")
        lines += [event_text(event) for event in step.events]
    return [*lines, event_text(run.rest)]


def untold(cause: str, run: Run) -> str | None:
    """The first part of a cause's story that does not come, or the thing that never happens in it and did."""
    lines = told(run)
    rest = iter(lines)
    for part in STORIES.get(cause, ()):
        if not any(part in line for line in rest):
            return part
    return next((NEVER[cause] for line in lines if cause in NEVER and NEVER[cause] in line), None)


def tells(cause: str, run: Run) -> bool:
    """Whether a run tells the story of a cause, as far as it has one."""
    return untold(cause, run) is None


def test_every_cause_with_a_trace_has_a_story() -> None:
    """And every story a trace."""
    assert {path.stem.split("-")[0] for path in TRACES.glob("[A-Z]*.jsonl")} == set(STORIES)


@pytest.mark.parametrize("cause", STORIES)
def test_a_trace_shows_its_cause(cause: str) -> None:
    """The parts come in their order."""
    (path,) = TRACES.glob(f"{cause}-*.jsonl")
    assert untold(cause, replay(str(path)).run) is None

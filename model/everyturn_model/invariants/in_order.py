"""Who waits longest starts first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import Event, Queued, TurnStarted
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, SessionNeeds, Violated
from everyturn_model.promises import RestsOn


@dataclass(frozen=True, slots=True)
class Ranks:
    """``waited``: prompts with run id in the order of their first entry into the queue; ``started``: those with a
    turn."""

    waited: tuple[str, ...] = ()
    started: frozenset[str] = frozenset()


def in_order(ranks: Ranks, event: Event, ledger: Ledger) -> Ranks | Violated:
    """Who entered the queue first starts first."""
    match event:
        case Queued(prompt=prompt):
            life = ledger.get(prompt)
            if life is not None and life.run_id and not life.turns and prompt not in ranks.waited:
                return replace(ranks, waited=(*ranks.waited, prompt))
        case TurnStarted(prompt=prompt) if prompt in ranks.waited and prompt not in ranks.started:
            later = [each for each in ranks.waited[ranks.waited.index(prompt) :] if each in ranks.started]
            if later:
                return Violated(f"{later[0]} entered the queue after {prompt} and started before it")
            return replace(ranks, started=ranks.started | {prompt})
    return ranks


# in logs
# ---------------------------------------------------------------------------------------------------------------


def overtaken(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """Who surely queued later has started earlier."""
    if prompt.overtaken is None:
        return None
    other, prompt.overtaken = prompt.overtaken, None
    return f"{other} came into the queue after {prompt.name}, and started its turn before it"


IN_ORDER: Final = Invariant(
    "in-order",
    "Calls with run id start their turns in the order in which they entered the queue.",
    Kind.ALWAYS,
    in_order,
    Ranks(),
    Needs(run_ids=2),
    sees=(Queued, TurnStarted),
    rests_on=RestsOn("busy", "refuse", "the session does not promise that prompts wait in a queue"),
    log=LogMonitor(frozenset({"submit", "queued", "started"}), {"started": overtaken}),
    session=SessionNeeds("queued", "no look of the adapter has shown a prompt in the queue"),
    guards=("first-in-line", "not-overtaken"),
    mutant="InOrder",
)

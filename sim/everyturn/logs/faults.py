"""What a log shows an agent to have done wrong: refused runs, grouped by cause, each with a title, its reach and its
rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from everyturn.logs.causes import became, causes, left_by, seen_in_queue
from everyturn.logs.conforming import RunMatch, standing
from everyturn.printing import printable
from everyturn_model.invariants import INVARIANTS, Invariant
from everyturn_model.lifecycle import Phase
from everyturn_model.partial import Unexplained
from everyturn_model.spec.state import State, Summary

BY_GUARD: Final[dict[str, Invariant]] = {guard: each for each in INVARIANTS for guard in each.guards}
"""The invariant that says the same as a guard, of all runs, as the guard says of one step."""

SHOULD: Final[dict[str, str]] = {
    "no-run-id": "it should get a turn and a completion of its own",
    "rest-all-told": "everybody who waits for a run id should be told once how it ended",
    "rest-queue-empty": "whoever ends a turn should look at the queue, however the turn ended",
    "rest-all-ended": "every prompt should be started, folded, dropped or refused",
    "start-holds-nothing": "it should deliver what it keeps before it begins another prompt's turn",
    "summary-holds-nothing": "it should deliver what it keeps before it begins a summary",
    "not-passed": "a thread should tell of a turn before it begins another one",
    "nothing-active": "it should wait in the queue until the session is idle",
    "nothing-else-active": "it should be refused while the session is busy",
    "notice-of-own-error": "a notification that names a run id should tell that prompt's own error",
    "own-answer": "a completion should carry its own prompt's answer",
    "told-once": "a run id gets one completion",
    "not-late": "a prompt that a Cancel found should not finish by a stream that began after the Cancel had returned",
    "drop-reached": "nothing is dropped unless a Cancel, a ClearQueue or a shutdown met it",
    "first-in-line": "prompts with run id should start in the order in which they entered the queue",
    "rest-clean": "at rest the shared data should be clean",
}


@dataclass(frozen=True, slots=True)
class RefusedRuns:
    """One cause: a guard, and ``how`` it was broken. ``runs``: those that were refused for it first, in order;
    ``anywhere``: in how many runs its rule was broken at all; ``of``: how many runs of the same agent were judged."""

    guard: str
    how: str
    runs: tuple[RunMatch, ...]
    anywhere: int
    of: int

    @property
    def shown(self) -> RunMatch:
        """The run to show: the shortest way to the fault, of runs that show no other one there if there are such."""
        return min(self.runs, key=lambda run: (len(causes(run)), run.matched.refusals[0].prefix, run.file, run.run))

    @property
    def refused(self) -> Unexplained:
        """The first refusal of the run to show."""
        return self.shown.matched.refusals[0]

    @property
    def invariant(self) -> str | None:
        """The invariant that says the same, if there is one."""
        same = BY_GUARD.get(self.guard)
        return None if same is None else same.name

    @property
    def expected(self) -> str:
        """The rule, in a sentence."""
        return self.refused.needed[0].sentence

    @property
    def promise(self) -> str | None:
        """What the invariant promises, in a sentence."""
        same = BY_GUARD.get(self.guard)
        return None if same is None else same.sentence.rstrip(".")

    @property
    def title(self) -> str:
        """Which prompt, what happened, what should have happened."""
        should = SHOULD.get(self.guard)
        told = happened(self.shown)
        return printable(f"{told[:1].upper()}{told[1:]}{f'; {should}' if should else ''}")

    @property
    def waiting(self) -> tuple[str, ...]:
        """The prompts of the shown run whose clients wait for ever."""
        for refused in self.shown.matched.refusals:
            if refused.guard == "rest-all-told":
                return tuple(standing(refused.guard, refused.states[0]))
        return ()


def faults(runs: Sequence[RunMatch]) -> list[RefusedRuns]:
    """The causes for which runs were refused, of each agent for itself, the most frequent first.

    A run counts for what refused it first (:func:`everyturn.logs.causes.causes`): one cause, unless several clients are
    left alone at rest for different reasons.
    """
    groups: dict[tuple[str, str, str], list[RunMatch]] = {}
    for run in runs:
        for cause in causes(run) if run.matched.refusals else ():
            groups.setdefault((run.revision, cause.guard, cause.how), []).append(run)
    agents = Counter(run.revision for run in runs)
    anywhere = Counter((run.revision, guard) for run in runs for guard in {each.guard for each in run.matched.refusals})
    found = [
        RefusedRuns(guard, how, tuple(group), anywhere[agent, guard], agents[agent])
        for (agent, guard, how), group in groups.items()
    ]
    return sorted(found, key=lambda fault: (-len(fault.runs), fault.guard))


def happened(run: RunMatch) -> str:
    """What the agent did first that no correct one does, in a clause."""
    refused = run.matched.refusals[0]
    event: Any = refused.needed[0].event
    state = refused.states[0]
    match refused.guard:
        case "no-run-id":
            return f"prompt {event.prompt}, which has a run id, is folded into the turn of {_owner(state, event.turn)}"
        case "rest-all-told":
            return (
                f"nothing can move any more, and nobody has told {_clients(run, list(standing(refused.guard, state)))}"
            )
        case "rest-queue-empty":
            names = _queued(state)
            where = seen_in_queue(event)
            be = f"{'are' if len(names) > 1 else 'is'} " if where.startswith("still") else ""
            return f"nothing can move any more, and {_and(iter(names))} {be}{where} {left_by(run, state)}"
        case "rest-all-ended":
            return f"nothing can move any more, and nothing has become of {_and(standing(refused.guard, state))}"
        case "start-holds-nothing":
            held = (each.name for each in state.prompts if each.held == event.thread and each.name != event.prompt)
            known = any(each.name == event.thread for each in state.prompts)
            whose = f"the thread {'of ' if known else ''}{event.thread}"
            return f"{whose} begins the turn of {event.prompt} while it still keeps the completion of {_and(held)}"
        case "nothing-active":
            turn, summary = state.turn, state.summary
            active = f"the turn of {turn.prompt}" if turn is not None else f"the summary {_short(summary)}"
            return f"the turn of {event.prompt} begins while {active} is still active"
        case "notice-of-own-error":
            return f"an error notification for {event.prompt} tells the error of {event.owner}"
        case "own-answer":
            return f"the completion for {event.prompt} carries what is of {event.owner or event.error_owner}"
        case "told-once":
            return f"prompt {event.prompt} is told of its end a second time"
        case "true-outcome":
            ending = state.ending(state.prompt(event.prompt))
            really = "and it has not ended" if ending is None else f"and it ended as {ending}"
            return f"prompt {event.prompt} is told as {event.tells}, {really}"
        case "ended" | "end-known":
            return f"prompt {event.prompt} is told how it ended before that is known"
        case "rest-clean":
            return "nothing can move any more, and shared data is left over"
    return _by_rule(refused)


def _clients(run: RunMatch, names: list[str]) -> str:
    """Whom nobody told, and what had become of their prompts."""
    fates = [became(run, name) for name in names]
    if len(set(fates)) == 1:
        return f"the client of {_and(iter([names[0], *(f'of {name}' for name in names[1:])]))}, {fates[0]}"
    return _and(f"the client of {name}, {fate}," for name, fate in zip(names, fates, strict=True)).rstrip(",")


def _short(summary: Summary | None) -> str:
    return "" if summary is None else summary.name.removeprefix("summary:")


def _by_rule(refused: Unexplained) -> str:
    """For guards without words of their own: the step, and that the rule forbids it."""
    from everyturn.logs.words import words

    return f"against the rule, {words(refused.needed[0].event)}"


def _queued(state: State) -> list[str]:
    """The prompts in the queue."""
    names = [each.name for each in state.prompts if each.phase in (Phase.QUEUED, Phase.TAKEN)]
    return names or list(standing("rest-queue-empty", state))


def _owner(state: State, turn: str) -> str:
    owner = state.of_turn(turn)
    return turn if owner is None else owner.name


def _and(names: Iterator[str]) -> str:
    every = list(names)
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}" if every else "somebody"

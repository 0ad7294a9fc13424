"""An explanation as text, for a reader who does not know the code, and as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from everyturn.checking.fuzz import FuzzedCell, after_fuzzing
from everyturn.explanation.explain import Explanation
from everyturn.explanation.happens_before import Touch
from everyturn.reports.columns import beside
from everyturn.runs.outcomes import shown
from everyturn.runs.run import Run
from everyturn.verdicts import hints
from everyturn.world.observer import Step
from everyturn_model import events as ev

SCHEMA: Final = "everyturn/explanation/1"
NOUNS: Final = {
    "active": "the entry that says which turn is running",
    "queue": "the queue of waiting prompts",
    "reservations": "the count of accepted prompts that are on their way",
    "mark": "the mark that says which prompts a Cancel covers",
    "contexts": "the cancel functions that were called",
    "store": "the message store",
    "closing": "the flag that says the workspace is closing",
}


def sentence(event: ev.Event) -> str | None:
    """What an event means, in words; none for what only the checker needs."""
    match event:
        case ev.Submitted(prompt=p, run_id=waited):
            return f"{p} is submitted" + ("; a client waits for its completion" if waited else "")
        case ev.Queued(prompt=p):
            return f"{p} is queued"
        case ev.TakenOut(prompt=p):
            return f"{p} is out of the queue"
        case ev.TurnStarted(turn=turn, prompt=p, thread=t):
            return f"{whose(turn)} begins" + (f", on {t}'s thread" if t != p else "")
        case ev.TurnReleased(turn=turn):
            return f"{whose(turn)} marks the session idle"
        case ev.Folded(prompt=p, turn=turn):
            return f"{whose(turn)} takes {p} out of the queue and FOLDS it into its own conversation"
        case ev.Dropped(prompt=p, reason=reason):
            return f"{p} is dropped ({reason})"
        case ev.CancelledOnEntry(prompt=p):
            return f"{p} is cancelled before its turn"
        case ev.StepFailed(turn=turn, cause=cause):
            return f"{whose(turn)} breaks off: {_CAUSES[cause]}"
        case ev.StreamStarted(turn=turn, cancelled=cancelled):
            return f"the model begins to answer in {whose(turn)}" + (
                ", which is cancelled already" if cancelled else ""
            )
        case ev.StreamEnded(turn=turn, how=how):
            return f"the answer in {whose(turn)} ends: {how}"
        case ev.Completed(prompt=p, delivered=True, lost=lost):
            outcome = "cancelled" if event.cancelled else "an error" if event.error else "finished"
            return f"{p}'s client is told: {outcome}" + (" (and the message is lost)" if lost else "")
        case ev.Completed(prompt=p):
            return f"what {p}'s client shall be told is kept for later"
        case ev.ErrorNotified(prompt=p, owner=owner, lost=lost):
            error = "an error" if owner in (None, p) else f"an error, which is {owner}'s"
            return f"{p}'s client is told of {error}" + (" (and the notification is lost)" if lost else "")
        case ev.MessageFailed(prompt=p, stored=stored):
            return f"storing {p}'s message fails" + (", and it is stored all the same" if stored else "")
        case ev.ReadFailed(prompt=p):
            return f"reading the session for {p} fails"
        case ev.FinalFailed(turn=turn):
            return f"storing how {whose(turn)} went fails"
        case ev.Refused(prompt=p):
            return f"{p} is refused"
    return _of_operation(event)


def _of_operation(event: ev.Event) -> str | None:
    """What an event means that is about a Cancel, a ClearQueue, a summary or a shutdown."""
    match event:
        case ev.CancelCalled(operation=name):
            return f"a user presses Cancel ({name})"
        case ev.CancelReturned(operation=name):
            return f"{name} returns: Cancel is done"
        case ev.ClearCalled(operation=name):
            return f"a user clears the queue ({name})"
        case ev.SummariseCalled(operation=name):
            return f"a user asks for a summary ({name})"
        case ev.ClearReturned(operation=name) | ev.SummariseReturned(operation=name):
            return f"{name} returns"
        case ev.SummaryStarted(summary=summary):
            return f"{whose(summary)} begins; the session is busy"
        case ev.SummaryStreamStarted(summary=summary):
            return f"the model begins to answer in {whose(summary)}"
        case ev.SummaryStreamEnded(summary=summary, how=how):
            return f"the answer in {whose(summary)} ends: {how}"
        case ev.SummaryReleased(summary=summary):
            return f"{whose(summary)} marks the session idle"
        case ev.ShutdownBegan():
            return "the workspace begins to shut down"
    return None


_CAUSES: Final = {ev.FailureCause.CANCELLED: "it was cancelled", ev.FailureCause.STORE: "the store fails"}


def whose(work: str) -> str:
    """A turn or a summary by whose it is: its name is its path from the thread on, `p1/p2.1` or `p1/p1/summary`."""
    *above, last = (part.split(".")[0] for part in work.split("/"))
    if last == "summary":
        return f"the summary of {above[-1]}"
    return f"{last}'s second turn" if "retry" in above and last == above[0] else f"{last}'s turn"


def lines(explanation: Explanation) -> Iterator[str]:
    """The explanation, line by line."""
    found = explanation
    run = found.run
    yield f"{found.invariant} is violated by {run.revision} in {run.scope}:"
    yield f"  {found.sentence}."
    yield f"What must hold: {found.promise}"
    yield ""
    yield "What happened (> marks the racing accesses, ! the step after which it was too late):"
    yield from _story(found)
    yield ""
    yield from _race(found)
    yield ""
    yield from _no_return(found)
    yield ""
    yield from _passing(found)
    yield ""
    yield f"Step by step: {hints.of_run('replay', run.token, run.revision, found.invariant)}"


def _told(run: Run, number: int) -> str:
    step = run.steps[number]
    return told_step(step.operations, step.events)


def told_step(operations: Sequence[Step], events: Sequence[ev.Event]) -> str:
    """What a step is worth telling, in words; nothing, if only its operations can be told."""
    gone = {event.prompt for event in events if isinstance(event, ev.Folded | ev.Dropped)}
    left = (each for each in events if not (isinstance(each, ev.TakenOut) and each.prompt in gone))
    said = [each for each in map(sentence, left) if each]
    return "; ".join([*said, *_wronged(operations)])


def _outside(run: Run, number: int) -> bool:
    """Whether the step is where a user's Cancel or ClearQueue begins or ends: what is promised goes by that."""
    calls = (ev.CancelCalled, ev.CancelReturned, ev.ClearCalled, ev.ClearReturned)
    return any(isinstance(event, calls) for event in run.steps[number].events)


def _wronged(operations: Sequence[Step]) -> Iterator[str]:
    """Of a delete of the entry: whose it was, if not that of the turn or summary that deletes it."""
    for made in operations:
        if str(made.operation) == "active.delete":
            (held,) = made.before
            own = shown(made.operation.arguments[0])
            if held is None:
                yield "it was idle already"
            elif shown(held) != own:
                yield f"BUT THE ENTRY IT DELETES IS THAT OF {whose(shown(held))}"


def _story(found: Explanation) -> Iterator[str]:
    run = found.run
    racing = set() if found.race is None else {found.race.first.step, found.race.second.step}
    lost = -1 if found.no_return is None or found.no_return.step is None else found.no_return.step
    width = max(len(step.operations[0].thread) for step in run.steps)
    left_out = 0
    for number, step in enumerate(run.steps):
        told = _told(run, number)
        sign = ("!" if number == lost else "") + (">" if number in racing else "")
        if number > found.step:
            break
        part = number in found.core or number > max(found.core) or _outside(run, number)
        if not sign and not (told and part):
            left_out += 1
            continue
        place = found.places[number][0]
        what = told or f"{step.operations[0].operation} in {place.function} ({place})"
        yield f"{sign:>3} step {number:3}  {step.operations[0].thread:<{width}}  {what}"
    if found.step >= len(run.steps):
        yield f"       at rest  {'':<{width}}  nothing can move any more"
    if left_out:
        yield f"    ({left_out} of {len(run.steps)} steps are not shown: they tell nothing, or had no part in it)"


def _race(found: Explanation) -> Iterator[str]:
    if found.race is None:
        yield "Racing accesses: none found whose other order would have spared this violation."
        return
    column = found.race.first.column
    noun = NOUNS.get(column, column.replace("own.", "the dispatcher's own object ", 1))
    yield f"Racing accesses: which of these two comes first decides. Both touch {noun}."
    for touch in found.race:
        place = found.places[touch.step][touch.place]
        made = found.run.steps[touch.step].operations[touch.place]
        verb = "changes it" if touch.wrote else "reads it"
        yield f"  step {touch.step:3}  {made.thread} {verb}: {made.operation}  ({place}, in {place.function})"
        yield f"            {place.text}"


def _no_return(found: Explanation) -> Iterator[str]:
    if found.no_return is None:
        yield "Point of no return: undetermined (more states than the budget allows)."
        return
    step = found.no_return.step
    if step is None:
        yield f"Point of no return: none; every run of {found.run.scope} violates {found.invariant}."
        return
    made = found.run.steps[step].operations[0]
    place = found.places[step][0]
    yield f"Point of no return: step {step}. Before it a good end could still be reached; after it none can."
    yield f"  {made.thread}: {made.operation}  ({place}, in {place.function})  {_told(found.run, step)}".rstrip()
    if found.no_return.chosen:
        yield (
            "  That it ends like this is the world's choice: the order of the threads had nothing to do with it at "
            "this step."
        )
    if found.good:
        yield f"  The good way that was lost begins: {', '.join(map(str, found.good[:4]))}"


def _passing(found: Explanation) -> Iterator[str]:
    other = found.passing
    if other is None:
        yield "Nearest passing schedule: none differs by one decision."
        return
    yield f"Nearest passing schedule: at step {other.step}, {other.decision}. Side by side from there:"
    bad = _column(found.run, other.step, found.step)
    good = _column(other.run, other.step, len(other.run.steps))
    bad.append(f"✗ {found.invariant} is violated")
    good.append(f"✓ {found.invariant} is not violated")
    yield from beside(bad, good)


def _column(run: Run, begin: int, end: int) -> list[str]:
    """A run from one step to another: the first step as it is, then what is worth telling."""
    first = run.steps[begin]
    told = [f"{begin:3} {first.operations[0].thread} {first.operations[0].operation}"]
    rest = ((number, _told(run, number)) for number in range(begin, min(end + 1, len(run.steps))))
    return [*told, *(f"{number:3} {said}" for number, said in rest if said)]


def explain_first(fuzzed: FuzzedCell, say: Callable[[str], None]) -> None:
    """After a campaign: shrink its first violation, explain it, and say how to look at it; nothing if there is none."""
    from everyturn.reports.text import ProgressLine

    with ProgressLine("shrinking") as bar:
        explained = after_fuzzing(fuzzed, bar.shrinking)
    if explained is not None:
        shrunk, explanation = explained
        before = f"{shrunk.before.scope}, {len(shrunk.before.deviations)} deviations from first-in first-out order"
        say(f"\nThe first violation, shrunk from {before}, to {shrunk.after.scope}, {len(shrunk.after.deviations)}:")
        for line in lines(explanation):
            say(line)


def document(found: Explanation) -> dict[str, Any]:
    """The explanation as data for scripts."""
    return {
        "schema": SCHEMA,
        "command": "explain",
        "revision": found.run.revision,
        "scope": found.run.scope,
        "granularity": found.run.granularity,
        "invariant": found.invariant,
        "promise": found.promise,
        "sentence": found.sentence,
        "step": found.step,
        "token": found.run.token,
        "core": sorted(found.core),
        "race": None if found.race is None else [_touch(found, touch) for touch in found.race],
        "passing": None
        if found.passing is None
        else {"step": found.passing.step, "decision": found.passing.decision, "token": found.passing.run.token},
        "no_return": "undetermined" if found.no_return is None else found.no_return.step,
        "good": [str(each) for each in found.good],
        "steps": [
            {
                "step": number,
                "thread": step.operations[0].thread,
                "operations": [str(each.operation) for each in step.operations],
                "results": [shown(each.result) for each in step.operations],
                "places": [str(place) for place in found.places[number]],
                "told": _told(found.run, number),
            }
            for number, step in enumerate(found.run.steps)
        ],
    }


def _touch(found: Explanation, touch: Touch) -> dict[str, Any]:
    place = found.places[touch.step][touch.place]
    made = found.run.steps[touch.step].operations[touch.place]
    return {
        "step": touch.step,
        "thread": made.thread,
        "operation": str(made.operation),
        "shared": touch.column,
        "wrote": touch.wrote,
        **msgspec.to_builtins({"file": place.file, "line": place.line, "function": place.function, "text": place.text}),
    }

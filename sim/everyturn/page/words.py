"""What an operation does, in words: for steps of which nothing else is worth telling."""

from __future__ import annotations

from typing import Final

from everyturn.page.contents import Deed
from everyturn.printing import printable
from everyturn.runs.outcomes import shown
from everyturn.world.observer import Step
from everyturn.world.scope import ENDLESS, EXTRAS, PROMPTS
from everyturn.world.world import World
from everyturn_impl.calls import Call, Completion, StreamResult

_WORDS: Final = {
    "mutex.lock": "takes the dispatch mutex",
    "mutex.unlock": "gives the dispatch mutex back",
    "active.get": "looks which turn is running: {result}",
    "active.set": "marks the session busy with {arguments}",
    "active.set_if_idle": "marks the session busy with {arguments}, if it is idle: {result}",
    "active.delete": "marks the session idle",
    "active.delete_if": "marks the session idle, if its own turn is running: {result}",
    "queue.get": "reads the queue: {result}",
    "queue.set": "writes the queue: {arguments}",
    "queue.delete": "empties the queue",
    "reservations.begin": "is accepted, and reserves its place: {result}",
    "reservations.close": "closes its reservation",
    "reservations.count": "counts the prompts that are on their way: {result}",
    "reservations.look": "counts the prompts that are on their way, and looks at the latest number: {result}",
    "mark.get": "reads the cancel mark: {result}",
    "mark.set": "raises the cancel mark to {arguments}",
    "mark.delete": "deletes the cancel mark",
    "contexts.cancel": "cancels {arguments}",
    "contexts.done": "looks whether it is cancelled: {result}",
    "model.start": "asks the model",
    "model.end": "hears the end of the answer: {result}",
    "broker.publish": "publishes {arguments}",
    "hooks.keep": "keeps a completion for later",
    "hooks.take": "takes the completion that was kept: {result}",
    "threads.start": "goes on, on a thread of its own",
    "store.read": "reads the session from the store",
    "store.write_user": "writes a user message to the store",
    "store.create_assistant": "creates the assistant's message",
    "store.finish_step": "stores how the step ended",
    "store.finish_turn": "stores how the turn ended",
    "store.record_cancelled": "stores that it was cancelled",
    "store.flush": "flushes the store",
    "closing.get": "looks whether the workspace is closing: {result}",
}
NOTES: Final = {
    "mutex": "the dispatch mutex: who holds it",
    "active": "the entry that says which turn is running; empty: the session is idle",
    "queue": "the queue of waiting prompts",
    "reservations": "the count of accepted prompts that are on their way",
    "accepting": "accepted prompts that are on their way, and the mark of a Cancel",
    "mark": "the mark that says which prompts a Cancel covers",
    "contexts": "which contexts were cancelled",
    "store": "the message store",
    "budget": "how often the world may still be unkind, and how often it was",
    "model": "the language model, which streams an answer",
    "coordinator": "the coordinator, which runs a prompt for its client",
    "hooks": "completions that are kept until the coordinator hands them on",
    "broker": "where completions are published",
    "threads": "the server's threads",
    "titles": "titles that are being made",
    "closing": "whether the workspace is closing",
    "calls": "the calls from outside",
}
_MEANINGS: Final = (
    "prompt: what a user submits; if it has a run id, a client waits for its completion",
    "completion: the message that tells the client that his prompt's turn is over, and how",
    "turn: the model's work on a prompt; a prompt that comes meanwhile waits in the queue",
    "to fold: to append a waiting prompt to the running turn, so that it gets none of its own",
    "to hand off: at the end of a turn, to begin the turn of the next prompt in the queue",
    "reservation: what counts an accepted prompt while it is on its way to its turn or to the queue",
    "cancel mark: what says up to which prompt a Cancel holds",
    "dispatch mutex: whoever holds it may look at the above and change it; others wait",
    "at rest: nothing can move any more",
)
_VERBS: Final = {"mutex.lock": "locks", "mutex.unlock": "unlocks"}
_LONGEST: Final = 200


def meanings(world: World) -> list[str]:
    """What the words of a page mean on a dispatcher's run."""
    scope = world.scope
    said = [f"{letter}: {PROMPTS[letter]}" for letter in dict.fromkeys(scope.prompts)]
    for letter, (name, numbered, text) in EXTRAS.items():
        number = getattr(scope, name)
        if number:
            said.append(f"{letter}: {text}" + (f" (n = {'any' if number == ENDLESS else number})" if numbered else ""))
    return [
        *_MEANINGS,
        f"{world.revision}: the version of the dispatcher that runs",
        f"{scope}: what runs. {'; '.join(said)}",
    ]


def deed(made: Step, place: int | None) -> Deed:
    """One operation, for the diagram and the details."""
    operation = made.operation
    arguments = ", ".join(map(shown, operation.arguments))
    result = "" if made.result is None else shown(made.result)
    otherwise = "changes" if made.before != made.after or operation.object == "broker" else "reads"
    return Deed(
        lane=operation.object,
        verb=_VERBS.get(str(operation), otherwise),  # type: ignore[arg-type]
        text=printable(f"{operation}({arguments})"[:_LONGEST]),
        result=printable(result[:_LONGEST]),
        place=place,
    )


def words(made: Step) -> str:
    """What an operation does, in words as far as there are any."""
    pattern = _WORDS.get(str(made.operation))
    if pattern is None:
        return printable(f"{made.operation}({', '.join(map(shown, made.operation.arguments))})"[:_LONGEST])
    return pattern.format(arguments=_short(*made.operation.arguments), result=_short(made.result))


def _short(*values: object) -> str:
    return ", ".join(map(_said, values))


def _said(value: object) -> str:
    """A value in a sentence: calls by their prompts, completions by whom they are for."""
    if isinstance(value, Call):
        return value.prompt
    if isinstance(value, Completion):
        return f"the completion of {value.prompt}"
    if isinstance(value, StreamResult):
        return str(value.how)
    if isinstance(value, tuple) and type(value) is tuple:
        return ", ".join(map(_said, value)) or "empty"
    said = shown(value)
    return {"None": "none", "True": "yes", "False": "no"}.get(said, said)

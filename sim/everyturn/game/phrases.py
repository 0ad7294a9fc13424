"""What an access does, in words for somebody who reads it for the first time."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Final

from everyturn.game.things import Flag, Lock
from everyturn.world.operations import OWN, Operation
from everyturn_impl.calls import Call, Completion, Context, Stream, StreamResult

_SILENT: Final = ("threads.start", "calls.returned", "closing.get")
"""What a thread does besides, of which nothing is said."""

_TO_DO: Final = {
    "calls.accepted": "comes in",
    "threads.start": "begins",
    "active.get": "looks at active",
    "active.set": "becomes active",
    "active.set_if_idle": "becomes active, if nobody is",
    "active.delete": "clears active, whoever is in it",
    "active.delete_if": "clears active, if it is its own",
    "queue.get": "reads the queue",
    "queue.set": "writes {0} into the queue",
    "queue.delete": "empties the queue",
    "mutex.lock": "takes the mutex",
    "mutex.unlock": "gives the mutex back",
    "contexts.cancel": "cancels the turn of {0}",
    "contexts.done": "looks whether the turn of {0} is cancelled",
    "model.start": "asks the model",
    "model.end": "gets the model's answer",
    "model.ready": "looks whether there is a model",
    "reservations.begin": "comes in, and is noted as coming",
    "reservations.close": "is no longer noted as coming",
    "reservations.count": "looks how many are coming",
    "mark.get": "reads the mark of Cancels",
    "mark.delete": "takes the mark of Cancels away",
    "hooks.keep": "keeps what its client shall be told",
    "hooks.take": "takes what was kept",
    "store.read": "reads the session",
    "store.write_user": "stores the message of {1}",
    "store.create_assistant": "begins to store the answer",
    "store.read_usage": "reads what was used so far",
    "store.save_usage": "stores what was used",
    "store.finish_step": "stores the answer",
    "store.flush": "writes out what is stored",
}
"""Operation → what the thread does; ``{0}`` is the first that it gives."""

_OWN: Final = {
    "join": "puts {0} into {name}",
    "peek": "looks at {name}",
    "take": "takes the first out of {name}",
    "leave": "takes {0} out of {name}",
    "read": "reads {name}",
    "hoist": "raises {name}, if it is down",
    "lower": "lowers {name}",
    "wait_seen": "goes on when {name} is up",
    "write": "writes {0} into {name}",
    "add": "adds {0} to {name}",
    "wait_take": "takes the lock {name}",
    "give": "gives the lock {name} back",
}
"""Step of an object of a level's own → what the thread does."""

_CAME_OF_IT: Final = {
    ("active.set_if_idle", True): "it is now",
    ("active.set_if_idle", False): "somebody is",
    ("active.delete_if", True): "it was",
    ("active.delete_if", False): "it was not",
    ("hoist", True): "it was down",
    ("hoist", False): "it was up",
}
"""Operation and result → what that means."""

_NOT_ASKED: Final = (
    "broker.publish",
    "queue.compare_and_set",
    "reservations.begin",
    "store.create_assistant",
    "store.read",
    "add",
)
"""Operations whose result is of no interest."""


def to_do(operation: Operation) -> str:
    """What a thread is about to do."""
    said = [names(each) for each in operation.arguments]
    if operation.object.startswith(OWN):
        name = operation.object.removeprefix(OWN)
        return _OWN[operation.method].format(*said, name=name)
    if operation.object == "broker":
        return _told(operation.arguments[0])
    return _TO_DO.get(str(operation), str(operation)).format(*said)


def done(operation: Operation, result: Any) -> str:
    """What a thread has done, and what came of it; nothing where that is of no interest."""
    if str(operation) in _SILENT:
        return ""
    came = _came_of_it(operation, result)
    return f"{to_do(operation)}: {came}" if came else to_do(operation)


def _came_of_it(operation: Operation, result: Any) -> str:
    key = operation.method if operation.object.startswith(OWN) else str(operation)
    if key in _NOT_ASKED:
        return ""
    if (key, result) in _CAME_OF_IT if isinstance(result, bool) else False:
        return _CAME_OF_IT[key, result]
    asked = result is not None or key in ("active.get", "take")
    return names(result) if asked else ""


def _told(completion: Completion) -> str:
    return f"tells {completion.prompt}'s client: {'cancelled' if completion.cancelled else completion.text}"


def names(value: Any) -> str:
    """A value as the player sees it: prompts and turns by their names."""
    match value:
        case None:
            return "nobody"
        case bool():
            return "yes" if value else "no"
        case Call():
            return value.prompt
        case Context():
            return value.prompt or value.name
        case tuple() | frozenset() | list():
            return "[" + ", ".join(map(names, value)) + "]"
        case Completion():
            return _told(value)
        case Stream():
            return "not asked, as the turn is cancelled" if value.cancelled else ""
        case StreamResult():
            return "there is none, the turn is cancelled" if value.how == "cancelled" else "here it is"
        case Flag():
            return "up" if value.up else "down"
        case Lock():
            return "taken" if value.taken else "free"
    if is_dataclass(value) and len(fields(value)) == 1:
        return names(getattr(value, fields(value)[0].name))
    return str(value)

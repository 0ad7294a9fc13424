"""What each kind of line does to a session: one function a kind, as in the table at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from everyturn_model.endings import Outcome
from everyturn_model.logs.line import Line
from everyturn_model.logs.session import LogPrompt, LogSession


def submitted(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its reservation is open."""
    prompt.sure = True


def queued(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """It is in the queue; the first entry gives it its place."""
    prompt.sure = True
    if prompt.queued_at < 0 and prompt.fate is None and prompt.whole:
        prompt.queued_at = session.now
        if prompt.run_id is not None:
            session.waiting[prompt.name] = prompt


def started(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its turn has begun."""
    prompt.sure = True
    prompt.in_queue = prompt.in_queue and not session.cancels
    if prompt.fate is None:
        prompt.fate = "started"
    first = session.waiting.pop(prompt.name, None) is not None
    if first and session.waiting:
        surely_after = prompt.queued_at if session.ordered else prompt.submit_at
        for each in session.waiting.values():
            if each.queued_at < surely_after and each.overtaken is None:
                each.overtaken = prompt.name
    if prompt.ended or prompt.running:
        prompt.folds = ()
    if prompt.ended:
        prompt.earlier |= {prompt.outcome}
    elif prompt.running:  # twice at once: of which turn a completion speaks cannot be told
        prompt.earlier = frozenset(Outcome)
    prompt.running, prompt.ended, prompt.outcome, prompt.host = True, False, None, None
    prompt.by_cancel, prompt.passed = False, None
    _late(prompt)
    _settle(session, prompt, line)
    prompt.thread = line.thread


def running(session: LogSession, prompt: LogPrompt | None, line: Line) -> None:
    """A turn or summary is active from now on; after the judges have compared it with the others."""
    session.running[prompt.name if prompt is not None else str(line.operation)] = line.thread


def stream_start(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """A stream starts, late if a Cancel that found a prompt of this turn has returned."""
    _late(prompt)


def _late(prompt: LogPrompt) -> None:
    found = next((each for each in (prompt, *prompt.folds) if each.doomed is not None), None)
    prompt.late = None if found is None else (found.name, str(found.doomed))


def ended(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its turn is over, or it failed before it had one."""
    if prompt.fate is None:
        prompt.fate = "failed before its turn"
    prompt.running, prompt.ended, prompt.outcome = False, True, line.outcome
    session.running.pop(prompt.name, None)
    thread = line.thread or prompt.thread
    if prompt.run_id is not None and thread is not None and not prompt.told and line.outcome is not None:
        session.owed.setdefault(thread, {})[prompt.name] = prompt


def folded(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """It goes on in the turn of another prompt."""
    prompt.in_queue = prompt.in_queue and not session.cancels
    if prompt.fate is None:
        prompt.fate = "folded"
    session.waiting.pop(prompt.name, None)
    host = session.prompts.get(str(line.turn))
    if host is None or host is prompt:
        prompt.whole = False
        return
    prompt.host = host
    host.folds = (*host.folds, prompt)
    if prompt.doomed is not None and host.late is None:
        host.late = (prompt.name, prompt.doomed)


def dropped(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """It left the queue for good. What has started once keeps that fate, and has ended."""
    session.waiting.pop(prompt.name, None)
    if prompt.fate is None:
        prompt.fate = "dropped"
    elif prompt.fate == "started" and not prompt.running:
        prompt.ended, prompt.outcome = True, "cancelled"


def refused(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """It was turned away."""
    if prompt.fate is None:
        prompt.fate = "refused"


def message(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its user message is stored; who writes it for a turn of its own is there."""
    prompt.written += 1
    prompt.sure = prompt.sure or line.by == "turn"
    if prompt.fate is None and line.by == "turn":
        prompt.fate = "started"


def message_failed(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its user message was refused by the store."""
    prompt.spared = True


def kept(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its completion lies in a hook."""
    prompt.kept_on = line.thread
    _by_cancel(prompt, line)


def told(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its waiter was told."""
    prompt.told += 1
    prompt.kept_on = None
    _by_cancel(prompt, line)
    _settle(session, prompt, line)


def _settle(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """No thread owes a completion of it any more."""
    for thread in (prompt.thread, line.thread):
        owed = session.owed.get(thread) if thread is not None else None
        if owed is not None:
            owed.pop(prompt.name, None)
            if not owed:
                del session.owed[str(thread)]


def _by_cancel(prompt: LogPrompt, line: Line) -> None:
    """A notice tells of a cancellation only where no line has told the ending."""
    host = prompt.host or prompt
    if line.outcome == "cancelled" and host.outcome is None and not host.running:
        prompt.by_cancel = True


def notified(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """Its waiter waits no more."""
    prompt.notified = True
    _settle(session, prompt, line)


def returned(session: LogSession, prompt: LogPrompt, line: Line) -> None:
    """A local caller has his own result; an error is an answer to him."""
    prompt.sure = True
    if line.outcome != "finished":
        prompt.own_error = True
        _by_cancel(prompt, line)
        _settle(session, prompt, line)


def cancel_call(session: LogSession, line: Line) -> None:
    """A Cancel begins: it finds what is surely there, of that which it promises to end."""
    promise = session.promises.cancel
    spared = [each for each in session.prompts.values() if promise == "turn" and _untouched_in_queue(session, each)]
    _meets(session)
    for each in spared:
        each.in_queue = True
    operation = str(line.operation)
    session.operations.add(operation)
    session.cancels[operation] = [
        each
        for each in session.prompts.values()
        if each.sure and not each.over and (session.doubt or _promised(each, promise))
    ]


def _untouched_in_queue(session: LogSession, prompt: LogPrompt) -> bool:
    queued = prompt.queued_at >= 0 or (session.doubt and prompt.sure)
    return (prompt.untouched or prompt.in_queue) and queued and prompt.fate is None


def _promised(prompt: LogPrompt, promise: str) -> bool:
    """Whether a Cancel that promises this ends a prompt that is there."""
    if promise == "turn":
        return prompt.in_turn
    return promise != "turn and queue" or prompt.queued_at >= 0 or prompt.fate is not None


def cancel_return(session: LogSession, line: Line) -> None:
    """A Cancel has returned: whom it found must not finish by a new stream."""
    operation = str(line.operation)
    session.operations.discard(operation)
    for prompt in session.cancels.pop(operation, ()):
        prompt.doomed = operation


def clear_call(session: LogSession, line: Line) -> None:
    """A ClearQueue begins."""
    _meets(session)
    session.operations.add(str(line.operation))


def clear_return(session: LogSession, line: Line) -> None:
    """A ClearQueue has returned."""
    session.operations.discard(str(line.operation))


def shutdown(session: LogSession, line: Line) -> None:
    """The workspace is closing."""
    _meets(session)
    session.closing = True


def summary_end(session: LogSession, line: Line) -> None:
    """The summary is over."""
    session.running.pop(str(line.operation), None)


def _meets(session: LogSession) -> None:
    for prompt in session.prompts.values():
        prompt.untouched, prompt.in_queue, prompt.met = False, False, True


OF_PROMPTS: Final[dict[str, Callable[[LogSession, LogPrompt, Line], None]]] = {
    "submitted": submitted,
    "refused": refused,
    "queued": queued,
    "started": started,
    "stream_start": stream_start,
    "stream_end": lambda session, prompt, line: None,
    "ended": ended,
    "folded": folded,
    "dropped": dropped,
    "message": message,
    "message_failed": message_failed,
    "kept": kept,
    "told": told,
    "notified": notified,
    "returned": returned,
}
"""What the lines about one prompt do."""

OF_SESSIONS: Final[dict[str, Callable[[LogSession, Line], None]]] = {
    "cancel_call": cancel_call,
    "cancel_return": cancel_return,
    "clear_call": clear_call,
    "clear_return": clear_return,
    "shutdown": shutdown,
    "summary_end": summary_end,
}
"""What the lines about the whole session do; ``submit``, ``summary_start`` and ``rest`` are the watch's own."""

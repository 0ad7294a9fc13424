"""The invariants that need no search, each as what the kinds of line that it looks at may show.

A function judges one line, after the :class:`~everyturn.logs.session.Session` has taken it in, and returns a sentence
if the line shows a violation. They claim only what no order of the agent's hidden steps explains, given that lines stand
where :data:`everyturn.formats.everyturn_log.KINDS` says. The meanings are those of ``docs/semantics.md`` 4.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Final, NamedTuple

from everyturn.formats.everyturn_log import Line
from everyturn.logs.session import Prompt, Session

Judge = Callable[[Session, Prompt, Line], str | None]


class Monitor(NamedTuple):
    """One invariant: the kinds of line that it judges, and those that a log must have for a judgement."""

    invariant: str
    judges: dict[str, Judge]
    needs: frozenset[str]


# notices -----------------------------------------------------------------------------------------------------------


def told_twice(session: Session, prompt: Prompt, line: Line) -> str | None:
    """Two completions for one run id."""
    if prompt.run_id is not None and prompt.told > 1:
        return f"a second completion for {prompt.name}'s run id was given to its waiter"
    return None


def wrong_owner(session: Session, prompt: Prompt, line: Line) -> str | None:
    """A notice with run id carries what is somebody else's."""
    owner = line.owner
    if owner is None or owner == prompt.name or prompt.run_id is None or prompt.misowned:
        return None
    if line.kind == "notified" and line.run_id is None:
        return None
    prompt.misowned = True
    if line.kind == "notified":
        return f"an error notification for {prompt.name} tells the error of {owner}"
    return f"a completion for {prompt.name} carries the answer, message or error of {owner}"


def told_late(session: Session, prompt: Prompt, line: Line) -> str | None:
    """The thread that owed a completion began another turn first."""
    if prompt.run_id is not None and prompt.passed is not None and prompt.passed == line.thread:
        begun, prompt.passed = prompt.begun, None
        return f"{prompt.name} was told only after {line.thread} had begun the turn of {begun}"
    return None


def begun_while_owing(session: Session, prompt: Prompt | None, line: Line) -> str | None:
    """A thread begins a turn or summary while its hook keeps the completion of another prompt."""
    thread = line.thread
    owed = session.owed.get(thread) if thread is not None else None
    if not owed:
        return None
    begun = line.operation if prompt is None else prompt.name
    found = None
    if line.kind == "message" and line.by != "turn":
        return None
    for each in list(owed.values()):
        if each is prompt or each.name == line.turn or each.passed is not None:
            continue
        each.passed, each.begun = thread, begun
        if each.kept_on == thread:
            del owed[each.name]
            each.passed = None
            found = f"{thread} began the turn of {begun} while its hook held the completion of {each.name}"
    return found


def untrue(session: Session, prompt: Prompt, line: Line) -> str | None:
    """A completion says something else than what the ending was."""
    turn = prompt if prompt.host is None else prompt.host
    told = line.outcome
    if told in prompt.earlier and (turn.running or line.kind == "kept"):
        return None
    if turn.running:
        return f"{prompt.name} was told as {told} and has not ended"
    if prompt.fate == "dropped":
        ending: str | None = "cancelled"
    elif turn.ended:
        ending = turn.outcome
    elif prompt.whole and prompt.fate is None and not prompt.met and told != "failed":
        return f"{prompt.name} was told as {told} and nothing of it has ended"
    else:
        return None
    closing = session.closing and ending == "finished" and told == "cancelled"
    unwritten = turn.spared and told == "failed"
    if ending is None or ending == told or closing or unwritten:
        return None
    return f"{prompt.name} was told as {told} and {'was' if ending == 'cancelled' else 'has'} {ending}"


def untrue_error(session: Session, prompt: Prompt, line: Line) -> str | None:
    """Whoever waits for a prompt that finished is told of an error of it."""
    turn = prompt if prompt.host is None else prompt.host
    own = prompt.run_id is not None and line.run_id is not None and line.owner in (None, prompt.name)
    finished = turn.ended and turn.outcome == "finished" and not turn.spared
    return f"{prompt.name} finished, and was told of an error" if own and finished else None


# turns -------------------------------------------------------------------------------------------------------------


def folded_with_run_id(session: Session, prompt: Prompt, line: Line) -> str | None:
    """Who has a run id is folded."""
    if prompt.run_id is None:
        return None
    return f"{prompt.name} has a run id and was folded into the turn of {line.turn}"


def overlap(session: Session, prompt: Prompt | None, line: Line) -> str | None:
    """A turn or summary begins while another one has begun and not ended."""
    begun = str(line.operation) if prompt is None else prompt.name
    thread = session.running.get(begun)
    if thread is not None and line.thread is not None and thread != line.thread:
        return f"the turn of {begun} began on {line.thread} while one of it was running on {thread}"
    others = [name for name in session.running if name not in (begun, line.turn)]
    return f"the turn of {begun} began while that of {', '.join(others)} was running" if others else None


def overtaken(session: Session, prompt: Prompt, line: Line) -> str | None:
    """Who surely queued later has started earlier."""
    if prompt.overtaken is None:
        return None
    other, prompt.overtaken = prompt.overtaken, None
    return f"{other} came into the queue after {prompt.name}, and started its turn before it"


# cancels -----------------------------------------------------------------------------------------------------------


def finished_late(session: Session, prompt: Prompt, line: Line) -> str | None:
    """Whom a Cancel found finishes by a stream that started after it had returned."""
    if prompt.late is None or "finished" not in (line.how, line.outcome):
        return None
    (name, cancel), prompt.late = prompt.late, None
    whose = "its turn" if name == prompt.name else f"the turn of {prompt.name}, into which it was folded,"
    return (
        f"{name} was submitted before {cancel} was called, and {whose} finished by a stream that started after "
        f"{cancel} had returned"
    )


def poisoned(session: Session, prompt: Prompt, line: Line) -> str | None:
    """A prompt that no Cancel met is cancelled."""
    hit = [each for each in (prompt, *prompt.folds) if each.untouched and each.cancelled]
    if not hit:
        return None
    for each in hit:
        each.untouched = False
    how = "was dropped" if prompt.fate == "dropped" else "ended as cancelled"
    return f"{hit[0].name} was submitted when no Cancel was under way, none came after, and it {how}"


# rest --------------------------------------------------------------------------------------------------------------


def doubled(session: Session, prompt: Prompt, line: Line) -> str | None:
    """A second fate, or a second copy of the message: nothing that comes later undoes it."""
    if line.kind == "message":
        return f"the user message of {prompt.name} was stored {prompt.written} times" if prompt.written > 1 else None
    fate = FATES[line.kind]
    if prompt.fate in (fate, "started"):
        return None
    return f"{prompt.name} has more than one fate: {prompt.fate}, {fate}"


FATES: Final = {"started": "started", "folded": "folded", "dropped": "dropped", "refused": "refused"}
"""The kinds of line that decide a fate. A prompt that has started once keeps that fate."""


def hanging(session: Session) -> Iterator[tuple[Prompt, str]]:
    """Waiters who were never told."""
    for prompt in session.prompts.values():
        waits = prompt.run_id is not None and prompt.fate != "refused"
        if waits and not (prompt.told or prompt.notified or prompt.own_error):
            yield prompt, f"nothing can move any more, and nobody has told the waiter of {prompt.name}"


def lost(session: Session, kinds: frozenset[str], queue: Container[str]) -> Iterator[tuple[Prompt, str]]:
    """Prompts of which nothing became, those that are still in the ``queue``, and messages that were never stored."""
    for prompt in session.prompts.values():
        if prompt.name in queue:
            yield prompt, f"nothing can move any more, and {prompt.name} is still in the queue"
        elif prompt.fate is None:
            if not (prompt.notified or prompt.own_error or (prompt.met and "dropped" not in kinds)):
                yield prompt, f"{prompt.name} was submitted, and nothing became of it"
        elif "message" in kinds and prompt.unwritten and not prompt.cancelled:
            yield prompt, f"the user message of {prompt.name} ({prompt.fate}) is not stored"


def left_over(line: Line) -> str | None:
    """What a snapshot at rest still has."""
    snapshot = line.snapshot
    if snapshot is None:
        return None
    left = [
        text
        for wrong, text in (
            (snapshot.busy, "an active entry"),
            (bool(snapshot.queue), f"{', '.join(snapshot.queue)} in the queue"),
            (snapshot.reservations > 0, f"{snapshot.reservations} open reservation(s)"),
            (snapshot.mark > 0, f"a cancel mark of {snapshot.mark}"),
        )
        if wrong
    ]
    return f"nothing can move any more, and left over: {'; '.join(left)}" if left else None


def _kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


MONITORS: Final[tuple[Monitor, ...]] = (
    Monitor("no-double-emit", {"told": told_twice}, _kinds("told")),
    Monitor("no-fold-of-run-id", {"folded": folded_with_run_id}, _kinds("submit", "folded")),
    Monitor("one-turn", {"started": overlap}, _kinds("started", "ended")),
    Monitor(
        "no-lost-cancel",
        {"ended": finished_late, "stream_end": finished_late},
        _kinds("submit", "started", "ended", "cancel_call", "cancel_return"),
    ),
    Monitor(
        "no-poisoned-prompt",
        {"dropped": poisoned, "ended": poisoned, "told": poisoned, "kept": poisoned, "returned": poisoned},
        _kinds("submit", "ended", "cancel_call", "cancel_return"),
    ),
    Monitor("in-order", {"started": overtaken}, _kinds("submit", "queued", "started")),
    Monitor(
        "right-owner", {"told": wrong_owner, "kept": wrong_owner, "notified": wrong_owner}, _kinds("submit", "told")
    ),
    Monitor(
        "prompt-notice",
        {"started": begun_while_owing, "message": begun_while_owing, "told": told_late},
        _kinds("started", "ended", "told"),
    ),
    Monitor(
        "true-outcome",
        {"told": untrue, "kept": untrue, "notified": untrue_error},
        _kinds("submit", "started", "ended", "told"),
    ),
    Monitor(
        "nothing-lost",
        {"started": doubled, "folded": doubled, "dropped": doubled, "refused": doubled, "message": doubled},
        _kinds("submit", "started", "folded", "rest"),
    ),
    Monitor("no-hang", {}, _kinds("submit", "told", "rest")),
    Monitor("clean-rest", {}, _kinds("rest")),
)
"""The twelve that can be judged. ``nothing-lost``, ``no-hang`` and ``clean-rest`` are also judged at ``rest`` lines."""

NOT_SHOWN: Final[dict[str, str]] = {
    "idle-cancel": "the log does not show the shared data before and after a Cancel",
    "no-deadlock": "the log does not show what a thread waits for",
    "state-before-notice": "the log does not show when the state of an answer is stored",
}
"""The invariants that no such log shows, and why."""

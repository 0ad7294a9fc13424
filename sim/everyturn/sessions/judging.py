"""What was seen of one run, judged: by the monitors that judge logs, by the specification, and by what only a session
under control shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed, Promised
from everyturn.logs.busy_periods import BusyPeriod
from everyturn.logs.conforming import sentence
from everyturn.logs.events import lacks, of_lines
from everyturn.logs.watch import LineViolation, Watch
from everyturn.sessions.telling import SESSION
from everyturn.verdicts.checker import CONFORMS
from everyturn_model.events import Rest, SharedData
from everyturn_model.invariants import Violated
from everyturn_model.invariants.no_deadlock import NO_DEADLOCK
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL
from everyturn_model.lifecycle import Ledger
from everyturn_model.partial import PartialAnswer, match_partial
from everyturn_model.promises import Promises

CALLS: Final = frozenset(
    {"submit", "submitted", "refused", "told", "cancel_call", "cancel_return", "clear_call", "clear_return"}
    | {"shutdown", "rest"}
)
"""The kinds of line that calls alone show."""

TURNS: Final = frozenset({"started", "ended", "folded", "dropped", "stream_start", "stream_end"})
"""Those that are seen of an agent which asks ``world.model()``."""


class Judgement(NamedTuple):
    """What is wrong with a run: names and sentences; and of which invariants it cannot be seen."""

    violations: tuple[tuple[str, str], ...]
    unsure: dict[str, str]


def header(promises: Promises, *, turns: bool, queue: bool, messages: bool) -> LogHeader:
    """What is shown and promised: ``turns`` by an agent that asks our model, ``queue`` by an adapter that can look,
    ``messages`` by one that stores prompts in our store."""
    kinds = (
        CALLS
        | (TURNS if turns else set())
        | ({"queued"} if queue else set())
        | ({"message", "message_failed"} if messages else set())
    )
    promised = Promised(promises.cancel, promises.busy, promises.folds)  # type: ignore[arg-type] # they are its words
    # so are they
    return LogHeader(agent="session", kinds=kinds, ordered=True, promises=promised)  # type: ignore[arg-type]


def judge(
    lines: Sequence[Placed],
    head: LogHeader,
    blocked: Sequence[str],
    *,
    placed: bool,
    conformance: bool,
) -> Judgement:
    """Judge one run that came to rest. ``blocked``: the calls that have not returned; ``placed``: where each prompt
    waits is shown."""
    found = _violations(lines, head, doubt=False)
    for name, text in (*_unreached(lines, head.promises.cancel), *_blocked(blocked)):
        found.setdefault(name, text)
    unsure: dict[str, str] = {}
    if not placed:
        for name, text in _violations(lines, head, doubt=True).items():
            unsure[name] = (
                "look does not show of every prompt whether it is active, in the queue or on its way, and it may be "
                f"that {text}"
            )
    if conformance and "started" in head.kinds:
        answer = _conforms(lines, head)
        if answer is not None:
            (found if answer[0] is PartialAnswer.REFUSED else unsure)[CONFORMS] = answer[1]
    return Judgement(tuple(found.items()), {name: text for name, text in unsure.items() if name not in found})


def _violations(lines: Sequence[Placed], head: LogHeader, *, doubt: bool) -> dict[str, str]:
    found: dict[str, str] = {}

    def report(violation: LineViolation) -> None:
        found.setdefault(violation.invariant, violation.sentence)

    watch = Watch(head, report, exact=True, doubt=doubt)
    for placed in lines:
        watch.see(placed)
    return found


def _conforms(lines: Sequence[Placed], head: LogHeader) -> tuple[PartialAnswer, str] | None:
    """Why the run does not belong to the specification, or that the budget ended first; none if it does."""
    seen = of_lines(BusyPeriod(SESSION, tuple(lines), at_rest=True), head)
    matched = match_partial(seen, lacks=lacks(head))
    if matched.answer is PartialAnswer.ACCEPTED:
        return None
    if matched.refusals:
        first = matched.refusals[0]
        return PartialAnswer.REFUSED, f"{first.guard}: {sentence(first)}"
    return PartialAnswer.UNDETERMINED, f"the budget of {matched.tried:,} tried actions is spent"


def _unreached(lines: Sequence[Placed], promise: str) -> Iterator[tuple[str, str]]:
    """Whose turn was active when a Cancel began, streams on when that has returned, and finishes all the same."""
    if promise == "nothing":
        return
    running: set[str] = set()
    streaming: set[str] = set()
    found: dict[str, set[str]] = {}
    missed: dict[str, str] = {}
    finished: set[str] = set()
    for _, line in lines:
        match line:
            case LogLine(kind="started", prompt=str(name)):
                running.add(name)
            case LogLine(kind="stream_start", prompt=str(name)):
                streaming.add(name)
                missed.pop(name, None)
            case LogLine(kind="stream_end", prompt=str(name), how=how):
                streaming.discard(name)
                finished |= {name} if how == "finished" and name in missed else set()
            case LogLine(kind="ended", prompt=str(name)):
                running.discard(name)
            case LogLine(kind="cancel_call", operation=str(cancel)):
                found[cancel] = set(running)
            case LogLine(kind="cancel_return", operation=str(cancel)):
                missed |= dict.fromkeys(found.pop(cancel, set()) & streaming, cancel)
            case LogLine(kind="told", prompt=str(name), outcome="finished") if name in finished:
                cancel = missed[name]
                yield (
                    NO_LOST_CANCEL.name,
                    f"the turn of {name} was active when {cancel} began, streamed on when that had returned, and "
                    "finished all the same",
                )


def _blocked(calls: Sequence[str]) -> Iterator[tuple[str, str]]:
    verdict = NO_DEADLOCK.step(None, Rest(SharedData(), tuple(calls)), Ledger())
    if isinstance(verdict, Violated):
        yield NO_DEADLOCK.name, verdict.sentence

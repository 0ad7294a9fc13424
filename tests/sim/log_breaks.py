"""Ways to break a log, each at every place where it can be, and ways to change one that do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from everyturn.formats.everyturn_log import LogLine

Log = list[LogLine]
Break = Callable[[Log], Iterator[Log]]


def renumbered(log: Log) -> Log:
    """Nothing is missing in the sequence."""
    return [replace(line, sequence=number, time=number / 10) for number, line in enumerate(log)]


def without(log: Log, *places: int) -> Log:
    return [line for place, line in enumerate(log) if place not in places]


def moved(log: Log, start: int, end: int) -> Log:
    """The line at ``start`` stands before what was at ``end``."""
    rest = without(log, start)
    at = end if end <= start else end - 1
    return [*rest[:at], log[start], *rest[at:]]


def altered(log: Log, place: int, **fields: Any) -> Log:
    return [*log[:place], replace(log[place], **fields), *log[place + 1 :]]


def of(log: Log, *kinds: str) -> Iterator[tuple[int, LogLine]]:
    return ((place, line) for place, line in enumerate(log) if line.kind in kinds)


def waits(log: Log) -> set[str | None]:
    return {line.prompt for _, line in of(log, "submit") if line.run_id}


def ending(log: Log, prompt: str | None) -> str | None:
    return next((line.outcome for _, line in of(log, "ended") if line.prompt == prompt), None)


# faults ------------------------------------------------------------------------------------------------------------


def completion_missing(log: Log) -> Iterator[Log]:
    """A waiter is not told."""
    noticed = {line.prompt for _, line in of(log, "notified", "returned")}
    return (without(log, place) for place, line in of(log, "told") if line.prompt in waits(log) - noticed)


def completion_twice(log: Log) -> Iterator[Log]:
    """A waiter is told a second time, at once."""
    return ([*log[: place + 1], *log[place:]] for place, line in of(log, "told") if line.run_id)


def told_falsely(outcome: str) -> Break:
    """A finished prompt is told as something else."""
    return lambda log: (
        altered(log, place, outcome=outcome) for place, line in of(log, "told") if line.outcome == "finished"
    )


def told_too_early(log: Log) -> Iterator[Log]:
    """A waiter is told before the turn has ended."""
    for place, line in of(log, "told"):
        for end, other in of(log[:place], "ended"):
            if other.prompt == line.prompt:
                yield moved(log, place, end)


def wrong_owner(log: Log) -> Iterator[Log]:
    """A completion carries somebody else's answer."""
    return (altered(log, place, owner="p99") for place, line in of(log, "told") if line.run_id and line.owner)


def fold_of_a_waiter(log: Log) -> Iterator[Log]:
    """The prompt that is folded has a run id."""
    folded = {line.prompt for _, line in of(log, "folded")}
    return (altered(log, place, run_id="r") for place, line in of(log, "submit") if line.prompt in folded)


def fold_missing(log: Log) -> Iterator[Log]:
    """A prompt leaves the queue and nothing becomes of it."""
    return (without(log, place) for place, _ in of(log, "folded"))


def end_missing(log: Log) -> Iterator[Log]:
    """A turn does not end before its waiter is told."""
    begun = {line.prompt for _, line in of(log, "started")} & waits(log)
    return (without(log, place) for place, line in of(log, "ended") if line.prompt in begun)


def turns_overlap(log: Log) -> Iterator[Log]:
    """A turn begins before the previous one has ended."""
    ends: list[int] = []
    for place, line in of(log, "started", "ended"):
        if line.kind == "ended":
            ends.append(place)
        elif ends and log[ends[-1]].prompt != line.prompt:
            begun = {other.prompt for _, other in of(log[: ends[-1]], "started")}
            if log[ends[-1]].prompt in begun:
                yield moved(log, place, ends[-1])


def queue_overtaken(log: Log) -> Iterator[Log]:
    """Of two prompts with run id the later in the queue starts first."""
    queued = [(place, line.prompt) for place, line in of(log, "queued") if line.prompt in waits(log)]
    starts = {line.prompt: place for place, line in reversed(list(of(log, "started")))}
    for index, (place, prompt) in enumerate(queued):
        for later, other in queued[index + 1 :]:
            if other != prompt and later < starts.get(prompt, -1) < starts.get(other, -1):
                yield altered(altered(log, place, prompt=other), later, prompt=prompt)


def drop_missing(log: Log) -> Iterator[Log]:
    """A prompt is dropped and no line says so."""
    fated = {line.prompt for _, line in of(log, "started")}
    return (without(log, place) for place, line in of(log, "dropped") if line.prompt not in fated)


def dropped_and_started(log: Log) -> Iterator[Log]:
    """A prompt that was dropped gets a turn."""
    fated = {line.prompt for _, line in of(log, "started")}
    for place, line in of(log, "dropped"):
        if line.prompt not in fated:
            yield [*log[: place + 1], LogLine(kind="started", session="s", prompt=line.prompt), *log[place + 1 :]]


def message_missing(log: Log) -> Iterator[Log]:
    """A user message is not stored."""
    hosts = {line.prompt: line.turn for _, line in of(log, "folded")}
    for place, line in of(log, "message"):
        carrier = hosts.get(line.prompt, line.prompt)
        if line.by in ("turn", "fold") and ending(log, carrier) != "cancelled":
            yield without(log, place)


def message_twice(log: Log) -> Iterator[Log]:
    """A user message is stored twice."""
    return ([*log[: place + 1], *log[place:]] for place, line in of(log, "message") if line.by != "entry")


def cancelled_by_nobody(log: Log) -> Iterator[Log]:
    """Somebody is cancelled, and there was no Cancel."""
    hit = any(True for _, line in of(log, "ended") if line.outcome == "cancelled") or any(of(log, "dropped"))
    if hit and not any(of(log, "clear_call")):
        yield without(log, *(place for place, _ in of(log, "cancel_call", "cancel_return")))


CANCEL: Final = (
    LogLine(kind="cancel_call", session="s", operation="new"),
    LogLine(kind="cancel_return", session="s", operation="new"),
)


def cancel_without_effect(log: Log) -> Iterator[Log]:
    """A Cancel returns before a turn begins, and the turn finishes."""
    again = {line.prompt for _, line in of(log, "queued")}
    for place, line in of(log, "started"):
        if ending(log, line.prompt) == "finished" and line.prompt in again:
            yield [*log[:place], *CANCEL, *log[place:]]


def left_at_rest(**left: Any) -> Break:
    """Something is left over when nothing can move."""

    def breaks(log: Log) -> Iterator[Log]:
        for place, line in of(log, "rest"):
            assert line.snapshot is not None
            yield altered(log, place, snapshot=replace(line.snapshot, **left))

    return breaks


def told_after_the_next(log: Log) -> Iterator[Log]:
    """One thread for everything, and it tells of a turn after it has begun the next one."""
    log = [replace(line, thread="worker") if line.thread else line for line in log]
    for place, line in of(log, "told"):
        turn = [at for at, other in of(log[:place], "ended") if other.prompt == line.prompt and other.outcome]
        begun = [at for at, other in of(log, "started") if at > place and other.prompt != line.prompt]
        if turn and begun and line.run_id and any(o.prompt == line.prompt for _, o in of(log[:place], "started")):
            yield moved(log, place, begun[0] + 1)


# what is harmless ---------------------------------------------------------------------------------------------------


def line_lost(log: Log) -> Iterator[Log]:
    """A line is lost, and its number with it."""
    return (without(log, place) for place in range(len(log)))


def three_lines_lost(log: Log) -> Iterator[Log]:
    """Three lines in a row are lost."""
    return (without(log, place, place + 1, place + 2) for place in range(0, len(log) - 3, 2))


def line_repeated(log: Log) -> Iterator[Log]:
    """A line stands twice in the file, with one number."""
    return ([*log[: place + 1], *log[place:]] for place in range(len(log)))


def neighbours_swapped(log: Log) -> Iterator[Log]:
    """Two lines stand in the file in the wrong order."""
    return (moved(log, place + 1, place) for place in range(len(log) - 1))


def backwards(log: Log) -> Iterator[Log]:
    """The whole file is in the wrong order."""
    yield log[::-1]


def scrambled_times(log: Log) -> Iterator[Log]:
    """Clocks jump; the sequence does not."""
    yield [replace(line, time=(place * 7919) % 101) for place, line in enumerate(log)]


def cut_at_the_end(log: Log) -> Iterator[Log]:
    """The log stops anywhere."""
    return (log[:place] for place in range(1, len(log)))


def cut_at_the_beginning(log: Log) -> Iterator[Log]:
    """The log begins anywhere; also far from the beginning of the sequence, where nobody waits for what came before."""
    for place in range(1, len(log)):
        yield log[place:]
        yield [replace(line, sequence=(line.sequence or 0) + 5000) for line in log[place:]]


def dropping(kind: str) -> Break:
    """One line of a kind that nobody needs is not written."""
    return lambda log: (renumbered(without(log, place)) for place, _ in of(log, kind))


def idle_cancel(log: Log) -> Iterator[Log]:
    """A Cancel comes when nothing is there any more."""
    yield renumbered([*log[:-1], *CANCEL, log[-1]])


def another_session(log: Log) -> Iterator[Log]:
    """The same happens in another session, at the same time."""
    yield [each for line in log for each in (line, replace(line, session="t"))]


def renamed(log: Log) -> Iterator[Log]:
    """The prompts have other names."""
    names = {line.prompt: f"x{number}" for number, line in enumerate(log) if line.kind == "submit"}
    yield [replace(line, prompt=names.get(line.prompt, line.prompt), turn=names.get(line.turn, line.turn),
                   owner=names.get(line.owner, line.owner)) for line in log]  # fmt: skip


def nobody_waits(log: Log) -> Iterator[Log]:
    """A prompt has no run id."""
    return (altered(log, place, run_id=None) for place, line in of(log, "submit") if line.run_id)


class Way(NamedTuple):
    """A way to break a log, and the invariant that must say so; none if it is harmless."""

    breaks: Break
    invariant: str | None


FAULTS: Final[dict[str, Way]] = {
    "drop a completion": Way(completion_missing, "no-hang"),
    "duplicate a completion": Way(completion_twice, "no-double-emit"),
    "alter a completion to failed": Way(told_falsely("failed"), "true-outcome"),
    "alter a completion to cancelled": Way(told_falsely("cancelled"), "true-outcome"),
    "move a completion before the end": Way(told_too_early, "true-outcome"),
    "alter the owner of an answer": Way(wrong_owner, "right-owner"),
    "alter a folded prompt to wait": Way(fold_of_a_waiter, "no-fold-of-run-id"),
    "drop a fold": Way(fold_missing, "nothing-lost"),
    "drop the end of a turn": Way(end_missing, "true-outcome"),
    "move a turn before the end of another": Way(turns_overlap, "one-turn"),
    "swap two entries of the queue": Way(queue_overtaken, "in-order"),
    "drop a drop": Way(drop_missing, "nothing-lost"),
    "insert a turn of a dropped prompt": Way(dropped_and_started, "nothing-lost"),
    "drop a message": Way(message_missing, "nothing-lost"),
    "duplicate a message": Way(message_twice, "nothing-lost"),
    "drop the Cancel": Way(cancelled_by_nobody, "no-poisoned-prompt"),
    "insert a Cancel without effect": Way(cancel_without_effect, "no-lost-cancel"),
    "alter rest to busy": Way(left_at_rest(busy=True), "clean-rest"),
    "alter rest to queued": Way(left_at_rest(queue=("p1",)), "clean-rest"),
    "alter rest to marked": Way(left_at_rest(mark=3), "clean-rest"),
    "move a completion behind the next turn": Way(told_after_the_next, "prompt-notice"),
}
HARMLESS: Final[dict[str, Way]] = {
    "lose a line": Way(line_lost, None),
    "lose three lines": Way(three_lines_lost, None),
    "duplicate a line with its number": Way(line_repeated, None),
    "swap neighbours": Way(neighbours_swapped, None),
    "reverse the file": Way(backwards, None),
    "alter all times": Way(scrambled_times, None),
    "cut at the end": Way(cut_at_the_end, None),
    "cut at the beginning": Way(cut_at_the_beginning, None),
    "drop `submit`": Way(dropping("submit"), None),
    "drop `submitted`": Way(dropping("submitted"), None),
    "drop `queued`": Way(dropping("queued"), None),
    "drop `stream_end`": Way(dropping("stream_end"), None),
    "drop `rest`": Way(dropping("rest"), None),
    "insert an idle Cancel": Way(idle_cancel, None),
    "insert another session": Way(another_session, None),
    "alter all names": Way(renamed, None),
    "alter a prompt not to wait": Way(nobody_waits, None),
}


GUARDS: Final[dict[str, set[str]]] = {
    "drop a completion": {"rest-all-told"},
    "duplicate a completion": {"told-once"},
    "alter a completion to failed": {"true-outcome"},
    "alter a completion to cancelled": {"true-outcome"},
    "move a completion before the end": {"end-known"},
    "alter the owner of an answer": {"own-answer"},
    "alter a folded prompt to wait": {"no-run-id"},
    "drop a fold": {"host-preparing"},
    "drop the end of a turn": {"nothing-active", "rest-nothing-active", "end-known"},
    "move a turn before the end of another": {"nothing-active"},
    "swap two entries of the queue": {"first-in-line"},
    "drop a drop": {"ended", "write-due", "rest-queue-empty", "rest-all-ended"},
    "insert a turn of a dropped prompt": {"life-start", "nothing-active"},
    "drop a message": {"messages-written", "rest-all-written"},
    "duplicate a message": {"written-once"},
    "drop the Cancel": {"drop-reached", "entry-reached", "end-reached"},
    "insert a Cancel without effect": {"not-late"},
    "alter rest to busy": {"rest-clean"},
    "alter rest to queued": {"rest-clean"},
    "alter rest to marked": {"rest-clean"},
    "move a completion behind the next turn": {"not-passed"},
}
"""Which guards of the specification say the same as the invariant of a fault, or what it means for a single log."""

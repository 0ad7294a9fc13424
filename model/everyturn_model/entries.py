"""When prompts came, as far as a log tells: intervals in place of instants that would have to be guessed.

A submission lies somewhere between its call and the first thing that needs it, an entry into the queue likewise. To try
every instant would double the possible states with each prompt of which nothing else tells them apart. So both are
taken to be *as favourable as they can be*, and what that costs is remembered:

- A Cancel whose time overlaps the submission's may have reached the prompt, but need not have found it: ``EXPOSED``.
  Likewise a ClearQueue and an entry.
- Of the order of the queue only what is certain counts: one entry was before another if its interval ended before the
  other's began. Turns start in the order of the queue, so whoever starts entered after all that started before
  (``front``, the latest of the moments after which they must have entered), and before all that still wait.
- The two meet where a prompt must have entered so early that a Cancel found it. This choice is made where its turn
  starts (:class:`~everyturn_model.marks.Found`), by which it costs two states and not two for each prompt that waits.

Moments are *gaps*: gap ``n`` lies just before what stands at index ``n`` of the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from everyturn_model.events import Event, Queued, Submitted, TurnStarted
from everyturn_model.facts import Facts
from everyturn_model.marks import Found
from everyturn_model.spec.prompts import Prompt, Reach
from everyturn_model.spec.state import OperationKind, State

ORDER: Final = frozenset({"first-in-line", "not-overtaken"})
"""The guards that ask for the order of the queue."""


class WaitingPrompt(NamedTuple):
    """A prompt with run id that waits: in which gap at the latest it was submitted, and entered the queue."""

    name: str
    submitted: int
    queued: int | None = None


class Entries(NamedTuple):
    """What is known of those that wait, by name, and of those that started: they may have entered the queue in gap
    ``front``."""

    front: int = 0
    waiting: tuple[WaitingPrompt, ...] = ()

    def entry(self, name: str) -> WaitingPrompt | None:
        """The entry of a prompt that waits."""
        for entry in self.waiting:
            if entry.name == name:
                return entry
        return None

    def put(self, changed: WaitingPrompt) -> Entries:
        """These, with the entry in place of the one of the same name."""
        rest = (entry for entry in self.waiting if entry.name != changed.name)
        return Entries(self.front, tuple(sorted((*rest, changed))))

    def of(self, state: State) -> Entries:
        """These, without those who wait no longer."""
        if not self.waiting:
            return self
        waiting = {each.name for each in state.prompts if each.turn is None and each.outcome is None}
        kept = tuple(entry for entry in self.waiting if entry.name in waiting)
        return self if len(kept) == len(self.waiting) else Entries(self.front, kept)


def after(state: State, entries: Entries, event: Event, facts: Facts) -> tuple[State, Entries]:
    """State and entries after a hidden step, of which the state knows the effect at this very moment."""
    match event:
        case Submitted(prompt=name):
            prompt = state.prompt(name)
            if prompt.cancel is Reach.FREE and facts.cancelled_since(name):
                state = state.put(prompt._replace(cancel=Reach.EXPOSED))
            if prompt.run_id:
                entries = entries.put(WaitingPrompt(name, facts.now))
        case Queued(prompt=name):
            state, entries = _queued(state, entries, name, facts)
        case Found(prompt=name, operation=operation):
            state, entries = _found(state, entries, name, operation, facts)
    return state, entries.of(state)


def _queued(state: State, entries: Entries, name: str, facts: Facts) -> tuple[State, Entries]:
    prompt = state.prompt(name)
    if prompt.clear is Reach.FREE and facts.cleared_since(name):
        prompt = prompt._replace(clear=Reach.EXPOSED)
    entry = entries.entry(name)
    if entry is not None and entry.queued is None:
        entries = entries.put(entry._replace(queued=facts.now))
    return state.put(prompt if facts.queues else prompt._replace(ahead=frozenset())), entries


def _found(state: State, entries: Entries, name: str, operation: str, facts: Facts) -> tuple[State, Entries]:
    entry = entries.entry(name)
    assert entry is not None
    first = facts.cancels[operation]
    for cancel, call in facts.cancels.items():
        if not first <= call < entry.submitted:
            continue
        under_way = state.operation(OperationKind.CANCEL, cancel)
        if under_way is not None:
            state = state.with_operation(under_way._replace(found=under_way.found | {name}))
        if under_way is None or under_way.done:
            state = state.put(state.prompt(name)._replace(cancel=Reach.DOOMED))
    return state, entries.put(entry._replace(submitted=first))


def started(state: State, entries: Entries, event: TurnStarted, facts: Facts) -> Entries:
    """The entries after a turn started; ``state`` is that before."""
    prompt = state.prompt(event.prompt)
    if not _in_line(prompt) or entries.entry(prompt.name) is None:
        return entries
    return entries._replace(front=earliest(entries, prompt.name, facts))


def earliest(entries: Entries, name: str, facts: Facts) -> int:
    """The gap in which a prompt that starts may have entered the queue, after those that started before it."""
    entry = entries.entry(name)
    submitted = facts.runs.get(name, 0)
    if entry is not None:
        submitted = max([submitted, *(call + 1 for call in facts.calls(name, entry.submitted).values())])
    return max(entries.front, submitted)


def submitted(entries: Entries, name: str, facts: Facts) -> int:
    """The first gap in which a prompt may have been submitted, by what is assumed of the Cancels that were called
    meanwhile."""
    entry = entries.entry(name)
    gap = facts.now if entry is None else entry.submitted
    return max([facts.submission(name, gap), *(call + 1 for call in facts.calls(name, gap).values())])


def _in_line(prompt: Prompt) -> bool:
    return prompt.run_id and prompt.queued and prompt.turn is None


def first_of_those_before(state: State, entries: Entries, event: TurnStarted, facts: Facts) -> str | None:
    """One that certainly entered the queue before the prompt that is to start, and that still waits though no Cancel
    has reached it."""
    prompt = state.prompt(event.prompt)
    if not _in_line(prompt):
        return None
    if facts.queues:
        certain: Iterable[str] = sorted(prompt.ahead)
    else:
        least = earliest(entries, prompt.name, facts)
        certain = (each.name for each in entries.waiting if each.queued is not None and each.queued < least)
    for name in certain:
        other = state.prompt(name)
        if name != prompt.name and other.waiting and other.cancel is not Reach.DOOMED:
            return name
    return None


def in_order(guard: str, state: State, entries: Entries, event: TurnStarted, facts: Facts) -> bool:
    """Whether a guard of :data:`ORDER` holds, by what is certain of the order."""
    if guard == "first-in-line":
        return first_of_those_before(state, entries, event, facts) is None
    entry = entries.entry(event.prompt)
    if entry is None or entry.queued is None or not _in_line(state.prompt(event.prompt)):
        return True
    return entries.front <= entry.queued


def finders(state: State, entries: Entries, event: TurnStarted, facts: Facts) -> Iterator[Found]:
    """Which Cancels may have found the prompt that is to start, where that would let it enter before others that
    wait."""
    entry = entries.entry(event.prompt)
    if entry is None or facts.queues or not _in_line(state.prompt(event.prompt)):
        return
    others = [each.queued for each in entries.waiting if each.queued is not None and each.name != event.prompt]
    for name, call in facts.calls(entry.name, entry.submitted).items():
        if min(others, default=call + 1) <= call and max(entries.front, facts.runs.get(event.prompt, 0)) <= call:
            yield Found(event.prompt, name)


def excuses(name: str, entries: Entries, facts: Facts) -> Iterator[Found]:
    """Which Cancels may have found a prompt that stands in the way of another: whoever was reached need not be waited
    for."""
    entry = entries.entry(name)
    if entry is not None:
        yield from (Found(name, operation) for operation in facts.calls(entry.name, entry.submitted))

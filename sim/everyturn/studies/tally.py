"""What became of the prompts: counts, waiting times, and who was never told.

*Told*: a completion of the prompt's run id was delivered, or an agent-error notification told its own error, or its
caller's ``Run`` returned its own error: what the invariant ``no-hang`` asks for. *Stuck*: at some instant no thread of
the session could move and the prompt had not been told; only somebody who comes later can move its session again.
*Never told*: no thread was left, and the prompt was not in the queue either: nothing knows of it any more, whoever
comes. *Undecided*: the replication ended first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import simpy
from msgspec import Struct

from everyturn_model import events as ev

_GROWTH: Final = math.log(1.01)
TALLIED: Final = (
    ev.TurnStarted,
    ev.Folded,
    ev.Dropped,
    ev.CancelledOnEntry,
    ev.FailedBeforeTurn,
    ev.Completed,
    ev.ErrorNotified,
    ev.Returned,
)
"""The kinds of events of which something is counted."""


class Durations:
    """Durations in seconds: exact mean; quantiles to half a per cent, by logarithmic classes, in bounded memory."""

    def __init__(self) -> None:
        self.number = 0
        self.total = 0.0
        self._classes: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one."""
        self.number += 1
        self.total += seconds
        place = math.floor(math.log(seconds) / _GROWTH) if seconds > 1e-9 else -(10**6)
        self._classes[place] = self._classes.get(place, 0) + 1

    @property
    def mean(self) -> float | None:
        """The mean; none without any."""
        return self.total / self.number if self.number else None

    def quantile(self, share: float) -> float | None:
        """The least duration that ``share`` of all do not exceed; none without any."""
        left = share * self.number
        for place in sorted(self._classes):
            left -= self._classes[place]
            if left <= 0:
                return 0.0 if place == -(10**6) else math.exp((place + 0.5) * _GROWTH)
        return None


class DurationSummary(Struct, frozen=True):
    """The durations of one replication."""

    number: int
    mean: float | None
    median: float | None
    p95: float | None

    @classmethod
    def of(cls, durations: Durations) -> DurationSummary:
        """What there is to say of ``durations``."""
        return cls(durations.number, durations.mean, durations.quantile(0.5), durations.quantile(0.95))


class Counts(Struct):
    """Numbers of prompts that were submitted after the warm-up; completions are counted when they are delivered.

    Fates: ``started``, ``folded``, ``covered``, ``cleared``, ``cancelled_on_entry``, ``failed``, ``lost`` (none of
    them). Of those with run id: ``told``, ``stuck``, ``never_told``, ``undecided`` (neither told nor stuck),
    ``pending`` (stuck, but still in the queue). ``given_up``: completions that their own client's buffer had no space
    for.
    """

    submitted: int = 0
    with_run_id: int = 0
    started: int = 0
    folded: int = 0
    covered: int = 0
    cleared: int = 0
    cancelled_on_entry: int = 0
    failed: int = 0
    lost: int = 0
    told: int = 0
    stuck: int = 0
    never_told: int = 0
    undecided: int = 0
    pending: int = 0
    completions: int = 0
    given_up: int = 0


@dataclass(slots=True)
class TalliedPrompt:
    """A prompt on its way. ``over`` is triggered when it has been told; ``forgotten``: nothing is counted any more."""

    name: str
    run_id: bool
    counted: bool
    since: float
    over: simpy.Event
    fate: str | None = None
    delivered: bool = False
    told: bool = False
    stuck: bool = False
    forgotten: bool = False


@dataclass(slots=True)
class StudyTally:
    """What became of the prompts of all sessions of one replication. ``since``: the end of the warm-up."""

    env: simpy.Environment
    since: float = 0.0
    counts: Counts = field(default_factory=Counts)
    wait: Durations = field(default_factory=Durations)
    response: Durations = field(default_factory=Durations)


class SessionTally:
    """What became of the prompts of one session. ``reads``: a delivered completion has yet to be read by its client."""

    def __init__(self, tally: StudyTally, *, reads: bool = False) -> None:
        self.tally = tally
        self.reads = reads
        self.prompts: dict[str, TalliedPrompt] = {}

    def submit(self, name: str, *, run_id: bool) -> TalliedPrompt:
        """A prompt is being submitted."""
        env = self.tally.env
        counted = env.now >= self.tally.since
        prompt = self.prompts[name] = TalliedPrompt(name, run_id, counted, env.now, simpy.Event(env))
        self._count(prompt, "submitted")
        if run_id:
            self._count(prompt, "with_run_id")
        return prompt

    def saw(self, events: tuple[ev.Event, ...]) -> None:
        """What one step showed."""
        for event in events:
            match event:
                case ev.TurnStarted(prompt=name):
                    self._fate(name, "started")
                case ev.Folded(prompt=name):
                    self._fate(name, "folded")
                case ev.Dropped(prompt=name, reason=reason):
                    self._fate(name, reason.value)
                case ev.CancelledOnEntry(prompt=name):
                    self._fate(name, "cancelled_on_entry")
                case ev.FailedBeforeTurn(prompt=name):
                    self._fate(name, "failed")
                case ev.Completed(delivered=True):
                    self._completed(event)
                case ev.ErrorNotified(prompt=name, owner=owner, lost=False) if owner == name:
                    self.told(name)
                case ev.Returned(prompt=name, failed=True):
                    self.told(name)

    def idle(self, queued: frozenset[str], *, ended: bool) -> None:
        """No thread can move: whoever was not told is stuck, and those whom nothing knows any more are forgotten."""
        for prompt in tuple(self.prompts.values()):
            waits = prompt.run_id and not prompt.delivered and not prompt.told
            if waits and not prompt.stuck:
                prompt.stuck = True
                self._count(prompt, "stuck")
            if not ended or prompt.name in queued or (prompt.delivered and not prompt.told):
                continue
            if waits:
                self._count(prompt, "never_told")
            if prompt.fate is None:
                self._count(prompt, "lost")
            prompt.forgotten = True
            del self.prompts[prompt.name]

    def close(self) -> None:
        """The replication ends: count what is not decided."""
        for prompt in self.prompts.values():
            if prompt.run_id and not prompt.delivered and not prompt.told:
                self._count(prompt, "pending" if prompt.stuck else "undecided")
        self.prompts.clear()

    def begin_anew(self) -> bool:
        """Prompts that come from now on may have the names of earlier ones. Not as long as something else may become of
        those than that their completions are read; whether it is so."""
        for prompt in self.prompts.values():
            if prompt.fate is None or not prompt.delivered:
                return False
        self.prompts.clear()
        return True

    def reader(self, name: str) -> Callable[[], None]:
        """What is to be done when the client of the prompt that has this name now has read its completion."""
        prompt = self.prompts.get(name)
        return (lambda: None) if prompt is None else partial(self._told, prompt)

    def told(self, name: str) -> None:
        """The prompt's waiter knows."""
        prompt = self.prompts.get(name)
        if prompt is not None:
            self._told(prompt)

    def _told(self, prompt: TalliedPrompt) -> None:
        if prompt.forgotten or prompt.told or not prompt.run_id:
            return
        prompt.told = True
        self._count(prompt, "told")
        if prompt.counted:
            self.tally.response.add(self.tally.env.now - prompt.since)
        prompt.over.succeed()
        self._forget_if_over(prompt)

    def _completed(self, event: ev.Completed) -> None:
        counts = self.tally.counts
        measured = int(event.run_id and self.tally.env.now >= self.tally.since)
        if event.lost:
            counts.given_up += measured
            return
        counts.completions += measured
        prompt = self.prompts.get(event.prompt)
        if prompt is not None:
            prompt.delivered = True
        if not self.reads:
            self.told(event.prompt)

    def _fate(self, name: str, fate: str) -> None:
        prompt = self.prompts.get(name)
        if prompt is None or prompt.fate is not None:
            return
        prompt.fate = fate
        self._count(prompt, fate)
        if fate == "started" and prompt.counted:
            self.tally.wait.add(self.tally.env.now - prompt.since)
        self._forget_if_over(prompt)

    def _forget_if_over(self, prompt: TalliedPrompt) -> None:
        over = prompt.fate is not None and (prompt.told or not prompt.run_id)
        if over and self.prompts.get(prompt.name) is prompt:
            del self.prompts[prompt.name]

    def _count(self, prompt: TalliedPrompt, what: str) -> None:
        if prompt.counted:
            counts = self.tally.counts
            setattr(counts, what, getattr(counts, what) + 1)

"""Subscribers with bounded buffers, and a broker that must deliver (``docs/protocol.md``, Publishing)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple

import simpy

from everyturn.studies.distributions import DrawSeconds
from everyturn_impl.calls import Completion

PATIENCE_SECONDS: Final = 0.05
"""How long a publisher waits for space in one full buffer."""

DETACHED_SECONDS: Final = 5.0
"""How long a publisher without a context tries at all."""

Read = Callable[[], None]
"""Called when a prompt's client has read the completion."""


class Letter(NamedTuple):
    """What lies in a buffer: what to do when the completion's own client has read it, and who that is."""

    read: Read
    client: int


class Subscriber:
    """One client: reads one event after the other, each in the time that ``read`` draws."""

    def __init__(self, env: simpy.Environment, number: int, length: int, read: DrawSeconds) -> None:
        self.env = env
        self.number = number
        self.buffer = simpy.Store(env, capacity=length)
        self.lost = 0
        env.process(self._reading(read))

    @property
    def full(self) -> bool:
        """Whether the buffer has no space."""
        return len(self.buffer.items) >= self.buffer.capacity

    def _reading(self, read: DrawSeconds) -> Generator[simpy.Event, Any, None]:
        while True:
            letter: Letter = yield self.buffer.get()
            yield self.env.timeout(read())
            if letter.client == self.number:
                letter.read()


class SimulatedBroker:
    """Delivers completions of all sessions to all subscribers."""

    def __init__(self, env: simpy.Environment, subscribers: list[Subscriber]) -> None:
        self.env = env
        self.subscribers = subscribers

    def deliver(self, letter: Letter, *, detached: bool) -> Generator[simpy.Event, Any, bool]:
        """Offer to everybody, then wait for each full buffer in turn; whether the letter's own client got it."""
        deadline = self.env.now + DETACHED_SECONDS if detached else float("inf")
        full: list[Subscriber] = []
        got = False
        for subscriber in self.subscribers:
            if subscriber.full:
                full.append(subscriber)
            else:
                subscriber.buffer.put(letter)
                got = got or subscriber.number == letter.client
        for subscriber in full:
            patience = min(PATIENCE_SECONDS, deadline - self.env.now)
            if patience <= 0:
                break
            putting = subscriber.buffer.put(letter)
            yield putting | self.env.timeout(patience)
            if putting.triggered:
                got = got or subscriber.number == letter.client
            else:
                putting.cancel()
                subscriber.lost += 1
        return got


class SimulatedSessionBroker:
    """The broker as one session sees it; ``client`` is the number of its own subscriber, ``reader`` says of a prompt
    what to do when that has read its completion."""

    def __init__(self, broker: SimulatedBroker, client: int, reader: Callable[[str], Read]) -> None:
        self.broker = broker
        self.client = client
        self.reader = reader

    def has_room(self) -> bool:
        """Whether a notification, for which nobody waits, would reach the session's client."""
        return not self.broker.subscribers[self.client].full

    def publish(self, completion: Completion, *, detached: bool) -> Generator[simpy.Event, Any, bool]:
        """Deliver ``completion``; whether the session's client got it."""
        return self.broker.deliver(Letter(self.reader(completion.prompt), self.client), detached=detached)

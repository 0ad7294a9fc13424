"""The completion broker: fans events out to subscribers, each with a bounded buffer, and must deliver.

Each subscriber is first tried without blocking, then its buffer's space is waited for, at most 50 ms. When the time is
up the loss is counted and the next subscriber is served. When the publisher's context ends, publishing ends at once:
the remaining subscribers are skipped and nothing is counted. Agent-error notifications are the exception: nobody waits
for room, and where there is none they are lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.asyncio_ports import WatchedValue
from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.errors import Cancelled, error_of

PATIENCE_SECONDS: Final = 0.05
"""How long a publisher waits for space in one subscriber's buffer."""

DETACHED_SECONDS: Final = 5.0
"""How long a publisher without a context tries at all."""

BUFFER_LENGTH: Final = 64
"""How many events a subscriber's buffer holds, unless told."""


@dataclass(frozen=True, slots=True)
class PromptCompleted:
    """A prompt's completion."""

    session: str
    completion: Completion

    def ends_wait(self, session: str, run_id: str) -> bool:
        """Whether the waiter for ``run_id`` in ``session`` has what it waits for."""
        return self.session == session and self.completion.run_id == run_id


@dataclass(frozen=True, slots=True)
class AgentFailed:
    """An agent-error notification about ``prompt``. ``names_run``: only waiters for its run id are meant, else all."""

    session: str
    prompt: str
    run_id: str | None
    error: Exception
    names_run: bool = True

    def ends_wait(self, session: str, run_id: str) -> bool:
        """Whether the waiter for ``run_id`` in ``session`` waits no longer."""
        return self.session == session and (not self.names_run or self.run_id == run_id)


BrokerEvent = PromptCompleted | AgentFailed
"""What subscribers receive."""


class Subscription:
    """One subscriber's buffer: an asynchronous iterator over the events that ``wants`` asks for, until it is closed."""

    def __init__(self, length: int, wants: Callable[[BrokerEvent], bool]) -> None:
        self.length = length
        self.wants = wants
        self.lost = 0
        self.closed = False
        self._buffer: WatchedValue[tuple[BrokerEvent, ...]] = WatchedValue(())

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> BrokerEvent:
        event = await self.get()
        if event is None:
            raise StopAsyncIteration
        return event

    @property
    def full(self) -> bool:
        """Whether the buffer has no space."""
        return len(self._buffer.value) >= self.length

    def offer(self, event: BrokerEvent) -> bool:
        """Put ``event`` into the buffer if there is space; whether there was."""
        if self.full:
            return False
        self._buffer.put((*self._buffer.value, event))
        return True

    async def put(self, event: BrokerEvent) -> None:
        """Wait for space and put ``event`` into the buffer; a closed subscription takes nothing."""
        await self._buffer.until(lambda _: self.closed or not self.full)
        if not self.closed:
            self.offer(event)

    async def get(self) -> BrokerEvent | None:
        """Wait for the oldest event and take it; none: the subscription is closed and its buffer is empty."""
        events = await self._buffer.until(lambda events: self.closed or bool(events))
        if not events:
            return None
        self._buffer.put(events[1:])
        return events[0]

    def take_all(self) -> tuple[BrokerEvent, ...]:
        """Take everything that is in the buffer now."""
        events = self._buffer.value
        self._buffer.put(())
        return events

    def close(self) -> None:
        """Receive no more. What is in the buffer can still be taken."""
        self.closed = True
        self._buffer.put(self._buffer.value)


class WorkspaceBroker:
    """The workspace's broker. ``patience``: how many seconds it waits for each full buffer."""

    def __init__(self, contexts: CancellableContexts, patience: float = PATIENCE_SECONDS) -> None:
        self.lost = 0
        self._contexts = contexts
        self._patience = patience
        self._subscriptions: tuple[Subscription, ...] = ()

    def subscribe(
        self, length: int = BUFFER_LENGTH, wants: Callable[[BrokerEvent], bool] = lambda _: True
    ) -> Subscription:
        """A subscription to the events from now on that ``wants`` asks for; ``length`` of them are buffered."""
        subscription = Subscription(length, wants)
        self._subscriptions = (*self._current(), subscription)
        return subscription

    def close(self) -> None:
        """Close every subscription."""
        for subscription in self._current():
            subscription.close()
        self._subscriptions = ()

    def _current(self) -> tuple[Subscription, ...]:
        return tuple(each for each in self._subscriptions if not each.closed)

    def publish_lossy(self, event: BrokerEvent) -> None:
        """Deliver ``event`` to every subscriber that has room; for the others it is lost, and counted."""
        self._subscriptions = self._current()
        for subscription in self._subscriptions:
            if subscription.wants(event) and not subscription.offer(event):
                subscription.lost += 1
                self.lost += 1

    async def publish(self, event: BrokerEvent, context: Context | None) -> None:
        """Deliver ``event`` to every subscriber, in the order in which they subscribed, as the module says.

        Without a context the publisher's time is bounded by five seconds.
        """
        try:
            if context is not None:
                await self._deliver(event, context)
            else:
                async with asyncio.timeout(DETACHED_SECONDS):
                    await self._deliver(event, None)
        except (Cancelled, TimeoutError):
            return  # the publisher's context ended

    async def _deliver(self, event: BrokerEvent, context: Context | None) -> None:
        self._subscriptions = self._current()
        for subscription in self._subscriptions:
            if not subscription.closed and subscription.wants(event) and not subscription.offer(event):
                await self._wait_for_space(subscription, event, context)

    async def _wait_for_space(self, subscription: Subscription, event: BrokerEvent, context: Context | None) -> None:
        putting = subscription.put(event)
        try:
            async with asyncio.timeout(self._patience):
                await (putting if context is None else self._contexts.run(context, putting))
        except TimeoutError:
            if not subscription.closed:
                subscription.lost += 1
                self.lost += 1


class SessionBroker:
    """The broker as a session's port."""

    def __init__(self, broker: WorkspaceBroker, session: str) -> None:
        self._broker = broker
        self._session = session

    async def publish(self, completion: Completion, context: Context | None) -> None:
        """Tell the subscribers of ``completion``."""
        await self._broker.publish(PromptCompleted(self._session, completion), context)

    async def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> None:
        """Tell the subscribers that have room of an agent error; without ``run_id`` it concerns every waiter."""
        failed = AgentFailed(self._session, call.prompt, call.run_id if run_id else None, error_of(fault), run_id)
        self._broker.publish_lossy(failed)

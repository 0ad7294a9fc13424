"""A workspace on asyncio: several sessions over one database, one model client and one broker::

    async with Workspace("agent.db", client) as workspace:
        await workspace.submit("session", "What is a fold?", run_id="r1")
        completion = await workspace.wait("r1")

Leaving the statement shuts the workspace down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.asyncio_ports import (
    AcceptCounter,
    ActiveEntry,
    CallQueue,
    ClosingFlag,
    DispatchMutex,
    JournalList,
    KeptCompletions,
    Mark,
    OpenReservations,
    SharedValue,
)
from everyturn_impl.asyncio_threads import TaskThreads, TaskTitles
from everyturn_impl.broker import BUFFER_LENGTH, AgentFailed, SessionBroker, Subscription, WorkspaceBroker
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.dispatcher import Attended, Dispatcher, own_objects
from everyturn_impl.errors import AgentError, InvalidPrompt, ProviderError, Refused, StoreError
from everyturn_impl.ports import Ports
from everyturn_impl.revisions import REVISIONS
from everyturn_impl.sqlite_store import Database, SqliteStore
from everyturn_impl.streaming_model import Client, StreamingModel

CANCEL_ALL_SECONDS: Final = 5.0
"""How long a shutdown waits for what it has cancelled."""

_log = logging.getLogger(__name__)


class NeverCompleted(AgentError):
    """The workspace has closed, and nobody will complete the prompt any more."""

    kind = "never-completed"


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One session: its agent, and the ports that are looked at from outside."""

    agent: Dispatcher
    active: ActiveEntry
    queue: CallQueue
    mutex: DispatchMutex
    mark: Mark
    reservations: OpenReservations
    store: SqliteStore
    titles: TaskTitles
    journal: JournalList


class Workspace:
    """Opened and shut down by ``async with``.

    ``path``: the database's file. ``client`` none: no model is configured, prompts end in
    :class:`~everyturn_impl.errors.NotConfigured`. ``revision``: a name in ``REVISIONS``, or a class of one's own that
    is a :class:`~everyturn_impl.dispatcher.Dispatcher` as far as it is called.
    ``direct``: no coordinator, so that completions go straight to the broker and nothing is tried again.
    """

    def __init__(
        self,
        path: str | Path,
        client: Client | None,
        *,
        revision: str | type[Any] = "hardened",
        direct: bool = False,
    ) -> None:
        self.context = Context(("workspace",))
        self.requests = Context(("requests",))
        self.contexts = CancellableContexts()
        self.broker = WorkspaceBroker(self.contexts)
        self.threads = TaskThreads()
        self._path = path
        self._client = client
        self._agent: Callable[..., Dispatcher] = REVISIONS[revision] if isinstance(revision, str) else revision
        self._own = {} if isinstance(revision, str) else own_objects(revision)
        self._attending: list[asyncio.Task[None]] = []
        self._direct = direct
        self._database: Database | None = None
        self._sequence = AcceptCounter()
        self._closing = ClosingFlag()
        self._sessions: dict[str, OpenSession] = {}
        self._waiters: dict[str, Subscription] = {}
        self._callers = 0

    async def __aenter__(self) -> Workspace:
        self._database = await Database.open(self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.shutdown()

    # sessions ----------------------------------------------------------------------------------------------------

    def session(self, session: str) -> Dispatcher:
        """The session's agent. Raises :class:`InvalidPrompt` if ``session`` is empty."""
        return self.inside(session).agent

    def inside(self, session: str) -> OpenSession:
        """The session with what is inside. Raises :class:`InvalidPrompt` if ``session`` is empty."""
        if not session:
            raise InvalidPrompt(session, "expected a session, found an empty name")
        if session not in self._sessions:
            self._sessions[session] = self._open_session(session)
        return self._sessions[session]

    def _open_session(self, session: str) -> OpenSession:
        if self._database is None:
            raise Refused(session, "the workspace is not open: use it in an 'async with' statement")
        active, queue, mutex, mark, journal = ActiveEntry(), CallQueue(), DispatchMutex(), Mark(), JournalList()
        reservations = OpenReservations(self._sequence, mark)
        store = SqliteStore(self._database, session, self.contexts)
        titles = TaskTitles(lambda text: self._make_title(store, text), self.contexts, self.context)
        ports = Ports(
            mutex=mutex,
            active=active,
            queue=queue,
            reservations=reservations,
            mark=mark,
            contexts=self.contexts,
            store=store,
            model=StreamingModel(self._client, session, self.contexts, store),
            titles=titles,
            broker=SessionBroker(self.broker, session),
            hooks=KeptCompletions(),
            threads=self.threads,
            closing=self._closing,
            journal=journal,
        )
        own = {name: SharedValue(first) for name, first in self._own.items()}
        agent = self._agent(ports, direct=self._direct, **own)
        if isinstance(agent, Attended):
            self._attending.append(asyncio.create_task(agent.attend(), name=f"{session} attended"))
        return OpenSession(agent, active, queue, mutex, mark, reservations, store, titles, journal)

    async def _make_title(self, store: SqliteStore, text: str) -> None:
        if self._client is None:
            return
        try:
            await store.save_title(await self._client.title(text))
        except (ProviderError, StoreError, OSError) as error:
            _log.warning("no title: %r", error)

    # prompts -----------------------------------------------------------------------------------------------------

    async def submit(self, session: str, text: str, run_id: str | None = None, *, prompt: str | None = None) -> str:
        """Have a prompt accepted and start its thread; the prompt's identifier. With a ``run_id``, :meth:`wait` for it.

        ``prompt`` names the prompt itself; it must be unique in the workspace's life. Raises :class:`InvalidPrompt` for
        an empty text or session and for a run id that is waited for already, :class:`Refused` while closing.
        """
        inside = self.inside(session)
        call = Call(self._name(prompt), text, run_id)
        waiter = None if run_id is None else self._expect(session, run_id)
        try:
            accepted = await inside.agent.submit(call)
        except BaseException:
            self._cease_to_expect(run_id, waiter)
            raise
        inside.titles.expect(call.prompt, text)
        self.threads.spawn(call.prompt, self._serve(session, accepted, self._caller(session, call.prompt)))
        return call.prompt

    async def run(self, session: str, text: str, run_id: str | None = None, *, prompt: str | None = None) -> None:
        """Run an in-process prompt on the caller's own task, or queue it. Raises the error that the run ended in."""
        inside = self.inside(session)
        call = Call(self._name(prompt), text, run_id)
        waiter = None if run_id is None else self._expect(session, run_id)
        inside.titles.expect(call.prompt, text)
        caller = self._caller(session, call.prompt)
        try:
            await inside.agent.run_local(call, caller)
        except BaseException:
            if waiter is not None:
                waiter.close()  # what has been published can still be waited for, more will not come
            raise
        finally:
            self._forget(inside, caller)

    async def wait(self, run_id: str) -> Completion:
        """Wait for the completion of a prompt that was submitted with ``run_id``.

        Raises the error of the agent-error notification that comes instead, :class:`NeverCompleted` when the workspace
        closes first, and :class:`InvalidPrompt` when nobody submitted it or it was waited for already.
        """
        waiter = self._waiters.get(run_id)
        if waiter is None:
            raise InvalidPrompt(run_id, "expected a run id that was submitted, found one that nobody knows")
        event = await waiter.get()
        self._cease_to_expect(run_id, waiter)
        if event is None:
            raise NeverCompleted(run_id)
        if isinstance(event, AgentFailed):
            raise event.error
        return event.completion

    def subscribe(self, length: int = BUFFER_LENGTH) -> Subscription:
        """A subscription to every completion and agent error from now on; ``length`` of them are buffered."""
        return self.broker.subscribe(length)

    def _expect(self, session: str, run_id: str) -> Subscription:
        if run_id in self._waiters:
            raise InvalidPrompt(run_id, "expected a new run id, found one that is waited for")
        waiter = self.broker.subscribe(wants=lambda event: event.ends_wait(session, run_id))
        self._waiters[run_id] = waiter
        return waiter

    def _cease_to_expect(self, run_id: str | None, waiter: Subscription | None) -> None:
        if run_id is not None and waiter is not None and self._waiters.get(run_id) is waiter:
            del self._waiters[run_id]
            waiter.close()

    def _name(self, prompt: str | None) -> str:
        """The identifier of a new prompt, unless it brings one."""
        self._callers += 1
        return prompt or f"p{self._callers}"

    def _caller(self, session: str, prompt: str) -> Context:
        """The context of the thread that runs a prompt."""
        return self.context.child(session).child(prompt, prompt)

    async def _serve(self, session: str, call: Call, caller: Context) -> None:
        """The body of a server thread; if it ends in a bug, nobody in the session goes on waiting."""
        inside = self._sessions[session]
        try:
            await inside.agent.serve(call, caller)
        except Exception as error:
            failed = AgentFailed(session, call.prompt, call.run_id, error, names_run=False)
            await self.broker.publish(failed, None)
            raise
        finally:
            self._forget(inside, caller)

    def _forget(self, inside: OpenSession, caller: Context) -> None:
        """A caller's thread has ended: let go of what was kept for it."""
        self.contexts.forget(caller)
        inside.store.forget(caller)
        if inside.active.entry.value is None and not inside.queue.calls.value:
            inside.titles.forget()

    # operations --------------------------------------------------------------------------------------------------

    async def cancel(self, session: str) -> None:
        """Cancel what is active, queued or accepted in ``session``. Does not wait for streams to end."""
        await self.session(session).cancel()

    async def clear_queue(self, session: str) -> None:
        """Remove the queued prompts of ``session``."""
        await self.session(session).clear_queue()

    async def summarise(self, session: str) -> None:
        """Summarise ``session``, then run what was queued meanwhile, on the caller's own task.

        Raises :class:`SessionBusy` while a turn or a summary is active, and the error that the run ended in.
        """
        inside = self.inside(session)
        caller = self.requests.child(session).child(self._name(None))
        try:
            await inside.agent.coordinate_summary(caller)
        finally:
            self._forget(inside, caller)

    async def shutdown(self, seconds: float = CANCEL_ALL_SECONDS) -> tuple[str, ...]:
        """Refuse new prompts, cancel everything, wait for the server's threads, close the store.

        What has not ended within ``seconds`` is interrupted: the names of those threads. Waiters that were not told
        end in :class:`NeverCompleted`. A second shutdown does nothing.
        """
        database, self._database = self._database, None
        if database is None:
            return ()
        try:
            await self._closing.set()
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(each.agent.shut_down(self.context) for each in self._sessions.values()))
        except TimeoutError:
            _log.warning("the workspace's threads did not end within %g s", seconds)
        finally:
            interrupted = await self.threads.end_all()
            for task in self._attending:
                task.cancel()
            await asyncio.gather(*self._attending, return_exceptions=True)
            self.broker.close()
            await database.close()
        return interrupted

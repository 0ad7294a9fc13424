"""A dispatcher without a mutex: every decision is one compare-and-set, or is right whatever happens beside it.

    everyturn check --agent examples.agents.lock_free:LockFree --scope AA+1c

* Submitting appends to the queue with compare-and-set. There is no time between "accepted" and "queued".
* Whoever raises the *runner* flag runs what is queued, call after call, lowers the flag and **looks again**: a prompt
  that came after the last look and before the flag was lowered found it raised and went away
  (:class:`LooksOnce` is what happens without).
* Each Cancel begins a new *epoch*, and each call knows the epoch that it was submitted in. A Cancel covers a call if
  and only if it belongs to an earlier epoch, so this can be asked at any time. A turn looks once more after it has
  become active: a Cancel that began before could not see it yet, one that begins later does.
* Only calls of the host's own epoch are folded, so a Cancel covers both or none; and none once the host is cancelled,
  for a Cancel may hit a turn that was submitted while it was under way (:class:`AsksTheEpoch` forgot that, as the first
  version of this file did: the explorer found it at ``Aa+1c``).

No retry, no summaries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from examples.agents.turns import Turns

from everyturn_impl.calls import Call, Context
from everyturn_impl.errors import Refused
from everyturn_impl.ports import Ports, Shared


@dataclass(frozen=True, slots=True)
class Flag:
    """One bit, with test-and-set."""

    up: bool = False

    def hoist(self) -> tuple[bool, Flag]:
        """Raise it; whether it was down."""
        return not self.up, Flag(True)

    def lower(self) -> tuple[None, Flag]:
        """Lower it."""
        return None, Flag(False)


@dataclass(frozen=True, slots=True)
class Epoch:
    """A counter, with fetch-and-add."""

    number: int = 0

    def read(self) -> tuple[int, Epoch]:
        """The present epoch."""
        return self.number, self

    def begin(self) -> tuple[int, Epoch]:
        """Begin a new one; its number."""
        return self.number + 1, Epoch(self.number + 1)


class LockFree(Turns):
    """One session's dispatcher; nobody ever waits for another thread."""

    own = {"runner": Flag(), "epoch": Epoch()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, runner: Shared[Flag], epoch: Shared[Epoch]) -> None:
        super().__init__(ports)
        self.runner = runner
        self.epoch = epoch

    # prompts -----------------------------------------------------------------------------------------------------

    async def submit(self, call: Call) -> Call:
        """Queue ``call``, marked with its epoch."""
        submitted = replace(call, sequence=await self.epoch.do(Epoch.read))
        if await self.ports.closing.get():
            raise Refused(call.prompt, "the workspace is closing")
        queued = await self.ports.queue.get()
        while not await self.ports.queue.compare_and_set(queued, (*queued, submitted)):
            queued = await self.ports.queue.get()
        return submitted

    async def serve(self, call: Call, caller: Context) -> None:
        """Run whatever is queued, unless somebody does."""
        await self.ports.threads.start(call.prompt)
        await self.run_queued(caller)

    async def run_local(self, call: Call, caller: Context) -> None:
        """The same on the caller's own thread."""
        await self.submit(call)
        await self.run_queued(caller)

    async def run_queued(self, caller: Context) -> None:
        """Run queued calls while there are any and nobody else does."""
        while await self.ports.queue.get():
            if not await self.runner.do(Flag.hoist):
                return
            caller = await self.run_all(caller)
            await self.runner.do(Flag.lower)

    async def run_all(self, caller: Context) -> Context:
        """One turn after the other until the queue is empty; the caller, with the turns counted."""
        call = await self.take_first()
        while call is not None:
            turn = caller.turn(call.prompt)
            await self.ports.active.set(turn)
            if await self.epoch.do(Epoch.read) > call.sequence:
                await self.ports.contexts.cancel(turn)
            await self.run_turn(call, turn)
            await self.ports.active.delete(turn)
            caller = caller.next_hop()
            call = await self.take_first()
        return caller

    async def take_first(self) -> Call | None:
        """Take the oldest call that no Cancel covers out of the queue; drop those before it."""
        queued = await self.ports.queue.get()
        while queued:
            epoch = await self.epoch.do(Epoch.read)
            if await self.ports.queue.compare_and_set(queued, queued[1:]):
                if queued[0].sequence == epoch:
                    return queued[0]
                self.ports.journal.dropped(queued[0], "covered")
                await self.tell_dropped(queued[:1])
            queued = await self.ports.queue.get()
        return None

    async def take_in(self, host: Call, turn: Context) -> Call | None:
        """Take the oldest call of the host's epoch for which nobody waits, unless the turn is cancelled."""
        while True:
            queued = await self.ports.queue.get()
            foldable = tuple(call for call in queued if call.run_id is None and call.sequence == host.sequence)
            if not foldable or await self.is_cancelled(host, turn):
                return None
            kept = tuple(call for call in queued if call != foldable[0])
            if await self.ports.queue.compare_and_set(queued, kept):
                self.ports.journal.folded(foldable[0], turn)
                return foldable[0]

    async def is_cancelled(self, host: Call, turn: Context) -> bool:
        """Whether a Cancel has reached the turn."""
        return await self.ports.contexts.done(turn)

    # operations --------------------------------------------------------------------------------------------------

    async def cancel(self) -> None:
        """Begin a new epoch, cancel what is active, drop what is queued from earlier ones."""
        epoch = await self.epoch.do(Epoch.begin)
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.drop_before(epoch)

    async def clear_queue(self) -> None:
        """Drop what is queued from this and earlier epochs."""
        await self.drop_before(await self.epoch.do(Epoch.read) + 1)

    async def drop_before(self, epoch: int) -> None:
        """Take the calls of earlier epochs out of the queue and tell their waiters."""
        while True:
            queued = await self.ports.queue.get()
            dropped = tuple(call for call in queued if call.sequence < epoch)
            if not dropped:
                return
            kept = tuple(call for call in queued if call.sequence >= epoch)
            if await self.ports.queue.compare_and_set(queued, kept):
                await self.tell_dropped(dropped)
                return

    async def shut_down(self, workspace: Context) -> None:
        """Refuse, cancel, wait."""
        await self.ports.closing.set()
        await self.cancel()
        await self.ports.contexts.cancel(workspace)
        await self.ports.threads.join_all()


class LooksOnce(LockFree):
    """Wrong on purpose: does not look at the queue again after lowering the flag. A wake-up can be lost."""

    async def run_queued(self, caller: Context) -> None:
        """Run what is there and go."""
        if await self.runner.do(Flag.hoist):
            await self.run_all(caller)
            await self.runner.do(Flag.lower)


class AsksTheEpoch(LockFree):
    """Wrong on purpose: takes a turn for cancelled if and only if its epoch is over."""

    async def is_cancelled(self, host: Call, turn: Context) -> bool:
        """Whether a Cancel covers the host."""
        return await self.epoch.do(Epoch.read) > host.sequence

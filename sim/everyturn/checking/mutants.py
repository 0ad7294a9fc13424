"""Dispatchers that are wrong on purpose: one for each invariant, named after it.

Each is `hardened` with one mistake that somebody could make, and says in which small scope the mistake shows. A checker
that lets one of them pass is broken. Try one: ``everyturn check --agent everyturn.checking.mutants:NoHang --scope
AA+1c``.
"""

from __future__ import annotations

from typing import ClassVar, Final

from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.endings import Ending
from everyturn_impl.revisions.hardened import Admission, Hardened
from everyturn_impl.server import Server
from everyturn_model.invariants import INVARIANTS


class Mutant(Hardened):
    """The parent of all mutants: a scope in which it shows what each breaks."""

    scope: ClassVar[str]


class NoHang(Mutant):
    """Removes queued prompts and tells nobody."""

    scope = "AA+1c"

    async def publish_drops(self, dropped: tuple[Call, ...]) -> None:
        """Forget the waiters."""


class NoDoubleEmit(Mutant):
    """Publishes every completion once more, to be on the safe side."""

    scope = "A"

    async def publish(self, call: Call, completion: Completion, context: Context | None) -> None:
        """Publish twice."""
        await super().publish(call, completion, context)
        await super().publish(call, completion, context)


class NoFoldOfRunId(Mutant):
    """Folds whatever is queued, as the parent of the seed commit did."""

    scope = "AA"

    async def take_foldable(self, turn: Context) -> Call | None:
        """Take the oldest call, whether somebody waits for it or not."""
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        if queued:
            await self.ports.queue.set(queued[1:])
            self.note_folds(turn, queued[:1])
        await self.ports.mutex.unlock()
        return queued[0] if queued else None


class OneTurn(Mutant):
    """Looks whether the session is busy before it takes the mutex."""

    scope = "AA"

    async def enter(self, call: Call, turn: Context) -> Admission:
        """Test outside of the critical section, set inside."""
        busy = await self.ports.active.get() is not None
        await self.ports.mutex.lock()
        if await self.cancelled_before_entry(call):
            entry = Admission.CANCELLED
        elif busy:
            await self.append(call)
            entry = Admission.QUEUED
        else:
            await self.ports.active.set(turn)
            entry = Admission.RUNS
        await self.close(call)
        await self.ports.mutex.unlock()
        return entry


class NoLostCancel(Mutant):
    """Cancels what is active and what is queued, and forgets prompts that are accepted and not yet there."""

    scope = "A+1c"

    async def raise_mark(self) -> None:
        """Cover nothing."""


class NoPoisonedPrompt(Mutant):
    """Folds into a turn that is cancelled already."""

    scope = "Aa+1c"

    async def take_foldable(self, turn: Context) -> Call | None:
        """Take the oldest call without run id, whatever became of the turn."""
        taken: Call | None = None
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        foldable = tuple(call for call in queued if call.run_id is None)
        if foldable:
            taken = foldable[0]
            await self.ports.queue.set(tuple(call for call in queued if call != taken))
            self.note_folds(turn, (taken,))
        await self.ports.mutex.unlock()
        return taken


class NothingLost(Mutant):
    """Takes a call out of the queue to fold it, and does not write its message."""

    scope = "Aa"

    async def take_in_queue(self, turn: Context) -> None:
        """Take, and forget."""
        await self.take_foldable(turn)


class InOrder(Mutant):
    """Runs the newest queued prompt first."""

    scope = "AAA"

    async def append(self, call: Call) -> None:
        """Put the call in front."""
        queued = await self.ports.queue.get()
        await self.ports.queue.set((Call(call.prompt, call.text, call.run_id), *queued))


class RightOwner(Mutant):
    """Answers a prompt with the text of the prompt that its thread was started for."""

    scope = "AA"

    async def run_turn(self, call: Call, caller: Context, turn: Context) -> Fault | None:
        """Publish under the thread's own name for the answer."""
        _, _ = await self.open_turn(call, caller, turn)
        ending = await self.stream(call, turn)
        await self.ports.store.flush(call.prompt)
        answer = Ending(ending.message, f"answer:{caller.path[1]}", ending.fault)
        await self.publish_ending(call, caller, answer)
        return ending.fault


class CleanRest(Mutant):
    """Leaves the cancel mark behind when the last reservation is closed."""

    scope = "A+1c"

    async def release(self, call: Call) -> None:
        """Close, and keep the mark."""
        if call.reservation is not None:
            await self.ports.reservations.close(call.reservation, clears_mark=False)


class IdleCancel(Mutant):
    """Raises the cancel mark even if nothing is accepted."""

    scope = "A+1c"

    async def raise_mark(self) -> None:
        """Cover everything that was ever accepted."""
        _, sequence = await self.ports.reservations.look()
        await self.ports.mark.set(sequence)


class NoDeadlock(Mutant):
    """Keeps the mutex when a prompt was cancelled on entry."""

    scope = "AA+1c"

    async def enter(self, call: Call, turn: Context) -> Admission:
        """Return early, with the mutex."""
        await self.ports.mutex.lock()
        if await self.cancelled_before_entry(call):
            await self.close(call)
            return Admission.CANCELLED
        if await self.ports.active.get() is not None:
            await self.append(call)
            entry = Admission.QUEUED
        else:
            await self.ports.active.set(turn)
            entry = Admission.RUNS
        await self.close(call)
        await self.ports.mutex.unlock()
        return entry


class PromptNotice(Mutant):
    """Lets a coordinator keep the completion until the whole chain of turns has ended, as the seed commit does."""

    scope = "AA"

    async def coordinate(self, call: Call, caller: Context) -> None:
        """Collect completions with a hook."""
        await Server.coordinate(self, call, caller)


class TrueOutcome(Mutant):
    """Tells a turn that failed as finished."""

    scope = "A+1e"

    async def publish_ending(self, call: Call, caller: Context, ending: Ending) -> None:
        """Leave the fault out."""
        await super().publish_ending(call, caller, Ending(ending.message, ending.text))


class StateBeforeNotice(Mutant):
    """Publishes before the messages are flushed."""

    scope = "A+1f"

    async def run_turn(self, call: Call, caller: Context, turn: Context) -> Fault | None:
        """Publish, then flush."""
        titled, fault = await self.open_turn(call, caller, turn)
        ending = Ending(None, fault=fault) if fault is not None else await self.stream(call, turn)
        await self.publish_ending(call, caller, ending)
        await self.ports.store.flush(call.prompt)
        if titled:
            await self.ports.titles.join(call.prompt)
        return ending.fault


_BY_CLASS: Final = {each.__name__: each for each in Mutant.__subclasses__()}

MUTANTS: Final[dict[str, type[Mutant]]] = {
    each.name: _BY_CLASS[each.mutant] for each in INVARIANTS if each.mutant is not None
}
"""The mutant that breaks each invariant, as its record says, by the invariant's name."""

"""`hardened`, our own design: what the protocol looks like when all fifteen invariants shall hold.

Why they do, in short. Every decision about who runs, waits, is folded or is cancelled is made under the dispatch
mutex, for prompts of both kinds, and the mutex is never held across a stream or a write. From that follow:

* *one turn, in order, no hang, nothing lost*: entering a turn tests and sets ``active`` in one critical section;
  leaving one deletes it, takes the oldest queued call and sets ``active`` for that in one critical section, however the
  turn ended. So a call is only ever queued behind a turn that will look at the queue again.
* *no lost cancel, no poisoned prompt, idle cancel*: Cancel cancels what is active, empties the queue and covers the
  open reservations in one critical section. Hence no queued call is ever covered; the mark speaks of reservations alone
  and goes with the last of them. A drain folds nothing into a turn that is already cancelled.
* *no hang*, besides: whatever becomes of a call is told by a completion that must be delivered, also when it fails
  before its turn; an error notification may get lost on its way.
* *prompt notice, right owner, no double emit*: no coordinator holds completions back. A turn publishes its own, once,
  after its messages are flushed (*state before notice*; a state is tried to be stored before anything else that may
  fail, as a flush writes only what was tried) and before its thread looks for the next call. The retry with
  fresh credentials is a second stream within the same turn. A thread returns its own prompt's error, never another's.
* *true outcome*: what the provider and the canceller did decides; a failing write is mended by the flush and does not
  take the place of the error that led to it. Nor does a summary that fails after the answer is there.
* *no deadlock, clean rest*: one mutex, never taken twice; every way out of a turn passes the same exit.

The chain of turns is a loop, so that no frame stays open to delete a later turn's ``active``.

What it cannot promise: with two or more store failures a prompt without run id may be lost from the history (its
message and the record of its failure both failed), and a must-deliver publish may be given up at a full buffer.
After shutdown began no prompt starts: each is told that it was cancelled.
"""

from __future__ import annotations

from enum import Enum

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Completion, Context, Fault, StepEnd, StreamResult
from everyturn_impl.endings import CANCELLED, UNSUCCESSFUL, Ending
from everyturn_impl.errors import AgentError, Cancelled, NotConfigured, SessionBusy, StoreError, error_of


class Admission(Enum):
    """What became of a call at the door."""

    RUNS = "runs"
    QUEUED = "queued"
    CANCELLED = "cancelled"


class Hardened(SessionAgent):
    """The dispatcher with one critical section for each decision."""

    async def coordinate(self, call: Call, caller: Context) -> None:
        """Run ``call``; the agent retries and publishes by itself."""
        failed = False
        if not self.direct:
            try:
                await self.ports.model.ready(call.prompt)
            except NotConfigured:
                failed = True
        if failed:
            await self.withdraw(call)
            await self.tell_failed(call, NotConfigured(call.prompt).fault)
            raise NotConfigured(call.prompt)
        await self.run(call, caller)

    async def withdraw(self, call: Call) -> None:
        """Close the reservation under the mutex, lest a Cancel that has just seen it raises the mark for nobody."""
        if call.reservation is not None:
            await self.ports.mutex.lock()
            await self.release(call)
            await self.ports.mutex.unlock()

    async def tell_failed(self, call: Call, fault: Fault) -> None:
        """Tell the waiter of an accepted call that it failed before its turn: a notification of the error may get lost.

        An in-process caller has the error.
        """
        if call.reservation is not None:
            await self.publish(call, Completion(call.prompt, call.run_id, fault=fault), None)

    # entering, running, leaving ----------------------------------------------------------------------------------

    async def run(self, call: Call, caller: Context) -> None:
        """Run ``call`` or queue it; then run what is queued, turn by turn. Raises the error of ``call``'s own turn."""
        turn = caller.turn(call.prompt)
        entry = await self.enter(call, turn)
        if entry is Admission.CANCELLED:
            await self.cancel_on_entry(call, caller)
        if entry is not Admission.RUNS:
            return
        fault = await self.run_turn(call, caller, turn)
        await self.run_queued(turn, caller)
        if fault is not None:
            raise error_of(fault)

    async def enter(self, call: Call, turn: Context) -> Admission:
        """Decide under the mutex: cancelled on entry, queued, or active from now on."""
        await self.ports.mutex.lock()
        if await self.ports.closing.get() or await self.cancelled_before_entry(call):
            entry = Admission.CANCELLED
        elif await self.ports.active.get() is not None:
            await self.append(call)
            entry = Admission.QUEUED
        else:
            await self.ports.active.set(turn)
            entry = Admission.RUNS
        await self.close(call)
        await self.ports.mutex.unlock()
        return entry

    async def cancelled_before_entry(self, call: Call) -> bool:
        """Whether a cancel covers the call's reservation."""
        return call.reservation is not None and await self.covered(call.reservation.sequence)

    async def run_queued(self, left: Context, caller: Context) -> None:
        """Leave ``left`` and run what is queued, one turn after the other, until nothing is."""
        caller = caller.next_hop()
        call = await self.pass_on(left, caller)
        while call is not None:
            turn = caller.turn(call.prompt)
            await self.run_turn(call, caller, turn)
            caller = caller.next_hop()
            call = await self.pass_on(turn, caller)

    async def pass_on(self, left: Context, caller: Context) -> Call | None:
        """Leave ``left`` and make the oldest queued call active, in one critical section; that call."""
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        await self.ports.active.delete(left)
        if queued:
            await self.ports.queue.set(queued[1:])
            await self.ports.active.set(caller.turn(queued[0].prompt))
        await self.ports.mutex.unlock()
        return queued[0] if queued else None

    async def run_turn(self, call: Call, caller: Context, turn: Context) -> Fault | None:
        """One turn from its user message to its completion; the fault that it ended in."""
        titled, fault = await self.open_turn(call, caller, turn)
        ending = Ending(None, fault=fault) if fault is not None else await self.stream(call, turn)
        await self.ports.store.flush(call.prompt)
        await self.publish_ending(call, caller, ending)
        if titled:
            await self.ports.titles.join(call.prompt)
        return ending.fault

    async def open_turn(self, call: Call, caller: Context, turn: Context) -> tuple[bool, Fault | None]:
        """Read the session and write the user message, even if the reading fails; whether a title was started."""
        titled = False
        fault: Fault | None = None
        try:
            titled = await self.open_session(call, caller)
        except AgentError as error:
            fault = error.fault
        try:
            await self.ports.store.write_user(caller, call, "turn", turn)
        except AgentError as error:
            fault = fault or error.fault
        return titled, fault

    async def publish(self, call: Call, completion: Completion, context: Context | None) -> None:
        """Publish detached: what became of a call is decided, whatever happens to its caller."""
        await super().publish(call, completion, None)

    async def publish_ending(self, call: Call, caller: Context, ending: Ending) -> None:
        """Publish the completion of a turn: it is cancelled if the turn was, whatever happened to its caller."""
        cancelled = ending.fault is not None and ending.fault.kind == CANCELLED
        completion = Completion(call.prompt, call.run_id, ending.message, ending.text, ending.fault, cancelled)
        await self.publish(call, completion, None)

    # the steps ---------------------------------------------------------------------------------------------------

    async def stream(self, call: Call, turn: Context, number: int = 0) -> Ending:
        """Step after step; the first refusal of the credentials is answered by one more stream of the same step."""
        message: str | None = None
        retried = False
        while True:
            number = self.next_step(number)
            fault: Fault | None = None
            try:
                message = await self.prepare_step(turn, number)
            except AgentError as error:
                fault = error.fault
            if fault is not None:
                return await self.break_off(call, turn, message, fault)
            assert message is not None
            result = await self.ask(turn, call.prompt, number)
            if result.how is StepEnd.UNAUTHORISED and not retried:
                retried = True
                result = await self.ask(turn, call.prompt, number)
            if result.how in UNSUCCESSFUL:
                fault = Fault(UNSUCCESSFUL[result.how], call.prompt)
                return await self.break_off(call, turn, message, fault, result.text)
            await self.finish_step(turn, message, result)
            if result.full:
                fault = await self.summarise_within(call, turn)
            if result.how is StepEnd.FINISHED:
                return Ending(message, result.text)
            if fault is not None:
                self.ports.journal.summary_failed(turn, fault)
                return Ending(message, fault=fault)

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Store the state of a finished step's message, whatever else fails: a flush mends only what was once tried."""
        try:  # noqa: SIM105 - a context manager that lives across an await has no value to compare by
            await self.ports.store.finish_step(turn, message, result)
        except AgentError:
            pass
        try:
            await self.ports.store.read_usage(turn.above(), turn, message)
            await self.ports.store.save_usage(turn.above(), turn, message)
        except AgentError:
            pass

    async def break_off(self, call: Call, turn: Context, message: str | None, fault: Fault, text: str = "") -> Ending:
        """Store how a turn ended that did not finish; whether that write succeeds, ``fault`` is what happened.

        The state of the message comes first: results of tool calls are put in when the session is read again.
        """
        try:
            if message is not None:
                await self.ports.store.finish_turn(turn, message, fault)
            elif fault.kind == CANCELLED:
                await self.record_early_cancel(call)
        except StoreError:
            pass
        return Ending(message, text, fault)

    async def take_in_queue(self, turn: Context) -> None:
        """Fold the queued calls without run id one by one, so that a failing write takes no other with it."""
        call = await self.take_foldable(turn)
        while call is not None:
            await self.ports.store.write_user(None, call, "fold", turn)
            call = await self.take_foldable(turn)

    async def take_foldable(self, turn: Context) -> Call | None:
        """Take the oldest call without run id out of the queue, unless ``turn`` is cancelled already."""
        taken: Call | None = None
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        foldable = tuple(call for call in queued if call.run_id is None)
        if foldable and not await self.ports.contexts.done(turn):
            taken = foldable[0]
            await self.ports.queue.set(tuple(call for call in queued if call != taken))
            self.note_folds(turn, (taken,))
        await self.ports.mutex.unlock()
        return taken

    # cancel, clear, summarise, shutdown --------------------------------------------------------------------------

    async def cancel(self) -> None:
        """Cancel all that was submitted, in one critical section; tell the waiters after it."""
        await self.ports.mutex.lock()
        queued = await self.cancel_locked()
        await self.ports.mutex.unlock()
        await self.publish_drops(queued)

    async def cancel_locked(self) -> tuple[Call, ...]:
        """Cancel what is active, cover the open reservations, empty the queue; the calls that were in it."""
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.raise_mark()
        return await self.empty_queue()

    async def clear_queue(self) -> None:
        """Remove every queued call under the mutex; tell the waiters after it."""
        await self.ports.mutex.lock()
        queued = await self.empty_queue()
        await self.ports.mutex.unlock()
        await self.publish_drops(queued)

    async def empty_queue(self) -> tuple[Call, ...]:
        """Empty the queue; the calls that were in it."""
        queued = await self.ports.queue.get()
        if queued:
            await self.ports.queue.delete()
        return queued

    async def summarise(self, caller: Context) -> None:
        """Summarise the session as a turn of its own kind, then run what was queued meanwhile."""
        owner = caller.prompt or caller.name
        summary = caller.summary()
        await self.ports.mutex.lock()
        busy = await self.ports.active.get() is not None
        if not busy:
            await self.ports.active.set(summary)
        await self.ports.mutex.unlock()
        if busy:
            raise SessionBusy(owner)
        try:
            if await self.ports.store.read(caller, owner):
                await self.write_summary(caller, summary, owner)
        finally:
            await self.run_queued(summary, caller)

    async def summarise_within(self, call: Call, turn: Context) -> Fault | None:
        """Summarise while ``turn`` stays active; the fault if that failed or was cancelled."""
        try:
            finished = await self.write_summary(None, turn.summary(), call.prompt)
        except AgentError as error:
            return error.fault
        return None if finished else Cancelled(call.prompt).fault

    async def shut_down(self, workspace: Context) -> None:
        """Close the door and cancel everything behind it in one critical section, then wait for the threads."""
        await self.ports.mutex.lock()
        await self.ports.closing.set()
        queued = await self.cancel_locked()
        await self.ports.mutex.unlock()
        await self.publish_drops(queued)
        await self.ports.contexts.cancel(workspace)
        await self.ports.threads.join_all()

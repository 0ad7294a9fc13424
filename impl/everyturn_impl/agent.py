"""The dispatcher of the seed commit, step by step: run, prepare step, stream, hand-off, cancel, clear, summarise.

Every ``await`` on a port is one access to shared data, and between two of them any other thread may run. The numbers
in the comments are those of ``docs/protocol.md``. Other revisions and repairs override the few methods that differ.
"""

from __future__ import annotations

from dataclasses import replace

from everyturn_impl.calls import Call, Completion, Context, Fault, StepEnd, StreamResult
from everyturn_impl.endings import CANCELLED, UNSUCCESSFUL, Ending, HandOff
from everyturn_impl.errors import AgentError, SessionBusy, StoreError, error_of
from everyturn_impl.teller import Teller


class SessionAgent(Teller):
    """One session's dispatcher."""

    # run (1, 2) --------------------------------------------------------------------------------------------------

    async def run(self, call: Call, caller: Context) -> None:
        """Run ``call`` on this thread, or queue it behind the active turn; then run what was queued meanwhile.

        Raises the :class:`AgentError` that the last turn of the chain ended in.
        """
        if call.reservation is None:
            await self.run_in_process(call, caller)
        else:
            await self.run_accepted(call, caller)

    async def run_accepted(self, call: Call, caller: Context) -> None:
        """Step 1 for a call with a reservation: the decision is made under the dispatch mutex."""
        turn = caller.turn(call.prompt)
        await self.ports.mutex.lock()
        if await self.cancelled_before_entry(call):  # 1a
            await self.close(call)
            await self.ports.mutex.unlock()
            await self.cancel_on_entry(call, caller)
            return
        if await self.ports.active.get() is not None:  # 1b
            await self.append(call)
            await self.close(call)
            await self.ports.mutex.unlock()
            return
        await self.ports.active.set(turn)  # 1c
        await self.close(call)
        await self.ports.mutex.unlock()
        try:
            titled = False
            try:
                titled = await self.open_session(call, caller)
                await self.write_message(call, caller, turn)
                await self.take_turn(call, caller, turn)
            finally:
                if titled:
                    await self.ports.titles.join(call.prompt)
        finally:
            await self.on_return(turn)

    async def run_in_process(self, call: Call, caller: Context) -> None:
        """Step 1 for a call without a reservation: looked at, and only later set, without the mutex."""
        turn = caller.turn(call.prompt)
        if await self.ports.active.get() is not None:
            await self.append(call)
            return
        titled = False
        try:
            titled = await self.open_session(call, caller)
            await self.write_message(call, caller, turn)
            await self.ports.active.set(turn)
            try:
                await self.take_turn(call, caller, turn)
            finally:
                await self.on_return(turn)
        finally:
            if titled:
                await self.ports.titles.join(call.prompt)

    async def open_session(self, call: Call, caller: Context) -> bool:
        """Step 2: read the session; whether a title is being generated because it has no messages yet."""
        if await self.ports.store.read(caller, call.prompt):
            return False
        await self.ports.titles.start(call.prompt)
        return True

    async def write_message(self, call: Call, caller: Context, turn: Context) -> None:
        """Step 2: write the turn's own user message."""
        await self.ports.store.write_user(caller, call, "turn", turn)

    async def leave(self, work: Context) -> None:
        """Step 6, for a turn or a summary: delete ``active``, whoever's it is by now."""
        await self.ports.active.delete(work)
        await self.ports.contexts.cancel(work)

    async def on_return(self, work: Context) -> None:
        """The deferred part of a turn or a summary, however it ends: leave, maybe for the second time."""
        await self.leave(work)

    async def append(self, call: Call) -> None:
        """Append to the queue, in two accesses: the hook is dropped, the accept sequence is kept."""
        sequence = call.sequence if call.reservation is None else call.reservation.sequence
        queued = replace(call, reservation=None, hook=None, sequence=sequence)
        await self.ports.queue.set((*await self.ports.queue.get(), queued))

    async def close(self, call: Call) -> None:
        """Close the call's reservation."""
        await self.release(call)

    async def covered(self, sequence: int) -> bool:
        """Whether a call with this accept sequence is covered by the cancel mark."""
        mark = await self.ports.mark.get()
        return mark > 0 and (sequence == 0 or sequence <= mark)

    async def cancelled_before_entry(self, call: Call) -> bool:
        """Whether a cancel came between the call's acceptance and its entry into run."""
        assert call.reservation is not None
        return await self.covered(call.reservation.sequence)

    async def cancel_on_entry(self, call: Call, caller: Context) -> None:
        """Record a call that was cancelled before its turn, and tell its waiter. Raises the error of a failed
        record."""
        fault = await self.record_cancel_on_entry(call)
        await self.publish(call, Completion(call.prompt, call.run_id, fault=fault, cancelled=True), caller)
        if fault is not None:
            raise error_of(fault)

    async def record_cancel_on_entry(self, call: Call) -> Fault | None:
        """Write the two messages of a call that was cancelled on entry; the fault if a write failed."""
        self.ports.journal.cancelled_on_entry(call)
        try:
            await self.ports.store.write_user(None, call, "cancel_on_entry", None)
            await self.ports.store.record_cancelled(call)
        except StoreError as error:
            return error.fault
        return None

    # the turn (3, 5, 6) ------------------------------------------------------------------------------------------

    async def take_turn(self, call: Call, caller: Context, turn: Context) -> None:
        """Steps 3 to 7: the steps of the turn, its completion, and the hand-off to the next queued call."""
        ending = await self.stream(call, turn)
        if ending.full:
            ending = await self.summarise_turn(call, turn, ending)
        if ending.fault is not None:
            await self.ports.store.flush(call.prompt)
            await self.publish_ending(call, caller, ending)
            raise error_of(ending.fault)
        await self.leave(turn)  # 6
        hand_off = await self.hand_off(call)
        if hand_off.first is None:
            await self.ports.store.flush(call.prompt)
            await self.publish_ending(call, caller, ending)
            return
        if hand_off.owes:
            await self.publish_ending(call, caller, ending)
        try:
            await self.run(hand_off.first, caller.next_hop())
        finally:
            await self.ports.store.flush(call.prompt)

    async def stream(self, call: Call, turn: Context, number: int = 0) -> Ending:
        """Step 5: step after step behind step ``number``, until one does not end in a tool round."""
        message: str | None = None
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
            if result.how in UNSUCCESSFUL:
                fault = Fault(UNSUCCESSFUL[result.how], call.prompt)
                return await self.break_off(call, turn, message, fault, result.text)
            await self.finish_step(turn, message, result)
            if result.how is StepEnd.FINISHED or result.full:
                asked_tools = result.how is StepEnd.TOOL
                return Ending(message, result.text, full=result.full, asked_tools=asked_tools, steps=number)

    async def ask(self, work: Context, prompt: str | None, number: int) -> StreamResult:
        """One stream of a step; ``prompt`` is none for a summary."""
        stream = await self.ports.model.start(work, prompt, number)
        return await self.ports.model.end(stream)

    def next_step(self, number: int) -> int:
        """The number of the step that follows step ``number``; an assistant message is named after it."""
        return number + 1

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Count what a step used, then store its message's state, which a flush mends only if that was tried."""
        try:
            await self.ports.store.read_usage(turn.above(), turn, message)
            await self.ports.store.save_usage(turn.above(), turn, message)
            await self.ports.store.finish_step(turn, message, result)
        except AgentError:
            pass

    async def break_off(self, call: Call, turn: Context, message: str | None, fault: Fault, text: str = "") -> Ending:
        """Store how a turn ended that did not finish. An error on the way there takes the place of ``fault``."""
        try:
            if message is not None:
                await self.ports.store.read_results(turn, message)
                await self.ports.store.finish_turn(turn, message, fault)
            elif fault.kind == CANCELLED:
                await self.record_early_cancel(call)
        except StoreError as error:
            return Ending(message, text, error.fault)
        return Ending(message, text, fault)

    async def record_early_cancel(self, call: Call) -> None:
        """A turn was cancelled before its first assistant message: store one that is finished as cancelled."""
        await self.ports.store.record_cancelled(call)

    async def summarise_turn(self, call: Call, turn: Context, ending: Ending) -> Ending:
        """The context window is nearly full: summarise, then queue the rest of the work as a continuation."""
        await self.step_aside(turn)
        fault: Fault | None = None
        try:
            await self.summarise(turn)
        except AgentError as error:
            fault = error.fault
        if fault is not None:
            if fault.owner == call.prompt:  # else it is that of a queued call which ran after the summary
                self.ports.journal.summary_failed(turn, fault)
            return replace(ending, fault=fault)
        if ending.asked_tools:
            await self.queue_continuation(replace(call, text=f"Continue after the summary: {call.text}"))
        return ending

    async def step_aside(self, turn: Context) -> None:
        """Delete ``active``, whoever's it is by now, so that a summary can enter."""
        await self.ports.active.delete(turn)

    async def queue_continuation(self, continuation: Call) -> None:
        """Append the rest of a summarised turn's work to the queue, in two accesses."""
        await self.ports.queue.set((*await self.ports.queue.get(), continuation))

    # prepare step (4) --------------------------------------------------------------------------------------------

    async def prepare_step(self, turn: Context, number: int) -> str:
        """Step 4: take in what was queued, then create the assistant message; its identifier."""
        await self.take_in_queue(turn)
        return await self.ports.store.create_assistant(turn, turn, number)

    async def take_in_queue(self, turn: Context) -> None:
        """Fold the queued calls without run id into ``turn``; tell the waiters of those that a cancel covers."""
        dropped, folded = await self.drain(turn)
        await self.publish_drops(dropped)
        for call in folded:
            await self.ports.store.write_user(turn, call, "fold", turn)

    async def drain(self, turn: Context) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
        """Split the queue under the dispatch mutex: the dropped and the folded calls; the others stay queued."""
        dropped: tuple[Call, ...] = ()
        kept: tuple[Call, ...] = ()
        folded: tuple[Call, ...] = ()
        await self.ports.mutex.lock()
        open_to_folds = await self.takes_in(turn)
        for call in await self.ports.queue.get():
            if await self.covered(call.sequence):
                dropped = (*dropped, call)
            elif not open_to_folds or self.stays_queued(call):
                kept = (*kept, call)
            else:
                folded = (*folded, call)
        if kept:
            await self.ports.queue.set(kept)
        else:
            await self.ports.queue.delete()
        self.note_drops(dropped)
        self.note_folds(turn, folded)
        await self.ports.mutex.unlock()
        return dropped, folded

    async def takes_in(self, turn: Context) -> bool:
        """Whether anybody may be folded into ``turn``; the mutex is held."""
        return True

    def stays_queued(self, call: Call) -> bool:
        """Whether an uncovered call waits for a turn of its own instead of being folded."""
        return call.run_id is not None

    # hand-off (7) ------------------------------------------------------------------------------------------------

    async def hand_off(self, call: Call) -> HandOff:
        """Step 7: drop what a cancel covers, take the first of the rest, and reserve an accept for it."""
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        mark = await self.ports.mark.get()
        if mark > 0 and queued:
            dropped = tuple(each for each in queued if each.sequence == 0 or each.sequence <= mark)
            queued = tuple(each for each in queued if each not in dropped)
            await self.ports.queue.set(queued)
            self.note_drops(dropped)
            await self.publish_drops(dropped)
        if not queued:
            await self.ports.queue.delete()
            if await self.ports.reservations.count() == 0:
                await self.ports.mark.delete()
            await self.ports.mutex.unlock()
            return HandOff(None)
        await self.ports.queue.set(queued[1:])
        first = await self.accept(queued[0])
        await self.ports.mutex.unlock()
        return HandOff(first, self.owes_completion(call, queued))

    def owes_completion(self, call: Call, queued: tuple[Call, ...]) -> bool:
        """Whether a turn that hands off has to publish: unless its own continuation is queued and will."""
        return call.run_id is not None and all(each.run_id != call.run_id for each in queued)

    # cancel and clear --------------------------------------------------------------------------------------------

    async def cancel(self) -> None:
        """Cancel what is active, cover what has been accepted, clear what is queued. Waits for no stream."""
        await self.ports.mutex.lock()
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.raise_mark()
        await self.drop_queue()
        await self.ports.mutex.unlock()

    async def raise_mark(self) -> None:
        """If a reservation is open, cover everything that has been accepted so far."""
        count, sequence = await self.ports.reservations.look()
        if count > 0 and sequence > await self.ports.mark.get():
            await self.ports.mark.set(sequence)

    async def clear_queue(self) -> None:
        """Remove the queued calls, without the mutex."""
        await self.drop_queue()

    async def drop_queue(self) -> None:
        """Remove the queued calls; one read looks whether there are any."""
        if await self.ports.queue.get():
            await self.clear()

    async def clear(self) -> None:
        """Read the queue once more, delete it, and tell the waiters of what was read."""
        queued = await self.ports.queue.get()
        await self.ports.queue.delete()
        await self.publish_drops(queued)

    # summarise ---------------------------------------------------------------------------------------------------

    async def summarise(self, caller: Context) -> None:
        """Summarise the session, then run the first queued call. Raises :class:`SessionBusy` and what the run
        raises."""
        owner = caller.prompt or caller.name
        summary = caller.summary()
        if not await self.enter_summary(caller, summary, owner):
            return
        try:
            if not await self.write_summary(caller, summary, owner):
                return
            await self.leave(summary)
            first = await self.take_after_summary()
            if first is not None:
                await self.run(first, caller.next_hop())
        finally:
            await self.ports.store.flush_under(caller, owner)
            await self.on_return(summary)

    async def enter_summary(self, caller: Context, summary: Context, owner: str) -> bool:
        """Make ``summary`` active, looked at and set without the mutex; whether there is anything to summarise."""
        if await self.ports.active.get() is not None:
            raise SessionBusy(owner)
        if not await self.ports.store.read(caller, owner):
            return False
        await self.ports.active.set(summary)
        return True

    async def take_after_summary(self) -> Call | None:
        """Take the first queued call out, in two accesses and without the mutex."""
        queued = await self.ports.queue.get()
        if not queued:
            return None
        await self.ports.queue.set(queued[1:])
        return queued[0]

    async def write_summary(self, caller: Context | None, summary: Context, owner: str) -> bool:
        """Stream the summary and store it; false if it was cancelled. Raises the error that it ended in.

        Its message is made under ``caller``, and what is left of an unfinished one put away; none: detached.
        """
        await self.ports.store.create_summary(summary, caller)
        result = await self.ask(summary, None, 1)
        if result.how in UNSUCCESSFUL:
            cancelled = result.how is StepEnd.CANCELLED
            await self.ports.store.abandon_summary(caller, summary, delete=cancelled)
            if cancelled:
                return False
            raise error_of(Fault(UNSUCCESSFUL[result.how], owner))
        await self.ports.store.finish_summary(summary)
        await self.ports.store.save_session(summary)
        return True

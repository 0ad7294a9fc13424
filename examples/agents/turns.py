"""What a turn does, whoever decided that it may run: the part that both example dispatchers share.

The message of its prompt, step after step with what is folded in, and at the end its completion.
"""

from __future__ import annotations

from everyturn_impl.calls import Call, Completion, Context, Fault, StepEnd, StreamResult
from everyturn_impl.errors import AgentError
from everyturn_impl.ports import Ports

FAULTS = {StepEnd.ERROR: "provider", StepEnd.UNAUTHORISED: "unauthorised", StepEnd.CANCELLED: "cancelled"}


class Turns:
    """Runs turns. A dispatcher inherits from it and says in :meth:`take_in` what is folded into the next step."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def take_in(self, host: Call, turn: Context) -> Call | None:
        """Take one call out of the queue that ``turn``, which runs ``host``, folds into its next step."""
        raise NotImplementedError

    async def run_turn(self, call: Call, turn: Context) -> None:
        """The turn of ``call``, which is active already. Its messages are stored, then its waiter is told."""
        completion = await self.steps(call, turn)
        await self.ports.store.flush(call.prompt)
        await self.ports.broker.publish(completion, None)

    async def steps(self, call: Call, turn: Context) -> Completion:
        """Step after step until one ends the turn: what there is to tell of it."""
        message: str | None = None
        fault: Fault | None = None
        number = 0
        try:
            await self.ports.store.write_user(None, call, "turn", turn)
            while True:
                number = self.next_step(number)
                await self.fold(call, turn)
                message = await self.ports.store.create_assistant(turn, turn, number)
                result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, number))
                if result.how in FAULTS:
                    fault = Fault(FAULTS[result.how], call.prompt)
                    await self.ports.store.finish_turn(turn, message, fault)
                    break
                await self.finish_step(turn, message, result)
                if result.how is StepEnd.FINISHED:
                    return Completion(call.prompt, call.run_id, message, result.text)
        except AgentError as error:
            fault = fault or error.fault
        cancelled = fault is not None and fault.kind == "cancelled"
        return Completion(call.prompt, call.run_id, message, "", fault, cancelled)

    def next_step(self, number: int) -> int:
        """The number of the step after ``number``; scopes with endless tool rounds count in another way."""
        return number + 1

    async def fold(self, host: Call, turn: Context) -> None:
        """Fold in what may be; one by one, so that a write that fails takes no other prompt with it."""
        call = await self.take_in(host, turn)
        while call is not None:
            await self.ports.store.write_user(None, call, "fold", turn)
            call = await self.take_in(host, turn)

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Store the state of a step that has ended; if that fails, the flush will."""
        try:
            await self.ports.store.finish_step(turn, message, result)
        except AgentError:
            return

    async def tell_dropped(self, dropped: tuple[Call, ...]) -> None:
        """Tell the waiters of calls that get no turn."""
        for call in dropped:
            if call.run_id is not None:
                await self.ports.broker.publish(Completion(call.prompt, call.run_id, cancelled=True), None)

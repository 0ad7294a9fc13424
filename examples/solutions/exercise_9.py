"""The completion says what became of the turn: its error, too."""

from examples.solutions.exercise_8 import Age
from examples.solutions.exercise_8 import Mine as LosesNoCancel

from everyturn import Call, Completion, Context
from everyturn_impl.calls import Fault, StepEnd
from everyturn_impl.errors import AgentError


class Mine(LosesNoCancel):
    async def answer(self, call: Call, turn: Context) -> None:
        if await self.age.do(Age.read) > call.sequence:
            await self.ports.contexts.cancel(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        fault = None if result.how is StepEnd.FINISHED else Fault(result.how, call.prompt)
        try:
            if fault is None:
                await self.ports.store.finish_step(turn, message, result)
            else:
                await self.ports.store.finish_turn(turn, message, fault)
        except AgentError:
            pass  # the flush writes it
        await self.ports.store.flush(call.prompt)
        told = Completion(call.prompt, call.run_id, message, result.text, fault, result.how is StepEnd.CANCELLED)
        await self.ports.broker.publish(told, None)

"""`d6-retry-in-stream` (2026-06-23, 64bbbebc4): refused credentials are refreshed within the stream of the step."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context, StepEnd, StreamResult
from everyturn_impl.revisions.d5_server_tells import ServerTells


class RetriesInStream(SessionAgent):
    """Refused credentials are answered by one more stream of the same step, and by no second `Run`."""

    async def attempt(self, call: Call, caller: Context) -> None:
        """Run ``call`` once."""
        await self.run(call, caller)

    async def ask(self, work: Context, prompt: str | None, number: int) -> StreamResult:
        """The stream of a step, and the second one if the credentials were refused; a coordinator refreshes them."""
        result = await super().ask(work, prompt, number)
        if result.how is StepEnd.UNAUTHORISED and not self.direct and self.refreshes(prompt):
            result = await super().ask(work, prompt, number)
        return result

    def refreshes(self, prompt: str | None) -> bool:
        """Whether refused credentials are refreshed within this stream; ``prompt`` is none for a summary."""
        return prompt is not None


class RetryInStream(RetriesInStream, ServerTells):
    """Differs from `d5` in what follows when the credentials of a turn's stream are refused.

    A summary has no such stream: a user's is repeated as a whole, a turn's own one fails.
    """

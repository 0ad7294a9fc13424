"""Repairs of the summary that a turn makes when its context window is nearly full."""

from __future__ import annotations

from dataclasses import replace

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context
from everyturn_impl.endings import Ending
from everyturn_impl.errors import Cancelled


class SummarisesWithinTurn(SessionAgent):
    """A turn stays active while it is summarised, hands nothing off then, and a Cancel reaches it there."""

    async def step_aside(self, turn: Context) -> None:
        """The turn keeps its entry."""

    async def summarise(self, caller: Context) -> None:
        """Summarise for a user; for a turn, under its own entry. A cancelled summary of a turn is a cancelled turn."""
        if caller.prompt is None:
            await super().summarise(caller)
        elif not await self.write_summary(caller, caller.summary(), caller.prompt):
            raise Cancelled(caller.prompt)


class ContinuesWithinTurn(SessionAgent):
    """The rest of a summarised turn's work is done in the same turn, and passes no queue."""

    async def summarise_turn(self, call: Call, turn: Context, ending: Ending) -> Ending:
        """Summarise, then go on with the next step, if the last one asked for tools."""
        summarised = await super().summarise_turn(call, turn, replace(ending, asked_tools=False))
        if summarised.fault is not None or not ending.asked_tools:
            return summarised
        return await self.stream(call, turn, ending.steps)

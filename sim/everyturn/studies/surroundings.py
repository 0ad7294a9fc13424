"""What surrounds a session's dispatcher: how long each operation takes, and how the world's choices fall."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from random import Random
from typing import Final

from everyturn.studies.distributions import DrawSeconds
from everyturn.studies.study import Faults, Latency
from everyturn.world import objects
from everyturn.world.objects.budget import Budget
from everyturn.world.operations import Operation
from everyturn_impl.calls import Stream

Draw = Callable[[str], Random]
"""A generator of random numbers for each purpose, so that what one revision draws more does not move the others."""

KIND: Final = Budget()
"""The world does nothing unkind."""


class Passes(IntEnum):
    """What time passes before an operation takes effect."""

    NONE = 0
    """None: nobody else can notice it."""
    ACCESS = 1
    """That of an access to shared data."""
    ENTRY = 2
    """Until an accepted prompt's thread runs."""
    STORE = 3
    """That of the message store."""
    OUTSIDE = 4
    """That of the model or of the broker."""


class Surroundings:
    """Durations and choices of one session, drawn from a study's distributions.

    ``seconds``: how long an operation takes before it takes effect. Streams have a time of their own.
    """

    def __init__(self, latency: Latency, faults: Faults, draw: Draw) -> None:
        self.faults = faults
        self._luck = draw("faults")
        self.seconds: dict[Passes, DrawSeconds] = {
            Passes.ACCESS: latency.access.sampler(draw("access")),
            Passes.ENTRY: latency.entry.sampler(draw("entry")),
            Passes.STORE: latency.store.sampler(draw("store")),
        }
        self.stream = latency.stream.sampler(draw("stream"))
        self.notice = latency.notice.sampler(draw("notice"))

    def mood(self, operation: Operation) -> Budget:
        """What the world will do unkindly at this one operation: a budget with at most one of each, mostly none."""
        faults = self.faults
        if operation.object == "model" and operation.method == "end":
            return self._stream_mood(operation.arguments[0])
        if faults.store and operation.object == "store" and objects.declared(operation).may_fail:
            return Budget(failures=1) if self._luck.random() < faults.store else KIND
        return KIND

    def _stream_mood(self, stream: Stream) -> Budget:
        faults = self.faults
        mood = KIND
        if faults.window_full and stream.prompt is not None and self._luck.random() < faults.window_full:
            mood = mood._replace(nearly_full=1)
        if not (faults.provider_error or faults.unauthorised or faults.tool_round):
            return mood
        drawn = self._luck.random()
        for name, share in (
            ("errors", faults.provider_error),
            ("refusals", faults.unauthorised),
            ("tools", faults.tool_round if stream.prompt is not None else 0.0),
        ):
            if drawn < share:
                return mood._replace(**{name: 1})
            drawn -= share
        return mood

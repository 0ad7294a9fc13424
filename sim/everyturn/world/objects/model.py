"""The language model. It keeps nothing: what a stream comes to depends on contexts and on the world."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from everyturn.world.declarations import Concerns, Declaration, Noticed, Outcomes, Values
from everyturn.world.gate import Port
from everyturn.world.objects.contexts import is_done
from everyturn.world.results import Raised
from everyturn_impl.calls import Context, Fault, StepEnd, Stream, StreamResult


@Declaration("model.ready", spends=("failures",), waits=("failures",), noticed=Noticed(("failures",)), begins=False)
def _ready(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    outcomes: Outcomes = [(None, values)]
    if values[0].failures:
        outcomes.append((Raised(Fault("not-configured", arguments[0])), (values[0].less("failures"),)))
    return outcomes


@Declaration("model.start", reads=("contexts",), concerns=Concerns.CANCELS)
def _start(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, number = arguments
    return [(Stream(context, prompt, number, is_done(values[0], context)), values)]


@Declaration(
    "model.end",
    reads=("contexts",),
    spends=("errors", "tools", "refusals", "nearly_full"),
    waits=True,
    concerns=Concerns.CANCELS,
)
def _end(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    stream: Stream = arguments[0]
    cancelled, budget = values
    full = bool(budget.nearly_full) and stream.prompt is not None
    after = budget.less("nearly_full") if full else budget
    if stream.cancelled:
        return [(StreamResult(StepEnd.CANCELLED), (cancelled, after))]
    text = "" if stream.prompt is None else f"answer:{stream.prompt}"
    outcomes: Outcomes = [(StreamResult(StepEnd.FINISHED, text, full), (cancelled, after))]
    if budget.tools and stream.prompt is not None:
        outcomes.append((StreamResult(StepEnd.TOOL, "", full), (cancelled, after.less("tools"))))
    if budget.errors:
        outcomes.append((StreamResult(StepEnd.ERROR), (cancelled, after.less("errors"))))
    if budget.refusals:
        outcomes.append((StreamResult(StepEnd.UNAUTHORISED), (cancelled, after.less("refusals"))))
    if is_done(cancelled, stream.context):
        outcomes.append((StreamResult(StepEnd.CANCELLED), (cancelled, after)))
    return outcomes


class ModelPort(Port):
    """:class:`everyturn_impl.ports.Model` as operations."""

    object = "model"

    def ready(self, owner: str) -> Coroutine[Any, Any, None]:
        return self._do("ready", owner)

    def start(self, context: Context, prompt: str | None, number: int) -> Coroutine[Any, Any, Stream]:
        return self._do("start", context, prompt, number)

    def end(self, stream: Stream) -> Coroutine[Any, Any, StreamResult]:
        return self._do("end", stream)

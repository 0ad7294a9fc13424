"""Who is told: completions and notifications, which may get lost. It keeps nothing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from everyturn.world.declarations import Concerns, Declaration, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Call, Completion, Context, Fault


def _publishing(values: Values, losses: str) -> Outcomes:
    outcomes: Outcomes = [("delivered", values)]
    if getattr(values[0], losses):
        outcomes.append(("lost", (values[0].less(losses),)))
    return outcomes


@Declaration("broker.publish", spends=("losses",), waits=("losses",), concerns=Concerns.NOBODY)
def _publish(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _publishing(values, "losses")


@Declaration("broker.notify_error", spends=("notices",), concerns=Concerns.NOBODY)
def _notify_error(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _publishing(values, "notices")


class BrokerPort(Port):
    """:class:`everyturn_impl.ports.Broker` as operations."""

    object = "broker"

    def publish(self, completion: Completion, context: Context | None) -> Coroutine[Any, Any, None]:
        return self._do("publish", completion, context)

    def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> Coroutine[Any, Any, None]:
        self._takes("notify_error", call, fault, run_id)
        return self._made("notify_error", call.prompt, fault, run_id and call.run_id is not None)

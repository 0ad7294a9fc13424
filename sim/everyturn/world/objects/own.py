"""A dispatcher's own shared objects (:class:`everyturn_impl.ports.Shared`): immutable values that know their steps.

All of them together are one column: a pair of name and value for each, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from everyturn.errors import AgentFault
from everyturn.identity.anatomy import Changes
from everyturn.identity.encoder import MUTABLE, NoValue
from everyturn.source_location import raised_at
from everyturn.world import signatures
from everyturn.world.declarations import Column, Declaration, Outcomes, Values
from everyturn.world.encoding import encoder
from everyturn.world.entering import entered, shown, told
from everyturn.world.gate import Gate, Port
from everyturn.world.operations import OWN, WAIT, Operation

V = TypeVar("V")
R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")

COLUMN: Final = Column("own", first=lambda scope: (), handed_out=True)


def apply(operation: Operation, values: Values) -> Outcomes:
    """The outcome of a step: none as long as it has to wait.

    Raises :class:`AgentFault` for what is no step of an immutable value: what a step changes in place, in place of
    returning the next value, would be changed for every run and every interleaving at once.
    """
    owned: tuple[tuple[str, Any], ...] = values[0]
    place, name, value = next(
        (place, name, value) for place, (name, value) in enumerate(owned) if OWN + name == operation.object
    )
    exact = encoder()
    exact.forced = True
    before = exact.value(value, Changes.FORCED)
    with entered(partial(_raises, operation)):
        outcome = getattr(value, operation.method.removeprefix(WAIT))(*operation.arguments)
    if exact.value(value, Changes.FORCED) != before:
        raise AgentFault(
            f"{_step(operation, value)}: {operation} changes the {type(value).__qualname__} in place: expected a step "
            f"that "
            "leaves it as it is and returns the next value"
        )
    if outcome is None and operation.method.startswith(WAIT):
        return []
    if not (type(outcome) is tuple and len(outcome) == 2 and type(outcome[1]) is type(value)):
        waits = ", or None as long as it has to wait" if operation.method.startswith(WAIT) else ""
        raise AgentFault(
            f"{_step(operation, value)}: {operation}: expected a pair of a result and the next "
            f"{type(value).__qualname__}"
            f"{waits}, found {shown(outcome)}"
        )
    result, after = outcome
    check(f"{_step(operation, value)}: {operation}", outcome)
    return [(result, ((*owned[:place], (name, after), *owned[place + 1 :]),))]


STEP: Final = Declaration("own.do", changes=("own",))
WAITING: Final = Declaration("own.wait", changes=("own",), blocks=True, waits=True)
"""What is known of any step, and of one that may have to wait."""


def _raises(operation: Operation, error: BaseException) -> AgentFault:
    return AgentFault(
        f"{raised_at(error)}: {operation} raises {told(error)}: expected a step that raises nothing and returns its "
        f"result "
        "and the next value, or None as long as it has to wait"
    )


def _step(operation: Operation, value: Any) -> str:
    """Where the step that an operation takes is defined."""
    code = getattr(type(value), operation.method.removeprefix(WAIT)).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"


def check(operation: object, value: Any) -> None:
    """Raise :class:`AgentFault`, naming the operation or the object, for what cannot be compared by value."""
    try:
        encoder().value(value, Changes.FORCED)
    except NoValue as error:
        raise AgentFault(f"{operation}: found a {error}") from None


class SharedPort(Port, Generic[V]):
    """:class:`everyturn_impl.ports.Shared` as operations; ``first``: the value that it begins with."""

    __slots__ = ("_steps", "object")

    def __init__(self, gate: Gate, name: str, first: V) -> None:
        super().__init__(gate)
        self.object = OWN + name
        self._steps = signatures.Steps(type(first))

    def do(self, step: Callable[[V, *Arguments], tuple[R, V]], *arguments: *Arguments) -> Coroutine[Any, Any, R]:
        return self._made(self._method(step, arguments), *arguments)

    def wait(
        self, step: Callable[[V, *Arguments], tuple[R, V] | None], *arguments: *Arguments
    ) -> Coroutine[Any, Any, R]:
        return self._made(WAIT + self._method(step, arguments), *arguments)

    def _method(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
        """The name of a step of this object. Raises :class:`AgentFault` for what is none, or does not take
        ``arguments``."""
        wrong = self._steps.wrong(step, arguments)
        if wrong is not None:
            raise self.gate.refuse(f"{self.object}: {wrong}")
        for argument in arguments:
            if type(argument) in MUTABLE:
                raise self.gate.refuse(f"{self.object}.{step.__name__} is given a {NoValue(type(argument))}")
        return step.__name__

"""More dispatchers with one mistake each: in what leaves their methods, in objects of their own, in what they are."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.sim.mistakes import Mistake

from everyturn_impl.calls import Call, Context, Fault
from everyturn_impl.ports import Ports

# what leaves its methods
# -----------------------------------------------------------------------------------------------


class Raises(Mistake):
    SAID = "a thread ends in KeyError('p1'): expected it to be handled"

    async def wrong(self, call: Call, caller: Context) -> None:
        raise KeyError(call.prompt)  # !


class RaisesInALibrary(Mistake):
    SAID = "a thread ends in ValueError(\"invalid literal for int() with base 10: 'p1'\")"

    async def wrong(self, call: Call, caller: Context) -> None:
        list(map(int, (call.prompt,)))  # !


class Exits(Mistake):
    SAID = "a thread ends in SystemExit(0): expected it to be handled"

    async def wrong(self, call: Call, caller: Context) -> None:
        sys.exit(0)  # !


class IsCancelled(Mistake):
    SAID = "a thread ends in CancelledError(): expected it to be handled"

    async def wrong(self, call: Call, caller: Context) -> None:
        raise asyncio.CancelledError  # !


class AcceptsNothing(Mistake):
    SAID = "submit: expected it to return the call to serve, that of p1; found None"

    async def submit(self, call: Call) -> None:  # !
        pass


class AcceptsAName(Mistake):
    SAID = "submit: expected it to return the call to serve, that of p1; found 'p1'"

    async def submit(self, call: Call) -> Any:  # !
        return call.prompt


# objects of one's own
# --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """A count with steps that are wrong."""

    count: int = 0

    def add(self, number: int) -> tuple[int, Tally]:
        return self.count, Tally(self.count + number)

    def divide(self, number: int) -> tuple[int, Tally]:
        return self.count // number, self  # ! of StepRaises

    def forget(self) -> None:  # ! of StepReturnsNothing
        pass

    def spoil(self) -> tuple[None, int]:  # ! of StepReturnsAnother
        return None, 1


class Owns(Mistake):
    own: ClassVar[Any] = {"tally": Tally()}

    def __init__(self, ports: Ports, *, direct: bool = False, tally: Any = None) -> None:
        super().__init__(ports)
        self.tally = tally


class StepRaises(Owns):
    SAID = "own.tally.divide raises ZeroDivisionError"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do(Tally.divide, 0)


class StepWithoutArgument(Owns):
    SAID = "own.tally: expected arguments for Tally.add(self, number: 'int') -> 'tuple[int, Tally]'"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do(Tally.add)  # !


class StepOfNothing(Owns):
    SAID = "own.tally: expected a method of Tally, found 'add'"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do("add", 1)  # !


class StepReturnsNothing(Owns):
    SAID = "own.tally.forget: expected a pair of a result and the next Tally, found None"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do(Tally.forget)


class StepReturnsAnother(Owns):
    SAID = "own.tally.spoil: expected a pair of a result and the next Tally, found (None, 1)"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do(Tally.spoil)


class StepIsGivenAList(Owns):
    SAID = "is given a list: expected a value that is immutable"

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.tally.do(Tally.add, [1])  # !


class OwnsNothing(Owns):  # !
    SAID = "own: expected a dictionary of names and first values"
    own = None


class OwnsATuple(Owns):  # !
    SAID = "own: expected a dictionary of names and first values"
    own = (Tally(),)


class OwnsPorts(Owns):  # !
    SAID = "own: expected names that the constructor can take, other than ports and direct; found 'ports'"
    own: ClassVar[Any] = {"ports": Tally()}


class OwnsAList(Owns):  # !
    SAID = "own.tally: found a list: expected a value that is immutable"
    own: ClassVar[Any] = {"tally": [0]}


class SharesAWord(Mistake):  # !
    SAID = (
        "shares: expected a tuple of some of contexts, hooks, threads, closing, for example ('hooks',); found 'hooks'"
    )
    shares = "hooks"


class SharesTheQueue(Mistake):  # !
    SAID = "shares: expected a tuple of some of contexts, hooks, threads, closing"
    shares = ("queue",)


# what is no dispatcher
# -------------------------------------------------------------------------------------------------


class LacksCancel(Mistake):
    SAID = "expected async methods submit, serve, cancel; missing: cancel"
    SCOPE = "A+1c"
    cancel = None  # type: ignore[assignment]


class IsNotAsync(Mistake):
    SAID = "missing: serve"

    def serve(self, call: Call, caller: Context) -> None:  # type: ignore[override]
        pass


class TakesTooLittle(Mistake):
    SAID = "expected serve(self, call, caller), found serve(self, call: 'Call')"

    async def serve(self, call: Call) -> None:  # type: ignore[override]
        pass


class CannotBeMade(Mistake):
    SAID = "expected a constructor that raises nothing; found LookupError: no configuration"

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        raise LookupError("no configuration")  # !


class HasNoDirect(Mistake):
    SAID = "expected a constructor (ports, *, direct), found"

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)


class RaisesAFault(Mistake):
    SAID = "exceptions must derive from BaseException"

    async def wrong(self, call: Call, caller: Context) -> None:
        raise Fault("store", call.prompt)  # type: ignore[misc] # !

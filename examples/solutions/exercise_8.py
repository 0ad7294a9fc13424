"""Each Cancel begins a new age, and a turn is cancelled by one of a later age than its prompt."""

from dataclasses import dataclass, replace

from examples.solutions.exercise_7 import Mine as OneTurnAtATime

from everyturn import Call, Context, Ports, Shared


@dataclass(frozen=True, slots=True)
class Age:
    """How many Cancels there were."""

    number: int = 0

    def read(self) -> "tuple[int, Age]":
        return self.number, self

    def begin(self) -> "tuple[None, Age]":
        return None, Age(self.number + 1)


class Mine(OneTurnAtATime):
    own = {"age": Age()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, age: Shared[Age]) -> None:
        super().__init__(ports, direct=direct)
        self.age = age

    async def submit(self, call: Call) -> Call:
        return replace(call, sequence=await self.age.do(Age.read))

    async def answer(self, call: Call, turn: Context) -> None:
        if await self.age.do(Age.read) > call.sequence:
            await self.ports.contexts.cancel(turn)
        await super().answer(call, turn)

    async def cancel(self) -> None:
        await self.age.do(Age.begin)
        await super().cancel()

"""Programs made at random are judged the same with and without partial order reduction."""

from __future__ import annotations

import random
from typing import Any, ClassVar

from tests.sim.test_ample_traps import Trap, found

from everyturn.verdicts.checker import Judge, select
from everyturn_impl.calls import Call, Context, Fault
from everyturn_model.invariants import INVARIANTS

Script = tuple[tuple[Any, ...], ...]
_TURNS = tuple(Context(("w", f"t{number}"), f"p{number % 2 + 1}") for number in (1, 2))


class Scripted(Trap):
    """Each thread does what its script says, which can jump back; what cannot be done any more is left out."""

    shares = ("contexts", "hooks", "closing", "threads")
    scripts: ClassVar[dict[str, Script]]

    async def serve(self, call: Call, caller: Context) -> None:
        await self.follow(call.prompt)

    async def cancel(self) -> None:
        await self.follow("cancel1")

    async def follow(self, name: str) -> None:
        script = self.scripts[name]
        place = 0
        while place < len(script):
            place = await self.do(name, place, *script[place])

    async def do(self, name: str, place: int, kind: str, *given: Any) -> int:
        """One line; the place of the next."""
        ports: Any = self.ports
        match kind:
            case "jump":
                target: int = given[1]
                return target if (await ports.mark.get() > 0) is given[0] else place + 1
            case "locked":
                await ports.mutex.lock()
                seen: int = await ports.mark.get()
                await ports.mark.set(given[0])
                await ports.mutex.unlock()
                return place + 1 + (seen > 0)
            case "tell":
                await self.tell(*given)
            case "queued":
                await ports.queue.set(tuple(Call(each, each) for each in given))
            case "streamed":
                await ports.model.end(await ports.model.start(given[0], given[0].prompt, 1))
            case "wait":
                await ports.titles.end(given[0])
            case _:
                port, method = kind.split(".")
                await getattr(getattr(ports, port), method)(*given)
        return place + 1


def line(choose: random.Random, place: int, length: int, *, loops: bool) -> tuple[Any, ...]:
    """One line of a script of this length. In a loop no turn begins: there would be ever more of them."""
    turn = choose.choice(_TURNS)
    lines: list[tuple[Any, ...]] = [
        ("jump", choose.random() < 0.5, choose.randrange(0 if loops else place + 1, length + 1)),
        ("locked", choose.randrange(2)),
        ("mark.set", choose.randrange(3)),
        ("queue.get",),
        ("queued", *choose.sample(("p1", "p2"), choose.randrange(3))),
        ("tell", choose.choice(("p1", "p2")), choose.random() < 0.5, choose.choice((None, "t1#1"))),
        ("active.delete" if loops else "active.set", turn),
        ("streamed", turn),
        ("store.create_assistant", None, turn, 1),
        ("store.finish_turn", turn, f"{turn.name}#1", Fault("", None)),
        ("contexts.cancel", turn),
        ("titles.start", choose.choice("xy")),
        ("wait", choose.choice("xy")),
        ("closing.set",),
    ]
    return choose.choice(lines)


def scripted(seed: int) -> tuple[Any, str, Judge]:
    """An agent, a scope and a judge."""
    choose = random.Random(seed)
    scope = choose.choice(("AA", "AA", "AAA", "AA+1c"))
    names = ["p1", "p2", "p3", "cancel1"]
    lengths = [choose.randrange(1, 5 if scope == "AA" else 4) for _ in names]
    loops = [name for name in names if choose.random() < 0.4]
    scripts = {
        name: tuple(line(choose, place, length, loops=name in loops) for place in range(length))
        for name, length in zip(names, lengths, strict=True)
    }
    invariants = choose.sample([each.name for each in INVARIANTS], choose.choice((1, 1, 2)))
    judge = Judge(select(invariants), conformance=choose.random() < 0.2)
    return type("Scripted", (Scripted,), {"scripts": scripts}), scope, judge


def same_of_script(seed: int) -> bool:
    """Whether what is found of a random program is the same with and without the reduction."""
    agent, scope, judge = scripted(seed)
    return found(agent, scope, judge, "ample") == found(agent, scope, judge, "dead")


def test_no_program_is_judged_otherwise() -> None:
    """A hundred random programs that race, wait, go round, and tell of each other's prompts and turns."""
    assert [seed for seed in range(100) if not same_of_script(seed)] == []

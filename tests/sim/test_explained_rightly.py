"""What a story says of queues, waiters, races and choices is so."""

from __future__ import annotations

from dataclasses import dataclass

from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.explanation.explain import explain
from everyturn.reports.story import lines
from everyturn_impl.calls import Call, Completion, Context, StepEnd
from everyturn_impl.ports import Ports, Shared


def story(agent: type[Small], scope: str, invariant: str) -> str:
    """The explanation of the shortest violation, as text."""
    run, _ = check(agent, scope, invariants=(invariant,)).runs[invariant]  # type: ignore[arg-type]
    return "\n".join(lines(explain(run.schedule, invariant)))


class Forgets(Small):
    """Queues every prompt in an idle session, and forgets it."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.queue.set((*await self.ports.queue.get(), call))


def test_an_idle_session_is_not_called_busy_and_everybody_who_hangs_is_named() -> None:
    """Three wait, all three are named."""
    told = story(Forgets, "AAA", "no-hang")
    assert "p1 is queued" in told
    assert "busy" not in told
    assert "its waiter was never told; nor was that of p2, p3" in told


@dataclass(frozen=True, slots=True)
class Door:
    """Lets one in at a time."""

    shut: bool = False

    def enter(self) -> tuple[None, Door] | None:
        return None if self.shut else (None, Door(True))

    def leave(self) -> tuple[None, Door]:
        return None, Door(False)

    def look(self) -> tuple[bool, Door]:
        return self.shut, self


class TellsUnlessShut(Small):
    """p2 tells nobody if it finds the door shut by p1, and waits there otherwise."""

    own = {"door": Door()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, door: Shared[Door]) -> None:
        super().__init__(ports)
        self.door = door

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p2" and await self.door.do(Door.look):
            return
        await self.door.wait(Door.enter)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)
        await self.door.do(Door.leave)


def test_a_race_names_the_object_and_two_accesses_either_of_which_can_come_first() -> None:
    """p1 enters, p2 looks: the other order spares the run. That p2 cannot enter before p1 has left is no race."""
    told = story(TellsUnlessShut, "AA", "no-hang")
    assert "Both touch the dispatcher's own object door." in told
    race = told[told.index("Racing accesses") : told.index("Point of no return")]
    assert "Door.look" in race or ".look" in race


class TellsWhatFinished(Small):
    """Tells nobody of a turn that did not finish."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = caller.turn(call.prompt)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        if result.how is StepEnd.FINISHED:
            await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


def test_a_point_of_no_return_that_the_world_chose_is_told_as_such() -> None:
    """The stream ended in an error; no order of threads led to it."""
    assert "is the world's choice" in story(TellsWhatFinished, "A+1e", "no-hang")
    assert "is the world's choice" not in story(TellsUnlessShut, "AA", "no-hang")

"""A chat session as one would write it for an event loop, against the ports: the code that is checked is the code that
runs.

    everyturn check --agent examples.agents.chat_session:ChatSession --scope AA+1c --granularity await
    python -m examples.agents.chat_session

One turn at a time: a door lets in one prompt after the other. Here it runs on asyncio with its messages in SQLite.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from everyturn_impl.calls import Call, Completion, Context, StepEnd
from everyturn_impl.ports import Ports, Shared
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep
from everyturn_impl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Door:
    """Lets one in at a time."""

    shut: bool = False

    def enter(self) -> tuple[None, Door] | None:
        """Go in, as soon as nobody else is inside."""
        return None if self.shut else (None, Door(True))

    def leave(self) -> tuple[None, Door]:
        """Go out."""
        return None, Door(False)


class ChatSession:
    """One prompt after the other; nothing is folded, and nothing is retried."""

    own = {"door": Door()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, door: Shared[Door]) -> None:
        self.ports = ports
        self.door = door

    async def submit(self, call: Call) -> Call:
        """Take every prompt."""
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        """Wait at the door, and run the prompt's turn."""
        await self.ports.threads.start(call.prompt)
        await self.door.wait(Door.enter)
        await self.run_turn(call, caller.turn(call.prompt))
        await self.door.do(Door.leave)

    async def run_turn(self, call: Call, turn: Context) -> None:
        """Ask the model, store what is said, tell the client."""
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(turn, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        if result.how is StepEnd.FINISHED:
            await self.ports.broker.publish(Completion(call.prompt, call.run_id, message, result.text), None)
        await self.ports.active.delete(turn)

    async def shut_down(self, workspace: Context) -> None:
        """Wait for whoever is on his way."""
        await self.ports.closing.set()
        await self.ports.threads.join_all()


async def tell(database: Path) -> None:
    """Two prompts at once, on a real event loop."""
    client = ScriptedClient(
        {"weather": [ScriptedStep(text="It will rain.")], "umbrella": [ScriptedStep(text="Then take one.")]}
    )
    async with Workspace(database, client, revision=ChatSession) as workspace:
        await workspace.submit("home", "What will the weather be?", "r1", prompt="weather")
        await workspace.submit("home", "Do I need an umbrella?", "r2", prompt="umbrella")
        for run_id in ("r1", "r2"):
            completion = await workspace.wait(run_id)
            print(f"{run_id}: {completion.text}")
        print("In the store:")
        for message in await workspace.inside("home").store.messages():
            print(f"  {message.role:9} {message.text!r}")


def main() -> None:
    """Run it with a temporary database."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(Path(folder) / "messages.db"))


if __name__ == "__main__":
    main()

"""Three prompts, a cancel and the completions: the agent on a real asyncio loop, with its messages in SQLite.

A scripted model plays the language model; gates hold its streams, so that the story is the same every time.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from everyturn_impl.calls import Completion
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep, StreamGate
from everyturn_impl.workspace import Workspace


def in_words(completion: Completion) -> str:
    """One sentence about a completion."""
    if completion.cancelled:
        return f"{completion.run_id} was cancelled."
    if completion.fault is not None:
        return f"{completion.run_id} failed: {completion.fault.kind}."
    return f"{completion.run_id} is complete: {completion.text!r}."


async def tell(database: Path) -> None:
    """The story, against a database file."""
    first, third = StreamGate(), StreamGate()
    client = ScriptedClient(
        {
            "weather": [ScriptedStep(text="It will rain.", gate=first)],
            "umbrella": [ScriptedStep(text="Then take one.", delay=0.01)],
            "novel": [ScriptedStep(text="It was a dark and stormy night,", gate=third)],
        }
    )
    async with Workspace(database, client) as workspace:
        await workspace.submit("home", "What will the weather be?", "r1", prompt="weather")
        await first.reached()
        print("r1 is being answered.")

        await workspace.submit("home", "Do I need an umbrella?", "r2", prompt="umbrella")
        await workspace.inside("home").queue.calls.until(lambda calls: len(calls) == 1)
        print("r2 waits in the queue behind it.")

        first.open()
        print(in_words(await workspace.wait("r1")))
        print(in_words(await workspace.wait("r2")))

        await workspace.submit("home", "Write me a novel.", "r3", prompt="novel")
        await third.reached()
        print("r3 is being answered, at length. Cancel!")
        await workspace.cancel("home")
        print(in_words(await workspace.wait("r3")))

        print("In the store:")
        for message in await workspace.inside("home").store.messages():
            print(f"  {message.role:9} {message.text!r:35} {message.finish or ''}".rstrip())


def main() -> None:
    """Tell the story with a temporary database."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(Path(folder) / "messages.db"))


if __name__ == "__main__":
    main()

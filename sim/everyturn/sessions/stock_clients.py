"""The clients of a recorded run of a session, for the script that makes it on asyncio's own loop.

What stands behind the constants is copied into the script as it stands, behind the driver of the loop. It calls the
adapter as :class:`everyturn.sessions.calls.Calls` does, when the script says so, and judges nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from everyturn.asyncio.runtime.services import prompts_in
from everyturn.sessions.adapter import LATER, Held, PromptRefused, Session, UserPrompt

CALLS: list[tuple[str, str]] = []
# what follows is the same for every session


class ScriptedClients:
    """The clients of the session: each calls when the script says so."""

    def __init__(self, world: Any, session: Any) -> None:
        self.world = world
        self.session = session
        self.left = len(CALLS)
        self.over = world.loop.create_future()
        self.streams = 0
        self.errors = None
        self.open: dict[str, Any] = {}
        self.taken: set[str] = set()

    def begin(self) -> None:
        self.world.coming = {number: partial(self.start, *call) for number, call in enumerate(CALLS)}

    def start(self, name: str, method: str) -> None:
        call = self.submit(name) if method == "submit" else self.operate(name, method)
        self.open[name] = self.world.loop.create_task(call, name=name)

    async def submit(self, name: str) -> None:
        try:
            answer = await self.session.submit(UserPrompt(name, f"prompt:{name}"))
            if answer is not LATER:
                self.note(f"{name} is told: finished")
        except asyncio.CancelledError:
            self.note(f"{name} is told: cancelled")
        except PromptRefused:
            self.note(f"{name} is refused")
        except Exception:  # noqa: BLE001 # it is what the client is told
            self.note(f"{name} is told: failed")
        self.ended(name)

    async def operate(self, name: str, method: str) -> None:
        try:
            await getattr(self.session, method)()
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 # the finding
            print(f"{method} ({name}) raised {error!r}")
        self.note(f"{name} has returned")
        self.ended(name)

    def ended(self, name: str) -> None:
        del self.open[name]
        self.left -= 1
        if not self.left and not self.over.done():
            self.over.set_result(None)

    def note(self, text: str) -> None:
        print(text)
        self.world.noted.append(repr(text))

    # What an adapter tells.

    def told(self, prompt: Any, answer: Any, *, cancelled: bool, failed: bool) -> None:
        outcome = "cancelled" if cancelled else "failed" if failed else "finished"
        name = prompt.name if isinstance(prompt, UserPrompt) else prompts_in(prompt)[0]
        self.note(f"{name} is told: {outcome}")

    def folded(self, prompt: Any, into: Any) -> None:
        pass

    # What the model and the store tell, of which nothing is judged here.

    def asked(self, prompts: Any, request: object) -> int:
        self.streams += 1
        return self.streams

    def answered(self, stream: int, how: str) -> None:
        pass

    def wrote(self, prompts: Any, *, failed: bool) -> None:
        pass


def as_program(adapter: Any) -> Callable[[Any], Any]:
    """The program that a session is."""

    async def session_and_clients(world: Any) -> None:
        session = adapter()
        clients = session._calls = ScriptedClients(world, session)
        world.onlooker = clients
        await session.open(world)
        clients.begin()
        await clients.over

    return session_and_clients


def stand_ins() -> dict[str, Any]:
    """What an adapter is made of, in place of this project's."""
    return {each.__name__: each for each in (Session, Held, PromptRefused, UserPrompt)}

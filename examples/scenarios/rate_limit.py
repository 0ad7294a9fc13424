"""How long does a user wait for an answer of a model that serves two prompts at a time?

everyturn fuzz --scenario examples.scenarios.rate_limit:busy_hour --time simulated --runs 50 --seed 1
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import simpy
from examples.scenarios.chat import MendedSession

from everyturn.studies.distributions import Exponential, Lognormal


async def busy_hour(world: Any) -> None:
    """Twenty users, a prompt each, over a few minutes; the provider is a SimPy resource beside the chats."""
    provider = simpy.Resource(world.environment, capacity=2)
    thinks = Lognormal(median=4.0, p95=15.0).sampler(world.draws)
    world.takes("save", 0.02)
    world.takes("user", Exponential(120.0))

    def served(prompt: str) -> Generator[Any, Any, str]:
        with provider.request() as turn:
            yield turn
            yield world.environment.timeout(thinks())
        return f"answer:{prompt}"

    async def user(prompt: str) -> None:
        await world.io(f"user {prompt}")
        chat = MendedSession(ask_model=lambda text: world.process(served(text)), save=lambda text: world.io("save"))
        begun = asyncio.get_running_loop().time()
        assert await chat.ask(prompt) is not None
        world.measure("a user waits", asyncio.get_running_loop().time() - begun)

    await asyncio.gather(*(user(f"prompt {number}") for number in range(20)))

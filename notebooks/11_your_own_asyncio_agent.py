# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Your own asyncio agent, as it is
#
# No ports, no rewriting: an ordinary asyncio program. A session that answers one prompt at a time, the others wait in a
# list. Two users submit; each waits for an answer. Can one of them wait for ever?

# %%
import asyncio

import everyturn


class Session:
    """Answers one prompt at a time; the others wait in a list."""

    def __init__(self, ask_model, save):
        self.ask_model, self.save, self.waiting, self.worker = ask_model, save, [], None

    async def ask(self, prompt):
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append((prompt, answer))
        if self.worker is None:
            self.worker = asyncio.create_task(self.work())
        return await answer

    async def work(self):
        while self.waiting:
            prompt, answer = self.waiting.pop(0)
            answer.set_result(await self.ask_model(prompt))
        await self.save()
        self.worker = None


async def two_users(world, session=Session):
    """The main task. `world` answers for whatever lies outside of the program, in every order."""
    chat = session(ask_model=lambda prompt: world.io(f"model {prompt}", "fine"), save=lambda: world.io("save"))

    async def user(prompt):
        await world.io(f"user {prompt}")  # whenever they like
        assert await chat.ask(prompt) == "fine"

    await asyncio.gather(user("hello"), user("there"))


found = everyturn.check_scenario(two_users)
print(found)

# %% [markdown]
# One of them can. Every order of arrivals, answers and the save was explored; here is a shortest run, in asyncio's
# words:

# %%
print(found.replay())

# %% [markdown]
# The worker looks at the list, *then* saves, *then* says that it is gone. Whoever comes in between finds a worker that
# will look no more. So it must be gone in the moment in which it finds nobody:


# %%
class Mended(Session):
    async def work(self):
        while self.waiting:
            prompt, answer = self.waiting.pop(0)
            answer.set_result(await self.ask_model(prompt))
        self.worker = None
        await self.save()


async def mended(world):
    await two_users(world, Mended)


print(everyturn.check_scenario(mended))

# %% [markdown]
# Proved: every run of it, in asyncio's order. Exercise: give `ask` a time limit (`asyncio.timeout`), and see what
# becomes of the answer of a prompt whose user has gone. `everyturn exercise 6 -o my_session.py` begins with one that
# fails; `everyturn exercise 6 my_session.py` says whether yours is proved.

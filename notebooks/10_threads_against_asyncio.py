# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Threads against asyncio
#
# *On an event loop there are no races*, people say. Are there not? One small agent, which works on one prompt at a
# time: who finds nobody at work asks the model, and who finds somebody goes away.

# %%
import asyncio

import everyturn


class Worker:
    async def handle(self, who, turn):
        if await self.active.get() is None:  # nobody at work?
            await self.pause()
            await self.active.set(turn)  # then we are
            await self.ask(who, turn)
            await self.active.delete(turn)

    async def pause(self):
        """Between looking and acting: nothing, so far."""


# %% [markdown]
# The same lines run on both. On **threads** each access to what is shared is a step, and between any two of them
# another thread may run. On an **event loop** `await` lets others in only where it really waits: for a user to come,
# and for the model. `get`, `set` and `delete` are done at once.


# %%
class OnThreads(Worker, everyturn.Desk): ...


class OnALoop(Worker):
    def __init__(self, world):
        self.world, self.active, self.turns = world, self, set()

    async def get(self):
        return next(iter(self.turns), None)

    async def set(self, turn):
        self.turns.add(turn)
        assert len(self.turns) == 1, "two turns at once"

    async def delete(self, turn):
        self.turns.discard(turn)

    async def ask(self, who, turn):
        await self.world.io("model")


async def two_users(world, agent=OnALoop):
    desk = agent(world)

    async def user(who):
        await world.io(who)  # whenever they like
        await desk.handle(who, who)

    await asyncio.gather(user("p1"), user("p2"))


# %% [markdown]
# Now count. The strategy `preemption:inf` makes *every* run, once each:

# %%
EVERY = {"strategy": "preemption:inf", "runs": 20_000}


def count(agent, scenario):
    found = {each: everyturn.fuzz(agent, "AA", invariants=["one-turn"], granularity=each, **EVERY) for each in THREADS}
    found |= {each: everyturn.fuzz_scenario(scenario, invariants=["error"], order=each, **EVERY) for each in LOOP}
    for how, each in found.items():
        often = f"two turns at once in {each.table()[0]['runs'] or 0:>4}"
        print(f"{how:<7}{each.cell.schedules:>5} runs, {often}: {each.verdict}")


THREADS, LOOP = ("access", "await"), ("any", "fifo")
count(OnThreads, two_users)

# %% [markdown]
# `access` is threads as they are: other threads run between any two accesses. `await` lets them in only where the code
# waits, as a loop does. `any` is asyncio itself, with whatever task is ready going on, and `fifo` is asyncio as it is:
# who was ready first goes first. Between looking and acting nobody waits, so on a loop this race **vanishes**: not
# made rare, but proved to be in no run.
#
# One line more. Before it begins, the agent reads something from its disk:


# %%
class DiskOnThreads(OnThreads):
    async def pause(self):
        await self.ports.store.flush("disk")


class DiskOnALoop(OnALoop):
    async def pause(self):
        await self.world.io("disk")


async def two_users_and_a_disk(world):
    await two_users(world, DiskOnALoop)


count(DiskOnThreads, two_users_and_a_disk)

# %% [markdown]
# It is back, everywhere. What counts is not threads or tasks: it is whether anything *waits* between looking and
# acting. A log line that is sent somewhere will do, or one `await asyncio.sleep(0)`.
#
# Is there anything else that a loop promises? The order. Two tasks that are made one after the other:


# %%
async def first_come(world):
    came = []

    async def user(who):
        came.append(who)

    await asyncio.gather(user("p1"), user("p2"))
    assert came == ["p1", "p2"]


for order in LOOP:
    print(f"{order}: {everyturn.check_scenario(first_come, order=order).verdicts['error'].sentence or 'proved'}")

# %% [markdown]
# And a real agent? Each pair of rows is one scope on threads, and as it would be on a loop (*await*):

# %%
ASKED = [("d0", "AA"), ("d4", "II"), ("d4", "AA+1e"), ("d4", "A+1c+1s")]
real = everyturn.CheckResults(everyturn.check(*each, granularity=how) for each in ASKED for how in THREADS)
real.figure()

# %% [markdown]
# Red above and green below: that fault vanishes on a loop. Red in both: it stays, for somebody waits in between, for
# the model, for the store, for a lock. Never green above and red below: every run on a loop is one that threads can
# make.
#
# Exercises. Mend `DiskOnALoop` without taking the disk away (look again? say so first?), and count again. What does
# your mend do on threads? Then print `real[3]` and `real[2]`: which access of `d4` at `II` lies in the window that a
# loop closes? (`print(real[2].explain("no-hang"))`)

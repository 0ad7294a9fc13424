# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A waiter that hangs
#
# Two prompts reach an agent at the same time. For each, a client waits until it is told that its prompt is over. Before
# a fix, one of the clients could wait for ever. We explore **every** interleaving of the two, in the agent's real code.

# %%
from everyturn.checking.check import check

before = check("d3-locked-drain", "AA")
print(before.cell.states, "states,", before.cell.transitions, "transitions")
for name, judged in before.cell.invariants.items():
    print(f"{name:<20} {judged.verdict:<10} {judged.sentence or ''}")

# %% [markdown]
# Two invariants are refuted, each with a shortest run. (`everyturn check` counts three: it also counts the
# specification as a whole, which does not allow that fold.) Here is the run that folds a prompt which somebody waits
# for. Each step is one access to shared data; between two of them, any other thread may run.

# %%
run, step = before.runs["no-fold-of-run-id"]
for each in run.steps[: step + 1]:
    print(
        each.number,
        each.operations[0].thread,
        each.operations[0].operation,
        *[type(event).__name__ for event in each.events],
    )

# %% [markdown]
# The same schedule as a picture. The red lines are the violations.

# %%
from pathlib import Path
from tempfile import mkdtemp

from IPython.display import Image

from everyturn.reports.plots import timeline
from everyturn.verdicts.checker import Judge

folder = Path(mkdtemp())
timeline(run, [found for found in Judge().run(run.seen()) if found[1].invariant == "no-hang"], folder / "before.png")
Image(folder / "before.png")

# %% [markdown]
# The fix keeps prompts with a run id in the queue, so that each gets a turn of its own. The same decisions, after the
# fix:

# %%
from everyturn.engines.simpy.kernel import simulate
from everyturn.strategies.replay import Replay
from everyturn.world.scope import Scope
from everyturn.world.world import World

cured = simulate(World(Scope.parse("AA"), "d4-independent"), Replay(run.schedule.deviations))
print(Judge().run(cured.seen()))
timeline(cured, [], folder / "after.png")
Image(folder / "after.png")

# %% [markdown]
# One schedule proves nothing. Is there *any* interleaving in which the fixed agent leaves a waiter behind?

# %%
after = check("d4-independent", "AA").cell
print({name: str(after.invariants[name].verdict) for name in ("no-hang", "no-double-emit", "no-fold-of-run-id")})
print("prompt-notice:", after.invariants["prompt-notice"].sentence)

# %% [markdown]
# Proved, for two prompts and a kind world. One provider error, and it hangs again: the error path does not look at the
# queue. Exercise: find in `impl/everyturn_impl/agent.py` where `take_turn` leaves without a hand-off.

# %%
print(check("d4-independent", "AA+1e").cell.invariants["no-hang"].sentence)
print("hardened:", check("hardened", "AA+1e").cell.verdict)

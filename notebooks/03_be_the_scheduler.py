# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Be the scheduler
#
# Two prompts come in, each on a thread of its own. Who goes next? You decide. The page below is one level of the game
# (`everyturn game` writes all of them into a file); play it here, with the mouse or the keys 1 and 2.

# %%
import everyturn

everyturn.play("lost-wake-up")

# %% [markdown]
# What you have just done by hand, the tool does for every order of all steps. Here is the program of that level, and a
# shortest run in which a client waits for ever:

# %%
LEVEL = "everyturn.game.levels.lost_wake_up"
found = everyturn.check(f"{LEVEL}:GoesToSleep", "AA", invariants=["no-hang"])
print(found.explain("no-hang"))

# %% [markdown]
# With one more look after falling asleep nobody can break it. That is no opinion:

# %%
print(everyturn.check(f"{LEVEL}:LooksAgain", "AA", invariants=["no-hang"]))

# %% [markdown]
# All states of the level as a graph; the player walks along it. In some of them nothing can move any more, and somebody
# waits:

# %%
graph = found.graph()
lost = [state for state, values in graph.nodes(data=True) if "no-hang" in values["violated"]]
print(f"{len(graph)} states, {graph.number_of_edges()} moves; in {len(lost)} states somebody waits for ever")

# %% [markdown]
# Exercise: mend it in another way. `everyturn exercise 1 -o my_fix.py` begins a file, `everyturn exercise 1 my_fix.py`
# says whether yours is proved, for two prompts and for three.

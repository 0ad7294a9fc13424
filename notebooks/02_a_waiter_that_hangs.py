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
import everyturn

before = everyturn.check("d3-locked-drain", "AA")
print(before)
for name, said in before.verdicts.items():
    print(f"{name:<20} {said.verdict:<10} {said.sentence or ''}")

# %% [markdown]
# Two invariants are refuted, each with a shortest run, and the specification as a whole (`conforms`), which does not
# allow that fold. Here is the run that folds a prompt which somebody waits for. Each step is one access to shared data;
# between two of them, any other thread may run.

# %%
run = before.replay("no-hang")
for step in run.table():
    if step["seen"]:
        print(f"{step['step']:>3}  {step['thread'] or '':<4} {step['operations']:<28} {step['seen']}")

# %% [markdown]
# The same run as a picture. The red lines are the violations.

# %%
run.figure()

# %% [markdown]
# What decided? Which of two accesses came first, since when it was too late, and the nearest run that passes:

# %%
print(before.explain("no-hang"))

# %% [markdown]
# The fix keeps prompts with a run id in the queue, so that each gets a turn of its own. The same decisions, after the
# fix:

# %%
cured = everyturn.replay(run.token, agent="d4-independent")
print(cured)
cured.figure()

# %% [markdown]
# One schedule proves nothing. Is there *any* interleaving in which the fixed agent leaves a waiter behind?

# %%
after = everyturn.check("d4-independent", "AA")
for name in ("no-hang", "no-double-emit", "no-fold-of-run-id", "prompt-notice"):
    print(f"{name:<20} {after.verdicts[name].verdict:<10} {after.verdicts[name].sentence or ''}")

# %% [markdown]
# Proved, for two prompts and a kind world. One provider error, and it hangs again: the error path does not look at the
# queue. Exercise: find in `impl/everyturn_impl/agent.py` where `take_turn` leaves without a hand-off, and mend it:
# `everyturn exercise 4 -o my_fix.py` begins a file, `everyturn exercise 4 my_fix.py` says whether it is proved.

# %%
print(everyturn.check("d4-independent", "AA+1e").verdicts["no-hang"].sentence)
print("hardened:", everyturn.check("hardened", "AA+1e").verdict)

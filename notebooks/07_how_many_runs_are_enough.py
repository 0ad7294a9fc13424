# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # How many runs are enough?
#
# A thousand clean runs are no proof. What are they worth? In a small scope we can know: explore everything, and hold
# the sample against the truth.

# %%
import everyturn

truth = everyturn.check("d4", "AA+1e", invariants=["no-hang", "state-before-notice"])
for name, said in truth.verdicts.items():
    print(f"{name:<20} {said.verdict}")

# %%
for strategy in ("random-walk", "pct:2", "pct:3", "pos"):
    sample = everyturn.fuzz("d4", "AA+1e", strategy=strategy, runs=500, seed=1, invariants=["no-hang"])
    first = next((run.number for run in sample if run.violated), None)
    print(f"{strategy:<12} first violation in run {first}, in all {sum(bool(run.violated) for run in sample)} of 500")

# %% [markdown]
# They find it, some sooner. Now an agent in which nothing is left to find. What does silence say? An upper bound for
# the probability *per run*, and nothing more:

# %%
for runs in (100, 1_000, 10_000):
    clean = everyturn.fuzz("hardened", "AA+1e", strategy="random-walk", runs=runs, seed=1, engine="tables")
    print(f"{runs:>6} clean runs: a violation has a probability of at most {clean.risk:.5f} per run")
print("exploration:", everyturn.check("hardened", "AA+1e", invariants=["no-hang"]).verdict)

# %%
everyturn.fuzz("d4", "AA+1e", runs=300, seed=1).figure()

# %% [markdown]
# Exercise: find an invariant of `d4` in `AA+1c` that a thousand random walks do not refute and `everyturn.check` does.
# Which strategy sees it?

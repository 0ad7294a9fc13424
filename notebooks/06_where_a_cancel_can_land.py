# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Every window in which a Cancel can land
#
# A user presses Cancel while one prompt runs and another waits. Where exactly can that happen? We ask for *all*
# moments: every run of two prompts and one Cancel, in the real code of the agent.

# %%
from collections import Counter

import everyturn

found = everyturn.check("d4", "AA+1c", invariants=["no-lost-cancel", "no-poisoned-prompt", "idle-cancel"])
for name, said in found.verdicts.items():
    print(f"{name:<20} {said.verdict:<10} {said.sentence or ''}")

# %% [markdown]
# One Cancel is lost: a prompt that it found runs nevertheless. Smaller first, then the story:

# %%
print(found.shrink("no-lost-cancel").scope)
print(found.explain("no-lost-cancel"))

# %% [markdown]
# How often does that happen if nobody looks for it? A thousand random schedules, and a thousand of PCT, which is made
# for races of a known depth:

# %%
for strategy in ("random-walk", "pct:3"):
    sample = everyturn.fuzz("d4", "AA+1c", strategy=strategy, runs=1000, seed=1, invariants=["no-lost-cancel"])
    print(strategy, Counter(name for run in sample for name in run.violated) or "nothing found")

# %% [markdown]
# Where in the run did the Cancel begin, in those runs that went well? Every step before which it can begin is a window;
# each row counts runs.

# %%
windows = Counter()
for run in list(everyturn.fuzz("hardened", "A+1c", runs=200, seed=3)):
    rows = run.replay().table()
    begun = next(row["step"] for row in rows if "CancelCalled" in (row["seen"] or ""))
    last = next((row["seen"] for row in reversed(rows[:begun]) if row["thread"] == "p1" and row["seen"]), "nothing")
    windows[last.split("(")[0]] += 1
for window, runs in windows.most_common():
    print(f"{runs:>4} runs: the last that was seen of p1: {window}")

# %% [markdown]
# Exercise: `hardened` loses no Cancel. Which lines of `impl/everyturn_impl/revisions/hardened.py` see to that? Take one
# away in a subclass, and let the tool say whether a Cancel is lost now: `everyturn exercise 5 -o my_break.py`, then
# `everyturn exercise 5 my_break.py`.

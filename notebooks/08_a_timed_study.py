# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A timed study: from a question to a figure
#
# *How often does a prompt hang when somebody presses Cancel so and so often?* A proof does not answer that: it says
# whether it can happen at all. So ask that first.

# %%
from pathlib import Path
from tempfile import mkdtemp

import everyturn

for agent in ("d4", "hardened"):
    said = everyturn.check(agent, "AA+1c", invariants=["no-hang"]).verdicts["no-hang"]
    print(f"{agent}: {said.verdict} {said.sentence or ''}")

# %% [markdown]
# It can, at `d4`: with two prompts and one Cancel. How often is a question of time: how often prompts come, how long
# the model answers, how long a cancelled turn needs until it has put itself away. All this is said in a *study file*;
# whatever is not said there has a default (`docs/studies.md` has all of it). **Predict**: of a thousand prompts, with a
# Cancel every two minutes, how many hang?

# %%
STUDY = """
title = "Cancel, and whoever is queued behind it"
question = "How often does a prompt hang, the more often somebody cancels?"
revisions = ["d4-independent", "hardened"]
hours = 3.5          # of a session, so many times:
replications = 10
warm_up_hours = 0.5  # of each, left out of the count
seed = 1

[arrivals]
kind = "poisson"     # at random times
per_minute = 1.5

[latency]            # in seconds
entry = { kind = "lognormal", median = 0.02, p95 = 0.2 }
store = { kind = "lognormal", median = 0.01, p95 = 0.1 }
stream = { kind = "lognormal", median = 15, p95 = 60 }
notice = { kind = "exponential", mean = 2 }  # until a stream has noticed that it was cancelled

[vary]
"cancels.per_hour" = [0, 30, 60, 120]

[plot]
y = ["stuck_per_thousand"]
x_label = "Cancels per hour"
"""
study = Path(mkdtemp()) / "cancels.toml"
with study.open("w") as file:
    file.write(STUDY)

# %% [markdown]
# The agent's own code runs, each prompt on a thread of its own, on a clock that is simulated: eighty sessions of
# three and a half hours take seconds. The same seed gives the same figures.

# %%
found = everyturn.simulate(study)
found.figure()

# %% [markdown]
# A point is a share of nearly three thousand prompts. Another seed would give another one: the bar says how far off it
# may well be. In 95 of 100 such studies the bar has the true share in it. Where nobody hung, it says *at most so many*.

# %%
for row in found.table():
    value, low, high = (row[f"stuck_per_thousand{end}"] for end in ("", "_low", "_high"))
    told = f"{row['prompts']:,} prompts, {value:.1f} of 1,000 hang, between {low:.1f} and {high:.1f}"
    print(f"{row['revision']:<15} {row['cancels.per_hour']:>4} Cancels an hour: {told}")

# %% [markdown]
# So the answer: without a Cancel nobody hangs at either; at `d4` it is about one prompt in a hundred once somebody
# cancels every minute, and more the more often that is; at `hardened` none was seen, and for two prompts and one Cancel
# the proof above says why. Is a prompt that hangs lost for good? *Stuck* means that nothing could move; the next prompt
# may wake it. *Never told* is what nothing could ever mend:

# %%
most = max(row["never_told_per_thousand_high"] for row in found.table())
print(f"never told: at most {most:.1f} of 1,000, none seen")

# %% [markdown]
# The whole table has waiting times, too:

# %%
found

# %% [markdown]
# Exercises. How many hours halve the bars? Say it, then change `hours` and look. Whoever hangs was queued while a
# cancelled turn put itself away: what becomes of the curve if a stream notices a Cancel ten times as fast (`notice`)?
# And what if prompts come in bursts (`kind = "bursts"`, `per_hour`, `size`, `gap`)? Predict before you run it.

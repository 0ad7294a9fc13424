# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Reading a real log
#
# A hundred runs of the real agent, at the commit before the fix, were recorded: who was submitted, queued, folded,
# told. What did it do wrong? Nobody needs its code for that.

# %%
from pathlib import Path

import everyturn

recordings = next(each for each in (Path("recordings"), Path("../recordings")) if each.is_dir())
judged = everyturn.validate(recordings / "d3-random.jsonl")
print(judged.verdict)

# %%
from collections import Counter

rows = judged.table()
refuted = Counter(row["invariant"] for row in rows if row["verdict"] == "refuted")
for invariant, runs in refuted.most_common():
    print(f"{runs:>4} of 100 runs: {invariant}")

# %% [markdown]
# The same hundred workloads after the fix:

# %%
after = everyturn.validate(recordings / "d4-random.jsonl")
again = Counter(row["invariant"] for row in after.table() if row["verdict"] == "refuted")
for invariant in refuted | again:
    print(f"{invariant:<22} before {refuted[invariant]:>3}, after {again[invariant]:>3}")

# %% [markdown]
# A fix that cured one fault, and what it left. Which line of the log shows the first hang that is left?

# %%
left = next(row for row in after.table() if row["invariant"] == "no-hang" and row["verdict"] == "refuted")
print(f"run {left['run']}, {left['scope']}, {left['where']}: {left['sentence']}")

# %% [markdown]
# Exercise: `everyturn validate --report report.html recordings/d4-random.jsonl` writes the bug report. Do you agree
# with its causes?

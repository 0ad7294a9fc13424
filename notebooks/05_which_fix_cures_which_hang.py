# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Which fix cures which hang?
#
# At `d4` a client can be left waiting for ever in more than one way. Here are three of them, each in a scope of its
# own: local prompts (`II`), a provider that fails (`AA+1e`), a summary that is cancelled (`A+1c+1s`).

# %%
import everyturn

SCOPES = ["II", "AA+1e", "A+1c+1s"]
for scope in SCOPES:
    found = everyturn.check("d4", scope, invariants=["no-hang"])
    print(f"{scope:<10} {found.verdicts['no-hang'].verdict}")
print(found.explain("no-hang"))

# %% [markdown]
# And here are five changes, each small enough to review in a minute. **Predict**: which of them cures which hang? Is
# any of them not needed? Write it down before you go on.

# %%
FIXES = {
    "enters-under-mutex": "a local prompt looks and becomes active in one critical section",
    "looks-after-error": "a turn that ends in an error looks at the queue, too",
    "looks-after-summary": "a summary that fails or is cancelled looks at the queue",
    "summary-enters-under-mutex": "a summary looks and becomes active in one critical section",
    "publishes-at-once": "a completion is published when its turn ends",
}
my_prediction = {"II": {"enters-under-mutex"}, "AA+1e": set(), "A+1c+1s": set()}  # fill in

# %% [markdown]
# Scope by scope: all minimal sets of these changes.

# %%
for scope in SCOPES:
    sets = [
        set(each.repairs) for each in everyturn.repairs("d4", scopes=[scope], repairs=list(FIXES), breaks=False).sets
    ]
    predicted = my_prediction[scope]
    print(f"{scope:<10} {sets}  {'as you said' if predicted in sets else 'you said ' + str(predicted)}")

# %% [markdown]
# And for all three at once. Each row is a change and what hangs without it: a proof that the set is enough would be
# worth little if half of it would do.

# %%
together = everyturn.repairs("d4", scopes=SCOPES, repairs=list(FIXES), breaks=False)
for row in together.table():
    print(f"without {row['repair']:<22} {row['without it']} at {row['scope']}, {row['steps']} steps")
together.figure()

# %% [markdown]
# A change can also break what held. `publishes-at-once` is a good idea, and not at `d4`:

# %%
(only,) = everyturn.repairs("d4", ["prompt-notice"], ["AA", "A+1r"], repairs=["publishes-at-once"]).sets
for broken in only.breaks:
    print(f"breaks {broken.invariant} at {broken.scope}: {broken.sentence}")

# %% [markdown]
# Exercise: why? And why no longer at `d6`? (`docs/protocol.md` says what that commit changed.) Then write a change of
# your own, a class with `async def run` that calls `super().run(...)`, and give it to `repairs=[...]`.

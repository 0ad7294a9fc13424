# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Design your own fix, and let the tool break it
#
# At `d3`, the agent before its fix, the running turn takes *every* queued prompt into its own conversation (it *folds*
# them), even one whose client waits for a completion. That client hangs. A first idea is obvious: leave those in the
# queue for whom somebody waits.

# %%
import everyturn


class KeepsThemQueued(everyturn.revisions.LockedDrain):
    """Nobody with a run id is folded."""

    def stays_queued(self, call):
        return call.run_id is not None


first = everyturn.check(KeepsThemQueued, "AA", invariants=["no-fold-of-run-id", "no-hang"])
print(first)
print(first.verdicts["no-hang"].sentence)

# %% [markdown]
# The fold is gone, and a client still hangs. Before you read on: *which* one, and who should have told it?

# %%
print(first.explain("no-hang"))

# %% [markdown]
# Before, the second client waited for ever; now it is the first. A turn that finds somebody in the queue hands over to
# him, and at `d3` a turn that hands over tells nobody. So a fix has two parts:


# %%
class TellsAsWell(KeepsThemQueued):
    """And a turn that hands over tells its own client first."""

    def owes_completion(self, call, queued):
        return call.run_id is not None


second = everyturn.check(TellsAsWell, "AA", invariants=["mission"])
print(second)

# %% [markdown]
# Proved, for two prompts in a kind world. Three prompts, a Cancel, an error of the model's provider?

# %%
wider = everyturn.check_all([TellsAsWell], ["AA+1c", "AA+1e", "AAa"], invariants=["mission"])
for each in wider:
    print(each.scope, {name: str(said.verdict) for name, said in each.verdicts.items()})
wider.figure()

# %% [markdown]
# Exercise: begin anew without looking up, with a file of your own (`everyturn exercise 3 -o my_fix.py`), and ask
# whether it is proved (`everyturn exercise 3 my_fix.py`). Then: a turn that ends in an error leaves without looking at
# the queue. Override that, too, and check until `AA+1e` is proved. `everyturn_impl/revisions/hardened.py` has one
# answer.

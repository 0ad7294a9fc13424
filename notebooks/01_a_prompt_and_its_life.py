# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A prompt and its life
#
# Somebody sends an agent a prompt, and waits. What can become of it? There is a table of that, of phases and of the
# events between them, and every run of every agent is held against it. Here it is, drawn:

# %%
import everyturn

everyturn.figures.life()

# %% [markdown]
# One prompt alone (scope `A`), in the real code of an agent, called `d4`. Each row is an event that is seen of the
# prompt from outside, and what is known of it by then: its phase, how often its text is in the store, how often
# its client was told.


# %%
def lives(run):
    """Each step of a run with its event, and what is known of all prompts after it."""
    ledger = everyturn.invariants.Ledger()
    for step, events in enumerate(run.trace.steps()):
        for event in events:
            ledger = ledger.step(event)
            yield step, type(event), ledger


alone = everyturn.fuzz("d4", "A", strategy="fifo", runs=1)[0].replay()
for step, kind, ledger in lives(alone):
    life = ledger.get("p1")
    print(f"{step:>3}  {kind.__name__:<16} {life.phase:<6} stored {life.written}, told {life.told}")

# %% [markdown]
# Fifteen *invariants* say what must hold of such a life. Each looks at some events only. Which of them watch which
# part?

# %%
watched = dict.fromkeys(kind for _, kind, _ in lives(alone))
for kind in watched:
    print(f"{kind.__name__:<17}", ", ".join(each.name for each in everyturn.invariants.ALL if kind in each.sees) or "–")
print("all of them:", [each.name for each in everyturn.invariants.ALL if not each.sees])

# %% [markdown]
# Most of what matters is decided at `Rest`, when nothing can move any more: only then can one say of a client that it
# waits *for ever*. Now two prompts. While p1 has its turn, p2 is queued. At `d3`, the agent before a fix:

# %%
before = everyturn.check("d3", "AA", invariants=["no-hang"]).replay()
everyturn.figures.life(before, "p2")

# %% [markdown]
# p2 was *folded*: taken out of the queue and appended to p1's turn. That is the end of its life, and nobody tells its
# client. The same order of steps after the fix, `d4`:

# %%
after = everyturn.replay(before.token, agent="d4")
everyturn.figures.life(after, "p2")

# %% [markdown]
# p2 gets a turn of its own. So far a kind world: nothing fails, nobody presses Cancel. Four promises about a life, and
# what becomes of them when a store operation may fail once (`+1f`), also beside a Cancel (`+1c`):

# %%
NAMES = ["no-hang", "nothing-lost", "true-outcome", "state-before-notice"]
for name in NAMES:
    print(f"{name:<20} {everyturn.invariants.BY_NAME[name].sentence}")
checked = everyturn.check_all(["d0", "d3", "d4", "hardened"], ["AA", "A+1f", "A+1c+1f"], invariants=NAMES)
checked.figure()

# %% [markdown]
# Red: there is a run that breaks the promise, and the number says in how many steps. Of `d4` with one prompt: what
# does such a life look like at its end?

# %%
d4 = next(each for each in checked if each.revision.startswith("d4") and each.scope == "A+1c+1f")
for name in ("nothing-lost", "true-outcome"):
    *_, (_, _, ledger) = lives(d4.replay(name))
    life = ledger.get("p1")
    told = [*map(str, life.notices), *["of an error"] * life.notified]
    print(f"{name}: {d4.verdicts[name].sentence}")
    print(
        f"   fate {', '.join(life.fates)}, stored {life.written}, ended {ledger.ending(life)}, told {', '.join(told)}"
    )

# %% [markdown]
# *Nothing lost* is about the prompt: one fate, and its text in the store, once. *True outcome* is about what its client
# hears: a turn that was cancelled is not told as one that failed. Both were broken by nobody's bad timing: ask
# `print(d4.explain("true-outcome"))` whether another order would have helped.
#
# Exercises. Which invariants look at p2's fold? (Ask as above, of the run `before`.) Find a run of `d4` in which p1 is
# *cancelled on entry* (scope `A+1c`, `everyturn.fuzz`), and draw its life. Then mend what the client is told:
# `everyturn exercise 10 -o my_fix.py` begins a file, `everyturn exercise 10 my_fix.py` says whether it is proved.

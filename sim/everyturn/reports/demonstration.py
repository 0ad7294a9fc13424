"""The demonstration: one race, told in plain words and two pictures."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.checking.check import check
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import UsageError
from everyturn.reports.plots import timeline
from everyturn.runs.run import Run
from everyturn.strategies.replay import Replay
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.invariants import MISSION
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.invariants.no_hang import NO_HANG
from everyturn_model.invariants.prompt_notice import PROMPT_NOTICE

PARENT, FIXED = "d3-locked-drain", "d4-independent"
SCOPE = "AA"


def show(folder: Path) -> None:
    """Explore, explain, draw. Writes two pictures and a trace into ``folder``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: expected a folder that can be written; found {error.strerror}") from error
    say = click.echo
    say("Two prompts reach an agent at the same time, and a client waits for the completion of each.")
    say(f"Every interleaving of their accesses to shared data, at the revision before the fix ({PARENT}):")
    before = check(PARENT, SCOPE, invariants=["mission"])
    say(f"  {before.cell.states:,} states, judged by the mission's three invariants, in {before.cell.seconds:.2f} s.")
    run, _ = before.runs[NO_FOLD_OF_RUN_ID.name]
    hang = before.cell.invariants[NO_HANG.name]
    story(run)
    bad = folder / "before-the-fix.png"
    judge = Judge()
    timeline(
        run,
        [each for each in judge.run(run.seen()) if each[1].invariant in MISSION_SHOWN],
        bad,
        f"{PARENT}: p2 is folded into p1's turn, and its waiter hangs",
    )
    say(f"  picture: {bad}")
    say()
    say(f"The same schedule at the revision with the fix ({FIXED}):")
    world = World(Scope.parse(SCOPE), FIXED)
    cured = simulate(world, Replay(run.schedule.deviations))
    story(cured)
    good = folder / "after-the-fix.png"
    timeline(cured, [], good, f"{FIXED}: p2 gets a turn and a completion of its own")
    say(f"  picture: {good}")
    say()
    after = check(FIXED, SCOPE)
    say("And in every other interleaving of these two prompts?")
    for name in MISSION:
        say(f"  {name}: {after.cell.invariants[name].verdict} ({after.cell.states:,} states)")
    notice = after.cell.invariants[PROMPT_NOTICE.name]
    say("What the tool says beyond that, about the fixed revision:")
    say(f"  {PROMPT_NOTICE.name}: {notice.verdict}. {notice.sentence}.")
    say(f"    everyturn replay {notice.token}")
    broken = check(FIXED, "AA+1e").cell.invariants[NO_HANG.name]
    say(f"  With one provider error (scope AA+1e), {NO_HANG.name}: {broken.verdict}. {broken.sentence}.")
    say(f"    everyturn replay {broken.token}")
    sound = check("hardened", "AA+1e").cell
    say(f"  hardened, our own design, with the same error: all fifteen invariants {sound.verdict}.")
    say()
    say("Another way to hang at the parent revision:")
    say(f"  everyturn replay {hang.token}")
    say("Next: everyturn check (the whole matrix) · everyturn list scopes · everyturn validate recordings/*.jsonl")


MISSION_SHOWN = frozenset({NO_HANG.name, NO_FOLD_OF_RUN_ID.name})


def story(run: Run) -> None:
    """The run in plain words: who was queued, folded, started, told, and who still waits."""
    from everyturn_model import events as ev

    told: set[str] = set()
    waiting: list[str] = []
    for step in run.steps:
        for event in step.events:
            line = None
            match event:
                case ev.Submitted(prompt=prompt):
                    waiting.append(prompt)
                    line = f"{prompt} is submitted; a client waits for its completion"
                case ev.TurnStarted(prompt=prompt):
                    line = f"{prompt}'s turn begins"
                case ev.Queued(prompt=prompt):
                    line = f"{prompt} is queued"
                case ev.Folded(prompt=prompt):
                    line = f"the running turn takes {prompt} out of the queue and FOLDS it into its own conversation"
                case ev.Completed(prompt=prompt, delivered=True):
                    told.add(prompt)
                    line = f"{prompt}'s client is told: {event.tells}"
            if line is not None:
                click.echo(f"  step {step.number:3}: {line}")
    for prompt in waiting:
        if prompt not in told:
            click.echo(f"  at rest : nothing can move any more, and {prompt}'s client waits FOR EVER")
    if told.issuperset(waiting):
        click.echo("  at rest : everybody was told")

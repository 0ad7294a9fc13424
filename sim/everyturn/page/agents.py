"""The story of a dispatcher's run: its states, its lanes, what explains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.simpy.replay import Replayed
from everyturn.explanation.explain import Explanation, Passing
from everyturn.page.claims import claims_of, headline
from everyturn.page.contents import MOST_STATES, Lane, Marks, OtherRun, Rule, StateColumn, Story
from everyturn.page.remedies import remedy
from everyturn.page.state_space import StateSpace
from everyturn.page.words import NOTES, meanings
from everyturn.runs.outcomes import label
from everyturn.runs.run import Run
from everyturn.runs.tokens.named_steps import Named
from everyturn.verdicts import hints
from everyturn.verdicts.selection import Wanted, judge_by, selection
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.world.operations import OWN
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher
from everyturn_model.invariants import Invariant

_KEPT_APART: frozenset[str] = frozenset({"calls", "budget", "journal"})
"""Objects without a lane: they are the world's own."""


def agent_story(
    found: Explanation,
    *,
    agent: str | type[Dispatcher] | None = None,
    own: Sequence[Wanted] = (),
    most: int = MOST_STATES,
    remedies: bool = True,
) -> Story:
    """The story of an explained run. ``agent``: what runs in place of the revision that the run names; ``own``:
    invariants of the user's own, judged beside all others; ``most``: so many states are carried; ``remedies``: look for
    a known change that is proved to cure it."""
    run = found.run
    world = World(Scope.parse(run.scope), agent or run.revision, run.granularity)
    asked = selection((*(each.name for each in selection().invariants), "conforms", *own))
    space = StateSpace(Transitions(world, asked.judge(world.promises)), most)
    way = space.follow(named(run))
    others = [] if found.passing is None else [_other(space, found.passing)]
    space.carry_more()
    wanted = next((each for each in own if not isinstance(each, str) and each.name == found.invariant), found.invariant)
    cure = remedy(found, agent, wanted) if remedies else None
    claims = list(claims_of(found, space, cure))
    return msgspec.structs.replace(
        _told(run, world, space, way),
        title=f"{found.invariant} is violated by {run.revision} in {run.scope}",
        sentence=headline(found),
        rules=[_rule(each, world) for each in asked.invariants],
        marks=_marks(found),
        claims=claims,
        whole=space.whole,
        carried=_carried(space),
        others=others,
        commands=[hints.of_run(each, run.token, run.revision, found.invariant) for each in ("replay", "explain")],
    )


def agent_run(replayed: Replayed, invariants: Sequence[Wanted] = ()) -> Story:
    """The story of a run that was made again, whether or not it violates any of the ``invariants`` asked for: what
    could be done instead at each step, and no more."""
    run, world = replayed.run, replayed.world
    space = StateSpace(Transitions(world, judge_by(invariants)))
    return _told(run, world, space, space.follow(named(run)))


def _told(run: Run, world: World, space: StateSpace, way: list[int]) -> Story:
    """What a story says of a run without knowing what is wrong with it."""
    columns = space.columns
    name = f"{run.revision} in {run.scope}"
    return Story(
        kind="agent",
        title=name,
        name=name,
        sentence="",
        rules=[],
        prompts=list(world.prompts),
        lanes=list(_lanes(world, space, columns)),
        columns=columns,
        sources=space.places.sources(),
        places=space.places.listed,
        stands=space.stands,
        acts=space.acts,
        states=list(space.states()),
        moves=space.moves,
        rests=space.rests,
        way=way,
        marks=Marks(violation=len(way)),
        claims=[],
        words=meanings(world),
        token=run.token,
    )


def named(run: Run) -> list[Named]:
    """The steps of a run by stable identifiers."""
    return [
        Named(step.operations[0].thread, tuple((str(each.operation), label(each.result)) for each in step.operations))
        for step in run.steps
    ]


def _other(space: StateSpace, passing: Passing) -> OtherRun:
    return OtherRun("the nearest run in which this does not happen", passing.step, space.follow(named(passing.run)))


def _rule(invariant: Invariant, world: World) -> Rule:
    note = invariant.unpromised(world.promises) or ""
    if not note and is_vacuous(invariant, world.scope):
        note = "nothing in this scope can violate it"
    return Rule(invariant.name, invariant.sentence, note)


def _lanes(world: World, space: StateSpace, columns: Sequence[StateColumn]) -> Iterator[Lane]:
    prompts = set(world.prompts)
    waited = {seen.prompt for act in space.acts for seen in act.seen if seen.client == "waits"}
    for thread in world.threads:
        prompt = thread.name if thread.name in prompts else None
        note = f"the thread that submits {prompt}" if prompt else f"the thread of {thread.name}"
        yield Lane(thread.name, "task", prompt, note)
        if prompt in waited:
            yield Lane(f"{prompt}'s client", "client", prompt, f"waits until somebody tells him of {prompt}'s end")
    touched = {deed.lane for act in space.acts for deed in act.deeds}
    numbers = {column.name: number for number, column in enumerate(columns)}
    order = [*NOTES, *sorted(touched - NOTES.keys())]
    for name in order:
        if name in touched and name not in _KEPT_APART:
            owned = name in numbers and any(columns[numbers[name]].owners)
            note = NOTES.get(name, f"the dispatcher's own object {name.removeprefix(OWN)}")
            yield Lane(name, "object", None, note, numbers[name] if owned else None)


def _marks(found: Explanation) -> Marks:
    return Marks(
        violation=found.step,
        pair=[] if found.race is None else [touch.step for touch in found.race],
        too_late=None if found.no_return is None else found.no_return.step,
    )


def _carried(space: StateSpace) -> str:
    many = f"{len(space.moves):,} states"
    if space.whole:
        return f"All {many} of this scope are in this page: every choice can be followed to its end."
    return (
        f"The {many} nearest to this run are in this page, of a scope that has more: each choice beside the run can be "
        "followed to an end, most others for a while."
    )

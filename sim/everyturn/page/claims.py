"""The first screen of a dispatcher's run: what went wrong, what decided, since when, and what would prevent it."""

from __future__ import annotations

from collections.abc import Iterator

from everyturn.explanation.explain import Explanation, Passing
from everyturn.page.contents import PageAnswer
from everyturn.page.remedies import Remedy, last_change, left_waiting
from everyturn.page.state_space import StateSpace
from everyturn.page.words import words
from everyturn.reports.story import NOUNS, told_step
from everyturn.runs.run import Run
from everyturn.world.operations import OWN
from everyturn_model.invariants.no_hang import NO_HANG


def headline(found: Explanation) -> str:
    """The violation in a sentence, for somebody who does not know the invariant."""
    waits = f"{found.sentence.split()[0]}'s client waits for ever: " if found.invariant == NO_HANG.name else ""
    return f"{waits}{found.sentence}"


def claims_of(found: Explanation, space: StateSpace, cure: Remedy | None) -> Iterator[PageAnswer]:
    """What the first screen answers; ``cure``: a change that prevents the violation, if one is known."""
    yield _wrong(found)
    change = _change(found, cure)
    if change is not None:
        yield change
    yield _decided(found, space)
    yield _too_late(found)
    if found.passing is not None:
        yield _well(found, found.passing)


def _decided(found: Explanation, space: StateSpace) -> PageAnswer:
    question = "What decided?"
    if found.race is None:
        return PageAnswer(question, "No two accesses were found whose other order would have spared this violation.")
    column = found.race.first.column
    noun = NOUNS.get(column, column.replace(OWN, "the dispatcher's own object ", 1))
    said = [
        f"{found.run.steps[touch.step].operations[touch.place].thread} {'changes' if touch.wrote else 'reads'} it "
        f"(step {touch.step})"
        for touch in found.race
    ]
    answer = f"Two accesses to {noun}: first {said[0]}, then {said[1]}. The other way round, this does not happen."
    return PageAnswer(question, answer, [touch.step for touch in found.race], list(_places(found, space)))


def _places(found: Explanation, space: StateSpace) -> Iterator[int]:
    assert found.race is not None
    for touch in found.race:
        made = found.run.steps[touch.step].operations[touch.place]
        place = found.places[touch.step][touch.place]
        for number, (_, line, _) in enumerate(space.places.listed):
            if line == place.line and space.places.name(number).startswith(f"{place.file}:{place.line},"):
                yield number
                break
        else:  # the line is no operation's that the page carries
            assert made is not None


def _too_late(found: Explanation) -> PageAnswer:
    question = "When was it too late?"
    lost = found.no_return
    if lost is None:
        return PageAnswer(question, "Undetermined: that takes more states than allowed (--budget).")
    if lost.step is None:
        return PageAnswer(question, f"From the beginning: every run of {found.run.scope} violates {found.invariant}.")
    answer = (
        f"At step {lost.step}: {told(found.run, lost.step)}. Before it a good end could still be reached; after it "
        "none can, whatever comes."
    )
    if lost.chosen:
        answer += " That it ends like this is the world's choice, not one of the order of the threads."
    return PageAnswer(question, answer, [lost.step])


def _well(found: Explanation, passing: Passing) -> PageAnswer:
    answer = (
        f"The nearest run in which this does not happen is the same up to step {passing.step}. Here: "
        f"{told(found.run, passing.step)}. There: {told(passing.run, passing.step)}; after that each goes on as it can."
    )
    return PageAnswer("What would have gone well?", answer, [passing.step])


def told(run: Run, number: int) -> str:
    """A step of a run in words."""
    step = run.steps[number]
    return told_step(step.operations, step.events) or f"{step.operations[0].thread} {words(step.operations[0])}"


def _wrong(found: Explanation) -> PageAnswer:
    waiting = left_waiting(found)
    said = [f"{found.sentence}." if waiting is None else waiting[0]]
    last = last_change(found)
    steps = [found.step]
    if last is not None:
        said.append(f"The last that became of it, at step {last}: {told(found.run, last)}.")
        steps.insert(0, last)
    said.append(f"What must hold: {found.promise}")
    if "run id" in f"{found.promise} {found.sentence}":
        said.append("(For each prompt with a run id a client waits until he is told.)")
    return PageAnswer("What went wrong?", " ".join(said), steps)


def _change(found: Explanation, cure: Remedy | None) -> PageAnswer | None:
    waiting = left_waiting(found)
    said = [] if waiting is None else [waiting[1]]
    if cure is None and not said:
        return None
    if cure is not None:
        said.append(
            f"A change that is known to cure it, shown below: {cure.what.rstrip('.')}. With it ({cure.name}), "
            f"{found.invariant} is proved in {found.run.scope}, in all of {cure.states:,} states."
        )
    return PageAnswer("Which change would prevent it?", " ".join(said), code="" if cure is None else cure.code)

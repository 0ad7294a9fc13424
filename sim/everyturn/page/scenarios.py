"""The story of an asyncio program's run, and of a session's: its tasks, its objects, what explains it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from everyturn.asyncio.checking import ReplayedScenario
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import ByWords, Decision
from everyturn.asyncio.runtime.findings import KINDS, kinds_of
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.runtime.tokens import token
from everyturn.asyncio.telling.explaining import ExplainedScenario, told
from everyturn.asyncio.telling.waiting import WaitingTask
from everyturn.asyncio.telling.waiting import told as who_waits
from everyturn.page.contents import Lane, Marks, OtherRun, PageAnswer, Rule, Story
from everyturn.page.recording import MOST_MOMENTS, WORLD, CodePlace, RunMoment, record
from everyturn.page.run_tree import RunTree, short_names
from everyturn.reports.headline import judged_of
from everyturn.verdicts import hints

MOST_RUNS: Final = 150
"""So many runs beside the one that was found are made at most, for its reader to choose among."""
MOST_PLACES: Final = 4
MEANINGS: Final = (
    "arrives: the outside world's answer, which somebody awaits, has come; the loop goes on with it at its next look",
    "the loop runs what is ready: tasks whose answers have come take their next steps, in the order in which they came",
    "waits: the task stands at an await, at the line that is shown",
    "at rest: nothing is ready, and nothing more can come",
)
"""What the words of a page mean on a run of a program."""

Words = list[tuple[str, str]]


def program_story(found: ExplainedScenario, scenario: Scenario, *, most: int) -> Story:
    """The story of an explained run; ``most``: so many states are carried."""
    tree = RunTree()
    setting = found.setting._replace(longest=min(found.setting.longest, 400))
    with prepared(scenario, setting):
        words = _words(found.outcome.decisions)
        outcome, moments = record(scenario, ByWords(words), setting)
        way = _added(tree, outcome, moments)
        others = []
        if found.passing is not None:
            good, good_moments = record(scenario, ByWords(found.passing.recorded), setting)
            step = _step_of(moments, found.passing.decision)
            others = [OtherRun("the nearest run in which this does not happen", step, _added(tree, good, good_moments))]
        whole = outcome.complete and _explored(tree, scenario, setting, outcome, most)
    claims = list(_claims(found, moments, tree))
    return msgspec.structs.replace(
        _told(found.name, tree, way),
        title=f"{found.finding.kind} in {found.name}",
        sentence=_headline(found),
        rules=[
            Rule(kind, f"must not happen: {sentence}" if kind in KINDS else sentence)
            for kind, sentence in kinds_of(scenario).items()
        ],
        marks=_marks(found, moments),
        claims=claims,
        whole=whole,
        carried=_carried(tree, whole=whole),
        others=others,
        token=token(found.name, found.outcome.decisions, found.setting),
        commands=list(_commands(found)),
    )


def program_run(replayed: ReplayedScenario) -> Story:
    """The story of a run that was made again, whether or not anything is wrong with it; of a long one its beginning."""
    tree, setting = RunTree(), replayed.setting
    with prepared(replayed.scenario, setting):
        outcome, moments = record(replayed.scenario, ByWords(_words(replayed.outcome.decisions)), setting)
    wanted = {name for name, _ in judged_of(replayed.cell)}
    wrong = [each for each in replayed.outcome.findings if each.kind in wanted]
    if outcome.complete and len(moments) < MOST_MOMENTS:
        return _told(replayed.name, tree, tree.add(moments, wrong))
    way = tree.add(moments, None)
    return msgspec.structs.replace(
        _told(replayed.name, tree, way),
        sentence="; ".join(f"{each.kind}: {each}" for each in wrong),
        carried=f"Only the first {len(moments):,} steps are told.",
    )


def _told(name: str, tree: RunTree, way: list[int]) -> Story:
    """What a story says of a run without knowing what is wrong with it."""
    columns, states = tree.written()
    sessions = "@" in name
    prompts = _prompts(tree, sessions=sessions)
    return Story(
        kind="session" if sessions else "scenario",
        title=name,
        name=name,
        sentence="",
        rules=[],
        prompts=prompts,
        lanes=list(_lanes(tree, prompts)),
        columns=columns,
        sources=tree.places.sources(),
        places=tree.places.listed,
        stands=tree.stands.listed,
        acts=tree.acts.listed,
        states=states,
        moves=tree.moves,
        rests=tree.rests,
        way=way,
        marks=Marks(violation=len(way)),
        claims=[],
        words=list(MEANINGS),
    )


def _added(tree: RunTree, outcome: ScenarioOutcome, moments: Sequence[RunMoment]) -> list[int]:
    return tree.add(moments, outcome.findings if outcome.complete else None)


def _words(decisions: Sequence[Decision]) -> Words:
    return [(each.kind, each.word) for each in decisions]


def _explored(tree: RunTree, scenario: Scenario, setting: Setting, first: ScenarioOutcome, most: int) -> bool:
    """Add runs that differ in one choice, then in more, until there are enough; whether those are all."""
    level: list[list[Decision]] = [first.decisions]
    tried: set[tuple[tuple[str, str], ...]] = set()
    made = 0
    while level:
        following: list[list[Decision]] = []
        for decisions in level:
            for words in _turned(decisions):
                if tuple(words) in tried:
                    continue
                if made >= MOST_RUNS or len(tree) >= most:
                    return False
                tried.add(tuple(words))
                made += 1
                outcome, moments = record(scenario, ByWords(words), setting)
                _added(tree, outcome, moments)
                following.append(outcome.decisions)
        level = following
    return True


def _turned(decisions: Sequence[Decision]) -> Iterator[Words]:
    """The same up to a choice, another option there, and then nothing interferes."""
    for number, decision in enumerate(decisions):
        for option in decision.options:
            if option != decision.word:
                yield [*_words(decisions[:number]), (decision.kind, option)]


# lanes and marks ---------------------------------------------------------------------------------------------------


def _prompts(tree: RunTree, *, sessions: bool) -> list[str]:
    """What has a colour: the prompts of a session, the tasks of a program."""
    if not sessions:
        return [name for name in tree.tasks if name not in (WORLD, "main")]
    seen = (each.prompt for act in tree.acts.listed for each in act.seen)
    return sorted({prompt for prompt in seen if prompt is not None and prompt[1:].isdigit()})


def _lanes(tree: RunTree, prompts: Sequence[str]) -> Iterator[Lane]:
    waited = {each.prompt for act in tree.acts.listed for each in act.seen if each.client == "waits"}
    for name in tree.tasks:
        prompt = name if name in prompts else None
        note = "what happens outside of the program" if name == WORLD else f"the task {name}"
        yield Lane(name, "task", prompt, note)
        if prompt in waited:
            yield Lane(f"{prompt}'s client", "client", prompt, f"waits until he is told of {prompt}'s end")
            waited.discard(prompt)
    for prompt in sorted(each for each in waited if each is not None):
        yield Lane(f"{prompt}'s client", "client", prompt, f"waits until he is told of {prompt}'s end")
    for name in tree.objects:
        yield Lane(name, "object", None, "an object of the program")


def _step_of(moments: Sequence[RunMoment], decision: int) -> int:
    """The step that a choice, counted from 1, is a part of."""
    made = 0
    for step, moment in enumerate(moments):
        made += len(moment.decisions)
        if made >= decision:
            return step
    return len(moments) - 1


def _marks(found: ExplainedScenario, moments: Sequence[RunMoment]) -> Marks:
    pair: list[int] = []
    if found.pair is not None:
        first = _step_of(moments, found.pair.decision)
        texts = [told(moment.text) for moment in moments]
        second = next((step for step in range(first + 1, len(texts)) if texts[step] == found.pair.second), None)
        pair = [first] if second is None else [first, second]
    lost = found.lost
    late = None if lost is None or lost.decision == 0 else _step_of(moments, lost.decision)
    return Marks(violation=len(moments), pair=pair, too_late=late)


def _carried(tree: RunTree, *, whole: bool) -> str:
    if whole:
        return f"All runs of this program are in this page, in {len(tree):,} states: every choice leads to its end."
    return (
        f"The runs nearest to this one are in this page, in {len(tree):,} states; there are others. Each choice that "
        "is offered leads to an end, and further on not all choices are offered."
    )


def _commands(found: ExplainedScenario) -> Iterator[str]:
    name, _, scope = found.name.partition("@")
    text = token(found.name, found.outcome.decisions, found.setting)
    for command in ("replay", "explain"):
        yield hints.of_program(command, text, "session" if scope else "scenario", name)


# the first screen --------------------------------------------------------------------------------------------------


def _waiting(found: ExplainedScenario) -> list[WaitingTask]:
    """Who waits at rest; of a session without the task that plays its clients."""
    return [each for each in found.waiting if "@" not in found.name or each.name != "main"]


def _headline(found: ExplainedScenario) -> str:
    """The fault in a sentence: of a hang who waits for ever, for nothing that another task could bring."""
    waiting = _waiting(found)
    if found.finding.kind != "hang" or not waiting:
        return _sentence(found)
    names = [each.name for each in waiting if not each.for_tasks] or [each.name for each in waiting]
    who = short_names(f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0])
    return f"The program never ends: {who} wait{'s' * (len(names) == 1)} for ever"


def _sentence(found: ExplainedScenario) -> str:
    said = short_names(str(found.finding))
    return said[:1].upper() + said[1:]


def _claims(found: ExplainedScenario, moments: Sequence[RunMoment], tree: RunTree) -> Iterator[PageAnswer]:
    yield from _wrong(found, len(moments))
    yield _decided(found, moments, tree)
    yield _too_late(found, moments)
    if found.passing is not None:
        passing, step = found.passing, _step_of(moments, found.passing.decision)
        answer = (
            f"The nearest run in which all is well is the same up to step {step}. Here: {told(passing.taken)}. "
            f"There: {told(passing.instead)}."
        )
        yield PageAnswer("What would have gone well?", answer, [step])
    if found.beyond_asyncio is not None:
        yield PageAnswer("Can asyncio make this run?", f"Its own loop cannot: {found.beyond_asyncio}.")


def _wrong(found: ExplainedScenario, rest: int) -> Iterator[PageAnswer]:
    """The fault, and who waits for whom at rest: which is the fault, if it is a hang."""
    kind, waiting = found.finding.kind, _waiting(found)
    who = f"{short_names(who_waits(waiting))}."
    if kind == "hang" and waiting:
        yield PageAnswer("What went wrong?", f"At rest nothing can move any more. {who}", [rest])
        return
    meant = f" In general: {KINDS[kind]}." if kind in KINDS and kind != "error" else ""
    yield PageAnswer("What went wrong?", f"{_sentence(found)}.{meant}", [rest])
    if waiting:
        yield PageAnswer("Who waits for whom at rest?", who, [rest])


def _decided(found: ExplainedScenario, moments: Sequence[RunMoment], tree: RunTree) -> PageAnswer:
    question = "What decided, and which change would prevent it?"
    if found.pair is None:
        return PageAnswer(question, "No two things were found whose other order spares the run its fault.")
    first, *_ = steps = _marks(found, moments).pair
    answer = (
        f"“{found.pair.first}” came before “{found.pair.second}”. The other way round this does not happen. To prevent "
        "it, make both orders right: what a task found out before an await need not be so after it, and has to be "
        "looked at again; what one task leaves behind for others has to be put back by whoever uses it next. The lines "
        "below are where tasks waited then, and where they wait at rest."
    )
    places = list(dict.fromkeys(tree.places.number(*place) for place in _awaited(moments, first)))
    return PageAnswer(question, answer, steps, places[:MOST_PLACES])


def _awaited(moments: Sequence[RunMoment], step: int) -> Iterator[CodePlace]:
    """The lines at which tasks waited while it was decided what came first; then those at which they wait at rest."""
    gone_on = {moment.who: moment.came_from for moment in reversed(moments[step + 1 :])}
    yield from (place for place in gone_on.values() if place is not None)
    for name, stand in moments[-1].stands.items():
        if stand.blocked and stand.place is not None and name in gone_on:
            yield stand.place


def _too_late(found: ExplainedScenario, moments: Sequence[RunMoment]) -> PageAnswer:
    question = "When was it too late?"
    lost = found.lost
    if lost is None:
        return PageAnswer(question, "That is not known: there are too many ways to go on (--budget).")
    if lost.decision == 0:
        return PageAnswer(question, f"From the beginning: every run of this program shows {found.finding.kind}.")
    step = _step_of(moments, lost.decision)
    answer = f"After “{told(lost.word)}” (step {step}): whatever comes then, it ends in this."
    return PageAnswer(question, answer, [step])

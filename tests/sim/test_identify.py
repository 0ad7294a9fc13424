"""Matching recordings against the implementation: what a revision can write is accepted, what it cannot is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from
from msgspec import structs

from everyturn.cli import main
from everyturn.engines.kernel import simulate
from everyturn.engines.matching import Answer, Matching
from everyturn.engines.transitions import FIRST_THREAD, Row
from everyturn.formats.crush_dispatch import Logged, RecordedRun, read_runs
from everyturn.formats.crush_order import Order, OutOfOrder
from everyturn.identify import BUDGET, RunIdentified, identify, match_transcript
from everyturn.observer import Step, shared_data
from everyturn.operations import Raised
from everyturn.recorder import RecordedWorld, lines_of
from everyturn.reports.identification import explanation
from everyturn.run import Run
from everyturn.scope import Scope
from everyturn.strategies.random_walk import RandomWalk
from everyturn.transcript import SUMMARY, Line, Transcript, Written, line, transcript_of
from everyturn.world import World
from everyturn_impl.calls import StepEnd
from everyturn_impl.revisions import REVISIONS

RECORDINGS = Path(__file__).parents[2] / "recordings"
README = RECORDINGS / "README.md"
FOLDED = RECORDINGS / "d3-folded-run-id.jsonl"


def recorded(world: RecordedWorld, run: int) -> Transcript:
    """A random run of a recorded world, as its recorder tells it."""
    made = simulate(world, RandomWalk(seed=1), run)
    assert made.rest is not None
    return Transcript(world.scope, lines_of(made), made.rest.shared, returned=not made.rest.blocked)


def answer(transcript: Transcript, revision: str) -> Answer:
    """Whether a revision could have written a transcript."""
    return match_transcript(transcript, revision).answer


# what a revision writes is accepted ----------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("scope", ["AIa+1c+1e+d", "Aai+1s+1t", "AA+1q+1c", "A+1f"])
def test_a_revision_accepts_what_its_recorder_wrote(revision: str, scope: str) -> None:
    """Whatever a recorded revision writes in a run through SimPy, it could have written."""
    world = RecordedWorld(Scope.parse(scope), revision)
    for run in range(8):
        assert answer(recorded(world, run), revision) is Answer.ACCEPTED, run


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("scope", ["AIa+1c+1e+d", "Aai+1s+1t", "AA+1q+1c"])
def test_a_revision_accepts_what_an_onlooker_saw(revision: str, scope: str) -> None:
    """The lines that tell of the operations of an unrecorded run, right where they were made, could have been written too."""
    world = World(Scope.parse(scope), revision)
    for number in range(8):
        run = simulate(world, RandomWalk(seed=2), number)
        assert run.rest is not None
        told = _Onlooker(world)
        lines = [each for step in run.steps for made in step.operations for each in told.see(made)]
        transcript = Transcript(world.scope, (*lines, *told.ends()), run.rest.shared)
        assert answer(transcript, revision) is Answer.ACCEPTED, number


class _Onlooker:
    """Lines derived from operations, with nothing between a line and its operation."""

    def __init__(self, world: World) -> None:
        self.kinds = {thread.name: thread.kind for thread in world.threads}
        self.direct = bool(world.scope.direct)
        self.calls = {"c": "cancel", "q": "clear", "s": "summarize"}
        self.begun: set[str] = set()
        self.returned: set[str] = set()

    def see(self, step: Step) -> Iterator[Written]:
        for told in (*self._begins(step), *self._tells(step)):
            yield Written(step.thread, told)

    def ends(self) -> Iterator[Written]:
        """The returns, at the very end: later than they were, which every order of the steps allows."""
        for thread, kind in self.kinds.items():
            if thread not in self.returned:
                told = line(f"{self.calls[kind]}_return") if kind in self.calls else line("run_return", prompt=thread)
                yield Written(thread, told)

    def _begins(self, step: Step) -> Iterator[Line]:
        thread, kind = step.thread, self.kinds[step.thread]
        if thread in self.begun or str(step.operation) in ("model.ready", "closing.get"):
            return
        self.begun.add(thread)
        if kind in self.calls:
            yield line(f"{self.calls[kind]}_call")
            return
        if kind in "Aa":
            yield line("accept_call", prompt=thread)
            given = {} if step.result is None else {"accept_seq": step.result.sequence}
            yield line("accept_return", prompt=thread, **given)
        yield line("run_call", prompt=thread)

    def _tells(self, step: Step) -> Iterator[Line]:
        arguments = step.operation.arguments
        match str(step.operation):
            case "store.write_user":
                _, prompt, by, _ = arguments
                yield line("store_failed" if isinstance(step.result, Raised) else "user_message", prompt=prompt, by=by)
            case "model.start":
                yield line("stream_start", turn=arguments[1] or SUMMARY, step=arguments[2])
            case "model.end":
                stream = arguments[0]
                yield line("stream_end", turn=stream.prompt or SUMMARY, step=stream.number, how=step.result.how.value)
            case "hooks.keep":
                yield self._completion(arguments[1], via="hook")
            case "hooks.take":
                self.returned.add(step.thread)
                yield line("run_return", prompt=step.thread)
            case "broker.publish" if arguments[1] is not None and arguments[1].hop == 0 and not self.direct:
                yield line("delivery", cancelled=arguments[0].cancelled)
            case "broker.publish":
                yield self._completion(arguments[0], via="broker")
            case "broker.notify_error":
                if step.thread not in self.returned:
                    self.returned.add(step.thread)
                    yield line("run_return", prompt=step.thread)
                yield line("agent_error", prompt=arguments[0], named=arguments[2])

    @staticmethod
    def _completion(completion: object, via: str) -> Line:
        return line("completion", via=via, cancelled=getattr(completion, "cancelled"))  # noqa: B009


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("scope", ["AI+1c+1t", "Aa+1s+1e+d", "i+1s+1c+1e"])
def test_a_revision_accepts_the_messages_that_it_stored(revision: str, scope: str) -> None:
    """The store as a run leaves it fits the run; with a message too many or too few it does not."""
    world = RecordedWorld(Scope.parse(scope), revision)
    for number in range(6):
        run = simulate(world, RandomWalk(seed=3), number)
        assert run.rest is not None
        stored = stored_by(run)
        whole = Transcript(world.scope, lines_of(run), run.rest.shared, stored=stored)
        assert answer(whole, revision) is Answer.ACCEPTED, (number, stored)
    assert answer(whole._replace(stored=stored[:-1]), revision) is Answer.REFUSED
    assert answer(whole._replace(stored=(*stored, "u:p1")), revision) is Answer.REFUSED


def stored_by(run: Run) -> tuple[str, ...]:
    """The messages that a run left in the store, as recordings list them."""
    messages: dict[str, str | None] = {}
    how: dict[str, str] = {}
    for effect in run.log.effects:
        operation = effect.node.operation
        assert operation is not None
        arguments, name = operation.arguments, effect.node.name
        match operation.method:
            case "write_user" if not isinstance(effect.result, Raised):
                messages[f"user {len(messages)}"] = f"u:{arguments[1]}"
            case "create_assistant" if not isinstance(effect.result, Raised):
                messages[effect.result] = "a::"
            case "record_cancelled":
                messages[f"cancelled {arguments[0]}"] = "a::canceled"
            case "create_summary" if not isinstance(effect.result, Raised):
                messages[f"summary {name}"] = "a::"
            case "end":
                how[name] = effect.result.how
                if arguments[0].prompt is None:
                    messages[f"summary {name}"] = SUMMARIES[effect.result.how]
            case "finish_step":
                turn, message = arguments
                finished = how[name] == StepEnd.FINISHED
                messages[message] = f"a:answer:{turn.prompt}:end_turn" if finished else "a::tool_use"
            case "finish_turn":
                messages[arguments[1]] = "a::error" if how[name] == StepEnd.ERROR else "a::canceled"
    return tuple(each for each in messages.values() if each is not None)


SUMMARIES = {StepEnd.FINISHED: "a:summary:end_turn", StepEnd.ERROR: "a::error", StepEnd.CANCELLED: None}


@pytest.mark.parametrize("revision", ["d3-locked-drain", "d4-independent"])
def test_a_log_that_stops_is_accepted(revision: str) -> None:
    """Every beginning of a log that a revision could have written, it could have written."""
    whole = recorded(RecordedWorld(Scope.parse("Aa+1c+d"), revision), 3)
    for written in range(len(whole.lines)):
        cut = whole._replace(lines=whole.lines[:written], rest=None)
        assert answer(cut, revision) is Answer.ACCEPTED, written


# what it cannot write is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_log_that_lacks_a_line_is_refused(revision: str) -> None:
    """Whichever line of a run at rest is missing: its thread would have had to write it."""
    whole = recorded(RecordedWorld(Scope.parse("Aa+1c"), revision), 1)
    for missing in range(len(whole.lines)):
        broken = whole._replace(lines=whole.lines[:missing] + whole.lines[missing + 1 :])
        assert answer(broken, revision) is Answer.REFUSED, whole.lines[missing]


@pytest.mark.parametrize("revision", ["d3-locked-drain", "d4-independent"])
def test_a_thread_keeps_its_order(revision: str) -> None:
    """Two lines of one thread in the other order are refused."""
    whole = recorded(RecordedWorld(Scope.parse("A+1e"), revision), 0)
    assert len({each.thread for each in whole.lines}) == 1
    for first in range(len(whole.lines) - 1):
        lines = list(whole.lines)
        lines[first : first + 2] = reversed(lines[first : first + 2])
        assert answer(whole._replace(lines=tuple(lines)), revision) is Answer.REFUSED, whole.lines[first]


@pytest.mark.parametrize(
    ("ev", "name", "value"),
    [
        ("accept_return", "accept_seq", 7),
        ("stream_start", "step", 2),
        ("stream_end", "how", "error"),
        ("completion", "cancelled", True),
        ("completion", "text", "answer:p2"),
        ("completion", "has_message", False),
        ("run_return", "outcome", "error"),
        ("delivery", "text", "answer:p2"),
    ],
)
def test_a_line_that_says_something_else_is_refused(ev: str, name: str, value: object) -> None:
    """What a line says is compared, not only its kind."""
    whole = recorded(RecordedWorld(Scope.parse("A"), "d4"), 0)
    changed = tuple(
        Written(thread, line(told.ev, **{**dict(told.told), name: value}) if told.ev == ev else told)
        for thread, told in whole.lines
    )
    assert changed != whole.lines
    scope = replace(whole.scope, errors=1, tools=1)
    assert answer(whole._replace(scope=scope), "d4") is Answer.ACCEPTED
    assert answer(whole._replace(scope=scope, lines=changed), "d4") is Answer.REFUSED


@pytest.mark.parametrize("changed", [{"active": "something"}, {"queue": ("p1",)}, {"reservations": 1}, {"mark": 1}])
def test_another_rest_is_refused(changed: dict[str, object]) -> None:
    """The shared data at rest are compared; what was found instead is told."""
    whole = recorded(RecordedWorld(Scope.parse("A"), "d4"), 0)
    assert whole.rest is not None
    match = match_transcript(whole._replace(rest=replace(whole.rest, **changed)), "d4")
    assert (match.answer, match.written, match.rests) == (Answer.REFUSED, len(whole.lines), (whole.rest,))


def test_calls_that_never_return_are_refused() -> None:
    """A run that ends with a call under way is none in which all have returned."""
    whole = recorded(RecordedWorld(Scope.parse("A"), "d4"), 0)
    assert answer(whole._replace(returned=False), "d4") is Answer.REFUSED


def test_calls_and_returns_are_bounds() -> None:
    """A prompt that was accepted only after a Cancel had returned cannot be cancelled by it, one that was before can."""
    accepted = (line("accept_call", prompt="p1"), line("accept_return", prompt="p1", accept_seq=1))
    cancel = (line("cancel_call"), line("cancel_return"))
    entry = (
        line("run_call", prompt="p1"),
        line("user_message", prompt="p1", by="cancel_on_entry"),
        line("completion", prompt="p1", cancelled=True, has_message=False),
        line("run_return", prompt="p1"),
    )
    before = [*(("p1", each) for each in accepted), *(("cancel1", each) for each in cancel)]
    after = [before[2], before[3], before[0], before[1]]
    found = []
    for order in (before, after):
        lines = (*(Written(*each) for each in order), *(Written("p1", each) for each in entry))
        found.append(answer(Transcript(Scope("A", cancels=1, direct=1), lines), "d4"))
    assert found == [Answer.ACCEPTED, Answer.REFUSED]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (("user_message p2 turn", "user_message p3 fold p2"), Answer.ACCEPTED),
        (("user_message p3 turn", "user_message p2 fold p3"), Answer.ACCEPTED),
        (("user_message p2 turn", "stream_start p2"), Answer.ACCEPTED),
        (("user_message p3 turn", "stream_start p3"), Answer.ACCEPTED),
        (("run_return p1",), Answer.REFUSED),
    ],
)
def test_every_race_of_hidden_steps_is_found(then: tuple[str, ...], expected: Answer) -> None:
    """Two prompts are appended at the same time, each with a get and a set: both are queued, in either order, or one is lost,
    whichever; never both."""
    lines = [
        *(f"p1: {each}" for each in ("accept_call p1", "accept_return p1", "run_call p1", "user_message p1 turn")),
        *("p1: stream_start p1", "p2: run_call p2", "p3: run_call p3", "p2: run_return p2", "p3: run_return p3"),
        *(f"p1: {each}" for each in ("stream_end p1", "completion p1", *then)),
    ]
    transcript = Transcript(Scope("Aii", direct=1), tuple(written(each) for each in lines))
    assert answer(transcript, "d4") is expected


def written(text: str) -> Written:
    """A line in short: its thread, the event, whom it is about; of a message, who wrote it and into whose turn."""
    thread, _, rest = text.partition(": ")
    ev, about, *by = rest.split()
    told = {"turn" if ev.startswith("stream") else "prompt": about} | dict(zip(("by", "turn"), by, strict=False))
    return Written(thread, line(ev, **told))


# against brute force -------------------------------------------------------------------------------------------------


class _Brute:
    """All that a recorded world can write, with nothing left out and nothing taken first."""

    def __init__(self, scope: str, revision: str) -> None:
        self.matching = Matching(RecordedWorld(Scope.parse(scope), revision))
        self.threads = range(len(self.matching.world.threads))
        self.first = self.close({self.matching.transitions.initial()})

    def close(self, rows: set[Row]) -> frozenset[Row]:
        """The rows that hidden steps lead to."""
        found, going = set(rows), list(rows)
        while going:
            row = going.pop()
            for thread in self.threads:
                for after in self.matching.after(row, thread) if self.matching.wants(row, thread) is None else ():
                    if after not in found:
                        found.add(after)
                        going.append(after)
        return frozenset(found)

    def after(self, rows: frozenset[Row]) -> dict[Written, frozenset[Row]]:
        """The lines that can be written next, and the rows that each leads to."""
        following: dict[Written, set[Row]] = {}
        for row in rows:
            for thread in self.threads:
                wanted = self.matching.wants(row, thread)
                if wanted is not None:
                    written = Written(self.matching.world.threads[thread].name, wanted)
                    following.setdefault(written, set()).update(self.matching.after(row, thread))
        return {written: self.close(after) for written, after in following.items()}

    def rests(self, rows: frozenset[Row]) -> set[object]:
        """The shared data with which all threads can have ended."""
        locals_ = self.matching.transitions.locals
        return {
            shared_data(self.matching.transitions.values(row))
            for row in rows
            if all(locals_[row[FIRST_THREAD + thread]].operation is None for thread in self.threads)
        }

    def accepts(self, transcript: Transcript) -> bool:
        """Whether a transcript can be written."""
        rows = self.first
        for written in transcript.lines:
            rows = self.after(rows).get(written, frozenset())
        return bool(rows) if transcript.rest is None else transcript.rest in self.rests(rows)

    def every(self) -> dict[tuple[Written, ...], set[object]]:
        """Every log that can be written to its end, with the rests that it can have."""
        found: dict[tuple[Written, ...], set[object]] = {}
        going: list[tuple[tuple[Written, ...], frozenset[Row]]] = [((), self.first)]
        while going:
            lines, rows = going.pop()
            rests = self.rests(rows)
            if rests:
                found[lines] = rests
            going += [((*lines, written), after) for written, after in self.after(rows).items()]
        return found


@pytest.mark.parametrize(("scope", "revision"), [("A", "d3"), ("A", "d4"), ("a+1q", "d4"), ("A+1c+d", "d4")])
def test_acceptance_agrees_with_enumeration(scope: str, revision: str) -> None:
    """In a tiny scope: of all orders of two threads' lines, exactly those are accepted that brute force writes."""
    every = _Brute(scope, revision).every()
    assert every
    tried = {merged for lines in every for merged in _merges(lines)}
    rests = {rest for each in every.values() for rest in each}
    matching = Matching(RecordedWorld(Scope.parse(scope), revision))
    for lines in tried:
        for rest in rests:
            expected = Answer.ACCEPTED if rest in every.get(lines, ()) else Answer.REFUSED
            assert matching.match(Transcript(Scope.parse(scope), lines, rest), BUDGET).answer is expected, lines


def _merges(lines: tuple[Written, ...]) -> Iterator[tuple[Written, ...]]:
    """Every order that two threads' lines can have."""
    names = sorted({each.thread for each in lines})
    one = [each for each in lines if each.thread == names[0]]
    two = [each for each in lines if each.thread != names[0]]
    for places in combinations(range(len(lines)), len(one)):
        first, second = iter(one), iter(two)
        yield tuple(next(first) if place in places else next(second) for place in range(len(lines)))


@pytest.mark.parametrize("revision", ["d2", "d3", "d4", "hardened"])
@pytest.mark.parametrize("scope", ["AA", "AI+d", "A+1c+1t", "I+1s+1c", "i+1c+1f+d", "Ii+1q"])
def test_acceptance_agrees_with_brute_force(scope: str, revision: str) -> None:
    """Random runs with one line moved across those of other threads: the answers are those of a search without short cuts."""
    brute = _Brute(scope, revision)
    answers = []
    for run in range(3):
        whole = recorded(RecordedWorld(Scope.parse(scope), revision), run)
        for moved in range(0, len(whole.lines), 2):
            lines = [*whole.lines]
            lines.insert(max(moved - 5, 0), lines.pop(moved))
            transcript = whole._replace(lines=tuple(lines))
            answers.append(brute.accepts(transcript))
            assert (answer(transcript, revision) is Answer.ACCEPTED) == answers[-1], (run, moved)
    assert {True, False} == set(answers)


# recordings ----------------------------------------------------------------------------------------------------------


def test_every_recorded_run_is_explained_by_its_own_revision() -> None:
    """Our d3 could have written every run recorded at the seed's parent, our d4 every run recorded at the seed. How many the
    others explain is the table of ``recordings/README.md``, and among them that which explains most is the right one."""
    identified = identify(sorted(RECORDINGS.glob("*.jsonl")))
    rows = re.findall(r"^\| `(d[34]-[a-z-]+\.jsonl)` \| ((?:\d+ \| ){5}\d+) \|$", README.read_text(), re.MULTILINE)
    documented = {name: [int(number) for number in numbers.split("|")] for name, numbers in rows}
    found = {
        Path(run.file).name: [answers[Answer.ACCEPTED] for answers in identified.counts(run.file).values()]
        for run in identified.runs
    }
    assert documented == found
    for run in identified.runs:
        assert [tried.match.answer for tried in run.tried if tried.revision == run.recorded] == [Answer.ACCEPTED]
        assert identified.best(run.file) == run.recorded


def of_file(name: str, run: int) -> Transcript:
    """A recorded run as a transcript."""
    return next(transcript_of(each) for each in read_runs(RECORDINGS / name) if each.begin.run == run)


def test_the_messages_in_the_store_are_compared() -> None:
    """What no line tells is told by the store at rest: all messages in order, and why each ended."""
    whole = of_file(FOLDED.name, 0)
    assert whole.stored == ("u:p1", "a::tool_use", "u:p2", "a:answer:p1:end_turn")
    for stored, fit in (
        (("u:p1", "a::tool_use", "u:p2"), 3),
        (("u:p1", "u:p2", "a::tool_use", "a:answer:p1:end_turn"), 1),
        (("u:p1", "a::error", "u:p2", "a:answer:p1:end_turn"), 1),
        (("u:p1", "a::tool_use", "u:p2", "a:answer:p1:end_turn", "a::canceled"), 4),
    ):
        match = match_transcript(whole._replace(stored=stored), "d3")
        assert (match.answer, match.stored) == (Answer.REFUSED, fit), stored


def test_only_the_store_tells_that_an_early_cancel_was_recorded() -> None:
    """`d0` stores nothing for a turn that is cancelled before its first assistant message; every line fits, the store does not."""
    early = of_file("d3-random.jsonl", 43)
    assert early.stored == ("u:p1", "a::canceled")
    match = match_transcript(early, "d0")
    assert (match.answer, match.written, match.stored) == (Answer.REFUSED, len(early.lines), 1)
    assert answer(early, "d1") is Answer.ACCEPTED


def test_a_cancelled_creation_may_leave_an_unfinished_message() -> None:
    """As in run 20 of d3; it may not where nothing was cancelled."""
    left = of_file("d3-random.jsonl", 20)
    assert left.stored is not None
    assert "a::" in left.stored
    assert answer(left, "d3") is Answer.ACCEPTED
    whole = of_file(FOLDED.name, 0)
    assert whole.stored is not None
    assert answer(whole._replace(stored=(*whole.stored, "a::")), "d3") is Answer.REFUSED


@settings(max_examples=25, deadline=None)
@given(
    run=sampled_from(range(100)),
    revision=sampled_from(["d3", "hardened"]),
    dropped=lists(integers(0, 60), max_size=3),
    stop=integers(1, 60),
)
def test_a_recording_that_is_damaged_gets_an_answer(run: int, revision: str, dropped: list[int], stop: int) -> None:
    """Whatever the reader lets pass is matched; a damaged run is no reason to fail."""
    whole = recorded_runs()[run]
    logged = [each for place, each in enumerate(whole.logged[:stop]) if place == 0 or place not in dropped]
    order = Order(whole.begin)
    kept = []
    for number, each in enumerate(logged):
        event = structs.replace(each.event, seq=number)
        try:
            if number:
                order.check(event)
        except OutOfOrder:
            break
        kept.append(Logged(each.line, event))
    transcript = transcript_of(replace(whole, logged=tuple(kept)))
    assert match_transcript(transcript, revision, budget=2000).answer in Answer


@cache
def recorded_runs() -> list[RecordedRun]:
    """The runs of one recording."""
    return list(read_runs(RECORDINGS / "d4-random.jsonl"))


def one_run(revisions: list[str]) -> RunIdentified:
    """The first run of a recording in which a prompt with run id is folded."""
    return identify([FOLDED], revisions).runs[0]


def test_the_fold_of_a_run_id_tells_d3_from_d4() -> None:
    """d4 would not have folded p2: named are the line, and what p1 could have written there instead."""
    (tried,) = one_run(["d4"]).tried
    told = next(iter(one_run(["d4"]).cells())).conforms
    assert told is not None
    assert (tried.match.answer, told.where) == (Answer.REFUSED, f"{FOLDED}:13")
    assert told.sentence == (
        "10 of 16 lines fit; then `p1: user_message by=fold prompt=p2 turn=p1`, where p1 could write "
        "`stream_start step=2 turn=p1`"
    )


def test_an_explanation_shows_the_hidden_steps() -> None:
    """One way to write a run: all of its lines in order, and the steps that no line tells between them."""
    run = one_run(["d3", "d4"])
    _, accepted, *steps, refused = explanation(run)
    assert accepted.startswith("✓ d3-locked-drain")
    assert refused.startswith(f"✗ d4-independent: {FOLDED}:13: 10 of 16")
    shown = [step.split()[0] for step in steps if "+" not in step.split()[0]]
    assert [int(place) for place in shown] == list(run.transcript.places[:-1])
    assert any(step.endswith("+ p1: queue.delete") for step in steps)


def test_a_budget_leaves_it_open() -> None:
    """A budget that is spent is never a refusal."""
    (tried,) = identify([FOLDED], ["d4"], budget=3).runs[0].tried
    assert tried.match.answer is Answer.UNDETERMINED


def test_an_interruption_keeps_what_was_found() -> None:
    """Ctrl-C after the second run leaves two runs."""
    seen: list[RunIdentified] = []

    def say(run: RunIdentified) -> None:
        seen.append(run)
        if len(seen) == 2:
            raise KeyboardInterrupt

    identified = identify([FOLDED], ["d3"], say=say)
    assert (identified.interrupted, len(identified.runs)) == (True, 2)


# the command ---------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", "--identify", *arguments])


def test_the_command_ranks_the_revisions() -> None:
    """A row for each run, a table, and a line that says which revision explains most; 0 if it explains all."""
    result = run(str(FOLDED), "--revision", "d4", "--revision", "d3")
    assert result.exit_code == 0
    ranking = "d3-locked-drain explains 5 of 5 runs; d4-independent explains 0 of 5 runs"
    assert f"{FOLDED}: {ranking}" in result.stdout.splitlines()


def test_the_result_has_a_cell_for_each_run_and_revision() -> None:
    """`--json`: one document, cells as other commands have them."""
    result = run(str(FOLDED), "--revision", "d3", "--revision", "d4", "--json")
    document = json.loads(result.stdout)
    assert (document["schema"], document["command"]) == ("everyturn/result/1", "validate")
    verdicts = [(cell["run"], cell["revision"], cell["verdict"]) for cell in document["cells"]]
    assert verdicts == [
        (number, *each) for number in range(5) for each in (("d3-locked-drain", "holds"), ("d4-independent", "refuted"))
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--revision", "d4"), 1),
        (("--revision", "d4", "--expect", "refuted"), 0),
        (("--revision", "d4", "--exit-zero"), 0),
        (("--revision", "d4", "--budget", "3"), 4),
        (("--conformance",), 2),
        (("--revision", "d9"), 2),
        (("--revision", "examples.agents.actor:Actor"), 2),
    ],
)
def test_exit_codes(arguments: tuple[str, ...], code: int) -> None:
    """Refused by all that were asked, 1; not decided, 4; what cannot be asked, 2."""
    assert run(str(FOLDED), *arguments).exit_code == code


def test_other_logs_cannot_be_identified(tmp_path: Path) -> None:
    """What is no recording is said, and the exit code is 2."""
    other = tmp_path / "other.jsonl"
    other.write_text('{"schema":"everyturn/log/1"}\n')
    result = run(str(other), "--revision", "d3")
    assert result.exit_code == 2
    assert "expected a recording (crush-dispatch-trace/1)" in result.stderr

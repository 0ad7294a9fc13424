"""The product of a world with a log: what the world cannot write is refused, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest
from tests.nightly import thinned

from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row
from everyturn.engines.simpy.kernel import simulate
from everyturn.logs.identify import BUDGET, match_transcript
from everyturn.logs.matching import MatchAnswer, Matching
from everyturn.logs.recorder import RecordedWorld, lines_of
from everyturn.logs.transcript import Transcript, WrittenLine, line
from everyturn.strategies.random_walk import RandomWalk
from everyturn.world.observer import shared_data
from everyturn.world.scope import Scope
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_model.events import SharedData


def recorded(world: RecordedWorld, run: int) -> Transcript:
    """A random run of a recorded world, as its recorder tells it."""
    made = simulate(world, RandomWalk(seed=1), run)
    assert made.rest is not None
    return Transcript(world.scope, lines_of(made), made.rest.shared, returned=not made.rest.blocked)


def answer(transcript: Transcript, revision: str) -> MatchAnswer:
    """Whether a revision could have written a transcript."""
    return match_transcript(transcript, revision).answer


# what it cannot write is refused -------------------------------------------------------------------------------------


@thinned(2)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
def test_a_log_that_lacks_a_line_is_refused(revision: str) -> None:
    """Whichever line of a run at rest is missing: its thread would have had to write it."""
    whole = recorded(RecordedWorld(Scope.parse("Aa+1c"), revision), 1)
    for missing in range(len(whole.lines)):
        broken = whole._replace(lines=whole.lines[:missing] + whole.lines[missing + 1 :])
        assert answer(broken, revision) is MatchAnswer.REFUSED, whole.lines[missing]


@pytest.mark.parametrize("revision", ["d3-locked-drain", "d4-independent"])
def test_a_thread_keeps_its_order(revision: str) -> None:
    """Two lines of one thread in the other order are refused."""
    whole = recorded(RecordedWorld(Scope.parse("A+1e"), revision), 0)
    assert len({each.thread for each in whole.lines}) == 1
    for first in range(len(whole.lines) - 1):
        lines = list(whole.lines)
        lines[first : first + 2] = reversed(lines[first : first + 2])
        assert answer(whole._replace(lines=tuple(lines)), revision) is MatchAnswer.REFUSED, whole.lines[first]


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
        WrittenLine(thread, line(told.ev, **{**dict(told.told), name: value}) if told.ev == ev else told)
        for thread, told in whole.lines
    )
    assert changed != whole.lines
    scope = replace(whole.scope, errors=1, tools=1)
    assert answer(whole._replace(scope=scope), "d4") is MatchAnswer.ACCEPTED
    assert answer(whole._replace(scope=scope, lines=changed), "d4") is MatchAnswer.REFUSED


@pytest.mark.parametrize(
    "rest",
    [SharedData(active="something"), SharedData(queue=("p1",)), SharedData(reservations=1), SharedData(mark=1)],
)
def test_another_rest_is_refused(rest: SharedData) -> None:
    """The shared data at rest are compared; what was found instead is told."""
    whole = recorded(RecordedWorld(Scope.parse("A"), "d4"), 0)
    assert whole.rest == SharedData()
    match = match_transcript(whole._replace(rest=rest), "d4")
    assert (match.answer, match.written, match.rests) == (MatchAnswer.REFUSED, len(whole.lines), (SharedData(),))


def test_calls_that_never_return_are_refused() -> None:
    """A run that ends with a call under way is none in which all have returned."""
    whole = recorded(RecordedWorld(Scope.parse("A"), "d4"), 0)
    assert answer(whole._replace(returned=False), "d4") is MatchAnswer.REFUSED


def test_calls_and_returns_are_bounds() -> None:
    """A prompt that was accepted only after a Cancel had returned cannot be cancelled by it, one that was before
    can."""
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
        lines = (*(WrittenLine(*each) for each in order), *(WrittenLine("p1", each) for each in entry))
        found.append(answer(Transcript(Scope("A", cancels=1, direct=1), lines), "d4"))
    assert found == [MatchAnswer.ACCEPTED, MatchAnswer.REFUSED]


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        (("user_message p2 turn", "user_message p3 fold p2"), MatchAnswer.ACCEPTED),
        (("user_message p3 turn", "user_message p2 fold p3"), MatchAnswer.ACCEPTED),
        (("user_message p2 turn", "stream_start p2"), MatchAnswer.ACCEPTED),
        (("user_message p3 turn", "stream_start p3"), MatchAnswer.ACCEPTED),
        (("run_return p1",), MatchAnswer.REFUSED),
    ],
)
def test_every_race_of_hidden_steps_is_found(then: tuple[str, ...], expected: MatchAnswer) -> None:
    """Two prompts are appended at the same time, each with a get and a set: both are queued, in either order, or one is
    lost, whichever; never both."""
    lines = [
        *(f"p1: {each}" for each in ("accept_call p1", "accept_return p1", "run_call p1", "user_message p1 turn")),
        *("p1: stream_start p1", "p2: run_call p2", "p3: run_call p3", "p2: run_return p2", "p3: run_return p3"),
        *(f"p1: {each}" for each in ("stream_end p1", "completion p1", *then)),
    ]
    transcript = Transcript(Scope("Aii", direct=1), tuple(written(each) for each in lines))
    assert answer(transcript, "d4") is expected


def written(text: str) -> WrittenLine:
    """A line in short: its thread, the event, whom it is about; of a message, who wrote it and into whose turn."""
    thread, _, rest = text.partition(": ")
    ev, about, *by = rest.split()
    told = {"turn" if ev.startswith("stream") else "prompt": about} | dict(zip(("by", "turn"), by, strict=False))
    return WrittenLine(thread, line(ev, **told))


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

    def after(self, rows: frozenset[Row]) -> dict[WrittenLine, frozenset[Row]]:
        """The lines that can be written next, and the rows that each leads to."""
        following: dict[WrittenLine, set[Row]] = {}
        for row in rows:
            for thread in self.threads:
                wanted = self.matching.wants(row, thread)
                if wanted is not None:
                    written = WrittenLine(self.matching.world.threads[thread].name, wanted)
                    following.setdefault(written, set()).update(self.matching.after(row, thread))
        return {written: self.close(after) for written, after in following.items()}

    def rests(self, rows: frozenset[Row]) -> set[SharedData]:
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

    def every(self) -> dict[tuple[WrittenLine, ...], set[SharedData]]:
        """Every log that can be written to its end, with the rests that it can have."""
        found: dict[tuple[WrittenLine, ...], set[SharedData]] = {}
        going: list[tuple[tuple[WrittenLine, ...], frozenset[Row]]] = [((), self.first)]
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
            expected = MatchAnswer.ACCEPTED if rest in every.get(lines, ()) else MatchAnswer.REFUSED
            assert matching.match(Transcript(Scope.parse(scope), lines, rest), BUDGET).answer is expected, lines


def _merges(lines: tuple[WrittenLine, ...]) -> Iterator[tuple[WrittenLine, ...]]:
    """Every order that two threads' lines can have."""
    names = sorted({each.thread for each in lines})
    one = [each for each in lines if each.thread == names[0]]
    two = [each for each in lines if each.thread != names[0]]
    for places in combinations(range(len(lines)), len(one)):
        first, second = iter(one), iter(two)
        yield tuple(next(first) if place in places else next(second) for place in range(len(lines)))


@thinned(4)
@pytest.mark.parametrize("revision", ["d2", "d3", "d4", "hardened"])
@pytest.mark.parametrize("scope", ["AA", "AI+d", "A+1c+1t", "I+1s+1c", "i+1c+1f+d", "Ii+1q"])
def test_acceptance_agrees_with_brute_force(scope: str, revision: str) -> None:
    """Random runs with one line moved across those of other threads: the answers are those of a search without short
    cuts."""
    brute = _Brute(scope, revision)
    answers = []
    for run in range(3):
        whole = recorded(RecordedWorld(Scope.parse(scope), revision), run)
        for moved in range(0, len(whole.lines), 2):
            lines = [*whole.lines]
            lines.insert(max(moved - 5, 0), lines.pop(moved))
            transcript = whole._replace(lines=tuple(lines))
            answers.append(brute.accepts(transcript))
            assert (answer(transcript, revision) is MatchAnswer.ACCEPTED) == answers[-1], (run, moved)
    assert {True, False} == set(answers)

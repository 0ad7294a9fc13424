"""Logs of any agent against the specification: runs of our own told as such logs, cut into busy periods, lost lines."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import thinned

from everyturn.engines.simpy.kernel import simulate
from everyturn.formats.everyturn_log import KINDS, REQUIRED, LogHeader, LogLine, Placed, encode
from everyturn.formats.everyturn_trace import TraceTranslator
from everyturn.formats.mapping import load
from everyturn.logs.busy_periods import BusyPeriod, BusyPeriods
from everyturn.logs.conforming import Conformed, RunMatch, conform
from everyturn.logs.events import lacks, of_lines
from everyturn.logs.history import Reading
from everyturn.logs.order import Gap
from everyturn.logs.watch import Watch
from everyturn.reports.bug import bug_report
from everyturn.reports.bug_html import page
from everyturn.reports.bug_markdown import markdown
from everyturn.reports.conformance import explanation
from everyturn.strategies import strategy
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_model.conformance import Matcher
from everyturn_model.partial import PartialAnswer, match_partial

ALL: Final[Any] = frozenset(KINDS)
HEADERS: Final = {
    "all kinds": LogHeader(kinds=ALL, sequence="session", ordered=True),
    "unordered": LogHeader(kinds=ALL),
    "required kinds": LogHeader(),
}
LOGS: Final = Path(__file__).parent / "logs"
SCOPES: Final = ("A+1c", "Aa", "AAa+1c", "AA+1s+1c", "AA+1e+1t", "AA+1t+u", "Aa+1r+1c", "AIa+1q+1t", "AA+1f", "AA+x")
SHOWN_BY_REQUIRED: Final = ("A+1c", "Aa", "AAa+1c", "AA+1e+1t", "AA+1t+u", "AAA")
RUNS: Final = 8


@cache
def own_runs(revision: str, scope: str) -> tuple[tuple[tuple[LogLine, ...], bool], ...]:
    """Some runs, told as logs, each with whether its complete log conforms."""
    world, chooser = World(Scope.parse(scope), revision), strategy("random-walk", 5)
    told = []
    for number in range(RUNS):
        events = [event for step in simulate(world, chooser, number).seen() for event in step]
        teller = TraceTranslator()
        lines = tuple(LogLine(session="s", **fields) for event in events for fields in teller.tell(event))
        told.append((lines, Matcher.refusal(Matcher.match(events)) is None))
    return tuple(told)


def busy_periods(
    lines: tuple[LogLine, ...] | list[LogLine], header: LogHeader, *, at_rest: bool = False
) -> list[BusyPeriod]:
    found: list[BusyPeriod] = []
    cutter = BusyPeriods(header, found.append)
    for number, line in enumerate(lines, 2):
        cutter.see(Placed(number, line))
    cutter.finish(at_rest=at_rest)
    return found


def answers(lines: tuple[LogLine, ...], header: LogHeader) -> set[PartialAnswer]:
    matched = (match_partial(of_lines(each, header), lacks=lacks(header)) for each in busy_periods(lines, header))
    return {each.answer for each in matched}


def outside(lines: tuple[LogLine, ...], header: LogHeader) -> set[str]:
    """The invariants that the log monitors refute."""
    found: set[str] = set()
    watch = Watch(header, lambda violation: found.add(violation.invariant))
    for number, line in enumerate(lines, 2):
        watch.see(Placed(number, line))
    return found


@thinned(4)
@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
def test_runs_of_every_revision_as_logs(revision: str, name: str) -> None:
    """A conforming run is accepted when told as a log, with or without reasons of drops; one that an invariant refutes
    from outside is refused."""
    header = HEADERS[name]
    judged: Counter[str] = Counter()
    for scope in SHOWN_BY_REQUIRED if name == "required kinds" else SCOPES:
        for lines, conforms in own_runs(revision, scope):
            told = tuple(line for line in lines if line.kind in header.kinds)
            answer = answers(told, header)
            if conforms:
                assert answer == {PartialAnswer.ACCEPTED}, (scope, told)
                untold = tuple(msgspec.structs.replace(line, reason=None) for line in told)
                assert untold == told or answers(untold, header) == {PartialAnswer.ACCEPTED}, (scope, untold)
            elif outside(told, header):
                assert PartialAnswer.REFUSED in answer, (scope, told)
            judged["conforms" if conforms else "refused" if PartialAnswer.REFUSED in answer else "hidden"] += 1
    assert judged["conforms"] >= 3, judged
    assert revision == "hardened" or judged["refused"] >= 3, judged


def test_a_session_is_cut_where_nothing_is_open() -> None:
    """After rest, and before a submission when every prompt has ended and every waiter was told; not between."""
    one = [
        LogLine(kind="submit", session="s", prompt="p", run_id="r"),
        LogLine(kind="started", session="s", prompt="p"),
        LogLine(kind="ended", session="s", prompt="p", outcome="finished"),
        LogLine(kind="told", session="s", prompt="p", outcome="finished"),
    ]
    rest = LogLine(kind="rest", session="s")
    found = busy_periods([*one, *one, rest, *one[:3], *one, rest], LogHeader())
    assert [(len(each.lines), each.at_rest) for each in found] == [(4, False), (5, True), (8, True)]


def test_sessions_do_not_meet() -> None:
    """Two sessions in one log are two busy periods, whatever stands between their lines."""
    lines = own_runs("hardened", "AAa+1c")[0][0]
    other = [
        LogLine(**{each: getattr(line, each) for each in line.__struct_fields__} | {"session": "t"}) for line in lines
    ]
    mixed = [line for pair in zip(lines, other, strict=True) for line in pair]
    assert [each.session for each in busy_periods(mixed, HEADERS["unordered"])] == ["s", "t"]


def test_after_lost_lines_nothing_is_judged_until_rest() -> None:
    """What came before them is a busy period that was cut off; the next one begins after rest."""
    found: list[BusyPeriod] = []
    cutter = BusyPeriods(LogHeader(), found.append)
    submit, rest = LogLine(kind="submit", session="s", prompt="p", run_id="r"), LogLine(kind="rest", session="s")
    cutter.see(Placed(2, submit))
    cutter.gap(Gap("s", 2, 4, 3))
    for number, line in enumerate([submit, rest, submit, rest], 3):
        cutter.see(Placed(number, line))
    assert [([each.number for each in busy_period.lines], busy_period.at_rest) for busy_period in found] == [
        ([2], False),
        ([5, 6], True),
    ]
    assert cutter.skipped == 2


def chain(prompts: int) -> list[LogLine]:
    """A session that is never idle: each prompt is queued while the one before it has its turn."""
    lines = [
        LogLine(kind="submit", session="s", prompt="p0", run_id="r"),
        LogLine(kind="started", session="s", prompt="p0"),
    ]
    for number in range(1, prompts + 1):
        before, name = f"p{number - 1}", f"p{number}"
        lines += [
            LogLine(kind="submit", session="s", prompt=name, run_id=name),
            LogLine(kind="queued", session="s", prompt=name),
            LogLine(kind="ended", session="s", prompt=before, outcome="finished"),
            LogLine(kind="told", session="s", prompt=before, outcome="finished"),
            LogLine(kind="started", session="s", prompt=name),
        ]
    last = f"p{prompts}"
    lines += [LogLine(kind=kind, session="s", prompt=last, outcome="finished") for kind in ("ended", "told")]
    return [*lines, LogLine(kind="rest", session="s")]


def cancelled(queued: int, more: tuple[LogLine, ...] = ()) -> tuple[LogLine, ...]:
    """One Cancel drops so many prompts from the queue, nobody says why."""
    names = [f"q{number}" for number in range(queued)]
    lines = [LogLine(kind="submit", session="s", prompt="p"), LogLine(kind="started", session="s", prompt="p")]
    for name in names:
        lines += [LogLine(kind=kind, session="s", prompt=name) for kind in ("submit", "queued")]
    lines.append(LogLine(kind="cancel_call", session="s", operation="c"))
    lines += [LogLine(kind="dropped", session="s", prompt=name) for name in names]
    return (*lines, *more, LogLine(kind="cancel_return", session="s", operation="c"))


@pytest.mark.parametrize("queued", [5, 50])
def test_a_long_queue_that_is_cancelled_is_matched_in_time_that_grows_with_it(queued: int) -> None:
    """That a prompt was dropped or cancelled on entry is not tried for each as long as nothing tells them apart."""
    (busy_period,) = busy_periods(cancelled(queued), LogHeader())
    matched = match_partial(of_lines(busy_period, LogHeader()), lacks=lacks(LogHeader()))
    assert matched.answer is PartialAnswer.ACCEPTED
    assert matched.tried < 25 * queued + 50


@pytest.mark.parametrize(("by", "answer"), [("entry", PartialAnswer.ACCEPTED), ("turn", PartialAnswer.REFUSED)])
def test_a_message_tells_who_was_cancelled_on_entry(by: Any, answer: PartialAnswer) -> None:
    """Its write explains a prompt that was in the queue; one for a turn does not, for it had none."""
    lines = cancelled(3, (LogLine(kind="message", session="s", prompt="q1", by=by),))
    assert answers(lines, LogHeader(kinds=REQUIRED | {"message"})) == {answer}  # type: ignore[arg-type]


def test_a_long_session_is_matched_in_time_that_grows_with_it() -> None:
    """Twice as many lines, about twice as many tried actions; and whoever has been told is forgotten."""

    def tried(prompts: int) -> int:
        (busy_period,) = busy_periods(chain(prompts), LogHeader())
        matched = match_partial(of_lines(busy_period, LogHeader()), lacks=lacks(LogHeader()))
        assert matched.answer is PartialAnswer.ACCEPTED
        return matched.tried

    assert tried(400) < 2.2 * tried(200)


@pytest.mark.parametrize(("when", "answer"), [("after", PartialAnswer.ACCEPTED), ("before", PartialAnswer.REFUSED)])
def test_without_lines_of_streams_one_begins_as_early_as_it_can(when: str, answer: PartialAnswer) -> None:
    """A turn that had begun when a Cancel came may finish: its stream may have begun, too. One that began afterwards
    may not."""
    start = [LogLine(kind="started", session="s", prompt="p")]
    cancel = [LogLine(kind=kind, session="s", operation="c") for kind in ("cancel_call", "cancel_return")]
    lines = [
        LogLine(kind="submit", session="s", prompt="p", run_id="r"),
        LogLine(kind="submitted", session="s", prompt="p"),
        *([*start, *cancel] if when == "after" else [*cancel, *start]),
        LogLine(kind="ended", session="s", prompt="p", outcome="finished"),
        LogLine(kind="told", session="s", prompt="p", outcome="finished"),
        LogLine(kind="rest", session="s"),
    ]
    assert answers(tuple(lines), LogHeader()) == {answer}


@pytest.mark.parametrize("kind", ["told", "ended", "started"])
def test_what_is_missing_early_in_a_long_session_is_refused(kind: str) -> None:
    """Nobody to whom something is owed is forgotten."""
    lines = [line for line in chain(200) if (line.kind, line.prompt) != (kind, "p40")]
    matches = [
        match_partial(of_lines(each, LogHeader()), lacks=lacks(LogHeader()))
        for each in busy_periods(lines, LogHeader())
    ]
    assert PartialAnswer.REFUSED in {each.answer for each in matches}


@pytest.mark.parametrize("name", sorted(path.stem for path in LOGS.glob("*.jsonl")))
def test_mapped_logs_are_matched(name: str) -> None:
    """The logs of five logging libraries, through their mappings, run by run."""
    conformed = conform([LOGS / f"{name}.jsonl"], reading=Reading(mapping=load(name)))
    assert conformed.runs
    assert {each.matched.answer for each in conformed.runs} == {PartialAnswer.ACCEPTED}, [
        *conformed.runs[0].sentences()
    ]


def conform_lines(path: Path, header: LogHeader, *lines: LogLine) -> Conformed:
    path.write_bytes(encode(header) + b"".join(encode(each) for each in lines))
    return conform([path])


def test_a_log_that_does_not_carry_enough_is_said_so(tmp_path: Path) -> None:
    """By the kinds of line that it lacks; nothing is judged."""
    few: Any = frozenset({"submit", "told", "rest"})
    found = conform_lines(tmp_path / "log", LogHeader(kinds=few), LogLine(kind="submit", session="s", prompt="p"))
    assert found.runs == []
    assert "found one without `started`, `ended`, `folded`" in found.unreadable[0]


def test_a_hang_is_refused_with_its_line_and_session(tmp_path: Path) -> None:
    """And control characters in a session's name do not reach the terminal."""
    session = "k\x1b[2J"
    kinds = (
        LogLine(kind="submit", session=session, prompt="p1", run_id="r1"),
        LogLine(kind="started", session=session, prompt="p1"),
        LogLine(kind="ended", session=session, prompt="p1", outcome="finished"),
        LogLine(kind="rest", session=session),
    )
    (run,) = conform_lines(tmp_path / "log", LogHeader(), *kinds).runs
    (said,) = run.sentences()
    assert f"{tmp_path / 'log'}:5: run 0 (session k\\x1b[2J): rest-all-told: " in said
    assert said.endswith("Here: p1.")


NAMES: Final = st.sampled_from(["p1", "p2", "p3"])
ANY_LINE: Final = st.builds(
    LogLine,
    kind=st.sampled_from([*KINDS, *["submit", "started", "ended", "queued", "told"] * 4]),
    session=st.just("s"),
    prompt=NAMES,
    run_id=st.none() | NAMES,
    thread=st.none() | NAMES,
    turn=NAMES,
    outcome=st.sampled_from(["finished", "failed", "cancelled"]),
    how=st.sampled_from(["finished", "tool", "failed", "cancelled"]),
    reason=st.sampled_from([None, "covered", "cleared", "entry"]),
    by=st.sampled_from([None, "turn", "fold", "entry"]),
    owner=st.none() | NAMES,
    operation=NAMES,
)


@given(st.lists(ANY_LINE, max_size=25), st.sampled_from(list(HEADERS.values())))
@settings(max_examples=150, deadline=None)
def test_whatever_lines_say_there_is_an_answer_and_a_report(lines: list[LogLine], header: LogHeader) -> None:
    """Also when they make no sense; and a refusal has words, an explanation and a page."""
    for busy_period in busy_periods(lines, header, at_rest=True):
        matched = match_partial(of_lines(busy_period, header), 5000, lacks(header))
        run = RunMatch("log", "agent", 0, "log", (2, len(lines) + 1), len(lines), matched, "s")
        assert list(explanation(run))
        assert bool(list(run.sentences())) is (matched.answer is not PartialAnswer.ACCEPTED)
        report = bug_report(Conformed([run]), "everyturn validate log", lambda *asked: None)
        assert page(report)
        assert markdown(report)


def test_an_undetermined_log_is_told_what_would_help(tmp_path: Path) -> None:
    """The budget, and which lines leave fewer orders open."""
    path = tmp_path / "log"
    path.write_bytes(encode(LogHeader()) + b"".join(encode(each) for each in chain(3)))
    (run,) = conform([path], budget=3).runs
    assert run.matched.answer is PartialAnswer.UNDETERMINED
    assert "`submitted`, `stream_start` and `stream_end` lines" in next(run.sentences())

"""The log monitors, each from both sides, and against the other judges on the same runs.

A log is written as lines with semicolons: kind, prompt (``p1`` has the run id ``r1``, ``q1`` has none) or operation,
then ``@thread`` and ``field=value``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.nightly import thinned
from tests.sim.referee import judge_file

from everyturn.checking.mutants import MUTANTS
from everyturn.engines.simpy.kernel import simulate
from everyturn.files.reading import LogFile, stop
from everyturn.formats.crush_log import CrushReader
from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, Placed
from everyturn.formats.everyturn_trace import TraceTranslator
from everyturn.logs.order import Gap
from everyturn.logs.watch import LineViolation, Watch
from everyturn.runs.run import Run
from everyturn.strategies import strategy
from everyturn.verdicts.checker import Judge, select
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.invariants import INVARIANTS
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import RECENT

ROOT: Final = Path(__file__).parents[2]
ALL: Final[Any] = frozenset(KINDS)
JUDGED: Final = {each.name for each in INVARIANTS if isinstance(each.log, LogMonitor)}
OPERATIONS: Final = ("cancel_call", "cancel_return", "clear_call", "clear_return", "summary_start", "summary_end")


def lines_of(text: str, session: str = "s") -> Iterator[LogLine]:
    """The lines that a text in the short notation stands for."""
    for part in filter(None, (each.strip() for each in text.split(";"))):
        kind, *words = part.split()
        fields: dict[str, Any] = {"kind": kind, "session": session}
        for word in words:
            name, equals, value = word.partition("=")
            if equals:
                fields[name] = value
            elif word.startswith("@"):
                fields["thread"] = word[1:]
            else:
                fields["operation" if kind in OPERATIONS else "prompt"] = word
        if kind == "submit" and fields["prompt"].startswith("p"):
            fields["run_id"] = f"r{fields['prompt'][1:]}"
        if kind == "rest":
            fields["snapshot"] = {"busy": fields.pop("busy", "") == "yes"}
        yield msgspec.convert(fields, LogLine)


def watch(lines: Iterable[LogLine], **header: Any) -> tuple[Watch, list[LineViolation]]:
    found: list[LineViolation] = []
    watched = Watch(LogHeader(kinds=ALL, **header), found.append)
    for number, line in enumerate(lines, start=2):
        watched.see(Placed(number, line))
    return watched, found


def refuted(text: str, **header: Any) -> dict[str, str]:
    return {each.invariant: each.sentence for each in watch(lines_of(text), **header)[1]}


P1 = (
    "submit p1; submitted p1; started p1 @a; message p1 by=turn; ended p1 outcome=finished @a; told p1 "
    "outcome=finished @a"
)
BUSY = "submit p1; started p1 @a; message p1; submit p2; queued p2"
DONE1 = "ended p1 outcome=finished @a; told p1 outcome=finished @a"
RUN2 = "started p2 @a; message p2; ended p2 outcome=finished @a; told p2 outcome=finished @a"
CANCEL = "cancel_call c1; cancel_return c1"

WRONG: Final = (
    ("no-hang", f"{BUSY}; {DONE1}; rest", "nothing can move any more, and nobody has told the waiter of p2"),
    (
        "no-double-emit",
        f"{P1}; told p1 outcome=finished",
        "a second completion for p1's run id was given to its waiter",
    ),
    ("no-fold-of-run-id", f"{BUSY}; folded p2 turn=p1", "p2 has a run id and was folded into the turn of p1"),
    ("one-turn", f"{BUSY}; started p2 @b", "the turn of p2 began while that of p1 was running"),
    ("one-turn", "submit p1; started p1 @a; summary_start s1 @b", "the turn of s1 began while that of p1 was running"),
    (
        "one-turn",
        "submit p1; started p1 @a; started p1 @b",
        "the turn of p1 began on b while one of it was running on a",
    ),
    (
        "no-lost-cancel",
        f"{BUSY}; {CANCEL}; {DONE1}; {RUN2}",
        "p2 was submitted before c1 was called, and its turn finished by a stream that started after c1 had returned",
    ),
    (
        "no-lost-cancel",
        f"{BUSY}; submit q3; queued q3; {CANCEL}; folded q3 turn=p1; stream_start p1; stream_end p1 how=finished",
        "p1 was submitted before c1 was called, and its turn finished by a stream that started after c1 had returned",
    ),
    (
        "no-poisoned-prompt",
        f"{CANCEL}; submit p1; dropped p1",
        "p1 was submitted when no Cancel was under way, none came after, and it was dropped",
    ),
    (
        "no-poisoned-prompt",
        "submit p1; started p1; submit q2; queued q2; folded q2 turn=p1; ended p1 outcome=cancelled",
        "p1 was submitted when no Cancel was under way, none came after, and it ended as cancelled",
    ),
    ("nothing-lost", "submit q1; submitted q1; rest", "q1 was submitted, and nothing became of it"),
    ("nothing-lost", "submit q1; started q1; ended q1; rest", "the user message of q1 (started) is not stored"),
    ("nothing-lost", f"{P1}; message p1", "the user message of p1 was stored 2 times"),
    ("nothing-lost", "submit q1; queued q1; dropped q1; started q1", "q1 has more than one fate: dropped, started"),
    (
        "in-order",
        f"{BUSY}; submit p3; queued p3; {DONE1}; started p3 @a; ended p3 @a; started p2 @a",
        "p3 came into the queue after p2, and started its turn before it",
    ),
    (
        "right-owner",
        f"{P1}; told p1 outcome=finished owner=p2",
        "a completion for p1 carries the answer, message or error of p2",
    ),
    (
        "right-owner",
        "submit p1; submit p2; notified p1 run_id=r1 owner=p2",
        "an error notification for p1 tells the error of p2",
    ),
    ("clean-rest", f"{P1}; rest busy=yes", "nothing can move any more, and left over: an active entry"),
    (
        "prompt-notice",
        f"{BUSY}; ended p1 outcome=finished @a; started p2 @a; told p1 outcome=finished @a",
        "p1 was told only after a had begun the turn of p2",
    ),
    (
        "prompt-notice",
        f"{BUSY}; ended p1 outcome=finished @a; kept p1 outcome=finished @a; started p2 @a",
        "a began the turn of p2 while its hook held the completion of p1",
    ),
    ("true-outcome", f"{BUSY}; told p1 outcome=finished @a", "p1 was told as finished and has not ended"),
    ("true-outcome", f"{BUSY}; told p2 outcome=finished", "p2 was told as finished and nothing of it has ended"),
    (
        "true-outcome",
        "submit p1; started p1; ended p1 outcome=failed; told p1 outcome=finished",
        "p1 was told as finished and has failed",
    ),
    (
        "true-outcome",
        f"submit p1; queued p1; {CANCEL}; dropped p1; told p1 outcome=failed",
        "p1 was told as failed and was cancelled",
    ),
)

RIGHT: Final = (
    ("no-hang", "told by an error", "submit p1; notified p1 run_id=r1; rest"),
    ("no-hang", "refused", "submit p1; refused p1; rest"),
    ("no-hang", "nobody waits", "submit q1; started q1; message q1; ended q1; rest"),
    ("no-hang", "not at rest", BUSY),
    ("no-hang", "submitted before the log began", "queued p1; started p1; rest"),
    ("no-double-emit", "the same prompt again", f"{P1}; rest; {P1}"),
    ("no-double-emit", "nobody waits", "submit q1; told q1 outcome=finished; told q1 outcome=finished"),
    ("no-fold-of-run-id", "nobody waits", "submit p1; started p1; submit q2; queued q2; folded q2 turn=p1"),
    ("one-turn", "its own summary", "submit p1; started p1 @a; summary_start s1 @a turn=p1; summary_end s1"),
    ("one-turn", "one after the other", f"{BUSY}; {DONE1}; {RUN2}"),
    ("no-lost-cancel", "submitted after its call", f"cancel_call c1; {P1}; cancel_return c1"),
    ("no-lost-cancel", "its stream ran already", "submit p1; started p1; stream_start p1; cancel_call c1; "
                                                 "cancel_return c1; "
     "stream_end p1 how=finished; ended p1 outcome=finished"),
    ("no-lost-cancel", "cancelled", f"{BUSY}; {CANCEL}; ended p1 outcome=cancelled; dropped p2"),
    ("no-poisoned-prompt", "a Cancel came after", f"submit p1; {CANCEL}; dropped p1"),
    ("no-poisoned-prompt", "a Cancel was under way", "cancel_call c1; submit p1; cancel_return c1; dropped p1"),
    ("no-poisoned-prompt", "a clear came after", "submit p1; clear_call c1; clear_return c1; dropped p1"),
    ("no-poisoned-prompt", "shutdown", "shutdown; submit p1; dropped p1"),
    ("nothing-lost", "its write failed", "submit q1; started q1; message_failed q1; ended q1; rest"),
    ("nothing-lost", "cancelled before its write", "submit q1; started q1; ended q1 outcome=cancelled; rest"),
    ("nothing-lost", "a retry", "submit q1; started q1; message q1; ended q1 outcome=failed; queued q1; started q1; "
                                "ended q1; rest"),
    ("in-order", "they may have queued the other way round",
     f"{BUSY}; submit p3; submit p4; queued p3; queued p4; {DONE1}; started p4; ended p4; started p3"),
    ("in-order", "the later one never queued", f"{BUSY}; {DONE1}; submit p3; started p3; ended p3; started p2"),
    ("right-owner", "its own", f"{P1}; told p1 outcome=finished owner=p1"),
    ("right-owner", "the notification names no run id", "submit p1; notified p1 owner=p2"),
    ("clean-rest", "no snapshot of anything", f"{P1}; rest"),
    ("prompt-notice", "another thread", f"{BUSY}; ended p1 outcome=finished @a; started p2 @b; told p1 "
                                        f"outcome=finished @a"),
    ("prompt-notice", "its own second turn",
     "submit p1; started p1 @a; ended p1 outcome=failed @a; started p1 @a; ended p1 outcome=finished @a; told p1 "
     "outcome=finished @a"),
    ("true-outcome", "at shutdown a finished turn may be told as cancelled",
     "submit p1; started p1; ended p1 outcome=finished; shutdown; told p1 outcome=cancelled"),
    ("true-outcome", "how it ended is not known", "submit p1; started p1; ended p1; told p1 outcome=failed"),
    ("true-outcome", "it ran twice, and the notice speaks of the first turn",
     "submit p1; started p1 @a; ended p1 outcome=finished; started p1 @b; told p1 outcome=finished"),
)  # fmt: skip


@pytest.mark.parametrize(("invariant", "log", "sentence"), WRONG)
def test_what_is_wrong_is_caught(invariant: str, log: str, sentence: str) -> None:
    """A smallest log that breaks an invariant is refuted, with a sentence that names the prompts."""
    assert refuted(log)[invariant] == sentence


@pytest.mark.parametrize(("invariant", "why", "log"), RIGHT)
def test_what_only_looks_wrong_passes(invariant: str, why: str, log: str) -> None:
    """A log that some order of the hidden steps explains is not refuted."""
    assert invariant not in refuted(log), why


def test_each_monitor_is_tested_from_both_sides() -> None:
    """Every invariant that a log can show has one that breaks it and one that only seems to."""
    assert {case[0] for case in WRONG} == JUDGED == {case[0] for case in RIGHT}


def test_the_order_of_the_queue_is_believed_where_the_log_promises_it() -> None:
    """With ``ordered``, two prompts that were submitted at once have the order of their ``queued`` lines."""
    log = f"{BUSY}; submit p3; submit p4; queued p3; queued p4; {DONE1}; started p4; ended p4; started p3"
    assert "in-order" in refuted(log, ordered=True)


def test_sessions_do_not_mix() -> None:
    """The same prompts in two interleaved sessions: each is judged by itself."""
    pairs = zip(lines_of(f"{BUSY}; {DONE1}; {RUN2}; rest", "a"), lines_of(f"{BUSY}; {DONE1}; {RUN2}; rest", "b"))
    watched, found = watch(line for pair in pairs for line in pair)
    assert (found, watched.sessions, watched.open) == ([], 0, 0)


def test_after_lost_lines_nothing_is_concluded_from_what_is_missing() -> None:
    """Whatever one line of a sound log is lost, the loss is no violation."""
    whole = list(
        lines_of(f"{BUSY}; submit q3; queued q3; folded q3 turn=p1; message q3; {DONE1}; {RUN2}; {CANCEL}; rest")
    )
    for missing in range(len(whole)):
        found: list[LineViolation] = []
        watched = Watch(LogHeader(kinds=ALL), found.append)
        for number, line in enumerate(whole):
            if number == missing:
                watched.gap(Gap("s", number, number, number))
            else:
                watched.see(Placed(number, line))
        assert (found, watched.lost) == ([], 1)


def test_what_is_wrong_after_a_loss_is_caught() -> None:
    """A loss takes the prompts of its time out of judgement, not those that come later."""
    found: list[LineViolation] = []
    watched = Watch(LogHeader(kinds=ALL), found.append)
    watched.gap(Gap("s", 0, 3, 1))
    for number, line in enumerate(lines_of(f"{BUSY}; {DONE1}; rest")):
        watched.see(Placed(number, line))
    assert [each.invariant for each in found] == ["no-hang", "nothing-lost"]


def test_only_what_the_header_promises_is_missed() -> None:
    """A log that does not promise ``message`` lines is not blamed for their absence; verdicts say what is not there."""
    found: list[LineViolation] = []
    watched = Watch(LogHeader(kinds=ALL - {"message", "ended"}), found.append)
    for number, line in enumerate(lines_of("submit p1; started p1; submit p2; queued p2; started p2; rest")):
        watched.see(Placed(number, line))
    assert {each.invariant for each in found} == {"no-hang"}
    verdicts = dict(watched.verdicts())
    assert verdicts["one-turn"].sentence == "the log has no `ended` lines"
    assert verdicts["one-turn"].verdict is verdicts["idle-cancel"].verdict is Verdict.NOT_JUDGED


def test_what_could_not_be_violated_is_vacuous() -> None:
    """One prompt and no Cancel: nothing is claimed of order and cancels. A log that stops before rest is not judged."""
    verdicts = {name: judged.verdict for name, judged in watch(lines_of(P1))[0].verdicts()}
    assert verdicts["in-order"] is verdicts["no-lost-cancel"] is Verdict.VACUOUS
    assert verdicts["no-hang"] is Verdict.NOT_JUDGED
    assert verdicts["no-double-emit"] is Verdict.HOLDS


def test_memory_does_not_grow_with_what_is_closed() -> None:
    """After ten thousand prompts in a thousand sessions nothing is open, and no more than the recent are remembered."""
    watched = Watch(LogHeader(kinds=ALL), lambda violation: None)
    for number in range(10_000):
        for line in lines_of(P1.replace("p1", f"p{number}"), f"s{number % 1000}"):
            watched.see(Placed(number, line))
    assert (watched.open, watched.sessions, len(watched._recent)) == (0, 0, RECENT)


# against the other judges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["d3-random", "d4-random", "d3-folded-run-id", "d3-silent-hand-off"])
def test_recordings_are_judged_as_by_the_judges_of_recordings(name: str) -> None:
    """Told as logs, all runs of the recordings are refuted by the same invariants as from the recordings themselves."""
    path = ROOT / "recordings" / f"{name}.jsonl"
    found: dict[str, set[str]] = {}
    with LogFile(path) as file:
        reader = CrushReader(file, stop)
        watched = Watch(reader.header, lambda each: found.setdefault(each.session, set()).add(each.invariant))
        for placed in reader:
            watched.see(placed)
    expected = {f"run {report.run}": set(report.refuted) for report in judge_file(path)}
    assert found == {session: refuted for session, refuted in expected.items() if refuted}
    assert (watched.open, watched.unknown) == (0, 0)


def told(run: Run) -> Iterator[LogLine]:
    teller = TraceTranslator()
    for events in run.seen():
        for event in events:
            for fields in teller.tell(event):
                yield LogLine(session="s", **fields)


def compare(world: World, runs: int) -> tuple[Counter[str], Counter[str]]:
    """In how many runs each invariant is refuted by the model's monitors, and by those of logs, who never see
    more."""
    judge, chooser = Judge(select(()), conformance=False), strategy("random-walk", 7)
    seen: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for number in range(runs):
        run = simulate(world, chooser, number)
        in_model = {finding.invariant for _, finding in judge.run(run.seen())} & JUDGED
        in_log = {each.invariant for each in watch(told(run), ordered=True)[1]}
        assert in_log <= in_model, (number, in_log - in_model)
        seen.update(in_model)
        shown.update(in_log)
    return seen, shown


@thinned(2)
@pytest.mark.parametrize("revision", ["d0", "d2", "d3", "d4", "hardened"])
@pytest.mark.parametrize("scope", ["AAa+1c", "AaI+1q+1e", "AA+1r+1c", "AAa+1t+u+1e", "AAI+1f+1s", "AAa+x+1c"])
def test_a_log_of_a_run_shows_nothing_that_the_run_does_not(revision: str, scope: str) -> None:
    """On traces told as logs, the log monitors refute only what the model's monitors refute."""
    compare(World(Scope.parse(scope), revision), 12)


MISSED: Final = {"idle-cancel", "no-deadlock", "state-before-notice"}


@thinned(2)
@pytest.mark.parametrize("name", sorted(set(MUTANTS) - MISSED))
def test_mutants_are_caught_from_their_logs(name: str) -> None:
    """Of the runs of each mutant that the model refutes, the log shows nearly all: lines tell less than events."""
    mutant = MUTANTS[name]
    seen, shown = compare(World(Scope.parse(mutant.scope), mutant), 60)
    if name != "no-poisoned-prompt":  # sixty walks do not meet it
        assert shown[name] >= 0.9 * seen[name] > 0


def test_a_summary_is_judged_only_in_a_log_that_tells_of_ends() -> None:
    """Whose header promises no `ended` lines has not shown that a turn still runs when a summary begins."""
    told = "submit p1; started p1; told p1 outcome=finished; summary_start u1"
    for kinds, wrong in ((ALL, ["one-turn"]), (ALL - {"ended"}, [])):
        found: list[LineViolation] = []
        watched = Watch(LogHeader(kinds=kinds), found.append, select(["one-turn"]))
        for number, line in enumerate(lines_of(told)):
            watched.see(Placed(number, line))
        assert [each.invariant for each in found] == wrong

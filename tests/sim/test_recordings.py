"""What the recordings of the real agent show, pinned: a judge that sees more or less than before has changed."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.sim.referee import NOT_SHOWN, RunReport, count_verdicts, judge_file

from everyturn.formats.crush_dispatch import read_runs
from everyturn.formats.crush_lines import EndLine
from everyturn.logs.recorded import judge_run
from everyturn.verdicts.verdict import Verdict
from everyturn_model.invariants import BY_NAME, INVARIANTS

RECORDINGS = Path(__file__).parents[2] / "recordings"

# How many runs hold / refuted / vacuous / not judged.
PINNED = {
    "d3-random": {
        "no-hang": (16, 74, 10, 0),
        "no-double-emit": (90, 0, 10, 0),
        "no-fold-of-run-id": (55, 35, 10, 0),
        "one-turn": (97, 3, 0, 0),
        "no-lost-cancel": (64, 0, 36, 0),
        "no-poisoned-prompt": (100, 0, 0, 0),
        "nothing-lost": (58, 4, 0, 38),
        "in-order": (68, 0, 32, 0),
        "right-owner": (90, 0, 10, 0),
        "clean-rest": (96, 4, 0, 0),
        "prompt-notice": (90, 0, 10, 0),
        "true-outcome": (100, 0, 0, 0),
    },
    "d4-random": {
        "no-hang": (82, 8, 10, 0),
        "no-double-emit": (90, 0, 10, 0),
        "no-fold-of-run-id": (90, 0, 10, 0),
        "one-turn": (99, 1, 0, 0),
        "no-lost-cancel": (64, 0, 36, 0),
        "no-poisoned-prompt": (100, 0, 0, 0),
        "nothing-lost": (76, 9, 0, 15),
        "in-order": (68, 0, 32, 0),
        "right-owner": (89, 1, 10, 0),
        "clean-rest": (91, 9, 0, 0),
        "prompt-notice": (76, 14, 10, 0),
        "true-outcome": (100, 0, 0, 0),
    },
    "d3-folded-run-id": {
        "no-hang": (0, 5, 0, 0),
        "no-double-emit": (5, 0, 0, 0),
        "no-fold-of-run-id": (0, 5, 0, 0),
        "one-turn": (5, 0, 0, 0),
        "no-lost-cancel": (0, 0, 5, 0),
        "no-poisoned-prompt": (5, 0, 0, 0),
        "nothing-lost": (5, 0, 0, 0),
        "in-order": (5, 0, 0, 0),
        "right-owner": (5, 0, 0, 0),
        "clean-rest": (5, 0, 0, 0),
        "prompt-notice": (5, 0, 0, 0),
        "true-outcome": (5, 0, 0, 0),
    },
    "d3-silent-hand-off": {
        "no-hang": (0, 5, 0, 0),
        "no-double-emit": (5, 0, 0, 0),
        "no-fold-of-run-id": (5, 0, 0, 0),
        "one-turn": (5, 0, 0, 0),
        "no-lost-cancel": (0, 0, 5, 0),
        "no-poisoned-prompt": (5, 0, 0, 0),
        "nothing-lost": (5, 0, 0, 0),
        "in-order": (5, 0, 0, 0),
        "right-owner": (5, 0, 0, 0),
        "clean-rest": (5, 0, 0, 0),
        "prompt-notice": (5, 0, 0, 0),
        "true-outcome": (5, 0, 0, 0),
    },
    "d7-random": {
        "no-hang": (53, 2, 5, 0),
        "no-double-emit": (55, 0, 5, 0),
        "no-fold-of-run-id": (55, 0, 5, 0),
        "one-turn": (60, 0, 0, 0),
        "no-lost-cancel": (41, 0, 19, 0),
        "no-poisoned-prompt": (60, 0, 0, 0),
        "nothing-lost": (47, 2, 0, 11),
        "in-order": (45, 0, 15, 0),
        "right-owner": (54, 1, 5, 0),
        "clean-rest": (58, 2, 0, 0),
        "prompt-notice": (45, 10, 5, 0),
        "true-outcome": (60, 0, 0, 0),
    },
    "d8-random": {
        "no-hang": (51, 4, 5, 0),
        "no-double-emit": (55, 0, 5, 0),
        "no-fold-of-run-id": (55, 0, 5, 0),
        "one-turn": (60, 0, 0, 0),
        "no-lost-cancel": (41, 0, 19, 0),
        "no-poisoned-prompt": (60, 0, 0, 0),
        "nothing-lost": (48, 5, 0, 7),
        "in-order": (45, 0, 15, 0),
        "right-owner": (55, 0, 5, 0),
        "clean-rest": (55, 5, 0, 0),
        "prompt-notice": (49, 6, 5, 0),
        "true-outcome": (60, 0, 0, 0),
    },
    "d10-random": {
        "no-hang": (51, 4, 5, 0),
        "no-double-emit": (55, 0, 5, 0),
        "no-fold-of-run-id": (55, 0, 5, 0),
        "one-turn": (59, 1, 0, 0),
        "no-lost-cancel": (40, 1, 19, 0),
        "no-poisoned-prompt": (60, 0, 0, 0),
        "nothing-lost": (47, 4, 0, 9),
        "in-order": (45, 0, 15, 0),
        "right-owner": (54, 1, 5, 0),
        "clean-rest": (56, 4, 0, 0),
        "prompt-notice": (49, 6, 5, 0),
        "true-outcome": (60, 0, 0, 0),
    },
}
COLUMNS = (Verdict.HOLDS, Verdict.REFUTED, Verdict.VACUOUS, Verdict.NOT_JUDGED)

# Read by hand in the recordings: file, run, invariant, line, sentence.
READ_BY_HAND = (
    ("d3-random", 18, "no-fold-of-run-id", 464, "p3 has a run id and was folded into the turn of p2"),
    ("d3-random", 10, "one-turn", 272, "a stream of p4 started while the turn of p2 was running"),
    ("d3-random", 62, "one-turn", 1519, "a stream of p2 started while the turn of p1 was running"),
    ("d3-random", 98, "one-turn", 2388, "a stream of p4 started while the turn of p3 was running"),
    ("d4-random", 58, "one-turn", 1527, "a stream of p2 started while the turn of p4 was running"),
    ("d4-random", 66, "right-owner", 1760, "an error notification for p2 tells the error of p1"),
    ("d4-random", 66, "nothing-lost", 1761, "nothing can move any more, and p3 is still in the queue"),
    ("d4-random", 69, "clean-rest", 1835, "nothing can move any more, and left over: p1, p2 in the queue"),
    (
        "d4-random",
        3,
        "prompt-notice",
        114,
        "p3's thread began the turn of p1 while its hook held the completion of p3",
    ),
    (
        "d10-random",
        29,
        "no-lost-cancel",
        769,
        "p2 was submitted before cancel1 was called, and its turn finished by a stream that started after cancel1 had "
        "returned",
    ),
    ("d10-random", 31, "one-turn", 825, "a stream of summary:summarize1 started while the turn of p2 was running"),
    ("d3-random", 20, "no-hang", 518, "nothing can move any more, and nobody has told the waiter of p3, p4"),
)


def judged(name: str) -> list[RunReport]:
    return list(judge_file(RECORDINGS / f"{name}.jsonl"))


def tally(reports: Iterable[RunReport], name: str) -> tuple[int, ...]:
    (rows,) = count_verdicts(reports).values()
    return tuple(rows[name][verdict] for verdict in COLUMNS)


@pytest.mark.parametrize("name", PINNED)
def test_counts_are_pinned(name: str) -> None:
    """For each recording and invariant it is known how many runs hold, refute, are vacuous, or are not judged."""
    reports = judged(name)
    expected = PINNED[name] | dict.fromkeys(NOT_SHOWN, (0, 0, 0, len(reports)))
    assert {each: tally(reports, each) for each in BY_NAME} == {each: expected[each] for each in BY_NAME}


@pytest.mark.parametrize(("name", "run", "invariant", "line", "sentence"), READ_BY_HAND)
def test_findings_that_were_read_by_hand(name: str, run: int, invariant: str, line: int, sentence: str) -> None:
    """What a person finds in a recording is what the judge says, at that line."""
    finding = judged(name)[run].findings[invariant]
    assert (finding.verdict, finding.line, finding.sentence) == (Verdict.REFUTED, line, sentence)


@pytest.mark.parametrize("name", PINNED)
def test_waiters_agree_with_the_recorder(name: str) -> None:
    """Who waits for ever by the lines of a run is who waits for ever by the snapshot at its end."""
    for recorded, report in zip(read_runs(RECORDINGS / f"{name}.jsonl"), judged(name), strict=True):
        end = recorded.logged[-1].event
        assert isinstance(end, EndLine)
        by_snapshot = sorted(f"p{each[1:]}" for each in set(end.waiting) - set(end.notified_error))
        sentence = report.findings["no-hang"].sentence or ""
        assert sentence.rpartition("the waiter of ")[2].split(", ") == (by_snapshot or [""])
        assert (report.findings["no-double-emit"].verdict is Verdict.REFUTED) == bool(end.twice)


def test_a_fold_counts_when_its_write_fails() -> None:
    """Of the 35 runs that fold a prompt with run id, 33 show it as a message and two only as a failed write."""
    only_failed = []
    for recorded, report in zip(read_runs(RECORDINGS / "d3-random.jsonl"), judged("d3-random"), strict=True):
        waits = {each.id for each in recorded.begin.scenario.prompts if each.waits}
        kinds = {
            type(event).__name__
            for _, event in recorded.logged
            if getattr(event, "by", None) == "fold" and getattr(event, "prompt", None) in waits
        }
        assert bool(kinds) == ("no-fold-of-run-id" in report.refuted)
        if kinds == {"StoreFailed"}:
            only_failed.append(report.run)
    assert only_failed == [18, 51]


@pytest.mark.parametrize("name", PINNED)
def test_the_judge_of_logs_says_what_the_referee_says(name: str) -> None:
    """Two judges that share the reader alone: for each run and invariant the same verdict, line and sentence."""
    path = RECORDINGS / f"{name}.jsonl"
    for recorded, report in zip(read_runs(path), judged(name), strict=True):
        said = judge_run(recorded, INVARIANTS)
        assert {each: (of.verdict, of.where, of.sentence) for each, of in said.items()} == {
            each: (of.verdict, None if of.line is None else f"{path}:{of.line}", of.sentence)
            for each, of in report.findings.items()
        }


def test_scopes_of_recorded_runs() -> None:
    """A recorded scenario has a scope in our notation."""
    assert [report.scope for report in judged("d4-random")[:2]] == ["Iaa+1e+1t", "AAAA+2c+2t"]

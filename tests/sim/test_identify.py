"""Recordings against the revisions: which of them could have written a run, and how that is told."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from
from msgspec import structs
from tests.nightly import NIGHTLY, thinned

from everyturn.cli import main
from everyturn.formats.crush_dispatch import Logged, RecordedRun, read_runs
from everyturn.formats.crush_order import CrushOrder, OutOfOrder
from everyturn.logs.identify import RunIdentified, identify, match_transcript
from everyturn.logs.matching import MatchAnswer
from everyturn.logs.transcript import Transcript, transcript_of
from everyturn.reports.identification import explanation
from everyturn_impl.revisions import LATER, REVISIONS

RECORDINGS = Path(__file__).parents[2] / "recordings"
README = RECORDINGS / "README.md"
FOLDED = RECORDINGS / "d3-folded-run-id.jsonl"


def answer(transcript: Transcript, revision: str) -> MatchAnswer:
    """Whether a revision could have written a transcript."""
    return match_transcript(transcript, revision).answer


# recordings ----------------------------------------------------------------------------------------------------------


@thinned(2)
@pytest.mark.parametrize("revision", ["d3-locked-drain", "d4-independent"])
def test_every_recorded_run_is_explained_by_its_own_revision(revision: str) -> None:
    """Our d3 could have written every run recorded at the seed's parent, our d4 every run recorded at the seed."""
    for path in RECORDINGS.glob(f"{revision.split('-', maxsplit=1)[0]}-*.jsonl"):
        identified = identify([path], [revision])
        assert {run.recorded for run in identified.runs} == {revision}
        assert identified.counts(str(path)) == {revision: Counter({MatchAnswer.ACCEPTED: len(identified.runs)})}


@pytest.mark.skipif(not NIGHTLY, reason="for EVERYTURN_NIGHTLY=1")
def test_how_many_runs_each_revision_explains_is_documented() -> None:
    """The table of ``recordings/README.md``; and that which explains most is the right one."""
    identified = identify(sorted(RECORDINGS.glob("d[34]-*.jsonl")), [name for name in REVISIONS if name not in LATER])
    rows = re.findall(r"^\| `(d[34]-[a-z-]+\.jsonl)` \| ((?:\d+ \| ){5}\d+) \|$", README.read_text(), re.MULTILINE)
    documented = {name: [int(number) for number in numbers.split("|")] for name, numbers in rows}
    found = {
        Path(run.file).name: [answers[MatchAnswer.ACCEPTED] for answers in identified.counts(run.file).values()]
        for run in identified.runs
    }
    assert documented == found
    for run in identified.runs:
        assert [tried.match.answer for tried in run.tried if tried.revision == run.recorded] == [MatchAnswer.ACCEPTED]
        assert identified.best(run.file) == run.recorded


@thinned(3)
@pytest.mark.parametrize("revision", ["d7-serial-in-process", "d8-compare-delete", "d10-newest"])
def test_every_run_of_a_later_commit_is_explained_by_its_revision(revision: str) -> None:
    """60 of 60, of each of the three recordings that were made after the seed."""
    path = RECORDINGS / f"{revision.split('-', maxsplit=1)[0]}-random.jsonl"
    identified = identify([path], [revision])
    assert {run.recorded for run in identified.runs} == {revision}
    assert identified.counts(str(path)) == {revision: Counter({MatchAnswer.ACCEPTED: 60})}


def test_a_recorded_run_shows_that_local_calls_enter_under_the_mutex() -> None:
    """Run 20 of `d8`: what a local call does there it cannot do before `d7`."""
    local = of_file("d8-random.jsonl", 20)
    assert [answer(local, revision) for revision in ("d6", "d7")] == [MatchAnswer.REFUSED, MatchAnswer.ACCEPTED]


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
        assert (match.answer, match.stored) == (MatchAnswer.REFUSED, fit), stored


def test_only_the_store_tells_that_an_early_cancel_was_recorded() -> None:
    """`d0` stores nothing for a turn that is cancelled before its first assistant message; every line fits, the store
    does not."""
    early = of_file("d3-random.jsonl", 43)
    assert early.stored == ("u:p1", "a::canceled")
    match = match_transcript(early, "d0")
    assert (match.answer, match.written, match.stored) == (MatchAnswer.REFUSED, len(early.lines), 1)
    assert answer(early, "d1") is MatchAnswer.ACCEPTED


def test_a_cancelled_creation_may_leave_an_unfinished_message() -> None:
    """As in run 20 of d3; it may not where nothing was cancelled."""
    left = of_file("d3-random.jsonl", 20)
    assert left.stored is not None
    assert "a::" in left.stored
    assert answer(left, "d3") is MatchAnswer.ACCEPTED
    whole = of_file(FOLDED.name, 0)
    assert whole.stored is not None
    assert answer(whole._replace(stored=(*whole.stored, "a::")), "d3") is MatchAnswer.REFUSED


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
    order = CrushOrder(whole.begin)
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
    assert match_transcript(transcript, revision, budget=2000).answer in MatchAnswer


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
    assert (tried.match.answer, told.where) == (MatchAnswer.REFUSED, f"{FOLDED}:13")
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
    assert tried.match.answer is MatchAnswer.UNDETERMINED


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


def test_a_run_that_is_not_there_is_not_explained_in_silence() -> None:
    """`--explain` with a number that no run has: an error with those that there are."""
    result = run(str(FOLDED), "--revision", "d3", "--explain", "99")
    assert result.exit_code == 2
    assert result.stderr == "everyturn: --explain 99: expected the number of a run, 0 to 4\n"


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
        (("--revision", "d99"), 2),
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


@pytest.mark.parametrize(("field", "said"), [("waiting", "r9"), ("twice", "r1"), ("notified_error", "r1")])
def test_an_end_that_its_lines_contradict_nobody_wrote(field: str, said: str, tmp_path: Path) -> None:
    """Who waits, who got two completions, whom a notification told: what the end says is held against the lines, for
    every revision."""
    path = Path(__file__).parents[2] / "recordings" / "d3-silent-hand-off.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    changed = [line | {field: [said]} if line.get("ev") == "end" else line for line in lines]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, changed)) + "\n")
    (run, *_) = identify([tmp_path / "log"], ["d3"]).runs
    assert run.tried[0].match.answer is MatchAnswer.REFUSED
    assert f"the end says `{field}` {said}, and the lines before it show" in run.sentence(run.tried[0].match)


@pytest.mark.parametrize(("step", "prompts"), [(1, []), (1, ["p0", "p9"]), (2, ["p9"])])
def test_a_stream_that_its_lines_contradict_nobody_wrote(step: int, prompts: list[str], tmp_path: Path) -> None:
    """A stream answers the prompts whose messages came since the last answer, its own among them."""
    path = Path(__file__).parents[2] / "recordings" / "d4-random.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    place = next(
        number for number, line in enumerate(lines) if line.get("step") == step and line["ev"] == "stream_start"
    )
    lines[place]["prompts"] = prompts
    chosen = [line for line in lines if line.get("run", lines[place]["run"]) == lines[place]["run"]]
    (tmp_path / "log").write_text("\n".join(map(json.dumps, chosen)) + "\n")
    (run, *_) = identify([tmp_path / "log"], ["d4"]).runs
    assert run.tried[0].match.answer is MatchAnswer.REFUSED
    assert f"step {step} of " in run.sentence(run.tried[0].match)

"""Recordings and projected runs of our own against the specification."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.nightly import thinned
from tests.sim.referee import judge_file

from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.engines.simpy.kernel import simulate
from everyturn.formats.crush_dispatch import read_runs
from everyturn.logs.conforming import Conformed, RunMatch, conform, refusing_guards
from everyturn.logs.projection import of_events, of_recording
from everyturn.runs import trace
from everyturn.strategies import strategy
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_model.conformance import Matcher
from everyturn_model.events import CancelReturned, ContextCancelled, Event
from everyturn_model.partial import PartialAnswer, match_complete, match_partial

RECORDINGS = Path(__file__).parents[2] / "recordings"
NAMES = ("d3-random", "d4-random", "d3-folded-run-id", "d3-silent-hand-off")

# Which guards belong to which invariant of the judges that look from outside; a refusal by another guard of these is a
# consequence of the first one in the same run.
MEANS = {
    "no-fold-of-run-id": {"no-run-id"},
    "no-hang": {"rest-all-told"},
    "prompt-notice": {"start-holds-nothing"},
    "right-owner": {"notice-of-own-error"},
    "one-turn": {"nothing-active"},
    "clean-rest": {"rest-clean"},
    "nothing-lost": {"rest-all-ended"},
}

# By the guard that refused first: 33 + 2 folds (docs/divergences.md), hangs without a fold, streams that overlap,
# prompts left in the queue. At d4 one more `nothing-active` than overlapping streams: run 29, a turn without stream
# within a summary.
FIRST = {
    "d3-random": {"no-run-id": 35, "rest-all-told": 37, "nothing-active": 3, "rest-queue-empty": 2},
    "d4-random": {
        "start-holds-nothing": 14,
        "rest-queue-empty": 7,
        "nothing-active": 2,
        "notice-of-own-error": 1,
    },
    "d3-folded-run-id": {"no-run-id": 5},
    "d3-silent-hand-off": {"rest-all-told": 5},
}


@cache
def matched(name: str) -> Conformed:
    return conform([RECORDINGS / f"{name}.jsonl"])


def projected(revision: str, scope: str, number: int) -> list[Event]:
    run = simulate(World(Scope.parse(scope), revision), strategy("random-walk", 1), number)
    return [event for step in run.seen() for event in step]


@pytest.mark.parametrize("name", NAMES)
def test_what_refused_the_recordings_first_is_pinned(name: str) -> None:
    """How many runs each guard was the first to refuse; none is undetermined."""
    first, _ = refusing_guards(matched(name).runs)
    assert first == FIRST[name]
    assert all(run.matched.answer is not PartialAnswer.UNDETERMINED for run in matched(name).runs)


@pytest.mark.parametrize("name", NAMES)
def test_refused_are_the_runs_that_an_invariant_refutes(name: str) -> None:
    """Two judges that share no code but the reader: each run is refused exactly if some invariant is refuted from
    outside."""
    reports = list(judge_file(RECORDINGS / f"{name}.jsonl"))
    refused = [run.run for run in matched(name).runs if run.matched.refusals]
    assert refused == [report.run for report in reports if report.refuted]


@pytest.mark.parametrize("name", NAMES)
def test_every_refuted_invariant_has_its_guard(name: str) -> None:
    """What is refuted from outside, the specification refuses by the guard that says the same.

    Not asked in runs of overlapping turns, where what follows depends on which of the turns is believed.
    """
    reports = judge_file(RECORDINGS / f"{name}.jsonl")
    for run, report in zip(matched(name).runs, reports, strict=True):
        guards = {refused.guard for refused in run.matched.refusals}
        wanted = {"one-turn"} if "one-turn" in report.refuted else set(report.refuted)
        assert all(MEANS[invariant] & guards for invariant in wanted), (run.run, wanted, guards)


@pytest.mark.parametrize("name", NAMES)
def test_an_explanation_passes_the_matcher_of_complete_logs(name: str) -> None:
    """An accepted run with its hidden steps put in is a complete log, and the specification takes it step by step."""
    told = [run for run in matched(name).runs if run.matched.answer is PartialAnswer.ACCEPTED]
    for run in told:
        steps = [
            step.event for step in run.matched.explanation if type(step.event).__module__ != "everyturn_model.marks"
        ]
        assert Matcher.refusal(Matcher.match(all_reached(steps))) is None, run.run


def all_reached(steps: list[Event]) -> Iterator[Event]:
    """The steps, and before each return of a Cancel that it has reached whatever it found, which no recording tells."""
    for step in steps:
        if isinstance(step, CancelReturned):
            yield ContextCancelled("")
        yield step


def test_a_turn_without_stream_within_a_summary_is_seen() -> None:
    """d4, run 29, read by hand: the summary streams from line 774 to 778, and p2's turn, written at 775, ends at
    776."""
    (run,) = [run for run in matched("d4-random").runs if run.run == 29]
    first = run.matched.refusals[0]
    assert (first.place, first.guard) == (776, "nothing-active")


@thinned(2)
@pytest.mark.parametrize("scope", ["AAa+1c+1t", "AIa+1c+1q+1t", "AA+1s+1c", "AA+1e+1t", "AA+u+1t", "Aa+1r+1c"])
def test_projected_runs_of_hardened_are_accepted(scope: str) -> None:
    """What a dispatcher that conforms does is never refused when most of it is hidden."""
    answers = Counter(match_partial(of_events(projected("hardened", scope, number))).answer for number in range(60))
    assert answers == {PartialAnswer.ACCEPTED: 60}


@thinned(2)
@pytest.mark.parametrize(
    ("revision", "scope", "guard"),
    [
        ("d3", "AA+1t", "no-run-id"),
        ("d3", "AA", "rest-all-told"),
        ("d4", "AA", "start-holds-nothing"),
        ("d4", "AA+1e", "rest-queue-empty"),
    ],
)
def test_projected_runs_with_a_visible_fault_are_refused(revision: str, scope: str, guard: str) -> None:
    """The known faults of d3 and d4 are refused by their guards; and whatever is refused, the complete log refuses
    too."""
    first: Counter[str] = Counter()
    for number in range(60):
        events = projected(revision, scope, number)
        refusals = match_partial(of_events(events)).refusals
        first.update(refused.guard for refused in refusals[:1])
        assert not refusals or Matcher.refusal(Matcher.match(events)) is not None, number
    assert first[guard]


@thinned(2)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
def test_a_complete_log_is_refused_first_where_the_matcher_refuses(revision: str) -> None:
    """Whatever the two ways to follow a complete log say, the guard and the place of the first refusal are the same."""
    refused = 0
    for scope in ("AA+1c", "AA+1e+1t", "Aa+1q"):
        for number in range(25):
            events = projected(revision, scope, number)
            (place, first) = first_refusal(events)
            refusals = match_complete(enumerate(events)).refusals
            assert [(each.place, each.guard) for each in refusals[:1]] == ([] if first is None else [(place, first)])
            refused += bool(refusals)
    assert (refused > 0) is (revision != "hardened")


def first_refusal(events: list[Event]) -> tuple[int, str | None]:
    belief = Matcher.start()
    for place, event in enumerate(events):
        belief = Matcher.advance(belief, event)
        refusal = Matcher.refusal(belief)
        if refusal is not None:
            return place, refusal.guard
    return len(events), None


def test_an_own_trace_is_matched_as_a_complete_log(tmp_path: Path) -> None:
    """`--conformance` on what `replay -o` writes: the guard, and the line of the file."""
    failure = fuzz("d3", "AA+1c", runs=50, seed=1).failures["no-hang"]
    path = tmp_path / "trace.jsonl"
    path.write_bytes(trace.write(failure.run, engine="simpy", strategy="random-walk", seed=1, number=failure.number))
    code, output = invoke(str(path))
    assert (code, "rest-all-told" in output) == (1, True)
    (run,) = conform([path]).runs
    assert run.matched.refusals[-1].place == len(path.read_bytes().splitlines())


def test_a_cut_off_run_is_judged_by_what_there_is() -> None:
    """Without its end, a hang is not refused: nothing is at rest."""
    (run, *_) = read_runs(RECORDINGS / "d3-silent-hand-off.jsonl")
    whole = of_recording(run)
    assert match_partial(whole).answer is PartialAnswer.REFUSED
    assert match_partial(whole[:-1]).answer is PartialAnswer.ACCEPTED


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["validate", "--conformance", *arguments])
    return result.exit_code, result.output


def test_the_command_names_guard_line_and_prompt() -> None:
    """A refusal is one line with file, line, run, guard and who; the table follows."""
    path = str(RECORDINGS / "d3-silent-hand-off.jsonl")
    code, output = invoke(path)
    assert code == 1
    assert f"{path}:18: run 0: rest-all-told: Rest of the session: At rest every prompt with run id" in output
    assert "Here: p1." in output
    assert output.splitlines()[-1].split() == [
        "rest-all-told",
        "first",
        "in",
        "5,",
        "in",
        "all",
        "5",
        "of",
        "the",
        "runs",
    ]


def test_the_command_shows_where_hidden_steps_were_put() -> None:
    """`--explain RUN`: seen lines, hidden steps with a plus, refusals with an exclamation mark."""
    _, output = invoke("--explain", "0", str(RECORDINGS / "d3-folded-run-id.jsonl"))
    lines = output.splitlines()
    assert "    11 + p2 enters the queue" in lines
    (refused,) = [line for line in lines if " ! FoldPrompt" in line]
    assert refused.startswith(
        "    13 ! FoldPrompt (no-run-id): A prompt with run id gets a turn of its own and is never folded"
    )
    told = lines.index("    11   p2 was put into the queue")
    assert lines[told + 2].startswith('       | {"run":0,"seq":9,"t":1208717,"ev":"run_return","prompt":"p2"')


def test_the_page_shows_what_the_command_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line of the outputs in docs/logs.md but the speed."""
    monkeypatch.chdir(RECORDINGS.parent)
    paths = ["recordings/d3-random.jsonl", "recordings/d4-random.jsonl"]
    both = CliRunner().invoke(main, ["validate", *paths]).output
    one = CliRunner().invoke(main, ["validate", "--explain", "1", paths[0]]).output
    said = {_without_speed(line) for line in f"{both}{one}".splitlines()}
    blocks = re.findall(r"```text\n(.*?)```", (RECORDINGS.parent / "docs" / "logs.md").read_text(), re.DOTALL)
    shown = [_without_speed(line) for block in blocks for line in block.splitlines() if line.strip() != "…"]
    assert len(shown) > 15
    assert [line for line in shown if line not in said] == []


def _without_speed(line: str) -> str:
    return re.sub(r" +[\d,]+(?=  recordings/)", "", line)


def test_a_run_is_explained_without_further_options() -> None:
    """`--explain RUN` alone; a number that no run has is an error with those that there are; a refutation says what
    more there is."""
    path = str(RECORDINGS / "d3-folded-run-id.jsonl")
    explained = CliRunner().invoke(main, ["validate", "--explain", "3", path])
    assert (explained.exit_code, "run 3: refused, 2 refusals" in explained.output) == (1, True)
    wrong = CliRunner().invoke(main, ["validate", "--explain", "5", path])
    assert (wrong.exit_code, "--explain 5: expected the number of a run, 0 to 4" in wrong.stderr) == (2, True)
    assert "more: --report FILE.html" in CliRunner().invoke(main, ["validate", path]).output


def test_the_judgement_of_a_recording_is_both() -> None:
    """Each cell has the invariants and the specification's verdict; a spent budget leaves what is not refuted
    undetermined."""
    path = str(RECORDINGS / "d4-random.jsonl")
    cells = json.loads(CliRunner().invoke(main, ["validate", "--json", path]).stdout)["cells"]
    assert len(cells) == 100
    assert all(
        cell["conforms"]["verdict"] == ("refuted" if cell["verdict"] == "refuted" else "holds") for cell in cells
    )
    first = next(cell for cell in cells if cell["run"] == 3)
    assert first["conforms"]["guard"] == "start-holds-nothing"
    assert first["conforms"]["where"] == f"{path}:115"
    spent = json.loads(CliRunner().invoke(main, ["validate", "--json", "--budget", "5", path]).stdout)["cells"]
    assert {cell["verdict"] for cell in spent} == {"refuted", "undetermined"}


def test_a_spent_budget_is_undetermined() -> None:
    """Exit code 4, and the sentence says what was spent."""
    path = str(RECORDINGS / "d3-random.jsonl")
    arguments = ["validate", "--conformance", "--json", "--budget", "5", path]
    stdout = CliRunner().invoke(main, arguments).stdout
    cells = json.loads(stdout)["cells"]
    assert {cell["verdict"] for cell in cells} == {"undetermined"}
    assert invoke("--budget", "5", path)[0] == 4


def test_what_cannot_be_matched_is_said(tmp_path: Path) -> None:
    """Expected and found; the rest goes on."""
    foreign = tmp_path / "own.jsonl"
    foreign.write_bytes(b'{"schema":"someone/else/7"}\n')
    code, output = invoke(str(foreign), str(RECORDINGS / "d3-folded-run-id.jsonl"))
    assert code == 2
    assert f"{foreign}:1: expected a schema" in output
    assert "no-run-id" in output


def test_an_interruption_keeps_what_was_matched() -> None:
    """Ctrl-C after the second run: two runs."""
    seen: list[RunMatch] = []

    def say(run: RunMatch) -> None:
        seen.append(run)
        if len(seen) == 2:
            raise KeyboardInterrupt

    conformed = conform([RECORDINGS / "d3-folded-run-id.jsonl"], say=say)
    assert (len(conformed.runs), conformed.interrupted) == (2, True)

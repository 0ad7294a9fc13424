"""`everyturn report` of asyncio programs, of sessions behind an adapter, and of logs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner

import everyturn
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.running import Setting, run
from everyturn.asyncio.runtime.scenarios import find
from everyturn.cli import main
from everyturn.page.contents import Story
from everyturn.page.program_values import ObjectNames, program_tree
from everyturn.page.recording import record

ROOT: Final = Path(__file__).parents[2]
RACY: Final = "examples.scenarios.two_users:racy"


@pytest.fixture(scope="module")
def token() -> str:
    return everyturn.check_scenario(RACY, counter_check=False).tokens["hang"]


@pytest.fixture(scope="module")
def story(token: str) -> Story:
    (only,) = everyturn.report(token, scenario=RACY).page.stories
    return only


def ends(story: Story) -> list[tuple[list[int], list[str]]]:
    """Every way through the page to its end, with what is wrong there."""
    found: list[tuple[list[int], list[str]]] = []
    pending: list[tuple[int, list[int]]] = [(0, [])]
    while pending:
        state, way = pending.pop()
        moves = story.moves[state]
        if moves == []:
            found.append((way, [each.invariant for each in story.rests.get(state, [])]))
        for place, move in enumerate(moves or []):
            pending.append((move[2], [*way, place]))
    return found


def test_every_run_of_a_small_program_is_in_its_page(story: Story) -> None:
    """As many as a search without merging makes; and those that hang are those of the search."""
    merged = everyturn.check_scenario(RACY, counter_check=False)
    assert story.whole
    every = ends(story)
    assert {tuple(kinds) for _, kinds in every} == {(), ("hang",)}
    assert (story.way, ["hang"]) in every
    assert merged.cell.schedules is not None
    assert len(every) >= merged.cell.schedules


def test_looking_on_changes_nothing(token: str) -> None:
    """A recorded run is offered the same, notes the same and ends as it does when nobody looks."""
    function, setting = find(RACY), Setting()
    with prepared(function, setting):
        recorded, moments = record(function, ByWords([]), setting)
        plain = run(function, ByWords([]), setting)
    assert recorded.decisions == plain.decisions
    assert recorded.logged == plain.logged
    assert recorded.findings == plain.findings
    assert [word for moment in moments for word in moment.decisions] == [
        (each.kind, each.word) for each in plain.decisions
    ]


def test_the_story_of_a_hang_shows_who_waits_where_and_what_changed(story: Story) -> None:
    acts = [story.acts[number] for number in _acts(story)]
    told = [act.text for act in acts]
    assert "user there arrives" in told
    changes = [deed.text for act in acts for deed in act.deeds if deed.verb == "changes"]
    assert changes == ["chat.busy", "chat.queue", "chat.busy"]
    last = {lane.name: place for place, lane in enumerate(lane for lane in story.lanes if lane.kind == "task")}
    state = _states(story)[-1]
    stand = story.stands[state[len(story.columns) + last["Task-2 (user)"]]]
    assert (stand.waits, stand.blocked) == ("future waiting", True)
    assert stand.place is not None
    file, line, function = story.places[stand.place]
    assert (story.sources[file].lines[line].strip(), function) == ("return await waiting", "ChatSession.ask")


def test_the_nearest_run_that_passes_is_beside_it(story: Story) -> None:
    (other,) = story.others
    assert other.way[: other.step] == story.way[: other.step]
    assert other.way[other.step] != story.way[other.step]
    assert (other.way, []) in ends(story)
    assert story.marks.pair[0] == story.marks.too_late == other.step


def _acts(story: Story) -> list[int]:
    state, acts = 0, []
    for place in story.way:
        moves = story.moves[state]
        assert moves is not None
        acts.append(moves[place][1])
        state = moves[place][2]
    return acts


def _states(story: Story) -> list[list[int]]:
    """The states of the run, in full."""
    full: list[list[int]] = []
    for first, *rest in story.states:
        row = [first, *rest] if not full else [*full[first]]
        for place, number in zip(rest[::2], rest[1::2]) if full else ():
            row[place] = number
        full.append(row)
    way = [0]
    for place in story.way:
        moves = story.moves[way[-1]]
        assert moves is not None
        way.append(moves[place][2])
    return [full[state] for state in way]


class _Angry:
    """Whatever is asked of it, it refuses."""

    def __init__(self) -> None:
        self.calm = 1

    def __repr__(self) -> str:
        raise AssertionError

    def __eq__(self, other: object) -> bool:
        raise AssertionError

    def __hash__(self) -> int:
        raise AssertionError

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError


def test_nothing_of_the_programs_is_called_to_show_a_value() -> None:
    assert program_tree({"a": [_Angry()]}, ObjectNames()) == {"a": [{"$": "_Angry", "calm": 1}]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**70, "an integer of 71 bits"),
        ("\ud800\x1b[2J", r"\ud800\x1b[2J"),
        (b"\xff", r"b'\xff'"),
        (float("nan"), "nan"),
    ],
)
def test_every_value_is_one_that_json_has(value: Any, shown: str) -> None:
    assert json.loads(msgspec.json.encode(program_tree({"x": value}, ObjectNames()))) == {"x": shown}


def test_values_that_hold_themselves_come_to_an_end() -> None:
    round_: list[Any] = []
    round_.append(round_)
    assert json.dumps(program_tree(round_, ObjectNames())).count("[") == 4


def test_a_session_is_told_by_prompts_and_clients() -> None:
    result = everyturn.check_session(
        "examples.sessions.adapter:Chat", "AA", invariants=["no-hang"], counter_check=False
    )
    (story,) = everyturn.report(result.tokens["no-hang"], session="examples.sessions.adapter:Chat").page.stories
    assert story.kind == "session"
    assert story.prompts == ["p1", "p2"]
    assert [lane.name for lane in story.lanes if lane.kind == "client"] == ["p1's client", "p2's client"]
    told = [seen.prompt for number in _acts(story) for seen in story.acts[number].seen if seen.client == "told"]
    assert told == ["p1"]
    assert "no-hang" in {rule.name for rule in story.rules}


def test_nothing_is_imported_that_is_not_named(token: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["report", token, "-o", str(tmp_path / "page.html")])
    assert said.exit_code == 2
    assert "--scenario examples.scenarios.two_users:racy" in said.stderr


# logs ----------------------------------------------------------------------------------------------------------------


def test_a_log_is_told_fault_by_fault_with_its_lines(tmp_path: Path) -> None:
    log = ROOT / "recordings" / "d3-folded-run-id.jsonl"
    (story,) = everyturn.report(log).page.stories
    assert story.kind == "log"
    assert story.title.startswith("Prompt p2, which has a run id, is folded into the turn of p1")
    refused = story.acts[_acts(story)[story.marks.violation]]
    assert [each.invariant for each in refused.broken] == ["no-fold-of-run-id"]
    (source,) = story.sources
    lines = log.read_text(encoding="utf-8").splitlines()
    assert {number: lines[number - 1] for number in source.lines} == source.lines
    assert story.moves[-1] is None


def test_a_log_without_a_fault_has_no_page(tmp_path: Path) -> None:
    """Run 0 of these recordings is one that the specification explains."""
    first, *lines = (ROOT / "recordings" / "d4-random.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    good = tmp_path / "good.jsonl"
    good.write_text("".join([first, *(line for line in lines if line.startswith('{"run":0,'))]))
    said = CliRunner().invoke(main, ["report", str(good), "-o", str(tmp_path / "page.html")])
    assert said.exit_code == 2
    assert "expected a log that shows a fault; found 1 runs and none that is refused" in said.stderr

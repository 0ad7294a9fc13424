"""`everyturn report`: what a page holds is what the engines say, and what it shows of others' words is inert."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner

import everyturn
from everyturn.cli import main
from everyturn.engines.simpy.kernel import simulate
from everyturn.page.assembling import embedded, html
from everyturn.page.contents import Page, Story
from everyturn.runs.outcomes import label_of
from everyturn.runs.tokens.named_steps import Named
from everyturn.strategies.replay import Follow, Replay
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

HANGS: Final = Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl"


QUICK: Final = ("--no-remedies", "--states", "400")


@pytest.fixture(scope="module")
def found() -> everyturn.CheckResult:
    return everyturn.check("d3", "AA", invariants=["no-hang"], counter_check=False)


@pytest.fixture(scope="module")
def report(found: everyturn.CheckResult) -> everyturn.Report:
    return found.report()


@pytest.fixture(scope="module")
def story(report: everyturn.Report) -> Story:
    (only,) = report.page.stories
    return only


def states(story: Story) -> list[list[int]]:
    """The states in full, as the page's script decodes them."""
    full: list[list[int]] = []
    for first, *rest in story.states:
        state = [first, *rest] if not full else [*full[first]]
        if full:
            for place, number in zip(rest[::2], rest[1::2], strict=True):
                state[place] = number
        full.append(state)
    return full


def walk(story: Story, way: list[int]) -> tuple[list[dict[str, Any]], int]:
    """The steps of a way as a trace tells them, and the state at its end."""
    state, steps = 0, []
    tasks = [lane.name for lane in story.lanes if lane.kind == "task"]
    for place in way:
        moves = story.moves[state]
        assert moves is not None
        thread, act, state = moves[place]
        steps.append({"thread": tasks[thread], "act": story.acts[act]})
    return steps, state


def named(steps: list[dict[str, Any]]) -> list[Named]:
    return [
        Named(
            step["thread"],
            tuple((deed.text.split("(")[0], label_of(deed.result or "None")) for deed in step["act"].deeds),
        )
        for step in steps
    ]


def way_to_rest(story: Story, chosen: random.Random) -> list[int]:
    """A way through the page to rest, at random."""
    way: list[int] = []
    state = 0
    while story.moves[state]:
        moves = story.moves[state]
        assert moves is not None
        way.append(chosen.randrange(len(moves)))
        state = moves[way[-1]][2]
    return way


# what it holds is what the engines say -------------------------------------------------------------------------------


def test_every_state_of_a_small_scope_is_in_the_page(story: Story) -> None:
    """A page is whole if all that the explorer reaches is in it; it judges by all invariants, as `check` does."""
    assert story.whole
    assert len(story.states) == len(story.moves) == everyturn.check("d3", "AA", counter_check=False).states
    assert all(moves is not None for moves in story.moves)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_reader_chooses_is_a_run_of_the_real_code(story: Story, seed: int) -> None:
    """The same steps in SimPy, with the real coroutines: the same is seen of each, and the same is violated."""
    way = way_to_rest(story, random.Random(seed))
    steps, end = walk(story, way)
    world = World(Scope.parse("AA"), "d3")
    strategy = Follow(named(steps), [thread.name for thread in world.threads])
    run = simulate(world, strategy)
    assert strategy.guide.stray is None
    assert [[type(event).__name__ for event in step.events] for step in run.steps] == [
        [seen.kind for seen in step["act"].seen] for step in steps
    ]
    said = [broken for step in steps for broken in step["act"].broken] + story.rests.get(end, [])
    expected = [(finding.invariant, finding.sentence) for _, finding in Judge().run(run.seen())]
    assert [(each.invariant, each.sentence) for each in said] == expected


def test_the_state_at_the_end_is_that_of_the_run(story: Story) -> None:
    """What the page shows of the shared data is what the run's rest says of it."""
    _, end = walk(story, story.way)
    numbers = states(story)[end]
    shown = {column.name: column.values[number] for column, number in zip(story.columns, numbers)}
    assert (shown["mutex"], shown["active"], shown["queue"]) == (None, None, [])
    assert shown["accepting"] == {"$": "Accepting", "sequence": 2, "open": [], "mark": 0}
    assert shown["p2"]["phase"] == "folded"
    assert shown["p2"]["told"] == []
    assert shown["p1"]["told"] == ["finished"]


def test_what_is_marked_is_what_explain_says(found: everyturn.CheckResult, story: Story) -> None:
    explained = found.explain("no-hang").document()
    assert story.marks.pair == [touch["step"] for touch in explained["race"]]
    assert story.marks.too_late == explained["no_return"]
    assert story.marks.violation == explained["step"] == len(story.way)
    (passing,) = story.others
    assert passing.step == explained["passing"]["step"]
    assert passing.way[: passing.step] == story.way[: passing.step]
    assert passing.way[passing.step] != story.way[passing.step]
    _, end = walk(story, passing.way)
    assert "no-hang" not in {each.invariant for each in story.rests.get(end, [])}
    assert story.moves[end] == []


def test_a_change_that_is_told_is_proved(story: Story) -> None:
    """The next revision folds no prompt with run id, and keeps the promise in all states of the same scope."""
    (claim,) = [each for each in story.claims if each.question == "Which change would prevent it?"]
    proved = everyturn.check("d4", "AA", invariants=["no-hang"], counter_check=False)
    assert proved.verdict is everyturn.Verdict.PROVED
    assert f"(d4-independent), no-hang is proved in AA, in all of {proved.states:,} states." in claim.answer
    assert "-         return False\n" in claim.code
    assert "+         return call.run_id is not None" in claim.code
    assert "Whoever folds a prompt that somebody waits for has to tell that client" in claim.answer


def test_no_change_is_told_of_an_agent_of_ones_own(found: everyturn.CheckResult) -> None:
    class Mine(everyturn.revisions.LockedDrain):
        """The same under another name."""

    token = found.tokens["no-hang"]
    (told,) = everyturn.report(token, agent=Mine, invariants=["no-hang"], states=100).page.stories
    assert [each.code for each in told.claims] == [""] * len(told.claims)
    assert "Mine" in told.title


def test_the_line_of_each_step_is_the_one_that_runs(story: Story) -> None:
    """A step's line calls its operation."""
    calls = 0
    for act in story.acts:
        for deed in act.deeds:
            if deed.place is None:
                continue
            file, line, _ = story.places[deed.place]
            source = story.sources[file]
            method = deed.text.split("(")[0].split(".")[1]
            near = [source.lines.get(number, "") for number in range(line, line + 4)]
            calls += any(f".{method}(" in text for text in near)
    assert calls == sum(deed.place is not None for act in story.acts for deed in act.deeds)


@pytest.mark.parametrize("invariants", [["no-hang"], ["no-fold-of-run-id"]])
def test_a_trace_is_told_by_what_is_asked(invariants: list[str]) -> None:
    (told,) = everyturn.report(HANGS, invariants=invariants, states=300, remedies=False).page.stories
    assert told.title.startswith(f"{invariants[0]} is violated")
    assert not told.whole
    assert len(told.states) >= 300
    assert any(moves is None for moves in told.moves)


def test_if_nothing_interferes_every_choice_beside_the_run_comes_to_an_end() -> None:
    """In a page that has not all states, too, the way of the first thread that can go on ends in rest."""
    (told,) = everyturn.report(HANGS, states=1_500, remedies=False).page.stories
    assert not told.whole
    state = 0
    for place in told.way:
        moves = told.moves[state]
        assert moves is not None
        for _, _, beside in moves:
            following = told.moves[beside]
            while following:
                following = told.moves[following[0][2]]
            assert following == []
        state = moves[place][2]


# one file ------------------------------------------------------------------------------------------------------------


def contents(page: str) -> Any:
    """The contents of a page, as its script reads them."""
    (text,) = re.findall(r'<script type="application/json" id="contents">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def test_the_page_is_one_small_file_that_names_no_other(report: everyturn.Report) -> None:
    assert len(report.html.encode()) < 1_000_000
    assert re.findall(r"(?:src|href)=\"(?!#)|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", report.html) == []


def test_what_the_page_holds_is_its_contents(report: everyturn.Report) -> None:
    assert msgspec.convert(contents(report.html), Page, strict=False) == report.page


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028\u2029", "]]>&lt;"])
def test_no_text_can_end_the_element_that_it_stands_in(report: everyturn.Report, text: str) -> None:
    page = Page(text, text, report.page.stories)
    assert "<" not in embedded(page)
    assert contents(html(page))["title"] == text
    assert html(page).count("<script") == 2


# from the command line -----------------------------------------------------------------------------------------------


def test_a_result_with_several_counterexamples_is_a_list(tmp_path: Path) -> None:
    asked = ("--invariant", "no-hang", "--invariant", "no-fold-of-run-id", "--invariant", "one-turn")
    made = CliRunner().invoke(main, ["check", "--revision", "d3", "--scope", "AA", "--json", *asked])
    result = tmp_path / "result.json"
    result.write_text(made.stdout)
    said = CliRunner().invoke(main, ["report", str(result), "-o", str(tmp_path / "page.html"), *QUICK])
    assert (said.exit_code, said.stdout) == (0, f"page: {tmp_path / 'page.html'}\n")
    written = contents((tmp_path / "page.html").read_text())
    assert [each["title"] for each in written["stories"]] == [
        "no-hang is violated by d3-locked-drain in AA",
        "no-fold-of-run-id is violated by d3-locked-drain in AA",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nowhere.jsonl", "expected a token"),
        ("et2-nonsense", "token"),
        ("", "found nothing"),
    ],
)
def test_what_no_page_can_be_made_of_is_said(source: str, expected: str, tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["report", source, "-o", str(tmp_path / "page.html")])
    assert said.exit_code == 2
    assert expected in said.stderr
    assert not (tmp_path / "page.html").exists()


def test_a_run_that_violates_nothing_has_no_page(tmp_path: Path) -> None:
    token = simulate(World(Scope.parse("A"), "d4"), Replay([])).token
    said = CliRunner().invoke(main, ["report", token, "-o", str(tmp_path / "page.html")])
    assert said.exit_code == 2
    assert "violates" in said.stderr

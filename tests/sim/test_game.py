from __future__ import annotations

import json
import re
import sys
from collections import deque
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

import everyturn
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import outcomes
from everyturn.cli import main
from everyturn.engines.simpy.stepped import SteppedRun
from everyturn.game.level import Level, Playable
from everyturn.game.levels import LEVELS
from everyturn.game.loop import OnALoop
from everyturn.game.page import page
from everyturn.game.threads import OnThreads
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

BEFORE_3_12: Final = sys.version_info < (3, 12)
"""Then `wait_for` was written anew, and compares times once more."""

CLAIMS: Final[dict[str, tuple[int, int | None]]] = {
    "look-then-act": (57, 6),
    "one-line-two-accesses": (58, 8),
    "look-and-act": (33, None),
    "lost-wake-up": (89, 10),
    "under-a-lock": (113, None),
    "double-answer": (259, 8),
    "two-locks": (26, 3),
    "lost-cancel": (37, 5),
    "poisoned-prompt": (58, 8),
    "epochs": (101, None),
    "reservation-gap": (147, 9),
    "folded": (138, 19),
    "another-s-entry": (491, 9),
    "the-real-agent": (2_194, None),
    "no-await-between": (9, None),
    "event-before-wait": (8, 2),
    "cancelled-before-start": (15, 2),
    "deadline": (17, 4) if BEFORE_3_12 else (21, 6),
    "lock-over-await": (12, 3),
}
"""Level → how many states it has, and in how many moves it can be won; nothing: it is proved that it cannot."""

MENDED: Final = {
    "look-then-act": 33,
    "one-line-two-accesses": 41,
    "lost-wake-up": 158,
    "double-answer": 59,
    "two-locks": 23,
    "lost-cancel": 93,
    "poisoned-prompt": 79,
    "reservation-gap": 161,
    "folded": 140,
    "another-s-entry": 376,
    "event-before-wait": 7,
    "cancelled-before-start": 15,
    "deadline": 13 if BEFORE_3_12 else 14,
    "lock-over-await": 16,
}
"""Level → how many states its mended code has, which is proved."""

ON_THREADS: Final = [level for level in LEVELS if isinstance(level.program, OnThreads)]
ON_A_LOOP: Final = [level for level in LEVELS if isinstance(level.program, OnALoop)]

Loaded = dict[str, Any]


@pytest.fixture(scope="module")
def written() -> str:
    return page(LEVELS)


@pytest.fixture(scope="module")
def loaded(written: str) -> dict[str, Loaded]:
    """What the page carries, by level: read out of the page as a browser would."""
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', written, re.DOTALL)
    return {each["name"]: each for each in json.loads(data)}


def shortest(graph: Loaded) -> list[int] | None:
    """The threads of a shortest way to the goal, by a breadth-first search of this test's own."""
    ways: dict[int, list[int]] = {0: []}
    waiting = deque([0])
    while waiting:
        state = waiting.popleft()
        if str(state) in graph["rests"]:
            return ways[state]
        for who, _, target, wins in graph["moves"][state]:
            if wins is not None:
                return [*ways[state], who]
            if target not in ways:
                ways[target] = [*ways[state], who]
                waiting.append(target)
    assert len(ways) == len(graph["states"]), "every state of the page can be reached"
    return None


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_a_level_is_what_it_claims(level: Level, loaded: dict[str, Loaded]) -> None:
    """So many states, and so many moves to win it: in the page, and by another search."""
    found = loaded[level.name]
    states, moves = CLAIMS[level.name]
    way = shortest(found["graph"])
    assert len(found["graph"]["states"]) == states
    assert (None if way is None else len(way)) == moves
    assert (None if found["shortest"] is None else len(found["shortest"])) == moves


@pytest.mark.parametrize("level", [each for each in LEVELS if each.mended], ids=lambda level: level.name)
def test_the_mended_code_cannot_be_broken(level: Level, loaded: dict[str, Loaded]) -> None:
    mended = loaded[level.name]["mended"]
    assert len(mended["graph"]["states"]) == MENDED[level.name]
    assert shortest(mended["graph"]) is None


@pytest.mark.parametrize("level", ON_THREADS, ids=lambda level: level.name)
def test_the_tool_says_the_same(level: Level) -> None:
    """`everyturn check`, which is another engine: as many states, as many steps, the same verdict."""
    states, moves = CLAIMS[level.name]
    said = verdict(level.program)
    assert said == (states, moves, "proved" if moves is None else "refuted")
    if level.mended is not None:
        assert verdict(level.mended) == (MENDED[level.name], None, "proved")


def verdict(program: Playable) -> tuple[int | None, int | None, str]:
    """States, steps to the violation and verdict of the tool."""
    assert isinstance(program, OnThreads)
    checked = everyturn.check(program.dispatcher, program.scope, invariants=[program.invariant], counter_check=False)
    said = checked.verdicts[program.invariant]
    return checked.states, said.steps, str(said.verdict)


@pytest.mark.parametrize("level", ON_A_LOOP, ids=lambda level: level.name)
def test_the_tool_says_the_same_of_a_loop(level: Level, loaded: dict[str, Loaded]) -> None:
    """`everyturn check --scenario`: as many states in which the world has a choice, and the same verdict; there rests
    are no states, nor are comparisons of times, which come within a step."""
    for program, graph in ((level.program, loaded[level.name]["graph"]), (level.mended, None)):
        if program is None:
            continue
        assert isinstance(program, OnALoop)
        graph = graph or loaded[level.name]["mended"]["graph"]
        checked = everyturn.check_scenario(program.scenario, counter_check=False)
        wins = shortest(graph) is not None
        assert {kind for kind, said in checked.verdicts.items() if said.verdict == "refuted"} == (
            {program.kind} if wins else set()
        )
        clock = {number for number, who in enumerate(graph["who"]) if who.removeprefix("the ").startswith("clock")}
        assert checked.cell.states == len([moves for moves in graph["moves"] if moves and moves[0][0] not in clock])


@pytest.mark.parametrize("level", ON_A_LOOP, ids=lambda level: level.name)
def test_no_run_of_the_loop_is_shorter(level: Level) -> None:
    """Every run is made, nothing is merged: the fewest choices after which one shows the fault are those claimed."""
    assert isinstance(level.program, OnALoop)
    with prepared(level.program.scenario, Setting()):
        made = list(outcomes(level.program.scenario, Setting()))
    wins = [len(run.decisions) for run in made if any(each.kind == level.program.kind for each in run.findings)]
    assert (min(wins) if wins else None) == CLAIMS[level.name][1]


@pytest.mark.parametrize("level", [each for each in ON_THREADS if CLAIMS[each.name][1]], ids=lambda level: level.name)
def test_the_solution_is_a_run_of_the_real_code(level: Level, loaded: dict[str, Loaded]) -> None:
    """Driven through SimPy thread by thread, without any table: the goal is reached at the last move, not before."""
    way = shortest(loaded[level.name]["graph"])
    assert way is not None
    assert isinstance(level.program, OnThreads)
    run = SteppedRun(World(Scope.parse(level.program.scope), level.program.dispatcher))
    wins = []
    for who in way:
        run.go_on(next(each for each in run.enabled if each.thread == who))
        wins.append(violated(level.program.invariant, run))
    assert wins == [False] * (len(way) - 1) + [True]


def violated(invariant: str, run: SteppedRun) -> bool:
    """Whether what was seen so far, and rest if nothing can move, breaks the invariant of the goal."""
    seen = run.to_rest().seen() if not run.enabled else run.seen
    return any(finding.invariant == invariant for _, finding in Judge(select([invariant])).run(seen))


def test_claims_are_of_levels_that_there_are() -> None:
    assert list(CLAIMS) == [level.name for level in LEVELS]
    assert set(MENDED) == {level.name for level in LEVELS if level.mended}


def test_the_page_needs_nothing_else(written: str) -> None:
    """No address, no file beside it; and it forbids itself to load any."""
    assert "default-src 'none'" in written
    assert re.findall(r"""(?:src|href)=["'](?!data:,|#)""", written) == []
    assert "://" not in written
    assert len(written) < 1_000_000


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All levels that there are; here, that there are two."""
    monkeypatch.setattr("everyturn.front.playing.LEVELS", LEVELS[:2])
    result = CliRunner().invoke(main, ["game", "-o", str(tmp_path / "game.html")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "game.html").read_text(encoding="utf-8") == page(LEVELS[:2])


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.name)
def test_every_level_says_what_it_needs(level: Level, loaded: dict[str, Loaded]) -> None:
    """Code of ten to forty lines, hints, a goal; a fix that changes something and is told."""
    found = loaded[level.name]
    assert 10 <= len(found["code"]) <= 40
    assert level.hints
    assert level.goal.endswith(".")
    assert bool(level.won) == (CLAIMS[level.name][1] is not None)
    if level.name != "the-real-agent":
        differences = found["before"] or found["mended"]["diff"]
        assert any(line[0] in "+-" for line in differences)
        assert level.fix


def test_every_access_has_words(loaded: dict[str, Loaded]) -> None:
    """What is told of a move names no operation as the code does; but for what comes from a level's own world."""
    raw = re.compile(r"\b(?!p\d)[a-z]+\.[a-z_]+\b")
    for level in LEVELS:
        graph = loaded[level.name]["graph"]
        said = [*graph["told"], *(stand["next"] for stand in graph["stands"])]
        assert [each for each in said if raw.search(each)] == [], level.name

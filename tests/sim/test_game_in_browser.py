"""The game in headless Chromium: every level is played to its end, by mouse and by keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.nightly import nightly, thinned
from tests.sim.browsers import CHROMIUM, Opened, browser

from everyturn.front.playing import play
from everyturn.game.levels import LEVELS

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium to open pages with: expected chromium or google-chrome (.ci/run installs it)"
)


@pytest.fixture(scope="module")
def game(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    file = play().save(tmp_path_factory.mktemp("game") / "game.html")
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    yield Opened(tab, file).go()
    tab.close()


def finish(game: Opened, name: str) -> None:
    """Play a level by its shortest way, or say that it cannot be won."""
    game.tab.evaluate(f"location.hash = '#{name}'")
    game.tab.wait_for_function(f"level.name === '{name}'")
    way = game.tab.evaluate("level.shortest")
    if way is None:
        game.press("g")
    for place in way or []:
        game.tab.click(f'button.choice[data-place="{place}"]')


@thinned(4)
@pytest.mark.parametrize(
    "level",
    [each if place % 3 == 0 else nightly(each) for place, each in enumerate(LEVELS)],
    ids=lambda level: level.name,
)
def test_every_level_can_be_played_to_its_end(game: Opened, level: Any) -> None:
    """It says what has happened; the fix holds where the same order of moves is made on it; nothing is wider than a
    phone."""
    finish(game, level.name)
    assert game.text("#result-title") == ("You did it" if level.won else "You are right: it cannot be done")
    assert (level.won or "Proved: ") in game.text("#result")
    if level.mended is not None:
        again = "Walk.follow(level.mended.graph, walk.made().map((move) => level.graph.who[move.who]))"
        assert game.tab.evaluate(f"(() => {{ const to = {again}; return [to.won, to.atRest]; }})()") == [None, True]
    assert game.tab.evaluate("document.documentElement.scrollWidth") <= 390
    game.check_quiet()


def test_progress_is_kept_and_is_not_needed(game: Opened) -> None:
    """What was done is done when the page is opened again; a browser that keeps nothing plays all the same."""
    finish(game, "two-locks")
    game.tab.reload()
    assert game.tab.locator('#levels button[aria-label="Level 7, Two locks, done"]').count() == 1
    game.tab.evaluate("localStorage.setItem('everyturn-game-1', 'no such thing')")
    game.go("#two-locks")
    assert game.tab.locator("#levels .done").count() == 0
    finish(game, "two-locks")
    assert game.text("#result-title") == "You did it"
    game.check_quiet()


def test_keys_choose_undo_and_hint(game: Opened) -> None:
    """A whole level without a mouse: a wrong way, a hint that says how far to go back, and the right one."""
    game.go("#two-locks")
    game.press("1", "1", "1")
    assert game.tab.locator("#log li").count() == 3
    game.press("h", "h", "h")
    assert "Undo one move" in game.text("#said")
    game.press("u", "2")
    assert game.text("#result-title") == "You did it"
    game.press("n")
    assert game.text("#title") == "8. The lost Cancel"
    game.check_quiet()

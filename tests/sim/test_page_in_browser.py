"""The page in headless Chromium: keys, slider, choices, addresses, names for assistive technology, and that nothing
that it shows of others' words is run or fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.nightly import thinned
from tests.sim.browsers import CHROMIUM, Opened, browser

import everyturn
from everyturn.page.assembling import html
from everyturn.page.contents import Page

HOSTILE: Final = "\"'><img src=x onerror=window.broken=1><script>window.broken=1</script>\u202e"
HOPELESS: Final = "javascript:window.broken=1"
PLAIN: Final = frozenset({"task", "client", "object", "waits", "told", "lost", "agent"})
"""Words of the schema, which mean something to the script."""

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium to open pages with: expected chromium or google-chrome (.ci/run installs it)"
)


@pytest.fixture(scope="module")
def report() -> everyturn.Report:
    found = everyturn.check("d3", "AA", invariants=["no-hang"], counter_check=False)
    return everyturn.report(found.tokens["no-hang"], invariants=["no-hang"], remedies=False)


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    made = browser.new_page(viewport={"width": 1280, "height": 900})
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tab: Any, report: everyturn.Report, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    file = tmp_path_factory.mktemp("page") / "page.html"
    report.write(file)
    return Opened(tab, file)


@pytest.fixture
def page(shared: Opened) -> Iterator[Opened]:
    """The page of a hang, at its start; after the test it has said nothing and asked for nothing."""
    yield shared.go()
    shared.check_quiet()


# steps ---------------------------------------------------------------------------------------------------------------


@thinned(2)
def test_keys_go_through_the_run(page: Opened) -> None:
    """Arrows a step, Page Up and Page Down ten, Home and End to the ends, and no further."""
    assert (page.step, page.told) == (-1, "Start: Nothing has happened yet.")
    seen = []
    for keys in (["ArrowRight"], ["ArrowDown"] * 3, ["ArrowLeft"], ["PageDown"], ["ArrowUp"], ["End"], ["ArrowRight"]):
        page.press(*keys)
        seen.append(page.step)
    assert seen == [0, 3, 2, 12, 11, 44, 44]
    assert page.told == "Rest: Nothing can move any more."
    page.press("Home", "ArrowLeft")
    assert page.step == -1


def test_keys_that_scroll_do_so_until_the_steps_are_in_sight(page: Opened) -> None:
    """The first screen can be read on; whoever goes to a step from there is brought to it, also by a link."""
    in_sight = "document.getElementById('controls').getBoundingClientRect().top < innerHeight / 2"
    page.press("PageDown", "ArrowDown", "End")
    assert page.step == -1
    page.tab.evaluate("scrollTo(0, 0)")
    page.tab.locator("#claims button", has_text="step").first.click()
    assert page.step >= 0
    assert page.tab.evaluate(in_sight)
    page.tab.evaluate("scrollTo(0, 0)")
    page.press("ArrowRight")
    assert page.tab.evaluate(in_sight)
    page.tab.reload()
    assert page.tab.evaluate(in_sight)


def test_enter_in_the_search_goes_to_the_next_step_that_is_shown(page: Opened) -> None:
    page.tab.locator("#search").fill("is submitted")
    page.tab.locator("#search").press("Enter")
    first = page.step
    page.tab.locator("#search").press("Enter")
    assert "is submitted" in page.told
    assert page.step != first


def test_the_words_are_those_of_the_run_that_is_shown(page: Opened) -> None:
    """The scope's own letters, and the dispatcher's name."""
    words = page.tab.locator("#words li").all_text_contents()
    assert any(line.startswith("AA: what runs. A: an accepted prompt with run id") for line in words)
    assert not any("AA+1c" in line for line in words)


def test_the_slider_goes_to_any_step(page: Opened) -> None:
    slider = page.tab.locator("#slider")
    slider.fill("14")
    assert page.told == "Step 14: p2 is queued"
    assert slider.get_attribute("aria-valuetext") == page.told
    slider.press("ArrowRight")
    assert page.step == 15


def test_the_first_screen_says_what_went_wrong_and_leads_there(page: Opened) -> None:
    assert page.text("#title").startswith("p2's client waits for ever: ")
    assert page.text("#exact") == "no-hang is violated by d3-locked-drain in AA"
    page.tab.locator("#claims").get_by_role("button", name="step 21").click()
    assert page.step == 21
    assert "for call in await self.ports.queue.get():" in page.text("#source")
    marked = page.tab.locator("#jumps button").all_inner_texts()
    assert {"① 14", "② 21", "⚑ 10", "◇ 4", "✗ rest"} <= set(marked)


def test_a_step_shows_what_changed_inside_of_values(page: Opened) -> None:
    page.tab.locator("#slider").fill("14")
    come = page.tab.locator("#state ins").all_inner_texts()
    assert [text for text in come if text.startswith("Call{prompt: p2")] != []
    page.tab.locator("#slider").fill("13")
    assert page.tab.locator("#state ins").count() == 0
    page.tab.locator("#everything").check()
    assert "mutex" in page.text("#state dl")


def test_who_waits_for_whom_is_said(page: Opened) -> None:
    page.tab.locator("#slider").fill("6")
    assert "p2 waits: mutex.lock, waits for p1" in page.text("#waiting")
    page.press("End")
    assert "p2's client waits to be told, since step 0: for ever" in page.text("#waiting")


def test_an_invariant_is_violated_from_its_step_on(page: Opened) -> None:
    page.press("ArrowRight", "End")
    assert "✗ no-hang – violated at rest" in page.text("#rules")
    page.press("ArrowLeft")
    assert "✓ no-hang – not violated so far" in page.text("#rules")


# the reader is the scheduler -----------------------------------------------------------------------------------------


@thinned(2)
def test_another_choice_leads_to_another_run(page: Opened) -> None:
    """At step 4 the nearest run that passes lets p2 go first; so does the reader, and all is well."""
    page.tab.locator("#slider").fill("3")
    choices = page.tab.locator("#choices ol button")
    assert [text.strip() for text in choices.all_inner_texts()] == [
        "p1 takes the dispatch mutex – as in this run",
        "p2 takes the dispatch mutex",
    ]
    choices.nth(1).click()
    assert page.told == "Step 4: p2 takes the dispatch mutex"
    while (onwards := page.tab.locator("#choices ol button", has_text="p2")).count():
        onwards.first.click()
    page.tab.get_by_role("button", name="Let it run on from here").click()
    assert "Nothing is violated in this run" in page.text("#choices")
    page.tab.get_by_role("button", name="Back to the run that was found").click()
    page.press("End")
    assert "✗ Violated: " in page.text("#choices")
    assert "no-hang" in page.text("#choices")


def test_numbers_choose_and_the_choice_of_the_run_is_a_step_of_it(page: Opened) -> None:
    page.tab.locator("#slider").fill("3")
    page.press("1")
    assert (page.step, page.tab.locator("#runs button").count()) == (4, 2)
    page.press("ArrowLeft", "2")
    assert (page.step, page.tab.locator("#runs button").count()) == (4, 3)


def test_an_address_holds_the_run_and_the_step(page: Opened) -> None:
    page.tab.locator("#slider").fill("3")
    page.press("2", "1", "1")
    address = page.tab.evaluate("location.hash")
    told, state = page.told, page.text("#waiting")
    page.go(address)
    assert (page.told, page.text("#waiting")) == (told, state)
    assert page.tab.locator("#link").get_attribute("href") == address
    page.go("#run=passing&step=7")
    assert page.told == "Step 7: p2's turn begins"


@thinned(2)
def test_a_wrong_address_opens_the_page_all_the_same(page: Opened) -> None:
    for address in ("#step=x", "#step=1e9", "#run=0.99.0", "#story=7&run=constructor", "#%", "#step=-5"):
        page.go(address)
        page.press("Home", "ArrowRight")
        assert page.step == 0, address


# looking for something -----------------------------------------------------------------------------------------------


def test_steps_are_searched_and_filtered(page: Opened) -> None:
    page.tab.locator("#search").fill("FOLDS")
    assert page.text("#shown") == "2 of 45 steps"  # and rest
    page.tab.locator("#search").fill("")
    page.tab.locator("#filter-object").select_option("queue")
    shown = [text for text in page.tab.locator("#steps .words").all_inner_texts() if "Nothing can move" not in text]
    assert shown
    assert all("queue" in text for text in shown)
    page.tab.locator("#filter-object").select_option("")
    page.tab.locator("#filter-prompt").select_option("p2")
    words = page.tab.locator("#steps .words").all_inner_texts()
    assert "p2 is queued" in words
    assert "p1 takes the dispatch mutex" not in words


def test_expressions_are_watched_along_the_run(page: Opened) -> None:
    page.tab.locator("#expression").fill('len(queue) > 0 and mutex == "p1"')
    page.tab.locator("#expression").press("Enter")
    history = page.tab.locator(".history button")
    assert history.all_inner_texts() == ["start: false", "step 20: true", "step 23: false"]
    history.nth(1).click()
    assert page.step == 20


EXPRESSIONS: Final = (
    ("window", "there is no window here"),
    ("constructor", "there is no constructor here"),
    ("queue.constructor", "none"),
    ('queue["__proto__"]', "none"),
    ("len(", "expected more, found the end"),
    ("1 +", "expected more, found the end"),
    ("mutex = 3", "expected an expression, found ="),
    ("(" * 80, "expected fewer parentheses"),
    ("p1.phase == 'new' or 1 in [1, 2]", "true"),
    ("not (1 < 2) or 'a' not in 'b'", "true"),
    ("2 - 1 + 4", "5"),
)
"""An expression, and what is said of it at the start."""


def test_an_expression_can_only_look(page: Opened) -> None:
    for text, said in EXPRESSIONS:
        page.tab.locator("#expression").fill(text)
        page.tab.locator("#expression").press("Enter")
        assert said in page.tab.locator(".watched li").last.inner_text(), text


def test_the_run_that_passes_stands_beside(page: Opened) -> None:
    """What only one of the two does is marked, and each step leads to itself."""
    assert page.text("#beside caption") == "The same up to step 3; marked: what only one of them does."
    assert page.tab.locator("#beside tr.differs").count() > 10
    page.tab.locator("#beside td:last-child button").nth(1).click()
    assert page.tab.get_by_role("button", name="a run without it").get_attribute("aria-pressed") == "true"


# for everybody -------------------------------------------------------------------------------------------------------


def test_everything_has_a_role_and_a_name(page: Opened) -> None:
    page.tab.locator("#slider").fill("14")
    nameless = page.tab.evaluate(
        """() => [...document.querySelectorAll("button, input, select, section, nav, ol, [role]")]
          .filter((each) => !each.closest("#lanes, li ol, li ul") && each.offsetParent !== null)
          .filter((each) => !(each.innerText || each.getAttribute("aria-label") || each.getAttribute("aria-labelledby")
            || each.labels?.length || each.value))
          .map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
    for role, name in (
        ("toolbar", "Steps"),
        ("slider", "Step"),
        ("search", "Steps to be shown"),
        ("status", None),
        ("main", None),
        ("heading", "You are the scheduler: who goes next?"),
        ("list", "Steps, in order"),
    ):
        assert page.tab.get_by_role(role, name=name).count() >= 1, (role, name)
    assert page.tab.locator("#steps [aria-current=step]").inner_text().endswith("p2 is queued")


def test_the_keyboard_alone_reaches_everything(page: Opened) -> None:
    """Tab comes to the controls, the filters, the choices and the expression; Enter does what a click does."""
    page.go("#step=3")
    reached = set()
    for _ in range(90):
        page.press("Tab")
        reached.add(page.tab.evaluate("document.activeElement.id || document.activeElement.closest('[id]')?.id"))
    assert {"first", "slider", "search", "choices-in", "expression", "everything", "claims"} <= reached
    page.tab.locator("#choices ol button").nth(1).focus()
    page.press("Enter")
    assert page.told == "Step 4: p2 takes the dispatch mutex"


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_page_is_wider_than_its_screen(page: Opened, width: int) -> None:
    page.tab.set_viewport_size({"width": width, "height": 844})
    page.go("#step=14")
    wide = page.tab.evaluate("document.scrollingElement.scrollWidth")
    page.tab.set_viewport_size({"width": 1280, "height": 900})
    assert wide <= width


def test_dark_where_the_reader_is_and_whole_on_paper(page: Opened) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.tab.evaluate(colour)
    page.tab.emulate_media(color_scheme="dark")
    assert page.tab.evaluate(colour) != light
    page.tab.emulate_media(color_scheme="light", media="print")
    rows = page.tab.evaluate(
        "[document.querySelector('#chart').scrollHeight, document.querySelector('#chart').clientHeight]"
    )
    assert rows[0] == rows[1]
    assert not page.tab.locator("#controls").is_visible()
    page.tab.emulate_media(media="screen")


# others' words -------------------------------------------------------------------------------------------------------


def spoilt(value: Any) -> Any:
    """The same with hostile text in every word that is not the schema's."""
    if isinstance(value, str):
        return value if value in PLAIN else f"{value}{HOSTILE}"
    if isinstance(value, list):
        return [spoilt(each) for each in value]
    if isinstance(value, dict):
        return {key: each if key in ("kind", "verb", "schema") else spoilt(each) for key, each in value.items()}
    return value


def test_hostile_words_are_shown_and_do_nothing(tab: Any, report: everyturn.Report, tmp_path: Path) -> None:
    """Every name, sentence, line and value may be hostile: it is text, in the page and in its address."""
    data = spoilt(msgspec.to_builtins(report.page, str_keys=True))
    data["stories"] *= 2
    file = tmp_path / "hostile.html"
    file.write_text(html(msgspec.convert(data, Page, strict=False)), encoding="utf-8")
    page = Opened(tab, file).go(f"#step=14&run={HOPELESS}&story=2")
    for keys in (["End"], ["Home"], ["ArrowRight"] * 6, ["2"]):
        page.press(*keys)
    page.tab.locator("#everything").check()
    page.tab.locator("#expression").fill(HOSTILE)
    page.tab.locator("#expression").press("Enter")
    page.tab.locator("#stories button").nth(1).click()
    assert page.tab.evaluate("window.broken") is None
    assert page.tab.locator("img").count() == 0
    assert page.tab.locator("script").count() == 2
    assert page.tab.locator("a:not([href^='#'])").count() == 0
    assert "<img src=x" in page.text("#title")
    page.check_quiet()

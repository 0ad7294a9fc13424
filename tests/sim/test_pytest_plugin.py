"""The pytest plugin, as a project that has installed everyturn meets it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest

import everyturn
import everyturn.plugin.async_tests
import everyturn.plugin.fixture  # a run of pytest within pytest forgets what it has imported itself

pytest_plugins = ("pytester",)

ROOT: Final = Path(__file__).resolve().parents[2]
PLUGIN: Final = () if "everyturn" in entry_points(group="pytest11").names else ("-p", "everyturn.plugin.hooks")
"""The plugin by its name, in an environment that was made before it had an entry point."""
ALWAYS: Final = (
    *PLUGIN,
    "-W",
    "error",
    "--strict-markers",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:randomly",
    "-p",
    "no:hypothesispytest",
)
TOKEN: Final = re.compile(r"^  pytest (\S+) --everyturn-replay (\S+)$", re.MULTILINE)

PORTS = """
import pytest
import everyturn

@pytest.mark.everyturn(revision="{revision}", scope="A{extra}", invariants=["no-lost-cancel"], runs=60)
def test_it(everyturn):
    everyturn.{call}
"""
CHAT = """
import asyncio
import pytest
import everyturn as et

class Chat:
    def __init__(self, model):
        self.model, self.busy, self.queue = model, False, []

    async def ask(self, prompt):
        if self.busy:
            waiting = asyncio.get_running_loop().create_future()
            self.queue.append((prompt, waiting))
            return await waiting
        self.busy = True
        answer = await self.model(prompt)
        {serve}
        self.busy = False
        return answer

@pytest.mark.everyturn
async def test_chat(world):
    chat = Chat(lambda prompt: world.io(f"model {{prompt}}", "answer"))

    async def user(prompt):
        await world.io(f"user {{prompt}}")
        assert await chat.ask(prompt) == "answer"

    await asyncio.gather(user("a"), user("b"))
"""
MENDED = """while self.queue:
            later, waiting = self.queue.pop(0)
            waiting.set_result(await self.model(later))"""
"""The chat that is right: whoever is in the queue when the turn ends is served."""


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """What is imported where it is used is used once."""
    everyturn.check("d0", "A+1c", invariants=["no-lost-cancel"]).explain()


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*ALWAYS, *arguments)


def ports(revision: str = "d4", extra: str = "+1c", call: str = "check()") -> str:
    return PORTS.format(revision=revision, extra=extra, call=call)


# an agent against ports --------------------------------------------------------------------------------------------


@pytest.fixture
def refuted(pytester: pytest.Pytester) -> str:
    """What a failing test prints: before d1 a Cancel did not cover a prompt on its way."""
    pytester.makepyfile(test_agent=ports("d0"))
    found = run(pytester)
    found.assert_outcomes(failed=1)
    return str(found.stdout)


def test_a_proof_passes(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_agent=ports("hardened"))
    found = run(pytester)
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["everyturn: 1 proved"])


def test_a_refutation_is_told_explained_and_can_be_made_again(pytester: pytest.Pytester, refuted: str) -> None:
    """The shrunk run, why it happens, and a line that makes it again without a change of the test."""
    assert "refuted: no-lost-cancel: p1 was there when a Cancel began" in refuted
    assert "What happened" in refuted
    assert "Point of no return" in refuted
    assert "everyturn: 1 refuted" in refuted
    (path, token) = TOKEN.findall(refuted)[0]
    assert path == "test_agent.py::test_it"
    again = run(pytester, path, "--everyturn-replay", token)
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["refuted: no-lost-cancel", "everyturn.replay(agent='d0', *", "  *p1's turn begins*"])


def test_a_run_made_again_by_cured_code_passes(pytester: pytest.Pytester) -> None:
    """The token of a run of a class; the class is mended, its name stays."""
    source = """
import pytest
import everyturn

class Mine(everyturn.revisions.{base}):
    pass

@pytest.mark.everyturn(agent=Mine, scope="A+1c", invariants=["no-lost-cancel"])
def test_it(everyturn):
    assert everyturn.check().states > 1
"""
    pytester.makepyfile(test_agent=source.format(base="NoAccept"))
    found = run(pytester)
    found.assert_outcomes(failed=1)
    token = TOKEN.findall(str(found.stdout))[0][1]
    pytester.makepyfile(test_agent=source.format(base="Hardened"))
    sys.modules.pop("test_agent", None)
    again = run(pytester, "--everyturn-replay", token, "-rP")
    again.assert_outcomes(passed=1)
    again.stdout.fnmatch_lines(["*nothing is violated by this run", "everyturn: 1 holds"])


def test_a_run_of_something_else_is_not_made(pytester: pytest.Pytester, refuted: str) -> None:
    """A token of another agent's run is no answer to the question of this test."""
    pytester.makepyfile(test_agent=ports("hardened"))
    found = run(pytester, "--everyturn-replay", TOKEN.findall(refuted)[0][1], "-rs")
    found.assert_outcomes(skipped=1)
    found.stdout.fnmatch_lines(["*the token is of agent d0-no-accept, and the test asks about agent hardened*"])


def test_a_token_in_the_test_is_made_again(pytester: pytest.Pytester, refuted: str) -> None:
    token = TOKEN.findall(refuted)[0][1]
    pytester.makepyfile(test_agent=ports("d0", call=f"replay('{token}')"))
    run(pytester).assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("options", "lines", "said"),
    [
        ((), "", "runs=60, {0}); schedules 60; seed 0; strategy portfolio"),
        ((), "everyturn_seed = 5\neveryturn_runs = 9", "runs=60, seed=5, {0}); schedules 60; seed 5; *"),
        (
            ("--everyturn-seed", "7", "--everyturn-runs", "20"),
            "everyturn_seed = 5",
            "runs=20, seed=7, {0}); *; seed 7; *",
        ),
        (
            ("--everyturn-strategy", "pct:3"),
            "",
            "strategy='pct:3', runs=60, {0}); schedules 60; seed 0; strategy pct:3",
        ),
    ],
)
def test_a_sample_has_the_words_of_test_line_and_configuration(
    pytester: pytest.Pytester, options: tuple[str, ...], lines: str, said: str
) -> None:
    """The command line counts more than the marker, and the marker more than the configuration; the seed is told."""
    pytester.makepyfile(test_agent=ports("d0", call="fuzz()"))
    pytester.makeini(f"[pytest]\n{lines}")
    found = run(pytester, *options)
    found.assert_outcomes(failed=1)
    words = said.format("invariants=[[]'no-lost-cancel']")
    found.stdout.fnmatch_lines([f"everyturn.fuzz(agent='d0', scope='A+1c', {words}"])


@pytest.mark.parametrize("options", [("--everyturn-seed", "random"), ("-o", "everyturn_seed=random")])
def test_a_drawn_seed_is_printed(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    """In the header, so that it is known whatever happens later, and as the seed of what was asked."""
    pytester.makepyfile(test_agent=ports("d0", call="fuzz()"))
    shown = str(run(pytester, *options).stdout)
    (seed,) = re.findall(r"^everyturn: seed (\d+)$", shown, re.MULTILINE)
    assert f"everyturn: 1 refuted; seed {seed}" in shown


def test_who_interrupts_is_told_the_seed(pytester: pytest.Pytester) -> None:
    """Ctrl-C in the middle of a sample ends pytest, as it does everywhere, and says what can be done again."""
    pytester.makepyfile(
        test_agent="""
import _thread
import threading
import pytest

@pytest.mark.everyturn(revision="hardened", scope="A", strategy="random-walk")
def test_it(everyturn):
    threading.Timer(0.3, _thread.interrupt_main).start()
    everyturn.fuzz(runs=1_000_000)
"""
    )
    found = pytester.runpytest_inprocess(*ALWAYS, no_reraise_ctrlc=True)
    assert found.ret == pytest.ExitCode.INTERRUPTED
    found.stdout.fnmatch_lines(
        ["everyturn: interrupted: fuzz(agent='hardened', scope='A', *; seed 0", "*KeyboardInterrupt*"]
    )


def test_undetermined_fails_unless_it_is_allowed(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_agent=ports("hardened", call="check(max_states=10)"))
    found = run(pytester)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["undetermined (10 states): nothing is refuted, not all is proved*"])
    run(pytester, "--everyturn-allow-undetermined").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\neveryturn_allow_undetermined = true")
    run(pytester).assert_outcomes(passed=1)


def test_what_is_not_promised_is_no_pass(pytester: pytest.Pytester) -> None:
    """If nothing of what was asked is promised, there is no verdict."""
    pytester.makepyfile(
        test_agent=ports("Mine")
        .replace('"Mine"', "Mine")
        .replace("revision=", "agent=")
        .replace(
            "import everyturn\n",
            "import everyturn\nclass Mine(everyturn.revisions.Hardened):\n"
            "    promises = everyturn.Promises(cancel='nothing')\n",
        )
    )
    found = run(pytester)
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["not promised: expected something that could be judged; found nothing*"])


def test_files_of_a_failure(pytester: pytest.Pytester) -> None:
    """The story with its token, the run as a trace that `everyturn replay` reads, and a page to step through."""
    pytester.makepyfile(test_agent=ports("d0"))
    run(pytester, "--everyturn-report-dir", "found", "--everyturn-no-shrink")
    folder = pytester.path / "found" / "test_agent.py_test_it"
    assert TOKEN.search((folder / "story.txt").read_text(encoding="utf-8"))
    assert everyturn.replay(folder / "run.jsonl", invariants=["no-lost-cancel"]).violated == ["no-lost-cancel"]
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "<title>no-lost-cancel is violated by d0-no-accept in A+1c</title>" in page


def test_counts_and_verdict_are_properties_also_from_other_processes(pytester: pytest.Pytester) -> None:
    """JUnit's file has them, with xdist, too."""
    pytester.makepyfile(test_agent=ports("hardened"))
    written = pytester.path / "junit.xml"
    found = pytester.runpytest_subprocess(*ALWAYS, "-n", "1", f"--junitxml={written}")
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["everyturn: 1 proved"])
    properties = {each.get("name"): each.get("value") for each in ET.parse(written).iter("property")}
    assert properties["everyturn.verdict"] == "proved"
    assert int(str(properties["everyturn.states"])) > 100


def test_github_is_told_file_line_and_verdicts(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """An annotation where the failing test stands, and a table in the job's summary; elsewhere neither."""
    pytester.makepyfile(test_agent=ports("d0"), test_good=ports("hardened"))
    assert "::error" not in str(run(pytester).stdout)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    found = run(pytester)
    place = "file=test_agent.py,line=4,title=test_agent.py%3A%3Atest_it"
    found.stdout.fnmatch_lines([f"::error {place}::refuted: no-lost-cancel: p1 was there when a Cancel began, *"])
    summary = (pytester.path / "summary.md").read_text(encoding="utf-8")
    token = TOKEN.findall(str(found.stdout))[0][1]
    assert re.search(rf"\| test_agent.py::test_it \| refuted \| check\(agent='d0', .*\) \| {token} \|", summary)
    assert "| test_good.py::test_it | proved | check(agent='hardened'," in summary
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path))
    assert f"GITHUB_STEP_SUMMARY {pytester.path}: expected a file that can be written" in str(run(pytester).stdout)


# mistakes ----------------------------------------------------------------------------------------------------------

_NO_WORD: Final = "word 'scop': expected one of a marker for revision=; found none of that name: did you mean scope?"


@pytest.mark.parametrize(
    ("marker", "test", "said"),
    [
        ('revision="d4", scop="AA"', "(everyturn):\n    everyturn.check()", _NO_WORD),
        ('revision="d4", scope="AZ"', "(everyturn):\n    everyturn.check()", "scope 'AZ': expected prompts *"),
        ('revision="d99", scope="A"', "(everyturn):\n    everyturn.check()", "revision 'd99': expected one of *"),
        ('revision="d4"', "(everyturn):\n    everyturn.check()", "expected scope=…, which revision= needs; found none"),
        (
            'scope="A"',
            "(everyturn):\n    everyturn.check()",
            "expected one of revision=, agent=, session=, scenario=, *",
        ),
        (
            'revision="d4", agent="d4", scope="A"',
            "(everyturn):\n    everyturn.check()",
            "expected one of *found revision*",
        ),
        (
            '"d4", "A"',
            "(everyturn):\n    everyturn.check()",
            "expected words with names, as in revision='d4'; found 'd4'",
        ),
        (
            'revision="d4", scope="A"',
            "(everyturn):\n    everyturn.check(runs=3)",
            "word 'runs': expected one of check()*",
        ),
        ('revision="d4", scope="A"', "(everyturn):\n    everyturn.replay('x')", "*'x': expected a token*"),
        ('revision="d4", scope="A", invariants=["x"]', "(everyturn):\n    everyturn.check()", "invariant 'x': *"),
        ('revision="d4", scope="A"', "(everyturn):\n    pass", "expected everyturn.check(), *found that nothing was*"),
        ('revision="d4", scope="A"', "():\n    pass", "marker everyturn: expected the test to take the fixture*"),
    ],
)
def test_mistakes_are_told_with_file_and_line(pytester: pytest.Pytester, marker: str, test: str, said: str) -> None:
    """Nothing passes that has checked nothing, and nobody has to read a traceback."""
    path = pytester.makepyfile(test_it=f"import pytest\n\n@pytest.mark.everyturn({marker})\ndef test_it{test}\n")
    found = run(pytester)
    outcomes = found.parseoutcomes()
    assert outcomes.get("passed", 0) == 0
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1
    lines = [line for line in found.outlines if line.startswith(f"{path}:3: ")]
    assert len(lines) == 1
    pytest.LineMatcher([lines[0].removeprefix(f"{path}:3: ").removeprefix("everyturn: ")]).fnmatch_lines([said])
    assert "Traceback" not in str(found.stdout)
    assert "During handling" not in str(found.stdout)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--everyturn-seed", "x"), "--everyturn-seed: expected a whole number from 0; found 'x'"),
        (("--everyturn-runs", "0"), "--everyturn-runs: expected a whole number from 1; found '0'"),
        (
            ("--everyturn-max-seconds", "nan"),
            "--everyturn-max-seconds: expected a duration such as 60s, 5m or 2h, or a number of seconds; found 'nan'",
        ),
        (("--everyturn-replay", "et2-x"), "token 'et2-x': its checksum does not match: it was cut off or changed"),
        (("--everyturn-strategy", "pct:x"), "--everyturn-strategy: strategy 'pct:x': expected a number from 1 to *"),
        (("--everyturn-strategy", "ptc"), "--everyturn-strategy: strategy 'ptc': expected *"),
        (("--everyturn-report-dir", "here.txt"), "here.txt: expected a folder that can be written; found that *"),
        (("--everyturn-report-dir", "here.txt/x"), "here.txt/x: expected a folder that can be written; found that *"),
        (("-o", "everyturn_runs=many"), "everyturn_runs: expected a whole number from 1; found 'many'"),
    ],
)
def test_wrong_options_are_told_before_any_test(pytester: pytest.Pytester, options: tuple[str, ...], said: str) -> None:
    pytester.makepyfile(test_agent=ports("hardened"))
    (pytester.path / "here.txt").touch()
    found = run(pytester, *options)
    assert found.ret is pytest.ExitCode.USAGE_ERROR
    assert "test_agent" not in str(found.stdout)
    found.stderr.fnmatch_lines([f"ERROR: everyturn: {said}"])
    assert "Traceback" not in str(found.stderr)


# what it costs -----------------------------------------------------------------------------------------------------


def test_the_plugin_is_found_by_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"everyturn": "everyturn.plugin.hooks"}
    assert not [each for each in project["dependencies"] if "pytest" in each or "hypothesis" in each]


def test_the_plugin_imports_nothing_but_pytest() -> None:
    """It is loaded in every run of pytest, also where nobody asks it anything."""
    code = (
        "import sys, pytest; before = set(sys.modules); import everyturn.plugin.hooks; "
        "print(sorted(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "['everyturn', 'everyturn.plugin', 'everyturn.plugin.hooks']"

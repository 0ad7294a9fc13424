"""The guide to checking an agent in one's own tests: its files, saved as it says, do what it shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import pytest
from tests.nightly import at_night

from everyturn.cli.ending import VERDICTS
from everyturn.hypothesis import client_machine, machine
from everyturn.plugin import async_tests, fixture
from everyturn.verdicts.verdict import Exit

pytest_plugins = ("pytester",)

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
PYTHON: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_IMPORTED: Final = (async_tests, client_machine, fixture, machine)
"""A run of pytest within pytest forgets what it has imported itself."""
SHOWN: Final = re.compile(r"^```console\n\$ pytest (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PLUGIN: Final = () if "everyturn" in entry_points(group="pytest11").names else ("-p", "everyturn.plugin.hooks")
"""The plugin by its name, in an environment that was made before it had an entry point."""
OPTIONS: Final = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-W", "error")


@pytest.fixture
def project(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    """A folder with the files of the page."""
    saved = re.findall(r"[Ss]ave this as\s`(\w+\.py)`.*?^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    own = PYTHON.findall((ROOT / "docs" / "your_own_agent.md").read_text(encoding="utf-8"))[0]
    assert len(saved) == 5
    for name, block in (*saved, ("my_agent.py", own)):
        (pytester.path / name).write_text(block, encoding="utf-8")
    pytester.syspathinsert()
    yield pytester
    for name in ("chat", "test_chat", "my_agent", "test_my_agent", "test_my_agent_drawn", "test_chat_drawn"):
        sys.modules.pop(name, None)


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*PLUGIN, *OPTIONS, *arguments)


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        pytest.param(file, shown, id=file, marks=at_night if file == "test_chat_drawn.py" else ())
        for file, shown in SHOWN.findall(PAGE)
    ],
)
def test_what_the_page_shows_is_printed(project: pytest.Pytester, file: str, shown: str) -> None:
    """Line by line and in this order; an ellipsis stands for what is left out."""
    lines = [line.replace("[", "[[]").replace("…", "*") for line in shown.splitlines()]
    found = run(project, file)
    found.stdout.fnmatch_lines(lines)
    assert found.ret == 1


def test_what_is_drawn_passes(project: pytest.Pytester) -> None:
    """The property and the machine of the page."""
    run(project, "test_my_agent_drawn.py").assert_outcomes(passed=2)


def test_the_cure_of_the_page_is_proved(project: pytest.Pytester) -> None:
    """The line that saves, moved above the loop; the run that hung is made again and does not."""
    token = re.findall(r"--everyturn-replay (\S+)", str(run(project, "test_chat.py").stdout))[0]
    source = (project.path / "chat.py").read_text(encoding="utf-8")
    save = "        await self.save(prompt)\n"
    cured = source.replace(save, "").replace("        while self.queue", f"{save}        while self.queue")
    (project.path / "chat.py").write_text(cured, encoding="utf-8")
    for name in ("chat", "test_chat"):
        sys.modules.pop(name, None)
    found = run(project, "test_chat.py")
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["everyturn: 1 proved"])
    run(project, "test_chat.py", "--everyturn-replay", token).assert_outcomes(passed=1)


def test_the_exit_codes_of_the_page_are_those_of_the_commands() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert told == {int(each) for each in Exit}
    assert set(VERDICTS) <= told


def test_the_options_of_the_page_are_those_of_the_plugin(project: pytest.Pytester) -> None:
    """Each has its row, and each row is one."""
    helped = set(re.findall(r"--everyturn-[a-z-]+", str(run(project, "--help").stdout)))
    assert set(re.findall(r"^\| `(--everyturn-[a-z-]+)", PAGE, re.MULTILINE)) == helped

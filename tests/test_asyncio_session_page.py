"""The guide to sessions of asyncio agents: what it shows is what is printed, and what stands in the files."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.sim.test_session_mistakes import SAID

from everyturn.cli import main

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "asyncio_session.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```console\n\$ everyturn (.+)\n((?:.*\n)*?)```", PAGE, re.MULTILINE)
"""Commands, and what stands below them."""


def plain(output: str) -> list[str]:
    """The lines of an output without what differs from run to run, seconds and what the counter-check came to in its
    time, and from Python to Python, counts; tokens, which are long, are cut in the page."""
    timeless = re.sub(r"ea1-\S+", "ea1-…", re.sub(r"\d+\.\d\d s\b", "… s", output))
    timeless = re.sub(r"counter-checked: .*", "counter-checked: …", timeless)
    if sys.version_info[:2] != (3, 11):
        timeless = re.sub(r"[\d,]+ (runs|states|merged|decisions|schedules)", r"… \1", timeless)
    return [line.rstrip() for line in timeless.rstrip().splitlines()]


def test_the_page_shows_refutations_their_stories_and_proofs() -> None:
    """Otherwise the next test would pass by looking at nothing."""
    asked = [command.split()[0] for command, _ in SHOWN]
    assert asked == ["check", "replay", "explain", "check", "replay", "check", "fuzz"]


def test_what_the_page_shows_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Command by command; a TOKEN is the first that the command before it has printed."""
    monkeypatch.chdir(ROOT)
    token = ""
    for command, shown in SHOWN:
        result = CliRunner().invoke(main, shlex.split(command.replace("TOKEN", token)))
        assert _without_what_is_left_out(plain(result.output), plain(shown)) == plain(shown)
        assert result.exit_code == ("✗" in shown)
        token = next(iter(re.findall(r"ea1-\S+", result.output)), token)


def test_the_code_of_the_page_is_that_of_the_examples() -> None:
    files = [
        _squeezed((ROOT / "examples" / "sessions" / name).read_text(encoding="utf-8"))
        for name in ("chat.py", "adapter.py")
    ]
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        assert any(_squeezed(block) in file for file in files), block


def _squeezed(code: str) -> str:
    """Code without its indentation and its empty lines."""
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())


def test_the_adapter_has_about_thirty_lines() -> None:
    code = (ROOT / "examples" / "sessions" / "adapter.py").read_text(encoding="utf-8").split('"""', 2)[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 30


def test_every_mistake_of_the_page_is_one_that_is_tested() -> None:
    told = re.findall(r"^\| [^|]* \| `(.*)` \|$", PAGE.split("## Commonest mistakes")[1], re.MULTILINE)
    assert set(told) <= set(SAID.values())
    assert len(told) >= 20


def _without_what_is_left_out(printed: list[str], shown: list[str]) -> list[str]:
    """What is printed, but with a line of three dots where the page has one."""
    if "…" not in shown:
        return printed
    before, behind = shown.index("…"), len(shown) - shown.index("…") - 1
    return [*printed[:before], "…", *printed[len(printed) - behind :]]

"""`everyturn replay` shows values: what a step read, and what it changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

import everyturn
from everyturn.asyncio.checking import replay
from everyturn.cli import main
from everyturn.page.told_with_values import lines_with_values
from everyturn.sessions.by_name import workload_of

HANGS: Final = str(Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl")
RACY: Final = "examples.scenarios.two_users:racy"
CHAT: Final = "examples.sessions.adapter:Chat"


def replayed(*arguments: str) -> list[str]:
    return [line.strip() for line in CliRunner().invoke(main, ["replay", *arguments]).stdout.splitlines()]


def below(lines: list[str], line: str) -> list[str]:
    """What stands below the first line that begins so, up to the next numbered one."""
    at = next(at for at, each in enumerate(lines) if each.startswith(line)) + 1
    end = next(end for end in range(at, len(lines)) if lines[end][:1].isdigit() or lines[end][:1] in "✗✓")
    return lines[at:end]


def test_a_dispatchers_steps_show_what_they_read_and_changed() -> None:
    """A read that finds nothing says so; a queue is shown before and after."""
    lines = replayed(HANGS)
    assert below(lines, "14  p2  active.get") == ["active.get = p1/p1"]
    assert below(lines, "15  p2  queue.get") == ["queue.get = empty"]
    p2 = "[Call{prompt: p2, text: p2, run_id: r2, sequence: 2}]"
    assert below(lines, "16  p2  queue.set") == [f"queue: empty → {p2}"]
    assert below(lines, "21  p1  queue.get") == [f"queue.get = {p2}"]
    assert below(lines, "23  p1  queue.delete") == [f"queue: {p2} → empty"]


def test_a_scenarios_steps_show_what_became_of_its_objects_and_variables() -> None:
    token = everyturn.check_scenario(RACY, counter_check=False).tokens["hang"]
    lines = replayed(token, "--scenario", RACY)
    assert "chat.busy: no → yes" in below(lines, "5  Task-1 (_two_users.<locals>.user) waits")
    assert below(lines, "7  Task-1 (_two_users.<locals>.user) waits") == ["Task-1 (user).answer = answer:hello"]
    assert "chat.queue: empty → [[there, future, not done]]" in below(lines, "9  Task-2")
    assert below(lines, "11  Task-1 (_two_users.<locals>.user) ends") == ["chat.busy: yes → no"]


@pytest.mark.parametrize("is_session", [False, True])
def test_values_leave_the_story_as_it_is(is_session: bool) -> None:
    """The numbered lines are those that an explanation has, in their order; values only stand between them."""
    if is_session:
        token = everyturn.check_session(CHAT, "A+1c", invariants=["no-hang"], counter_check=False).tokens["no-hang"]
    else:
        token = everyturn.check_scenario(RACY, counter_check=False).tokens["hang"]
    run = replay(token, workload_of(token, CHAT) if is_session else RACY)
    lines = lines_with_values(run)
    assert [line for line in lines if line[:4].strip()] == run.lines
    assert len(lines) > len(run.lines)

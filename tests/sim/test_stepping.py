"""`everyturn replay --step`: what it shows is what the page holds, and any input comes to a clean end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner, Result

import everyturn
from everyturn.cli import main, stepping
from everyturn.reports.differences import brief, differences

HANGS: Final = str(Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl")
RACY: Final = "examples.scenarios.two_users:racy"
CHAT: Final = "examples.sessions.adapter:Chat"


def stepped(*arguments: str, typed: str | bytes = "") -> Result:
    return CliRunner().invoke(main, ["replay", *arguments, "--step"], input=typed)


def last_step(output: str) -> list[str]:
    """The lines of the step that was shown last."""
    lines = output.splitlines()
    begin = max(at for at, line in enumerate(lines) if line.startswith(("step ", "at rest")))
    return lines[begin:]


@pytest.fixture(scope="module")
def racy() -> str:
    return everyturn.check_scenario(RACY, counter_check=False).tokens["hang"]


def test_a_step_says_who_does_what_on_which_line_and_what_it_changes() -> None:
    """The queue before and after the step that folds, and what becomes of the prompt in question."""
    shown = stepped(HANGS, typed="23\n")
    assert shown.exit_code == 1
    lines = last_step(shown.stdout)
    assert lines[0] == "step 23 of 44: p1's turn takes p2 out of the queue and FOLDS it into its own conversation"
    assert "  does     queue.delete()" in lines
    assert any(line.startswith("  code     everyturn_impl/agent.py:") and "drain" in line for line in lines)
    assert "             await self.ports.queue.delete()" in lines
    assert "  changed  queue: [Call{prompt: p2, text: p2, run_id: r2, sequence: 2}] → empty" in lines
    assert "  changed  p2.phase: queued → folded" in lines
    assert "  ✗ no-fold-of-run-id: p2 has a run id and was folded into turn p1/p1" in lines


def test_the_first_screen_says_what_is_wrong_and_where() -> None:
    shown = stepped(HANGS, "--invariant", "no-hang").stdout.splitlines()
    assert shown[0] == "d3-locked-drain in AA: 44 steps"
    told = "  ✗ no-hang: p2 has a run id, nothing can move any more, and its waiter was never told (at rest)"
    assert shown[1] == told


def test_steps_are_gone_through_forwards_backwards_and_by_number() -> None:
    typed = "\nn\np\n7\nv\n"
    steps = [line for line in stepped(HANGS, typed=typed).stdout.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in steps] == ["0", "1", "2", "1", "7", "23"]


def test_neither_end_is_left() -> None:
    """Before the first step and after the rest nothing comes; other words say what is expected."""
    shown = stepped(HANGS, typed="p\n44\n\n45\n-1\n²\nx\n").stdout
    assert "this is the first step" in shown
    assert "that was the last step" in shown
    for wrong in ("45", "-1", "²", "x"):
        assert f"{wrong}: expected a step from 0 to 44" in shown
    assert "at rest, after 44 steps: nobody can go on" in shown


def test_every_step_can_be_shown() -> None:
    """From the first one to the rest, within the width of a page; the prompt's client waits for ever."""
    shown = stepped(HANGS, typed="\n" * 60).stdout.splitlines()
    steps = [line for line in shown if line.startswith("step ")]
    assert [int(line.split()[1]) for line in steps] == list(range(44))
    assert max(map(len, shown)) <= stepping.WIDTH
    assert "  p2's client WAITS to be told, since step 1, FOR EVER" in shown


def test_it_says_who_waits_for_whom_and_the_whole_state() -> None:
    """While p2 holds the mutex, p1 waits for it."""
    shown = stepped(HANGS, typed="17\nw\ns\n").stdout
    state = dict(line.split(": ", 1) for line in shown.splitlines() if line.startswith(("queue:", "mutex:", "active:")))
    assert state["mutex"] == "p2"
    assert state["active"] == "p1/p1"
    assert state["queue"] == "[Call{prompt: p2, text: p2, run_id: r2, sequence: 2}]"
    waits = next(line for line in shown.splitlines() if line.startswith("p1 WAITS"))
    assert waits.startswith("p1 WAITS: mutex.lock, held by p2  (everyturn_impl/agent.py:")


def test_the_state_is_that_which_the_changes_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the changes of all steps say, one after the other, is the state at rest."""
    monkeypatch.setattr(stepping, "WIDTH", 10_000)
    whole = stepped(HANGS, typed="44\ns\n").stdout.splitlines()
    state = dict(line.split(": ", 1) for line in whole if ": " in line and not line.startswith((" ", "step", "Enter")))
    shown = stepped(HANGS, typed="\n" * 44).stdout.splitlines()
    changed = [line.removeprefix("  changed  ") for line in shown if line.startswith("  changed  ") and " → " in line]
    last = {line.split(": ", 1)[0]: line.rsplit(" → ", 1)[1] for line in changed if not line.startswith("p")}
    assert last
    assert {name: state[name] for name in last} == last


@pytest.mark.parametrize("typed", ["", "q\n", "w", "\n\nq\n\n\n", "\0\x1b[2J\nq\n", b"\xff\xfe\n"])
def test_any_input_comes_to_a_clean_end(typed: str | bytes) -> None:
    """Its exit code is the verdict, and what was typed is not repeated to the terminal as it is."""
    shown = stepped(HANGS, typed=typed)
    assert shown.exit_code == 1
    assert "\x1b" not in shown.output
    assert shown.stderr == ""


def _interrupted() -> Iterator[str]:
    yield "\n"
    raise KeyboardInterrupt


def test_ctrl_c_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepping, "_piped", _interrupted)
    shown = stepped(HANGS)
    assert shown.exit_code == 1
    assert last_step(shown.stdout)[0].startswith("step 1 of 44")


def test_at_a_terminal_it_asks_until_the_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepping, "_at_a_terminal", lambda: True)
    shown = stepped(HANGS, typed="\n3\n")
    assert shown.exit_code == 1
    asked = [line for line in shown.stdout.splitlines() if line.startswith("> ")]
    assert len(asked) == 3
    assert "step 3 of 44: " in shown.stdout


def test_a_scenario_is_stepped_through(racy: str) -> None:
    """The change inside of the object that it shares, and who waits for whom at rest."""
    shown = stepped(racy, "--scenario", RACY, typed="\n" * 30 + "w\n")
    assert shown.exit_code == 1
    assert "  changed  chat.busy: no → yes" in shown.stdout
    assert "  changed  chat.queue: empty → [[there, future, not done]]" in shown.stdout
    rest = last_step(shown.stdout)
    assert rest[0] == "at rest, after 12 steps: nobody can go on"
    assert "  main WAITS: Task-2 (user)  (two_users.py:25, in _two_users)" in rest
    assert "Task-1 (user) has ended" in rest


def test_a_session_is_stepped_through() -> None:
    """Only what is asked for is told of as wrong, and a client whose call is over has begun."""
    found = everyturn.check_session(CHAT, "A+1c", invariants=["no-hang"], counter_check=False)
    shown = stepped(found.tokens["no-hang"], "--session", CHAT, "--invariant", "no-hang", typed="\n" * 9 + "w\n")
    assert shown.exit_code == 1
    assert "  changed  ChatSession.turn: task Task-1 (ChatSession.run) → " in shown.stdout
    assert "p1's client WAITS to be told, since step 2, FOR EVER" in shown.stdout
    assert "c1 has ended" in shown.stdout
    assert shown.stdout.count("✗") == shown.stdout.count("✗ no-hang") > 0


def test_a_run_in_which_all_is_well_can_be_stepped_through() -> None:
    shown = stepped(HANGS, "--revision", "hardened", typed="v\n")
    assert shown.exit_code == 0
    assert "nothing is violated in this run" in shown.stdout


def test_it_is_for_people() -> None:
    shown = stepped(HANGS, "--json")
    assert shown.exit_code == 2
    assert "--step: expected either this or --json, found both" in shown.stderr


def test_help_names_it() -> None:
    assert "--step" in CliRunner().invoke(main, ["replay", "--help"]).stdout


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, ["x.b: 2 → 3"]),
        ([{"a": 1}, {"a": 2}], [{"a": 1}, {"a": 5}], ["x[1].a: 2 → 5"]),
        ([1], [1, 2], ["x: [1] → [1, 2]"]),
        ({"$": "A", "a": 1}, {"$": "B", "a": 1}, ["x: A{a: 1} → B{a: 1}"]),
        ({"a": 1}, {"a": 1, "b": None}, ["x.b: nothing → none"]),
        (0, False, ["x: 0 → no"]),
        ([], [], []),
    ],
)
def test_differences_are_those_inside_of_values(before: Any, after: Any, expected: list[str]) -> None:
    assert [f"{name}: {brief(old)} → {brief(new)}" for name, old, new in differences("x", before, after)] == expected


def test_prompts_of_click_are_what_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends a prompt at a terminal ends the stepping, too: no exception comes through."""

    def ends(*_: object, **__: object) -> str:
        raise click.Abort

    monkeypatch.setattr(stepping, "_at_a_terminal", lambda: True)
    monkeypatch.setattr(click, "prompt", ends)
    assert stepped(HANGS).exit_code == 1

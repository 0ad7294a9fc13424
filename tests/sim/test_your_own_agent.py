"""The page about a user's own agent: its program and its commands run as printed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from examples.agents import chat_session

from everyturn.cli import main
from everyturn.world.objects import is_scheduling_point
from everyturn.world.operations import Operation
from everyturn.world.scope import Scope

PAGE = (Path(__file__).parents[2] / "docs" / "your_own_agent.md").read_text(encoding="utf-8")
PROGRAM = "\n\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^\$ everyturn (.+)$", PAGE, re.MULTILINE)


def run(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """As in a folder with the page's program in it."""
    (folder / "my_agent.py").write_text(PROGRAM)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "my_agent", raising=False)
    result = CliRunner().invoke(main, shlex.split(command))
    return result.exit_code, result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pages_commands_succeed(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each as printed, with the page's program as my_agent.py."""
    code, said = run(command, tmp_path, monkeypatch)
    assert code == 0, said


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ("AA+1e", "true-outcome: p1 was told as finished and failed"),
        ("AA+1c", "missing: cancel"),
    ],
)
def test_what_the_page_says_of_other_scopes(
    scope: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed turn is told as finished; a Cancel is not there."""
    code, output = run(f"check --agent my_agent:FirstCome --scope {scope}", tmp_path, monkeypatch)
    assert code in (1, 2)
    assert said in output


WITH_CANCEL = """
from everyturn_impl.calls import Completion
from everyturn_impl.errors import Cancelled
from my_agent import FirstCome


class WithCancel(FirstCome):
    async def run_turn(self, call, turn):
        await self.ports.active.set(turn)
        completion = Completion(call.prompt, call.run_id, cancelled=True)
        try:
            await self.ports.store.write_user(None, call, "turn", turn)
            message = await self.ports.store.create_assistant(turn, turn, 1)
            result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
            await self.ports.store.finish_step(turn, message, result)
            completion = Completion(call.prompt, call.run_id, message, result.text)
        except Cancelled:
            pass
        await self.ports.active.delete(turn)
        await self.ports.broker.publish(completion, None)

    async def cancel(self):
        turn = await self.ports.active.get()
        if turn is not None:
            await self.ports.contexts.cancel(turn)
"""


def test_a_cancel_as_the_page_says_is_lost_before_the_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else raises: what is told is the Cancel that came before the turn was active."""
    (tmp_path / "with_cancel.py").write_text(WITH_CANCEL, encoding="utf-8")
    ask = "check --agent with_cancel:WithCancel --scope AA+1c"
    code, output = run(f"{ask} --invariant no-lost-cancel", tmp_path, monkeypatch)
    assert (code, "finished by a stream that started after it returned" in output) == (1, True), output
    assert run(f"{ask} --invariant no-hang", tmp_path, monkeypatch)[0] == 0


def test_the_first_program_is_short() -> None:
    """Thirty lines, as its heading says."""
    first = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
    assert len([line for line in first.splitlines() if line.strip()]) <= 30


def test_the_agent_that_is_checked_is_the_one_that_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """On asyncio, with its messages in SQLite, by the command that the page prints."""
    assert "$ python -m examples.agents.chat_session" in PAGE
    chat_session.main()
    assert capsys.readouterr().out.splitlines() == [
        "r1: It will rain.",
        "r2: Then take one.",
        "In the store:",
        "  user      'What will the weather be?'",
        "  assistant 'It will rain.'",
        "  user      'Do I need an umbrella?'",
        "  assistant 'Then take one.'",
    ]


GIVE_WAY = {
    "mutex.lock",
    "model.ready",
    "model.end",
    "titles.join",
    "threads.join_all",
    "own.door.wait_enter",
    "store.read",
}
DO_NOT = {
    "active.set",
    "queue.set",
    "mark.set",
    "reservations.count",
    "broker.publish",
    "own.door.enter",
    "contexts.cancel",
}


def test_what_gives_way_on_an_event_loop_is_what_the_page_says() -> None:
    """Between threads everything does, but for what nobody else can notice."""
    scope = Scope.parse("AA+1c+1f")
    for name in GIVE_WAY | DO_NOT:
        port, _, method = name.rpartition(".")
        operation = Operation(port, method, ())
        assert is_scheduling_point(operation, scope, "await") == (name in GIVE_WAY)
        assert is_scheduling_point(operation, scope, "access")

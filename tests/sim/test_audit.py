"""The audit as a command."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.sim.small_agents import Small

from everyturn.checking.audit import audit
from everyturn.cli import main
from everyturn_impl.calls import Call, Context

SOURCE = """
import os
import random
from everyturn_impl.revisions.hardened import Hardened

DICE = random.Random(1)


class Dice(Hardened):
    async def take_foldable(self, turn):
        for _ in range(THROW):
            await self.ports.mark.get()
        return await super().take_foldable(turn)
"""


def test_an_agent_that_does_the_same_each_time_passes() -> None:
    """With the number of what was compared, for people and for scripts."""
    arguments = ["audit", "--agent", "hardened", "--scope", "AA+1c"]
    people = CliRunner().invoke(main, arguments)
    (cell,) = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)["cells"]
    assert people.exit_code == 0
    assert cell["compared"] > 0
    assert f"{cell['compared']:,} resumptions and {cell['runs']} runs compared: all alike" in people.stdout


@pytest.mark.parametrize(
    ("dice", "code", "said"),
    [
        ("os.urandom(1)[0] % 5", 3, "without clock, random numbers"),
        ("DICE.randrange(5)", 2, "dice_agent.DICE is changed from here to the next await"),
    ],
)
def test_an_agent_that_throws_dice_is_caught(
    dice: str, code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it did before and what it did now, or, if the dice are its own, that they have changed."""
    (tmp_path / "dice_agent.py").write_text(SOURCE.replace("THROW", dice))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "dice_agent", raising=False)
    result = CliRunner().invoke(main, ["audit", "--agent", "dice_agent:Dice", "--scope", "AA+1c"])
    assert result.exit_code == code
    assert said in result.output


class Quiet(Small):
    """What it saw of the mark is forgotten: then all go on alike."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if await self.ports.mark.get():
            self.look()
        await self.ports.mark.set(1)
        await self.ports.queue.get()
        await self.ports.queue.get()

    def look(self) -> None:
        pass


class CatchesElsewhere(Quiet):
    def look(self) -> None:
        try:
            raise KeyError
        except KeyError:
            pass


class FillsACache(Quiet):
    def look(self) -> None:
        re.purge()
        re.match("a+", "a")


class CatchesItself(Quiet):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        try:
            if await self.ports.mark.get():
                raise KeyError
        except KeyError:
            pass
        await self.ports.mark.set(1)
        await self.ports.queue.get()
        await self.ports.queue.get()


@pytest.mark.parametrize("agent", [CatchesElsewhere, FillsACache, CatchesItself])
def test_an_error_that_was_handled_is_no_state(agent: Any) -> None:
    """It is gone: local states are as many as without it, on every version of Python, and the audit accuses nobody."""
    quiet: Any = Quiet
    found, expected = audit(agent, "AA"), audit(quiet, "AA")
    assert found.difference is None
    assert found.compared > 0
    assert (found.local_states, found.histories) == (expected.local_states, expected.histories)


def test_an_exploration_that_was_cut_off_is_undetermined() -> None:
    """Alike as far as it went is not alike."""
    result = CliRunner().invoke(main, ["audit", "--agent", "d4", "--scope", "AA", "--max-states", "50"])
    assert result.exit_code == 4

"""The audit as a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from everyturn.cli import main

DICE = """
import random
from everyturn_impl.revisions.hardened import Hardened

DICE = random.Random(1)


class Dice(Hardened):
    async def take_foldable(self, turn):
        for _ in range(DICE.randrange(5)):
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


def test_an_agent_that_throws_dice_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, and what it did before and what it did now."""
    (tmp_path / "dice_agent.py").write_text(DICE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    result = CliRunner().invoke(main, ["audit", "--agent", "dice_agent:Dice", "--scope", "AA+1c"])
    assert result.exit_code == 3
    assert "without clock, random numbers" in result.stdout


def test_an_exploration_that_was_cut_off_is_undetermined() -> None:
    """Alike as far as it went is not alike."""
    result = CliRunner().invoke(main, ["audit", "--agent", "d4", "--scope", "AA", "--max-states", "50"])
    assert result.exit_code == 4

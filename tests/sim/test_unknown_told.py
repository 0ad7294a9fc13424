"""What keeps states apart is told once for each type, with a path that can be read."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from click.testing import CliRunner

from everyturn.cli import main

PROGRAM = '''
import asyncio
import itertools


class Holder:
    """Holds another one."""


async def holds(world):

    outer = world.far = Holder()
    for _ in range(40):
        outer.a_long_name = Holder()
        outer = outer.a_long_name
    outer.last = itertools.tee("ab")[0]
    del outer
    await asyncio.gather(world.io("x"), world.io("y"))
    world.far = None
    world.near = itertools.groupby("ab")
    await asyncio.gather(world.io("v"), world.io("w"))
'''


def test_each_type_that_is_not_known_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    said = CliRunner().invoke(main, ["check", "--scenario", "program.py:holds"]).output
    lines = [line for line in said.splitlines() if "not merged" in line]
    kinds = [line.rpartition(": ")[2] for line in lines]
    assert sorted(kinds) == [
        f"itertools.{type(each).__name__}" for each in (itertools.tee("")[0], itertools.groupby(""))
    ]
    assert all(len(line) < 200 for line in lines)
    assert all(line.count("…") == ("tee" in line) for line in lines)

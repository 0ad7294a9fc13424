"""Random agents: p1 carries what it read through a random piece of Python, and what it then does depends on it.

The truth comes from an oracle that merges nothing, which runs each schedule from its start.
"""

from __future__ import annotations

import importlib.util
import sys
import textwrap
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from tests.sim.carriers import BLOCKS, EXPRESSIONS, HEAD, KEPT, UNSUPPORTED
from tests.sim.test_every_schedule import every_schedule

from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

SCOPE: Final = "Aa"
_NAMES: Final = ("x", "y", "__x", "__y_", "n", "seen")
_ENDS: Final = ("{w}", "{w}", "{w}", "not {w}", "{w} == 2", "{w} and {v} != 7")


class Program(NamedTuple):
    """An agent's source; ``supported``: nothing in it is documented as refused."""

    source: str
    supported: bool


class Judged(NamedTuple):
    """What the explorer finds and what is true: violated invariants and outcomes. ``refused``: what the explorer says
    instead."""

    found: Any
    true: Any
    refused: str


def program(seed: int) -> Program:
    """The agent of this number, on this version of Python."""
    random = Random(seed)
    unsupported = random.random() < 0.1
    pieces = [random.choice(UNSUPPORTED)] if unsupported else []
    pieces += [_piece(random) for _ in range(random.choice((1, 1, 2)) - len(pieces))]
    lines = ["async def saw(self, mark, pause):", "    v0 = await mark()"]
    for number, piece in enumerate(pieces):
        text = _filled(random, piece, f"v{number}", f"v{number + 1}")
        lines.append(textwrap.indent(_wrapped(random, text, f"v{number + 1}"), "    "))
    last = len(pieces)
    end = random.choice(_ENDS).format(v=f"v{last - 1}", w=f"v{last}")
    lines.append(f"    return {end}")
    return Program(HEAD + "\n" + textwrap.indent("\n".join(lines), "    ") + "\n", not unsupported)


def _piece(random: Random) -> str:
    kind = random.randrange(4)
    if kind == 0:
        return f"{{x}} = {{v}}; FORGET\n{{w}} = {random.choice(EXPRESSIONS)}"
    if kind == 1:
        kept, back = random.choice(KEPT)
        return f"{{x}} = {kept}\nFORGET\nPAUSE\n{{w}} = {back}"
    return random.choice(BLOCKS)


def _filled(random: Random, piece: str, given: str, left: str) -> str:
    x, y = random.sample(_NAMES, 2)
    forget = f"{given} = 7" if random.random() < 0.9 else "pass"
    mangled = f"_Agent{x}" if x.startswith("__") else x
    text = piece.format(v=given, w=left, x=x, y=y, m=mangled)
    return text.replace("FORGET", forget).replace("PAUSE", "(await pause())")


def _wrapped(random: Random, text: str, left: str) -> str:
    """The same within something that is run once."""
    inside = textwrap.indent(text, "    ")
    around = random.randrange(10)
    if "nonlocal" in text or "global" in text or around > 5:
        return text
    if around == 0:
        return f"if mark is not None:\n{inside}"
    if around == 1 and "except*" not in text and "break" not in text:
        return f"for turn in (1,):\n{inside}"
    if around == 2:
        return f"try:\n{inside}\nfinally:\n    pass"
    if around == 3:
        return f"with Held(0):\n{inside}"
    if around == 4 and "continue" not in text:
        return f"while True:\n{inside}\n    break"
    return f"try:\n{inside}\nexcept ZeroDivisionError:\n    {left} = 3"


def agent(number: int, folder: Path) -> tuple[Any, Program]:
    """The class of the agent of this number; its source lies in ``folder``, as an agent's does."""
    made = program(number)
    name = f"random_agent_{number}"
    path = folder / f"{name}.py"
    path.write_text(made.source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Agent, made


def judged(which: Any) -> Judged:
    """What the explorer finds of an agent, and the truth."""
    judge = Judge(select(("no-hang", "nothing-lost")), conformance=False)
    try:
        found = LevelExplorer(World(Scope.parse(SCOPE), which), judge).run()
    except UsageError as error:
        return Judged(None, None, str(error))
    assert found.complete
    return Judged((set(found.violations), found.outcomes), every_schedule(which, SCOPE, judge=judge), "")

"""The typed surface: mypy in strict mode on code as a user writes it, accepted and refused, from outside of the
repository. It takes half a minute; ``users_code.py`` is checked each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.nightly import at_night

pytestmark = at_night

ROOT = Path(__file__).resolve().parents[1]

ACCEPTED = """
import everyturn
from everyturn import Agent, Call, Context, Ports, Scope, Verdict


class Half:
    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def submit(self, call: Call) -> Call:
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)


def tokens(agents: list[Agent]) -> dict[str, str]:
    return everyturn.check_all(agents, ["AA"], stop="first", without=["conforms"])[0].tokens


def runs() -> list[frozenset[str]]:
    return [run.violated for run in everyturn.fuzz(Half, Scope.parse("AA"), runs=3)]


verdict: Verdict = everyturn.check(Half, "AA", granularity="await", progress=True).verdict
tokens([Half, "d4", everyturn.revisions.Hardened])
reveal_type(everyturn.check("d4", "A"))
reveal_type(everyturn.fuzz("d4", "A")[0])
reveal_type(everyturn.replay("et2-x"))
"""

REFUSED = {
    "class Other:\n    pass\n\n\neveryturn.check(Other, 'A')": 'Argument 1 to "check" has incompatible type '
    '"type[Other]"',
    "everyturn.check('d4', 'A', stop='soon')": 'Argument "stop" to "check" has incompatible type',
    "everyturn.check('d4', 'A', granularity='step')": 'Argument "granularity" to "check" has incompatible type',
    "everyturn.check('d4', 'A').verdikt": '"CheckResult" has no attribute "verdikt"',
    "everyturn.chekc('d4', 'A')": 'Module has no attribute "chekc"',
    "everyturn.check_all(['d4'], ['A'], sop='first')": 'Unexpected keyword argument "sop"',
}


def mypy(path: Path) -> str:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={ROOT / '.mypy_cache' / 'users'}",
    ]
    done = subprocess.run(
        [*command, "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
    )
    return done.stdout


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of all of it: one run, since each takes long."""
    folder = tmp_path_factory.mktemp("user")
    (folder / "accepted.py").write_text(ACCEPTED)
    for number, source in enumerate(REFUSED):
        (folder / f"refused_{number}.py").write_text(f"import everyturn\n\n\n{source}\n")
    shipped = ["lock_free:LockFree", "actor:Actor", "chat_session:ChatSession"]
    for number, (module, name) in enumerate(each.split(":") for each in shipped):
        source = f"import everyturn\nfrom examples.agents.{module} import {name}\n\neveryturn.check({name}, 'AA')\n"
        (folder / f"shipped_{number}.py").write_text(source)
    return mypy(folder)


def test_a_users_code_is_accepted(said: str) -> None:
    """A class without all seven methods is an agent, too; results have the types that they say."""
    lines = [line.split(": ", 1)[1] for line in said.splitlines() if line.startswith("accepted.py")]
    assert lines == [
        'note: Revealed type is "everyturn.front.checks.CheckResult"',
        'note: Revealed type is "everyturn.front.samples.FuzzRun"',
        'note: Revealed type is "everyturn.front.runs.ReplayResult"',
    ]


def test_the_shipped_examples_are_agents(said: str) -> None:
    """Checked as a user's code: from outside of the repository, in strict mode."""
    assert [line for line in said.splitlines() if line.startswith("shipped") or "examples" in line] == []
    assert len(said.splitlines()) > 3


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_a_users_mistakes_are_refused(said: str, number: int) -> None:
    found = [line for line in said.splitlines() if line.startswith(f"refused_{number}.py")]
    assert any(list(REFUSED.values())[number] in line for line in found), said

"""Which classes are agents, and where they are found."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.sim.small_agents import Small
from tests.sim.test_own_agents import explore, line_of

from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.errors import AgentFault, UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World, find_revision
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Ports, Shared
from everyturn_impl.revisions.hardened import Hardened

# what is no dispatcher -----------------------------------------------------------------------------------------------


class Unfinished(Small):
    """Serves accepted prompts and nothing else."""

    async def clear_queue(self, everything: bool) -> None:
        pass

    def run_local(self, call: Call, caller: Context) -> None:
        pass


class NeedsMore(Unfinished):
    def __init__(self, ports: Ports, database: str, *, direct: bool = False) -> None:
        super().__init__(ports)


@pytest.mark.parametrize(
    ("agent", "scope", "said"),
    [
        (Unfinished, "AA+1c", "expected async methods submit, serve, cancel; missing: cancel"),
        (Unfinished, "I", "missing: run_local"),
        (Unfinished, "A+1q", "expected clear_queue(self), found clear_queue(self, everything: 'bool')"),
        (NeedsMore, "A", "expected a constructor (ports, *, direct)"),
    ],
)
def test_what_a_scope_needs_and_a_class_lacks_is_named(agent: Any, scope: str, said: str) -> None:
    """Only what the scope calls must be there."""
    with pytest.raises(UsageError) as error:
        World(Scope.parse(scope), agent)
    assert said in str(error.value)
    World(Scope.parse("AA"), Unfinished)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Bell:
    """A bell that rings once for everybody who waits."""

    rung: bool = False

    def ring(self) -> tuple[None, Bell]:
        return None, Bell(True)

    def hear(self) -> tuple[str, Bell] | None:
        return ("ding", self) if self.rung else None

    def crack(self) -> tuple[None, int]:
        return None, 1


class Rings(Unfinished):
    """Has a shared object of its own: its second prompt waits for the first."""

    own: ClassVar[dict[str, Any]] = {"bell": Bell()}
    cracks = False

    def __init__(self, ports: Ports, *, direct: bool = False, bell: Shared[Bell]) -> None:
        super().__init__(ports)
        self.bell = bell

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if self.cracks:
            await self.bell.do(Bell.crack)  # type: ignore[arg-type]
        if call.prompt == "p1":
            await self.bell.do(Bell.ring)
        else:
            assert await self.bell.wait(Bell.hear) == "ding"


@pytest.mark.parametrize(("scope", "states"), [("A", 3), ("AA", 7)])
def test_an_own_object_is_shared_and_can_be_waited_for(scope: str, states: int) -> None:
    """p2 starts, and hears after p1 rang: 3 × 3 states, without the one in which it has heard too early..."""
    explorer = Explorer(World(Scope.parse(scope), Rings), Judge((), conformance=False))  # type: ignore[arg-type]
    assert explorer.run().states == states


def test_a_step_that_returns_no_value_of_its_object_is_named() -> None:
    """A step is a pair of a result and the next value."""
    agent = type("Cracks", (Rings,), {"cracks": True})
    with pytest.raises(AgentFault, match="expected a pair of a result and the next Bell"):
        explore(agent, "A")


# where classes are found ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["-m", "everyturn"], ["-c", "from everyturn.cli import main; main()"]])
def test_a_class_in_the_current_directory_is_found(tmp_path: Path, command: list[str]) -> None:
    """However the command was started."""
    (tmp_path / "mine.py").write_text(
        "from everyturn_impl.revisions.hardened import Hardened\nclass Mine(Hardened): pass\n"
    )
    paths = [str(Path(each).resolve()) for each in sys.path if each and Path(each).name in ("model", "impl", "sim")]
    done = subprocess.run(
        [sys.executable, "-P", *command, "check", "--agent", "mine:Mine", "--scope", "A"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mine:Mine  A" in done.stdout


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("class Mine:\n    def f(:\n", ":2: ", "expected Python; found"),
        ("import nothing_of_that_name\n", ":1: ", "found ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("\n\nraise SystemExit(0)\n", ":3: ", "found SystemExit: 0"),
        ("x = 1\n1 / 0\n", ":2: ", "found ZeroDivisionError: division by zero"),
        ("x = 1\n", ": ", "expected a class Mine; found none of that name"),
    ],
)
def test_a_module_with_an_error_is_the_users_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str, said: str
) -> None:
    """Not ours: one line, with the file and the line in it, and what is wrong there."""
    name = f"broken_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError) as error:
        find_revision(f"{name}:Mine")
    assert str(error.value).startswith(f"agent '{name}:Mine': {tmp_path / name}.py{place}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_module_that_is_nowhere_is_told_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The current directory, and the import path; what is missing is the package if there is none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/somewhere/else"])
    with pytest.raises(UsageError) as error:
        find_revision("no_such_package.agents:Mine")
    assert "expected a module 'no_such_package' in the current directory" in str(error.value)
    assert f"found none in {tmp_path} (current), /somewhere/else" in str(error.value)


class Raises(Hardened):
    """Cannot be made."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        raise LookupError("no configuration")


def test_a_constructor_that_raises_is_the_users_mistake() -> None:
    """The line where it does."""
    with pytest.raises(UsageError) as error:
        World(Scope.parse("A"), Raises)
    expected = f"{line_of(Raises.__init__, 'raise')}: expected a constructor that raises nothing; found LookupError"
    assert expected in str(error.value)

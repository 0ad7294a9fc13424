"""One rule for all commands: which verdicts make a cell green, amber or red, how it ends, and what is asked next."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.sim.small_agents import Small

from everyturn.cli import main
from everyturn.verdicts import verdict
from everyturn.verdicts.verdict import Cell, Exit, InvariantResult, Verdict
from everyturn_impl.calls import Call, Completion, Context


class AsksBeforeItStores(Small):
    """One prompt after the other, right in everything but this: the model is asked before the user's message is
    stored."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.mutex.lock()
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        message = await self.ports.store.create_assistant(turn, turn, 1)
        stream = await self.ports.model.start(turn, call.prompt, 1)
        await self.ports.store.write_user(None, call, "turn", turn)
        result = await self.ports.model.end(stream)
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, message, result.text), None)
        await self.ports.active.delete(turn)
        await self.ports.mutex.unlock()


AGENT = f"{__name__}:AsksBeforeItStores"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("command", [["check"], ["fuzz", "--runs", "20"]])
def test_what_does_not_conform_is_refuted_though_all_invariants_hold(command: list[str]) -> None:
    """The sign, the cell's verdict and the exit code say so; and the matrix counts it."""
    found = run(*command, "--agent", AGENT, "--scope", "AA")
    assert (found.exit_code, found.output.split()[2]) == (1, "✗")
    document = run(*command, "--agent", AGENT, "--scope", "AA", "--json")
    (cell,) = json.loads(document.stdout)["cells"]
    assert (cell["verdict"], cell["conforms"]["verdict"]) == ("refuted", "refuted")
    assert "refuted" not in {each["verdict"] for each in cell["invariants"].values()}
    assert run(*command, "--agent", AGENT, "--scope", "AA", "--expect", "refuted").exit_code == 0


def test_what_a_command_prints_as_the_next_one_can_be_run_and_asks_for_the_same() -> None:
    """check → explain → replay, and shrink → explain: agent and invariant are carried along."""
    found = run("check", "--agent", AGENT, "--scope", "AA")
    for line in (line for line in found.output.splitlines() if "everyturn " in line):
        hint = shlex.split(line[line.index("everyturn ") :])[1:]
        assert hint[2:4] == ["--agent", AGENT]
        again = run(*hint)
        assert (again.exit_code, "conforms" in again.output) == (1, True), again.output
    explained = run(*hint)
    assert hint[-2:] == ["--invariant", "conforms"]
    assert "every run of AA violates conforms" in explained.output
    assert explained.output.splitlines()[-1].endswith(f" --agent {AGENT} --invariant conforms")
    shrunk = run("shrink", *hint[1:])
    (line,) = [line for line in shrunk.output.splitlines() if line.startswith("everyturn explain")]
    assert line.endswith(f"--agent {AGENT} --invariant conforms")


def test_a_cell_that_was_judged_by_one_invariant_is_replayed_by_that_one() -> None:
    """What else the run violates is not asked; and what one invariant allows is not said of all."""
    found = run("check", "--revision", "d3", "--scope", "AA", "--invariant", "no-hang")
    hints = [line[line.index("everyturn ") :] for line in found.output.splitlines() if "everyturn " in line]
    assert [hint.split()[1] for hint in hints] == ["replay", "explain"]
    assert all(hint.endswith(" --invariant no-hang") for hint in hints)
    token = shlex.split(hints[0])[2]
    assert "✓ no-hang is not violated" in run(*shlex.split(hints[1])[1:]).output
    assert "no-double-emit: not violated" in run("replay", token, "--invariant", "no-double-emit").output
    refused = run("explain", token, "--invariant", "no-double-emit")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "expected a run that violates no-double-emit; found one that violates" in refused.stderr


def test_conformance_can_be_asked_for_alone_and_beside_invariants() -> None:
    """As `conforms`; without it, naming an invariant leaves it out."""
    judged: dict[tuple[str, ...], Any] = {}
    for names in (("conforms",), ("no-hang", "conforms"), ("no-hang",)):
        options = [part for name in names for part in ("--invariant", name)]
        found = run("check", "--agent", AGENT, "--scope", "AA", "--json", *options)
        (cell,) = json.loads(found.stdout)["cells"]
        judged[names] = (found.exit_code, list(cell["invariants"]), "conforms" in cell)
    assert judged == {
        ("conforms",): (1, [], True),
        ("no-hang", "conforms"): (1, ["no-hang"], True),
        ("no-hang",): (0, ["no-hang"], False),
    }


@pytest.mark.parametrize(
    ("invariants", "conforms", "whole", "code"),
    [
        ([Verdict.PROVED, Verdict.VACUOUS], Verdict.PROVED, Verdict.PROVED, Exit.HOLDS),
        ([Verdict.PROVED], Verdict.REFUTED, Verdict.REFUTED, Exit.REFUTED),
        ([Verdict.PROVED], Verdict.UNDETERMINED, Verdict.UNDETERMINED, Exit.UNDETERMINED),
        ([Verdict.REFUTED, Verdict.UNDETERMINED], None, Verdict.REFUTED, Exit.REFUTED),
        ([Verdict.RISK, Verdict.VACUOUS], Verdict.RISK, Verdict.RISK, Exit.HOLDS),
        ([Verdict.HOLDS, Verdict.NOT_JUDGED], None, Verdict.HOLDS, Exit.HOLDS),
    ],
)
def test_the_rule(invariants: list[Verdict], conforms: Verdict | None, whole: Verdict, code: Exit) -> None:
    """The worst verdict is the cell's, and the worst cell's is the command's."""
    said = {str(place): InvariantResult(each) for place, each in enumerate(invariants)}
    judged = None if conforms is None else InvariantResult(conforms)
    assert verdict.of_cell(said, judged) is whole
    cells = [
        Cell("r", "s", "access", verdict.of_cell(said, judged), said),
        Cell("r", "s", "access", Verdict.PROVED, {}),
    ]
    assert verdict.exit_code(verdict.Result("", "check", cells)) is code


@pytest.mark.parametrize("command", ["check", "fuzz", "liveness", "validate"])
def test_help_says_what_the_exit_codes_stand_for(command: str) -> None:
    """In every command that judges cells, in the same words."""
    said = " ".join(run(command, "--help").output.split())
    assert "1 something is refuted: an invariant or conformance" in said
    assert "4 nothing is refuted, and something is undetermined" in said

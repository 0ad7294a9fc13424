"""Strategies for Hypothesis, and the machine that drives agents."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import hypothesis.stateful
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from tests.nightly import at_night
from tests.sim.client_machines import MendedUsers, Users

import everyturn
from everyturn.cli import main
from everyturn.engines.simpy.stepped import SteppedRun
from everyturn.errors import UsageError
from everyturn.hypothesis import (
    AgentMachine,
    ClientMachine,
    DrawnWorkload,
    agent_machine,
    promises,
    scenario_machine,
    scopes,
    session_machine,
    workloads,
)
from everyturn.world.scope import EXTRAS, PROMPTS, Scope
from everyturn.world.world import World

SAME = settings(derandomize=True, database=None, deadline=None, max_examples=25)
"""The same examples each time."""


@SAME
@given(scopes(extras="".join(EXTRAS), max_extras=4))
def test_scopes_are_scopes(scope: Scope) -> None:
    """What is drawn is written as it is read, and has no more of anything than was asked."""
    assert Scope.parse(str(scope)) == scope
    assert 1 <= len(scope.prompts) <= 3
    assert not scope.endless


@pytest.mark.parametrize("letter", [*PROMPTS])
def test_scopes_have_the_letters_that_were_asked(letter: str) -> None:
    assert find(scopes(prompts=letter, extras=""), lambda _: True) == Scope(letter)
    with pytest.raises(NoSuchExample):
        find(scopes(prompts=letter, extras=""), lambda scope: set(scope.prompts) != {letter}, settings=SAME)


@pytest.mark.parametrize("wrong", [{"prompts": "Z"}, {"extras": "Z"}, {"prompts": ""}, {"max_prompts": 0}])
def test_letters_that_are_none_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="scopes: expected"):
        scopes(**wrong)  # type: ignore[arg-type]


def test_promises_shrink_to_all_that_is_promised() -> None:
    assert find(promises(), lambda _: True, settings=SAME) == everyturn.Promises()
    assert find(promises(), lambda each: each.busy == "refuse", settings=SAME) == everyturn.Promises(busy="refuse")


@SAME
@given(workloads(scopes(max_prompts=2, max_extras=1), max_choices=20))
def test_any_workload_is_a_run_of_any_agent(workload: DrawnWorkload) -> None:
    """Whatever is chosen; the token makes the same run again, and the hardened agent violates nothing."""
    run = workload.run("hardened")
    assert run.violated == []
    assert run.replay().run.steps == run.run.steps


def test_a_workload_shrinks_to_what_is_needed() -> None:
    """The hang of d3 needs two prompts of which one is queued; no more is left."""
    found = find(
        workloads(scopes(prompts="A", extras="", max_prompts=3)),
        lambda each: "no-hang" in each.run("d3", invariants=["no-hang"]).violated,
        settings=settings(SAME, max_examples=500),
    )
    assert found.scope == Scope("AA")


def driven(agent: everyturn.Agent, scope: str, examples: int) -> str:
    """What the machine says of an agent in a scope; nothing if it finds nothing."""
    return drive(agent_machine(agent, st.just(Scope.parse(scope))), examples, 30, shrink=True)


def test_a_machine_finds_a_violation_and_its_token_makes_the_run_again() -> None:
    said = driven("d0", "A+1c", 100)
    (token,) = re.findall(r"everyturn.replay\('(\S+)'", said)
    name = said.partition(":")[0]
    assert name in ("no-lost-cancel", "conforms")
    assert name in everyturn.replay(token, invariants=[name]).violated
    assert "What happened" in said


def test_a_machine_drives_a_class_of_one_s_own_and_finds_no_fault_where_there_is_none() -> None:
    class Mine(everyturn.revisions.Hardened):
        pass

    assert driven(Mine, "AA+1c+1e", 10) == ""


def test_a_machine_can_be_a_class() -> None:
    class Machine(AgentMachine):
        agent = "hardened"
        among = scopes(prompts="A", extras="", max_prompts=1)
        wanted = ("no-hang",)

    run_state_machine_as_test(Machine, settings=settings(SAME, max_examples=3))


@pytest.mark.parametrize("scope", ["AA", "A+1e+n", "AI+1c"])
def test_a_run_that_is_driven_is_the_one_that_its_token_makes(scope: str) -> None:
    """A dozen steps, the last thread first, then first in, first out until nobody can go on."""
    run = SteppedRun(World(Scope.parse(scope), "d4"))
    for _ in range(12):
        run.go_on(run.enabled[-1], outcome=1)
    halfway = run.seen
    record = run.to_rest()
    assert [*record.seen()][: len(halfway)] == halfway
    assert not run.enabled
    again = everyturn.replay(record.token)
    assert again.run.steps == record.steps
    assert again.run.at_rest == record.at_rest != ()


def drive(machine: type[RuleBasedStateMachine], examples: int, steps: int = 12, *, shrink: bool = False) -> str:
    """What a machine says; nothing if it finds nothing."""
    how = settings(
        SAME,
        max_examples=examples,
        stateful_step_count=steps,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    try:
        run_state_machine_as_test(machine, settings=how)
    except AssertionError as error:
        return str(error)
    return ""


def test_a_machine_drives_an_asyncio_agent_and_its_token_makes_the_run_again() -> None:
    """Behind an adapter, judged by the invariants; the command makes the run again and says the same."""
    adapter = "examples.sessions.adapter:Chat"
    said = drive(session_machine(adapter, st.just(Scope.parse("A+1c")), invariants=("no-hang",)), 12)
    (token,) = re.findall(r"everyturn.replay\('(\S+)', session='examples.sessions.adapter:Chat'\)", said)
    assert said.startswith("no-hang: nothing can move any more, and nobody has told the waiter of p1\n")
    again = CliRunner().invoke(main, ["replay", token, "--session", adapter, "--invariant", "no-hang"])
    assert (again.exit_code, said.splitlines()[0] in again.output) == (1, True), again.output
    assert "what decided" in said


@at_night
def test_a_machine_finds_no_fault_in_an_asyncio_agent_that_has_none() -> None:
    """The mended session, with Cancels, judged for everything."""
    among = scopes(prompts="A", extras="c", max_prompts=2, max_extras=1)
    assert drive(session_machine("examples.sessions.adapter:Mended", among), 4) == ""


@at_night
def test_a_machine_drives_an_asyncio_program() -> None:
    """A scenario, judged for faults: two users of whom one comes at the wrong moment, as it is and mended."""
    said = drive(scenario_machine("examples.scenarios.two_users:racy"), 12)
    (token,) = re.findall(r"everyturn.replay\('(\S+)', scenario=", said)
    again = CliRunner().invoke(main, ["replay", token, "--scenario", "examples.scenarios.two_users:racy"])
    assert again.exit_code == 1
    assert drive(scenario_machine("examples.scenarios.two_users:mended"), 3) == ""


@at_night
def test_asynchronous_rules_find_a_race_and_the_token_makes_the_run_again() -> None:
    """Who asks while an answer is being saved waits for ever. The same rules find the same run again; the command makes
    it, of the program that the message names, with the words of the calls; and those of the mended chat find nothing.
    """
    said = drive(Users, 15, 10)
    found = re.search(r"everyturn.replay\('(\S+)', scenario=(.*)\)\n", said)
    assert found is not None
    token, name = found[1], eval(found[2])
    assert said.startswith("hang: at rest the scenario still waits")
    assert name.startswith("tests.sim.client_machines:Users.calling([('ask', {'text': 'hello'})")
    again = CliRunner().invoke(main, ["replay", token, "--scenario", name])
    assert (again.exit_code, "✗ hang: at rest" in again.output) == (1, True), again.output
    assert drive(Users, 15, 10) == said
    assert drive(MendedUsers, 4, 10) == ""


def driven_by_hand(machine: ClientMachine) -> ClientMachine:
    """Hello asks; while its answer is being saved somebody else does; then that is saved, and a third one comes."""
    machine._program = machine._begun("")
    for step in ("ask", "settle", "model", "settle", "ask", "settle", "save", "settle"):
        if step == "ask":
            machine._comes("ask", {"text": "there@home" if machine._calls else "hello"})
        elif step == "settle":
            machine.settle()
        else:
            (place,) = (place for place, each in enumerate(machine._options()) if each.startswith(step))
            machine._take([place], 0)
    return machine


@at_night
def test_a_run_that_is_driven_by_clients_is_one_of_these_clients_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided while others might have come is what is decided without them; words of calls are literals, with
    any signs."""
    monkeypatch.setattr("everyturn.hypothesis.asyncio_machine.note", lambda text: None)
    with pytest.raises(AssertionError) as refuted:
        driven_by_hand(Users()).teardown()
    again = everyturn.replay_scenario(
        refuted.value.token,  # type: ignore[attr-defined]
        r"tests.sim.client_machines:Users.calling([('ask', {'text': 'hello'}), ('ask', {'text': 'there\x40home'})])",
    )
    came = re.findall(r"\* (.*) arrives", str(again))
    assert came == ["client 1", "model hello", "client 2", "save hello"]
    driven_by_hand(MendedUsers()).teardown()


def test_what_an_asynchronous_rule_asserts_is_judged() -> None:
    """An assertion that fails in one is the finding; each run has an agent of its own."""

    class Counts(ClientMachine):
        clients = 2

        async def made(self, world: Any) -> list[str]:
            return []

        @rule(text=st.just("one"))  # type: ignore[arg-type] # Hypothesis knows plain rules only
        async def add(self, text: str) -> None:
            self.agent.append(text)
            assert len(self.agent) == 1, "somebody was here before"

    assert "error: the scenario ends in AssertionError('somebody was here before" in drive(Counts, 6, 6)


def test_rules_that_cannot_be_asynchronous_are_refused() -> None:
    bundle = hypothesis.stateful.Bundle("answers")
    with pytest.raises(UsageError, match=r"Asks\.ask: expected an asynchronous rule without target"):

        class Asks(ClientMachine):
            @rule(target=bundle)
            async def ask(self) -> str:
                return "answer"

    with pytest.raises(UsageError, match=r"Holds\.holds: expected a plain function under @invariant"):

        class Holds(ClientMachine):
            @hypothesis.stateful.invariant()
            async def holds(self) -> None: ...

    with pytest.raises(UsageError, match="expected asynchronous rules, of ask; found 'tell'"):
        Users.calling([("tell", {})])


@pytest.mark.parametrize(
    ("called", "said"),
    [
        ("Users.calling([('ask', {'text': world})])", "expected literals as arguments; found"),
        ("Users.calling(((((", "expected literals as arguments; found"),
        ("Users.calling(3)", "expected a scenario to be made; found TypeError"),
        ("Users.calling([('tell', {})])", "expected asynchronous rules, of ask; found 'tell'"),
        ("Users.calling", "expected an async function that takes a world"),
    ],
)
def test_a_call_that_makes_no_scenario_is_refused(called: str, said: str) -> None:
    """With a line that says what is wrong."""
    called = called if called.endswith((")", "g")) else called + ")"
    done = CliRunner().invoke(main, ["check", "--scenario", f"tests.sim.client_machines:{called}"])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_hypothesis_is_imported_by_those_who_ask_for_it() -> None:
    code = "import sys, everyturn, everyturn.plugin.fixture; assert 'hypothesis' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

"""Repairs: classes put in front of a dispatcher, and the smallest sets of them that make a promise hold."""

from __future__ import annotations

import inspect
import json
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner

import everyturn
from everyturn.checking.check import check
from everyturn.checking.repairs.asking import find_repairs
from everyturn.checking.repairs.results import MinimalSet, RepairRefutation, RepairsFound
from everyturn.cli import main
from everyturn.engines.simpy.replay import replay
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Verdict
from everyturn.world.agents import find_revision, revision_name
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context
from everyturn_impl.repairs import REPAIRS
from everyturn_impl.revisions import REVISIONS

POOL = ("looks-after-error", "enters-under-mutex", "raises-own-error")
SCOPES = ("II", "AA+1e")
BOTH = ("looks-after-error", "enters-under-mutex")


# names and classes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_repair_can_be_put_in_front_of_every_revision(revision: str) -> None:
    """Alone and all together; what a revision has already changes nothing."""
    for name in REPAIRS:
        World(Scope.parse("A"), f"{revision}+{name}")
    World(Scope.parse("A"), "+".join((revision, *REPAIRS)))


def test_a_later_revision_has_the_repair_that_it_made() -> None:
    """`d7` enters under the mutex; `d6` with that repair is called what it is."""
    assert find_revision("d7+enters-under-mutex") is REVISIONS["d7-serial-in-process"]
    assert revision_name("d6+enters-under-mutex") == "d6-retry-in-stream+enters-under-mutex"


def test_the_order_in_which_repairs_are_named_does_not_matter() -> None:
    """They are put in front in the order of the list, each once."""
    one, other = "d4+raises-own-error+looks-after-error", "d4+looks-after-error+raises-own-error+looks-after-error"
    assert revision_name(one) == revision_name(other) == "d4-independent+looks-after-error+raises-own-error"
    assert find_revision(one) is find_revision(other)


@pytest.mark.parametrize("name", ["d4+nonsense", "d4+", "d4+tests.sim.test_repairs:POOL"])
def test_what_is_no_repair_is_refused(name: str) -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match="expected"):
        find_revision(name)


@pytest.mark.parametrize("repair", REPAIRS.values(), ids=REPAIRS)
def test_a_repair_is_small_and_asks_for_the_rest(repair: type) -> None:
    """At most twenty lines of code besides docstrings, and no method that the dispatcher does not have."""
    code = inspect.getsource(repair)
    for each in (repair, *(vars(repair)[name] for name in vars(repair) if inspect.isfunction(vars(repair)[name]))):
        code = code.replace(f'"""{each.__doc__}"""', "")
    assert len([line for line in code.splitlines() if line.strip()]) <= 21
    made = {name for name, each in vars(repair).items() if inspect.isfunction(each)}
    assert made - {"refreshes", "conclude"} <= set(dir(SessionAgent))


# the search ----------------------------------------------------------------------------------------------------------


def minimal_by_trying_all(base: str, scopes: tuple[str, ...], pool: tuple[str, ...]) -> set[frozenset[str]]:
    """The minimal sets, by exploring every set."""
    enough = []
    for size in range(len(pool) + 1):
        for some in map(frozenset, combinations(pool, size)):
            cells = [check("+".join((base, *some)), scope, invariants=["no-hang"]).cell for scope in scopes]
            if all(cell.verdict is Verdict.PROVED for cell in cells):
                enough.append(some)
    return {some for some in enough if not any(other < some for other in enough)}


def test_the_minimal_sets_are_those_that_trying_all_finds() -> None:
    """And of the one set there is, every proper subset has a run that refutes it, which can be made again."""
    found = find_repairs("d4", ["no-hang"], SCOPES, POOL, breaks=False)
    assert {frozenset(each.repairs) for each in found.sets} == minimal_by_trying_all("d4", SCOPES, POOL)
    (kept,) = found.sets
    assert (kept.repairs, set(kept.states)) == (BOTH, set(SCOPES))
    assert {each.repairs for each in kept.subsets} == {(), *((name,) for name in BOTH)}
    for refuted in kept.subsets:
        again = replay(refuted.token)
        assert again.run.revision == "+".join(("d4-independent", *refuted.repairs))
        assert refuted.invariant in {finding.invariant for _, finding in again.findings}


def test_what_a_set_breaks_is_told() -> None:
    """Without hook nothing is held back, and the refused attempt of a retry is told, too: no cure for `d4`, nor did
    `d6` have to fear it."""
    for base, broken in (("d4", [("no-double-emit", "A+1r")]), ("d6", [])):
        (kept,) = find_repairs(base, ["prompt-notice"], ("AA", "A+1r"), ("publishes-at-once",)).sets
        assert [(each.invariant, each.scope) for each in kept.breaks if each.invariant == "no-double-emit"] == broken


def test_what_no_repair_cures_is_told() -> None:
    """With the run."""
    found = find_repairs("d4", ["no-hang"], ("AI",), ("raises-own-error",))
    assert (found.sets, [each.repairs for each in found.hopeless]) == ([], [()])


def test_a_base_that_needs_no_repair() -> None:
    """Is the empty set."""
    (kept,) = find_repairs("hardened", ["no-hang"], ("A",), ("raises-own-error",)).sets
    assert kept.repairs == ()


def test_a_limit_is_no_answer() -> None:
    """Nothing is called enough that was not explored to its end."""
    from everyturn.engines.coroutines.exploration import Limits

    found = find_repairs("hardened", ["no-hang"], ("AA",), POOL[:1], limits=Limits(50))
    assert (found.sets, found.undetermined) == ([], [((), "AA")])


def test_an_interruption_loses_nothing(tmp_path: Path) -> None:
    """What was explored is in the journal, also if its last line was cut off; the search goes on from there."""
    journal = tmp_path / "journal"
    seen: list[MinimalSet | RepairRefutation] = []

    def stop(found: MinimalSet | RepairRefutation) -> None:
        seen.append(found)
        if len(seen) == 2:
            raise KeyboardInterrupt

    first = find_repairs("d4", ["no-hang"], ("AI", "A"), POOL[:2], journal=journal, say=stop, breaks=False)
    assert first.interrupted
    assert first.explorations > 0
    journal.write_text(journal.read_text() + '{"question": "cut')
    second = find_repairs("d4", ["no-hang"], ("AI", "A"), POOL[:2], journal=journal, breaks=False)
    whole = find_repairs("d4", ["no-hang"], ("AI", "A"), POOL[:2], breaks=False)
    assert second.explorations == whole.explorations - first.explorations
    assert second.sets == whole.sets


# the user's own ------------------------------------------------------------------------------------------------------


class Forgetful(SessionAgent):
    """Does not hand off."""

    async def take_turn(self, call: Call, caller: Context, turn: Context) -> None:
        ending = await self.stream(call, turn)
        await self.leave(turn)
        await self.publish_ending(call, caller, ending)


class HandsOff(SessionAgent):
    """Hands off after all."""

    async def take_turn(self, call: Call, caller: Context, turn: Context) -> None:
        await super().take_turn(call, caller, turn)
        first = (await self.hand_off(call)).first
        if first is not None:
            await self.run(first, caller.next_hop())


def test_an_agent_and_a_repair_of_one_s_own() -> None:
    """Classes, or where they lie."""
    for agent, repair in (
        (Forgetful, HandsOff),
        ("tests.sim.test_repairs:Forgetful", "tests.sim.test_repairs:HandsOff"),
    ):
        result = everyturn.repairs(agent, ["no-hang"], ["AA"], repairs=[repair, POOL[0]], breaks=False)
        (kept,) = result.sets
        assert kept.repairs == ("tests.sim.test_repairs:HandsOff",)
        (row,) = result.table()
        assert (row["without it"], row["scope"]) == ("no-hang", "AA")
        assert len(result.diagram()) == 2


# the command ---------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["repairs", "--no-breaks", *arguments])
    return result.exit_code, result.stdout


def test_the_command_tells_the_sets_and_draws_them(tmp_path: Path) -> None:
    """As text and as JSON; a picture that can be read."""
    picture = tmp_path / "sets.svg"
    asked = ("--revision", "d4", "--scope", "AI", "--repair", POOL[1], "--repair", POOL[2])
    code, told = run(*asked, "--plot", str(picture))
    assert code == 0
    assert "set 1 of 1: 1 repair, proved in 1 scope (" in told
    assert "without enters-under-mutex: no-hang at AI" in told
    assert picture.read_text().startswith("<?xml")
    found = json.loads(run(*asked, "--json")[1])
    assert RepairsFound.__name__ == "RepairsFound"
    assert (found["schema"], [each["repairs"] for each in found["sets"]]) == ("everyturn/repairs/1", [[POOL[1]]])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--revision", "d4", "--scope", "AI", "--repair", "raises-own-error"), 1),
        (("--revision", "hardened", "--scope", "AA", "--max-states", "50"), 4),
        (("--revision", "d7", "--scope", "A", "--repair", "enters-under-mutex"), 2),
        (("--scope", "A", "--invariant", "conforms"), 2),
        (("--scope", "A", "--repair", "nonsense"), 2),
    ],
)
def test_exit_codes_of_a_search(arguments: tuple[str, ...], code: int) -> None:
    """None is enough, 1; not decided, 4; what cannot be asked, 2."""
    assert run(*arguments)[0] == code

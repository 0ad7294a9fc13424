"""A notebook by somebody who knows only `import everyturn`: each question is one call, and each cell has fewer than
ten lines."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import everyturn

ROOT = Path(__file__).resolve().parents[1]


# what a notebook does ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both() -> everyturn.CheckResults:
    return everyturn.check_all(["d3", "d4"], ["AA", "A+1c", "I"])


def test_two_revisions_in_three_scopes_are_a_table(both: everyturn.CheckResults) -> None:
    rows = both.table()
    assert len(rows) == 2 * 3 * 16
    refuted = [
        (row["revision"], row["scope"]) for row in rows if row["invariant"] == "no-hang" and row["verdict"] == "refuted"
    ]
    assert refuted == [("d3-locked-drain", "AA")]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}


def test_they_are_a_matrix(both: everyturn.CheckResults, tmp_path: Path) -> None:
    both.figure().savefig(tmp_path / "matrix.png")
    assert (tmp_path / "matrix.png").read_bytes().startswith(b"\x89PNG")
    labels = [label.get_text() for label in both.figure().axes[0].get_yticklabels()]
    assert labels == [f"{each.revision}  {each.scope}" for each in both]
    assert [row["no-hang"] for row in both.matrix()] == ["refuted", "proved", "proved", "proved", "proved", "proved"]
    assert both._repr_html_().count("<tr>") == 7


def test_results_of_single_checks_are_one_matrix(both: everyturn.CheckResults) -> None:
    some = everyturn.CheckResults([both[0], everyturn.check("d4", "A", invariants=["no-hang"])])
    assert [row["one-turn"] for row in some.matrix()] == ["proved", None]
    assert len(everyturn.figures.matrix(some).axes) == 1
    assert [each.scope for each in both[1:3]] == ["AA", "A+1c"]


def test_the_states_of_a_scope_are_drawn_with_queue_and_active_entry() -> None:
    result = everyturn.check("d4", "A")
    graph = result.graph()
    figure = everyturn.figures.states(graph, ["active", "queue"])
    assert len(graph) == result.states
    assert graph.number_of_edges() == result.cell.transitions
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"active: –\nqueue: –", "active: p1/p1\nqueue: –"} <= texts
    assert "p1 queue.get" in texts


def test_a_thousand_runs_are_plotted_as_violations_accumulate() -> None:
    found = everyturn.fuzz("d3", "AA", strategy="pct:3", runs=1000)
    hangs = ["no-hang" in run.violated for run in found]
    rows = found.accumulated()
    (line,) = [line for line in found.figure().axes[0].lines if line.get_label() == "no-hang"]
    assert (len(hangs), len(rows), np.size(line.get_ydata())) == (1000, 1000, 1000)
    assert rows[-1]["no-hang"] == sum(hangs) == found.verdicts["no-hang"].count
    assert [run.number for run in found] == list(range(1000))


def test_runs_are_shown_as_they_are_made() -> None:
    shown: list[everyturn.FuzzRun] = []
    found = everyturn.fuzz("d3", "AA", runs=20, seed=3, watch=shown.append)
    assert shown == list(found)


def test_a_notebook_shows_a_figure() -> None:
    """Also if nothing has set up matplotlib there."""
    figure: Any = everyturn.check("d4", "A", invariants=["no-hang"]).figure()
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_an_invariant_of_ones_own() -> None:
    inv = everyturn.invariants

    def step(state: None, event: everyturn.events.Event, ledger: inv.Ledger) -> everyturn.invariants.Violated | None:
        return inv.Violated(f"{event.prompt} was folded") if isinstance(event, everyturn.events.Folded) else None

    mine = everyturn.invariants.Invariant("no-fold", "Nobody is folded.", inv.Kind.ALWAYS, step)
    result = everyturn.check("d3", "AA", invariants=[mine], stop="first")
    assert result.verdict is everyturn.Verdict.REFUTED
    assert result.replay().violated == ["no-fold"]
    assert "Nobody is folded." in str(result.explain())
    assert result.shrink().sentence == "p2 was folded"


def test_a_strategy_of_ones_own() -> None:
    class LastFirst(everyturn.strategies.Sampler):
        def pick(self, enabled: Sequence[everyturn.strategies.Access]) -> int:
            return len(enabled) - 1 if self.below(4) else 0

    found = everyturn.fuzz("d3", "AA", strategy=LastFirst(seed=1), runs=50)
    assert (found.cell.strategy, len(found)) == ("LastFirst", 50)
    assert Counter(map(type, found)) == {everyturn.FuzzRun: 50}


def test_a_revision_of_ones_own_whose_token_replays_there() -> None:
    class Forgetful(everyturn.revisions.Independent):
        async def cancel(self) -> None:
            """Forget it."""

    result = everyturn.check(Forgetful, "A+1c", invariants=["no-lost-cancel"])
    again = everyturn.replay(result.tokens["no-lost-cancel"], agent=Forgetful)
    assert again.violated[0] == "no-lost-cancel"
    assert again.strayed is None
    assert everyturn.shrink(again.token, agent=Forgetful).invariant == "no-lost-cancel"
    assert everyturn.explain(again.token, agent=Forgetful).invariant == "no-lost-cancel"


def test_a_desk_needs_one_method() -> None:
    """Who looks before it acts: two turns at once, on threads; where only waiting lets others in, none."""

    class LooksThenActs(everyturn.Desk):
        async def handle(self, call: everyturn.Call, turn: everyturn.Context) -> None:
            if await self.active.get() is None:
                await self.active.set(turn)
                await self.ask(call, turn)
                await self.active.delete(turn)
            await self.tell(call)

    names = ["one-turn", "no-hang"]
    threads, loop = (everyturn.check(LooksThenActs, "AA", invariants=names, granularity=g) for g in ("access", "await"))
    assert [str(said.verdict) for said in threads.verdicts.values()] == ["proved", "refuted"]
    assert [str(said.verdict) for said in loop.verdicts.values()] == ["proved", "proved"]


def test_a_dispatcher_without_all_methods_is_an_agent() -> None:
    class Echo:
        def __init__(self, ports: everyturn.Ports, *, direct: bool = False) -> None:
            self.ports = ports

        async def submit(self, call: everyturn.Call) -> everyturn.Call:
            return call

        async def serve(self, call: everyturn.Call, caller: everyturn.Context) -> None:
            await self.ports.threads.start(call.prompt)
            await self.ports.broker.publish(everyturn.Completion(call.prompt, call.run_id, None, ""), None)

    result = everyturn.check(Echo, "AA", invariants=["no-hang"])
    assert (result.revision.rpartition(".")[2], result.verdict) == ("Echo", everyturn.Verdict.PROVED)
    found = everyturn.fuzz(Echo, "AA", runs=20)
    assert found[7].replay().run.decisions == everyturn.replay(found[7].token, agent=Echo).run.decisions


NOTEBOOK = """
import everyturn


class Forgetful(everyturn.revisions.Independent):
    async def cancel(self) -> None:
        pass


token = everyturn.check(Forgetful, "A+1c", invariants=["no-lost-cancel"]).tokens["no-lost-cancel"]
print(everyturn.replay(token, agent=Forgetful).violated[0])
"""


def test_a_class_of_a_cell_is_checked_and_its_token_replays_there() -> None:
    """As in a notebook: the class is in no file, and its module is `__main__`."""
    done = subprocess.run([sys.executable, "-"], input=NOTEBOOK, capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("no-lost-cancel\n", "")


# other questions ---------------------------------------------------------------------------------------------------


def test_without_and_stop_are_those_of_check() -> None:
    result = everyturn.check("d3", "AA", without=["conforms", "mission"])
    assert len(result.verdicts) == 12
    assert everyturn.check("d3", everyturn.Scope.parse("AA"), stop="first").cell.stopped == "the first refutation"
    seen: list[int] = []
    result = everyturn.check("d4", "AA", progress=lambda sight: seen.append(sight.states))
    assert seen == sorted(seen)
    assert seen[-1] == result.states
    wrong: Any = "soon"
    with pytest.raises(everyturn.UsageError, match="stop: expected 'never' or 'first', found 'soon'"):
        everyturn.check("d3", "AA", stop=wrong)


def test_liveness_audit_and_coverage_are_one_call_each() -> None:
    assert (
        everyturn.liveness("d4", "AA").verdict is everyturn.Verdict.REFUTED
        or everyturn.liveness("d4", "AA").lassos == []
    )
    assert everyturn.audit("d4", "A").agrees
    reached = {row["what"]: row["reached"] for row in everyturn.coverage("d4", "A").table()}
    assert 0 < reached["statements"] < reached["statements"] + 1


def test_a_log_is_judged() -> None:
    found = everyturn.validate(ROOT / "recordings" / "d3-silent-hand-off.jsonl")
    assert found.verdict is everyturn.Verdict.REFUTED
    assert {row["invariant"] for row in found.table() if row["verdict"] == "refuted"} >= {"no-hang"}
    with pytest.raises(everyturn.UsageError, match="expected at least one log"):
        everyturn.validate()


def test_a_session_is_simulated() -> None:
    (row,) = everyturn.simulate(prompts_per_minute=2, hours=1, replications=1, agents=["d4"], seed=1).table()
    assert row["revision"] == "d4-independent"
    assert row["prompts"] > 0
    with pytest.raises(everyturn.UsageError, match="expected a study's file or prompts_per_minute"):
        everyturn.simulate(hours=1)


def test_an_asyncio_program_is_checked() -> None:
    found = everyturn.check_scenario("examples.scenarios.two_users:mended", max_states=200_000)
    assert found.verdict is everyturn.Verdict.PROVED
    assert found.tokens == {}


def test_a_large_graph_is_refused_with_what_to_do() -> None:
    result = everyturn.check("d4", "A")
    with pytest.raises(everyturn.UsageError, match="expected at most 10 states to export, found more"):
        result.graph(max_states=10)
    with pytest.raises(everyturn.UsageError, match="expected values among mutex, active, queue"):
        everyturn.figures.states(result.graph(), ["quene"])


def test_what_is_not_refuted_has_no_run() -> None:
    with pytest.raises(everyturn.UsageError, match="d4-independent A: nothing is refuted, so that there is no run"):
        everyturn.check("d4", "A", invariants=["no-hang"]).replay("no-hang")


# the door itself ---------------------------------------------------------------------------------------------------


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_import_everyturn_imports_next_to_nothing() -> None:
    """Neither numpy nor any module of ours: what a name needs is imported when it is used first."""
    loaded = python(
        "import sys; before = set(sys.modules); import everyturn; print(*sorted(set(sys.modules) - before))"
    )
    assert {name.split(".")[0] for name in loaded.split()} - set(sys.stdlib_module_names) == {"everyturn"}


def test_every_name_is_there_and_completed() -> None:
    names = python(
        "import everyturn; assert dir(everyturn) == sorted(everyturn.__all__); "
        "print(*(name for name in everyturn.__all__ if getattr(everyturn, name) is None))"
    )
    assert names == "\n"
    with pytest.raises(AttributeError, match="module 'everyturn' has no attribute 'chekc'"):
        _ = everyturn.chekc  # type: ignore[attr-defined]


def test_every_public_function_and_result_says_what_it_does() -> None:
    named = [getattr(everyturn, name) for name in everyturn.__all__ if name not in ("__version__", "Agent")]
    assert [each for each in named if not (each.__doc__ or "").strip()] == []


def test_a_program_is_explored_where_a_loop_is_running() -> None:
    """In a notebook, or in an async test: the loop that runs there is there again afterwards."""

    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"), asyncio.to_thread(len, "ab"))

    async def cell() -> tuple[everyturn.ScenarioResult, bool]:
        loop = asyncio.get_running_loop()
        found = everyturn.check_scenario(scenario)
        await asyncio.sleep(0)
        return found, asyncio.get_running_loop() is loop

    found, same = asyncio.run(cell())
    assert (found.verdict, same) == (everyturn.Verdict.PROVED, True)
    assert repr(found).endswith(f"scenario: proved, {found.cell.states} states)")


def test_a_question_may_be_asked_while_an_error_is_handled() -> None:
    """The caller's error is no part of what is explored, where errors are raised as well."""
    quiet = everyturn.check("d4", "I+1c")
    error = ValueError("the caller's own", (each for each in "what no state can hold"))
    try:
        raise error
    except ValueError:
        asked = everyturn.check("d4", "I+1c")
        assert asked.explain("no-lost-cancel").sentence == quiet.explain("no-lost-cancel").sentence
        assert (
            everyturn.replay(asked.tokens["no-lost-cancel"]).violated
            == everyturn.replay(quiet.tokens["no-lost-cancel"]).violated
        )
        with pytest.raises(everyturn.UsageError, match="nothing is refuted"):
            everyturn.check("d4", "A", invariants=["no-hang"]).replay()
    assert (asked.states, asked.tokens) == (quiet.states, quiet.tokens)

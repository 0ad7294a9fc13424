"""A scripted model behind httpx: an unmodified client is explored with all that can come, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import how_many

import everyturn
from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.runtime.scenarios import find
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.asyncio.states.state import encode
from everyturn.asyncio.telling.stock_script import stock_script
from everyturn.verdicts.verdict import Verdict

httpx = pytest.importorskip("httpx")

from tests.sim.asking_by_httpx import Asks, IsRefused, client_of  # noqa: E402 # likewise

from everyturn.asyncio.endpoints.chat import ChatEndpoint  # noqa: E402 # it needs httpx


async def streamed(client: Any, got: list[str]) -> None:
    """What a client of its own making does with a stream."""
    request = {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True}
    async with client.stream("POST", "/chat/completions", json=request) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                got.append(json.loads(line[6:])["choices"][0]["delta"].get("content", ""))


def streams(pieces: list[str], **options: Any) -> Scenario:
    async def scenario(world: Any) -> None:
        got: list[str] = []
        async with client_of(ChatEndpoint(world, pieces, **options)) as client:
            try:
                await streamed(client, got)
                how = "whole"
            except httpx.HTTPStatusError as error:
                how = str(error.response.status_code)
            except httpx.HTTPError as error:
                how = type(error).__name__
        world.log(how, "".join(got))

    return scenario


def noted(scenario: Scenario, guide: DepthFirstGuide) -> set[Any]:
    with prepared(scenario):
        return {tuple(each.logged) for each in outcomes(scenario, Setting(), guide) if each.complete}


def behaviours(scenario: Scenario) -> set[Any]:
    """What runs note, each thing once; the same whether states are merged or not."""
    merged = noted(scenario, Merging(lambda world: (encode(world), tuple(map(repr, world.logged)))))
    assert merged == noted(scenario, DepthFirstGuide())
    return {each for (each,) in merged}


@settings(max_examples=how_many(4, nightly=200), deadline=None)
@given(
    st.lists(st.sampled_from(["a", "bc", "d "]), min_size=1, max_size=4),
    st.sampled_from([(), (429,), (429, 503)]),
    st.booleans(),
)
def test_a_stream_comes_whole_or_is_refused_or_cut_before_each_piece(
    pieces: list[str], statuses: tuple[int, ...], cut: bool
) -> None:
    """By hand: whole; each status; cut behind none, one, two … pieces."""
    expected = {("whole", "".join(pieces)), *((str(each), "") for each in statuses)}
    if cut:
        expected |= {("RemoteProtocolError", "".join(pieces[:number])) for number in range(len(pieces))}
    assert behaviours(streams(pieces, statuses=statuses, cut=cut)) == expected


def test_errors_of_httpx_may_come_instead() -> None:
    found = behaviours(streams(["a"], errors=(httpx.ConnectError, httpx.ReadError)))
    assert found == {("whole", "a"), ("ConnectError", ""), ("ReadError", "")}


def test_time_outs_of_the_client_pass_where_they_may() -> None:
    """At the beginning, before each of two pieces, before the end; where an answer has a latest time, at none."""
    found = behaviours(streams(["a", "b"], time_outs=True))
    assert found == {("whole", "ab"), ("ReadTimeout", ""), ("ReadTimeout", "a"), ("ReadTimeout", "ab")}
    assert behaviours(streams(["a", "b"], time_outs=True, within=1.0)) == {("whole", "ab")}


async def asks_for_all_at_once(world: Any) -> None:
    async with client_of(ChatEndpoint(world, lambda asked: [asked["messages"][0]["content"], "!"])) as client:
        response = await client.post("/chat/completions", json={"messages": [{"role": "user", "content": "hi"}]})
        assert response.json()["choices"][0]["message"] == {"role": "assistant", "content": "hi!"}
        assert (await client.get("/models")).status_code == 404


def test_an_answer_may_be_asked_for_whole() -> None:
    assert check(asks_for_all_at_once).cell.verdict is Verdict.PROVED


def test_the_example_is_refuted_by_an_answer_that_nobody_stopped() -> None:
    """That its mended twin is proved, the commands of the page show."""
    racy = check("examples.scenarios.http_chat:racy").cell
    assert [kind for kind, found in racy.invariants.items() if found.verdict is Verdict.REFUTED] == ["error"]
    assert "nobody has stopped this answer" in str(racy.invariants["error"].sentence)


# behind the adapter of a session, and in a script for the stock loop
# ---------------------------------------------------------------------------


def test_a_session_whose_model_is_behind_httpx_is_judged_as_one_with_a_model() -> None:
    said = everyturn.check_session(Asks, "A+1e").cell.invariants
    for name in ("no-hang", "one-turn", "nothing-lost", "true-outcome", "right-owner"):
        assert said[name].verdict is Verdict.PROVED, name


def test_an_answer_of_a_session_fails_as_the_endpoint_says_and_as_often_as_the_scope_says() -> None:
    assert everyturn.check_session(IsRefused, "A").cell.invariants["no-hang"].verdict is Verdict.PROVED
    assert everyturn.check_session(IsRefused, "A+1e").cell.invariants["no-hang"].verdict is Verdict.REFUTED


@pytest.mark.parametrize(("what", "end"), [("IsRefused", "p1 still waits"), ("nobody_is_refused", "main ends in")])
def test_a_script_has_the_endpoint(what: str, end: str, tmp_path: Path) -> None:
    """In a session the project is stood in for, in a scenario one that is there is taken."""
    name, script = f"tests.sim.asking_by_httpx:{what}", tmp_path / "run.py"
    if what == "IsRefused":
        everyturn.check_session(name, "A+1e").explain("no-hang", script=script, budget=10)
    else:
        found = search(find(name)).found["error"]
        script.write_text(stock_script(name, Setting(), found.decisions, script.name, "what is wrong"))
    command = [sys.executable, str(script)]
    made = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    assert end in made.stdout

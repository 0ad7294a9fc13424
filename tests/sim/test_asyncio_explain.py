"""Why a run of a scenario shows a fault: in asyncio's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.sim import small_scenarios as small

from everyturn.asyncio.checking import check, explain_token, replay, shrink_token
from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.running import Setting, run
from everyturn.asyncio.telling.explaining import ExplainedScenario
from everyturn.asyncio.telling.shrinking import shrink
from everyturn.asyncio.telling.waiting import WaitingTask, circles, told
from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.reports import scenario_story
from everyturn.verdicts.verdict import Verdict

RACY = "examples.scenarios.two_users:racy"


def explained(scenario: Callable[..., Any], kind: str, setting: Setting | None = None) -> ExplainedScenario:
    token = check(scenario, setting).cell.invariants[kind].token
    return explain_token(str(token), scenario, kind)


def test_what_decided_is_which_completion_came_first() -> None:
    """The queue is looked at, then the save is awaited: who asks meanwhile waits for ever."""
    found = explained(small.racy, "hang")
    assert found.pair is not None
    assert {found.pair.first, found.pair.second} == {"user p1 arrives", "save p0 arrives"}
    assert found.lost is not None
    assert found.lost.word == found.pair.first
    assert found.passing is not None
    assert found.passing.instead == found.pair.second
    assert found.beyond_asyncio is None


async def two_locks(world: Any) -> None:
    """Each holds one lock and waits for the other's."""
    left, right = asyncio.Lock(), asyncio.Lock()

    async def worker(one: asyncio.Lock, other: asyncio.Lock, name: str) -> None:
        async with one:
            await world.io(name)
            async with other:
                pass

    tasks = [
        asyncio.create_task(worker(left, right, "a"), name="a"),
        asyncio.create_task(worker(right, left, "b"), name="b"),
    ]
    await asyncio.gather(*tasks)


def test_who_waits_for_whom_is_told_and_a_circle_is_named() -> None:
    found = explained(two_locks, "hang")
    by_name = {each.name: each for each in found.waiting}
    assert by_name["a"].for_tasks == ("b",)
    assert by_name["b"].for_tasks == ("a",)
    assert by_name["main"].for_tasks == ("a", "b")
    assert "Lock right, which b holds" in by_name["a"].what
    assert told(found.waiting).endswith("in a circle: a → b → a")
    assert "in a circle: a → b → a" in str(check(two_locks).cell.invariants["hang"].sentence)


async def many_waits(world: Any) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    event, condition, barrier = asyncio.Event(), asyncio.Condition(), asyncio.Barrier(3)
    answers: dict[str, asyncio.Future[None]] = {"p1": asyncio.get_running_loop().create_future()}
    inner = asyncio.create_task(event.wait(), name="inner")

    async def notified() -> None:
        async with condition:
            await condition.wait()

    async def answered() -> None:
        await answers["p1"]

    async def shields() -> None:
        await asyncio.shield(inner)

    async def first() -> None:
        await asyncio.wait([inner], return_when=asyncio.FIRST_COMPLETED)

    waits = {"gets": queue.get(), "notified": notified(), "meets": barrier.wait(), "answered": answered()}
    waits |= {"shields": shields(), "first": first()}
    async with asyncio.TaskGroup() as group:
        for name, each in waits.items():
            group.create_task(each, name=name)


def test_what_each_task_waits_for_is_named_as_the_program_names_it() -> None:
    found = explained(many_waits, "hang")
    what = {each.name: each.what for each in found.waiting}
    assert what["gets"] == "an item of Queue queue"
    assert what["inner"] == "Event event"
    assert what["notified"] == "Condition condition"
    assert what["meets"].startswith("Barrier")
    assert what["answered"] == "future answers['p1']"
    assert what["shields"] == "inner"
    assert what["first"] == "inner"
    assert set(what["main"].split(" and ")) == {"gets", "notified", "meets", "answered", "shields", "first"}


def test_circles_are_found_wherever_they_begin() -> None:
    waiting = [
        WaitingTask("main", "", "", ("a", "c")),
        WaitingTask("a", "", "", ("b",)),
        WaitingTask("b", "", "", ("c", "a")),
        WaitingTask("c", "", "", ()),
        WaitingTask("d", "", "", ("d",)),
    ]
    assert circles(waiting) == [["a", "b"], ["d"]]


async def always_fails(world: Any) -> None:
    await world.io("answer")
    raise AssertionError("always")


def test_what_every_run_shows_was_too_late_from_the_beginning() -> None:
    found = explained(always_fails, "error")
    assert found.lost is not None
    assert found.lost.decision == 0
    assert found.pair is None
    assert "every run of this scenario shows error" in "\n".join(scenario_story.lines(found))


async def deadline(world: Any) -> None:
    """Two looks at the clock decide together: no single one does."""
    try:
        async with asyncio.timeout(1):
            await world.io("first")
    except TimeoutError:
        pass
    else:
        return
    raise AssertionError("too late")


def test_the_time_is_told_in_words() -> None:
    found = explained(deadline, "error")
    said = "\n".join(scenario_story.lines(found))
    assert found.passing is not None
    assert "first" in found.passing.instead
    assert " <= " not in said.split("what decided")[-1]


def test_a_run_that_needs_another_order_is_said_to_be_none_of_asyncio() -> None:
    from examples.scenarios.faults import orders

    found = explained(orders.begun_in_order, "error", Setting(order="any"))
    assert found.beyond_asyncio is not None
    assert "first in, first out" in found.beyond_asyncio


def test_shrinking_leaves_out_what_the_fault_does_not_need() -> None:
    async def scenario(world: Any) -> None:
        async def user(name: str) -> None:
            await world.io(name, errors=[ConnectionError])

        results = await asyncio.gather(*map(user, "abc"), return_exceptions=True)
        assert not isinstance(results[0], ConnectionError)

    from everyturn.asyncio.control.preparing import prepared
    from everyturn.asyncio.runtime.tokens import token
    from everyturn.asyncio.search.searching import outcomes

    with prepared(scenario, Setting()):
        longest = max(
            (each for each in outcomes(scenario, Setting()) if each.findings), key=lambda each: len(each.decisions)
        )
    shrunk = shrink_token(token("a scenario", longest.decisions, Setting()), scenario)
    assert shrunk.kind == "error"
    errors = [each.word for each in shrunk.after.outcome.decisions if "ConnectionError" in each.word]
    assert errors == ["a: ConnectionError arrives"]
    again = shrink_token(shrunk.token, scenario)
    assert again.token == shrunk.token


async def stopped_or_polling(world: Any, polls: list[int]) -> None:
    """Stopped, it waits for ever; if somebody else comes first, it asks again and again."""
    asked = asyncio.ensure_future(world.io("somebody else"))
    await world.io("stop")
    if not asked.done():
        await asyncio.Future[None]()
    while True:
        polls.append(1)
        await asyncio.sleep(0)


def test_a_try_that_goes_round_for_ever_is_given_up_soon() -> None:
    polls: list[int] = []
    setting = Setting()
    long = run(partial(stopped_or_polling, polls=polls), ByWords([("arrives", "stop arrives")]), setting)
    assert [each.kind for each in long.findings][:1] == ["hang"]
    polls.clear()
    shrunk = shrink(partial(stopped_or_polling, polls=polls), setting, long, "hang")
    assert shrunk.tried > 0
    assert 0 < len(polls) < 1_000


def test_the_command_line_explains_and_shrinks(tmp_path: Path) -> None:
    token = str(check(RACY).cell.invariants["hang"].token)
    held = tmp_path / "run.txt"
    shrunk = CliRunner().invoke(main, ["shrink", "--scenario", RACY, token, "-o", str(held)])
    assert shrunk.exit_code == 1
    assert "1 run tried" in shrunk.stdout
    told_ = CliRunner().invoke(main, ["explain", "--scenario", RACY, str(held)])
    assert told_.exit_code == 1
    for line in ("at rest", "main waits for", "what decided", "too late after choice", "the nearest run that passes"):
        assert line in told_.stdout
    assert "await self.save(prompt)" in told_.stdout
    document = json.loads(CliRunner().invoke(main, ["explain", "--scenario", RACY, token, "--json"]).stdout)
    assert document["kind"] == "hang"
    assert document["pair"]["second"] == "save hello arrives"


def test_what_cannot_be_explained_is_said() -> None:
    token = str(check(RACY).cell.invariants["hang"].token)
    with pytest.raises(UsageError, match=r"expected --scenario examples.scenarios.two_users:racy"):
        explain_token(token)
    with pytest.raises(UsageError, match="expected a run with a fault; found nothing wrong"):
        explain_token(token, "examples.scenarios.two_users:mended")
    with pytest.raises(UsageError, match="expected a kind of fault that is judged here"):
        explain_token(token, RACY, "no-such-kind")
    refused = CliRunner().invoke(main, ["explain", "--script", "out.py", "et2-nothing"])
    assert refused.exit_code == 2


def test_the_front_door_explains_shrinks_and_writes_the_script(tmp_path: Path) -> None:
    import everyturn

    result = everyturn.check_scenario(RACY)
    explanation = result.explain("hang", script=tmp_path / "hang.py")
    assert "what decided" in str(explanation)
    assert explanation.document()["kind"] == explanation.fault == "hang"
    assert (tmp_path / "hang.py").read_text().startswith('"""Makes one run of')
    assert "hang" in str(result.shrink().cell.invariants)
    assert result.shrink().verdict == "refuted"


async def beats(world: Any) -> None:
    async def beat() -> None:
        while True:
            await asyncio.sleep(0)

    world.beat = asyncio.create_task(beat())
    await world.io("answer")
    await asyncio.Event().wait()


def test_of_a_run_that_never_rests_the_story_is_told() -> None:
    found = explained(beats, "hang")
    said = "\n".join(scenario_story.lines(found))
    assert "and so on" in said
    assert "what decided is not looked for" in said
    assert "cannot make this run" in said


class Hostile:
    """An object whose attributes must not be asked for."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        raise RuntimeError("shown")


async def holds_what_must_not_be_touched(world: Any) -> None:
    hostile, answers = Hostile(), {Hostile(): asyncio.get_running_loop().create_future()}
    await next(iter(answers.values()))
    del hostile


def test_nothing_of_the_program_is_called_to_name_what_is_waited_for() -> None:
    sentence = str(check(holds_what_must_not_be_touched).cell.invariants["hang"].sentence)
    assert "main waits for future answers[…]" in sentence


async def loses_an_error(world: Any) -> None:
    async def fails() -> None:
        await world.io("disk")
        raise OSError("disk full")

    asyncio.create_task(fails()).add_done_callback(lambda task: None)
    await world.io("answer")


def test_telling_a_run_does_not_change_it() -> None:
    """Whoever asks a task for its exception has retrieved it: the story must not."""
    found = explained(loses_an_error, "unretrieved")
    assert any("ends in OSError('disk full')" in line for line in found.lines)
    token = check(loses_an_error).cell.invariants["unretrieved"].token
    assert replay(str(token), loses_an_error).cell.invariants["unretrieved"].verdict is Verdict.REFUTED


async def answered_before_it_asks(world: Any) -> None:
    """The client must ask while the message is saved, which happens and then arrives."""
    idle, waiting = asyncio.Event(), []

    async def save() -> None:
        await world.io("save", effect=lambda: None)
        idle.set()

    async def client() -> None:
        await world.io("client")
        if not idle.is_set():
            waiting.append(asyncio.get_running_loop().create_future())
            await waiting[0]

    await asyncio.gather(save(), client())


def test_what_decided_may_have_come_several_choices_later() -> None:
    """The client came before the end of the save, of which it is no option where that came."""
    found = explained(answered_before_it_asks, "hang")
    assert found.pair is not None
    assert (found.pair.first, found.pair.second) == ("client arrives", "save arrives")
    assert found.lost is not None
    assert found.lost.word == "client arrives"
    assert found.passing is not None
    assert found.passing.taken == "client arrives"

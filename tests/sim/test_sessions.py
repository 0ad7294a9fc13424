"""Sessions of asyncio agents as they are: refuted by the right invariant, proved where they are right, and never green
where nothing was shown."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from click.testing import CliRunner
from examples.sessions.adapter import Chat, Mended
from tests.nightly import nightly, one_in, thinned
from tests.sim import right_sessions as right
from tests.sim import small_sessions as small

import everyturn
from everyturn.asyncio.checking import check, fuzz, replay
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.cli import main
from everyturn.sessions.adapter import Session
from everyturn.sessions.by_name import workload, workload_of
from everyturn.verdicts.verdict import InvariantResult, Verdict

NEVER_SHOWN = {"state-before-notice", "idle-cancel"}
"""What no session shows."""


def results(adapter: type[Session], scope: str, *, merge: bool = True) -> dict[str, InvariantResult]:
    """What is said of all that is judged, but for what no session shows."""
    cell = check(workload(adapter, scope), merge=merge).cell
    assert cell.conforms is not None
    every = {**cell.invariants, "conforms": cell.conforms}
    return {name: each for name, each in every.items() if name not in NEVER_SHOWN}


def unproved(adapter: type[Session], scope: str, *, merge: bool = True) -> dict[str, Verdict]:
    """The same as verdicts, but for what is proved and what nothing could violate."""
    quiet = (Verdict.PROVED, Verdict.VACUOUS)
    found = results(adapter, scope, merge=merge)
    return {name: each.verdict for name, each in found.items() if each.verdict not in quiet}


def refuted(adapter: type[Session], scope: str) -> set[str]:
    return {name for name, verdict in unproved(adapter, scope).items() if verdict is Verdict.REFUTED}


# the session of the guide
# ---------------------------------------------------------------------------------------------------------------


def test_a_prompt_that_comes_while_the_session_goes_idle_is_forgotten() -> None:
    assert refuted(Chat, "AA") == {"no-hang", "nothing-lost", "clean-rest", "no-deadlock", "conforms"}


def test_a_turn_that_is_cancelled_before_its_first_step_tells_nobody() -> None:
    assert {"no-hang", "true-outcome"} <= refuted(Chat, "A+1c")


@thinned(4)
@pytest.mark.parametrize("scope", ["A", "AA", "Aa", "A+1c", "AA+1c", "AA+1e"])
def test_the_mended_session_is_proved(scope: str) -> None:
    assert unproved(Mended, scope) == {}


# what is wrong is refuted by the invariant that says so
# ---------------------------------------------------------------------------------------------------------------

FAULTS = [
    (small.Forgets, "AA+1c", {"no-hang", "nothing-lost", "no-deadlock", "conforms"}),
    (small.AllAtOnce, "AA", {"one-turn", "conforms"}),
    (small.IgnoresCancel, "A+1c", {"no-lost-cancel", "conforms"}),
    (small.CancelsTheQueueAlone, "A+1c", {"no-lost-cancel", "conforms"}),
    (small.CancelsTheTurnAlone, "AA+1c", {"no-lost-cancel", "conforms"}),
    (small.StaysStopped, "A+1c", {"no-poisoned-prompt", "conforms"}),
    (small.StoresTwice, "A", {"nothing-lost", "conforms"}),
    (small.LastInFirstOut, "AAA", {"in-order", "conforms"}),
    (small.OneAnswer, "AA", {"right-owner", "conforms"}),
    (small.StaysBusy, "A+1e", {"clean-rest", "conforms"}),
    (small.WaitsForTheTurn, "A+1c", {"no-deadlock"}),
    (small.TellsLate, "AA", {"prompt-notice", "conforms"}),
    (small.HoldsBack, "AA", {"prompt-notice"}),
    (small.SaysItIsFinished, "A+1e", {"true-outcome", "conforms"}),
    (small.LooksTooEarly, "A+1c", {"no-lost-cancel", "conforms"}),
    (small.Shields, "A+1c", {"no-lost-cancel", "true-outcome", "conforms"}),
    (small.AsksAgain, "A+1c", {"no-lost-cancel", "conforms"}),
    (small.LosesATask, "A", {"unretrieved"}),
    (small.CancelFails, "A+1c", {"error"}),
    (small.Refuses, "AA", {"conforms"}),
]
"""A session with one fault, a smallest scope that shows it, and all that is refuted there."""


@thinned(6)
@pytest.mark.parametrize(("chat", "scope", "broken"), FAULTS, ids=lambda each: getattr(each, "__name__", None))
def test_a_fault_is_refuted_by_its_invariant_and_by_no_other(
    chat: type[small.Right], scope: str, broken: set[str]
) -> None:
    assert refuted(small.to(chat), scope) == broken


def test_who_is_answered_within_anothers_turn_was_folded() -> None:
    """No agent need tell of it: the model was asked for both at once."""
    assert refuted(small.to(small.Batches, stores_prompts=False), "AAA") == {"no-fold-of-run-id", "conforms"}


def test_a_completion_that_comes_twice_is_a_double_emit() -> None:
    assert "no-double-emit" in refuted(small.TellsTwice, "A")
    assert results(small.TellsItself, "AA")["no-double-emit"].verdict is Verdict.PROVED


@thinned(2)
@pytest.mark.parametrize("scope", ["A", "a", "AA", "Aa", "A+1c", "AA+1c", "AA+1e", "AA+1q", "A+x", "AAA"])
def test_a_right_session_is_proved(scope: str) -> None:
    adapter = type("Closes", (small.Adapter,), {"shut_down": small.Adapter.cancel})
    assert unproved(adapter, scope) == {}


@thinned(4)
@pytest.mark.parametrize(
    ("adapter", "scope"),
    one_in(
        2,
        [right.ToLocked, right.ToRetries, right.ToGivesUp, right.ToStreams, right.ToWorker],
        ["AA", "A+1c", "A+1e", "AA+1c"],
    ),
)
def test_sessions_of_unlike_designs_that_are_right_are_proved(adapter: type[Session], scope: str) -> None:
    """By a lock, a worker, with a second try, with a time limit, with a mark that is looked at between pieces."""
    assert unproved(adapter, scope) == {}


# promises
# ---------------------------------------------------------------------------------------------------------------


@thinned(2)
@pytest.mark.parametrize(
    ("chat", "cancel", "expected"),
    [
        (small.CancelsTheTurnAlone, "turn", {}),
        (small.Right, "turn", {"no-poisoned-prompt": Verdict.REFUTED}),
        (small.Right, "turn, queue and accepted", {}),
        (small.IgnoresCancel, "nothing", {"no-lost-cancel": Verdict.NOT_PROMISED}),
    ],
)
def test_a_cancel_is_judged_by_what_it_promises(
    chat: type[small.Right], cancel: str, expected: dict[str, Verdict]
) -> None:
    promises = everyturn.Promises(cancel=cancel, folds=False)
    assert unproved(small.to(chat, promises=promises), "AA+1c") == expected


def test_a_session_that_refuses_while_busy_promises_no_order() -> None:
    promises = everyturn.Promises(cancel="turn", busy="refuse", folds=False)
    assert unproved(small.to(small.Refuses, promises=promises), "AA+1c") == {"in-order": Verdict.NOT_PROMISED}


# what is not shown is not green
# ---------------------------------------------------------------------------------------------------------------


def test_what_the_session_holds_is_not_judged_unless_it_is_shown() -> None:
    assert unproved(small.to(small.Right, look=Session.look), "AA+1c") == {
        "in-order": Verdict.NOT_JUDGED,
        "clean-rest": Verdict.NOT_JUDGED,
    }


def test_a_promise_about_the_queue_is_not_judged_unless_the_queue_is_shown() -> None:
    """Whether the prompt was queued, or on its way there, is not seen: it may be a lost Cancel or none."""
    said = results(small.to(small.CancelsTheTurnAlone, look=Session.look), "AA+1c")["no-lost-cancel"]
    assert said.verdict is Verdict.NOT_JUDGED
    assert "look does not show of every prompt whether it is active" in str(said.sentence)


def test_a_look_that_names_nobody_as_active_leaves_a_promise_about_turns_open() -> None:
    """A Cancel while a turn prepares: that it is active, the session has not shown."""

    def look(self: small.Adapter) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active is not None, queue=[text for text, _ in self.chat.queue])

    promises = everyturn.Promises(cancel="turn", folds=False)
    adapter = small.to(small.CancelsTheQueueAlone, look=look, promises=promises)
    assert unproved(adapter, "A+1c")["no-lost-cancel"] is not Verdict.PROVED


def test_a_cancel_that_the_adapter_puts_off_is_lost_or_hits_who_comes_later() -> None:
    """An adapter that makes a task of a call and returns has not made the call."""

    async def cancel(self: small.Adapter) -> None:
        self.late = asyncio.create_task(self.chat.stop())  # type: ignore[attr-defined]

    assert {"no-lost-cancel", "no-poisoned-prompt"} <= refuted(small.to(small.Right, cancel=cancel), "A+1c")


def test_a_queue_that_is_never_shown_leaves_the_order_open() -> None:
    def look(self: small.Adapter) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active)

    assert unproved(small.to(small.LastInFirstOut, look=look), "AAA")["in-order"] is Verdict.NOT_JUDGED


def test_of_an_agent_that_asks_another_model_no_turn_is_judged() -> None:
    class Elsewhere(small.Blind):
        async def open(self, world: object) -> None:
            io = world.io  # type: ignore[attr-defined]
            self.chat = self.kind(lambda text: io(f"model {text}", text.replace("prompt", "answer")), io)

    said = unproved(Elsewhere, "AA+1c")
    turns = {"no-fold-of-run-id", "one-turn", "no-lost-cancel", "no-poisoned-prompt", "nothing-lost", "prompt-notice"}
    assert set(said.values()) == {Verdict.NOT_JUDGED}
    assert said.keys() == turns | {"in-order", "clean-rest", "true-outcome", "conforms"}


def test_a_prompt_that_nobody_waits_for_and_that_is_forgotten_is_seen() -> None:
    class Never(small.Right):
        async def ask(self, text: str) -> str:
            await self.store(text)
            raise SystemExit if self.active else await self.nothing()

        async def nothing(self) -> BaseException:
            await asyncio.Event().wait()
            return SystemExit()

    assert {"no-deadlock"} <= refuted(small.to(Never), "a")
    assert {"no-deadlock", "no-hang"} <= refuted(small.to(Never), "A")


def test_a_session_that_never_comes_to_rest_is_undetermined() -> None:
    class Beats(small.Right):
        async def answer(self, text: str) -> str:
            while True:
                await asyncio.sleep(1)

    said = unproved(small.to(Beats), "A")
    assert set(said.values()) == {Verdict.UNDETERMINED}


def test_a_limit_leaves_everything_undetermined() -> None:
    checked = check(workload(small.Adapter, "AA"), limits=SearchLimits(runs=3))
    assert checked.cell.verdict is Verdict.UNDETERMINED
    assert Verdict.PROVED not in {each.verdict for each in checked.cell.invariants.values()}


# the search
# ---------------------------------------------------------------------------------------------------------------


@thinned(4)
@pytest.mark.parametrize(
    ("adapter", "scope"),
    [
        (small.Adapter, "A+1c"),
        (small.Adapter, "AA"),
        (small.to(small.IgnoresCancel), "A+1c"),
        nightly(small.to(small.StaysStopped), "A+1c"),
        nightly(small.to(small.TellsLate), "AA"),
        nightly(small.to(small.HoldsBack), "AA"),
        nightly(small.to(small.Refuses), "AA"),
        nightly(small.to(small.SaysItIsFinished), "AA+1e"),
        (small.Blind, "AA"),
        (small.TellsTwice, "AA"),
    ],
)
def test_without_merging_the_verdicts_are_the_same(adapter: type[Session], scope: str) -> None:
    """An oracle: every run is made to its end and judged."""
    merged, whole = check(workload(adapter, scope)), check(workload(adapter, scope), merge=False)
    assert merged.found.complete
    assert whole.found.complete
    assert whole.found.merged == 0
    assert merged.found.runs <= whole.found.runs
    assert {name: each.verdict for name, each in merged.cell.invariants.items()} == {
        name: each.verdict for name, each in whole.cell.invariants.items()
    }
    assert merged.cell.conforms is not None
    assert whole.cell.conforms is not None
    assert merged.cell.conforms.verdict is whole.cell.conforms.verdict


def test_a_sample_finds_it_or_bounds_the_risk() -> None:
    assert fuzz(workload(Chat, "AA+1c"), runs=100).cell.verdict is Verdict.REFUTED
    clean = fuzz(workload(Mended, "AA"), runs=50).cell
    assert clean.verdict is Verdict.RISK
    assert clean.risk is not None


def test_a_counterexample_is_told_from_its_token() -> None:
    token = check(workload(Chat, "AA")).cell.invariants["no-hang"].token
    assert token is not None
    again = replay(token, workload_of(token, "examples.sessions.adapter:Chat"))
    assert again.strayed is None
    assert again.cell.scope == "AA"
    assert again.cell.invariants["no-hang"].verdict is Verdict.REFUTED
    story = "\n".join(again.lines)
    assert re.search(r"no turn is active.*", story, re.DOTALL)
    assert "p2 is in the queue" in story


# the command line, and the front door
# ---------------------------------------------------------------------------------------------------------------


def test_the_command_line_judges_a_session() -> None:
    asked = ["--session", "examples.sessions.adapter:Chat", "--scope", "AA", "--invariant", "no-hang", "--json"]
    result = CliRunner().invoke(main, ["check", *asked])
    assert result.exit_code == 1
    (cell,) = json.loads(result.stdout)["cells"]
    assert (cell["revision"], cell["scope"]) == ("examples.sessions.adapter:Chat", "AA")
    assert {name: each["verdict"] for name, each in cell["invariants"].items()} == {"no-hang": "refuted"}
    token = cell["invariants"]["no-hang"]["token"]
    replayed = CliRunner().invoke(main, ["replay", "--session", "examples/sessions/adapter.py:Chat", token])
    assert replayed.exit_code == 1
    assert "no-hang: nothing can move any more, and nobody has told the waiter of p2" in replayed.output
    unnamed = CliRunner().invoke(main, ["replay", token])
    assert unnamed.exit_code == 2
    assert "expected --session examples.sessions.adapter:Chat" in unnamed.output


def test_a_session_in_a_file_is_sampled() -> None:
    asked = ["--session", "examples/sessions/adapter.py:Mended", "--scope", "A", "--scope", "AA", "--runs", "20"]
    result = CliRunner().invoke(main, ["fuzz", *asked])
    assert result.exit_code == 0
    assert result.output.count("20 runs") == 2
    assert result.output.count("probability per run at most") == 2


def test_from_python() -> None:
    result = everyturn.check_session(Chat, "AA", without=["no-deadlock"])
    assert set(result.tokens) == {"no-hang", "nothing-lost", "clean-rest", "conforms"}
    assert "p2 is in the queue" in str(result.replay("no-hang"))
    assert everyturn.fuzz_session(Mended, "AA", runs=20).verdict is everyturn.Verdict.RISK
    with pytest.raises(everyturn.UsageError, match="expected --session"):
        everyturn.replay_scenario(result.tokens["no-hang"], "examples.scenarios.two_users:racy")


def test_a_counterexample_is_explained_and_shrunk() -> None:
    token = check(workload(Chat, "AA", ["no-hang"])).cell.invariants["no-hang"].token
    asked = ["--session", "examples.sessions.adapter:Chat", str(token)]
    explained = CliRunner().invoke(main, ["explain", *asked, "--invariant", "no-hang"])
    assert explained.exit_code == 1
    assert "too late after choice 16, 'p2 is submitted': whatever comes then, it ends in this" in explained.output
    assert (
        "what decided, at choice 16: 'p2 is submitted' before 'store at rest after 2 messages arrives'"
        in explained.output
    )
    assert "the other way round no-hang holds" in explained.output
    assert "  p2 waits for future answered at examples/sessions/chat.py:33" in explained.output
    assert "main waits" not in explained.output, "the clients' own waiting is ours"
    assert "the nearest run that passes: the same up to choice 16" in explained.output
    assert "asyncio's own loop can make this run: --script FILE" in explained.output
    shrunk = CliRunner().invoke(main, ["shrink", *asked])
    assert shrunk.exit_code == 1
    assert "everyturn explain ea1-" in shrunk.output
    assert "--session examples.sessions.adapter:Chat" in shrunk.output
    unnamed = CliRunner().invoke(main, ["explain", str(token)])
    assert unnamed.exit_code == 2
    assert "this token is of the session" in unnamed.output

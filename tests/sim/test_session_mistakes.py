"""What an adapter does wrong is told with file and line, and is never a verdict: exit code 2."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.nightly import thinned
from tests.sim import session_mistakes as wrong

from everyturn.cli import main

FILE = "tests/sim/session_mistakes.py"

SAID = {
    "NoSession": "expected a class that inherits from everyturn.Session; found <class",
    "LacksSubmit": "scope AA+1c calls submit: expected an async method",
    "LacksCancel": "scope AA+1c calls cancel: expected an async method",
    "IsNotAsync": "submit: expected an async method; found <function",
    "TakesNothing": "expected submit(self, prompt); found submit(self)",
    "LooksAsync": "look: expected a plain method; found an async one",
    "PromisesAWord": "promises: expected everyturn.Promises(...); found 'everything'",
    "CannotOpen": "open: expected it to raise nothing; found TypeError",
    "NeverOpens": "open: expected it to return; found that it waits for ever",
    "ReturnsNothing": "submit: expected the answer as text; found None. Raise asyncio.CancelledError if",
    "CallsWhatIsNotThere": "expected an adapter that calls the agent; found AttributeError: 'Right' object has no",
    "PassesTooMuch": "expected an adapter that calls the agent; found TypeError: Right.stop() takes 1 positional",
    "AwaitsNothing": "expected an adapter that calls the agent; found TypeError: object NoneType can't be used in",
    "GivesAnotherText": "the model is asked 'hello': expected the text of a prompt in it, such as 'prompt:p1'",
    "LooksAtNothing": "look: expected everyturn.Held(busy=…, queue=[…]); found None",
    "LooksWrongly": "look: expected the texts of prompts in the queue, such as 'prompt:p1'; found 'somebody'",
    "LookRaises": "look: expected it to raise nothing; found AttributeError: 'Right' object has no attribute 'busy'",
    "StoresNothing": "stores_prompts: expected an agent that is given world.store() in open; found none taken",
    "TellsTwoThings": "told: expected the answer as text, cancelled=True or failed=True; "
    "found 'answer:p1', cancelled=True",
    "TellsNobody": "told: expected a prompt, or its text such as 'prompt:p1'; found 'somebody'",
    "TellsAndReturns": "submit: expected self.later where self.told tells the answer; found 'answer:p",
}
"""Adapter → what is said of its mistake."""

ELSEWHERE = {"GivesAnotherText": "tests/sim/small_sessions.py"}
"""Adapter → the file that is named, where it is not the adapter's."""


@thinned(8)
@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("command", ["check", "fuzz"])
def test_a_mistake_is_told_with_file_and_line(command: str, name: str) -> None:
    result = CliRunner().invoke(main, [command, "--session", f"{wrong.__name__}:{name}", "--scope", "AA+1c"])
    assert result.exit_code == 2, result.output
    assert SAID[name] in result.output
    if name != "NoSession":
        assert re.search(rf"{ELSEWHERE.get(name, FILE)}:\d+: ", result.output)


def test_every_adapter_has_a_mistake_that_is_told() -> None:
    made = {name for name, each in vars(wrong).items() if getattr(each, "__module__", None) == wrong.__name__}
    assert made == SAID.keys()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--session", "examples.sessions.adapter:Chat"], "--session: expected --scope, for example --scope AA+1c"),
        (["--session", "examples.sessions.adapter:Chat", "--scope", "AI"], "found I"),
        (["--session", "examples.sessions.adapter:Chat", "--scope", "A+1t+u"], "for a session; found t, u"),
        (["--session", "examples.sessions.adapter:Chat", "--scope", "A+*e"], "for a session; found one without bound"),
        (["--session", "examples.sessions.adapter:Chat", "--scope", "A+1q"], "scope A+1q calls clear"),
        (
            ["--session", "examples.sessions.adapter:Cat", "--scope", "A"],
            "expected a class Cat; found none of that name",
        ),
        (["--session", "examples.sessions.nowhere:Chat", "--scope", "A"], "session 'examples.sessions.nowhere:Chat'"),
        (["--session", "nowhere.py:Chat", "--scope", "A"], "expected a Python file; found none"),
        (
            ["--session", "examples.sessions.adapter:Chat", "--scope", "A", "--revision", "d4"],
            "--revision: expected either this or --session, found both",
        ),
        (
            ["--session", "examples.sessions.adapter:Chat", "--scope", "A", "--invariant", "no-such"],
            "invariant 'no-such': expected one of mission",
        ),
    ],
)
def test_a_wrong_question_is_told(options: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    result = CliRunner().invoke(main, ["check", *options])
    assert result.exit_code == 2, result.output
    assert said in result.output

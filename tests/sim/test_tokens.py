"""Tokens: a run as a short string, which leads to the same place after the code has changed."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import thinned

from everyturn.cli import main
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.simpy.replay import Replayed, replay
from everyturn.errors import UsageError
from everyturn.runs.run import Run
from everyturn.runs.tokens import token
from everyturn.runs.tokens.arithmetic_code import AdaptiveModel, ChoiceReader, ChoiceWriter
from everyturn.runs.tokens.token import DIGITS, PREFIX, SavedStep, Token
from everyturn.strategies import strategy
from everyturn.world.scope import DEFAULT_SCOPES, Scope
from everyturn.world.world import World, find_revision
from everyturn_impl.calls import Call, Context
from everyturn_impl.server import Server

BY_PLACE: Final = {
    "et1-lq9kMy1sb2NrZWQtZHJhaW6iQUGmYWNjZXNzLM3Lh5CuQw": "no-hang",
    "et1-lq5kNC1pbmRlcGVuZGVudKVBQSsxZaZhY2Nlc3MjzZj3kgsBXfI": "no-hang",
    "et1-lq5kNC1pbmRlcGVuZGVudKVBQSsxY6ZhY2Nlc3NEzTYs3AAeAgEBAgICAQIBAgECAQIBAgECAQIBAgECAQEBAQEBsHo": "no-lost-cancel",
    "et1-lq5kNC1pbmRlcGVuZGVudKNBQUGmYWNjZXNzX81LmNwAHAECAQIBAgECAQIBAgECAQIBAgECCgEBAQEBAwH2hQ": "one-turn",
    "et1-lq9kMy1sb2NrZWQtZHJhaW6lQUErMXGmYWNjZXNzLs2vFdwAJAIBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBBAEBAYzJ": (
        "nothing-lost"
    ),
}
"""Tokens that were written before steps had names, and what they violate."""
TRACES: Final = sorted((Path(__file__).parent.parent / "traces").glob("[A-Z]*.jsonl"))
NAMES: Final = st.one_of(
    st.sampled_from(token.ALPHABET),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9),
)
STEPS: Final = st.builds(SavedStep, NAMES, NAMES, st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple))
TOKENS: Final = st.builds(Token, NAMES, NAMES, NAMES, st.lists(STEPS, max_size=12).map(tuple), st.integers(0, 65_535))


@cache
def sampled(revision: str, scope: str) -> Run:
    """A random run."""
    return simulate(World(Scope.parse(scope), revision), strategy("random-walk", 5), 7)


# the string ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(TOKENS)
def test_a_token_says_the_run(made: Token) -> None:
    """Encoding and decoding gives the same steps; names outside the alphabet are spelled out."""
    assert token.decode(token.encode(made)) == made


@given(st.text(max_size=60))
def test_any_text_is_a_clean_error(text: str) -> None:
    """With or without a prefix, nothing but UsageError."""
    for each in (text, PREFIX + text, "et1-" + text):
        with pytest.raises(UsageError, match=r"^token "):
            token.decode(each)


@settings(deadline=None)
@given(st.text(DIGITS, max_size=80))
def test_a_checksum_alone_makes_no_token(body: str) -> None:
    """Whatever was not written is refused, also with a checksum that matches."""
    text = PREFIX + token._checksum(body) + body
    try:
        assert token.encode(token.decode(text)) == text  # type: ignore[arg-type]
    except UsageError as error:
        assert "\n" not in str(error)


def test_a_token_with_one_wrong_letter_is_refused() -> None:
    """The checksum notices each, wherever it is, and two that changed places."""
    good = sampled("d4", "AA+1c").token
    wrong = [good[:at] + each + good[at + 1 :] for at in range(4, len(good)) for each in "A-_x0" if good[at] != each]
    wrong += [good[:at] + b + a + good[at + 2 :] for at, (a, b) in enumerate(pairwise(good)) if a != b]
    for each in [*wrong, good[:-1], good + "A", good.upper()]:
        with pytest.raises(UsageError):
            token.decode(each)


def test_a_token_is_the_same_everywhere() -> None:
    """Whatever the version of Python: this one was written once."""
    made = Token("d4-independent", "A", "access", (SavedStep("p1", "queue.get"), SavedStep("p1", "own.x.do")), 7)
    assert token.encode(made) == "et2-BC8qpHD8YCw1G4rI-GinnS2e9g2H0mndI7w8"


def test_too_many_steps_are_refused() -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match="expected a run of at most 100000 steps to make a token of, found 100001"):
        token.encode(Token("d4", "A", "access", (SavedStep("p1", "queue.get"),) * 100_001, 0))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40))))
def test_an_arithmetic_code_gives_back_what_was_coded(given_: list[tuple[int, int]]) -> None:
    """In the order in which it was coded."""
    writer = ChoiceWriter()
    model = AdaptiveModel(writer, ())
    for context, number in given_:
        model.number(context, 41, number)
    model = AdaptiveModel(ChoiceReader(writer.digits()), ())
    assert [(context, model.number(context, 41, None)) for context, _ in given_] == given_


# the run -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [*DEFAULT_SCOPES, "AAa+1c+1q+1s+1e+1t+1f+1r+1b+n+u+x"])
def test_a_tokens_run_is_the_run_that_wrote_it(scope: str) -> None:
    """Step for step, event for event, and with the same token."""
    for revision in ("d1", "d4", "hardened"):
        run = sampled(revision, scope)
        again = replay(run.token)
        assert again.strayed is None
        assert (again.run.decisions, again.run.steps, again.run.rest) == (run.decisions, run.steps, run.rest)
        assert again.run.token == run.token


def test_outcomes_of_a_choice_have_different_labels() -> None:
    """A label names one outcome."""
    world = World(Scope.parse("AI+1c+1s+1e+1t+1f+1r+1b+n+u"), "d4")
    walk = strategy("random-walk", 5)
    effects = [effect for number in range(20) for effect in simulate(world, walk, number).log.effects]
    choices = [each for effect in effects for each in effect.node.effects.values() if len(each) > 1]
    assert len({effect.label for each in choices for effect in each}) > 8
    for each in choices:
        assert len({effect.label for effect in each}) == len(each)


@pytest.mark.parametrize("old", BY_PLACE)
def test_old_tokens_are_still_read(old: str) -> None:
    """They make the run that they made, which has a new token now."""
    found = replay(old)
    assert found.strayed is None
    assert BY_PLACE[old] in violated(found)
    assert replay(found.run.token).run.steps == found.run.steps


# changed code --------------------------------------------------------------------------------------------------------


def violated(replayed: Replayed) -> set[str]:
    """The invariants that a run violates."""
    return {finding.invariant for _, finding in replayed.findings}


def changed(revision: str) -> type[Server]:
    """A later version of a revision: it looks at the mark before it reads the session, which changes nothing, and does
    not call the cancel function of work that has ended any more."""
    found = find_revision(revision)
    assert issubclass(found, Server)

    class Changed(found):  # type: ignore[misc,valid-type]
        async def open_session(self, call: Call, caller: Context) -> bool:
            await self.ports.mark.get()
            opened: bool = await super().open_session(call, caller)
            return opened

        async def leave(self, work: Context) -> None:
            await self.ports.active.delete(work)

    return Changed


@thinned(2)
@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_token_survives_a_change_of_the_code(path: Path) -> None:
    """One access more and one less: the violation is the same, and it is said where the path was left."""
    read = replay(str(path))
    again = replay(read.run.token, agent=changed(read.run.revision))
    assert read.header is not None
    assert set(read.header.violates) <= violated(again)
    if "store.read" in {step.operation for step in read.run.log.saved()}:
        assert again.strayed is not None
        assert re.search(r"leaves the recorded path at step \d+: expected \S+ \S+, enabled: \S+ ", again.strayed)


def test_places_do_not_survive_it() -> None:
    """The same change moves what old tokens count: why steps are named."""
    old = [
        each
        for each in BY_PLACE
        if BY_PLACE[each] not in violated(replay(each, agent=changed(replay(each).run.revision)))
    ]
    new = [
        each
        for each in old
        if BY_PLACE[each] in violated(replay(replay(each).run.token, agent=changed(replay(each).run.revision)))
    ]
    assert old
    assert new == old


def test_the_verdict_of_a_replay_that_leaves_the_path_is_that_of_its_run() -> None:
    """On a dispatcher that was mended the exit code is 0, and it is said where the path was left; `--strict`: 3."""
    text = replay(next(iter(BY_PLACE))).run.token
    run = CliRunner().invoke
    same, mended = run(main, ["replay", text, "--strict"]), run(main, ["replay", text, "--revision", "hardened"])
    strict = run(main, ["replay", text, "--revision", "hardened", "--strict"])
    assert [same.exit_code, mended.exit_code, strict.exit_code] == [1, 0, 3]
    assert "leaves the recorded path at step" in mended.output
    assert "leaves the recorded path" not in same.output


def test_an_outcome_that_is_not_possible_any_more_is_said() -> None:
    """The first possible one is taken."""
    run = sampled("d4", "AA+1e")
    at, ended = next((at, step) for at, step in enumerate(run.log.saved()) if step.operation == "model.end")
    steps = list(run.log.saved())
    steps[at] = ended._replace(outcomes=(("model.end", "StreamResult(EXPLODED"),))
    strayed = replay(token.encode(Token("d4-independent", "AA+1e", "access", tuple(steps), 0))).strayed
    assert strayed is not None
    assert f"step {at}: expected model.end to end with StreamResult(EXPLODED" in strayed

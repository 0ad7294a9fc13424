"""Whatever a monitor asks of the ledger, the tables of the judge find what the plain explorer finds.

A step of a monitor is found again by the lives that it was seen to look at
(:mod:`everyturn.engines.explorer.judge_tables`): a look that was missed would be a wrong proof.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from zlib import crc32

import pytest
from tests.nightly import how_many, one_in, thinned

from everyturn.checking.mutants import NoPoisonedPrompt
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import (
    EVENT_TYPES,
    CancelCalled,
    CancelReturned,
    Event,
    StreamEnded,
    Submitted,
    TurnReleased,
    TurnStarted,
)
from everyturn_model.invariants import Invariant, Kind, Violated, no_poisoned_prompt
from everyturn_model.lifecycle import Ledger, Life, Phase


def found(explorer: Explorer | LevelExplorer) -> tuple[object, ...]:
    """Counts, and each violation with its length."""
    said = explorer.run()
    violations = {name: len(each.decisions) for name, each in said.violations.items()}
    return said.states, said.transitions, said.depth, said.rests, said.complete, said.outcomes, violations


def both(invariant: Invariant, scope: str, revision: str = "d4", reduce: str = "dead") -> tuple[Any, Any]:
    """What the explorer by levels finds, and what the plain one finds."""
    judge = Judge([invariant], conformance=False)
    by_levels = found(LevelExplorer(World(Scope.parse(scope), revision), judge, reduce))
    return by_levels, found(Explorer(World(Scope.parse(scope), revision), judge))


Look = Callable[[Ledger, Event], Any]


def looking(look: Look) -> Invariant:
    """Remembers what was last seen at an event of a Cancel or a turn; violated if it is "bad"."""

    def step(state: Any, event: Event, ledger: Ledger) -> Any:
        said = look(ledger, event)
        return Violated("bad") if isinstance(said, str) and said == "bad" else said

    watched = (CancelCalled, CancelReturned, TurnStarted, TurnReleased, StreamEnded, Submitted)
    return Invariant("looks", "Looks.", Kind.ALWAYS, step, sees=watched)


class Same:
    """A value with a poor hash and an honest comparison."""

    def __init__(self, value: Ledger) -> None:
        self.value = value

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value == other.value


@dataclass(frozen=True)
class Kept:
    """Keeps a ledger, among other things."""

    ledger: Ledger


def bad(truth: object) -> str:
    return "bad" if truth else "good"


def _hypothetical(ledger: Ledger, event: Event) -> Any:
    after = ledger.step(Submitted("p0", run_id=True, accepted=True))
    return len(after.lives), after.get("p2")


def _matched(ledger: Ledger, event: Event) -> Any:
    match ledger:
        case Ledger(lives=(Life(phase=Phase.TURN), Life(phase=phase))):
            return phase
        case Ledger((life,)):
            return life.prompt
    return None


EARLY = {Ledger(), Ledger((Life("p1", run_id=True),))}

LOOKS: dict[str, Look] = {
    "equal": lambda ledger, event: bad(isinstance(event, CancelCalled) and ledger == Ledger()),
    "equal the other way round": lambda ledger, event: bad(isinstance(event, CancelCalled) and Ledger() == ledger),
    "unequal": lambda ledger, event: bad(isinstance(event, CancelReturned) and ledger != Ledger()),
    "a member of a set": lambda ledger, event: bad(isinstance(event, CancelCalled) and ledger in EARLY),
    "hash": lambda ledger, event: hash(ledger) == hash(Ledger()),
    "kept": lambda ledger, event: ledger,
    "kept in a tuple": lambda ledger, event: (1, ledger),
    "kept in a set": lambda ledger, event: frozenset((ledger,)),
    "kept in a dataclass": lambda ledger, event: Kept(ledger),
    "kept with a poor hash": lambda ledger, event: Same(ledger),
    "kept as a life": lambda ledger, event: ledger.get("p1"),
    "kept after a step": lambda ledger, event: ledger.step(event),
    "a step of something else": _hypothetical,
    "a step that changes nothing": lambda ledger, event: ledger.step(
        CancelCalled("c", shared=None)  # type: ignore[arg-type]
    ),
    "replaced": lambda ledger, event: replace(ledger),
    "replaced lives": lambda ledger, event: replace(ledger, lives=ledger.lives[1:]).get("p2"),
    "copied": lambda ledger, event: copy.copy(ledger),
    "copied deeply": lambda ledger, event: copy.deepcopy(ledger).get("p2"),
    "pickled": lambda ledger, event: pickle.loads(pickle.dumps(ledger)).get("p2"),
    "told": lambda ledger, event: repr(ledger),
    "matched": _matched,
    "iterated": lambda ledger, event: sum(life.phase is Phase.TURN for life in ledger),
    "a member": lambda ledger, event: Life("p2", run_id=True) in ledger,
    "all lives": lambda ledger, event: len(ledger.lives),
    "the first that is over": lambda ledger, event: next((life.prompt for life in ledger if life.over), None),
    "a prompt that comes later": lambda ledger, event: ledger.get("p2") is None,
    "no prompt": lambda ledger, event: (ledger.get("p9"), ledger.get(""), ledger.get("cancel1")),
    "nobody's turn yet": lambda ledger, event: bad(isinstance(event, CancelReturned) and ledger.of_turn("p2/p2")),
    "no turn": lambda ledger, event: (ledger.of_turn("nobody's"), ledger.of_turn("")),
    "no message": lambda ledger, event: ledger.of_message(None),
    "nobody's message yet": lambda ledger, event: ledger.of_message("p2/p2#1") is None,
    "folded": lambda ledger, event: bool(ledger.folded_into("p1/p1")),
    "is over": lambda ledger, event: ledger.is_over(Life("p2", False, Phase.FOLDED, host="p1/p1")),
    "ending": lambda ledger, event: ledger.ending(Life("p2", False, Phase.FOLDED, host="p1/p1")),
    "a life of a life": lambda ledger, event: (
        "p2" if (life := ledger.get("p1")) and life.over and ledger.get("p2") is not None else None
    ),
}


@thinned(4)
@pytest.mark.parametrize(("scope", "name"), one_in(2, ["Aa", "A+1c"], LOOKS))
def test_no_look_is_missed(name: str, scope: str) -> None:
    """Each way to look at a ledger: the same states, violations and outcomes."""
    by_levels, plain = both(looking(LOOKS[name]), scope)
    assert by_levels == plain


# monitors at random ------------------------------------------------------------------------------------------------

NAMES = ("p1", "p2", "p3", "p9")
TURNS = ("p1/p1", "p2/p2", "p1/p2.1", "p2/p1.1", "cancel1", "p3/p3")


def asked(random: Random) -> Callable[[Ledger], object]:
    """A question to a ledger, chosen at random, the answer of which is a value."""
    prompt, turn = random.choice(NAMES), random.choice(TURNS)
    folded = Life(prompt, run_id=False, phase=Phase.FOLDED, host=turn)
    questions: list[Callable[[Ledger], object]] = [
        lambda ledger: ledger.get(prompt),
        lambda ledger: ledger.of_turn(turn),
        lambda ledger: ledger.of_message(f"{turn}#1"),
        lambda ledger: ledger.folded_into(turn),
        lambda ledger: ledger.is_over(folded),
        lambda ledger: ledger.ending(folded),
        lambda ledger: next((life.prompt for life in ledger if life.turns), None),
        lambda ledger: ledger.of_message(None),
        lambda ledger: (life := ledger.get(prompt)) and ledger.is_over(life),
        lambda ledger: (life := ledger.get(prompt)) and life.turns and ledger.of_message(life.turns[-1].message),
    ]
    return random.choice(questions)


def at_random(seed: int) -> Invariant:
    """An invariant that goes from question to question, each chosen by the answer to the one before, and remembers a
    few bits."""
    random = Random(seed)
    questions = [asked(random) for _ in range(6)]
    many = random.choice((2, 4))
    kinds = tuple(random.sample(sorted(EVENT_TYPES.values(), key=lambda each: each.__name__), random.choice((5, 12))))

    def step(state: int, event: Event, ledger: Ledger) -> int | Violated:
        at, said = (state + len(repr(event))) % len(questions), state
        for _ in range(3):
            answer = crc32(repr(questions[at](ledger)).encode())
            said = (said * 31 + answer) % 10_007
            at = answer % len(questions)
        return Violated(f"comes to {said}") if said % 97 == 1 else said % many

    return Invariant(f"random {seed}", "At random.", Kind.ALWAYS, step, 0, sees=random.choice(((), kinds)))


@thinned(2)
@pytest.mark.parametrize("seed", range(how_many(10, nightly=100)))
def test_monitors_at_random(seed: int) -> None:
    """Three invariants that look at whatever they like, depending on what they saw: the same as of the plain
    explorer."""
    judge = Judge([at_random(3 * seed + number) for number in range(3)], conformance=False)
    scope, revision = Random(seed).choice(SCOPES), Random(seed).choice(("d0", "d3", "d4", "hardened"))
    worlds = [World(Scope.parse(scope), revision) for _ in range(2)]
    assert found(LevelExplorer(worlds[0], judge)) == found(Explorer(worlds[1], judge))


SCOPES = ("Aa", "A+1c", "AI", "a+1s", "A+1f+1c", "Ai+1f", "A+x", "A+1r", "A+n", "A+1q+1c")


POISONED = (("d0", "AA+1c"), ("d4", "AA+1e"), (NoPoisonedPrompt, "Aa+1c"), (NoPoisonedPrompt, "Aaa"))


@thinned(2)
@pytest.mark.parametrize(("revision", "scope"), POISONED)
def test_who_is_not_concerned_need_not_be_looked_at(revision: Any, scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a prompt ends as cancelled is seen at the events that concern it, and only then is it looked at closer."""
    judge = Judge([no_poisoned_prompt.NO_POISONED_PROMPT], conformance=False)

    def explored() -> tuple[Any, list[Any]]:
        explorer = LevelExplorer(World(Scope.parse(scope), revision), judge)
        return found(explorer), explorer.graph.judges._monitors[0].states.values

    few = explored()
    assert len(few[1]) > 3
    monkeypatch.setattr(no_poisoned_prompt, "_may_have_changed", lambda state, *_: {*state.prompts})
    assert explored() == few

"""The specification proved on its own at small bounds: invariants, witnesses, non-properties, and counts."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Final

import pytest
from tests.nightly import nightly, thinned

from everyturn_model.candidates import Bounds
from everyturn_model.exploration import Claim, Explored, Monitors, explore
from everyturn_model.graphs import saved, state_graph
from everyturn_model.witnesses import NON_PROPERTIES, WITNESSES, NonProperty

RETRIES: Final = Bounds("A", unauthorised=1, kept=True, returns=True)
"""A prompt that may be retried, its completion kept by a hook, and the return of its thread seen."""

PINNED: Final = {
    Bounds("A"): (37, 68, 3),
    Bounds("a"): (65, 170, 13),
    Bounds("AA"): (916, 2815, 9),
    Bounds("Aa"): (1619, 6011, 43),
    Bounds("aa"): (2897, 12707, 217),
    Bounds("AA", kept=True): (1145, 4151, 9),
    Bounds("A", cancels=1): (680, 3067, 46),
    Bounds("A", cancels=1, interrupted=True): (1110, 7161, 96),
    Bounds("A", cancels=1, summaries=1): (3906, 23349, 140),
    Bounds("A", clears=1): (180, 480, 18),
    Bounds("A", summaries=1): (171, 519, 9),
    Bounds("A", tools=1, errors=1): (121, 382, 21),
    Bounds("A", full=1, tools=1): (697, 2934, 27),
    Bounds("A", failures=1): (183, 618, 35),
    Bounds("A", shutdown=True): (126, 475, 14),
    RETRIES: (735, 2357, 99),
}
"""States, transitions, states at which the session may rest.

The 37 of a lone prompt by hand: 1 before it is submitted; 6 while it is live, queued or taken out, its message written
or not; and, on its own thread or after it waited, 15 in and after its turn: preparing with nothing written (1),
preparing or streaming with an assistant message that is not made, not stored or stored (6), over or left, untold with
such a message (6), over or left, told (2). Its 3 rests: never submitted, told after it waited, told without. Two
prompts with run id rest in 3 x 3 ways. Nobody waits for one without run id: it rests with its assistant message in one
of these three ways and an error notified or not, 1 + 2 x 3 x 2 = 13. A write that failed and was made leads to no state
of its own: to that of a message that is stored and a failure after it.
"""

CHECKED: Final = (
    *(bounds for bounds in PINNED if bounds != Bounds("A", failures=1)),
    Bounds("A", cancels=2),
    Bounds("AA", clears=1),
)
"""Where the invariants are checked."""

HARD: Final = (Bounds("A", failures=1), nightly(Bounds("A", cancels=1, full=1, tools=1)))
"""Where ledger and specification once read ``docs/semantics.md`` differently (``docs/divergences.md``): a failed read
or final write in a turn, and a continuation that a Cancel drops."""


def scope(bounds: Bounds) -> str:
    """A test's name: what the bounds have beyond a lone prompt."""
    extra = (f"{each.name}={getattr(bounds, each.name)}" for each in fields(bounds)[1:] if getattr(bounds, each.name))
    return "+".join((bounds.prompts, *extra))


@cache
def explored(bounds: Bounds) -> Explored:
    return explore(bounds)


@pytest.mark.parametrize("bounds", PINNED, ids=scope)
def test_counts_are_pinned(bounds: Bounds) -> None:
    """States, transitions and rests of a scope do not change unless the specification does."""
    found = explored(bounds)
    assert found.complete
    assert (len(found.nodes), len(found.edges), len(found.rests)) == PINNED[bounds]


@thinned(10)
@pytest.mark.parametrize("bounds", CHECKED, ids=scope)
def test_what_the_specification_allows_satisfies_every_invariant(bounds: Bounds) -> None:
    """No run of the specification violates one of the fifteen."""
    found = explore(bounds, [Monitors()])
    assert found.complete
    assert found.found == {}


@pytest.mark.parametrize("bounds", HARD)
def test_what_was_disputed_satisfies_every_invariant(bounds: Bounds) -> None:
    """Nor does it where a store operation fails in a turn, or a continuation is dropped."""
    assert explore(bounds, [Monitors()]).found == {}


@pytest.mark.parametrize("bounds", [each for each in PINNED if not each.failures], ids=scope)
def test_rest_can_be_reached_from_everywhere(bounds: Bounds) -> None:
    """The specification paints nobody into a corner: from each of its states the session can come to rest.

    Not so with store failures: a turn that ends after a failed read without having written its message owes it for
    ever.
    """
    graph = state_graph(explored(bounds))
    assert saved(graph, explored(bounds).rests) == set(graph)


def test_every_witness_is_reached() -> None:
    """Each witness is shown in one of the pinned scopes, so that what was proved there is not vacuous."""
    reached = frozenset[str]().union(*(explored(bounds).witnessed() for bounds in PINNED))
    assert reached == {witness.name for witness in WITNESSES}


@pytest.mark.parametrize("claim", NON_PROPERTIES, ids=lambda claim: claim.name)
def test_every_non_property_is_refuted(claim: NonProperty) -> None:
    """Each wrong claim has a counterexample in a scope of two prompts and a Cancel."""
    found = explore(Bounds("Aa", cancels=1), [Claim(claim)], until=claim.name)
    sentence, run = found.found[claim.name]
    assert sentence == claim.sentence
    assert claim.step(_remembered(claim, run[:-1]), run[-1]) == "refuted"


def _remembered(claim: NonProperty, run: tuple[object, ...]) -> object:
    observer = Claim(claim)
    state = observer.start
    for event in run:
        state = observer.step(state, event)  # type: ignore[arg-type]
    return state


def test_exploration_is_deterministic() -> None:
    """Two explorations find the same states and transitions in the same order."""
    first, second = explore(Bounds("Aa")), explore(Bounds("Aa"))
    assert (first.nodes, first.edges) == (second.nodes, second.edges)


def test_a_bounded_exploration_says_that_it_is_incomplete() -> None:
    """What was cut off is never taken for a proof."""
    assert not explore(Bounds("AA"), max_states=100).complete

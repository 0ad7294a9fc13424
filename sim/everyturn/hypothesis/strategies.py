"""Strategies: scopes, promises, workloads. What is drawn shrinks to one prompt, first in, first out."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from everyturn.errors import UsageError
from everyturn.hypothesis.workload import DrawnWorkload
from everyturn.world.scope import EXTRAS, PROMPTS, Scope
from everyturn_model.promises import BUSY, CANCELS, FOLDS, Promises

MOST_CHOICES: Final = 60
"""How many choices of a workload are drawn at most."""


def scopes(
    *, prompts: str = "".join(PROMPTS), extras: str = "cqetfr", max_prompts: int = 3, max_extras: int = 2
) -> st.SearchStrategy[Scope]:
    """Scopes of ``prompts`` and ``extras`` by their letters, at most so many of each; none without bound.

    Raises :class:`~everyturn.UsageError` for letters that are none, and for a scope without prompts.
    """
    for letters, known in ((prompts, PROMPTS), (extras, EXTRAS)):
        wrong = [letter for letter in letters if letter not in known]
        if wrong:
            raise UsageError(f"scopes: expected letters of {''.join(known)}; found {wrong[0]!r}")
    if not prompts or max_prompts < 1 or max_extras < 0:
        raise UsageError("scopes: expected at least one prompt, and no fewer than 0 extras")
    drawn = st.lists(st.sampled_from(prompts), min_size=1, max_size=max_prompts)
    added = st.lists(st.sampled_from(extras), max_size=max_extras) if extras else st.just([])
    return st.builds(_scope, drawn, added)


def _scope(prompts: list[str], extras: list[str]) -> Scope:
    counted = {letter: extras.count(letter) for letter in extras}
    words = [f"{often if EXTRAS[letter][1] else ''}{letter}" for letter, often in counted.items()]
    return Scope.parse("+".join(["".join(prompts), *words]))


def promises() -> st.SearchStrategy[Promises]:
    """What a session can promise its users; shrinks to all of it."""
    return st.builds(
        Promises,
        cancel=st.sampled_from([*reversed(CANCELS)]),
        busy=st.sampled_from([*BUSY]),
        folds=st.sampled_from([*FOLDS]),
    )


def workloads(
    among: st.SearchStrategy[Scope] | None = None, *, max_choices: int = MOST_CHOICES
) -> st.SearchStrategy[DrawnWorkload]:
    """A scope, by default any of :func:`scopes`, and at most so many choices of who goes on."""
    choices = st.lists(st.integers(0, 5), max_size=max_choices).map(tuple)
    return st.builds(DrawnWorkload, scopes() if among is None else among, choices)

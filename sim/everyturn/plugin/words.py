"""What a test asks, in words: those of its markers and of the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

import everyturn
from everyturn.errors import UsageError


class Front(NamedTuple):
    """The three questions that can be asked about one kind of thing, and what it is called in them."""

    subject: str
    check: Callable[..., Any]
    fuzz: Callable[..., Any]
    replay: Callable[..., Any]


FRONTS: Final[Mapping[str, Front]] = {
    "revision": Front("agent", everyturn.check, everyturn.fuzz, everyturn.replay),
    "agent": Front("agent", everyturn.check, everyturn.fuzz, everyturn.replay),
    "session": Front("session", everyturn.check_session, everyturn.fuzz_session, everyturn.replay_session),
    "scenario": Front("scenario", everyturn.check_scenario, everyturn.fuzz_scenario, everyturn.replay_scenario),
}
"""The word that says what is asked about → the functions that are asked."""

_NO_WORDS: Final = ("progress", "watch", "token", "source")
"""What those functions take besides words: what belongs to a terminal, and what is given first."""


class AskedWords(NamedTuple):
    """A question: the kind of thing, the thing, and all other words."""

    kind: str
    subject: Any
    others: Mapping[str, Any]

    @property
    def front(self) -> Front:
        """Who is asked."""
        return FRONTS[self.kind]

    def taken_by(self, question: Callable[..., Any]) -> dict[str, Any]:
        """The words that ``question`` takes, in its order, what it is about among them."""
        words = {**self.others, self.front.subject: self.subject}
        return {name: words[name] for name in inspect.signature(question).parameters if name in words}


def said(markers: Iterable[Mapping[str, Any]], call: Mapping[str, Any], asks: str) -> AskedWords:
    """The words of ``markers``, the nearest first, and of a ``call`` to ``asks``, which counts more.

    Raises :class:`UsageError` for a word that nobody takes, and if it is not said once what is asked about.
    """
    words: dict[str, Any] = {}
    for each in (call, *markers):
        kinds = [name for name in each if name in FRONTS]
        if len(kinds) > 1:
            raise UsageError(f"expected one of {_listed(FRONTS)}; found {_listed(kinds)}")
        known = any(name in FRONTS for name in words)
        words = {name: value for name, value in each.items() if not (known and name in FRONTS)} | words
    kind = next((name for name in words if name in FRONTS), None)
    if kind is None:
        raise UsageError(f"expected one of {_listed(FRONTS)}, which says what is asked about; found none")
    found = AskedWords(kind, words.pop(kind), words)
    front = found.front
    _expect_known(words, _parameters(front.check) | _parameters(front.fuzz), f"of a marker for {kind}=")
    asked: Callable[..., Any] = getattr(front, asks)
    _expect_known({name: each for name, each in call.items() if name not in FRONTS}, _parameters(asked), f"of {asks}()")
    _expect_complete(found, asked)
    return found


def _parameters(question: Callable[..., Any]) -> frozenset[str]:
    subjects = {each.subject for each in FRONTS.values()}
    return frozenset(inspect.signature(question).parameters) - subjects - set(_NO_WORDS)


def _expect_known(words: Iterable[str], known: Iterable[str], of: str) -> None:
    names = sorted(known)
    for word in words:
        if word not in names:
            near = get_close_matches(word, [*names, *FRONTS], 1)
            meant = f"did you mean {near[0]}?" if near else f"those {of} are {', '.join((*FRONTS, *names))}"
            raise UsageError(f"word {word!r}: expected one {of}; found none of that name: {meant}")


def _expect_complete(words: AskedWords, question: Callable[..., Any]) -> None:
    for name, parameter in inspect.signature(question).parameters.items():
        needed = parameter.default is parameter.empty and name in _parameters(question)
        if needed and name not in words.others:
            raise UsageError(f"expected {name}=…, which {words.kind}= needs; found none")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"{name}=" for name in names)

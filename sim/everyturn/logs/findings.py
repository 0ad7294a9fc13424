"""What is shown of the violations of one log: of each invariant the first few, then how many more and in how many
sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from everyturn.logs.watch import LineViolation

SHOWN: Final = 20
"""So many violations of an invariant are shown one by one."""

_NAMED: Final = 100_000
"""So many sessions, and so many prompts, are told apart when they are counted."""


class Broken(NamedTuple):
    """In how many sessions an invariant is broken, and for how many prompts; none if it is for the session as a
    whole."""

    sessions: int
    prompts: int


@dataclass(slots=True)
class _Of:
    """The violations of one invariant: how many, the last line, the sessions and prompts, and those that are shown."""

    count: int = 0
    last: int = 0
    sessions: set[str] = field(default_factory=set)
    prompts: set[int] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)


class Findings:
    """Keeps what is to be shown, and counts the rest."""

    def __init__(self, path: object) -> None:
        self._path = path
        self._of: dict[str, _Of] = {}

    def add(self, violation: LineViolation) -> str:
        """Take one in; returns it as a line of text."""
        text = (
            f"{self._path}:{violation.line}: session {violation.session}: {violation.invariant}: {violation.sentence}"
        )
        of = self._of.setdefault(violation.invariant, _Of())
        of.count, of.last = of.count + 1, violation.line
        if len(of.sessions) < _NAMED:
            of.sessions.add(violation.session)
        if violation.prompt is not None and len(of.prompts) < _NAMED:
            of.prompts.add(hash((violation.session, violation.prompt)))
        if len(of.shown) < SHOWN:
            of.shown.append(text)
        return text

    @property
    def sessions(self) -> int:
        """In how many sessions there is a violation."""
        return len(set().union(*(of.sessions for of in self._of.values())))

    @property
    def broken(self) -> dict[str, Broken]:
        """In how many sessions, and for how many prompts, each invariant is broken that is."""
        return {name: Broken(len(of.sessions), len(of.prompts)) for name, of in self._of.items()}

    def lines(self) -> Iterator[str]:
        """What is shown, invariant by invariant, each with how many more there are."""
        for invariant, of in self._of.items():
            yield from of.shown
            more = of.count - len(of.shown)
            if more:
                where = "1 session" if len(of.sessions) == 1 else f"{len(of.sessions):,} sessions"
                last = f"the last at line {of.last:,}"
                yield f"{self._path}: {invariant}: and {more:,} more, {of.count:,} in all in {where}; {last}"

"""A line of a log, as monitors see it: whatever the format, these are its words.

The kinds of line, and where each stands relative to the agent's own step, are those of ``docs/instrumentation.md``.
"""

from __future__ import annotations

from typing import Protocol


class Snapshot(Protocol):
    """The session's shared data at rest, as far as the agent logs them."""

    @property
    def busy(self) -> bool:
        """Whether there is an active entry."""

    @property
    def queue(self) -> tuple[str, ...]:
        """The prompts in the queue."""

    @property
    def reservations(self) -> int:
        """How many are open."""

    @property
    def mark(self) -> int:
        """The cancel mark; 0 if there is none."""


class Line(Protocol):
    """One line. What does not apply to its kind is none."""

    @property
    def kind(self) -> str:
        """What the line tells of."""

    @property
    def session(self) -> str:
        """Whose line it is."""

    @property
    def prompt(self) -> str | None:
        """The prompt that it is about."""

    @property
    def run_id(self) -> str | None:
        """By which somebody waits for that prompt."""

    @property
    def operation(self) -> str | None:
        """The Cancel, ClearQueue or summary that it is about."""

    @property
    def thread(self) -> str | None:
        """Who did what the line tells of."""

    @property
    def turn(self) -> str | None:
        """The prompt into whose turn this one was folded, or within whose turn a summary is made."""

    @property
    def owner(self) -> str | None:
        """The prompt whose answer, message or error a notice carries."""

    @property
    def outcome(self) -> str | None:
        """How a turn ended, or is told to have ended."""

    @property
    def how(self) -> str | None:
        """How a stream ended."""

    @property
    def by(self) -> str | None:
        """For what a user message was written."""

    @property
    def snapshot(self) -> Snapshot | None:
        """What is left at rest."""

"""Errors of the tool, by whose fault they are. Each says what was expected, what was found and where."""

from __future__ import annotations

from pathlib import Path


class EveryturnError(Exception):
    """The parent of all errors of this package."""


class UsageError(EveryturnError):
    """The user's mistake: a wrong scope, an unknown name, an unreadable file. The command line exits with 2."""


class Unwritable(UsageError):
    """A file cannot be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: expected a file that can be written; found {error.strerror or error}")


class ReplayError(EveryturnError):
    """A replay did not do what was recorded: the code has changed, or it is not deterministic. Exit code 3."""


class Disagreement(EveryturnError):
    """What was worked out of an agent is not what the agent does, so that nothing which was found counts. Exit code
    3."""

    @classmethod
    def between(cls, sentence: str, histories: tuple[str, ...], where: str) -> Disagreement:
        """A sentence, then the histories on which it rests, then where they part."""
        return cls(
            "\n  ".join((f"counter-check: {sentence}, so that nothing which was found counts", *histories, where))
        )


class AgentFault(UsageError):
    """The agent under test did what no agent may do, such as unlocking a mutex that another thread holds."""


class EndlessRun(AgentFault):
    """A run of the agent under test does not come to rest."""


class HiddenState(AgentFault):
    """The agent under test changes what no engine sees: an attribute, a global."""


class UnsupportedLocal(UsageError):
    """A local variable that lives across an await has no value to compare by, so the code cannot be explored."""

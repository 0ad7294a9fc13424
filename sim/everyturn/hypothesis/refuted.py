"""What a machine says of a run that violates something."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import everyturn
from everyturn.verdicts.checker import Finding
from everyturn.verdicts.selection import Wanted


class AgentRefuted(AssertionError):
    """A run of a machine violates something. It is explained when it is printed, and not each time Hypothesis tries a
    smaller one. ``kind``: as what the agent is given to :func:`everyturn.replay`: ``agent``, ``session``, ``scenario``.
    """

    def __init__(self, token: str, finding: Finding, agent: Any, wanted: Sequence[Wanted], kind: str = "agent") -> None:
        super().__init__(token)
        self.token = token
        self.finding = finding
        self._agent = agent
        self._wanted = wanted
        self._kind = kind

    def __str__(self) -> str:
        named = getattr(self._agent, "name", self._agent) if self._kind == "scenario" else self._agent
        name = named if isinstance(named, str) else getattr(named, "__qualname__", named)
        shown = repr(name) if isinstance(named, str) and self._kind != "agent" else name
        return (
            f"{self.finding.invariant}: {self.finding.sentence}\n"
            f"The same run again: everyturn.replay({self.token!r}, {self._kind}={shown})\n"
            f"{self._explained()}"
        )

    def _explained(self) -> str:
        """Why; worked out in a thread of its own, as this error, which is being handled when it is printed, would be
        the context of errors of the run."""
        explain: Any = everyturn.explain
        with ThreadPoolExecutor(1) as aside:
            told = aside.submit(explain, self.token, invariants=self._wanted, **{self._kind: self._agent})
            return str(told.result())

"""Code as a user writes it, for mypy alone: nobody runs it.

What is accepted has the types that it says. What is refused has a comment that says so: in strict mode a comment that
is not needed is an error, too. ``test_front_door_types.py`` asks the same from outside of the repository, by night.
"""

from __future__ import annotations

from typing import assert_type

import everyturn
from everyturn import Agent, Call, Context, Ports, Scope, Verdict
from everyturn.front.checks import CheckResult
from everyturn.front.runs import ReplayResult
from everyturn.front.samples import FuzzRun


class Half:
    """An agent without all seven methods."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def submit(self, call: Call) -> Call:
        """A call is what it is."""
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        """In a thread of its own."""
        await self.ports.threads.start(call.prompt)


class Silent:
    """No agent at all."""


def tokens(agents: list[Agent]) -> dict[str, str]:
    """Of the first refutations."""
    return everyturn.check_all(agents, ["AA"], stop="first", without=["conforms"])[0].tokens


def runs() -> list[frozenset[str]]:
    """What each has violated."""
    return [run.violated for run in everyturn.fuzz(Half, Scope.parse("AA"), runs=3)]


def results() -> None:
    """They have the types that they say."""
    verdict: Verdict = everyturn.check(Half, "AA", granularity="await", progress=True).verdict
    assert verdict
    tokens([Half, "d4", everyturn.revisions.Hardened])
    assert_type(everyturn.check("d4", "A"), CheckResult)
    assert_type(everyturn.fuzz("d4", "A")[0], FuzzRun)
    assert_type(everyturn.replay("et2-x"), ReplayResult)


def mistakes() -> None:
    """Each is refused."""
    everyturn.check(Silent, "A")  # type: ignore[arg-type]
    everyturn.check("d4", "A", stop="soon")  # type: ignore[arg-type]
    everyturn.check("d4", "A", granularity="step")  # type: ignore[arg-type]
    everyturn.check("d4", "A").verdikt  # type: ignore[attr-defined] # noqa: B018
    everyturn.chekc("d4", "A")  # type: ignore[attr-defined]
    everyturn.check_all(["d4"], ["A"], sop="first")  # type: ignore[call-arg]

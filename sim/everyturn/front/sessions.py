"""Asyncio agents as they are, behind an adapter: every run of a scope, a sample of them, or one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from everyturn.asyncio import checking
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.front.asking import SessionOrName, scope_text
from everyturn.front.scenarios import (
    Order,
    ProgramResult,
    ScenarioProgress,
    ScenarioRun,
    Stop,
    first_of,
    searching,
    setting_of,
)
from everyturn.front.undisturbed import undisturbed
from everyturn.sessions.by_name import workload, workload_of
from everyturn.world.scope import Scope


class SessionResult(ProgramResult):
    """The verdicts on an asyncio agent in a scope; ``cell`` is what `everyturn check --session … --json` gives."""


@undisturbed
def check_session(
    session: SessionOrName,
    scope: str | Scope,
    *,
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
    stop: Stop = "never",
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    counter_check: bool = True,
    progress: ScenarioProgress = False,
) -> SessionResult:
    """Explore every run of an asyncio agent as it is, behind an adapter: every moment at which the prompts, Cancels and
    so on of ``scope`` may come, and every order of what the outside world does.

    What is judged: ``invariants``, by default all and conformance, ``without`` some. What the adapter does not show is
    *not judged*, what the agent does not promise *not promised*. Otherwise as :func:`check_scenario`.
    """
    work = workload(session, scope_text(scope), invariants, without)
    with searching(progress, work.name) as watch:
        checked = checking.check(
            work,
            setting_of(order, eager=eager),
            limits=SearchLimits(None, max_seconds, max_memory, max_states, first_of(stop, work.kinds)),
            counter_check=counter_check,
            watch=watch,
        )
    return SessionResult(checked, work)


@undisturbed
def fuzz_session(
    session: SessionOrName,
    scope: str | Scope,
    *,
    strategy: str = "portfolio",
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
    order: Order = "fifo",
    eager: bool = False,
    max_seconds: float | None = None,
    counter_check: bool = True,
    engine: Literal["simpy", "tables"] = "simpy",
    progress: ScenarioProgress = False,
) -> SessionResult:
    """Make ``runs`` runs of an asyncio agent behind an adapter under a strategy: a run that violates something, or a
    bound on the risk.

    ``strategy``, ``runs``, ``until_risk``, ``seed``, ``engine``: as for :func:`fuzz_scenario`. Otherwise as
    :func:`check_session`.
    """
    work = workload(session, scope_text(scope), invariants, without)
    with searching(progress, work.name) as watch:
        checked = checking.fuzz(
            work,
            setting_of(order, eager=eager),
            strategy=strategy,
            runs=runs,
            until_risk=until_risk,
            seed=seed,
            seconds=max_seconds,
            counter_check=counter_check,
            engine=engine,
            watch=watch,
        )
    return SessionResult(checked, work)


@undisturbed
def replay_session(token: str, session: SessionOrName, *, invariants: Sequence[str] = ()) -> ScenarioRun:
    """Make the run of a token of ``session`` (or of a file that holds one) again, judged for ``invariants``, by
    default all. Raises :class:`~everyturn.UsageError` for what is no such token."""
    return ScenarioRun(checking.replay(token, workload_of(token, session, invariants)))

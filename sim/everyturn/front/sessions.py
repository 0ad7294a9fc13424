"""Asyncio agents as they are, behind an adapter: every run of a scope, a sample of them, or one again."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.asyncio.checking import CheckedScenario
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.front.asking import scope_text
from everyturn.front.scenarios import Order, ScenarioRun, setting_of
from everyturn.front.tables import CellResult
from everyturn.front.undisturbed import undisturbed
from everyturn.sessions import checking
from everyturn.sessions.adapter import Session
from everyturn.world.scope import Scope

SessionOrName = str | type[Session]
"""A class that inherits from :class:`Session`, or where it lies: ``package.module:Adapter``, ``file.py:Adapter``."""


class SessionResult(CellResult):
    """The verdicts on an asyncio agent in a scope; ``cell`` is what `everyturn check --session … --json` gives."""

    def __init__(self, checked: CheckedScenario, session: SessionOrName) -> None:
        super().__init__(checked.cell)
        self.interrupted: bool = checked.found.interrupted
        self._session = session

    def replay(self, invariant: str | None = None) -> ScenarioRun:
        """Make the run again that violates ``invariant``; none: the first. Raises :class:`~everyturn.UsageError` if
        none does."""
        return replay_session(self._token(invariant), self._session)


@undisturbed
def check_session(
    session: SessionOrName,
    scope: str | Scope,
    *,
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    counter_check: bool = True,
) -> SessionResult:
    """Explore every run of an asyncio agent as it is, behind an adapter: every moment at which the prompts, Cancels and
    so on of ``scope`` may come, and every order of what the outside world does.

    What is judged: ``invariants``, by default all and conformance, ``without`` some. What the adapter does not show is
    *not judged*, what the agent does not promise *not promised*. Otherwise as :func:`check_scenario`.
    """
    limits = SearchLimits(max_states, max_seconds, max_memory)
    work = checking.workload(session, scope_text(scope), invariants, without)
    setting = setting_of(order, eager=eager)
    return SessionResult(checking.check(work, setting, limits=limits, counter_check=counter_check), session)


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
) -> SessionResult:
    """Make ``runs`` runs of an asyncio agent behind an adapter under a strategy: a run that violates something, or a
    bound on the risk.

    ``strategy``, ``runs``, ``until_risk``, ``seed``: as for :func:`fuzz_scenario`. Otherwise as :func:`check_session`.
    """
    work = checking.workload(session, scope_text(scope), invariants, without)
    setting = setting_of(order, eager=eager)
    checked = checking.fuzz(
        work, setting, strategy=strategy, runs=runs, until_risk=until_risk, seed=seed, seconds=max_seconds
    )
    return SessionResult(checked, session)


@undisturbed
def replay_session(token: str, session: SessionOrName, *, invariants: Sequence[str] = ()) -> ScenarioRun:
    """Make the run of a token of ``session`` again, judged for ``invariants``, by default all. Raises
    :class:`~everyturn.UsageError` for what is no such token."""
    return ScenarioRun(checking.replay(token, session, invariants))

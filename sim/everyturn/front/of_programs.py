"""Questions about recorded runs that are asked of a dispatcher, and of an asyncio program just so: ``scenario=…`` or
``session=…``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from everyturn.asyncio import checking
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.runtime.scenarios import name_of
from everyturn.asyncio.runtime.tokens import is_token, recorded
from everyturn.asyncio.search.auditing import audit
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.asyncio.telling.explaining import BUDGET
from everyturn.checking.audit import Audited
from everyturn.errors import UsageError
from everyturn.front.asking import ScenarioOrName, SessionOrName, scope_text
from everyturn.front.scenarios import (
    Order,
    ScenarioExplanation,
    ScenarioProgress,
    ScenarioRun,
    explained,
    searching,
    setting_of,
)
from everyturn.sessions.by_name import workload, workload_of
from everyturn.world.scope import Scope

_P = ParamSpec("_P")
_T = TypeVar("_T")


def also_of_programs(
    of_scenario: Callable[..., Any], of_session: Callable[..., Any]
) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """The same question with the word ``scenario`` or ``session`` is another function's, which takes that word."""

    def decorate(ask: Callable[_P, _T]) -> Callable[_P, _T]:
        @wraps(ask)
        def asked(*arguments: _P.args, **options: _P.kwargs) -> _T:
            given: Any = options
            if "scenario" in given and "session" in given:
                raise UsageError(f"{ask.__name__}: expected scenario= or session=, found both")
            first = str(arguments[0]) if arguments else ""
            if not {"scenario", "session"} & given.keys():
                if is_token(first):
                    raise recorded(first).unnamed()
                return ask(*arguments, **options)
            answer: _T = (of_scenario if "scenario" in given else of_session)(*arguments, **given)
            return answer

        return asked

    return decorate


def explain_scenario(
    source: str | Path,
    scenario: ScenarioOrName,
    *,
    invariants: Sequence[str] = (),
    budget: int = BUDGET,
    script: str | Path | None = None,
) -> ScenarioExplanation:
    """Why the run of a token shows a fault: the first of ``invariants`` that it does."""
    return explained(str(source), scenario, _one(invariants), script=script, budget=budget)


def explain_session(
    source: str | Path,
    session: SessionOrName,
    *,
    invariants: Sequence[str] = (),
    budget: int = BUDGET,
    script: str | Path | None = None,
) -> ScenarioExplanation:
    """The same of a session."""
    work = workload_of(str(source), session)
    return explained(str(source), work, _one(invariants), script=script, budget=budget)


def shrink_scenario(source: str | Path, scenario: ScenarioOrName, *, invariants: Sequence[str] = ()) -> ScenarioRun:
    """The run of a token, made shorter."""
    return ScenarioRun.shrunk(checking.shrink_token(str(source), scenario, _one(invariants)))


def shrink_session(source: str | Path, session: SessionOrName, *, invariants: Sequence[str] = ()) -> ScenarioRun:
    """The same of a session."""
    return ScenarioRun.shrunk(checking.shrink_token(str(source), workload_of(str(source), session), _one(invariants)))


def audit_scenario(
    scenario: ScenarioOrName,
    *,
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    progress: ScenarioProgress = False,
) -> Audited:
    """The audit of a scenario."""
    return _audited(scenario, order, max_states, progress, eager=eager)


def audit_session(
    session: SessionOrName,
    scope: str | Scope,
    *,
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    progress: ScenarioProgress = False,
) -> Audited:
    """The audit of a session in a scope."""
    return _audited(workload(session, scope_text(scope)), order, max_states, progress, eager=eager)


def _audited(
    program: str | Scenario, order: Order, states: int | None, progress: ScenarioProgress, *, eager: bool
) -> Audited:
    with searching(progress, name_of(program)) as watch:
        return audit(program, setting_of(order, eager=eager), SearchLimits(states=states), watch)


def _one(invariants: Sequence[str]) -> str | None:
    if len(invariants) > 1:
        raise UsageError(f"invariants: expected one, since one fault is looked at; found {', '.join(invariants)}")
    return invariants[0] if invariants else None

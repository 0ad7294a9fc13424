"""Scenarios by their names: ``package.module:function``, an ``async def`` that takes a world."""

from __future__ import annotations

import ast
import inspect
from typing import Any

from everyturn.asyncio.runtime.running import Scenario
from everyturn.errors import UsageError
from everyturn.world.imports import found


def name_of(scenario: str | Scenario) -> str:
    """The name under which a scenario can be found again: that of a workload is the one that it was asked for by."""
    if isinstance(scenario, str):
        return scenario
    name: str | None = getattr(scenario, "name", None)
    return name or f"{scenario.__module__}:{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"


def parts_of(name: str) -> tuple[str, str]:
    """A session's adapter and scope, of the name of its workload; of another program its name, and no scope."""
    adapter, _, scope = name.rpartition("@")
    return (adapter, scope) if adapter and ":" not in scope else (name, "")


def find(scenario: str | Scenario) -> Scenario:
    """The scenario of this name, ``package.module:function``, or what ``package.module:function(literals)`` returns.
    Raises :class:`UsageError` that says what was expected and what was found."""
    if isinstance(scenario, str):
        name, called, rest = scenario.partition("(")
        if called and rest.endswith(")"):
            return _checked(_returned(scenario, name, rest[:-1]), scenario)
        return _checked(found(scenario, "scenario", "function"), scenario)
    return _checked(scenario, name_of(scenario))


def _returned(scenario: str, name: str, arguments: str) -> Any:
    """What a function returns that makes scenarios."""
    try:
        given = ast.literal_eval(f"[{arguments}]")
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise UsageError(f"scenario {scenario!r:.200}: expected literals as arguments; found {error}") from None
    made = found(name, "scenario", "function")
    try:
        return made(*given)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"scenario {scenario!r:.200}: expected a scenario to be made; found {error!r}") from error


def _checked(found: Any, name: str) -> Scenario:
    if not inspect.iscoroutinefunction(found) and not inspect.iscoroutinefunction(type(found).__call__):
        raise UsageError(f"scenario {name!r}: expected an async function that takes a world; found {found!r:.80}")
    try:
        inspect.signature(found).bind(None)
    except TypeError:
        raise UsageError(
            f"scenario {name!r}: expected one parameter, the world; found {inspect.signature(found)}"
        ) from None
    return found  # type: ignore[no-any-return]

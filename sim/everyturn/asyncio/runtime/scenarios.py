"""Scenarios by their names: ``package.module:function``, an ``async def`` that takes a world."""

from __future__ import annotations

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
    """The scenario of this name. Raises :class:`UsageError` that says what was expected and what was found."""
    if isinstance(scenario, str):
        return _checked(found(scenario, "scenario", "function"), scenario)
    return _checked(scenario, name_of(scenario))


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

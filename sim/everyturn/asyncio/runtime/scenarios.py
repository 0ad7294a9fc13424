"""Scenarios by their names: ``package.module:function``, an ``async def`` that takes a world."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from everyturn.asyncio.runtime.running import Scenario
from everyturn.errors import UsageError


def name_of(scenario: str | Scenario) -> str:
    """The name under which a scenario can be found again."""
    if isinstance(scenario, str):
        return scenario
    return f"{scenario.__module__}:{getattr(scenario, '__qualname__', type(scenario).__qualname__)}"


def find(scenario: str | Scenario) -> Scenario:
    """The scenario of this name. Raises :class:`UsageError` that says what was expected and what was found."""
    if not isinstance(scenario, str):
        return _checked(scenario, name_of(scenario))
    module, colon, attribute = scenario.partition(":")
    if not colon or not module or not attribute:
        raise UsageError(f"scenario {scenario!r}: expected package.module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"scenario {scenario!r}: expected a module that can be imported; found {type(error).__name__}: {error}"
        ) from error
    for name in attribute.split("."):
        if not hasattr(found, name):
            where = getattr(found, "__file__", None) or module
            raise UsageError(
                f"scenario {scenario!r}: {where}: expected a function {attribute}; found none of that name"
            )
        found = getattr(found, name)
    return _checked(found, scenario)


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

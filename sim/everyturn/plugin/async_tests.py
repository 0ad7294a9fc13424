"""An ``async def`` test, collected as a plain one that explores it in all its schedules."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import pytest

WORLD: Final = "world"
"""What the outside world is called among a test's arguments; all others are fixtures."""
_LOOPS: Final = ("asyncio", "anyio", "trio")
"""Markers that say who runs a test on which loop; here it is explored."""
_PRINTED: Final = frozenset({"capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys"})
"""Fixtures that are given what a test prints: what an explored one prints belongs to its runs."""
_SKIPPED: Final[list[str]] = []
"""Why runs of the test that is explored have skipped it."""


def plain_test(collector: Any, name: str, function: Any) -> Callable[..., None] | None:
    """The test that takes the place of an ``async def`` one of this ``name``; none if it is no such test."""
    if not inspect.iscoroutinefunction(function) or not collector.funcnamefilter(name):
        return None
    parameters = list(inspect.signature(function).parameters.values())
    of_class = inspect.isclass(collector.obj) and bool(parameters)
    owner, given = (parameters[:1], parameters[1:]) if of_class else ([], parameters)
    fixtures = [each for each in given if each.name != WORLD]

    def plain(*bound: Any, everyturn: Any, **values: Any) -> None:
        if len(wanted) < len(fixtures):
            pytest.fail(f"{name}: expected a test that is explored to take `{WORLD}`; found `everyturn`", pytrace=False)
        if of_prints:
            pytest.fail(
                f"{name}: expected a test that is explored to take no {of_prints[0]}, which sees nothing of what its "
                "runs print; world.log(...) notes what a run does",
                pytrace=False,
            )
        _SKIPPED.clear()
        test = function.__get__(bound[0]) if bound else function
        everyturn.check(scenario=_scenario(test, function, values, world=len(given) > len(fixtures)))
        if _SKIPPED:
            raise pytest.skip.Exception(_SKIPPED[0], _use_item_location=True)

    of_prints = [each.name for each in fixtures if each.name in _PRINTED]
    wanted = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in fixtures if each.name != "everyturn"]
    ours = inspect.Parameter("everyturn", inspect.Parameter.KEYWORD_ONLY)
    plain.__signature__ = inspect.Signature([*owner, ours, *wanted])  # type: ignore[attr-defined]
    plain.__dict__.update(vars(function))
    for each in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(plain, each, getattr(function, each))
    marks = getattr(function, "pytestmark", ())
    plain.pytestmark = [mark for mark in marks if mark.name not in _LOOPS]  # type: ignore[attr-defined]
    plain.place_as = function  # type: ignore[attr-defined] # pytest: where it says that the test stands
    return plain


def _scenario(test: Callable[..., Any], function: Any, values: dict[str, Any], *, world: bool) -> Callable[..., Any]:
    """The test as a scenario, which takes the world and nothing else; fixtures are made once, for all runs."""

    async def scenario(outside: Any) -> None:
        given = {WORLD: outside} if world else {}
        try:
            await test(**given, **values)
        except pytest.skip.Exception as skipped:
            _SKIPPED.append(str(skipped))

    scenario.__module__, scenario.__qualname__ = function.__module__, function.__qualname__
    return scenario

"""Random programs as scenarios that can be named: ``tests.sim.numbered_programs:program_17``."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    kind, _, number = name.partition("_")
    if kind != "program" or not number.isdigit():
        raise AttributeError(name)
    from tests.sim.test_asyncio_conformance import scenario_of

    return scenario_of(int(number))

"""Random programs as scenarios that can be named: ``tests.sim.numbered_programs:program_17``, ``connection_17``."""

from __future__ import annotations

from functools import partial
from typing import Any


def __getattr__(name: str) -> Any:
    kind, _, number = name.partition("_")
    if kind not in ("program", "connection") or not number.isdigit():
        raise AttributeError(name)
    if kind == "connection":
        from tests.sim.connection_programs import connection_program, interpret

        return partial(interpret, connection_program(int(number)))
    from tests.sim.test_asyncio_conformance import scenario_of

    return scenario_of(int(number))

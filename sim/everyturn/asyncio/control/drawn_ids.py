"""Ids that packages draw in C or Rust, where Python's clocks and sources of randomness are not asked.

Without these each run would have other ids, so that no state of one is equal to a state of another.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from types import BuiltinFunctionType, ModuleType
from typing import Any, Final

# what follows is the same for every run

_DRAWING: Final = ("uuid_utils._uuid_utils", "fastuuid.fastuuid")
"""Modules that draw ids."""
_VERSIONS: Final = {"uuid1": 1, "uuid4": 4, "uuid6": 6, "uuid7": 7, "_uuid4_int": 4, "_uuid7_int": 7}
"""Function of such a module → the version of the ids that it draws."""
_BY_TIME: Final = (6, 7)
"""Versions of which one that is drawn later is greater."""
_FIRST_MOMENT: Final = 1_700_000_000_000 << 80


def drawn_id(version: int, world: Any) -> int:
    """The next id of a run, with 32 random bits at least."""
    ids = vars(world).setdefault("ids", count(1))
    bits = _FIRST_MOMENT | next(ids) << 32 | world.random.getrandbits(32)
    if version not in _BY_TIME:
        bits = world.random.getrandbits(128)
    return int(bits & ~(0xF << 76 | 0x3 << 62) | version << 76 | 0x2 << 62)


def drawing(world_of: Callable[[], Any]) -> dict[Any, Any]:
    """Functions that draw ids, of modules that are there, and what takes their places: the run's own ids while there is
    a world."""
    found = [(sys.modules[name], each) for name in _DRAWING if name in sys.modules for each in _VERSIONS]
    return {getattr(module, name): _instead(module, name, world_of) for module, name in found if hasattr(module, name)}


def draw_by_the_run(world_of: Callable[[], Any]) -> None:
    """Put what :func:`drawing` returns where modules have these functions by name."""
    instead = drawing(world_of)
    for module in list(sys.modules.values()) if instead else ():
        for name, value in list(vars(module).items()):
            if type(value) is BuiltinFunctionType and value in instead:
                setattr(module, name, instead[value])


def _instead(module: ModuleType, name: str, world_of: Callable[[], Any]) -> Callable[..., Any]:
    original = getattr(module, name)

    def draw(*args: Any, **options: Any) -> Any:
        world = world_of()
        if world is None:
            return original(*args, **options)
        number = drawn_id(_VERSIONS[name], world)
        return number if name.endswith("_int") else module.UUID(int=number)

    return draw

"""What a script has in place of this project, if the program imports it.

What stands behind the next comment is copied into the script, in front of the driver's own code.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Sequence
from typing import Any

# what follows is the same for every run


class Nothing(type):
    """The class of what stands for nothing: it has every attribute."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class StandIn(types.ModuleType):
    """In place of the project that wrote this, or of one of its modules: its names stand for the classes that this
    script has by them, or else for nothing."""

    NAME = "everyturn"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = globals().get(name)
        if isinstance(found, type) and found.__module__ == __name__:
            return found
        return Nothing(name, (), {"__init__": lambda self, *_, **__: None})


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds them. ``names``: what is in the project itself."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Sequence[str] | None, target: Any = None) -> Any:
        if name.partition(".")[0] != StandIn.NAME:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == StandIn.NAME:
            vars(module).update(self.names)

    def take_over(self) -> None:
        """From now on the project is these."""
        for name in [name for name in sys.modules if name.partition(".")[0] == StandIn.NAME]:
            del sys.modules[name]
        sys.meta_path.insert(0, self)

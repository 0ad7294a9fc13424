"""Whose code is trusted to keep nothing but caches, so that its functions and classes are what they are."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

_STANDARD: Final = frozenset(sys.stdlib_module_names)
_LIBRARY: Final = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class Trust:
    """Trusted are the standard library, ``packages``, and packages that are installed, but for the program's
    ``own``."""

    def __init__(self, packages: Iterable[str] = ()) -> None:
        self._packages = frozenset(packages)
        self._own: set[str] = set()
        self._known: dict[str, bool] = {}

    def own(self, modules: Iterable[str]) -> None:
        """The packages of these modules are the program's own, wherever they lie."""
        self._own.update(module.partition(".")[0] for module in modules)
        self._known.clear()

    def module(self, name: object) -> bool:
        """Whether the module of this name is trusted."""
        if not isinstance(name, str):
            return False
        root = name.partition(".")[0]
        known = self._known.get(root)
        if known is None:
            known = self._is_given(root) or (root not in self._own and _is_installed(sys.modules.get(root)))
            self._known[root] = known
        return known

    def is_given(self, value: type | FunctionType) -> bool:
        """Whether a function or a class is of the standard library or of the packages that were named."""
        return self._is_given(str(module_of(value)).partition(".")[0])

    def _is_given(self, root: str) -> bool:
        return root in self._packages or (root in _STANDARD and _is_of_the_library(sys.modules.get(root)))

    def is_one_for_ever(self, value: type | FunctionType) -> bool:
        """Whether a function or a class is of a trusted package, and found there under its own name."""
        module = module_of(value)
        return self.module(module) and _is_global(value, str(module))


def module_of(value: type | FunctionType) -> object:
    """The name of the module that a function or a class was written in, whatever its attributes say."""
    if isinstance(value, FunctionType):
        return value.__globals__.get("__name__")
    return type.__dict__["__module__"].__get__(value)


def _is_of_the_library(module: ModuleType | None) -> bool:
    """Whether a module is the standard library's, and not one of the user's that has a name of it."""
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or (file.startswith(_LIBRARY) and _INSTALLED.isdisjoint(Path(file).parts))


def _is_installed(module: ModuleType | None) -> bool:
    paths = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(not _INSTALLED.isdisjoint(Path(each).parts) for each in paths if isinstance(each, str))


def _is_global(value: Any, module: str) -> bool:
    """Whether ``value`` is what its qualified name says in this module."""
    found: Any = sys.modules.get(module)
    for name in str(getattr(value, "__qualname__", "")).split("."):
        found = vars(found).get(name) if isinstance(found, ModuleType | type) else None
        if isinstance(found, staticmethod | classmethod):
            found = found.__func__
    return found is value

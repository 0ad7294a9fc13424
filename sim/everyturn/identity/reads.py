"""What a function reads besides its arguments: the globals that its code names, and the attributes of modules among
them."""

from __future__ import annotations

import dis
import importlib
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple

from everyturn.identity.layout import by_identity
from everyturn.identity.trust import Trust

_BY_NAME: Final = frozenset({"getattr", "setattr", "delattr", "hasattr", "attrgetter", "vars", "__dict__"})
"""Names of what looks up attributes by names that no code shows."""
_BY_ANY_WAY: Final = frozenset({"globals", "eval", "exec", "__globals__", "modules", "import_module", "__import__"})
"""Names of what may read any global."""
_MODULES: Final = frozenset({"modules", "import_module", "__import__"})
"""Names of what finds modules by their names."""
FORCE: Final = frozenset(
    {"__setattr__", "__delattr__", "__set__", "__setstate__", "__init__", "__post_init__", "__class__"}
)
"""How attributes of frozen objects are set; their class, too, which everybody may read."""
FRAMES: Final = frozenset(
    {
        *("_getframe", "_current_frames", "currentframe", "f_back", "f_locals", "tb_frame", "cr_frame", "gi_frame"),
        *("ag_frame", "walk_stack", "StackSummary", "TracebackException", "getinnerframes", "getouterframes"),
        *("get_referrers", "get_referents", "get_objects"),
    }
)
"""Names of what leads to the variables of other functions."""
_SPOKEN: Final = FORCE | FRAMES | _BY_ANY_WAY | frozenset({"cache_info", "__subclasses__"})
_GLOBAL: Final = frozenset(
    dis.opmap[name]
    for name in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")
    if name in dis.opmap
)
_REBINDING: Final = (dis.opmap["STORE_GLOBAL"], dis.opmap["DELETE_GLOBAL"])
_LOAD_GLOBAL: Final = dis.opmap["LOAD_GLOBAL"]
_IMPORT: Final = dis.opmap["IMPORT_NAME"]
_STORE_ATTRIBUTE: Final = dis.opmap["STORE_ATTR"]
_OF_PYTEST: Final = frozenset({"@py_builtins", "@pytest_ar"})
"""What pytest has a module read of which it rewrites the assertions: by it they reach its plugins and all its tests."""


class Reads(NamedTuple):
    """What code names, nested functions included.

    ``names`` of globals; ``attributes`` of anything, those that it sets among them (``stored``); modules that it
    imports while it runs. ``spoken``: names that matter wherever they are, also as texts. ``by_name``: any attribute of
    a module that it reads, and ``texts``: what it may call them; ``everything``: any global of its own module, too.
    """

    names: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()
    spoken: frozenset[str] = frozenset()
    by_name: bool = False
    everything: bool = False
    texts: frozenset[str] = frozenset()

    @property
    def any_module(self) -> bool:
        """Whether it looks up modules by names that no code shows."""
        return not self.spoken.isdisjoint(_MODULES)

    def with_nested(self, other: Reads) -> Reads:
        """What both name."""
        return Reads(
            self.names | other.names,
            self.attributes | other.attributes,
            self.stored | other.stored,
            self.imported | other.imported,
            self.spoken | other.spoken,
            self.by_name or other.by_name,
            self.everything or other.everything,
            self.texts | other.texts,
        )


@by_identity
def reads(code: CodeType) -> Reads:
    """What ``code`` names."""
    found = _own(code)
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found = found.with_nested(reads(each))
    return found


@by_identity
def rebound(code: CodeType) -> frozenset[str]:
    """The globals that ``code`` sets or deletes, functions within included."""
    own = {code.co_names[argument] for operation, argument in _operations(code) if operation in _REBINDING}
    return frozenset(own).union(*(rebound(each) for each in code.co_consts if isinstance(each, CodeType)))


def _own(code: CodeType) -> Reads:
    names, stored, imported = set(), set(), set()
    for operation, argument in _operations(code):
        if operation in _GLOBAL:
            names.add(code.co_names[argument >> 1 if operation == _LOAD_GLOBAL else argument])
        elif operation == _IMPORT:
            imported.add(code.co_names[argument])
        elif operation == _STORE_ATTRIBUTE:
            stored.add(code.co_names[argument])
    mentioned = frozenset(code.co_names) - _OF_PYTEST
    texts = {each for each in code.co_consts if isinstance(each, str)}
    spoken = _SPOKEN & (mentioned - {"__class__"} | stored | texts)
    return Reads(
        frozenset(names) - _OF_PYTEST,
        mentioned,
        frozenset(stored),
        frozenset(imported),
        spoken,
        bool(mentioned & _BY_NAME),
        bool(spoken & _BY_ANY_WAY),
        frozenset(texts) if mentioned & _BY_NAME else frozenset(),
    )


def _operations(code: CodeType) -> Iterator[tuple[int, int]]:
    """Operations and their arguments; room that is kept for caches counts as operations that nobody looks for."""
    extended = 0
    for operation, argument in zip(code.co_code[::2], code.co_code[1::2], strict=True):
        argument |= extended
        extended = argument << 8 if operation == dis.EXTENDED_ARG else 0
        yield operation, argument


def imported_modules(found: Reads, namespace: dict[str, Any], trust: Trust) -> Iterator[ModuleType]:
    """The modules that code imports while it runs, wherever it is: imported now, as long as nobody looks."""
    package = str(namespace.get("__package__") or "")
    for name in sorted(found.imported):
        parents = [package.rsplit(".", up)[0] for up in range(package.count(".") + 1)] if package else []
        for candidate in (name, *(f"{parent}.{name}".strip(".") for parent in parents)):
            module = sys.modules.get(candidate)
            if module is None and candidate == name and not trust.module(name):
                module = _imported(name)
            if module is not None:
                yield module


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name) if name else None
    except Exception:  # noqa: BLE001 - whatever it is, the agent's own import will say it
        return None

"""What a campaign asks about: agents against ports, sessions, scenarios; each in a scope, under a strategy."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from everyturn.asyncio.runtime.places import is_users
from everyturn.asyncio.runtime.scenarios import find as find_scenario
from everyturn.checking.fuzz import how_many
from everyturn.checking.risk import LEAST_BOUND
from everyturn.errors import UsageError
from everyturn.sessions.by_name import workload
from everyturn.strategies import strategy
from everyturn.strategies.profile import Profile
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.selection import selection
from everyturn.world.agents import code_of, find_revision, require, revision_name
from everyturn.world.scope import Scope

SubjectKind = Literal["revision", "agent", "session", "scenario"]

PORTS: Final = ("revision", "agent")
"""Kinds of agents against ports."""

EXPLORE: Final = "explore"
"""In place of a strategy: every interleaving."""


class AskedCell(Struct, frozen=True, forbid_unknown_fields=True):
    """One question of a campaign, with all that decides its answer but the agent's code. ``setting``: the granularity
    of an agent against ports, the order of an asyncio loop."""

    kind: SubjectKind
    name: str
    scope: str
    strategy: str
    seed: int
    runs: Annotated[int, Meta(ge=1)] | None
    risk: Annotated[float, Meta(ge=LEAST_BOUND, lt=1)] | None
    max_states: Annotated[int, Meta(ge=1)] | None
    invariants: tuple[str, ...]
    without: tuple[str, ...]
    setting: str

    @property
    def subject(self) -> str:
        """What is asked about, in a word or two."""
        return f"{self.kind} {self.name}"

    @property
    def place(self) -> str:
        """What is asked about, and where: failures are told apart by it."""
        setting = "" if self.setting in ("access", "fifo") else f" ({self.setting})"
        return f"{self.subject}{' ' * bool(self.scope)}{self.scope}{setting}"

    @property
    def key(self) -> str:
        """The cell's name within its campaign, which no other cell has."""
        return f"{self.place} {self.strategy}"

    @property
    def independent(self) -> bool:
        """Whether each of its runs is made by its number alone, so that they can be made anywhere in any order."""
        return self.strategy != EXPLORE and _chooser(self.strategy).independent

    @property
    def all_runs(self) -> int:
        """How many runs it is to have at most; 0 if it is explored."""
        if self.strategy == EXPLORE:
            return 0
        return how_many(self.runs, self.risk, self.strategy, _chooser(self.strategy))


def _chooser(name: str) -> Strategy:
    """A strategy as it is of any program: what it promises does not depend on the profile."""
    return strategy(name, 0, lambda: Profile((1.0,), 1))


def checked(cell: AskedCell) -> AskedCell:
    """The cell with its full names, when everything that it names is there. Raises :class:`UsageError`.

    The code that it names is imported.
    """
    if cell.strategy != EXPLORE:
        how_many(cell.runs, cell.risk, cell.strategy, _chooser(cell.strategy))
    if cell.kind in PORTS:
        if (cell.kind == "agent") != (":" in cell.name):
            expected = (
                "one of ours, such as 'd4'" if cell.kind == "revision" else "package.module:Class or file.py:Class"
            )
            raise UsageError(f"{cell.kind} {cell.name!r}: expected {expected}")
        scope = Scope.parse(cell.scope)
        require(find_revision(cell.name), scope, f"scope {cell.scope}")
        selection(cell.invariants, cell.without)
        return msgspec.structs.replace(cell, name=revision_name(cell.name), scope=str(scope))
    if cell.kind == "session":
        work = workload(cell.name, cell.scope, cell.invariants, cell.without)
        return msgspec.structs.replace(cell, scope=str(work.scope))
    find_scenario(cell.name)
    return cell


def code_digest(cells: tuple[AskedCell, ...]) -> str:
    """A digest of the code that the cells run, when every cell was :func:`checked`: the files of agents' classes and of
    those that they inherit from, the module of an adapter or a scenario, and of the user's own modules all that these
    take names from."""
    digest = hashlib.sha256()
    roots = {sys.modules[_module_of(cell)] for cell in cells if cell.kind != "revision"}
    for name in sorted({cell.name for cell in cells if cell.kind in PORTS}):
        digest.update(code_of(find_revision(name)).encode())
    for name, module in sorted(_taken_from(roots).items()):
        digest.update(f"{name} ".encode() + Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def _module_of(cell: AskedCell) -> str:
    if cell.kind == "agent":
        return find_revision(cell.name).__module__
    if cell.kind == "session":
        return workload(cell.name, cell.scope, cell.invariants, cell.without).adapter.__module__
    found: Any = find_scenario(cell.name)
    return str(found.__module__)


def _taken_from(modules: Iterable[ModuleType]) -> dict[str, ModuleType]:
    """These modules and those from which they have names, and so on, as far as they are the user's."""
    found: dict[str, ModuleType] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module.__name__ in found or not is_users(str(getattr(module, "__file__", None) or "<none>")):
            continue
        found[module.__name__] = module
        for value in list(vars(module).values()):
            other = value if isinstance(value, ModuleType) else sys.modules.get(str(getattr(value, "__module__", "")))
            if other is not None:
                waiting.append(other)
    return found

"""The workload that a scope is for an adapter, by the names that a user gives to both."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

from everyturn.asyncio.runtime.scenarios import parts_of
from everyturn.asyncio.runtime.tokens import found_in, recorded
from everyturn.errors import UsageError
from everyturn.sessions.adapter import Session
from everyturn.sessions.mistakes import where
from everyturn.sessions.workload import FAULTS, SessionWorkload, methods
from everyturn.verdicts.selection import NOTHING, Wanted, selection
from everyturn.world.imports import found
from everyturn.world.scope import Scope
from everyturn_model.invariants import Invariant
from everyturn_model.promises import Promises

Adapter = str | type[Session]
"""A :class:`Session`, or where it lies: ``"package.module:Adapter"``, ``"file.py:Adapter"``."""


def find(adapter: Adapter, scope: Scope) -> type[Session]:
    """The adapter of this name. Raises :class:`UsageError` if it is none, or lacks what the scope calls."""
    kind = found(adapter, "session") if isinstance(adapter, str) else adapter
    if not isinstance(kind, type) or not issubclass(kind, Session):
        raise UsageError(
            f"session {adapter!r}: expected a class that inherits from everyturn.Session; found {kind!r:.80}"
        )
    name = kind.__qualname__
    for method in ("open", *methods(scope)):
        given = getattr(kind, method)
        if given is getattr(Session, method):
            raise UsageError(f"{where(kind)}: session {name}: scope {scope} calls {method}: expected an async method")
        if not inspect.iscoroutinefunction(given):
            raise UsageError(f"{where(kind)}: session {name}: {method}: expected an async method; found {given!r:.60}")
        _check_parameters(kind, method)
    if inspect.iscoroutinefunction(kind.look):
        raise UsageError(f"{where(kind)}: session {name}: look: expected a plain method; found an async one")
    if not isinstance(kind.promises, Promises):
        raise UsageError(
            f"{where(kind)}: session {name}: promises: expected everyturn.Promises(...); found {kind.promises!r:.60}"
        )
    return kind


_PARAMETERS: Final = {"open": ("world",), "submit": ("prompt",)}


def _check_parameters(kind: type[Session], method: str) -> None:
    expected = ("self", *_PARAMETERS.get(method, ()))
    signature = inspect.signature(getattr(kind, method))
    try:
        signature.bind(*expected)
    except TypeError:
        raise UsageError(
            f"{where(kind)}: session {kind.__qualname__}: expected {method}({', '.join(expected)}); found "
            f"{method}{signature}"
        ) from None


def workload(
    adapter: Adapter, scope: str | Scope, wanted: Sequence[Wanted] = (), without: Sequence[str] = ()
) -> SessionWorkload:
    """The workload that a scope is for an adapter, judged for what is ``wanted``: all, if nothing is named.

    Raises :class:`UsageError`.
    """
    what = Scope.parse(scope) if isinstance(scope, str) else scope
    invariants = [each for each in wanted if each not in FAULTS]
    own = [each for each in invariants if isinstance(each, Invariant)]
    if own:
        raise UsageError(f"invariant {own[0].name!r}: expected one by its name: those of the user's own are not judged")
    only_faults = bool(wanted) and not invariants
    chosen = NOTHING if only_faults else selection(invariants, [each for each in without if each not in FAULTS])
    faults = {kind: text for kind, text in FAULTS.items() if (not wanted or kind in wanted) and kind not in without}
    name = adapter if isinstance(adapter, str) else f"{adapter.__module__}:{adapter.__qualname__}"
    return SessionWorkload(find(adapter, what), name, what, chosen, faults)


def workload_of(source: str, adapter: Adapter | None, wanted: Sequence[Wanted] = ()) -> SessionWorkload:
    """The workload of a token, or of a file that holds one. Raises :class:`UsageError` if no session is named, or the
    token is of none."""
    held = recorded(found_in(source))
    if adapter is None:
        raise held.unnamed()
    if not held.is_session:
        raise UsageError(f"this token is of {held.whose}, and of no session: expected {held.option}")
    return workload(adapter, parts_of(held.scenario)[1], wanted)

"""Which dispatcher is looked at: a revision by its name, or a class of the user's own.

Any class that is a :class:`~everyturn_impl.dispatcher.Dispatcher` will do, whatever its design.
"""

from __future__ import annotations

import hashlib
import inspect
import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from everyturn.errors import AgentFault, UsageError
from everyturn.printing import one_of
from everyturn.source_location import raised_at
from everyturn.world import imports, objects, repaired
from everyturn.world.entering import entered, named, shown, told
from everyturn.world.scope import Scope
from everyturn_impl.calls import Call
from everyturn_impl.dispatcher import Dispatcher, own_objects, shared_objects
from everyturn_impl.ports import Ports
from everyturn_impl.revisions import REVISIONS
from everyturn_model.promises import ALL, Promises

CALLS: Final[dict[str, tuple[str, ...]]] = {
    "submit": ("call",),
    "serve": ("call", "caller"),
    "run_local": ("call", "caller"),
    "cancel": (),
    "clear_queue": (),
    "coordinate_summary": ("caller",),
    "shut_down": ("workspace",),
}
"""The methods of a dispatcher that a world may call, and what it gives them."""


def find_revision(name: str | type[Dispatcher]) -> type[Dispatcher]:
    """The revision ``name``, or the user's class ``package.module:Class`` or ``folder/file.py:Class``; behind either,
    ``+repair``, any number of times. Raises :class:`UsageError`.

    A module is looked for in the current directory first, however the command was started.
    """
    if isinstance(name, type):
        return name
    if repaired.WITH in name:
        base, repairs = repaired.split(name)
        return repaired.with_repairs(find_revision(base), repairs)
    if ":" not in name:
        matching = [key for key in REVISIONS if key == name or key.split("-")[0] == name]
        if not matching:
            raise UsageError(f"revision {name!r}: expected {one_of(REVISIONS, name)}, or package.module:Class")
        return REVISIONS[matching[0]]
    found = imports.found(name)
    if not isinstance(found, type) or not any(hasattr(found, method) for method in CALLS):
        raise UsageError(f"agent {name!r}: expected a dispatcher, a class with {_all(CALLS)}; found {found!r}")
    return found


def named_in(where: str, name: str) -> str:
    """A revision that a file or a token names, not the caller: one of ours, since opening a file must import nothing.

    ``where`` stands in the error. Raises :class:`UsageError` for the user's own code, and says how to name it.
    """
    if ":" in name:
        raise UsageError(
            f"{where}: expected one of our revisions; found {name!r}, code that is imported only if you name it: "
            f"add --agent {shlex.quote(name)} (from Python: agent=, the class itself)"
        )
    try:
        return revision_name(name)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def revision_name(name: str | type[Dispatcher]) -> str:
    """The full name of a revision that may have been given by its short form (``d4``) or as a class."""
    if isinstance(name, type):
        return f"{name.__module__}:{name.__qualname__}"
    find_revision(name)
    if repaired.WITH in name:
        base, repairs = repaired.split(name)
        return repaired.WITH.join((revision_name(base), *repairs))
    return next((key for key in REVISIONS if key == name or key.split("-")[0] == name), name)


def code_of(dispatcher: type[Dispatcher]) -> str:
    """A digest of the files that define a class and those that it inherits from: another one, other code."""
    digest = hashlib.sha256()
    modules = dict.fromkeys(each.__module__ for each in dispatcher.__mro__)
    for file in (getattr(sys.modules.get(module), "__file__", None) for module in modules):
        digest.update(Path(file).read_bytes() if file is not None and Path(file).is_file() else b"?")
    return digest.hexdigest()


def require(dispatcher: type[Dispatcher], scope: Scope, where: str) -> None:
    """Raise :class:`UsageError` if a class lacks a method that is called ``where`` what is in ``scope`` comes."""
    name = revision_name(dispatcher)
    needed = _called(scope)
    if hasattr(dispatcher, "attend"):
        needed = [*needed, "attend"]
    missing = [method for method in needed if not inspect.iscoroutinefunction(getattr(dispatcher, method, None))]
    if missing:
        raise UsageError(f"agent {name!r} in {where}: expected async methods {_all(needed)}; missing: {_all(missing)}")
    for method in needed:
        found, takes = inspect.signature(getattr(dispatcher, method)), CALLS.get(method, ())
        try:
            found.bind(None, *takes)
        except TypeError:
            raise UsageError(
                f"agent {name!r}: expected {method}({', '.join(('self', *takes))}), found {method}{found}"
            ) from None


def make(dispatcher: type[Dispatcher], scope: Scope, ports: Ports, own: Mapping[str, object]) -> Dispatcher:
    """A dispatcher for one world. Raises :class:`UsageError` if it lacks what ``scope`` calls."""
    require(dispatcher, scope, f"scope {scope}")
    name = revision_name(dispatcher)
    constructor: Callable[..., Dispatcher] = dispatcher
    expected = ", ".join(("ports", "*", "direct", *own))

    def wrong(error: BaseException) -> UsageError:
        if isinstance(error, TypeError):
            return UsageError(f"agent {name!r}: expected a constructor ({expected}), found: {told(error, str)}")
        return UsageError(
            f"agent {name!r}: {raised_at(error)}: expected a constructor that raises nothing; found "
            f"{told(error, named)}"
        )

    with entered(wrong):
        return constructor(ports, direct=bool(scope.direct), **own)


def own_of(dispatcher: type[Dispatcher]) -> Mapping[str, Any]:
    """The shared objects that a class declares in ``own``. Raises :class:`UsageError` for what is no mapping of
    names."""
    own: Any = own_objects(dispatcher)
    if not isinstance(own, Mapping):
        raise UsageError(
            f"{defined(dispatcher)}: own: expected a dictionary of names and first values, for example "
            f'{{"door": Door()}}; found {shown(own, 60)}'
        )
    for name in own:
        if not isinstance(name, str) or not name.isidentifier() or name in ("ports", "direct", "self"):
            raise UsageError(
                f"{defined(dispatcher)}: own: expected names that the constructor can take, other than ports and "
                f"direct; "
                f"found {shown(name, 60)}"
            )
    return own


def shares_of(dispatcher: type[Dispatcher]) -> frozenset[str]:
    """The ports that a class declares in ``shares``. Raises :class:`UsageError` for what is no collection of their
    names."""
    shares: Any = shared_objects(dispatcher)
    if isinstance(shares, str) or not isinstance(shares, Collection) or not set(shares) <= set(objects.SHARES):
        example = f"({shares!r},)" if isinstance(shares, str) else '("hooks",)'
        raise UsageError(
            f"{defined(dispatcher)}: shares: expected a tuple of some of {_all(objects.SHARES)}, for example "
            f"{example}; found "
            f"{shown(shares, 60)}"
        )
    return frozenset(shares)


def promises_of(dispatcher: type[Dispatcher]) -> Promises:
    """What a class promises. Raises :class:`UsageError` for what is no :class:`~everyturn_model.promises.Promises`."""
    promises: Any = getattr(dispatcher, "promises", ALL)
    if not isinstance(promises, Promises):
        raise UsageError(
            f"{defined(dispatcher)}: promises: expected everyturn.Promises(...), for example "
            f'Promises(cancel="turn"); found {shown(promises, 60)}'
        )
    return promises


def accepted_call(accepted: Any, call: Call, agent: Dispatcher) -> Call:
    """What ``submit`` has returned for ``call``. Raises :class:`AgentFault` if it is not the call to serve."""
    if isinstance(accepted, Call) and accepted.prompt == call.prompt:
        return accepted
    code = inspect.unwrap(type(agent).submit).__code__
    raise AgentFault(
        f"{code.co_filename}:{code.co_firstlineno}: submit: expected it to return the call to serve, that of "
        f"{call.prompt}; found {shown(accepted)}"
    )


def defined(dispatcher: type) -> str:
    """Where a class is defined: its file and line, or its name."""
    try:
        return f"{inspect.getsourcefile(dispatcher)}:{inspect.getsourcelines(dispatcher)[1]}"
    except (OSError, TypeError):
        return f"agent {revision_name(dispatcher)!r}"


def _called(scope: Scope) -> list[str]:
    """The methods that a world of ``scope`` calls."""
    called = {
        "submit": "A" in scope.prompts.upper(),
        "serve": "A" in scope.prompts.upper(),
        "run_local": "I" in scope.prompts.upper(),
        "cancel": bool(scope.cancels),
        "clear_queue": bool(scope.clears),
        "coordinate_summary": bool(scope.summaries),
        "shut_down": bool(scope.shutdown),
    }
    return [method for method in CALLS if called[method]]


def _all(methods: Any) -> str:
    return ", ".join(methods)

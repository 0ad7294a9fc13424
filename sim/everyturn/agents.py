"""Which dispatcher is looked at: a revision by its name, or a class of the user's own.

Any class that is a :class:`~everyturn_impl.dispatcher.Dispatcher` will do, whatever its design.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from everyturn.errors import EveryturnError, UsageError
from everyturn.places import raised_at
from everyturn.scope import Scope
from everyturn_impl.dispatcher import Dispatcher
from everyturn_impl.ports import Ports
from everyturn_impl.revisions import REVISIONS

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
    """The revision ``name``, or the user's class ``package.module:Class``. Raises :class:`UsageError`.

    A module is looked for in the current directory first, however the command was started.
    """
    if isinstance(name, type):
        return name
    if ":" not in name:
        matching = [key for key in REVISIONS if key == name or key.split("-")[0] == name]
        if not matching:
            raise UsageError(f"revision {name!r}: expected one of {', '.join(REVISIONS)} or package.module:Class")
        return REVISIONS[matching[0]]
    found = _found(name)
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
            f"add --agent {shlex.quote(name)}"
        )
    return name


def _found(name: str) -> Any:
    """What ``package.module:Class`` names. Raises :class:`UsageError`, with file and line where there is one."""
    module, _, attribute = name.partition(":")
    if not attribute or not all(part.isidentifier() for part in module.split(".")):
        raise UsageError(f"agent {name!r}: expected package.module:Class, for example examples.agents.actor:Actor")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        imported = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # a module's own code may raise anything
        raise UsageError(f"agent {name!r}: {_unimported(module, here, error)}") from error
    if not hasattr(imported, attribute):
        where = getattr(imported, "__file__", None) or module
        raise UsageError(f"agent {name!r}: {where}: expected a class {attribute}; found none of that name")
    return getattr(imported, attribute)


def _unimported(module: str, here: str, error: BaseException) -> str:
    """Why a module cannot be imported: where it was looked for, or what its code did, with file and line."""
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        rest = ", ".join(each for each in sys.path if each not in ("", here))
        return (
            f"expected a module {error.name!r} in the current directory or on the import path; found none in {here} "
            f"(current), {rest}"
        )
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: expected Python; found {error.msg}"
    places = [each for each in traceback.extract_tb(error.__traceback__) if not _imports(each.filename)]
    where = f"{places[-1].filename}:{places[-1].lineno}: " if places else ""
    return f"{where}expected a module that can be imported; found {type(error).__name__}: {error}"


def _imports(file: str) -> bool:
    return file.startswith("<frozen ") or file in (__file__, importlib.__file__)


def revision_name(name: str | type[Dispatcher]) -> str:
    """The full name of a revision that may have been given by its short form (``d4``) or as a class."""
    if isinstance(name, type):
        return f"{name.__module__}:{name.__qualname__}"
    find_revision(name)
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
    missing = [method for method in needed if not inspect.iscoroutinefunction(getattr(dispatcher, method, None))]
    if missing:
        raise UsageError(f"agent {name!r} in {where}: expected async methods {_all(needed)}; missing: {_all(missing)}")
    for method in needed:
        found = inspect.signature(getattr(dispatcher, method))
        try:
            found.bind(None, *CALLS[method])
        except TypeError:
            raise UsageError(
                f"agent {name!r}: expected {method}({', '.join(('self', *CALLS[method]))}), found {method}{found}"
            ) from None


def make(dispatcher: type[Dispatcher], scope: Scope, ports: Ports, own: Mapping[str, object]) -> Dispatcher:
    """A dispatcher for one world. Raises :class:`UsageError` if it lacks what ``scope`` calls."""
    require(dispatcher, scope, f"scope {scope}")
    name = revision_name(dispatcher)
    constructor: Callable[..., Dispatcher] = dispatcher
    try:
        return constructor(ports, direct=bool(scope.direct), **own)
    except TypeError as error:
        expected = ", ".join(("ports", "*", "direct", *own))
        raise UsageError(f"agent {name!r}: expected a constructor ({expected}), found: {error}") from error
    except EveryturnError:
        raise
    except Exception as error:
        raise UsageError(
            f"agent {name!r}: {raised_at(error)}: expected a constructor that raises nothing; found "
            f"{type(error).__name__}: {error}"
        ) from error


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

"""Importing a class or function of the user's own by its name; whatever is wrong with it is told with file and line."""

from __future__ import annotations

import importlib
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final

from everyturn.errors import UsageError
from everyturn.world import resumption
from everyturn.world.entering import entered, named, told


def found(name: str, what: str = "agent", kind: str = "class") -> Any:
    """What ``package.module:Class`` or ``folder/file.py:Class`` names, an agent or ``what`` else, which is of this
    ``kind``, a class or a function; the name may be that of an attribute of it. Raises :class:`UsageError`."""
    source, _, attribute = name.rpartition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    module = _module_of(name, source, what) if source.endswith(".py") or "/" in source else source
    if not all(part.isidentifier() for part in (*attribute.split("."), *module.split("."))):
        raise UsageError(f"{what} {name!r}: expected {_EXPECTED[kind]}")
    resumption.watch()
    with entered(lambda error: UsageError(f"{what} {name!r}: {_unimported(module, here, error, kind)}"), waits=True):
        imported = importlib.import_module(module)
    if module != source:
        _check_file(name, imported, Path(source), what, kind)
    value: Any = imported
    for part in attribute.split("."):
        if not hasattr(value, part):
            raise UsageError(f"{what} {name!r}: {_unnamed(imported, attribute, kind)}")
        value = getattr(value, part)
    return value


_NAMES: Final = {"class": "package.module:Class", "function": "package.module:function"}
_EXPECTED: Final = {
    "class": f"{_NAMES['class']}, for example examples.agents.actor:Actor, or file.py:Class",
    "function": f"{_NAMES['function']}, for example examples.scenarios.two_users:mended, or file.py:function",
}


def _module_of(name: str, source: str, what: str) -> str:
    """The module of a file, whose folder can be imported from from now on."""
    path = Path(source)
    if not path.is_file():
        raise UsageError(
            f"{what} {name!r}: {source}: expected a Python file; found {'a folder' if path.is_dir() else 'none'}"
        )
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return path.stem


def _check_file(name: str, imported: ModuleType, path: Path, what: str, kind: str) -> None:
    """Raise :class:`UsageError` if another file of that name came first."""
    where = getattr(imported, "__file__", None)
    if where is None or Path(where).resolve() != path.resolve():
        raise UsageError(
            f"{what} {name!r}: expected {path} to be imported as {path.stem!r}; found {where or 'a module of Python'} "
            f"of that "
            f"name: call the file something else, or name the {kind} as {_NAMES[kind]}"
        )


def _unnamed(imported: ModuleType, attribute: str, kind: str) -> str:
    """That a module has no class or function of a name, and which it has that may be meant."""
    wanted = type if kind == "class" else FunctionType
    names = [
        name
        for name, each in vars(imported).items()
        if isinstance(each, wanted) and each.__module__ == imported.__name__
    ]
    near = get_close_matches(attribute, names, 3, 0.5)
    plural = "classes" if kind == "class" else "functions"
    meant = f"did you mean {', '.join(near)}?" if near else f"its {plural} are {', '.join(names) or 'none'}"
    return (
        f"{getattr(imported, '__file__', None) or imported.__name__}: expected a {kind} {attribute}; found none of "
        f"that name: {meant}"
    )


def _unimported(module: str, here: str, error: BaseException, kind: str) -> str:
    """Why a module cannot be imported: where it was looked for, or what its code did, with file and line."""
    if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
        rest = ", ".join(each for each in sys.path if each not in ("", here))
        return (
            f"expected a module {error.name!r} in the current directory or on the import path; found none in {here} "
            f"(current), {rest}{_elsewhere(module, here)}"
        )
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: expected Python; found {error.msg}"
    places = [each for each in traceback.extract_tb(error.__traceback__) if not _imports(each.filename)]
    where = f"{places[-1].filename}:{places[-1].lineno}: " if places else ""
    relative = isinstance(error, ImportError) and "relative import" in str(error)
    hint = f": name the {kind} as {_NAMES[kind]}, from the folder above the package" if relative else ""
    return f"{where}expected a module that can be imported; found {told(error, named)}{hint}"


def _elsewhere(module: str, here: str) -> str:
    """Where the module lies, if it is in a folder for sources that nothing is imported from."""
    for folder in ("src", "lib", "python"):
        place = Path(here, folder, *module.split("."))
        if place.with_suffix(".py").is_file() or place.is_dir():
            return f"; there is one in {folder}: install the project (pip install -e .), or set PYTHONPATH={folder}"
    return ""


def _imports(file: str) -> bool:
    return file.startswith("<frozen ") or file in (__file__, importlib.__file__)

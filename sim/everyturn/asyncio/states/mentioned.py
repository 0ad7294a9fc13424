"""What code of the program reads by name where no object shows it: what somebody has put into modules, classes and
functions of the standard library, and what Python says of the program's own (``__doc__``, ``__annotations__``).

What the standard library itself keeps there is no state. So of its modules only what the program's code mentions is
looked at, and of that only what can hold something: what somebody hung on a function or a class, plain data, and
objects of the program's own classes.
"""

from __future__ import annotations

import decimal
import sys
import types
from collections import deque
from collections.abc import Iterator
from operator import is_
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.states import library_modules
from everyturn.asyncio.states.classes import (
    PYTHONS_OWN,
    is_installed,
    is_programs,
    is_watched,
    made_at_run_time,
    said_of,
)
from everyturn.identity.layout import by_identity
from everyturn.identity.reads import reads

if TYPE_CHECKING:
    from everyturn.asyncio.states.encoding import StateEncoder

_ANNOTATIONS: Final = frozenset(
    {"__annotations__", "get_annotations", "get_type_hints", "signature", "getfullargspec", "singledispatch"}
)
"""Names of what reads annotations."""
_DATA: Final = (
    *(int, float, str, bytes, bytearray, list, dict, set, frozenset, tuple, deque, type(None)),
    decimal.Context,
)
_NOT_DATA: Final = (
    *(FunctionType, staticmethod, classmethod, property, type, ModuleType, types.BuiltinFunctionType),
    *(types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType),
)


@by_identity
def mentions(code: CodeType) -> frozenset[str]:
    """The names in code, those in functions within included; where it looks up attributes by names, its texts, too."""
    found = reads(code)
    return found.attributes | (_texts(code) if found.by_name else frozenset())


def _texts(code: CodeType) -> frozenset[str]:
    texts = {part for each in code.co_consts if isinstance(each, str) for part in each.split(".")}
    return frozenset(texts).union(*(_texts(each) for each in code.co_consts if isinstance(each, CodeType)))


def imported(code: CodeType, names: dict[str, Any]) -> Iterator[ModuleType]:
    """The modules that code imports while it runs, as far as they are there."""
    found = reads(code).imported
    if not found:
        return
    package = str(names.get("__package__") or "")
    parents = ["", *(package.rsplit(".", up)[0] + "." for up in range(package.count(".") + 1) if package)]
    for name in sorted(found):
        for parent in parents:
            module = sys.modules.get(f"{parent}{name}".strip("."))
            if isinstance(module, ModuleType):
                yield module


def by_any_name(code: CodeType) -> list[ModuleType]:
    """The modules of the program's own, for code of its own that looks up modules by their names. A package that does
    (anyio, for its backend) is trusted to read nothing that changes of them: a large program has hundreds."""
    if not _looks_up_modules(code):
        return []
    return [each for name, each in sorted(sys.modules.items()) if isinstance(each, ModuleType) and _is_own(name, each)]


@by_identity
def _looks_up_modules(code: CodeType) -> bool:
    spoken = reads(code).spoken
    return not spoken.isdisjoint(("modules", "import_module", "__import__")) and not is_installed(code.co_filename)


def _is_own(name: str, module: ModuleType) -> bool:
    installed = is_installed(getattr(module, "__file__", None))
    return name == module.__name__ and is_programs(module) and not installed and module is not sys


def is_library(module: ModuleType) -> bool:
    """Whether a module is the standard library's, or ours: what it keeps for itself is no state."""
    return not is_programs(module) or module.__name__.partition(".")[0] == "everyturn"


def of_library(
    encoder: StateEncoder, module: ModuleType, mentioned: frozenset[str], within: tuple[ModuleType, ...] = ()
) -> None:
    """What was put into a module of a library, and into those that it holds, of what is ``mentioned``."""
    held = vars(module)
    within = within or (module,)
    library_modules.of_whose(encoder, module.__name__)
    for name in _held_names(mentioned, module, len(held)):
        value = held[name]
        if isinstance(value, ModuleType) and value not in within and is_library(value):
            of_library(encoder, value, mentioned, (*within, value))
        if name in encoder.globals[id(held)]:
            continue
        encoder.globals[id(held)].add(name)
        is_other = BEFORE.holds_other(module, name)
        if isinstance(value, (type, FunctionType)):
            library_modules.of_whose(encoder, value.__module__)
        if isinstance(value, type):
            encoder.meets(value)
        elif isinstance(value, FunctionType) and not _is_programs_function(value) and vars(value):
            encoder.out.append((module.__name__, name))
            encoder.named(vars(value))
        if is_other or _counts(value):
            encoder.out.append((module.__name__, name, is_other))
            encoder.inside(name, value)


class NamesBefore:
    """What stood in modules of libraries before the runs: what a program has put in its place, whatever that is, is a
    part of the state."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[ModuleType, dict[str, Any]]] = {}

    def take(self, *, anew: bool = True) -> None:
        """It is what stands there now; unless ``anew``, in those only of which nothing is known."""
        if anew:
            self._held.clear()
        for name, module in list(sys.modules.items()):
            if isinstance(module, ModuleType) and name not in self._held and is_library(module):
                self._held[name] = module, dict(vars(module))

    def forget(self) -> None:
        """No runs are made any more: what stood there need not live on, such as a stream that is closed by then."""
        self._held.clear()

    def holds_other(self, module: ModuleType, name: str) -> bool:
        """Whether something else stands there now. A module that was imported since is looked at for the first time."""
        known = self._held.get(module.__name__)
        if known is None or known[0] is not module:
            known = self._held[module.__name__] = module, dict(vars(module))
        return known[1].get(name, _NOTHING) is not vars(module)[name]


_NOTHING: Final = object()
BEFORE: Final = NamesBefore()
"""Of the runs that are being made."""


def _counts(value: Any) -> bool:
    """Whether what a module of a library has always had under a name can hold something."""
    if isinstance(value, FunctionType):
        return _is_programs_function(value)
    return not isinstance(value, (type, ModuleType)) and (isinstance(value, _DATA) or _is_programs_object(value))


_HELD: Final[dict[tuple[frozenset[str], str], tuple[ModuleType, int, list[str]]]] = {}


def _held_names(mentioned: frozenset[str], module: ModuleType, size: int) -> list[str]:
    """The names of a module that are mentioned, but for Python's own; looked for anew if it holds more or less."""
    known = _HELD.get((mentioned, module.__name__))
    if known is None or known[0] is not module or known[1] != size:
        names = sorted(name for name in mentioned.intersection(vars(module)) if name not in PYTHONS_OWN)
        known = _HELD[mentioned, module.__name__] = module, size, names
    return known[2]


def _is_programs_function(value: FunctionType) -> bool:
    owner = value.__globals__.get("__name__", "")
    return not str(owner).startswith("everyturn.") and is_programs(sys.modules.get(str(owner)))


def complete(encoder: StateEncoder) -> None:
    """What code mentions of classes, functions and modules that were met, until nothing new is met."""
    done: set[tuple[int, str]] = set()
    asked: dict[int, int] = {}  # what was met → how many names had been mentioned when it was asked for them
    size = None
    while size != (size := (len(encoder.mentioned), len(encoder.met), len(encoder.functions))):
        described = [] if encoder.mentioned.isdisjoint(_ANNOTATIONS) else encoder.functions
        for place, each in enumerate([*encoder.met.values(), *described]):
            if asked.get(id(each)) == len(encoder.mentioned):
                continue
            asked[id(each)] = len(encoder.mentioned)
            for name, value in _read_of(each, encoder.mentioned):
                if (id(each), name) not in done:
                    done.add((id(each), name))
                    encoder.out.append(("mentioned", place, name))
                    encoder.inside(name, value)


def _read_of(value: Any, mentioned: set[str]) -> Iterator[tuple[str, Any]]:
    """What is read by name of a class, a function, or a module that is held as a value."""
    if isinstance(value, FunctionType):
        if value.__annotations__:
            yield "__annotations__", _annotations(value.__annotations__)
        return
    if isinstance(value, ModuleType):
        held = vars(value)
        for name in sorted(mentioned.intersection(held)):
            if name not in PYTHONS_OWN or name == "__doc__":
                yield name, held[name]
        return
    if "__subclasses__" in mentioned and (made := made_at_run_time(value)):
        yield "__subclasses__", made
    if is_watched(value):
        own = _namespace(value)
        for name in said_of(value):
            if name in mentioned:  # what stands there itself, and not what its own __get__ makes of that
                held = own[name] if name in own else type.__getattribute__(value, name)
                yield name, _annotations(held) if name == "__annotations__" else held
    else:
        for name, held in put_on(value):
            if name in mentioned:
                yield name, held


_namespace: Final = type.__dict__["__dict__"].__get__


def _annotations(held: Any) -> Any:
    """Annotations, with what the library makes of types as text."""
    if type(held) is not dict:
        return held
    return {name: repr(each) if type(each).__module__ == "typing" else each for name, each in held.items()}


_AS_IT_WAS: Final[dict[type, tuple[dict[str, Any], list[tuple[str, Any]]]]] = {}
"""Class of the standard library → what was in it when it was looked at first, and of that what can change."""


def put_on(kind: type) -> list[tuple[str, Any]]:
    """What is in a class of the standard library other than it was when it was looked at first, and what may change
    there. What it was compared with is the same as long as this process lives."""
    held = kind.__dict__
    known = _AS_IT_WAS.get(kind)
    if known is None:
        kept = [(name, each) for name, each in held.items() if _may_hold(each) and name not in PYTHONS_OWN]
        known = _AS_IT_WAS[kind] = dict(held), kept
    before, kept = known
    if len(held) == len(before) and all(map(is_, held.values(), before.values())):
        return kept
    return [*kept, *((name, each) for name, each in held.items() if before.get(name, _NOTHING) is not each)]


def _is_programs_object(value: Any) -> bool:
    kind: Any = type(value)
    return is_watched(kind)


def _may_hold(value: object) -> bool:
    return isinstance(value, (list, dict, set, deque, bytearray)) or (
        not isinstance(value, (*_DATA, *_NOT_DATA)) and _is_programs_object(value)
    )

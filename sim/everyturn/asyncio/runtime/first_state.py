"""What modules of a program and of its packages hold: each run begins with what is there before the first.

So begins a process: with nothing but what the imports have made. What a run leaves in a global, in an attribute of a
class, in a container there or in an object, a lock that knows its loop for example, is put back at its end; a counter
counts on from where it stood, and results that ``functools.cache`` keeps of functions that had none are forgotten.

Looked at is what can be come to from the scenario by names of modules, attributes, containers, and what functions
enclose; not what the function that is the scenario encloses itself, where a test may note what it has seen of all runs.
After runs 1, 2, 4, 8, … all of it is looked at; after others only what was seen to change.
"""

from __future__ import annotations

import builtins
import logging
import sys
from abc import ABCMeta
from array import array
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import Context, ContextVar, copy_context
from functools import cached_property, lru_cache, partial
from gc import get_referents
from io import BytesIO, StringIO
from queue import SimpleQueue
from random import Random, SystemRandom
from threading import local
from types import CellType, FunctionType, MappingProxyType, MethodType, ModuleType, SimpleNamespace
from typing import Any, Final

from everyturn.asyncio.runtime.beginning_anew import BeginningAnew, going_on, held_by
from everyturn.asyncio.runtime.kept_by_libraries import (
    LOCK,
    REENTRANT,
    KeptException,
    KeptHandler,
    KeptLock,
    KeptLoggers,
    KeptQueue,
    KeptRegistered,
)
from everyturn.asyncio.runtime.kept_content import (
    KeptArguments,
    KeptArray,
    KeptBytes,
    KeptClass,
    KeptContent,
    KeptDefinition,
    KeptDictionary,
    KeptDraws,
    KeptFactory,
    KeptFile,
    KeptFunction,
    KeptItems,
    KeptKind,
    KeptLoaded,
    KeptModule,
    KeptSet,
    KeptSlots,
)
from everyturn.asyncio.runtime.kept_results import KeptResults
from everyturn.asyncio.runtime.places import is_users, may_be_patched
from everyturn.identity.layout import HEAP, attributes, layout

_TOOLS: Final = frozenset(
    {
        *("everyturn", "everyturn_model", "everyturn_impl", "simpy", "numpy", "scipy", "matplotlib"),
        *("networkx", "click", "joblib", "msgspec", "numba", "llvmlite", "dask"),
        *("distributed", "rich", "pytest", "_pytest", "pluggy", "xdist", "execnet"),
        *("hypothesis", "coverage", "IPython", "ipykernel", "traitlets", "zmq", "tornado"),
        *("jupyter_client", "debugpy", "typing", "typing_extensions"),
    }
)
"""Packages that we, or those who run us, need themselves; and types, which stay what they are."""
_ATOMS: Final = frozenset({int, float, complex, str, bytes, bool, type(None), type(Ellipsis), range, slice})
_NEVER: Final = (logging.Manager, logging.Handler, logging.PlaceHolder)
"""Objects of these stay what they are."""
_RESULTS: Final = type(lru_cache(abs))

KeptPlace = tuple[int, type]
"""The address of an object, and in which way its content is kept."""


class FirstState:
    """What there is before the first run."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._kept: dict[KeptPlace, KeptContent] = {}
        self._met: dict[int, Any] = {id(vars(builtins)): vars(builtins)}
        self._changing: dict[KeptPlace, KeptContent] = {}
        self._going_on = BeginningAnew()
        self._executing: dict[int, ModuleType] = {}
        self._set: list[tuple[ContextVar[Any], Any]] = []
        self._surroundings = Context()
        self._runs = 0
        self._found = False

    def take(self, scenario: Any) -> None:
        """Remember what can be come to from ``scenario``."""
        self._forget()
        self._surroundings = copy_context()
        for each in (KeptLoaded(sys.modules), KeptLoggers(logging.root.manager)):
            self._kept[id(each.value), type(each)] = each
            self._take(each.holds())
        self._take(_beginnings(scenario))

    def context(self) -> Context:
        """A new context, with what the imports have set of the program's variables, and in which way it reckons with
        decimal numbers."""
        context = Context()
        for variable, value in self._set:
            context.run(variable.set, value)
        decimal = sys.modules.get("decimal")
        if decimal is not None and repr(decimal.getcontext()) != repr(decimal.DefaultContext):
            context.run(decimal.setcontext, decimal.getcontext().copy())
        return context

    @contextmanager
    def importing(self, module: ModuleType | None = None) -> Iterator[None]:
        """Around the import of a module while a program is explored: what it makes, and what it puts into others, is
        there before the first run, too."""
        outermost = not self._executing and bool(self._kept)
        before = self._differing() if outermost else {}
        module = module or ModuleType("none")
        self._executing[id(module)] = module
        try:
            yield
        finally:
            if outermost:
                executed, self._executing = self._executing, {}
                for place, each in self._differing().items():
                    if place not in before:
                        each.take()
                        self._take(each.holds())
                self._take(executed.values())

    def meets(self, module: ModuleType | None) -> None:
        """The program imports ``module``: if that was loaded before, and could not be come to, it is looked at from now
        on, as nobody of the program can have changed it so far."""
        if module is not None and self._kept and not self._executing and id(module) not in self._met:
            self._take([module])

    def knows(self, value: object) -> bool:
        """Whether ``value`` was there before the first run, and is kept alive."""
        return self._met.get(id(value), self) is value

    def put_back(self) -> bool:
        """A run has ended: have all as it was. Whether anything was not."""
        self._runs += 1
        if self._runs & (self._runs - 1) == 0:
            self.look()
        changed = [each for each in self._changing.values() if each.differs()]
        if changed or self._going_on.moved():
            with self._going_on.at_once() as fresh:
                for each in changed:
                    each.put_back(fresh)
        return bool(changed)

    def look(self) -> None:
        """Look at everything, not only at what is known to change."""
        for place, each in self._differing().items():
            if place in self._changing:
                continue
            if each.only_defines():
                each.take()
                self._take(each.holds())
            else:
                self._changing[place] = each
                self._found = True

    def left(self) -> list[tuple[int, list[Any]]]:
        """What the run has left by now, where something was seen to change: where, by a number, and what is there."""
        changing = [each for each in self._changing.values() if not isinstance(each, KeptResults)]
        return [(number, each.new()) for number, each in enumerate(changing) if each.differs()]

    def was_unknown(self) -> bool:
        """Whether, since this was asked last, something was found to change that was not known to do so: runs that
        were made meanwhile may have begun with what others had left."""
        self.look()
        found, self._found = self._found, False
        if found:
            self.put_back()
        return found

    def forget(self) -> None:
        """Have all as it was; nothing is put back any more."""
        self.look()
        self.put_back()
        self._forget()

    def _differing(self) -> dict[KeptPlace, KeptContent]:
        return {place: each for place, each in self._kept.items() if each.differs()}

    def _take(self, values: Iterable[Any]) -> None:
        left = deque(values)
        while left:
            value = left.popleft()
            if type(value) in _ATOMS or id(value) in self._met or id(value) in self._executing:
                continue
            self._met[id(value)] = value
            if issubclass(type(value), logging.Logger):  # which keeps there what follows from the levels of others
                self._met[id(value._cache)] = value._cache
            self._going_on.met(value)
            if type(value) is ContextVar:
                left.extend(get_referents(value))
                if value in self._surroundings:
                    self._set.append((value, self._surroundings[value]))
                    left.append(self._surroundings[value])
            for each in _kept(value):
                place = id(each.value), type(each)
                self._kept[place] = each
                left.extend(each.holds())
                if each.goes_on():
                    self._changing[place] = each
            left.extend(_of_what_does_not_change(value))


def _beginnings(scenario: Any) -> Iterator[Any]:
    """Where to begin: at the names that a function has; for a scenario of ours, at the functions and classes that it
    was made of, a test or an adapter for example."""
    while issubclass(type(scenario), partial):
        scenario = scenario.func
    if type(scenario) is FunctionType and _is_looked_at(scenario.__globals__.get("__name__")):
        yield scenario.__globals__
        return
    if type(scenario) is FunctionType:
        made_of = [cell.cell_contents for cell in scenario.__closure__ or () if _is_filled(cell)]
    else:
        yield type(scenario)
        made_of = [each for _, each in attributes(scenario, layout(type(scenario)))]
    yield from (each for each in made_of if issubclass(type(each), (type, FunctionType, MethodType)))


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _kept(value: Any) -> Iterator[KeptContent]:
    """What is kept of a value itself: of modules, classes and functions where they are the program's or a package's."""
    kind = type(value)
    if issubclass(kind, ModuleType):
        if _is_looked_at(value.__name__):
            yield KeptModule(value)
    elif issubclass(kind, type):
        if _is_looked_at(value.__module__):
            yield KeptClass(value)
            if issubclass(kind, ABCMeta):
                yield KeptRegistered(value)
    elif kind is FunctionType:
        if _is_looked_at(value.__globals__.get("__name__")):
            if value.__closure__ or value.__defaults__:
                yield KeptFunction(value)
            if is_users(value.__code__.co_filename):
                yield KeptDefinition(value)
            yield KeptDictionary(value.__dict__)
            if value.__kwdefaults__:
                yield KeptDictionary(value.__kwdefaults__)
        elif value.__closure__ and _is_made_for_programs(value):
            yield KeptFunction(value)
            yield KeptDictionary(value.__dict__)
    elif kind is _RESULTS:
        if _is_looked_at(value.__module__):
            yield KeptResults(value)
            yield KeptDictionary(value.__dict__)
    elif not issubclass(kind, _NEVER) or (issubclass(kind, logging.Handler) and _is_looked_at(kind.__module__)):
        yield from _kept_of_object(value, kind)
    elif issubclass(kind, logging.Handler) and kind.__module__.partition(".")[0] == "logging":
        yield KeptHandler(value)


def _kept_of_object(value: Any, kind: type) -> Iterator[KeptContent]:
    if issubclass(kind, dict):
        module = sys.modules.get(str(value.get("__name__"))) if kind is dict else None
        if module is None or vars(module) is not value:
            yield KeptDictionary(value)
            if issubclass(kind, defaultdict):
                yield KeptFactory(value)
        elif _is_looked_at(module.__name__):
            yield KeptModule(module)
    elif issubclass(kind, (list, deque)):
        yield KeptItems(value)
    elif issubclass(kind, set):
        yield KeptSet(value)
    elif issubclass(kind, bytearray):
        yield KeptBytes(value)
    elif issubclass(kind, array):
        yield KeptArray(value)
    elif issubclass(kind, (StringIO, BytesIO)):
        yield KeptFile(value)
    elif issubclass(kind, partial):
        yield KeptArguments(value)
    elif issubclass(kind, BaseException):
        yield KeptException(value)
        yield KeptDictionary(BaseException.__dict__["__dict__"].__get__(value))
    elif kind in (LOCK, REENTRANT):
        yield KeptLock(value)
    elif kind is SimpleQueue:
        yield KeptQueue(value)
    elif kind is SimpleNamespace:
        yield KeptDictionary(value.__dict__)
    elif issubclass(kind, Random) and not issubclass(kind, SystemRandom):
        yield KeptDraws(value)
    elif issubclass(kind, local):
        yield KeptDictionary(value.__dict__)
    if kind.__flags__ & HEAP and kind.__module__.partition(".")[0] not in _TOOLS:
        shape = layout(kind)
        if shape.namespace is not None:
            yield KeptDictionary(shape.namespace(value))
        if shape.slots:
            yield KeptSlots(value, shape.slots)
        if _is_users(kind.__module__):
            yield KeptKind(value)


def _of_what_does_not_change(value: Any) -> Iterable[Any]:
    """What is held by a value that holds the same as long as it is there; the class of an object, and the module whose
    names code has."""
    kind = type(value)
    if kind is FunctionType:
        return (sys.modules.get(str(value.__globals__.get("__name__"))),)
    if issubclass(kind, type):
        return (sys.modules.get(str(value.__module__)),)
    if issubclass(kind, (tuple, frozenset)):
        return list(kind.__iter__(value))
    if kind is MethodType:
        return value.__self__, value.__func__
    if kind in (staticmethod, classmethod):
        return (value.__func__,)
    if kind is property:
        return value.fget, value.fset, value.fdel
    if kind is cached_property:
        return (value.func,)
    if issubclass(kind, partial):
        return value.func, value.keywords
    if kind is MappingProxyType:
        return get_referents(value)
    if kind is memoryview:
        return _seen_by(value)
    if going_on(value) is not None:
        return held_by(going_on(value))
    return (kind,) if kind.__flags__ & HEAP else ()


def _seen_by(view: memoryview) -> Iterator[Any]:
    with suppress(ValueError):  # it was released
        yield view.obj


def _is_made_for_programs(function: FunctionType) -> bool:
    """Whether a function of the library is one of those that it makes for whoever asks, ``singledispatch`` for
    example."""
    top = str(function.__globals__.get("__name__")).partition(".")[0]
    return "<locals>" in function.__code__.co_qualname and top not in _TOOLS


def _is_users(name: object) -> bool:
    file = getattr(sys.modules.get(str(name)), "__file__", None)
    return isinstance(file, str) and is_users(file)


_LOOKED_AT: Final[dict[str, tuple[object, bool]]] = {}


def _is_looked_at(name: object) -> bool:
    """Whether a module of this name is the program's, or a package's that is no tool of ours."""
    name = str(name)
    module = sys.modules.get(name)
    known = _LOOKED_AT.get(name)
    if known is None or known[0] is not module:
        top, file = name.partition(".")[0], getattr(module, "__file__", None)
        own = may_be_patched(file) if isinstance(file, str) else top not in sys.stdlib_module_names
        known = _LOOKED_AT[name] = module, own and top not in _TOOLS
    return known[1]


FIRST: Final = FirstState()
"""That of the runs that are being made. Only one search runs in a process at a time."""

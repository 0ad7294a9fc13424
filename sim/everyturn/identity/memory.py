"""What outlives a frame: everything that is reachable from some roots, and whether it has changed.

From an object to its attributes and its class; from a class to what is in it and to its bases; from a function to its
defaults, its closure and the globals that its code reads; from a container to its content. Each thing on the way that
can change is a *place*. A place is unchanged if it holds the very same objects as before, or equal ones that cannot
change; so the whole is unchanged if every place is.

The standard library is trusted to keep nothing but caches: its functions and classes are not entered, what its modules'
names stand for is. Objects that cannot be looked into are an error.
"""

from __future__ import annotations

import builtins
import sys
from abc import ABCMeta
from collections.abc import Callable, Iterable
from enum import Enum, EnumType
from functools import partial
from operator import is_
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from everyturn.errors import EveryturnError
from everyturn.identity.anatomy import ATOMS, Anatomy, Changes, Opaque, anatomy
from everyturn.identity.encoder import Encoder, NoValue
from everyturn.identity.glance import Glance, held_by
from everyturn.identity.layout import is_module
from everyturn.identity.library_state import (
    CACHED,
    Cache,
    hung_on,
    hung_on_class,
    is_immutable,
    is_its_own,
    of_class,
    of_enumeration,
    of_function,
    of_member,
    of_settings,
    settings,
    without_dispatch,
)
from everyturn.identity.python_kinds import registered
from everyturn.identity.reads import FORCE, FRAMES, Reads, imported_modules, reads
from everyturn.identity.trust import module_of

_MISSING: Final = object()
_ANY: Final = Changes.MUTABLE
_MACHINERY: Final = frozenset({"__builtins__", "__loader__", "__spec__"})
"""Names that every module has, for what it is made by."""
_OF_THE_PROCESS: Final = frozenset({"modules", "unraisablehook"})
"""Names of :mod:`sys` that change though no agent has changed them: whoever listens for Ctrl-C sets the second."""
_CONSTRUCTORS: Final = frozenset({"__init__", "__post_init__", "__new__", "__init_subclass__", "__set_name__"})
"""Methods in which it is no change to set attributes of frozen objects."""


class Changed(EveryturnError):
    """Something has changed: ``path`` is how to get there, ``value`` what is there now."""

    def __init__(self, path: str, value: object) -> None:
        path = path.removeprefix(".")
        super().__init__(f"{path} is changed")
        self.path = path
        self.value = value


class OpaqueMemory(EveryturnError):
    """Something cannot be looked into: ``path`` is how to get there, ``kind`` its type."""

    def __init__(self, path: str, kind: type) -> None:
        super().__init__(f"{path} is a {kind.__qualname__}, which cannot be looked into")
        self.path = path
        self.kind = kind


class _Place(NamedTuple):
    """``at_a_glance``: what is looked at is only what a :class:`Glance` sees."""

    path: str
    look: Callable[[], Anatomy]
    at_a_glance: bool = False


class Memory:
    """All that is reachable from ``roots``: pairs of a name and an object.

    ``values`` says what is known and what is trusted; it learns what is found here, for it must not change. Raises
    :class:`OpaqueMemory` for what cannot be looked into.
    """

    def __init__(self, roots: Iterable[tuple[str, object]], values: Encoder) -> None:
        self._values = values
        self._trust = values.trust
        self._places: list[_Place] = []
        self._namespaces: list[type] = []
        self._derived_from: list[type] = []
        self._counts = False
        self._lists_subclasses = False
        self._met: dict[int, object] = {}
        self._globals: dict[int, _Globals] = {}
        self._modules: dict[int, ModuleType] = {}
        self._waiting: list[tuple[str, Any]] = list(roots)
        within = {id(each) for _, each in self._waiting}
        self._entered = [kind for _, each in self._waiting for kind in type(each).__mro__ if kind is not object]
        self._trust.own(str(module_of(kind)) for kind in self._entered if not self._trust.is_given(kind))
        self._closed = {number for number in values.known if number not in within}
        self._wait("", [(type(each).__qualname__, type(each)) for each in values.known_objects])
        while self._waiting:
            self._visit(*self._waiting.pop())
        if self._lists_subclasses:
            for kind in self._derived_from:
                self._place(f"{kind.__qualname__}.__subclasses__()", partial(_subclasses, kind))
        self._held = [place.look() for place in self._places]
        self._closer = [number for number, place in enumerate(self._places) if not place.at_a_glance]
        self._glance = Glance(self._namespaces)
        self._settings = settings()

    def begin(self) -> None:
        """Code is about to run. How the interpreter is set is everybody's business, not the agent's alone."""
        self._settings = settings()

    def check(self) -> None:
        """Raise :class:`Changed` if something has changed since last time."""
        unchanged = self._glance.is_same()
        for number in self._closer if unchanged else range(len(self._places)):
            place = self._places[number]
            before, now = self._held[number], place.look()
            if not _same(before, now):
                self._compare(place.path, before, now)
                self._held[number] = now
        if not unchanged:
            self._glance.take()
        if self._settings != (held := settings()):
            self._compare("", of_settings(self._settings), of_settings(held))

    def _compare(self, path: str, before: Anatomy, now: Anatomy) -> None:
        """Raise :class:`Changed` unless what is there now is equal to what was there, and neither can change."""
        old, new = list(before.labelled()), list(now.labelled())
        if len(old) != len(new) or before.names != now.names:
            had, has = dict(old), dict(new)
            label = next((each for each in (*has, *had) if each not in had or each not in has), "")
            raise Changed(path + label, has.get(label, "gone") if label else tuple(has.values()))
        for (_, was), (label, here) in zip(old, new, strict=True):
            if was is not here and not self._alike(was, here):
                raise Changed(path + label, here)
        if before.tag != now.tag:
            raise Changed(path, now.tag)

    def _alike(self, old: object, new: object) -> bool:
        try:
            return self._values.value(old, Changes.FIXED) == self._values.value(new, Changes.FIXED)
        except NoValue:
            return False

    # walking -----------------------------------------------------------------------------------------------------

    def _visit(self, path: str, value: Any) -> None:
        if type(value) in ATOMS or id(value) in self._met or id(value) in self._closed:
            return
        self._met[id(value)] = value
        if isinstance(value, ModuleType):
            self._read(value, Reads(everything=True))
        elif isinstance(value, type):
            self._visit_class(value)
        elif isinstance(value, FunctionType):
            self._visit_function(path, value)
        elif is_its_own(value):
            self._values.know(value)
            self._place(path, lambda: hung_on(value))
        elif type(value) is CACHED:
            cache = Cache(value, self._is_fixed)
            self._wait(path, (("", value.__wrapped__), *((f".{name}", each) for name, each in vars(value).items())))
            self._place(path, lambda: cache.look(counts=self._counts))
        elif isinstance(value, Enum):
            self._wait(path, ((f".{name}", each) for name, each in of_member(value)))
            self._wait("", [(type(value).__qualname__, type(value))])
            self._place(path, lambda: _named(of_member(value)))
        else:
            self._visit_object(path, value)

    def _visit_object(self, path: str, value: Any) -> None:
        try:
            parts = anatomy(value)
        except Opaque as error:
            raise OpaqueMemory(path, error.kind) from None
        self._wait(path, parts.labelled())
        self._wait("", [(type(value).__qualname__, type(value))])
        if parts.changes > Changes.FIXED:
            self._values.know(value)
        if parts.changes > Changes.FIXED or not is_immutable(type(value)):
            self._place(path, lambda: anatomy(value))

    def _visit_class(self, kind: type) -> None:
        if self._trust.is_one_for_ever(kind) and kind not in self._entered:
            if self._trust.is_given(kind) and not is_immutable(kind):
                self._namespaces.append(kind)
                self._place(kind.__qualname__, lambda: hung_on_class(kind), at_a_glance=True)
                self._visit_registrations(kind)
            return
        self._values.know(kind)
        name, held = kind.__qualname__, held_by(kind)
        self._namespaces.append(kind)
        self._place(name, lambda: Anatomy(_ANY, (), (), tuple(held), tuple(held.values())), at_a_glance=True)
        self._place(name, lambda: of_class(kind), at_a_glance=True)
        self._visit_registrations(kind)
        if isinstance(kind, EnumType):
            self._place(name, lambda: of_enumeration(kind))
        self._derived_from.append(kind)
        self._wait("", [(each.__qualname__, each) for each in (*kind.__bases__, type(kind))])
        if not self._trust.module(module_of(kind)):
            hidden = {"_abc_impl"} if isinstance(kind, ABCMeta) else set()
            hidden |= {"_value2member_map_"} if isinstance(kind, EnumType) else set()
            self._wait(name, ((f".{label}", each) for label, each in held.items() if label not in hidden))

    def _visit_registrations(self, kind: type) -> None:
        if isinstance(kind, ABCMeta):
            name = f"{kind.__qualname__}.register"
            self._place(name, lambda: Anatomy(_ANY, registered(kind)), at_a_glance=True)

    def _visit_function(self, path: str, function: FunctionType) -> None:
        if self._trust.is_one_for_ever(function):
            if self._trust.is_given(function):
                self._place(path, lambda: of_function(function))
            return
        trusted = self._trust.module(module_of(function))
        self._values.know(function)
        self._place(path, lambda: of_function(function))
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._wait(path, ((f".{name}", cell) for name, cell in without_dispatch(cells, trusted=trusted)))
        self._wait(path, ((f".__defaults__[{place}]", each) for place, each in enumerate(function.__defaults__ or ())))
        self._wait(path, ((f".{name}", each) for name, each in (function.__kwdefaults__ or {}).items()))
        hung = without_dispatch(vars(function).items(), trusted=trusted)
        self._wait(path, ((f".{name}", each) for name, each in hung))
        if not trusted:
            self._read_globals(function)

    def _read_globals(self, function: FunctionType) -> None:
        """Follow what the code of a function reads, of its own module and of others."""
        namespace, found = function.__globals__, reads(function.__code__)
        self._counts = self._counts or "cache_info" in found.spoken
        self._lists_subclasses = self._lists_subclasses or "__subclasses__" in found.spoken
        self._values.frames_are_read = self._values.frames_are_read or bool(found.spoken & FRAMES)
        if found.spoken & FORCE and function.__name__ not in _CONSTRUCTORS:
            self._values.forced = True
        wanted = {name for name in found.names if name in namespace or not hasattr(builtins, name)}
        self._enter(str(module_of(function)), namespace, wanted, everything=found.everything)
        self._visit_module(sys.modules.get(str(module_of(function))))
        for module in imported_modules(found, namespace, self._trust):
            self._read(module, found)
        if found.any_module:
            self._read_any_module(found)
        for name in wanted:
            if is_module(namespace.get(name)):
                self._read(namespace[name], found)

    def _visit_module(self, module: object) -> None:
        """The class of a module of the program's own, which may be another one later."""
        if is_module(module) and id(module) not in self._modules and not self._trust.module(module.__name__):
            self._modules[id(module)] = module
            self._place(module.__name__, lambda: Anatomy(_ANY, (), (), ("__class__",), (type(module),)))
            self._wait("", [(type(module).__qualname__, type(module))])

    def _read_any_module(self, found: Reads) -> None:
        """Code finds modules by their names: what all names of the program's own ones stand for, and in trusted ones
        those that it may set, by the names that stand in it. What is behind them is not followed."""
        put = {name for name in found.stored | found.texts if name.isidentifier()}
        for name, module in sorted(sys.modules.items()):
            if is_module(module) and name == module.__name__:
                entered = self._names_of(name, vars(module))
                if self._trust.module(name):
                    entered.put.update(put)
                else:
                    entered.everything = True
                    self._visit_module(module)

    def _read(self, module: ModuleType, found: Reads) -> None:
        """Follow what code reads of a module."""
        namespace = vars(module)
        self._visit_module(module)
        names = {name for name in found.attributes if name in namespace} | found.stored
        fresh = self._enter(module.__name__, namespace, names, everything=found.by_name or found.everything)
        for name in fresh:
            if is_module(namespace.get(name)) and not self._trust.module(module.__name__):
                self._read(namespace[name], found)

    def _enter(self, module: str, namespace: dict[str, Any], names: set[str], *, everything: bool) -> list[str]:
        """Names of a module are read, or any: those that nobody had read before. What is opaque in a trusted one is
        trusted."""
        entered, trusted = self._names_of(module, namespace), self._trust.module(module)
        fresh = entered.add({*namespace} if everything and not trusted else names)
        entered.everything = entered.everything or everything
        for name in fresh:
            value = namespace.get(name)
            if not is_module(value) and not (trusted and _is_opaque(value)):
                self._wait(module, [(f".{name}", value)])
        return fresh

    def _names_of(self, module: str, namespace: dict[str, Any]) -> _Globals:
        entered = self._globals.get(id(namespace))
        if entered is None:
            entered = self._globals[id(namespace)] = _Globals(namespace)
            self._place(module, entered.look)
        return entered

    def _is_fixed(self, value: object) -> bool:
        return self._alike(value, value)

    def _wait(self, path: str, parts: Iterable[tuple[str, Any]]) -> None:
        self._waiting += [(path + label, value) for label, value in parts]

    def _place(self, path: str, look: Callable[[], Anatomy], *, at_a_glance: bool = False) -> None:
        self._places.append(_Place(path, look, at_a_glance))


class _Globals:
    """Names of a module, and what they stand for; ``everything``: any name may be read, also one that is not there
    yet."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.everything = False
        self.put: set[str] = set()
        """Names that may be set, and of which nothing is followed."""
        self._names: dict[str, None] = {}
        self._namespace = namespace
        self._nobodys = _MACHINERY | (_OF_THE_PROCESS if namespace is vars(sys) else set())

    def add(self, names: set[str]) -> list[str]:
        """Look at these names, too. Those that nobody had looked at before."""
        fresh = sorted(name for name in names - self._names.keys() - self._nobodys if not name.startswith("@"))
        self._names.update(dict.fromkeys(fresh))
        return fresh

    def look(self) -> Anatomy:
        if self.everything:  # but for modules: those are bound in their packages when they are first imported
            held = {name: each for name, each in self._namespace.items() if not is_module(each)}
            return _named((name, each) for name, each in held.items() if name not in self._nobodys)
        names = (*self._names, *sorted(self.put - self._names.keys() - self._nobodys))
        return Anatomy(_ANY, (), (), names, tuple([self._namespace.get(name, _MISSING) for name in names]))


def _subclasses(kind: type) -> Anatomy:
    """What is derived from a class: what is thrown away is gone some time later."""
    return Anatomy(_ANY, (), tuple(type.__subclasses__(kind)))


def _same(before: Anatomy, now: Anatomy) -> bool:
    """Whether a place holds the very same objects."""
    return (
        len(before.items) == len(now.items)
        and all(map(is_, before.items, now.items))
        and before.names == now.names
        and all(map(is_, before.held, now.held))
        and before.tag == now.tag
    )


def _named(pairs: Iterable[tuple[str, Any]]) -> Anatomy:
    held = list(pairs)
    return Anatomy(_ANY, (), (), tuple([name for name, _ in held]), tuple([each for _, each in held]))


def _is_opaque(value: object) -> bool:
    try:
        anatomy(value)
    except Opaque:
        return True
    return False

"""What one object holds, remembered so that it can be told whether it holds something else now, and put back.

No code of the program is run: what is compared is which object is held, and not whether it is equal to another one.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO, StringIO
from operator import is_
from random import Random
from sys import intern
from types import BuiltinFunctionType, CellType, FunctionType, MemberDescriptorType, ModuleType
from typing import Any, Final
from weakref import ReferenceType

from everyturn.asyncio.runtime.beginning_anew import Fresh, going_on, moved, standings
from everyturn.asyncio.runtime.places import is_users

_NOTHING: Final = object()


class KeptContent(ABC):
    """The content of one object when it was looked at. ``value``: that object, which is kept alive."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.take()

    @abstractmethod
    def take(self) -> None:
        """What it holds now is what it held."""

    def holds(self) -> Sequence[Any]:
        """The objects that it held, where it is looked into these, too."""
        return ()

    def only_defines(self) -> bool:
        """Whether it holds more definitions of packages than it did, and nothing else is new."""
        return False

    def goes_on(self) -> bool:
        """Whether it held something that goes on from where it stands (:mod:`.beginning_anew`)."""
        return any(going_on(each) is not None for each in self.holds())

    @abstractmethod
    def differs(self) -> bool:
        """Whether it holds something else now."""

    def new(self) -> list[Any]:
        """What it holds now other than it did."""
        return [self.value]

    @abstractmethod
    def put_back(self, fresh: Fresh) -> None:
        """It holds again what it held; what goes on is begun anew."""


def _holds_references(values: Sequence[Any]) -> bool:
    """Whether there are weak references, whose objects may be gone: what they stand for is not put back."""
    return any(issubclass(type(each), ReferenceType) for each in values)


class KeptItems(KeptContent):
    """Of a list or a ``deque``."""

    def now(self) -> list[Any]:
        """The items that it holds."""
        return list(self.value)

    def set(self, items: list[Any]) -> None:
        """Have it hold these."""
        if isinstance(self.value, deque):
            deque.clear(self.value)
            deque.extend(self.value, items)
        else:
            list.__setitem__(self.value, slice(None), items)

    def take(self) -> None:
        self._held = self.now()
        self._stood = standings(self._held)

    def holds(self) -> Sequence[Any]:
        return self._held

    def differs(self) -> bool:
        now = self.now()
        return len(now) != len(self._held) or not all(map(is_, now, self._held)) or moved(self._stood)

    def put_back(self, fresh: Fresh) -> None:
        self._held = [fresh(each) for each in self._held]
        self._stood = standings(self._held)
        self.set(self._held)


class KeptBytes(KeptContent):
    """Of a ``bytearray``."""

    def take(self) -> None:
        self._held = bytes(self.value)

    def differs(self) -> bool:
        return bytes(self.value) != self._held

    def put_back(self, fresh: Fresh) -> None:
        bytearray.__setitem__(self.value, slice(None), self._held)


class KeptArray(KeptContent):
    """Of an ``array``."""

    def take(self) -> None:
        self._held = self.value[:]

    def differs(self) -> bool:
        return bytes(memoryview(self.value)) != bytes(memoryview(self._held))

    def put_back(self, fresh: Fresh) -> None:
        array.__setitem__(self.value, slice(None), self._held)


class KeptFile(KeptContent):
    """Of a file in memory: its content, and where it stands. What was closed stays closed."""

    def take(self) -> None:
        self._held = self._state()

    def _state(self) -> Any:
        return None if self.value.closed else (*self._kind().__getstate__(self.value)[:-1], None)

    def _kind(self) -> Any:
        return StringIO if isinstance(self.value, StringIO) else BytesIO

    def differs(self) -> bool:
        return bool(self._state() != self._held)

    def put_back(self, fresh: Fresh) -> None:
        if not self.value.closed:
            self._kind().__setstate__(self.value, self._held)


class KeptDraws(KeptContent):
    """Of a source of random numbers: where it stands."""

    def take(self) -> None:
        self._held = Random.getstate(self.value)

    def differs(self) -> bool:
        return Random.getstate(self.value) != self._held

    def put_back(self, fresh: Fresh) -> None:
        Random.setstate(self.value, self._held)


class KeptSet(KeptContent):
    """Of a set."""

    def take(self) -> None:
        self._held = list(set.__iter__(self.value))

    def holds(self) -> Sequence[Any]:
        return self._held

    def differs(self) -> bool:
        now = list(set.__iter__(self.value))
        return len(now) != len(self._held) or not all(map(is_, now, self._held))

    def put_back(self, fresh: Fresh) -> None:
        if _holds_references(self._held):
            set.intersection_update(self.value, self._held)
            return
        set.clear(self.value)
        set.update(self.value, self._held)


class KeptPairs(KeptContent):
    """Of something that has a value for each name or key."""

    @abstractmethod
    def now(self) -> Mapping[Any, Any]:
        """The names and values that it holds."""

    def take(self) -> None:
        now = self.now()
        self._names, self._held = list(now), list(now.values())
        self._stood = standings(self._held)

    def holds(self) -> Sequence[Any]:
        return [*self._names, *self._held]

    def differs(self) -> bool:
        now = self.now()
        if len(now) != len(self._held) or moved(self._stood):
            return True
        return not (all(map(is_, now.values(), self._held)) and all(map(is_, now, self._names)))

    def new(self) -> list[Any]:
        now, before = self.now(), dict(zip(map(id, self._names), self._held, strict=True))
        changed = [(name, each) for name, each in now.items() if before.get(id(name), _NOTHING) is not each]
        iterators = [each for each in now.values() if going_on(each) is not None]
        in_order = len(now) == len(self._names) and all(map(is_, now, self._names))
        names = [] if in_order else [_shown(name) for name in now]
        return [names, iterators, [(_shown(name), () if each is _NOTHING else [each]) for name, each in changed]]

    def only_defines(self) -> bool:
        """Whether all that it holds other than it did are definitions of packages, where there was nothing: what is
        looked up once for good, as a package looks for one that it works with."""
        now, before = self.now(), dict(zip(self._names, self._held, strict=True))
        new = [(before.get(name), each) for name, each in now.items() if before.get(name, _NOTHING) is not each]
        defines = all(old is None and _is_definition(each) for old, each in new)
        return bool(new) and before.keys() <= now.keys() and defines  # else another order is all that is new

    def _begun_anew(self, fresh: Fresh) -> Iterator[tuple[Any, Any]]:
        self._held = [fresh(each) for each in self._held]
        self._stood = standings(self._held)
        return zip(self._names, self._held, strict=True)


def _shown(name: Any) -> Any:
    """A name or a key; of what reads a slot its name."""
    return name.__name__ if type(name) is MemberDescriptorType else name


def _is_definition(value: Any) -> bool:
    """Whether this is a module, class or function of an installed package, or of Python, that is where it says."""
    kind = type(value)
    if issubclass(kind, ModuleType):
        return not _is_programs(value)
    if not issubclass(kind, (type, FunctionType, BuiltinFunctionType)):
        return False
    module = sys.modules.get(str(value.__module__))
    found: Any = module
    for name in value.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found is value and not _is_programs(module)


def _is_programs(module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and is_users(file)


class KeptDictionary(KeptPairs):
    """Of a dictionary, that of an object's attributes for example."""

    def now(self) -> Mapping[Any, Any]:
        held: dict[Any, Any] = self.value
        return held

    def put_back(self, fresh: Fresh) -> None:
        kind: Any = OrderedDict if isinstance(self.value, OrderedDict) else dict
        if _holds_references([*self._names, *self._held]):
            known = set(map(id, self._names))
            for name in [each for each in kind.keys(self.value) if id(each) not in known]:
                kind.__delitem__(self.value, name)
            return
        pairs = list(self._begun_anew(fresh))
        kind.clear(self.value)
        for name, value in pairs:
            kind.__setitem__(self.value, name, value)


class KeptFactory(KeptPairs):
    """What a ``defaultdict`` makes where nothing is."""

    def now(self) -> Mapping[Any, Any]:
        return {"default_factory": self.value.default_factory}

    def put_back(self, fresh: Fresh) -> None:
        [(_, self.value.default_factory)] = self._begun_anew(fresh)


class KeptArguments(KeptPairs):
    """Those of a ``partial``."""

    def now(self) -> Mapping[Any, Any]:
        return dict(enumerate(self.value.args))

    def put_back(self, fresh: Fresh) -> None:
        arguments = tuple(each for _, each in self._begun_anew(fresh))
        kind: Any = partial
        kind.__setstate__(self.value, (self.value.func, arguments, self.value.keywords, self.value.__dict__))


class KeptModule(KeptPairs):
    """Of a module. Modules that were imported below it since stay there, as they are imported once."""

    def now(self) -> Mapping[Any, Any]:
        held: dict[str, Any] = ModuleType.__getattribute__(self.value, "__dict__")
        return held

    def holds(self) -> Sequence[Any]:
        return [each for name, each in zip(self._names, self._held, strict=True) if not _is_pythons(name)]

    def put_back(self, fresh: Fresh) -> None:
        held: Any = self.now()
        before = dict(self._begun_anew(fresh))
        for name in [each for each in held if each not in before and not issubclass(type(held[each]), ModuleType)]:
            del held[name]
        for name, value in before.items():
            if held.get(name, _NOTHING) is not value:
                held[name] = value


class KeptLoaded(KeptContent):
    """Of ``sys.modules``: what was put there by hand. What was imported since stays, as it is imported once."""

    def take(self) -> None:
        self._held = dict(self.value)

    def _by_hand(self) -> list[str]:
        held = self._held
        other = [name for name, each in self.value.items() if held.get(name) is not each]
        gone = [name for name in held if name not in self.value] if len(self.value) < len(held) + len(other) else []
        return [*gone, *(name for name in other if name in held or getattr(self.value[name], "__spec__", None) is None)]

    def differs(self) -> bool:
        return bool(self._by_hand())

    def new(self) -> list[Any]:
        return [(name, self.value.get(name)) for name in self._by_hand()]

    def put_back(self, fresh: Fresh) -> None:
        for name in self._by_hand():
            if name in self._held:
                self.value[name] = self._held[name]
            else:
                del self.value[name]


class KeptClass(KeptPairs):
    """Of a class."""

    def now(self) -> Mapping[Any, Any]:
        held = type.__dict__["__dict__"].__get__(self.value)
        return {name: each for name, each in held.items() if not _is_pythons(name)}

    def put_back(self, fresh: Fresh) -> None:
        now, before = self.now(), dict(self._begun_anew(fresh))
        for name in now.keys() - before.keys():
            type.__delattr__(self.value, name)
        for name, value in before.items():
            if now.get(name, _NOTHING) is not value:
                type.__setattr__(self.value, name, value)


def _is_pythons(name: str) -> bool:
    return name == "_abc_impl" or (name.startswith("__") and name.endswith("__"))


class KeptSlots(KeptPairs):
    """Of an object with slots. ``getters``: names, and what reads each slot. One that cannot be set, as ``days`` of a
    ``timedelta``, is none: C code keeps a number there, which does not change."""

    def __init__(self, value: Any, getters: Sequence[tuple[str, Any]]) -> None:
        self._getters = [get for _, get in getters if _can_be_set(get, value)]
        super().__init__(value)

    def now(self) -> Mapping[Any, Any]:
        return {get.__self__: _read(get, self.value) for get in self._getters}

    def put_back(self, fresh: Fresh) -> None:
        now = self.now()
        for descriptor, value in self._begun_anew(fresh):
            if now[descriptor] is not value and value is _NOTHING:
                descriptor.__delete__(self.value)
            elif now[descriptor] is not value:
                descriptor.__set__(self.value, value)


def _can_be_set(get: Any, value: Any) -> bool:
    held = _read(get, value)
    try:
        if held is not _NOTHING:
            get.__self__.__set__(value, held)
    except (AttributeError, TypeError):
        return False
    return True


def _read(get: Callable[[Any], Any], value: Any) -> Any:
    try:
        return get(value)
    except AttributeError:
        return _NOTHING


class KeptFunction(KeptPairs):
    """What a function has enclosed, and its default values."""

    def now(self) -> Mapping[Any, Any]:
        cells = enumerate(self.value.__closure__ or ())
        defaults = enumerate(self.value.__defaults__ or ())
        return {intern(f"default {place}"): each for place, each in defaults} | {
            place: _read(_cell_content, cell) for place, cell in cells
        }

    def put_back(self, fresh: Fresh) -> None:
        now, before = self.now(), dict(self._begun_anew(fresh))
        defaults = tuple(each for place, each in before.items() if isinstance(place, str))
        if not all(map(is_, defaults, self.value.__defaults__ or ())) or not self.value.__defaults__:
            self.value.__defaults__ = defaults or None
        for place, value in before.items():
            if isinstance(place, str) or now[place] is value:
                continue
            if value is _NOTHING:
                del self.value.__closure__[place].cell_contents
            else:
                self.value.__closure__[place].cell_contents = value


class KeptDefinition(KeptPairs):
    """What a function does, and what is said of it."""

    _NAMES: Final = ("__code__", "__name__", "__qualname__", "__doc__")

    def now(self) -> Mapping[Any, Any]:
        return {name: getattr(self.value, name) for name in self._NAMES}

    def put_back(self, fresh: Fresh) -> None:
        for name, each in self._begun_anew(fresh):
            setattr(self.value, name, each)


class KeptKind(KeptContent):
    """Of which class an object is: a program may give it another one."""

    def take(self) -> None:
        self._held = type(self.value)

    def differs(self) -> bool:
        return type(self.value) is not self._held

    def put_back(self, fresh: Fresh) -> None:
        object.__setattr__(self.value, "__class__", self._held)


def _cell_content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise AttributeError from None

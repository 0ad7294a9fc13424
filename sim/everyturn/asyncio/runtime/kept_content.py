"""What one object holds, remembered so that it can be told whether it holds something else now, and put back.

No code of the program is run: what is compared is which object is held, and not whether it is equal to another one.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from operator import is_
from random import Random
from types import BuiltinFunctionType, CellType, FunctionType, MemberDescriptorType, MethodWrapperType, ModuleType
from typing import Any, Final
from weakref import ReferenceType

from everyturn.asyncio.runtime.places import is_users

Fresh = Callable[[Any], Any]
"""What takes the place of a value where it is put back: the value itself, or a counter that begins anew."""

_COUNT: Final = re.compile(r"count\((-?\d+)(?:, (-?\d+))?\)")
_NOTHING: Final = object()


class KeptContent(ABC):
    """The content of one object when it was looked at. ``value``: that object, which is kept alive."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.take()

    @abstractmethod
    def take(self) -> None:
        """What it holds now is what it held."""

    @abstractmethod
    def holds(self) -> Sequence[Any]:
        """The objects that it held."""

    def only_defines(self) -> bool:
        """Whether it holds more definitions of packages than it did, and nothing else is new."""
        return False

    def counts(self) -> bool:
        """Whether it held something that counts on (``itertools.count``)."""
        return any(_counter(each) is not None for each in self.holds())

    @abstractmethod
    def differs(self) -> bool:
        """Whether it holds something else now."""

    def new(self) -> list[Any]:
        """What it holds now other than it did."""
        return [self.value]

    @abstractmethod
    def put_back(self, fresh: Fresh) -> None:
        """It holds again what it held; of what counts on, a new one."""


def _holds_references(values: Sequence[Any]) -> bool:
    """Whether there are weak references, whose objects may be gone: what they stand for is not put back."""
    return any(issubclass(type(each), ReferenceType) for each in values)


class KeptItems(KeptContent):
    """Of a list or a ``deque``."""

    def take(self) -> None:
        self._held = list(self.value)
        self._counts = _counts(self._held)

    def holds(self) -> Sequence[Any]:
        return self._held

    def differs(self) -> bool:
        return len(self.value) != len(self._held) or not all(map(is_, self.value, self._held)) or _counted(self._counts)

    def put_back(self, fresh: Fresh) -> None:
        self._held = [fresh(each) for each in self._held]
        self._counts = _counts(self._held)
        if isinstance(self.value, deque):
            deque.clear(self.value)
            deque.extend(self.value, self._held)
        else:
            list.__setitem__(self.value, slice(None), self._held)


class KeptBytes(KeptContent):
    """Of a ``bytearray``."""

    def take(self) -> None:
        self._held = bytes(self.value)

    def holds(self) -> Sequence[Any]:
        return ()

    def differs(self) -> bool:
        return bytes(self.value) != self._held

    def put_back(self, fresh: Fresh) -> None:
        bytearray.__setitem__(self.value, slice(None), self._held)


class KeptDraws(KeptContent):
    """Of a source of random numbers: where it stands."""

    def take(self) -> None:
        self._held = Random.getstate(self.value)

    def holds(self) -> Sequence[Any]:
        return ()

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


class _KeptPairs(KeptContent):
    """Of something that has a value for each name or key."""

    @abstractmethod
    def now(self) -> Mapping[Any, Any]:
        """The names and values that it holds."""

    def take(self) -> None:
        now = self.now()
        self._names, self._held = list(now), list(now.values())
        self._counts = _counts(self._held)

    def holds(self) -> Sequence[Any]:
        return [*self._names, *self._held]

    def differs(self) -> bool:
        now = self.now()
        if len(now) != len(self._held) or _counted(self._counts):
            return True
        return not (all(map(is_, now.values(), self._held)) and all(map(is_, now, self._names)))

    def new(self) -> list[Any]:
        now, before = self.now(), dict(zip(map(id, self._names), self._held, strict=True))
        changed = [(name, each) for name, each in now.items() if before.get(id(name), _NOTHING) is not each]
        counters = [each for each in now.values() if _counter(each) is not None]
        in_order = len(now) == len(self._names) and all(map(is_, now, self._names))
        names = [] if in_order else [_shown(name) for name in now]
        return [names, counters, [(_shown(name), () if each is _NOTHING else [each]) for name, each in changed]]

    def only_defines(self) -> bool:
        """Whether all that it holds other than it did are definitions of packages, where there was nothing: what is
        looked up once for good, as a package looks for one that it works with."""
        now, before = self.now(), dict(zip(self._names, self._held, strict=True))
        new = [(before.get(name), each) for name, each in now.items() if before.get(name, _NOTHING) is not each]
        defines = all(old is None and _is_definition(each) for old, each in new)
        return bool(new) and before.keys() <= now.keys() and defines  # else another order is all that is new

    def _begun_anew(self, fresh: Fresh) -> Iterator[tuple[Any, Any]]:
        self._held = [fresh(each) for each in self._held]
        self._counts = _counts(self._held)
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


class KeptDictionary(_KeptPairs):
    """Of a dictionary, that of an object's attributes for example."""

    def now(self) -> Mapping[Any, Any]:
        held: dict[Any, Any] = self.value
        return held

    def put_back(self, fresh: Fresh) -> None:
        kind: Any = OrderedDict if isinstance(self.value, OrderedDict) else dict
        if any(
            issubclass(type(each), ReferenceType) for each in (*self._names, *self._held)
        ):  # whose objects may be gone
            known = set(map(id, self._names))
            for name in [each for each in kind.keys(self.value) if id(each) not in known]:
                kind.__delitem__(self.value, name)
            return
        pairs = list(self._begun_anew(fresh))
        kind.clear(self.value)
        for name, value in pairs:
            kind.__setitem__(self.value, name, value)


class KeptModule(_KeptPairs):
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


class KeptClass(_KeptPairs):
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


class KeptSlots(_KeptPairs):
    """Of an object with slots. ``getters``: names, and what reads each slot."""

    def __init__(self, value: Any, getters: Sequence[tuple[str, Any]]) -> None:
        self._getters = getters
        super().__init__(value)

    def now(self) -> Mapping[Any, Any]:
        return {get.__self__: _read(get, self.value) for _, get in self._getters}

    def put_back(self, fresh: Fresh) -> None:
        now = self.now()
        for descriptor, value in self._begun_anew(fresh):
            if now[descriptor] is not value and value is _NOTHING:
                descriptor.__delete__(self.value)
            elif now[descriptor] is not value:
                descriptor.__set__(self.value, value)


def _read(get: Callable[[Any], Any], value: Any) -> Any:
    try:
        return get(value)
    except AttributeError:
        return _NOTHING


class KeptFunction(_KeptPairs):
    """What a function has enclosed, and its default values."""

    def now(self) -> Mapping[Any, Any]:
        cells = enumerate(self.value.__closure__ or ())
        return {None: self.value.__defaults__} | {place: _read(_cell_content, cell) for place, cell in cells}

    def put_back(self, fresh: Fresh) -> None:
        now = self.now()
        for place, value in self._begun_anew(fresh):
            if now[place] is value:
                continue
            if place is None:
                self.value.__defaults__ = value
            elif value is _NOTHING:
                del self.value.__closure__[place].cell_contents
            else:
                self.value.__closure__[place].cell_contents = value


def _cell_content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise AttributeError from None


class KeptResults(KeptContent):
    """Of a function whose results are kept (``functools.cache``): whether there were any."""

    def take(self) -> None:
        self._held = self.value.cache_info().currsize

    def holds(self) -> Sequence[Any]:
        return ()

    def differs(self) -> bool:
        return self._held == 0 and bool(self.value.cache_info().currsize)

    def put_back(self, fresh: Fresh) -> None:
        self.value.cache_clear()


class BeginningAnew:
    """Counters (``itertools.count``) that stand for others, each where that one stood."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[Any, tuple[int, ...]]] = {}
        """By address: a counter, kept alive, and with which numbers it began."""

    def met(self, value: Any) -> None:
        """Remember where a counter stands."""
        counter = _counter(value)
        if counter is not None and id(counter) not in self._begun:
            found = _COUNT.fullmatch(repr(counter))
            if found is not None:
                self._begun[id(counter)] = counter, tuple(int(each) for each in found.groups() if each)

    @contextmanager
    def at_once(self) -> Iterator[Fresh]:
        """Around all that is put back at one time: there is one new counter in all places of an old one."""
        new: dict[int, Any] = {}

        def fresh(value: Any) -> Any:
            counter = _counter(value)
            if counter is None or id(counter) not in self._begun:
                return value
            if id(counter) not in new:
                new[id(counter)] = count(*self._begun[id(counter)][1])
            return new[id(counter)] if counter is value else new[id(counter)].__next__

        yield fresh
        for address, begun in new.items():
            _, numbers = self._begun.pop(address)
            self._begun[id(begun)] = begun, numbers


def _counter(value: Any) -> Any:
    """A counter, or that of which this is ``__next__``."""
    if type(value) is count:
        return value
    if type(value) is MethodWrapperType and value.__name__ == "__next__" and type(value.__self__) is count:
        return value.__self__
    return None


def _counts(values: Sequence[Any]) -> list[tuple[Any, str]]:
    found = [_counter(each) for each in values]
    return [(each, repr(each)) for each in found if each is not None]


def _counted(counts: Sequence[tuple[Any, str]]) -> bool:
    return any(repr(counter) != shown for counter, shown in counts)

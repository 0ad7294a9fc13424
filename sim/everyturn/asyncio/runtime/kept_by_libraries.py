"""What objects of the library hold where no attribute shows it, remembered and put back: loggers with their handlers,
what is registered with abstract classes, locks and queues of threads, what hangs on exceptions."""

from __future__ import annotations

import importlib
import logging
import threading
from abc import ABCMeta
from collections.abc import Mapping, Sequence
from queue import Empty
from typing import Any, Final, NamedTuple

from everyturn.asyncio.runtime.beginning_anew import Fresh
from everyturn.asyncio.runtime.kept_content import KeptContent, KeptItems, KeptPairs

_ABC: Final[Any] = importlib.import_module("_abc")
LOCK: Final = type(threading.Lock())
REENTRANT: Final = type(threading.RLock())


class _Logger(NamedTuple):
    """How a logger is set up."""

    level: int
    propagate: bool
    disabled: bool
    handlers: tuple[Any, ...]
    filters: tuple[Any, ...]


_NEW_LOGGER: Final = _Logger(logging.NOTSET, propagate=True, disabled=False, handlers=(), filters=())


class KeptLoggers(KeptContent):
    """How all loggers are set up, those included that nobody has asked for yet."""

    def take(self) -> None:
        self._held = self._now()
        self._disabled = self.value.disable

    def _now(self) -> dict[logging.Logger, _Logger]:
        every = [self.value.root, *self.value.loggerDict.values()]
        return {each: _how(each) for each in every if isinstance(each, logging.Logger)}

    def holds(self) -> Sequence[Any]:
        return [handler for each in self._held.values() for handler in each.handlers]

    def _changed(self) -> dict[logging.Logger, _Logger]:
        before = self._held
        return {each: how for each, how in self._now().items() if not _is_same(how, before.get(each, _NEW_LOGGER))}

    def differs(self) -> bool:
        return self.value.disable != self._disabled or bool(self._changed())

    def new(self) -> list[Any]:
        return [self.value.disable, *((each.name, *how) for each, how in self._changed().items())]

    def put_back(self, fresh: Fresh) -> None:
        for each in self._changed():
            before = self._held.get(each, _NEW_LOGGER)
            each.propagate, each.disabled = before.propagate, before.disabled
            each.handlers[:], each.filters[:] = before.handlers, before.filters
            each.setLevel(before.level)
        self.value.disable = self._disabled
        self.value._clear_cache()


def _how(logger: logging.Logger) -> _Logger:
    return _Logger(logger.level, logger.propagate, logger.disabled, tuple(logger.handlers), tuple(logger.filters))


def _is_same(now: _Logger, before: _Logger) -> bool:
    return (
        now[:3] == before[:3]
        and [*map(id, now.handlers)] == [*map(id, before.handlers)]
        and [*map(id, now.filters)] == [*map(id, before.filters)]
    )


class KeptHandler(KeptPairs):
    """Of a handler of the library: all but where it writes."""

    def now(self) -> Mapping[Any, Any]:
        return {name: each for name, each in vars(self.value).items() if name not in ("stream", "lock")}

    def put_back(self, fresh: Fresh) -> None:
        before, held = dict(self._begun_anew(fresh)), vars(self.value)
        for name in self.now().keys() - before.keys():
            del held[name]
        held.update(before)


class KeptRegistered(KeptContent):
    """The classes that are registered with an abstract one."""

    def take(self) -> None:
        self._held = self._registered()

    def _registered(self) -> list[type]:
        found = [each() for each in _ABC._get_dump(self.value)[0]]
        return [each for each in found if each is not None]

    def differs(self) -> bool:
        return set(map(id, self._registered())) != set(map(id, self._held))

    def new(self) -> list[Any]:
        known = set(map(id, self._held))
        return [
            sorted(f"{each.__module__}.{each.__qualname__}" for each in self._registered() if id(each) not in known)
        ]

    def put_back(self, fresh: Fresh) -> None:
        _ABC._reset_registry(self.value)
        _ABC._reset_caches(self.value)
        for each in self._held:
            ABCMeta.register(self.value, each)


class KeptLock(KeptContent):
    """Whether a lock of threads is held."""

    def take(self) -> None:
        self._held = self._is_held()

    def _is_held(self) -> bool:
        return bool(self.value.locked() if type(self.value) is LOCK else self.value._is_owned())

    def differs(self) -> bool:
        return self._is_held() != self._held

    def put_back(self, fresh: Fresh) -> None:
        while self._is_held() and not self._held:
            self.value.release()
        if self._held and not self._is_held():
            self.value.acquire(blocking=False)


class KeptQueue(KeptItems):
    """What is in a ``SimpleQueue``."""

    def now(self) -> list[Any]:
        found = []
        try:
            while True:
                found.append(self.value.get_nowait())
        except Empty:
            for each in found:
                self.value.put(each)
        return found

    def set(self, items: list[Any]) -> None:
        while not self.value.empty():
            self.value.get_nowait()
        for each in items:
            self.value.put(each)


class KeptException(KeptPairs):
    """What hangs on an exception that is raised again and again."""

    _NAMES: Final = ("args", "__traceback__", "__context__", "__cause__", "__suppress_context__")

    def now(self) -> Mapping[Any, Any]:
        return {name: getattr(self.value, name) for name in self._NAMES}

    def new(self) -> list[Any]:
        return []

    def put_back(self, fresh: Fresh) -> None:
        for name, each in self._begun_anew(fresh):
            setattr(self.value, name, each)

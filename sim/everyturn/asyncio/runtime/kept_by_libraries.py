"""What objects of the library hold where no attribute shows it, remembered and put back: what is registered with
abstract classes, locks and queues of threads, what hangs on exceptions."""

from __future__ import annotations

import importlib
import threading
from abc import ABCMeta
from collections.abc import Mapping
from queue import Empty
from typing import Any, Final

from everyturn.asyncio.runtime.beginning_anew import Fresh
from everyturn.asyncio.runtime.kept_content import KeptContent, KeptItems, KeptPairs

_ABC: Final[Any] = importlib.import_module("_abc")
LOCK: Final = type(threading.Lock())
REENTRANT: Final = type(threading.RLock())


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

"""What ``functools.cache`` and ``lru_cache`` have kept of a function's results before the first run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from types import FunctionType
from typing import Any, Final

from everyturn.asyncio.runtime.beginning_anew import Fresh
from everyturn.asyncio.runtime.kept_content import KeptContent

_BEHIND: Final = 6
"""Behind what a cache of limited size holds, its C code shows the table, the function, and four things more."""


class KeptResults(KeptContent):
    """Of a function whose results are kept. Those of one that keeps only so many, and is not written in Python, are
    computed anew in each run once it has kept others."""

    def take(self) -> None:
        self._keys, self._results = self._entries()

    def holds(self) -> Sequence[Any]:
        return [*self._keys, *self._results]

    def differs(self) -> bool:
        if self.value.cache_info().currsize != len(self._keys):
            return True
        keys, results = self._entries()
        return not (all(map(is_, keys, self._keys)) and all(map(is_, results, self._results)))

    def put_back(self, fresh: Fresh) -> None:
        self.value.cache_clear()
        if not self._keys:
            return
        table, function = self._behind()[:2]
        if self.value.cache_parameters()["maxsize"] is None:
            table.update(zip(self._keys, self._results, strict=True))
        elif type(function) is FunctionType:
            with _answering(function) as answer:
                for key, result in zip(self._keys, self._results, strict=True):
                    answer(result)
                    arguments, named = self._arguments(key)
                    self.value(*arguments, **named)
        self.take()

    def _behind(self) -> list[Any]:
        return gc.get_referents(self.value)[-_BEHIND:]

    def _entries(self) -> tuple[list[Any], list[Any]]:
        """Keys and results, in the order in which they were asked for if that counts."""
        if not self.value.cache_info().currsize:
            return [], []
        if self.value.cache_parameters()["maxsize"] is None:
            table = self._behind()[0]
            return [*table], [*table.values()]
        parts = gc.get_referents(self.value)
        return parts[1:-_BEHIND:3], parts[2:-_BEHIND:3]

    def _arguments(self, key: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """With which the function was called, by the key that stands for it."""
        if type(key) is not tuple:
            return (key,), {}
        mark = next((each for each in self._behind()[2:] if type(each) is object), None)
        places = [place for place, each in enumerate(key) if each is mark]
        typed = bool(self.value.cache_parameters()["typed"])
        if not places:
            return key[: len(key) // 2] if typed else key, {}
        plain = places[0]
        more = key[plain + 1 :]
        if typed:  # behind the names and values the classes of all arguments
            more = more[: (len(more) - plain) // 3 * 2]
        return key[:plain], dict(zip(more[::2], more[1::2], strict=True))


@contextmanager
def _answering(function: FunctionType) -> Iterator[Callable[[Any], None]]:
    """Within, a function has the result that it is told, and does nothing."""
    before = function.__code__

    def answer(result: Any) -> None:
        code = _answers.__code__
        constants = tuple([result] if each == "1" else each for each in code.co_consts)
        function.__code__ = code.replace(co_consts=constants, co_freevars=before.co_freevars)

    try:
        yield answer
    finally:
        function.__code__ = before


def _answers(*_arguments: Any, **_named: Any) -> Any:
    (answer,) = "1"
    return answer

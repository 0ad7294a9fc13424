"""What a program puts in the place of something of the standard library, whatever it is, and what is known of a value
by its name only: how each is made in two ways, and what is seen of it later."""

from __future__ import annotations

import asyncio
import colorsys
import contextlib
import functools
import io
import json
import math
import queue
import re
import string
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

_library: Final[Any] = json


class Speaks:
    """Its methods take the place of functions."""

    def __init__(self, way: int) -> None:
        self.way = way

    def dumps(self, value: object) -> str:
        return f"{value}{self.way}"


def _put(module: Any, name: str, made: Callable[[int], Any]) -> Callable[[int], None]:
    return lambda way: setattr(module, name, made(way))


def _event(way: int) -> asyncio.Event:
    event = asyncio.Event()
    if way:
        event.set()
    return event


def _redirected(way: int) -> io.StringIO:
    """Nobody holds what has redirected it, nor names the stream."""
    written = io.StringIO()
    if way:
        contextlib.redirect_stdout(written).__enter__()
    return written


def _printed(written: io.StringIO) -> str:
    print("x")  # that is what is tried
    return written.getvalue()


def _methods(way: int) -> tuple[list[int], Any]:
    items = [1]
    return items, (items.append, items.remove)[way]


def _called(held: tuple[list[int], Any]) -> list[int]:
    held[1](1)
    return held[0]


@contextlib.contextmanager
def names_as_they_were() -> Iterator[None]:
    """What the things below put into modules is gone."""
    kept = [(module, dict(vars(module))) for module in (json, math, queue, string, colorsys)]
    streams = sys.stdout
    try:
        yield
    finally:
        sys.stdout = streams
        for module, held in kept:
            for name in vars(module).keys() - held.keys():
                delattr(module, name)
            vars(module).update(held)


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "a method for a function": (_put(json, "dumps", lambda way: Speaks(way).dumps), lambda _: json.dumps(1)),
    "a partial for a function": (_put(json, "dumps", lambda way: functools.partial(str, way)), lambda _: json.dumps()),  # type: ignore[call-arg]
    "a function in C for another": (
        _put(math, "floor", (math.ceil, math.trunc).__getitem__),
        lambda _: math.floor(0.5),
    ),
    "a function of the library for another": (
        _put(colorsys, "rgb_to_hls", (colorsys.hls_to_rgb, colorsys.hsv_to_rgb).__getitem__),
        lambda _: colorsys.rgb_to_hls.__name__,
    ),
    "a class of the library for another": (
        _put(queue, "Queue", (queue.LifoQueue, queue.PriorityQueue).__getitem__),
        lambda _: queue.Queue.__name__,
    ),
    "a pattern in a module of the library": (
        _put(string, "found", lambda way: re.compile(str(way))),
        lambda _: vars(string)["found"].pattern,
    ),
    "an object of the library in a module of it": (
        _put(string, "event", _event),
        lambda _: vars(string)["event"].is_set(),
    ),
    "where print writes": (_redirected, _printed),
    "which method of a list": (_methods, _called),
    "which function in C": (lambda way: [(math.floor, math.ceil)[way]], lambda held: held[0](0.5)),
    "the sign of what is not a number": (
        lambda way: math.copysign(math.nan, way - 1),
        lambda nan: math.copysign(1, nan),
    ),
    "a namespace in a module of the library": (
        _put(json, "state", lambda way: types.SimpleNamespace(way=way)),
        lambda _: _library.state.way,
    ),
}

"""Files and views in memory, standard streams, and kept results: known by what is in them, and by where they stand."""

from __future__ import annotations

import functools
import gc
import io
import sys
from collections import OrderedDict
from types import MappingProxyType
from typing import Any, Final

from everyturn.asyncio.runtime.output import KeptStream, TypedStream
from everyturn.asyncio.states.classes import is_programs
from everyturn.asyncio.states.encoding import StateEncoder, encodes


@encodes(io.StringIO, io.BytesIO)
def _file(encoder: StateEncoder, value: Any) -> None:
    """A file in memory: its content, where it stands, how it ends lines, and its attributes."""
    encoder.out.append((type(value).__name__, value.closed))
    if not value.closed:
        encoder.value(value.__getstate__())


_VIEWS: Final[tuple[Any, ...]] = ({}.keys(), {}.values(), {}.items())


@encodes(
    MappingProxyType,
    *map(type, _VIEWS),
    *(type(getattr(OrderedDict(), name)()) for name in ("keys", "values", "items")),
)
def _mapping_view(encoder: StateEncoder, value: Any) -> None:
    """What it shows is the very dictionary that others may change."""
    _parts(encoder, value)


def _parts(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(type(value).__name__)
    for each in gc.get_referents(value):
        encoder.value(each)


@encodes(memoryview)
def _view(encoder: StateEncoder, value: memoryview) -> None:
    """A view of what nobody changes. Where it lies in what changes, nothing tells."""
    if _is_released(value):
        encoder.out.append("released view")
        return
    if not value.readonly or type(value.obj) is not bytes:
        raise encoder.opaque(value)
    encoder.out.append(("view", value.format, value.shape, value.strides, value.tobytes(), value.obj))


def _is_released(view: memoryview) -> bool:
    try:
        return view.ndim < 0
    except ValueError:
        return True


@encodes(type(functools.lru_cache(abs)))
def _cached(encoder: StateEncoder, value: Any) -> None:
    """A function with what it has kept of its results. How often it was asked counts where some code may ask that."""
    encoder.caches.append(value)
    encoder.out.append(("cached", value.__module__, getattr(value, "__qualname__", None)))
    if not _is_librarys(value):
        for each in gc.get_referents(value):
            if not _is_link(each) and not _holds_links(each):
                encoder.value(each)


def _is_librarys(cached: Any) -> bool:
    """Whether the library keeps these results for itself: the function is in its module as the cache only. One of the
    program's, of a function that the library has as well, counts."""
    module = sys.modules.get(cached.__module__)
    if is_programs(module) or not hasattr(cached, "__qualname__"):
        return False
    found: Any = module
    for name in cached.__qualname__.split("."):
        found = getattr(found, name, None)
    function = cached.__wrapped__
    return found is not getattr(function, "__func__", function)


def _is_link(value: object) -> bool:
    """Whether this is a link of a cache of limited size, in the order in which its results were asked for."""
    return type(value).__name__ == "_lru_list_elem"


def _holds_links(value: Any) -> bool:
    """Whether this is the dictionary of a cache of limited size, whose links are met one by one."""
    return type(value) is dict and any(map(_is_link, value.values()))


@encodes(KeptStream, TypedStream, io.TextIOWrapper)
def _stream(encoder: StateEncoder, value: Any) -> None:
    """Standard output and error are what they are; other files are not known."""
    stream = getattr(value, "instead", value)
    for name in ("__stdout__", "__stderr__", "__stdin__"):
        if getattr(sys, name) is stream:
            encoder.out.append(("stream", name))
            return
    if stream is value:
        raise encoder.opaque(value)
    encoder.out.append("stream")

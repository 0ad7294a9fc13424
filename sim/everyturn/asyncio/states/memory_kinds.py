"""Files and views in memory, standard streams, and kept results: known by what is in them, and by where they stand."""

from __future__ import annotations

import functools
import gc
import io
import sys
from typing import Any

from everyturn.asyncio.runtime.output import KeptStream
from everyturn.asyncio.states.classes import is_programs
from everyturn.asyncio.states.encoding import StateEncoder, encodes


@encodes(io.StringIO, io.BytesIO)
def _file(encoder: StateEncoder, value: Any) -> None:
    """A file in memory: its content, where it stands, how it ends lines, and its attributes."""
    encoder.out.append((type(value).__name__, value.closed))
    if not value.closed:
        encoder.value(value.__getstate__())


@encodes(memoryview)
def _view(encoder: StateEncoder, value: memoryview) -> None:
    """A view of what nobody changes. Where it lies in what changes, nothing tells."""
    if not value.readonly or type(value.obj) is not bytes:
        raise encoder.opaque(value)
    encoder.out.append(("view", value.format, value.shape, value.strides, value.tobytes()))


@encodes(type(functools.lru_cache(abs)))
def _cached(encoder: StateEncoder, value: Any) -> None:
    """A function with what it has kept of its results. How often it was asked counts where some code may ask that."""
    encoder.caches.append(value)
    encoder.out.append(("cached", value.__module__, value.__qualname__))
    if is_programs(sys.modules.get(value.__module__)):
        for each in gc.get_referents(value):
            if type(each).__name__ != "lru_list_elem" and not _holds_links(each):
                encoder.value(each)


def _holds_links(value: Any) -> bool:
    """Whether this is the dictionary of a cache of limited size, whose links are met one by one."""
    return type(value) is dict and any(type(each).__name__ == "lru_list_elem" for each in value.values())


@encodes(KeptStream, io.TextIOWrapper)
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

"""Files and views in memory: known by what is in them, and by where they stand."""

from __future__ import annotations

import io
from typing import Any

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

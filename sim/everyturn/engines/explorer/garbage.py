"""Garbage, which is not looked for while tables are being filled: they only grow, and looking takes a tenth of the
time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within, garbage is not looked for; what was made within is then old, as if it had been looked at.

    Else the first look after it would be at all of that, which takes a tenth of a second for a hundred thousand
    objects.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if not gc.get_freeze_count():  # else somebody else has put something aside, and wants it to stay there
                gc.freeze()
                gc.unfreeze()
            gc.enable()

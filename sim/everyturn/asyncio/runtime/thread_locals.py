"""What a ``threading.local`` keeps: something else on each thread, though all functions run on one.

Around a function of another thread what the loop's thread has put there is put away, and what that thread had is there.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from everyturn.asyncio.order.earlier import EARLIER, family_of

ThreadLocals = dict[int, tuple[threading.local, dict[str, Any]]]
"""What one thread keeps: address → the ``threading.local``, and its attributes there."""


@contextmanager
def of_thread(kept: ThreadLocals) -> Iterator[None]:
    """Within, it is the thread that keeps this; afterwards it keeps what is there then."""
    here = {id(each): (each, dict(vars(each))) for each in _there()}
    for each, held in here.values():
        _put(each, kept[id(each)][1] if id(each) in kept else None)
        assert held is not None
    try:
        yield
    finally:
        kept.clear()
        for each in _there():
            kept[id(each)] = each, dict(vars(each))
            _put(each, here[id(each)][1] if id(each) in here else None)


def _put(local: threading.local, held: dict[str, Any] | None) -> None:
    """The attributes of a thread; nothing: it comes there for the first time."""
    attributes = vars(local)
    attributes.clear()
    if held is not None:
        attributes.update(held)
    elif type(local).__init__ is not object.__init__:
        args, options = _made_with(local)
        type(local).__init__(local, *args, **options)


def _made_with(local: threading.local) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """With which arguments it was made, which Python calls its ``__init__`` with on each thread."""
    found = gc.get_referents(local)
    args = next((each for each in found if type(each) is tuple), ())
    options = next((each for each in found if type(each) is dict and all(type(name) is str for name in each)), {})
    return args, options


def _there() -> list[threading.local]:
    """Those that there are, but for asyncio's and ours."""
    kinds = {each for each in family_of(threading.local) if each.__module__.partition(".")[0] not in _NOBODYS}
    return [*EARLIER.thread_locals(kinds), *(each for each in gc.get_objects() if type(each) in kinds)]


_NOBODYS = ("asyncio", "everyturn")

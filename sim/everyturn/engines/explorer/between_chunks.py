"""What happens between two chunks of a long exploration: it is saved now and then, and Ctrl-C is obeyed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from everyturn.errors import Unwritable
from everyturn.world import overrun

SAVE_EVERY: Final = 60.0
"""Seconds between two calls of ``save``; more, if saving takes more than a tenth of that."""


class Saving:
    """Calls ``save``, if there is something to call, now and then.

    A file that cannot be written ends no search: it is said, and tried again. ``unsaved``: why what was found last is
    not saved.
    """

    def __init__(self, save: Callable[[], None] | None) -> None:
        self._save = save
        self._due = time.monotonic() + SAVE_EVERY
        self.unsaved: Unwritable | None = None

    def now_and_then(self) -> None:
        """Save if it is time to."""
        if time.monotonic() >= self._due:
            self._try()
            if self.unsaved is not None:
                sys.stderr.write(f"everyturn: {self.unsaved}; the search goes on, and this is tried again\n")

    def finally_(self) -> bool:
        """Save, and let the first Ctrl-C meanwhile wait for that; whether there was one."""
        with overrun.asked_for() as asked:
            self._try()
            return bool(asked)

    def _try(self) -> None:
        if self._save is None:
            return
        start = time.monotonic()
        try:
            self._save()
            self.unsaved = None
        except Unwritable as error:
            self.unsaved = error
        self._due = start + max(SAVE_EVERY, 10 * (time.monotonic() - start))


def obedient(chunks: Iterator[None]) -> Iterator[None]:
    """The same, but that Ctrl-C waits until the chunk under way is done; a second one does not wait."""
    with overrun.asked_for() as asked:
        for _ in chunks:
            yield
            if asked:
                raise KeyboardInterrupt

"""What happens between two chunks of a long exploration: it is saved now and then, and Ctrl-C is obeyed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from everyturn.world import overrun

SAVE_EVERY: Final = 60.0
"""Seconds between two calls of ``save``; more, if saving takes more than a tenth of that."""


class Saving:
    """Calls ``save``, if there is something to call, now and then."""

    def __init__(self, save: Callable[[], None] | None) -> None:
        self._save = save
        self._due = time.monotonic() + SAVE_EVERY

    def now_and_then(self) -> None:
        """Save if it is time to."""
        if time.monotonic() >= self._due:
            self.finally_()

    def finally_(self) -> None:
        """Save."""
        if self._save is not None:
            start = time.monotonic()
            self._save()
            self._due = start + max(SAVE_EVERY, 10 * (time.monotonic() - start))


def obedient(chunks: Iterator[None]) -> Iterator[None]:
    """The same, but that Ctrl-C waits until the chunk under way is done; a second one does not wait."""
    with overrun.asked_for() as asked:
        for _ in chunks:
            yield
            if asked:
                raise KeyboardInterrupt

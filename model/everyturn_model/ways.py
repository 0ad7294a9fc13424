"""Hidden steps that a search may try, and which of them are as good as one another."""

from __future__ import annotations

from collections.abc import Iterable

from everyturn_model.events import Event
from everyturn_model.marks import Seen


class Either(tuple[Event, ...]):
    """Hidden steps of which the first that can be taken is as good as any: nothing is allowed only after another
    one."""


Ways = tuple[tuple[Seen, ...], ...]
"""Hidden steps to try; of each group the first that can be taken is enough."""


def placed(want: Seen, steps: Iterable[Event | Seen | Either]) -> Ways:
    """The steps where ``want`` stands; those of another turn than the one that was seen are a :class:`Seen` of their
    own."""
    return tuple(
        tuple(
            step._replace(place=want.place) if isinstance(step, Seen) else want._replace(event=step)
            for step in (each if isinstance(each, Either) else (each,))
        )
        for each in dict.fromkeys(steps)
    )

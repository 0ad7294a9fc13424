"""What runs were taken to be one of all that are possible of, in words."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from everyturn.asyncio.order.hashed import OF_TEXTS, name_of
from everyturn.asyncio.order.sequences import NOW

_THREADS: Final = (
    "of several threads of an executor that are idle the first one takes the next function, and what a threading.local "
    "keeps there"
)


def _trusted_order(kind: type) -> str:
    return f"the order of sets of {name_of(kind)} is that in which they came; it is one of all that are possible"


def trusted(assumed: Set[str]) -> list[str]:
    """What the runs that were made rest on; ``assumed``: what they have said of it themselves."""
    texts = [OF_TEXTS] if NOW.texts or OF_TEXTS in assumed else []
    texts += [_THREADS] if NOW.locals and NOW.threads else []
    orders = dict.fromkeys(map(_trusted_order, NOW.classes))
    return [*orders, *texts, *sorted((assumed | NOW.by_place) - {OF_TEXTS})]

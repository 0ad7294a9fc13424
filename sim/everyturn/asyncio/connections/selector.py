"""What a selector loop keeps of its descriptors. What has come, it is told by the loop.

What stands behind the next comment is copied into scripts that make a recorded run.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping
from typing import Any

# what follows is the same for every run


class WorldSelector:
    """The selector of one loop. ``select``: what has come."""

    def __init__(self, select: Callable[[Any], list[Any]]) -> None:
        self.select = select
        self.keys: dict[int, selectors.SelectorKey] = {}

    def register(self, descriptor: int, events: int, data: Any = None) -> None:
        if descriptor in self.keys:
            raise KeyError(f"{descriptor} is registered already")
        self.keys[descriptor] = selectors.SelectorKey(descriptor, descriptor, events, data)

    def modify(self, descriptor: int, events: int, data: Any = None) -> None:
        self.keys[descriptor] = selectors.SelectorKey(descriptor, descriptor, events, data)

    def unregister(self, descriptor: int) -> None:
        del self.keys[descriptor]

    def get_key(self, descriptor: int) -> selectors.SelectorKey:
        return self.keys[descriptor]

    def get_map(self) -> Mapping[int, selectors.SelectorKey]:
        return self.keys

    def close(self) -> None:
        self.keys.clear()

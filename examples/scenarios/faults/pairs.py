"""A fault and its mended twin: two scenarios that differ in one place, where ``mended`` is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

Program = Callable[..., Coroutine[Any, Any, None]]


class Fault:
    """``wrong`` and ``mended`` are scenarios; ``kinds``: what the search must find in the wrong one, and nothing
    else."""

    def __init__(self, program: Program, kinds: frozenset[str]) -> None:
        self.name = program.__name__
        self.kinds = kinds
        self.wrong = partial(program, mended=False)
        self.mended = partial(program, mended=True)


def fault(*kinds: str) -> Callable[[Program], Fault]:
    return lambda program: Fault(program, frozenset(kinds))

"""Small graphs as DOT, for Graphviz: the initial state is bold, states at rest have two lines round them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn.engines.coroutines.reached import Reached
from everyturn.errors import UsageError

READABLE: Final = 3000
"""States of the largest graph that is drawn: Graphviz takes minutes for more, and nobody can read it."""


def write(reached: Reached) -> Iterator[str]:
    """The lines of the file. Raises :class:`UsageError` for a graph that nobody could read."""
    if len(reached) > READABLE:
        raise UsageError(
            f"scope {reached.world.scope}: expected at most {READABLE:,} states to draw, found {len(reached):,}; "
            f"export it to aut, or choose a smaller scope"
        )
    yield f'digraph "{reached.world.revision} {reached.world.scope}" {{'
    yield '  node [shape=circle, label="", width=0.2];'
    yield "  0 [style=bold];"
    yield from (f"  {number} [shape=doublecircle];" for number in reached.rests)
    for source, target, label in reached.arcs():
        yield f'  {source} -> {target} [label="{label}"];'
    yield "}"

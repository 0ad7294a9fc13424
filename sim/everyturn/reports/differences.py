"""Values as text: what differs inside of two, and what operations read and changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from everyturn.reports.value_trees import Tree, tree
from everyturn.world.objects import columns
from everyturn.world.observer import Step

ABSENT = object()
"""What a field that is not there has for a value."""


def brief(tree: Tree) -> str:
    """A value in one line."""
    if tree is ABSENT:
        return "nothing"
    if tree is None:
        return "none"
    if isinstance(tree, bool):
        return "yes" if tree else "no"
    if isinstance(tree, list):
        return f"[{', '.join(map(brief, tree))}]" if tree else "empty"
    if isinstance(tree, Mapping):
        return f"{tree.get('$', '')}{{{', '.join(f'{name}: {brief(each)}' for name, each in _fields(tree))}}}"
    return str(tree) or "''"


def differences(name: str, before: Tree, after: Tree) -> Iterator[tuple[str, Tree, Tree]]:
    """Each part that differs: what it is called (``queue[0].phase``), what it was, what it is. Parts are looked at
    where both are lists of one length, or have the same class."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and before.get("$") == after.get("$"):
        old, new = dict(_fields(before)), dict(_fields(after))
        for field in {**old, **new}:
            yield from differences(f"{name}.{field}", old.get(field, ABSENT), new.get(field, ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(f"{name}[{place}]", one, other)
    else:
        yield name, before, after


def parts(name: str, tree: Tree) -> Iterator[tuple[str, Tree]]:
    """A value with what is in it, a line for each field."""
    if isinstance(tree, Mapping) and len(tree) > ("$" in tree):
        for field, each in _fields(tree):
            yield from parts(f"{name}.{field}", each)
    else:
        yield name, tree


def values(operations: Iterable[Step]) -> Iterator[str]:
    """What operations read, and what they changed: a line for each result, and for each part that differs."""
    for made in operations:
        if made.result is not None or made.operation.method in _READS:
            yield f"{made.operation} = {brief(tree(made.result))}"
        for name, before, after in zip(columns(made.operation), made.before, made.after, strict=True):
            for part, old, new in differences(name, tree(before), tree(after)):
                yield f"{part}: {brief(old)} → {brief(new)}"


_READS: Final = ("get", "take")
"""Methods that read: none is a result of theirs, too."""


def _fields(tree: Mapping[str, Tree]) -> Iterator[tuple[str, Tree]]:
    return ((name, each) for name, each in tree.items() if name != "$")

"""A set of objects of a program's own, which is filled when somebody imports it: while a program runs."""

from __future__ import annotations


class LateRoom:
    """Hashed by its address."""

    def __init__(self, name: str) -> None:
        self.name = name


ROOMS = {LateRoom("a"), LateRoom("b")}

"""What is raised where a state holds something that cannot be known."""

from __future__ import annotations


class UnknownValue(Exception):
    """Something cannot be known by value: what it is, and the path to it, of which whoever it passes through says his
    part by :meth:`within`."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind)
        self.kind = kind
        self._inwards: list[str] = []

    def within(self, name: str) -> UnknownValue:
        """It is a part of something, by this name."""
        self._inwards.append(name)
        return self

    @property
    def path(self) -> str:
        """Where it is, from the part of the state inwards."""
        return ".".join(reversed(self._inwards))

    def __str__(self) -> str:
        return f"{self.path}: {self.kind.__module__}.{self.kind.__qualname__}"

"""What the threads of a level share besides the ports: immutable values, each step of which is one access."""

from __future__ import annotations

from dataclasses import dataclass

from everyturn_impl.calls import Call


@dataclass(frozen=True, slots=True)
class PromptLine:
    """Prompts that wait, oldest first."""

    calls: tuple[Call, ...] = ()

    def join(self, call: Call) -> tuple[None, PromptLine]:
        """Stand at the end."""
        return None, PromptLine((*self.calls, call))

    def peek(self) -> tuple[tuple[Call, ...], PromptLine]:
        """Who waits; nobody leaves."""
        return self.calls, self

    def take(self) -> tuple[Call | None, PromptLine]:
        """Take the first out; nobody, if nobody waits."""
        return (self.calls[0], PromptLine(self.calls[1:])) if self.calls else (None, self)

    def leave(self, call: Call) -> tuple[None, PromptLine]:
        """Let one go, if he still waits."""
        return None, PromptLine(tuple(each for each in self.calls if each != call))


@dataclass(frozen=True, slots=True)
class Flag:
    """One bit that all threads see."""

    up: bool = False

    def read(self) -> tuple[bool, Flag]:
        """Whether it is up."""
        return self.up, self

    def hoist(self) -> tuple[bool, Flag]:
        """Raise it and say whether it was down: look and act in one access."""
        return not self.up, Flag(True)

    def lower(self) -> tuple[None, Flag]:
        """Lower it."""
        return None, Flag(False)

    def seen(self) -> tuple[None, Flag] | None:
        """Wait until it is up."""
        return (None, self) if self.up else None


@dataclass(frozen=True, slots=True)
class Total:
    """A whole number that all threads see."""

    value: int = 0

    def read(self) -> tuple[int, Total]:
        """What it is."""
        return self.value, self

    def write(self, value: int) -> tuple[None, Total]:
        """Replace it, whatever it was."""
        return None, Total(value)

    def add(self, more: int) -> tuple[int, Total]:
        """Read, add and write in one access; the new value."""
        return self.value + more, Total(self.value + more)


@dataclass(frozen=True, slots=True)
class Lock:
    """Lets one in at a time."""

    taken: bool = False

    def take(self) -> tuple[None, Lock] | None:
        """Wait until it is free, and take it."""
        return None if self.taken else (None, Lock(True))

    def give(self) -> tuple[None, Lock]:
        """Give it back."""
        return None, Lock(False)

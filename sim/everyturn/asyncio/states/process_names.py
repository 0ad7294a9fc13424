"""What this process calls code, and objects that stand for themselves, for as long as it lives.

A process that was forked from it knows what was named before, and may give the same name to something else later. So it
asks whether anything was named since, and tells nobody of a state with such a name in it.
"""

from __future__ import annotations

from types import CodeType
from typing import Final


class ProcessNames:
    """Numbers of code, and addresses."""

    def __init__(self) -> None:
        self._codes: dict[int, tuple[CodeType, int]] = {}
        """Address of code → that, and its number."""
        self._numbers: dict[tuple[str, str, CodeType], int] = {}
        self._themselves: dict[int, object] = {}
        """Objects that stand for themselves, kept alive, so that no address is another one's later."""

    def code(self, code: CodeType) -> int:
        """A number for code: equal for equal code of one file only."""
        known = self._codes.get(id(code))
        if known is None:
            number = self._numbers.setdefault((code.co_filename, code.co_qualname, code), len(self._numbers))
            known = self._codes[id(code)] = (code, number)
        return known[1]

    def address(self, value: object) -> int:
        """The address of ``value``, which is kept alive for good: no other object ever has it."""
        self._themselves[id(value)] = value
        return id(value)

    @property
    def given(self) -> tuple[int, int]:
        """How many numbers and addresses were given: as many as before if nothing was named since."""
        return len(self._numbers), len(self._themselves)


NAMES: Final = ProcessNames()
"""Those of this process."""

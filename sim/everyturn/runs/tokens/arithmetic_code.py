"""Arithmetic coding of a sequence of choices, in whole numbers: exact, and the same everywhere.

Each choice narrows an interval in proportion to its weight among those that could have come; the leading bits on which
both ends agree are the code (Witten, Neal, Cleary: Arithmetic Coding for Data Compression, CACM 30, 1987). What is
likely is learned while coding, from what followed the same context before, the longest context first (Cleary, Witten:
Data Compression Using Adaptive Coding and Partial String Matching, IEEE Trans. Comm. 32, 1984). A general compressor
would do as well, but its output differs from one implementation to the next, and that of a name must not.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import Final, Protocol

DIGIT: Final = 6
"""Bits of one digit of the code."""
_BITS: Final = 32
_HALF: Final = 1 << (_BITS - 1)
_QUARTER: Final = _HALF >> 1
_MASK: Final = (1 << _BITS) - 1
LONGEST: Final = 1000
_STEP: Final = 4
"""What seeing a symbol adds to its weight; something new has 1 for each symbol seen in the context."""


class Coder(Protocol):
    """Codes one choice after the other; a writer is told which, a reader finds out."""

    def code(self, weights: Sequence[int], chosen: int | None) -> int:
        """The place of the choice among those with these ``weights``; ``chosen`` is none in a reader."""
        ...


class _Interval:
    """The interval that is left, from ``low`` to ``high``, both in it."""

    def __init__(self) -> None:
        self.low = 0
        self.high = _MASK

    def narrow(self, begin: int, end: int, total: int) -> None:
        """Keep the part from ``begin`` to ``end`` of ``total``, then widen it by the bits on which its ends agree."""
        width = self.high - self.low + 1
        self.low, self.high = self.low + begin * width // total, self.low + end * width // total - 1
        while not (self.low ^ self.high) & _HALF:
            self.agreed(self.low >> (_BITS - 1))
            self.low = self.low << 1 & _MASK
            self.high = self.high << 1 & _MASK | 1
        while self.low & ~self.high & _QUARTER:
            self.straddled()
            self.low = self.low << 1 ^ _HALF
            self.high = (self.high ^ _HALF) << 1 | _HALF | 1

    def agreed(self, bit: int) -> None:
        """Both ends begin with this bit."""
        raise NotImplementedError

    def straddled(self) -> None:
        """The ends are close together on both sides of the middle: the next bit is the opposite of the one after it."""
        raise NotImplementedError


class ChoiceWriter(_Interval):
    """Writes choices."""

    def __init__(self) -> None:
        super().__init__()
        self._code: list[int] = []
        self._pending = 0

    def code(self, weights: Sequence[int], chosen: int | None) -> int:
        """Narrow the interval to the choice."""
        assert chosen is not None
        begin = sum(weights[:chosen])
        self.narrow(begin, begin + weights[chosen], sum(weights))
        return chosen

    def agreed(self, bit: int) -> None:
        """Write it, and what was put off."""
        self._code += [bit, *[1 - bit] * self._pending]
        self._pending = 0

    def straddled(self) -> None:
        """Put a bit off."""
        self._pending += 1

    def digits(self) -> list[int]:
        """The code, in digits of six bits: what both ends agree on, and the middle of the interval that is left."""
        code = [*self._code, 1, *[0] * self._pending]
        code += [0] * (-len(code) % DIGIT)
        return [int("".join(map(str, code[at : at + DIGIT])), 2) for at in range(0, len(code), DIGIT)]


class ChoiceReader(_Interval):
    """Reads choices from digits. Raises :class:`ValueError` if more are asked for than they can hold."""

    def __init__(self, digits: Sequence[int]) -> None:
        super().__init__()
        self._left = len(digits) * DIGIT
        self._code = iter([digit >> place & 1 for digit in digits for place in range(DIGIT - 1, -1, -1)])
        self._at = 0
        for _ in range(_BITS):
            self._at = self._at << 1 | next(self._code, 0)

    def code(self, weights: Sequence[int], chosen: int | None) -> int:
        """Find the part of the interval that the code is in, and narrow it to that."""
        ends = list(accumulate(weights))
        slot = ((self._at - self.low + 1) * ends[-1] - 1) // (self.high - self.low + 1)
        place = next(place for place, end in enumerate(ends) if slot < end)
        self.narrow(ends[place] - weights[place], ends[place], ends[-1])
        return place

    def agreed(self, bit: int) -> None:
        """Read on."""
        self._at = self._at << 1 & _MASK | self._next()

    def straddled(self) -> None:
        """Read on, behind the first bit."""
        self._at = self._at & _HALF | self._at << 1 & (_MASK >> 1) | self._next()

    def _next(self) -> int:
        self._left -= 1
        if self._left < 0:
            raise ValueError("it ends too early")
        return next(self._code, 0)


class AdaptiveModel:
    """What is likely: codes names and numbers through a coder, and learns from them.

    ``alphabet``: names that need no spelling; others have at most :data:`LONGEST` bytes. Writing and reading are one
    code: what a writer is given as ``wanted``, a reader, given none, returns.
    """

    def __init__(self, coder: Coder, alphabet: Sequence[str]) -> None:
        self._coder = coder
        self._names = list(alphabet)
        self._places = {name: place for place, name in enumerate(alphabet)}
        self._seen: dict[Hashable, dict[int, int]] = {}

    def name(self, contexts: Sequence[Hashable], wanted: str | None) -> str:
        """A name. ``contexts``: what it may depend on, the most telling first."""
        new = len(self._names)
        place = self._symbol(contexts, new + 1, None if wanted is None else self._places.get(wanted, new))
        if place == new:
            name = self._spelled(wanted)
            self._places.setdefault(name, new)
            self._names.append(name)
        return self._names[place]

    def number(self, context: Hashable, below: int, wanted: int | None) -> int:
        """A number from 0 to ``below`` - 1 that is small, or the same as often before in this context."""
        return self._symbol((context,), below, wanted)

    def plain(self, below: int, wanted: int | None) -> int:
        """A number from 0 to ``below`` - 1, each as likely as any other."""
        return self._coder.code([1] * below, wanted)

    def _symbol(self, contexts: Sequence[Hashable], size: int, wanted: int | None) -> int:
        met: list[dict[int, int]] = []
        found: int | None = None
        for context in contexts:
            seen = self._seen.setdefault(context, {})
            met.append(seen)
            if seen:
                known = list(seen)
                chosen = None if wanted is None else known.index(wanted) if wanted in seen else len(known)
                place = self._coder.code([*seen.values(), len(known)], chosen)
                if place < len(known):
                    found = known[place]
                    break
        if found is None:
            found = self._coder.code([1] * size, wanted)
        for seen in met:
            seen[found] = seen.get(found, 0) + _STEP
        return found

    def _spelled(self, wanted: str | None) -> str:
        """A name that is not in the alphabet, as bytes with 0 at the end."""
        given = None if wanted is None else [*wanted.encode(), 0]
        spelled: list[int] = []
        while not spelled or spelled[-1]:
            if len(spelled) > LONGEST:
                raise ValueError(f"expected names of at most {LONGEST} bytes")
            last = spelled[-1] if spelled else 0
            spelled.append(self._symbol((("byte", last), "byte"), 256, None if given is None else given[len(spelled)]))
        return bytes(spelled[:-1]).decode()

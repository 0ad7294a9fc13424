"""Scopes: what runs in an exploration or simulation, as a short string.

``SCOPE = PROMPT+ ( "+" EXTRA )*``, ``PROMPT = "A" | "a" | "I" | "i"``, ``EXTRA = ( NUMBER | "*" )? LETTER``; the
order does not matter. The letters and what they add are :data:`PROMPTS` and :data:`EXTRAS`; ``docs/semantics.md`` 1 has
the details.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Final

from everyturn.errors import UsageError

PROMPTS: Final[dict[str, str]] = {
    "A": "an accepted prompt with run id: a server thread",
    "a": "an accepted prompt without run id",
    "I": "an in-process prompt with run id: its caller's thread, no reservation",
    "i": "an in-process prompt without run id",
}

EXTRAS: Final[dict[str, tuple[str, bool, str]]] = {
    "c": ("cancels", True, "n threads, each does one Cancel"),
    "q": ("clears", True, "n threads, each does one ClearQueue"),
    "s": ("summaries", True, "n threads, each does one Summarise"),
    "e": ("errors", True, "at most n streams may end in a provider error"),
    "t": ("tools", True, "at most n steps may end in a tool round, so that another step follows"),
    "f": ("failures", True, "at most n store operations, or the coordinator before Run, may fail"),
    "r": ("refusals", True, "at most n streams may end as unauthorised; the coordinator retries once"),
    "b": ("losses", True, "at most n must-deliver publishes may be given up at a full buffer"),
    "l": ("notices", True, "at most n agent-error notifications may get lost: nobody waits for room in a full buffer"),
    "n": ("new_session", False, "the session is new: a title is generated"),
    "u": ("nearly_full", False, "the context is nearly full after the first step of the first turn"),
    "d": ("direct", False, "no coordinator: completions go straight to the broker"),
    "x": ("shutdown", False, "one thread shuts the workspace down"),
}
"""Letter → field of :class:`Scope`, whether it takes a number, and what it adds."""

ENDLESS: Final = -1
"""The number of an extra without bound, written ``*``: only of those that are up to the world, in :data:`UNBOUNDED`."""
UNBOUNDED: Final = "etfrbl"


@dataclass(frozen=True, slots=True)
class Scope:
    """What runs: the prompts' kinds in canonical order, and how many of each extra."""

    prompts: str
    cancels: int = 0
    clears: int = 0
    summaries: int = 0
    errors: int = 0
    tools: int = 0
    failures: int = 0
    refusals: int = 0
    losses: int = 0
    notices: int = 0
    new_session: int = 0
    nearly_full: int = 0
    direct: int = 0
    shutdown: int = 0

    def __str__(self) -> str:
        parts = [self.prompts]
        for letter, (name, numbered, _) in EXTRAS.items():
            number = getattr(self, name)
            if number:
                parts.append(f"{'*' if number == ENDLESS else number}{letter}" if numbered else letter)
        return "+".join(parts)

    @property
    def run_ids(self) -> int:
        """How many prompts carry a run id."""
        return sum(letter.isupper() for letter in self.prompts)

    @property
    def endless(self) -> bool:
        """Whether some extra has no bound, so that a run may never end."""
        return any(getattr(self, EXTRAS[letter][0]) == ENDLESS for letter in UNBOUNDED)

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The scope that ``text`` states. Raises :class:`UsageError` that says what is wrong with it."""
        prompts, *extras = text.split("+")
        bad = [letter for letter in prompts if letter not in PROMPTS]
        if not prompts or bad:
            found = f"{bad[0]!r}" if bad else "nothing"
            raise UsageError(f"scope {text!r}: expected prompts (letters of {''.join(PROMPTS)}) first, found {found}")
        numbers: dict[str, int] = {}
        for extra in extras:
            name, number = _parse_extra(text, extra)
            if name in numbers:
                raise UsageError(f"scope {text!r}: {extra!r} repeats a letter")
            numbers[name] = number
        order = "".join(PROMPTS)
        return cls("".join(sorted(prompts, key=order.index)), **numbers)


def _parse_extra(text: str, extra: str) -> tuple[str, int]:
    match = re.fullmatch(r"([0-9]*|\*)([a-z])", extra, re.ASCII)
    if match is None or match[2] not in EXTRAS:
        raise UsageError(f"scope {text!r}: expected a number and a letter of {''.join(EXTRAS)}, found {extra!r}")
    name, numbered, _ = EXTRAS[match[2]]
    if match[1] and not numbered:
        raise UsageError(f"scope {text!r}: {match[2]!r} takes no number, found {extra!r}")
    if match[1] == "*":
        if match[2] not in UNBOUNDED:
            raise UsageError(f"scope {text!r}: only {', '.join(UNBOUNDED)} can go on for ever, found {extra!r}")
        return name, ENDLESS
    if match[1] and (len(match[1]) > 3 or int(match[1]) == 0):
        raise UsageError(f"scope {text!r}: expected a number from 1 to 999 before {match[2]!r}, found {match[1]!r}")
    return name, int(match[1] or 1)


assert {name for name, _, _ in EXTRAS.values()} == {field.name for field in fields(Scope)} - {"prompts"}

DEFAULT_SCOPES: Final[tuple[str, ...]] = (
    "AA",
    "AI",
    "II",
    "Aa",
    "AA+1c",
    "AA+1q",
    "Aa+1c",
    "AA+1s",
    "AA+1e",
    "AA+1f",
    "AA+1c+n",
    "AA+1t+u",
    "A+1c+1s",
    "A+1c+1t+u",
    "AA+1r",
    "AAA",
)
"""The scopes that `everyturn check` looks at when none is named."""

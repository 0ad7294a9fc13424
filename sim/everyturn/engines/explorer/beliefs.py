"""The specification's beliefs as a table, which may be kept apart from the rest of the judge's."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.explorer.judge_origins import make_again
from everyturn.engines.explorer.judge_parts import Arrays, Part
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.verdicts.checker import Judge


class Believed(NamedTuple):
    """The numbers of the specification's beliefs after a batch of steps, and of what each violated."""

    after: KeyNumbers
    found: KeyNumbers


class Beliefs:
    """The specification's beliefs as a table of their own, apart from the rest of the judge."""

    def __init__(self, judge: Judge, first: Any, events: Interned) -> None:
        self.findings = Interned()
        self.findings.number(None)
        self._part = believing(judge, events, self.findings)
        self._part.states.number(first)

    def __len__(self) -> int:
        return len(self._part)

    def step(self, beliefs: KeyNumbers, events: KeyNumbers) -> Believed:
        """The beliefs after a batch of steps."""
        return Believed(*self._part.step(beliefs, events))

    def steps_from(self, number: int) -> Arrays:
        """The steps from this number on, as :class:`~everyturn.engines.explorer.judge_tables.JudgeTables` saves
        them."""
        return {name: array[number:] for name, array in self._part.saved().items()}

    def restore(self, arrays: Arrays) -> None:
        """Take over all steps that were saved, of which findings have numbers of their own here."""
        part = self._part
        numbers = np.union1d([0], arrays["found"])
        part.take_over(arrays | {"found": np.searchsorted(numbers, arrays["found"])})
        make_again({0: (part, {})}, lambda _, value: value)
        self.findings.restore([None, *(part.redo(place)[1] for _, place in sorted(part.violating().items()))])


def believing(judge: Judge, events: Interned, findings: Interned) -> Part:
    """The table of what the specification believes after what is seen."""
    return Part(judge.start().belief, lambda belief, seen: judge.believe(belief, events.values[seen]), findings)

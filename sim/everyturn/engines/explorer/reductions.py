"""Reductions: what need not be explored, because something else that is explored stands for it.

A search asks its reduction three things: which state stands for another one, which successors of a state are to be
followed, and in which states more must be followed by what is known now. Dead variables are left out where local states
are told apart, before any of this (:class:`~everyturn.engines.coroutines.transitions.Transitions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from everyturn.engines.explorer.ample import Ample
from everyturn.engines.explorer.frontier import CHUNK
from everyturn.engines.explorer.judge_tables import JudgeTables
from everyturn.engines.explorer.macro_steps import Expansion
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.renaming import OwnNames, RunNames
from everyturn.engines.explorer.state_table import RowNumbers, StateTable
from everyturn.engines.explorer.successors import Successors
from everyturn.engines.explorer.symmetry import Symmetry
from everyturn_model.lifecycle import Ledger

ThreadChoice = tuple[int, int]
"""A thread, and which of the ways that it can go."""

_NONE: Final = np.zeros(0, np.int64)


class Reduction(Protocol):
    """Which states and which successors of a state are explored."""

    @property
    def keeps_successors(self) -> bool:
        """Whether all successors of an explored state are explored, or states that stand for them."""

    @property
    def leaves_out_nothing(self) -> bool:
        """Whether every state stands for itself, and every successor is followed."""

    def first(self, rows: RowNumbers) -> RowNumbers:
        """The row that stands for the initial one."""

    def representatives(self, words: Words, states: StateTable) -> tuple[Words, KeyNumbers]:
        """The packed rows that stand for these, in the layout that then holds, and by which renaming each does."""

    def followed(self, which: KeyNumbers, states: StateTable, expansion: Expansion) -> Expansion:
        """Of the successors of the states ``which``, those that are followed."""

    def explored(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """Of the successors of the explored states ``which``, those that were followed."""

    def reached(self, which: KeyNumbers, sources: KeyNumbers, targets: KeyNumbers) -> None:
        """Take down the number of each successor that is followed; ``sources``: the place in ``which`` where it comes
        from."""

    def overlooked(self, states: StateTable) -> KeyNumbers:
        """Explored states of which all successors must be followed, by what is known now; some of them, if there are
        any."""

    def left_out(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """Of the successors of the states ``which``, those that were not followed; from now on, all are."""

    def images(self, ledger: Ledger) -> Iterable[Ledger]:
        """All ledgers for which this one stands."""

    def own_names(self) -> RunNames:
        """The names that the threads of a run have of their own, at its start."""

    def in_own_names(
        self, path: Sequence[tuple[int, ThreadChoice]], renaming: Callable[[int, ThreadChoice], int]
    ) -> Iterable[ThreadChoice]:
        """The moves of a path, given by states and moves there; ``renaming``: by which one the next state stands for
        what a move leads to."""

    def renamed(self, renaming: int, value: Any) -> Any:
        """A value under the renaming of this number."""

    def saved(self) -> dict[str, Any]:
        """What a checkpoint must keep besides the journal, as arrays."""

    def restore(self, arrays: dict[str, Any]) -> None:
        """Take over what :meth:`saved` gave."""


class NoReduction:
    """Every state stands for itself, and every successor is followed."""

    keeps_successors = leaves_out_nothing = True

    def first(self, rows: RowNumbers) -> RowNumbers:
        """Itself."""
        return rows

    def representatives(self, words: Words, states: StateTable) -> tuple[Words, KeyNumbers]:
        """Themselves."""
        return words, np.zeros(len(words), np.int64)

    def followed(self, which: KeyNumbers, states: StateTable, expansion: Expansion) -> Expansion:
        """All."""
        return expansion

    def explored(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """All."""
        return expansion

    def reached(self, which: KeyNumbers, sources: KeyNumbers, targets: KeyNumbers) -> None:
        """Nothing needs to be taken down."""

    def overlooked(self, states: StateTable) -> KeyNumbers:
        """None."""
        return _NONE

    def left_out(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """Nobody asks where none is overlooked."""
        raise NotImplementedError

    def images(self, ledger: Ledger) -> Iterable[Ledger]:
        """Itself."""
        return (ledger,)

    def own_names(self) -> RunNames:
        """As they are."""
        return OwnNames()

    def in_own_names(
        self, path: Sequence[tuple[int, ThreadChoice]], renaming: Callable[[int, ThreadChoice], int]
    ) -> Iterable[ThreadChoice]:
        """As they are."""
        return [move for _, move in path]

    def renamed(self, renaming: int, value: Any) -> Any:
        """Itself: nothing is ever renamed."""
        return value

    def saved(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def restore(self, arrays: dict[str, Any]) -> None:
        """Nothing was kept."""


class SymmetricStates(NoReduction):
    """Of states that are renamings of each other one is explored (:mod:`everyturn.engines.explorer.symmetry`)."""

    leaves_out_nothing = False

    def __init__(self, successors: Successors, judges: JudgeTables) -> None:
        tables = successors.tables()
        self._symmetry = Symmetry(tables.transitions, tables.macro_steps, judges)
        self._first = 0

    def first(self, rows: RowNumbers) -> RowNumbers:
        """As :meth:`Reduction.first`."""
        rows, chosen = self._symmetry.canonical(rows)
        self._first = int(chosen[0])
        return rows

    def representatives(self, words: Words, states: StateTable) -> tuple[Words, KeyNumbers]:
        """As :meth:`Reduction.representatives`."""
        rows, chosen = self._symmetry.canonical(states.rows(words))
        return states.packed(rows), chosen

    def images(self, ledger: Ledger) -> Iterable[Ledger]:
        """As :meth:`Reduction.images`."""
        return self._symmetry.images(ledger)

    def renamed(self, renaming: int, value: Any) -> Any:
        """As :meth:`Reduction.renamed`."""
        return self._symmetry.renamings[renaming](value)

    def own_names(self) -> RunNames:
        """As :meth:`Reduction.own_names`."""
        names = self._symmetry.own_names()
        names.rename(self._first)
        return names

    def in_own_names(
        self, path: Sequence[tuple[int, ThreadChoice]], renaming: Callable[[int, ThreadChoice], int]
    ) -> Iterable[ThreadChoice]:
        """As :meth:`Reduction.in_own_names`."""
        names = self.own_names()
        for state, (thread, choice) in path:
            yield names.thread(thread), choice
            names.rename(renaming(state, (thread, choice)))


class AmpleSets(NoReduction):
    """In some states one thread goes first (:mod:`everyturn.engines.explorer.ample`); a level is a round of the
    search."""

    keeps_successors = leaves_out_nothing = False

    def __init__(self, successors: Successors, judges: JudgeTables) -> None:
        self.ample = Ample(successors.tables().macro_steps, judges.judge)

    def followed(self, which: KeyNumbers, states: StateTable, expansion: Expansion) -> Expansion:
        """As :meth:`Reduction.followed`."""
        return self.ample.chosen(which, states.keys[which], states.layout, expansion)

    def explored(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """As :meth:`Reduction.explored`."""
        return self.ample.followed(which, expansion)

    def reached(self, which: KeyNumbers, sources: KeyNumbers, targets: KeyNumbers) -> None:
        """As :meth:`Reduction.reached`."""
        self.ample.arrived(which, sources, targets)

    def overlooked(self, states: StateTable) -> KeyNumbers:
        """As :meth:`Reduction.overlooked`: those where the conditions do not hold any more."""
        return self.ample.too_few(states.keys, states.layout, CHUNK)

    def left_out(self, which: KeyNumbers, expansion: Expansion) -> Expansion:
        """As :meth:`Reduction.left_out`."""
        return self.ample.others(which, expansion)

    def saved(self) -> dict[str, Any]:
        """As :meth:`Reduction.saved`."""
        return self.ample.saved()

    def restore(self, arrays: dict[str, Any]) -> None:
        """As :meth:`Reduction.restore`."""
        self.ample.restore(arrays)


class ReductionKind(NamedTuple):
    """A kind of reduction, and how one is made for a world.

    ``keeps_dead``: variables that can no longer matter tell states apart, too. ``here``: it needs the tables in this
    process.
    """

    made: Callable[[Successors, JudgeTables], Reduction]
    keeps_dead: bool = False
    here: bool = False


REDUCTIONS: Final = {
    "none": ReductionKind(lambda _successors, _judges: NoReduction(), keeps_dead=True),
    "dead": ReductionKind(lambda _successors, _judges: NoReduction()),
    "symmetry": ReductionKind(SymmetricStates, here=True),
    "ample": ReductionKind(AmpleSets, here=True),
}
"""No reduction; dead variables do not count; and besides, either renamings of a state count once, or one thread goes
first where nothing that others may do can matter to it. With the last, violations need not be shortest, and a level is
a round."""

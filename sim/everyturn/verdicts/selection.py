"""What is asked to be judged: invariants by their names or as objects of the user's own, and conformance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from everyturn.errors import EveryturnError, UsageError
from everyturn.source_location import raised_at
from everyturn.verdicts.checker import CONFORMS, Judge, select
from everyturn.world.encoding import encoder
from everyturn.world.entering import entered, named, told
from everyturn_model.events import Event, Rest
from everyturn_model.invariants import BY_NAME, Invariant, Kind, Violated
from everyturn_model.lifecycle import Ledger
from everyturn_model.promises import ALL, Promises

Wanted = str | Invariant
"""An invariant by its name (``mission`` and ``conforms`` are names, too), or an object."""

_RESERVED: Final = ("mission", CONFORMS)


class Selection(NamedTuple):
    """What is to be judged, in the order in which it is told; ``own``: the names of invariants that are the user's
    own."""

    invariants: tuple[Invariant, ...]
    conformance: bool
    own: frozenset[str]

    @property
    def names(self) -> list[str]:
        """The names of the invariants; conformance is none."""
        return [each.name for each in self.invariants]

    def judge(self, promises: Promises = ALL) -> Judge:
        """The judge of all that is promised."""
        promised = [each for each in self.invariants if each.unpromised(promises) is None]
        return Judge(promised, conformance=self.conformance)

    def judge_of(self, name: str) -> Judge:
        """A judge of one of these alone, or of conformance."""
        return Judge([each for each in self.invariants if each.name == name], conformance=name == CONFORMS)


NOTHING: Final = Selection((), conformance=False, own=frozenset())
"""Nothing is to be judged."""


def selection(wanted: Sequence[Wanted] = (), without: Sequence[str] = ()) -> Selection:
    """What is ``wanted`` (all that there is, if nothing is named), ``without`` some of it.

    Raises :class:`UsageError` for a name that is not known, for an object of another's name, and if nothing is left.
    """
    own = [_adopted(each) for each in wanted if isinstance(each, Invariant) and each not in BY_NAME.values()]
    names = [each if isinstance(each, str) else each.name for each in wanted]
    ours = [name for name in names if name not in {each.name for each in own}]
    chosen = (*(select(ours) if ours or not wanted else ()), *own)
    _check_names(own)
    left = _left_out(without, [each.name for each in chosen])
    kept = tuple(each for each in chosen if each.name not in left)
    conformance = (not wanted or CONFORMS in names) and CONFORMS not in left
    if not kept and not conformance:
        raise UsageError(f"without {', '.join(without)}: expected something left to judge, found nothing")
    return Selection(kept, conformance, frozenset(each.name for each in own))


def judge_by(wanted: Sequence[Wanted], promises: Promises = ALL) -> Judge:
    """The judge of what is wanted and promised, and of conformance if it is named or nothing is."""
    return selection(wanted).judge(promises)


def _left_out(without: Sequence[str], chosen: Sequence[str]) -> set[str]:
    """The names that ``without`` means. Raises :class:`UsageError` for one that is not known."""
    listed = [name for name in without if name not in chosen]
    return {*without, *(each.name for each in (select(listed) if listed else ()))}


def _check_names(own: Sequence[Invariant]) -> None:
    """Each invariant of the user's own has a name of its own."""
    taken = {*BY_NAME, *_RESERVED}
    for each in own:
        name: Any = each.name
        if not isinstance(name, str) or not name or name.split() != [name]:
            raise UsageError(f"invariant {name!r}: expected a name without spaces, such as 'told-in-order'")
        if name in taken:
            raise UsageError(f"invariant {name!r}: expected a name that no other has; this one is taken")
        taken.add(name)


def _adopted(invariant: Invariant) -> Invariant:
    """An invariant of the user's own, whose monitor is looked at while it works."""
    return replace(invariant, step=_Monitor(invariant))


class _Monitor:
    """The monitor of an invariant of the user's own: what it does wrong is an error that names the invariant."""

    def __init__(self, invariant: Invariant) -> None:
        self._name = invariant.name
        self._step = invariant.step
        self._kind = invariant.kind
        self._encoder = encoder(ordered=False)
        self._known(invariant.start)

    def __call__(self, state: Any, event: Event, ledger: Ledger) -> Any:
        with entered(self._wrong):
            after = self._step(state, event, ledger)
        if not isinstance(after, Violated):
            return self._known(after)
        if self._kind is Kind.AT_REST and not isinstance(event, Rest):
            raise UsageError(
                f"invariant {self._name!r}: expected one of kind 'at rest' to be violated by Rest only; found "
                f"{type(event).__name__}: say Kind.ALWAYS"
            )
        return after

    def _known(self, state: Any) -> Any:
        """The state, which must be a value: it stands for all that the monitor remembers."""
        try:
            self._encoder.value(state)
            hash(state)
        except (EveryturnError, TypeError) as error:
            raise UsageError(f"invariant {self._name!r}: a monitor's state: {error}") from error
        return state

    def _wrong(self, error: BaseException) -> UsageError:
        return UsageError(
            f"invariant {self._name!r}: {raised_at(error)}: expected a monitor that raises nothing; found "
            f"{told(error, named)}"
        )

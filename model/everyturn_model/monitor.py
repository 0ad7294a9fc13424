"""What an invariant is: one record of all that is known of it, first of all a sentence and a monitor that watches over
it.

A monitor is an immutable state and one function. ``step(state, event, ledger)`` returns the next state, or
:class:`Violated` with a sentence that names the prompts; ``ledger`` is what is known of all prompts *after* the event.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.monitor import LogMonitor, NotShown
from everyturn_model.promises import Promises, RestsOn


@dataclass(frozen=True, slots=True)
class Violated:
    """The end of a monitor: what was violated, in a sentence that names the prompts."""

    sentence: str


class Kind(StrEnum):
    """When an invariant is judged."""

    ALWAYS = "always"
    AT_REST = "at rest"


@dataclass(frozen=True, slots=True)
class Needs:
    """The least that a scope must have for an invariant to be violable at all; below it, it is vacuous.

    *Whatever the dispatcher does*: one that starts a prompt twice, cancels a turn that nobody asked it to cancel or
    tells what never happened breaks most invariants with a single prompt. What no dispatcher can make up is that
    somebody waits for a run id, and that a Cancel was called.
    """

    prompts: int = 1
    run_ids: int = 0
    cancels: int = 0


@dataclass(frozen=True, slots=True)
class SessionNeeds:
    """What some run of a session behind an adapter must have ``shown`` for a judgement, and what is said if none has.

    Nothing to be shown: a session shows it in any case. ``vacuous``: without it nothing could have violated the
    invariant, instead of that nothing is known.
    """

    shown: str | None = None
    otherwise: str = ""
    vacuous: bool = False


MonitorStep = Callable[[Any, Event, Ledger], Any]

NO_LOG_MONITOR: Final = NotShown("there is no log monitor of it")


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: ``start`` is the monitor's first state (hashable), ``step`` its transition function.

    ``needs``: the least that a scope must have. ``sees``: the only events that its monitor looks at; all others leave
    its state as it is. None named: all. ``rests_on``: the promise without which it is not judged. ``log``: how logs are
    judged, or why none shows it. ``session``: what a session behind an adapter must show besides. ``guards``: the
    guards of the specification that say the same of one step. ``mutant``: the class in ``everyturn.checking.mutants``
    that breaks it.
    """

    name: str
    sentence: str
    kind: Kind
    step: MonitorStep
    start: Hashable = None
    needs: Needs = Needs()
    sees: tuple[type[Event], ...] = ()
    rests_on: RestsOn | None = None
    log: LogMonitor | NotShown = NO_LOG_MONITOR
    session: SessionNeeds | None = None
    guards: tuple[str, ...] = ()
    mutant: str | None = None

    def unpromised(self, promises: Promises) -> str | None:
        """Why a session that promises this does not promise the invariant; none if it is judged."""
        return None if self.rests_on is None else self.rests_on.missing(promises)

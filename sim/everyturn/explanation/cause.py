"""The cause of a violation, as far as a run shows it: what tells one way to violate an invariant from another.

Two runs show the same cause if they violate the same invariant with the same sentence, up to the numbers of prompts, if
the same became of the prompt that the sentence names first, and if the same race tells most of what decided. A prompt,
extra or step more in a run, or other prompts in the same parts, make no difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from everyturn.engines.coroutines.transitions import Transitions
from everyturn.engines.explorer.paths import Path
from everyturn.explanation.deciding_races import DecidingRaces
from everyturn.explanation.happens_before import Race
from everyturn.explanation.source_lines import SourceLine, places
from everyturn.runs.run import Run
from everyturn.verdicts.checker import Finding
from everyturn_model.events import StreamEnd, StreamEnded
from everyturn_model.lifecycle import Ledger

AccessPair = tuple[str, str]
"""Two accesses, each as kind of thread, operation and function of the agent, the earlier one first."""


@dataclass(frozen=True, slots=True)
class Cause:
    """``sentence`` without numbers; ``became``: the named prompt's fates and how its streams ended; the ``race`` that
    tells most, none if no other order of accesses would have spared it."""

    invariant: str
    sentence: str
    became: frozenset[str]
    race: AccessPair | None


def cause_of(transitions: Transitions, path: Path, run: Run, step: int, finding: Finding) -> Cause:
    """The cause that a run shows, which is ``path`` over ``transitions``, and violates something at ``step``."""
    race = DecidingRaces(transitions, path, run, step, finding).first()
    pair = None if race is None else _pair(run, race, places(run, transitions.world))
    return Cause(finding.invariant, _unnumbered(finding.sentence), _became(run, finding), pair)


def _unnumbered(text: str) -> str:
    """Without the numbers of threads, prompts and turns, and without who hangs besides: the same for renamings of a
    run."""
    return re.sub(r"\d+", "", re.sub(r"; nor was that of .*", "", text))


def _pair(run: Run, race: Race, where: Sequence[Sequence[SourceLine]]) -> AccessPair:
    first, second = (
        f"{made.thread} {made.operation} in {where[touch.step][touch.place].function}"
        for touch in (race.first, race.second)
        for made in (run.steps[touch.step].operations[touch.place],)
    )
    return _unnumbered(first), _unnumbered(second)


def _became(run: Run, finding: Finding) -> frozenset[str]:
    """What became of the prompt that the sentence names first."""
    named = re.search(r"\bp\d+\b", finding.sentence)
    if named is None:
        return frozenset()
    ledger = Ledger()
    became: set[str] = set()
    for events in run.seen():
        for event in events:
            ledger = ledger.step(event)
            if isinstance(event, StreamEnded) and event.how is not StreamEnd.TOOL and _of(event.turn) == named[0]:
                became.add(f"answer {event.how}")
    return frozenset(became | {str(fate) for life in ledger if life.prompt == named[0] for fate in life.fates})


def _of(turn: str) -> str:
    """The prompt whose turn this is."""
    return turn.rsplit("/", maxsplit=1)[-1].split(".", maxsplit=1)[0]

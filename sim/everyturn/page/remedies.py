"""What would prevent a violation: what its last step lacked, and a change that is proved to cure it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from difflib import ndiff
from functools import partial
from typing import Final, NamedTuple

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.simpy.replay import replay
from everyturn.errors import EveryturnError
from everyturn.explanation.explain import Explanation
from everyturn.reports.story import whose
from everyturn.verdicts.selection import Wanted
from everyturn.verdicts.verdict import Verdict
from everyturn.world import repaired
from everyturn.world.agents import find_revision, revision_name
from everyturn_impl.dispatcher import Dispatcher
from everyturn_impl.repairs import REPAIRS
from everyturn_impl.revisions import REVISIONS
from everyturn_model.invariants.no_hang import NO_HANG
from everyturn_model.lifecycle import Ledger, Life, Phase

LIMITS: Final = Limits(states=100_000, seconds=20)
"""How far a scope is explored in search of a proof that a change cures it."""
_SEED: Final = "d4-independent"
"""Revisions before it say what they do otherwise than it; those after it, what is new in them."""
MOST_PROOFS: Final = 3
"""So many changes are explored at most: those with which the run itself violates nothing come first."""

_LACKED: Final = {
    Phase.QUEUED: (
        "At rest {prompt} still stands in the queue, and nobody is left who would look there.",
        "Whoever marks the session idle has to look at the queue once more, however its turn has ended; or a prompt "
        "may be queued only while somebody is sure to look.",
    ),
    Phase.TAKEN: (
        "{prompt} was taken out of the queue, and whoever did that has made nothing of it.",
        "Whoever takes a prompt out of the queue has to run it, put it back, or tell its client.",
    ),
    Phase.FOLDED: (
        "{prompt} was folded into {host}: it never got a turn of its own, and the end of that turn is told to nobody "
        "but the turn's own client.",
        "Whoever folds a prompt that somebody waits for has to tell that client, too, when the turn ends; or has to "
        "leave the prompt in the queue, so that it gets a turn of its own.",
    ),
    Phase.DROPPED: (
        "{prompt} was dropped, and nobody told its client.",
        "Whoever drops a prompt that somebody waits for has to tell that client.",
    ),
    Phase.LEFT: (
        "{prompt}'s own turn is over, and its client was not told how it ended.",
        "Each way in which a turn can end has to tell its client, errors and cancellations among them.",
    ),
}
"""Where a prompt stands whose client waits for ever → what became of it, and what a change has to do."""


def left_waiting(found: Explanation) -> tuple[str, str] | None:
    """What became of the prompt whose client waits for ever, and what a change has to do; none of another invariant."""
    if found.invariant != NO_HANG.name:
        return None
    ledger = Ledger()
    for events in found.run.seen():
        for event in events:
            ledger = ledger.step(event)
    waiting = [life for life in ledger if life.run_id and not (life.reached or life.notified)]
    if not waiting or waiting[0].phase not in _LACKED:
        return None
    became, lacked = _LACKED[waiting[0].phase]
    return _filled(became, waiting[0]), lacked


def _filled(text: str, life: Life) -> str:
    return text.format(prompt=life.prompt, host="" if life.host is None else whose(life.host))


def last_change(found: Explanation) -> int | None:
    """The last step that changed what has become of the prompt that the sentence names first."""
    named = next((word for word in found.sentence.split() if word[:1] == "p" and word[1:].isdigit()), None)
    ledger, last = Ledger(), None
    for step in found.run.steps:
        before = None if named is None else ledger.get(named)
        for event in step.events:
            ledger = ledger.step(event)
        after = None if named is None else ledger.get(named)
        if after is not None and (before is None or after.phase is not before.phase):
            last = step.number
    return last


_FOR_TOOLS: Final = re.compile(r"  # (?:noqa|type: ignore).*")


class Remedy(NamedTuple):
    """A change with which a scope is proved: the dispatcher's name, what the change is, its code, and how many states
    the proof has."""

    name: str
    what: str
    code: str
    states: int


def remedy(found: Explanation, agent: str | type[Dispatcher] | None, wanted: Wanted) -> Remedy | None:
    """A single known change that cures a run and is proved in its scope; none if there is none, or not in time.

    Each known repair is tried, then each later revision of a revision. Of an agent of the user's own there is none.
    """
    tried = 0
    run = found.run
    for name, what, read in _changes(agent or run.revision):
        if tried == MOST_PROOFS:
            break
        try:
            if any(each.invariant == found.invariant for _, each in replay(run.token, [wanted], name).findings):
                continue
            tried += 1
            checked = check(name, run.scope, granularity=run.granularity, invariants=[wanted], limits=LIMITS)
        except EveryturnError:
            continue
        if checked.interrupted:
            raise KeyboardInterrupt
        cell = checked.cell
        if cell.verdict is Verdict.PROVED:
            return Remedy(cell.revision, what, read(), cell.states or 0)
    return None


class _Change(NamedTuple):
    """A dispatcher that differs from another one in one known change; ``what`` it is, and how its code is read."""

    name: str
    what: str
    read: Callable[[], str]


def _changes(base: str | type[Dispatcher]) -> Iterator[_Change]:
    if not isinstance(base, str) or ":" in base:
        return
    kind, name = find_revision(base), revision_name(base)
    for repair, change in REPAIRS.items():
        if not issubclass(kind, change):
            yield _Change(repaired.WITH.join((base, repair)), _summary(change), partial(_source, change))
    names = list(REVISIONS)
    for following in names[names.index(name) + 1 : -1] if name in names else ():
        later = REVISIONS[following]
        if names.index(following) > names.index(_SEED):
            said = f"the later revision {following}: {_summary(later)}"
            yield _Change(following, said, partial(_source, later))
        else:
            said = f"from {name} to the later revision {following}"
            yield _Change(following, said, partial(difference, kind, later))


def _source(change: type) -> str:
    """The code of a change, without what is there for the tools that check it."""
    return _FOR_TOOLS.sub("", inspect.getsource(change))


def difference(before: type, after: type) -> str:
    """Each method of which two classes have different code, a line for each of its lines: ``-`` only the first has it,
    ``+`` only the second."""
    names = dict.fromkeys(name for kind in (*before.__mro__, *after.__mro__) for name in vars(kind))
    parts = (_method(before, name, after) for name in names)
    return "\n\n".join(part for part in parts if part)


def _method(before: type, name: str, after: type) -> str:
    one, other = (inspect.getattr_static(kind, name, None) for kind in (before, after))
    if one is other or not all(each is None or inspect.isfunction(each) for each in (one, other)):
        return ""
    old, new = ([] if each is None else inspect.getsource(each).splitlines() for each in (one, other))
    return "\n".join(line.rstrip() for line in ndiff(old, new) if not line.startswith("?"))


def _summary(change: type) -> str:
    return (inspect.getdoc(change) or "").partition("\n\n")[0].replace("\n", " ")

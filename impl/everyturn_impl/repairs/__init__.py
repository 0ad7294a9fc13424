"""Repairs: small named changes of the dispatcher, each of which can be put in front of any revision.

A repair is a class that overrides a few methods and asks ``super()`` for the rest, so that several can be combined:
``d4+clears-under-mutex`` names the seed commit with one of them. The order in which they are put in front is that of
:data:`REPAIRS`, whatever the order in which they are named.
"""

from __future__ import annotations

from typing import Final

from everyturn_impl.agent import SessionAgent
from everyturn_impl.repairs.entering import ClosesUnderMutex, LeavesOwnEntry, SummaryEntersUnderMutex
from everyturn_impl.repairs.queueing import (
    ClearsUnderMutex,
    ContinuationUnderMutex,
    FoldsIntoTheLiving,
    LooksAfterError,
    LooksAfterSummary,
    SummaryHandsOffUnderMutex,
)
from everyturn_impl.repairs.summarising import ContinuesWithinTurn, SummarisesWithinTurn
from everyturn_impl.repairs.telling import (
    FlushesBeforeNotice,
    KeepsTheCause,
    PublishesAtOnce,
    RaisesOwnError,
    StoresStateFirst,
    TellsFailedStart,
    WritesDespiteRead,
)
from everyturn_impl.revisions.d6_retry_in_stream import RetriesInStream
from everyturn_impl.revisions.d7_serial_in_process import EntersUnderMutex
from everyturn_impl.revisions.d8_compare_delete import ComparesOnReturn

REPAIRS: Final[dict[str, type[SessionAgent]]] = {
    "looks-after-error": LooksAfterError,
    "looks-after-summary": LooksAfterSummary,
    "enters-under-mutex": EntersUnderMutex,
    "compares-on-return": ComparesOnReturn,
    "retries-in-stream": RetriesInStream,
    "summary-enters-under-mutex": SummaryEntersUnderMutex,
    "summary-hands-off-under-mutex": SummaryHandsOffUnderMutex,
    "summarises-within-turn": SummarisesWithinTurn,
    "continues-within-turn": ContinuesWithinTurn,
    "leaves-own-entry": LeavesOwnEntry,
    "continuation-under-mutex": ContinuationUnderMutex,
    "clears-under-mutex": ClearsUnderMutex,
    "folds-into-the-living": FoldsIntoTheLiving,
    "tells-failed-start": TellsFailedStart,
    "writes-despite-read": WritesDespiteRead,
    "publishes-at-once": PublishesAtOnce,
    "raises-own-error": RaisesOwnError,
    "flushes-before-notice": FlushesBeforeNotice,
    "stores-state-first": StoresStateFirst,
    "keeps-the-cause": KeepsTheCause,
    "closes-under-mutex": ClosesUnderMutex,
}
"""Every repair by its name, outermost first."""

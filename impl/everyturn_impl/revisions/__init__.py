"""The dispatcher's revisions, oldest first. Each file says only what differs from the neighbour nearer to `d4`."""

from __future__ import annotations

from typing import Final

from everyturn_impl.revisions.d0_no_accept import NoAccept
from everyturn_impl.revisions.d1_pending_flag import PendingFlag
from everyturn_impl.revisions.d2_accept_sequence import AcceptSequence
from everyturn_impl.revisions.d3_locked_drain import LockedDrain
from everyturn_impl.revisions.d4_independent import Independent
from everyturn_impl.revisions.d5_server_tells import ServerTells
from everyturn_impl.revisions.d6_retry_in_stream import RetryInStream
from everyturn_impl.revisions.d7_serial_in_process import SerialInProcess
from everyturn_impl.revisions.d8_compare_delete import CompareDelete
from everyturn_impl.revisions.d9_detached_title import DetachedTitle
from everyturn_impl.revisions.d10_newest import Newest
from everyturn_impl.revisions.hardened import Hardened
from everyturn_impl.server import Server

__all__ = [
    "LATER",
    "REVISIONS",
    "AcceptSequence",
    "CompareDelete",
    "DetachedTitle",
    "Hardened",
    "Independent",
    "LockedDrain",
    "Newest",
    "NoAccept",
    "PendingFlag",
    "RetryInStream",
    "SerialInProcess",
    "ServerTells",
]

REVISIONS: Final[dict[str, type[Server]]] = {
    "d0-no-accept": NoAccept,
    "d1-pending-flag": PendingFlag,
    "d2-accept-sequence": AcceptSequence,
    "d3-locked-drain": LockedDrain,
    "d4-independent": Independent,
    "d5-server-tells": ServerTells,
    "d6-retry-in-stream": RetryInStream,
    "d7-serial-in-process": SerialInProcess,
    "d8-compare-delete": CompareDelete,
    "d9-detached-title": DetachedTitle,
    "d10-newest": Newest,
    "hardened": Hardened,
}
"""Every revision by its name, oldest first; `hardened` is our own."""

LATER: Final = tuple(REVISIONS)[5:-1]
"""The revisions after the seed commit, oldest first."""

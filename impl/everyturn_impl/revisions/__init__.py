"""The dispatcher's revisions, oldest first. Each file says only what differs from its newer neighbour."""

from __future__ import annotations

from typing import Final

from everyturn_impl.revisions.d0_no_accept import NoAccept
from everyturn_impl.revisions.d1_pending_flag import PendingFlag
from everyturn_impl.revisions.d2_accept_sequence import AcceptSequence
from everyturn_impl.revisions.d3_locked_drain import LockedDrain
from everyturn_impl.revisions.d4_independent import Independent
from everyturn_impl.revisions.hardened import Hardened
from everyturn_impl.server import Server

__all__ = [
    "REVISIONS",
    "AcceptSequence",
    "Hardened",
    "Independent",
    "LockedDrain",
    "NoAccept",
    "PendingFlag",
]

REVISIONS: Final[dict[str, type[Server]]] = {
    "d0-no-accept": NoAccept,
    "d1-pending-flag": PendingFlag,
    "d2-accept-sequence": AcceptSequence,
    "d3-locked-drain": LockedDrain,
    "d4-independent": Independent,
    "hardened": Hardened,
}
"""Every revision by its name, oldest first; `hardened` is our own."""

"""`d9-detached-title` (2026-07-29, 3a71bdf3a): nobody waits for the title of a new session."""

from __future__ import annotations

from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions.d8_compare_delete import CompareDelete


class DetachedTitle(CompareDelete):
    """Differs from `d8` in that a turn ends while its session's title is being generated."""

    async def open_session(self, call: Call, caller: Context) -> bool:
        """Read the session and start a title if it is new; there is never one to wait for."""
        await super().open_session(call, caller)
        return False

"""`d10-newest` (2026-07-16, 9e3ed61cf): a summary refreshes its credentials within its stream, too.

The date is the author's; the commit came after `d9` into the main line. Up to 37f36e938 (2026-08-21), the last that was
recorded, no other commit touches the protocol.
"""

from __future__ import annotations

from everyturn_impl.calls import Context
from everyturn_impl.revisions.d9_detached_title import DetachedTitle


class Newest(DetachedTitle):
    """Differs from `d9` in what follows when the credentials of a summary's stream are refused."""

    def refreshes(self, prompt: str | None) -> bool:
        """Refused credentials are refreshed within every stream."""
        return True

    async def coordinate_summary(self, caller: Context) -> None:
        """Summarise for a user, once."""
        await self.summarise(caller)

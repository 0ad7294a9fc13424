"""`d4-independent`, the seed commit: queued prompts with a run id complete independently."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent


class Independent(SessionAgent):
    """The seed commit's dispatcher is :class:`~everyturn_impl.agent.SessionAgent` as it stands."""

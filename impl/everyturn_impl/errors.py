"""Errors of the dispatcher, by whose fault they are. Arguments are positional values, so that errors compare by
them."""

from __future__ import annotations

from everyturn_impl.calls import Fault


class AgentError(Exception):
    """The parent of every error that a run of a prompt can end in. ``args`` are the kind and the owner."""

    kind = "agent"

    def __init__(self, owner: str | None = None) -> None:
        super().__init__(owner)

    @property
    def owner(self) -> str | None:
        """The prompt or operation whose error this is."""
        owner: str | None = self.args[0]
        return owner

    @property
    def fault(self) -> Fault:
        """The error as a value, for a completion."""
        return Fault(self.kind, self.owner)


class Cancelled(AgentError):
    """The work's context was cancelled: nobody's fault."""

    kind = "cancelled"


class ProviderError(AgentError):
    """The language model's provider ended the stream with an error."""

    kind = "provider"


class Unauthorised(ProviderError):
    """The provider refused the credentials; with fresh ones the run may be tried again."""

    kind = "unauthorised"


class StoreError(AgentError):
    """The message store failed."""

    kind = "store"


class NotConfigured(AgentError):
    """No model is configured: the coordinator cannot run anything."""

    kind = "not-configured"


class CallerError(Exception):
    """The parent of errors that are the caller's own."""


class InvalidPrompt(CallerError):
    """The prompt is empty or names no session."""


class Refused(CallerError):
    """The workspace is closing and takes no more prompts."""


class SessionBusy(AgentError):
    """A summary was asked for while a turn or another summary is active."""

    kind = "busy"


_BY_KIND: dict[str, type[AgentError]] = {
    cls.kind: cls for cls in (Cancelled, ProviderError, Unauthorised, StoreError, NotConfigured, SessionBusy)
}


def error_of(fault: Fault) -> AgentError:
    """The error that ``fault`` is the value of."""
    return _BY_KIND[fault.kind](fault.owner)

"""What a user writes to have an unmodified asyncio agent judged: a :class:`Session`, the adapter to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from everyturn_model.promises import ALL, Promises

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld
    from everyturn.sessions.calls import Calls


class UserPrompt(NamedTuple):
    """One prompt of the workload. ``text`` is what the agent is given: whose it is, is known by it wherever it goes."""

    name: str
    text: str


class Held(NamedTuple):
    """What is in a session at one moment. ``queue``: the texts of the prompts that wait, the next one first.

    ``busy``: whether a turn is active, or better the text of the prompt whose turn it is.
    """

    busy: bool | str | None = False
    queue: Sequence[str] = ()


class PromptRefused(Exception):
    """Raised by ``submit``: the agent has turned the prompt away, and nothing becomes of it."""


class Later:
    """What ``submit`` returns if the answer comes by :meth:`Session.told`."""

    def __repr__(self) -> str:
        return "self.later"


LATER: Final = Later()


class Session:
    """An adapter to somebody's asyncio agent, one object for each run. ``open`` and ``submit`` are needed, and whatever
    the scope calls: ``cancel`` for ``c``, ``clear`` for ``q``, ``shut_down`` for ``x``.

    Each call is judged from its beginning to its end, and the answer by its text. Whatever the model and the store of
    :class:`~everyturn.asyncio.runtime.world.ScenarioWorld` are asked is seen; what the session holds, if :meth:`look`
    shows it. ``promises``: what the agent promises, so that nothing else is judged. ``stores_prompts``: the agent
    writes the text of each prompt into ``world.store()``, once.
    """

    promises: Promises = ALL
    stores_prompts: bool = False
    later: Final = LATER
    _calls: Calls

    async def open(self, world: ScenarioWorld) -> None:
        """Make the agent, once for each run. ``world.model()`` and ``world.store()`` stand for its model and store."""

    async def submit(self, prompt: UserPrompt) -> str | Later:
        """Give the agent a prompt, and return its answer.

        Raises :class:`asyncio.CancelledError` if it was cancelled, :class:`PromptRefused` if the agent turned it away,
        and any other exception if it failed. :attr:`later` is returned if the answer comes by :meth:`told`.
        """
        raise NotImplementedError

    async def cancel(self) -> None:
        """Do what a user's Cancel does."""
        raise NotImplementedError

    async def clear(self) -> None:
        """Empty the queue."""
        raise NotImplementedError

    async def shut_down(self) -> None:
        """Close the session."""
        raise NotImplementedError

    def look(self) -> Held:
        """What the session holds now. Looked at between any two steps of the loop, so it awaits and changes nothing."""
        raise NotImplementedError

    def told(self, prompt: Any, answer: str | None = None, *, cancelled: bool = False, failed: bool = False) -> None:
        """The agent hands over a completion of ``prompt`` (its text will do): call this where it does."""
        self._calls.told(prompt, answer, cancelled=cancelled, failed=failed)

    def folded(self, prompt: Any, into: Any) -> None:
        """The agent goes on with ``prompt`` in the turn of the prompt ``into``."""
        self._calls.folded(prompt, into)


def shows_itself(adapter: type[Session]) -> bool:
    """Whether an adapter shows what its session holds."""
    return adapter.look is not Session.look


__all__ = ["LATER", "Held", "Later", "Promises", "PromptRefused", "Session", "UserPrompt", "shows_itself"]

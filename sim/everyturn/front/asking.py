"""What the functions of the front door take: agents, scopes, and how to say how far they have come."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, Literal, TypeVar, cast

from everyturn.engines.coroutines.exploration import Sight
from everyturn.sessions.adapter import Session
from everyturn.world.scope import Scope
from everyturn_impl.dispatcher import Dispatcher
from everyturn_impl.ports import Ports

Agent = str | Callable[Concatenate[Ports, ...], object]
"""What is checked: a revision by its name (``"d4"``), a class of one's own by where it lies
(``"package.module:Class"``), or the class itself. Any class will do that is made of :class:`Ports`; it needs only
those methods that a scope calls."""

Granularity = Literal["access", "await"]
"""Where threads may be interleaved: at every access to shared data, or only where code waits."""

Progress = bool | Callable[[Sight], None]
"""``True``: a line on standard error; or a function that is called now and then with how far an exploration has
come."""

Made = TypeVar("Made")


def dispatcher(agent: Agent) -> str | type[Dispatcher]:
    """An agent as the engines take it."""
    return cast("str | type[Dispatcher]", agent)


def scope_text(scope: str | Scope) -> str:
    """A scope as it is written."""
    return str(scope)


@contextmanager
def exploring(progress: Progress, what: str) -> Iterator[Callable[[Sight], None] | None]:
    """What an exploration is to call now and then, if anything."""
    if not isinstance(progress, bool):
        yield progress
    elif progress:
        from everyturn.reports.text import exploring as shown

        with shown(what) as show:
            yield show
    else:
        yield None


ScenarioFunction = Callable[..., Coroutine[Any, Any, Any]]
"""An asyncio program as it is: an ``async def`` that takes the world."""

ScenarioOrName = str | ScenarioFunction
"""An ``async def`` that takes the world, or where it lies: ``"package.module:function"``, ``"file.py:function"``."""

SessionOrName = str | type[Session]
"""A class that inherits from :class:`Session`, or where it lies: ``package.module:Adapter``, ``file.py:Adapter``."""

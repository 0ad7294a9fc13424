"""What a script needs besides to make a session's run: the base class of its adapter, and the clients that call."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Final

from everyturn.asyncio.telling.stock_script import ScriptPart
from everyturn.sessions import stock_clients
from everyturn.sessions.adapter import Held, Later, PromptRefused, Session, UserPrompt

_BODY: Final = "# what follows is the same for every session\n"
_ADAPTER: Final = """from typing import NamedTuple

ALL: Any = None
{classes}
LATER = Later()


{session}

"""


def script_part(calls: Sequence[tuple[str, str]]) -> ScriptPart:
    """``calls``: name and method of each, by the numbers that they have as they come."""
    classes = "\n\n".join(inspect.getsource(each) for each in (UserPrompt, Held, PromptRefused, Later))
    source = inspect.getsource(stock_clients)
    adapter = _ADAPTER.format(classes=classes, session=inspect.getsource(Session))
    constants = {"CALLS": (": list[tuple[str, str]]", list(calls), "the calls of clients: names and methods")}
    return ScriptPart(constants, adapter + source[source.index(_BODY) + len(_BODY) :].strip("\n") + "\n\n\n", note)


def note(seen: object) -> str | None:
    """What the script notes of what was seen of a session; none for what it does not see."""
    match seen:
        case ("told", name, _, outcome, *_):
            return f"{name} is told: {outcome}"
        case ("refused", name, *_):
            return f"{name} is refused"
        case ("return", name, *_):
            return f"{name} has returned"
    return None

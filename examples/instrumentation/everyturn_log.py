"""Writes ``everyturn/log/1``: what an agent's dispatcher does, for ``everyturn validate``. One file, no dependencies.

Copy it into your project. Which line is written when is in ``docs/instrumentation.md``. It may be used from any thread,
and it never raises into the agent: what cannot be written is counted, and its number will be missing in the log, so
that the judge knows that it was lost.

    log = EveryturnLog("agent.jsonl", agent="my-agent 1.2")
    log.submit("session-7", "p1", run_id="r1")

``thread`` is who does it: by default the asyncio task that runs, if there is one, else the thread. On another event
loop, give it, for all tasks of a loop are on one thread, and what one does is not the other's.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any, TextIO

LONGEST = 200
"""Names are cut to so many characters."""


def running() -> str:
    """The name of the asyncio task that runs, or else of the thread. Names of what runs at one time must be
    different."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return threading.current_thread().name if task is None else task.get_name()


class EveryturnLog:
    """A log. ``target`` is a path, which is appended to, or an open text file. ``lost`` counts what could not be
    written.

    ``also`` names the optional kinds of line that this agent writes whenever they happen, with :meth:`write`.
    ``ordered``: it writes ``queued`` lines in the order of the queue. ``promises``: what it promises its users, if that
    is less than everything, for example ``{"cancel": "turn"}``.
    """

    REQUIRED = (
        "submit",
        "queued",
        "started",
        "ended",
        "folded",
        "dropped",
        "told",
        "cancel_call",
        "cancel_return",
        "rest",
    )

    def __init__(
        self,
        target: str | TextIO,
        agent: str = "",
        also: tuple[str, ...] = (),
        *,
        ordered: bool = False,
        promises: dict[str, Any] | None = None,
    ) -> None:
        self.lost = 0
        self._lock = threading.Lock()
        self._sequence = 0
        self._file: TextIO | None = None
        header = {
            "schema": "everyturn/log/1",
            "agent": agent[:LONGEST],
            "kinds": [*self.REQUIRED, *also],
            "sequence": "log",
            "ordered": ordered,
            "promises": promises or {},
        }
        try:
            self._file = (
                open(target, "a", encoding="utf-8")  # noqa: PTH123, SIM115
                if isinstance(target, str)
                else target
            )
            self._file.write(json.dumps(header) + "\n")
            self._file.flush()
        except Exception:  # noqa: BLE001 - a log must not stop the agent
            self.lost += 1

    def write(self, kind: str, session: str, **fields: Any) -> None:
        """Write one line. Fields that are none are left out."""
        with self._lock:
            try:
                number, self._sequence = self._sequence, self._sequence + 1
                line = {"kind": kind, "session": session, "time": time.time(), "sequence": number}
                line |= {name: value for name, value in fields.items() if value is not None}
                cut = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in line.items()}
                assert self._file is not None
                self._file.write(json.dumps(cut) + "\n")
                self._file.flush()
            except Exception:  # noqa: BLE001 - a log must not stop the agent
                self.lost += 1

    def submit(self, session: str, prompt: str, run_id: str | None = None) -> None:
        """Before the prompt is on shared data. ``run_id``: somebody waits for it."""
        self.write("submit", session, prompt=prompt, run_id=run_id)

    def queued(self, session: str, prompt: str) -> None:
        """After the prompt is in the queue."""
        self.write("queued", session, prompt=prompt)

    def started(self, session: str, prompt: str, thread: str | None = None) -> None:
        """After the session is marked busy for the prompt's turn, before the model is asked."""
        self.write("started", session, prompt=prompt, thread=thread or running())

    def ended(self, session: str, prompt: str, outcome: str | None, thread: str | None = None) -> None:
        """Once it is known how the turn ended, before anyone is told or the session is idle."""
        self.write("ended", session, prompt=prompt, outcome=outcome, thread=thread or running())

    def folded(self, session: str, prompt: str, into: str) -> None:
        """After the prompt left the queue for the running turn of the prompt ``into``."""
        self.write("folded", session, prompt=prompt, turn=into)

    def dropped(self, session: str, prompt: str) -> None:
        """After the prompt left the queue for good, or was cancelled before it got in."""
        self.write("dropped", session, prompt=prompt)

    def told(
        self, session: str, prompt: str, outcome: str, owner: str | None = None, thread: str | None = None
    ) -> None:
        """Before the completion is handed to whoever waits. ``owner``: the prompt whose answer or error it carries."""
        self.write("told", session, prompt=prompt, outcome=outcome, owner=owner, thread=thread or running())

    def cancel_call(self, session: str, operation: str) -> None:
        """Before a Cancel's first step; ``operation`` is a name for it."""
        self.write("cancel_call", session, operation=operation)

    def cancel_return(self, session: str, operation: str) -> None:
        """After a Cancel's last step."""
        self.write("cancel_return", session, operation=operation)

    def rest(self, session: str, snapshot: dict[str, Any] | None = None) -> None:
        """When nothing of the session can move any more. ``snapshot``: ``busy``, ``queue``, ``reservations``,
        ``mark``."""
        self.write("rest", session, snapshot=snapshot)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            try:
                assert self._file is not None
                self._file.close()
            except Exception:  # noqa: BLE001 - a log must not stop the agent
                self.lost += 1

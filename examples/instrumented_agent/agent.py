"""A small threaded agent with a queue that writes an ``everyturn/log/1``, and three bugs that it can be asked to have.

    python agent.py agent.jsonl                 # everyturn validate agent.jsonl: holds
    python agent.py agent.jsonl --bug silent    # refuted: no-hang

Each session runs one turn at a time. Who comes while a turn runs is queued; who has a run id gets a turn of its own,
others are folded into the running turn. The thread that ran a turn goes on with the queue.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "instrumentation"))

from everyturn_log import EveryturnLog  # type: ignore[import-not-found, unused-ignore]

BUGS = {
    "silent": "a turn that hands over to the queue does not tell its own waiter",
    "twice": "a cancelled waiter is told by the canceller and again by the turn",
    "fold": "a prompt is folded although somebody waits for it",
}


@dataclass
class Prompt:
    """A prompt; ``answer`` is set when its completion arrives, which only who has a run id awaits."""

    name: str
    run_id: str | None = None
    answer: Future[str] = field(default_factory=Future)


class Agent:
    """One session. ``model`` is asked for each turn, and may take its time; it looks at ``cancelled`` itself."""

    def __init__(self, session: str, log: EveryturnLog, model: Callable[[Prompt], str], bug: str | None = None) -> None:
        self.session, self.log, self.model, self.bug = session, log, model, bug
        self.lock = threading.Lock()
        self.active: Prompt | None = None
        self.cancelled = threading.Event()
        self.queue: list[Prompt] = []
        self.cancels = 0

    def submit(self, prompt: Prompt) -> threading.Thread | None:
        """Take a prompt: it starts on a thread of its own, or waits in the queue."""
        self.log.submit(self.session, prompt.name, prompt.run_id)
        with self.lock:
            if self.active is not None:
                self.queue.append(prompt)
                self.log.queued(self.session, prompt.name)
                return None
            self._start(prompt)
        thread = threading.Thread(target=self._run, args=(prompt,), name=f"thread-of-{prompt.name}")
        thread.start()
        return thread

    def cancel(self) -> None:
        """Cancel the running turn and drop whatever is queued."""
        self.cancels += 1
        name = f"cancel{self.cancels}"
        self.log.cancel_call(self.session, name)
        with self.lock:
            running, dropped, self.queue = self.active, self.queue, []
            self.cancelled.set()
            for prompt in dropped:
                self.log.dropped(self.session, prompt.name)
        for prompt in dropped:
            self._tell(prompt, "cancelled")
        if self.bug == "twice" and running is not None:
            self._tell(running, "cancelled")
        self.log.cancel_return(self.session, name)

    def _start(self, prompt: Prompt) -> None:
        """Mark the session busy. The lock is held; the line is written under it, after the step and before the
        stream."""
        self.active = prompt
        self.cancelled.clear()
        self.log.write("started", self.session, prompt=prompt.name, thread=f"thread-of-{prompt.name}")

    def _run(self, prompt: Prompt) -> None:
        """Run a turn, and start the next one, if anybody waits, on a thread of its own."""
        self._fold(prompt)
        outcome, text = "finished", ""
        try:
            text = self.model(prompt)
        except Exception as error:  # noqa: BLE001 - whatever the model raises is the turn's error
            outcome, text = "failed", str(error)
        if self.cancelled.is_set():
            outcome = "cancelled"
        self.log.ended(self.session, prompt.name, outcome)
        with self.lock:
            silent = self.bug == "silent" and bool(self.queue)
        if not silent:
            self._tell(prompt, outcome, text)
        with self.lock:
            self.active = None
            following = self.queue.pop(0) if self.queue else None
            if following is not None:
                self._start(following)
        if following is not None:
            thread = threading.Thread(target=self._run, args=(following,), name=f"thread-of-{following.name}")
            thread.start()
            thread.join()

    def _fold(self, host: Prompt) -> None:
        """Take into the turn those for whom nobody waits."""
        with self.lock:
            folded = [each for each in self.queue if each.run_id is None or self.bug == "fold"]
            self.queue = [each for each in self.queue if each not in folded]
            for each in folded:
                self.log.folded(self.session, each.name, host.name)

    def _tell(self, prompt: Prompt, outcome: str, text: str = "") -> None:
        if prompt.run_id is None:
            return
        self.log.told(self.session, prompt.name, outcome, owner=prompt.name)
        if not prompt.answer.done():
            prompt.answer.set_result(text or outcome)


def story(log: EveryturnLog, bug: str | None) -> None:
    """Three prompts queue behind a first one; later, one that runs and one that waits are cancelled.

    Gates hold the model's answers, so that the story is the same every time.
    """
    gates = {"p1": threading.Event(), "p5": threading.Event()}
    asked = {"p1": threading.Event(), "p5": threading.Event()}

    def model(prompt: Prompt) -> str:
        if prompt.name in gates:
            asked[prompt.name].set()
            gates[prompt.name].wait()
        return f"an answer to {prompt.name}"

    agent = Agent("kitchen", log, model, bug)
    first = agent.submit(Prompt("p1", "r1"))
    asked["p1"].wait()
    for prompt in (Prompt("p2", "r2"), Prompt("p3", "r3"), Prompt("p4")):
        agent.submit(prompt)
    gates["p1"].set()
    assert first is not None
    first.join()
    log.rest("kitchen")

    second = agent.submit(Prompt("p5", "r5"))
    asked["p5"].wait()
    agent.submit(Prompt("p6", "r6"))
    agent.cancel()
    gates["p5"].set()
    assert second is not None
    second.join()
    log.rest("kitchen")


def main() -> None:
    """Write the log of a story."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("log", help="the file to write")
    parser.add_argument("--bug", choices=BUGS, help="; ".join(f"{name}: {what}" for name, what in BUGS.items()))
    arguments = parser.parse_args()
    Path(arguments.log).unlink(missing_ok=True)
    log = EveryturnLog(arguments.log, agent="kitchen-agent")
    story(log, arguments.bug)
    log.close()


if __name__ == "__main__":
    main()

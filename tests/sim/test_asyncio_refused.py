"""What has to do with the system beside the program: processes, signals, the keyboard, loops of other threads."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario
from everyturn.verdicts.verdict import Verdict


async def ends_the_process_at_once(world: Any) -> None:
    await world.io("a")
    os._exit(3)


async def becomes_two(world: Any) -> None:
    await world.io("a")
    os.fork()


async def asks_the_shell(world: Any) -> None:
    os.system("true")  # it is never asked


async def asks_the_shell_on_a_thread(world: Any) -> None:
    await asyncio.to_thread(subprocess.run, ["true"], check=True)


async def signals_itself(world: Any) -> None:
    """Which would end the search: asyncio's own handler is not set here."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print)
    os.kill(os.getpid(), signal.SIGTERM)


async def raises_a_signal(world: Any) -> None:
    signal.raise_signal(signal.SIGINT)


async def sets_an_alarm(world: Any) -> None:
    """The process that explores sends itself this signal ten times a second."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    end = time.process_time() + 0.5
    while time.process_time() < end:
        await asyncio.sleep(0)


async def waits_for_the_keyboard(world: Any) -> None:
    await asyncio.to_thread(input)


async def reads_what_is_typed(world: Any) -> None:
    for line in sys.stdin:
        print(line)


def _runs_a_loop() -> None:
    loop = asyncio.new_event_loop()
    try:
        loop.run_forever()
    finally:
        loop.close()


async def waits_on_a_thread_for_the_loop(world: Any) -> None:
    """By looking again and again."""
    stopped = threading.Event()

    def works() -> None:
        while not stopped.is_set():
            time.sleep(0.1)

    working = asyncio.create_task(asyncio.to_thread(works))
    await world.io("stop")
    stopped.set()
    await working


async def has_a_loop_on_a_thread(world: Any) -> None:
    """In which nothing is explored."""
    await asyncio.to_thread(_runs_a_loop)


async def begins_another(world: Any) -> None:
    multiprocessing.get_context("spawn").Process(target=print).start()


@pytest.mark.parametrize(
    ("scenario", "what"),
    [
        (ends_the_process_at_once, r"os\._exit"),
        (becomes_two, r"os\.fork"),
        (asks_the_shell, r"os\.system"),
        (begins_another, "another process"),
        (asks_the_shell_on_a_thread, "a subprocess"),
        (signals_itself, r"os\.kill, a signal to a process"),
        (raises_a_signal, r"signal\.raise_signal, a signal to a process"),
        (sets_an_alarm, "a function for SIGALRM"),
        (waits_for_the_keyboard, r"input\(\)"),
        (reads_what_is_typed, "reading standard input"),
        (waits_on_a_thread_for_the_loop, "a function on another thread that sleeps more than 1,000 times"),
        (has_a_loop_on_a_thread, "a loop of its own on another thread"),
    ],
)
def test_what_has_to_do_with_the_system_is_told(scenario: Scenario, what: str) -> None:
    """In place of no verdict at all, or of one that depends on who sits there."""
    with pytest.raises(Unsupported, match=rf"(test_asyncio_refused\.py:\d+|the program): {what}: expected"):
        check(scenario)


async def is_signalled(world: Any) -> None:
    """It has said itself what is to be called."""
    called: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, _: called.append(number))
    signal.raise_signal(signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(0)
    assert called == [signal.SIGUSR1] * 2


def test_a_program_may_signal_itself_what_it_handles() -> None:
    assert check(is_signalled).cell.verdict is Verdict.PROVED

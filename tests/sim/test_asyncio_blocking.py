"""A loop whose own thread waits for what only the loop could do: refuted at once, and not by a limit of time."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.nightly import at_night

SOURCE = """
import asyncio
import threading
import time
from queue import SimpleQueue

import everyturn


class Turns:
    def __init__(self):
        self.lock = threading.Lock()

    async def entered(self, world, name):
        with self.lock:
            await world.io(name)

    async def acquired(self, world, name):
        self.lock.acquire()
        try:
            await world.io(name)
        finally:
            self.lock.release()

    async def swallows(self, world, name):
        try:
            with self.lock:
                await world.io(name)
        except BaseException:
            world.log("went on")

    async def tries(self, world, name):
        while not self.lock.acquire(blocking=False):
            await world.io(f"{name} tries")
        try:
            await world.io(name)
        finally:
            self.lock.release()


async def entered(world):
    turns = Turns()
    await asyncio.gather(turns.entered(world, "a"), turns.entered(world, "b"))


async def acquired(world):
    turns = Turns()
    await asyncio.gather(turns.acquired(world, "a"), turns.acquired(world, "b"))


async def swallows(world):
    turns = Turns()
    await asyncio.gather(turns.swallows(world, "a"), turns.swallows(world, "b"))


async def empty_queue(world):
    items = SimpleQueue()

    async def waits():
        await world.io("b")
        items.get()

    waiting = asyncio.create_task(waits())
    await world.io("a")
    items.put(1)
    await waiting


async def tries(world):
    turns = Turns()
    await asyncio.gather(turns.tries(world, "a"), turns.tries(world, "b"))


async def one_after_the_other(world):
    turns = Turns()
    await turns.entered(world, "a")
    await turns.entered(world, "b")


async def reckons(world):
    lock, until = threading.Lock(), 2_000_000
    while until:
        lock.acquire()
        until -= 1
        lock.release()


async def behind_the_end(world):
    turns = Turns()
    world.tasks_kept = [asyncio.create_task(turns.entered(world, each)) for each in "ab"]


class Locked(everyturn.Session):
    promises = everyturn.Promises(cancel="turn and queue", busy="queue", folds=False)

    async def open(self, world):
        self.model, self.lock = world.model(), threading.Lock()

    async def submit(self, prompt):
        with self.lock:
            return await self.model(prompt.text)
"""


def said_of(folder: Path, *asked: str) -> tuple[int, str]:
    """In a process of its own, which has no other threads."""
    (folder / "locks.py").write_text(SOURCE)
    command = [sys.executable, "-m", "everyturn", *asked]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=100)
    return done.returncode, done.stdout + done.stderr


def test_a_loop_that_can_never_go_on_is_refuted_and_its_token_makes_the_run_again(tmp_path: Path) -> None:
    named = [f"--scenario=locks.py:{each}" for each in ("entered", "acquired", "swallows", "empty_queue")]
    code, said = said_of(tmp_path, "check", *named, "--stop-at-first")
    assert code == 1
    for what, often in (("a lock of threading that is held", 3), ("an empty queue.SimpleQueue", 1)):
        assert said.count(f"✗ blocked: {what} blocks the event loop for ever") == often
        assert said.count(f"✗ hang: the scenario never ends: {what}") == often
    token = re.findall(r"everyturn replay (\S+)", said)[0]
    code, said = said_of(tmp_path, "replay", token, "--scenario", "locks.py:entered")
    assert (code, "goes on no more" in said, "went on" in said) == (1, True, False), said


@at_night
def test_there_is_no_script_for_it(tmp_path: Path) -> None:
    _, said = said_of(tmp_path, "check", "--scenario", "locks.py:entered")
    token = re.findall(r"everyturn replay (\S+)", said)[0]
    code, said = said_of(tmp_path, "explain", token, "--scenario", "locks.py:entered", "--script", "made.py")
    assert (code, "found one that blocks its loop for ever" in said) == (2, True), said


def test_in_a_session_nobody_is_told(tmp_path: Path) -> None:
    """What the blocked call comes to when it is ended is none of the run."""
    code, said = said_of(tmp_path, "check", "--session", "locks.py:Locked", "--scope", "AA", "--stop-at-first")
    assert code == 1
    for name in ("no-hang", "no-deadlock", "blocked"):
        assert f"✗ {name}: " in said
    assert "StepInterrupted" not in said


def test_what_is_left_over_never_goes_on_and_locks_that_are_let_go_block_nobody(tmp_path: Path) -> None:
    """One of them is tried without waiting, and one taken very often within one step."""
    named = ["behind_the_end", "one_after_the_other", "reckons", "tries"]
    code, said = said_of(tmp_path, "check", *(f"--scenario=locks.py:{each}" for each in named))
    assert code == 1
    assert re.search(r"✗ left-over: .* never goes on: a lock of threading that is held", said)
    assert said.count("✗ blocked") == 1
    assert said.count("✗ refuted") <= 2
    for name in named[1:]:
        assert re.search(rf"locks.py:{name} .*✓", said)

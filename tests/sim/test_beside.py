"""Work on a thread of its own: both pieces are over when it is, whatever either raises."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from everyturn.engines.explorer import beside as module
from everyturn.engines.explorer.beside import beside


def test_both_are_done_at_once() -> None:
    """Each waits for the other to have begun."""
    here, there = threading.Event(), threading.Event()

    def work() -> str:
        there.set()
        assert here.wait(60)
        return threading.current_thread().name

    def meanwhile() -> None:
        assert there.wait(60)
        here.set()

    assert beside(work, meanwhile) != threading.current_thread().name


@pytest.mark.parametrize("error", [MemoryError("no room"), KeyboardInterrupt()])
def test_what_is_raised_there_is_raised_here(error: BaseException) -> None:
    """After what was done meanwhile."""
    done = []

    def work() -> None:
        raise error

    with pytest.raises(type(error)):
        beside(work, lambda: done.append(1))
    assert done == [1]


def test_what_is_raised_meanwhile_waits_for_the_work() -> None:
    """Ctrl-C leaves no thread behind that writes into tables."""
    begun, done = threading.Event(), []

    def work() -> None:
        begun.wait(60)
        time.sleep(0.05)
        done.append(1)

    def meanwhile() -> None:
        begun.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beside(work, meanwhile)
    assert done


def test_ctrl_c_while_the_work_is_waited_for_waits_as_well() -> None:
    """It is raised when the work is done."""
    done = []

    def work() -> None:
        signal.raise_signal(signal.SIGINT)  # handled by the main thread, which waits
        time.sleep(0.05)
        done.append(1)

    with pytest.raises(KeyboardInterrupt):
        beside(work, lambda: None)
    assert done


def test_where_there_can_be_no_thread_both_are_done_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose limit is reached."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    done: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", start)
    beside(lambda: done.append("work"), lambda: done.append("meanwhile"))
    assert done == ["work", "meanwhile"]


def test_ctrl_c_before_a_thread_has_begun_waits_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """It never begins then."""

    def start(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    with pytest.raises(KeyboardInterrupt):
        beside(lambda: None, lambda: None)

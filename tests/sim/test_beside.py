"""Work on a thread of its own: both pieces are over when it is, whatever either raises."""

from __future__ import annotations

import threading

import pytest

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
        done.append(threading.current_thread())

    def meanwhile() -> None:
        begun.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        beside(work, meanwhile)
    assert not done[0].is_alive()

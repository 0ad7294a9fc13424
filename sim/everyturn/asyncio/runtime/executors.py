"""Executors that the program makes itself: pools of threads whose functions the world runs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.outside import Pool
from everyturn.asyncio.runtime.places import user_line

_SUBMIT = ThreadPoolExecutor.submit


def check(executor: Any) -> None:
    """Raises :class:`Unsupported` for an executor that does more with a function than to run it on a thread, and what
    the executor itself raises when it has been shut down."""
    if executor is None:
        return
    if not isinstance(executor, ThreadPoolExecutor) or type(executor).submit is not _SUBMIT:
        raise Unsupported(
            f"{user_line()}: a function for a {type(executor).__qualname__}: expected a "
            "concurrent.futures.ThreadPoolExecutor with its own submit; await world.io(...) for what others do"
        )
    if executor._initializer is not None:
        raise Unsupported(
            f"{user_line()}: a ThreadPoolExecutor with an initializer: expected one without; let the function that it "
            "runs prepare its thread itself"
        )
    if executor._shutdown:
        raise RuntimeError("cannot schedule new futures after shutdown")


def thread_name(executor: Any) -> str:
    """What threads of ``executor`` (nothing: the default one) are called, but for their numbers."""
    return str(getattr(executor, "_thread_name_prefix", "asyncio"))


def shut_down(executor: Any, pool: Pool, *, wait: bool, cancels: bool) -> None:
    """Before ``executor`` is shut down: what it has still to run is run, if it is waited for.

    In which order several threads would end, and what one of them has taken up before the rest is cancelled, is not
    explored: then it is refused.
    """
    left = len(pool.begun) + len(pool.waiting)
    if left and (cancels or (wait and left > 1 and pool.workers > 1)):
        raise Unsupported(
            f"{user_line()}: the shutdown of an executor that has {left} function{'s' * (left != 1)} to run: expected "
            "an idle one; await its functions first, or shut it down with wait=False"
        )
    while wait and pool.begun:
        job = pool.begun[0]
        if not job.ran:
            job.run()
        pool.finished(job)
        job.arrive()


def shutdown_instead(original: Callable[..., None], pool_of: Callable[[Any], Pool | None]) -> Callable[..., None]:
    """What stands for ``ThreadPoolExecutor.shutdown``. ``pool_of``: the pool of an executor that a run knows."""

    def shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pool = pool_of(self)
        if pool is not None:
            shut_down(self, pool, wait=wait, cancels=cancel_futures)
        original(self, wait=wait, cancel_futures=cancel_futures)

    return shutdown

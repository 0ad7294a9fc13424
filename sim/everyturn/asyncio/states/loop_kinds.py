"""What asyncio and its loop are made of: futures, tasks, handles, contexts, and what waits for a future."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import ctypes
import gc
import re
import types
from collections.abc import AsyncGenerator
from typing import Any, Final

from everyturn.asyncio.order.ordering import WorldFuture, WorldTask
from everyturn.asyncio.runtime.apart import apart
from everyturn.asyncio.states.encoding import StateEncoder, encodes
from everyturn.identity.layout import layout

_OURS: Final = (WorldTask, WorldFuture)
_OF_SETS: Final = frozenset({"number_in_sets", "label_in_sets", "came_to_sets"})
_AUTOMATIC: Final = re.compile(r"Task-\d+")
"""A task's name that nobody has given it."""


@encodes(asyncio.Handle, asyncio.TimerHandle)
def _handle(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, value._cancelled))
    if not value._cancelled:
        encoder.value(value._callback)
        encoder.value(value._args)
        encoder.value(value._context)
    if isinstance(value, asyncio.TimerHandle):
        encoder.value(value.when())
        encoder.value(getattr(value, "_scheduled", None))


_OF_REAL_THREADS = ("_work_queue", "_idle_semaphore", "_threads", "_shutdown_lock", "_thread_name_prefix")
"""Attributes of an executor that nothing uses here: what it is given is in the world's pool for it."""


@encodes(concurrent.futures.ThreadPoolExecutor)
def _executor(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append("executor")
    encoder.value({name: each for name, each in vars(value).items() if name not in _OF_REAL_THREADS})


@encodes(contextvars.ContextVar)
def _variable(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append("variable")
    for each in gc.get_referents(value):  # its name, and its default if it has one
        encoder.value(each)


@encodes(contextvars.Context)
def _context(encoder: StateEncoder, value: contextvars.Context) -> None:
    encoder.out.append(("context", len(value)))
    for variable in sorted(value, key=lambda each: (each.name, encoder.numbers.get(id(each), -1), id(each))):
        encoder.value(variable)
        encoder.value(value[variable])


def _is_used(token: Any) -> bool:
    """Whether a variable was reset by this token. It is the last field of its C structure, and no attribute."""
    place = id(token) + contextvars.Token.__basicsize__ - ctypes.sizeof(ctypes.c_void_p)
    return ctypes.c_int.from_address(place).value != 0


def _shows_use() -> bool:
    """Whether on this Python the use of a token can be read as said above: else tokens are opaque."""
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")
    token = variable.set(0)
    fresh = _is_used(token)
    variable.reset(token)
    return not fresh and _is_used(token)


_SHOWS_USE: Final = contextvars.Context().run(_shows_use)


@encodes(contextvars.Token)
def _token(encoder: StateEncoder, value: contextvars.Token[Any]) -> None:
    if not _SHOWS_USE:
        raise encoder.opaque(value)
    encoder.value(value.var)
    encoder.out.append(("token", _is_used(value), value.old_value is contextvars.Token.MISSING))
    if value.old_value is not contextvars.Token.MISSING:
        encoder.value(value.old_value)
    _referents(encoder, value)


@encodes(WorldTask, WorldFuture, asyncio.Future, asyncio.Task)
def _future(encoder: StateEncoder, value: Any) -> None:
    out = encoder.out
    kind: type = type(value)
    if kind not in _OURS:
        encoder.value(kind)
    out.append(("future", value._state, value._log_traceback, value._asyncio_future_blocking))
    ours = issubclass(kind, _OURS)
    out.append(value.number_in_sets if ours else None)
    encoder.value(value._cancel_message)
    if value._state == "CANCELLED":  # by which error, no attribute shows
        encoder.value([each for each in gc.get_referents(value) if isinstance(each, BaseException)])
    if value._state == "FINISHED":
        error = value._exception
        encoder.value(error)
        if error is None:
            encoder.value(value._result)
    callbacks = value._callbacks or ()
    out.append(("callbacks", len(callbacks)))
    for callback, context in callbacks:
        encoder.value(callback)
        encoder.value(context)
    if isinstance(value, asyncio.Task):
        _task(encoder, value)
    encoder.named({name: each for name, each in _namespace(value).items() if name not in _OF_SETS})
    for name, get in layout(kind).slots:
        try:
            encoder.inside(name, get(value))
        except AttributeError:
            out.append("empty")


_own_namespace: Final = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_void_p)(
    ("PyObject_GenericGetDict", ctypes.pythonapi)
)


def _namespace(future: Any) -> dict[str, Any]:
    """The attributes that code has set on a future or task, which has them where no ``__dict__`` shows them."""
    if hasattr(future, "__dict__"):
        shown: dict[str, Any] = vars(future)
        return shown
    offset = type(future).__dictoffset__
    if offset < 0:  # of Python 3.13: it is Python itself that knows where
        own: dict[str, Any] = _own_namespace(future, None)
        return own
    if offset == 0:
        return {}
    address = ctypes.c_void_p.from_address(id(future) + offset).value
    held = [each for each in gc.get_referents(future) if type(each) is dict and id(each) == address]
    return held[0] if held else {}


def _task(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append((value._must_cancel, value.cancelling(), value._log_destroy_pending))
    name = value.get_name()
    is_given = id(name) in encoder.world.loop.given_names
    encoder.out.append(name if is_given or not _AUTOMATIC.fullmatch(name) else "")
    encoder.inside(name, value.get_coro())
    encoder.value(value._fut_waiter)
    encoder.value(next((each for each in gc.get_referents(value) if type(each) is contextvars.Context), None))


_OF_CONCURRENT_FUTURES: Final = frozenset(vars(concurrent.futures.Future()))


@encodes(concurrent.futures.Future)
def _concurrent_future(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("concurrent future", value._state))
    encoder.value(value._result)
    encoder.value(value._exception)
    encoder.value(list(value._done_callbacks))
    encoder.named({name: each for name, each in vars(value).items() if name not in _OF_CONCURRENT_FUTURES})


def _referents(encoder: StateEncoder, value: Any) -> None:
    """What is made of its referents alone, in the order in which the collector visits them."""
    encoder.out.append(type(value).__name__)
    for each in gc.get_referents(value):
        if each is not type(value):
            encoder.value(each)


def _learn_hidden_types() -> None:
    """Types that no module names: a future's iterator, what makes a task's step or wakes it, a coroutine's iterator."""
    loop = asyncio.new_event_loop()

    async def nothing() -> None: ...

    async def waits(future: Any) -> None:
        await future

    try:
        future = loop.create_future()
        task = loop.create_task(waits(future))
        step = loop._ready[0]._callback  # type: ignore[attr-defined]
        loop.run_until_complete(asyncio.sleep(0))
        wakeup = future._callbacks[0][0]
        waiting = nothing()
        for hidden in (step, wakeup, future.__await__(), waiting.__await__()):
            kind = type(hidden)
            if kind is types.BuiltinFunctionType:  # which is known by its name, too
                continue
            if kind.__module__ == "builtins" or kind.__module__.startswith("_asyncio"):
                encodes(kind)(_referents)
        waiting.close()
        future.set_result(None)
        loop.run_until_complete(task)
    finally:
        loop.close()


with apart():
    _learn_hidden_types()


async def _nothing() -> AsyncGenerator[None, None]:
    yield


def _kind_with_default() -> type:
    """The type of what ``anext`` with a default makes: a step, and that default."""
    waits: Any = anext(_nothing(), None)
    waits.close()
    return type(waits)


encodes(_kind_with_default())(_referents)

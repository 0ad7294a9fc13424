"""The state of a run at a moment when the world decides: everything that can matter later, as one value.

Objects are numbered in the order of a fixed traversal, so that aliasing counts and addresses do not. Equal states have
equal futures; what cannot be known is :class:`Opaque`, and a state that holds it is equal to no other. Not counted: an
exception's traceback, automatic names of tasks, and what the standard library keeps for itself in its modules.
"""

from __future__ import annotations

import asyncio
import contextvars
import dis
import functools
import gc
import logging
import re
import sys
import sysconfig
import types
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Hashable
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.moments import Moment, Span
from everyturn.asyncio.ordering import WorldFuture, WorldTask

if TYPE_CHECKING:
    from everyturn.asyncio.world import World

_STANDARD: Final = tuple(str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib"))
_ATOMS: Final = frozenset({int, bool, str, bytes, type(None), type(...), type(NotImplemented), range})
_ITERATORS: Final[frozenset[type]] = frozenset(
    {
        type(iter([])),
        type(iter(())),
        type(iter({})),
        type(iter({}.values())),
        type(iter({}.items())),
        type(iter(range(0))),
        type(iter("")),
        type(iter("é")),
        type(iter(b"")),
        type(reversed([])),
        enumerate,
        zip,
        map,
        filter,
        reversed,
    }
)
_ASENDS: Final = ("async_generator_asend", "async_generator_athrow")


class Opaque(Exception):
    """Something cannot be known by value: what it is, and the path to it."""

    def __init__(self, kind: type, path: str) -> None:
        super().__init__(f"{path}: {kind.__module__}.{kind.__qualname__}")
        self.kind = kind
        self.path = path


_KNOWN: dict[type, Callable[[Any], Any]] = {}


def known(kind: type, by: Callable[[Any], Any]) -> None:
    """Know objects of type ``kind`` by the value that ``by`` returns for them. Two with equal values must do the same."""
    _KNOWN[kind] = by


class Encoder:
    """Encodes one state. ``out`` grows as the traversal goes."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.out: list[Hashable] = []
        self.numbers: dict[int, int] = {}
        self.alive: list[object] = []
        self.instants: list[int] = [world.clock.now]
        self.path: list[str] = []
        self.globals: set[tuple[int, str]] = set()
        self.classes: set[int] = set()
        for each in (world, world.loop, world.clock, world.guide):
            self._number(each)

    def whole(self) -> tuple[Hashable, ...]:
        """The state of the world now. Raises :class:`Opaque`."""
        world, loop = self.world, self.world.loop
        self._part("ready", list(loop._ready), loop._ready.left)
        self._part("arrived", world.arrived, world.kept)
        self._part("timers", loop._scheduled)  # type: ignore[attr-defined]
        self._part("answers", [self._answer(each) for each in world.answers])
        self._part("orphans", [self._answer(each) for each in world.orphans])
        self._part(
            "pools", [([_job(job) for job in pool.begun], [_job(j) for j in pool.waiting]) for pool in world.pools]
        )
        self._part("idle", [(world.pools.index(pool), future) for pool, future in world._idle])
        self._part("loop", loop.get_task_factory(), loop._stopping, loop._exception_handler)  # type: ignore[attr-defined]
        self._part("main", world.main, world.phase, world.numbers.left, world.numbers.wanted)
        tasks = [task for task in world.tasks() if id(task) not in self.numbers]
        self._part("nobody's tasks", tasks)
        bounds = world.clock.bounds(self.instants)
        return (*self.out, ("bounds", bounds))

    def _answer(self, answer: Any) -> tuple[Any, ...]:
        return (
            answer.name,
            answer.future,
            answer.result,
            answer.errors,
            answer.effect,
            answer.until,
            answer.happened,
        )

    def _part(self, name: str, *values: Any) -> None:
        self.out.append(name)
        self.path = [name]
        for value in values:
            self.value(value)

    def _number(self, value: object) -> None:
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)

    def inside(self, name: str, value: Any) -> None:
        """A part of something, by its name."""
        self.path.append(name)
        self.value(value)
        self.path.pop()

    def value(self, value: Any) -> None:
        """Encode any object."""
        out = self.out
        kind = type(value)
        if kind in _ATOMS:
            out.append((kind, value))
            return
        if kind is float or kind is complex:
            out.append((kind, repr(value)))
            return
        number = self.numbers.get(id(value))
        if number is not None:
            out.append(("again", number))
            return
        if kind is Moment:
            self._moment(value)
            return
        if kind is Span:
            self._moment(value.end)
            self._moment(value.start)
            out.append(("span", value.more))
            return
        self._number(value)
        encode = _BY_TYPE.get(kind)
        if encode is not None:
            encode(self, value)
        else:
            self._other(value, kind)

    def _moment(self, moment: Moment) -> None:
        if moment.instant not in self.instants:
            self.instants.append(moment.instant)
        self.out.append(("moment", self.instants.index(moment.instant), moment.offset))

    def _other(self, value: Any, kind: type) -> None:
        for each in kind.__mro__[:-1]:
            if each in _KNOWN:
                self.out.append((kind, "by"))
                self.value(_KNOWN[each](value))
                return
        if isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.ModuleType | logging.Logger):
            self.out.append(("itself", value.__name__ if isinstance(value, types.ModuleType) else value.name))
        elif isinstance(value, contextvars.ContextVar):
            self.out.append(("variable", value.name))
        elif isinstance(value, Enum):
            self.out.append((kind, value._value_ if isinstance(value._value_, Hashable) else value._name_))
        elif kind.__name__ in _ASENDS:
            raise Opaque(kind, ".".join(self.path))
        elif isinstance(value, BaseException):
            self._exception(value, kind)
        elif isinstance(value, functools.partial):
            self.out.append(("partial", kind))
            for part in (value.func, value.args, value.keywords, vars(value)):
                self.value(part)
        elif isinstance(value, asyncio.Future):
            _future(self, value)
        else:
            self._object(value, kind)

    def _object(self, value: Any, kind: type) -> None:
        """An instance of a class: its class, what it holds as a container, its attributes and slots."""
        self.out.append("object")
        self.value(kind)
        base = next((each for each in kind.__mro__ if not each.__flags__ & _HEAP and each is not object), None)
        if base is not None:
            contents = _CONTENTS.get(base)
            if contents is None:
                raise Opaque(kind, ".".join(self.path))
            contents(self, value)
        attributes = getattr(value, "__dict__", None)
        if attributes is not None:
            self._named(attributes)
        for name in _slots(kind):
            if hasattr(value, name):
                self.out.append(name)
                self.inside(name, getattr(value, name))

    def _named(self, attributes: Any) -> None:
        self.out.append(("attributes", len(attributes)))
        for name, value in attributes.items():
            self.out.append(name)
            self.path.append(name)
            self.value(value)
            self.path.pop()

    def _class(self, kind: type) -> None:
        """A class: one that is found where it says it is, by that place; one made at run time, by all it consists of."""
        if _is_in_its_place(kind):
            self.out.append(("class", kind.__module__, kind.__qualname__))
            self._class_attributes(kind)
            return
        self.out.append(("local class", kind.__qualname__))
        self.value(kind.__bases__)
        for name, value in kind.__dict__.items():
            if name not in _NOT_OF_THE_CLASS:
                self.out.append(name)
                self.inside(name, value)

    def _class_attributes(self, kind: type) -> None:
        for each in kind.__mro__:
            if id(each) in self.classes or not _is_watched(each):
                continue
            self.classes.add(id(each))
            for name in _data_attributes(each):
                self.out.append(name)
                self.inside(name, each.__dict__.get(name))

    def _exception(self, value: BaseException, kind: type) -> None:
        self.out.append("exception")
        self.value(kind)
        parts = (value.args, getattr(value, "__dict__", {}), value.__cause__, value.__context__)
        for part in (*parts, value.__suppress_context__):
            self.value(part)
        if isinstance(value, BaseExceptionGroup):
            self.value(value.exceptions)
        elif isinstance(value, StopIteration | SystemExit | OSError | UnicodeError | ImportError):
            for name in ("value", "code", "errno", "strerror", "filename", "name", "path", "reason", "object"):
                self.value(getattr(value, name, None))
        for name in _slots(kind):
            self.value(getattr(value, name, None))

    def code(self, code: types.CodeType, names: Any) -> None:
        """Code, and those globals of the program that it reads."""
        self.out.append(("code", _code_number(code)))
        if code.co_filename.startswith(_STANDARD) and "site-packages" not in code.co_filename:
            return
        for name in _globals_read(code):
            if name in names and (id(names), name) not in self.globals:
                self.globals.add((id(names), name))
                value = names[name]
                if not isinstance(value, types.ModuleType) and not (isinstance(value, type) and not _is_watched(value)):
                    self.out.append(("global", name))
                    self.inside(name, value)

    def frame(self, owner: Any, frame: Any, awaited: Any) -> None:
        """A suspended frame: code, instruction, variables, and what lies hidden on its value stack."""
        code = frame.f_code
        self.code(code, frame.f_globals)
        self.out.append(frame.f_lasti)
        hidden = gc.get_referents(owner)
        bound = frame.f_locals
        for name in sorted(bound):
            self.out.append(name)
            self.inside(name, bound[name])
        captured = (*code.co_cellvars, *code.co_freevars)
        named = sum(name not in captured for name in bound) + len(captured)
        last = max((place for place, each in enumerate(hidden) if each is code), default=-1)
        for value in hidden[last + 1 + named :]:
            if value is awaited and type(value).__name__ in _ASENDS and id(value) not in self.numbers:
                self._number(value)
                self.out.append(type(value).__name__)
                for each in gc.get_referents(value):
                    self.value(each)
            else:
                self.value(value)


_HEAP: Final = 1 << 9
"""The flag of classes that are made at run time."""


def _job(job: Any) -> tuple[Any, ...]:
    return (job.name, job.call, job.ran, job.future, job._value, job._error)


def _atomic(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value), value))


def _sequence(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, len(value)))
    for place, each in enumerate(value):
        encoder.inside(f"[{place}]", each)


def _deque(encoder: Encoder, value: Any) -> None:
    encoder.out.append(("maxlen", value.maxlen))
    _sequence(encoder, value)


def _mapping(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, len(value)))
    for key, each in value.items():
        encoder.value(key)
        encoder.inside(f"[{key!r:.20}]" if type(key) in _ATOMS else "[…]", each)


def _defaultdict(encoder: Encoder, value: Any) -> None:
    encoder.value(value.default_factory)
    _mapping(encoder, value)


def _set(encoder: Encoder, value: Any) -> None:
    """A set in its order of iteration, if that does not depend on addresses."""
    encoder.out.append((type(value).__name__, len(value)))
    if len(value) > 1 and not all(_has_own_order(each) for each in value):
        raise Opaque(type(value), ".".join(encoder.path))
    for each in value:
        encoder.value(each)


def _has_own_order(value: Any) -> bool:
    if isinstance(value, weakref.ref):
        value = value()
    kind = type(value)
    if kind is tuple:
        return all(_has_own_order(each) for each in value)
    return kind in _ATOMS or kind is float or kind is WorldTask or kind is WorldFuture or isinstance(value, int | str)


def _function(encoder: Encoder, value: Any) -> None:
    encoder.out.append("function")
    encoder.code(value.__code__, value.__globals__)
    for cell in value.__closure__ or ():
        encoder.value(cell)
    encoder.value(value.__defaults__)
    encoder.value(value.__kwdefaults__)
    if value.__dict__:
        encoder._named(value.__dict__)


def _cell(encoder: Encoder, value: Any) -> None:
    encoder.out.append("cell")
    try:
        content = value.cell_contents
    except ValueError:
        encoder.out.append("empty")
        return
    encoder.value(content)


def _method(encoder: Encoder, value: Any) -> None:
    encoder.out.append("method")
    encoder.value(value.__func__)
    encoder.value(value.__self__)


def _builtin(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, value.__name__))
    owner = getattr(value, "__self__", None)
    encoder.value(None if isinstance(owner, types.ModuleType) else owner)
    if isinstance(owner, types.ModuleType):
        encoder.out.append(owner.__name__)


def _descriptor(encoder: Encoder, value: Any) -> None:
    encoder.out.append(("descriptor", value.__objclass__.__qualname__, value.__name__))


def _coroutine(encoder: Encoder, value: Any) -> None:
    frame = value.cr_frame
    encoder.out.append(("coroutine", frame is not None))
    if frame is not None:
        encoder.frame(value, frame, value.cr_await)


def _generator(encoder: Encoder, value: Any) -> None:
    frame = value.gi_frame
    encoder.out.append(("generator", frame is not None, value.gi_running))
    if frame is not None:
        encoder.frame(value, frame, value.gi_yieldfrom)


def _async_generator(encoder: Encoder, value: Any) -> None:
    frame = value.ag_frame
    encoder.out.append(("async generator", frame is not None, value.ag_running))
    if frame is not None:
        encoder.frame(value, frame, value.ag_await)


def _referents(encoder: Encoder, value: Any) -> None:
    """What is made of its referents alone, in the order in which the collector visits them."""
    encoder.out.append(type(value).__name__)
    for each in gc.get_referents(value):
        if type(each) is not type:
            encoder.value(each)


def _iterator(encoder: Encoder, value: Any) -> None:
    encoder.out.append(type(value).__name__)
    if type(value) in (map, filter, zip):
        _referents(encoder, value)
        return
    encoder.value(value.__reduce__()[1:])


def _weakref(encoder: Encoder, value: Any) -> None:
    encoder.out.append("weak reference")
    encoder.value(value())
    encoder.value(value.__callback__)


def _handle(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, value._cancelled))
    if not value._cancelled:
        encoder.value(value._callback)
        encoder.value(value._args)
        encoder.value(value._context)
    if isinstance(value, asyncio.TimerHandle):
        encoder.value(value.when())
        encoder.value(getattr(value, "_scheduled", None))


def _context(encoder: Encoder, value: contextvars.Context) -> None:
    encoder.out.append(("context", len(value)))
    for variable in sorted(value, key=lambda each: (each.name, id(each))):
        encoder.value(variable)
        encoder.value(value[variable])


def _future(encoder: Encoder, value: Any) -> None:
    out = encoder.out
    if type(value) not in (WorldTask, WorldFuture):
        encoder.value(type(value))
    out.append(("future", value._state, value._log_traceback, value._asyncio_future_blocking))
    out.append(getattr(value, "number", None))
    encoder.value(value._cancel_message)
    if value._state == "FINISHED":
        error = value._exception
        encoder.value(error)
        if error is None:
            encoder.value(value._result)
    encoder.value([(callback, context) for callback, context in value._callbacks or ()])
    if isinstance(value, asyncio.Task):
        out.append((value._must_cancel, value.cancelling(), value._log_destroy_pending))  # type: ignore[attr-defined]
        name = value.get_name()
        out.append("" if re.fullmatch(r"Task-\d+", name) else name)
        encoder.inside(name, value.get_coro())
        encoder.value(value._fut_waiter)  # type: ignore[attr-defined]
        context = next((each for each in gc.get_referents(value) if type(each) is contextvars.Context), None)
        encoder.value(context)
    attributes = getattr(value, "__dict__", None)
    if attributes:
        encoder._named({name: each for name, each in attributes.items() if name != "number"})
    kind: type = type(value)
    for name in _slots(kind):
        encoder.value(getattr(value, name, None))


def _concurrent_future(encoder: Encoder, value: Any) -> None:
    encoder.out.append(("concurrent future", value._state))
    encoder.value(value._result)
    encoder.value(value._exception)
    encoder.value(list(value._done_callbacks))


def _mapping_view(encoder: Encoder, value: Any) -> None:
    encoder.out.append(type(value).__name__)
    encoder.value(value.mapping)


def _property(encoder: Encoder, value: Any) -> None:
    encoder.out.append("property")
    for part in (value.fget, value.fset, value.fdel):
        encoder.value(part)


def _alias(encoder: Encoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, repr(value)))


def _types() -> dict[type, Callable[[Encoder, Any], None]]:
    import concurrent.futures
    import datetime
    import decimal
    import threading

    async def nothing() -> None: ...

    waiting = nothing()
    wrapper = type(waiting.__await__())
    waiting.close()
    table: dict[type, Callable[[Encoder, Any], None]] = {
        tuple: _sequence,
        list: _sequence,
        dict: _mapping,
        set: _set,
        frozenset: _set,
        deque: _deque,
        defaultdict: _defaultdict,
        OrderedDict: _mapping,
        types.MappingProxyType: _mapping,
        bytearray: lambda encoder, value: encoder.out.append((bytearray, bytes(value))),
        types.FunctionType: _function,
        types.CellType: _cell,
        types.MethodType: _method,
        types.BuiltinFunctionType: _builtin,
        types.MethodWrapperType: _builtin,
        types.WrapperDescriptorType: _descriptor,
        types.MethodDescriptorType: _descriptor,
        types.ClassMethodDescriptorType: _descriptor,
        types.GetSetDescriptorType: _descriptor,
        types.MemberDescriptorType: _descriptor,
        types.CoroutineType: _coroutine,
        types.GeneratorType: _generator,
        types.AsyncGeneratorType: _async_generator,
        wrapper: _referents,
        weakref.ref: _weakref,
        contextvars.Context: _context,
        contextvars.Token: _token,
        asyncio.Handle: _handle,
        asyncio.TimerHandle: _handle,
        WorldTask: _future,
        WorldFuture: _future,
        asyncio.Future: _future,
        asyncio.Task: _future,
        concurrent.futures.Future: _concurrent_future,
        type({}.keys()): _mapping_view,
        type({}.values()): _mapping_view,
        type({}.items()): _mapping_view,
        re.Pattern: _atomic,
        slice: lambda encoder, value: encoder.value((value.start, value.stop, value.step)),
        datetime.datetime: _atomic,
        datetime.date: _atomic,
        datetime.timedelta: _atomic,
        datetime.timezone: _atomic,
        decimal.Decimal: lambda encoder, value: encoder.out.append((decimal.Decimal, repr(value))),
        decimal.Context: lambda encoder, value: encoder.out.append((decimal.Context, repr(value))),
        type(threading.Lock()): lambda encoder, value: encoder.out.append(("lock", value.locked())),
        object: lambda encoder, value: encoder.out.append("object()"),
        staticmethod: lambda encoder, value: encoder.value(value.__func__),
        classmethod: lambda encoder, value: encoder.value(value.__func__),
        property: _property,
        types.GenericAlias: _alias,
        types.UnionType: _alias,
    }
    table |= dict.fromkeys(_ITERATORS, _iterator)
    return table


def _token(encoder: Encoder, value: contextvars.Token[Any]) -> None:
    encoder.value(value.var)
    encoder.out.append(("token", value.old_value is contextvars.Token.MISSING))
    if value.old_value is not contextvars.Token.MISSING:
        encoder.value(value.old_value)
    _referents(encoder, value)


_CONTENTS: Final[dict[type, Callable[[Encoder, Any], None]]] = {
    int: lambda encoder, value: encoder.out.append(int(value)),
    str: lambda encoder, value: encoder.out.append(str.__str__(value)),
    bytes: lambda encoder, value: encoder.out.append(bytes(value)),
    float: lambda encoder, value: encoder.out.append(float.__repr__(value)),
    tuple: _sequence,
    list: _sequence,
    dict: _mapping,
    set: _set,
    frozenset: _set,
    deque: _deque,
    defaultdict: _defaultdict,
    OrderedDict: _mapping,
}
"""Built-in type → how what an instance of a subclass holds is known."""

_BY_TYPE: dict[type, Callable[[Encoder, Any], None]] = _types()
for _hidden in ("TaskStepMethWrapper", "FutureIter"):
    _found = getattr(sys.modules["_asyncio"], _hidden, None)
    if _found is not None:
        _BY_TYPE[_found] = _referents


def _learn_hidden_types() -> None:
    """Types of asyncio's own that no module names: a future's iterator, and the callable that makes a task's step."""
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        _BY_TYPE[type(future.__await__())] = _referents

        async def nothing() -> None: ...

        task = loop.create_task(nothing())
        _BY_TYPE[type(loop._ready[0]._callback)] = _referents  # type: ignore[attr-defined]
        loop.run_until_complete(task)
    finally:
        loop.close()


_learn_hidden_types()


_CODES: dict[int, tuple[types.CodeType, int]] = {}
_CODE_NUMBERS: dict[tuple[str, types.CodeType], int] = {}


def _code_number(code: types.CodeType) -> int:
    known = _CODES.get(id(code))
    if known is None:
        number = _CODE_NUMBERS.setdefault((code.co_filename, code), len(_CODE_NUMBERS))
        known = _CODES[id(code)] = (code, number)
    return known[1]


_NOT_OF_THE_CLASS: Final = frozenset({"__dict__", "__weakref__", "__doc__", "_abc_impl", "__module__", "__qualname__"})


def _is_in_its_place(kind: type) -> bool:
    found: Any = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind or not kind.__flags__ & _HEAP


@cache
def _slots(kind: type) -> tuple[str, ...]:
    names: list[str] = []
    for each in kind.__mro__:
        declared = each.__dict__.get("__slots__", ())
        for name in (declared,) if isinstance(declared, str) else declared:
            if name in ("__dict__", "__weakref__"):
                continue
            mangled = (
                f"_{each.__name__.lstrip('_')}{name}" if name.startswith("__") and not name.endswith("__") else name
            )
            names.append(mangled)
    return tuple(names)


@cache
def _is_watched(kind: type) -> bool:
    """Whether the attributes of a class count: it is neither built in nor the standard library's nor ours."""
    module = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None) or ""
    if kind.__module__.partition(".")[0] in ("builtins", "everyturn") or not kind.__flags__ & _HEAP:
        return False
    return "site-packages" in file or not file.startswith(_STANDARD)


_FIXED: Final = (
    types.FunctionType,
    staticmethod,
    classmethod,
    property,
    types.MemberDescriptorType,
    types.GetSetDescriptorType,
    types.ModuleType,
    type,
    functools.cached_property,
)


def _data_attributes(kind: type) -> list[str]:
    return [
        name
        for name, value in kind.__dict__.items()
        if not (name.startswith("__") and name.endswith("__")) and not isinstance(value, _FIXED) and name != "_abc_impl"
    ]


@cache
def _globals_read(code: types.CodeType) -> tuple[str, ...]:
    names: dict[str, None] = {}
    pending = [code]
    while pending:
        each = pending.pop()
        for instruction in dis.get_instructions(each):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"):
                names[instruction.argval] = None
        pending += [constant for constant in each.co_consts if isinstance(constant, types.CodeType)]
    return tuple(names)


def encode(world: World) -> tuple[Hashable, ...]:
    """The state of the world now. Raises :class:`Opaque` if something in it cannot be known."""
    return Encoder(world).whole()

"""Code that waits: coroutines and generators with what is in their frames, and what their code reads of modules."""

from __future__ import annotations

import builtins
import ctypes
import gc
import sys
import types
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import Any, Final

from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.states import library_modules
from everyturn.asyncio.states.classes import is_installed, is_watched
from everyturn.asyncio.states.encoding import StateEncoder, encodes
from everyturn.asyncio.states.hash_seed import goes_by_hashes
from everyturn.asyncio.states.mentioned import by_any_name, imported, is_library, mentions, of_library
from everyturn.asyncio.states.merging import merges
from everyturn.asyncio.states.process_names import NAMES
from everyturn.engines.coroutines.contents import contents
from everyturn.errors import EveryturnError
from everyturn.identity.layout import by_identity
from everyturn.identity.reads import reads
from everyturn.source_location import Rank, rank

_MACHINERY: Final = frozenset(
    {
        *("__builtins__", "__loader__", "__spec__"),
        *("path_importer_cache", "stdlib_module_names", "builtin_module_names"),  # of sys: thousands of parts
    }
)
"""Names of what a module is made by and found with."""

_BUILTINS: Final = dict(vars(builtins))


def _code(encoder: StateEncoder, code: types.CodeType, names: dict[str, Any]) -> None:
    """Code, and those globals of the program that it reads, through modules too."""
    namespaces = encoder.namespaces
    encoder.out.append(("code", NAMES.code(code), namespaces.setdefault(id(names), len(namespaces))))
    if (id(code), id(names)) in encoder.read or not _is_programs_code(code):
        return
    found = reads(code)
    if id(code) not in NOW.codes:
        _look_for_sets(code)
    encoder.mentioned |= mentions(code)
    encoder.asks_caches = encoder.asks_caches or "cache_info" in found.attributes
    met = encoder.globals[id(names)]
    for name in sorted(names) if found.everything else _sorted_names(code):
        if name in met:
            continue
        if name in names and name not in _MACHINERY:
            _global(encoder, names, name, mentions(code), by_name=found.by_name)
        elif _BUILTINS.get(name) is not (put := vars(builtins).get(name)):
            encoder.inside(name, put)
    for module in imported(code, names):
        _of_module(encoder, module, mentions(code), by_name=found.by_name)
    for module in by_any_name(code):
        _of_module(encoder, module, mentions(code), by_name=False)
    encoder.read.add((id(code), id(names)))


def _look_for_sets(code: types.CodeType) -> None:
    """Note what code of the program does with sets of which only one order is made, once."""
    NOW.codes[id(code)] = code
    if not is_installed(code.co_filename):
        NOW.merges = NOW.merges or merges(code)
        NOW.texts = NOW.texts or goes_by_hashes(code)


@by_identity
def _is_programs_code(code: types.CodeType) -> bool:
    return rank(code.co_filename) < Rank.ENGINE


@by_identity
def _sorted_names(code: types.CodeType) -> list[str]:
    return sorted(reads(code).names)


def _global(
    encoder: StateEncoder,
    names: dict[str, Any],
    name: str,
    attributes: frozenset[str],
    *,
    by_name: bool,
    within: tuple[types.ModuleType, ...] = (),
) -> None:
    """One name of a module. Of another module of the program's own those names count that the code mentions."""
    value = names[name]
    if isinstance(value, types.ModuleType):
        encoder.out.append(("global", name, value.__name__))
        if type(value) is not types.ModuleType:
            encoder.value(type(value))
        _of_module(encoder, value, attributes, by_name=by_name, within=within)
        return
    if name in encoder.globals[id(names)]:
        return
    encoder.globals[id(names)].add(name)
    if value is sys.modules:
        put = {name: each for name, each in sys.modules.items() if not isinstance(each, types.ModuleType)}
        encoder.part("modules", put)
        return
    if isinstance(value, type) and not is_watched(value):
        encoder.out.append(("global", name, value.__module__, value.__qualname__))
        encoder.meets(value)
        library_modules.of_whose(encoder, value.__module__)
    else:
        encoder.out.append(("global", name))
        before = encoder.within_package
        encoder.within_package = before or is_installed(names.get("__file__"))
        encoder.inside(name, value)
        encoder.within_package = before


def _of_module(
    encoder: StateEncoder,
    module: types.ModuleType,
    attributes: frozenset[str],
    *,
    by_name: bool,
    within: tuple[types.ModuleType, ...] = (),
) -> None:
    """What code reads of another module."""
    if is_library(module):
        of_library(encoder, module, attributes)
    elif module not in within:
        held, within = vars(module), (*within, module)
        met = encoder.globals[id(held)]
        for each in sorted(name for name in held if not name.startswith("__")) if by_name else sorted(attributes):
            if each in held and each not in met and each not in _MACHINERY:
                _global(encoder, held, each, attributes, by_name=False, within=within)


def _frame(encoder: StateEncoder, owner: Any, frame: Any, awaited: Any) -> None:
    """A suspended frame: code, instruction, variables, what lies hidden on its value stack, the exception it
    handles."""
    code = frame.f_code
    _code(encoder, code, frame.f_globals)
    encoder.out.append(frame.f_lasti)
    named, stack, handled = _contents(encoder, owner, frame, awaited)
    encoder.out.append((len(named), len(stack)))
    for name, value in named:
        encoder.out.append(name)
        encoder.inside(name, value)
    for value in stack:
        encoder.value(value)
    encoder.value(handled)


def _contents(encoder: StateEncoder, owner: Any, frame: Any, awaited: Any) -> tuple[Any, Any, Any]:
    """Variables, value stack, handled exception. Of code that has not begun: its arguments, in order."""
    if not _has_begun(owner):
        visited = gc.get_referents(owner)
        last = max((place for place, each in enumerate(visited) if each is frame.f_code), default=-1)
        return (), tuple(visited[last + 1 :]), None
    try:
        return contents(owner, frame, awaited)
    except (EveryturnError, KeyError, StopIteration, AssertionError) as error:
        raise encoder.opaque(owner) from error


def _has_begun(owner: Any) -> bool:
    for name in ("cr_suspended", "gi_suspended", "ag_suspended"):
        if hasattr(owner, name):
            return bool(getattr(owner, name))
    # Python 3.11 says it of async generators by nothing but where they stand.
    return owner.ag_frame is not None and _stands_behind_its_beginning(owner.ag_frame)


def _stands_behind_its_beginning(frame: Any) -> bool:
    import dis

    code = frame.f_code
    begins = next((each.offset for each in dis.get_instructions(code) if each.opname == "RETURN_GENERATOR"), -1)
    return bool(frame.f_lasti > begins)


@encodes(types.CoroutineType)
def _coroutine(encoder: StateEncoder, value: Any) -> None:
    frame = value.cr_frame
    encoder.out.append(("coroutine", frame is not None, value.cr_running, value.__name__, value.__qualname__))
    if frame is not None:
        _frame(encoder, value, frame, value.cr_await)


@encodes(types.GeneratorType)
def _generator(encoder: StateEncoder, value: Any) -> None:
    frame = value.gi_frame
    encoder.out.append(("generator", frame is not None, value.gi_running, value.__name__, value.__qualname__))
    if frame is not None:
        _frame(encoder, value, frame, value.gi_yieldfrom)


@encodes(types.AsyncGeneratorType)
def _async_generator(encoder: StateEncoder, value: Any) -> None:
    frame = value.ag_frame
    encoder.out.append(("async generator", frame is not None, value.ag_running, value.__name__, value.__qualname__))
    if frame is not None:
        _frame(encoder, value, frame, value.ag_await)


@encodes(types.FunctionType)
def _function(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("function", value.__name__, value.__qualname__))
    if hasattr(value, "is_ours"):  # which hashes objects of a class of the program's
        return
    encoder.value(value.__module__)
    if value.__doc__ is not next(iter(value.__code__.co_consts), None):
        encoder.value(value.__doc__)
    _code(encoder, value.__code__, value.__globals__)
    if not _is_programs_code(value.__code__):
        library_modules.of_whose(encoder, value.__module__)
    for cell in value.__closure__ or ():
        encoder.value(cell)
    encoder.value(value.__defaults__)
    encoder.value(value.__kwdefaults__)
    encoder.namespace(value.__dict__)
    encoder.named(value.__dict__)
    encoder.functions.append(value)


@encodes(types.CodeType)
def _held_code(encoder: StateEncoder, value: types.CodeType) -> None:
    """Code that is held as a value: ``eval`` and ``exec`` run it."""
    encoder.out.append(("code object", NAMES.code(value)))


@encodes(types.TracebackType)
def _traceback(encoder: StateEncoder, value: Any) -> None:
    """Where it leads through, not what is in the frames there."""
    trace: types.TracebackType | None = value
    while trace is not None:
        encoder.out.append(("traceback", NAMES.code(trace.tb_frame.f_code), trace.tb_lasti))
        trace = trace.tb_next


# One step of an async generator, as ``__anext__``, ``asend``, ``athrow`` and ``aclose`` return it.


async def _two() -> AsyncGenerator[int, None]:
    try:
        yield 1
        yield 2
    finally:
        await _pause()


@types.coroutine
def _pause() -> Generator[None, None, None]:
    yield


def _progress(step: Any) -> int:
    """How far a step has come: not begun 0, begun 1, ended 2. It is the last field of its C structure, and no
    attribute."""
    return ctypes.c_int.from_address(id(step) + type(step).__basicsize__ - ctypes.sizeof(ctypes.c_void_p)).value


def _kinds_of_steps() -> tuple[type, ...]:
    """The types of steps, if on this Python their progress can be read as said above: else none, and they are
    opaque."""
    generator = _two()
    sent, closed = generator.__anext__(), generator.aclose()
    seen = [_progress(sent), _progress(closed)]
    with suppress(StopIteration):
        sent.send(None)
    seen.append(_progress(sent))
    closed.send(None)
    seen.append(_progress(closed))
    with suppress(StopIteration):
        closed.send(None)
    seen.append(_progress(closed))
    return (type(sent), type(closed)) if seen == [0, 0, 2, 1, 2] else ()


@encodes(*_kinds_of_steps())
def _step(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append((type(value).__name__, _progress(value)))
    for each in gc.get_referents(value):
        encoder.value(each)

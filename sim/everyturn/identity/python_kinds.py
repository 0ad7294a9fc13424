"""The anatomy of what Python itself makes: functions, classes, exceptions, iterators, and other things with parts.

Iterators are known by a ``__reduce__`` of their own only: the one that every object inherits leaves their content out.
"""

from __future__ import annotations

from _abc import _get_dump  # type: ignore[import-not-found]
from abc import ABCMeta
from collections.abc import Hashable, Iterable
from functools import partial
from types import (
    BuiltinFunctionType,
    CellType,
    ClassMethodDescriptorType,
    CodeType,
    CoroutineType,
    FunctionType,
    GenericAlias,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    UnionType,
    WrapperDescriptorType,
)
from typing import Any, Final, TypeVar

from everyturn.identity.anatomy import Anatomy, Changes, Opaque, Same, look_at
from everyturn.identity.layout import attributes, by_identity, layout

_NOT_CONTENT: Final = frozenset(
    {"__dict__", "__weakref__", "_abc_impl", "__firstlineno__", "__static_attributes__", "__module__"}
)
"""Entries of a class that say nothing of what it does."""
_OF_FUNCTIONS: Final = frozenset({"__wrapped__", "__annotations__", "__annotate__", "__type_params__"})
"""What a wrapper has of its function, beside names."""
_FRAME_READERS: Final = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "globals"})
"""Built-in functions through which code reads what nobody sees it read."""


# functions and classes -----------------------------------------------------------------------------------------------


@look_at(CodeType)
def _code(value: CodeType) -> Anatomy:
    """By its content and its file: equal code may be compiled more than once."""
    beside = (value.co_filename, value.co_qualname, value.co_stacksize, value.co_linetable)
    return Anatomy(Changes.FIXED, ("code", *beside, value))


@look_at(FunctionType)
def _function(value: FunctionType) -> Anatomy:
    """What was hung on it, what it took with it from where it was defined, and what is said about it."""
    spoken = (value.__name__, value.__qualname__, value.__doc__, value.__module__)
    defaults = (value.__defaults__, *_named(value.__kwdefaults__), *_named(value.__annotations__))
    kinds = getattr(value, "__type_params__", ())
    return Anatomy(
        Changes.MOVING,
        ("function", Same(value.__globals__), len(value.__kwdefaults__ or ()), len(value.__annotations__)),
        (value.__code__, *(value.__closure__ or ()), *spoken, *defaults, kinds),
        tuple(vars(value)),
        tuple(vars(value).values()),
    )


@look_at(CellType)
def _cell(value: CellType) -> Anatomy:
    try:
        return Anatomy(Changes.MOVING, "cell", (), ("cell_contents",), (value.cell_contents,))
    except ValueError:
        return Anatomy(Changes.MOVING, "cell without content")


@look_at(MethodType)
def _method(value: MethodType) -> Anatomy:
    return Anatomy(Changes.FIXED, "method", (), ("__func__", "__self__"), (value.__func__, value.__self__))


@look_at(BuiltinFunctionType)
def _builtin(value: Any) -> Anatomy:
    """A function of a module is what it is; a method is known by its object, too."""
    owner = value.__self__
    if value.__name__ in _FRAME_READERS:
        raise Opaque(type(value))
    if owner is None or isinstance(owner, ModuleType):
        return Anatomy(Changes.FIXED, ("builtin", Same(value)))
    return Anatomy(Changes.FIXED, ("builtin", value.__qualname__), (), ("__self__",), (owner,))


@look_at(MethodWrapperType)
def _method_wrapper(value: Any) -> Anatomy:
    return Anatomy(Changes.FIXED, ("method-wrapper", value.__qualname__), (), ("__self__",), (value.__self__,))


@look_at(
    *(
        WrapperDescriptorType,
        MethodDescriptorType,
        ClassMethodDescriptorType,
        GetSetDescriptorType,
        MemberDescriptorType,
    )
)
def _descriptor(value: Any) -> Anatomy:
    return Anatomy(Changes.FIXED, ("descriptor", value.__qualname__), (), ("__objclass__",), (value.__objclass__,))


@look_at(type)
def _class(value: type) -> Anatomy:
    """A class that was made while the code ran, by what is in it."""
    held = {name: each for name, each in type.__dict__["__dict__"].__get__(value).items() if name not in _NOT_CONTENT}
    for name in ("__annotations__", "__dataclass_fields__"):
        if type(held.get(name)) is dict:
            held[name] = tuple(_named(held[name]))
    held = {
        name: each for name, each in held.items() if not isinstance(each, MemberDescriptorType | GetSetDescriptorType)
    }
    names = (value.__module__, value.__name__, value.__qualname__)
    known_as = ("class", Same(type(value)), *names, layout(value).namespace is None, registered(value))
    slots = tuple(name for name, _ in layout(value).slots)
    return Anatomy(Changes.MOVING, (known_as, slots), value.__bases__, tuple(held), tuple(held.values()))


def registered(value: type) -> frozenset[Same]:
    """The classes that were registered with an abstract class."""
    references = _get_dump(value)[0] if isinstance(value, ABCMeta) else ()
    return frozenset(Same(each()) for each in references)


@look_at(staticmethod, classmethod)
def _wrapped(value: Any) -> Anatomy:
    """What it wraps, and what was hung on it, beside what it has of its function."""
    held = {name: each for name, each in vars(value).items() if name not in _OF_FUNCTIONS}
    return Anatomy(Changes.FORCED, type(value).__name__, (), ("__func__", *held), (value.__func__, *held.values()))


@look_at(property)
def _property(value: property) -> Anatomy:
    held = (value.fget, value.fset, value.fdel, value.__doc__)
    return Anatomy(Changes.FORCED, "property", (), ("fget", "fset", "fdel", "__doc__"), held)


@look_at(partial)
def _partial(value: Any) -> Anatomy:
    """Its function, its arguments, and what was hung on it; two equal ones are not equal to each other."""
    held = (value.func, value.args, *value.keywords.values(), *vars(value).values())
    tag = ("partial", len(value.keywords))
    return Anatomy(Changes.MOVING, tag, (), ("func", "args", *value.keywords, *vars(value)), held)


@look_at(super)
def _super(value: Any) -> Anatomy:
    names = ("__thisclass__", "__self__", "__self_class__")
    return Anatomy(Changes.FIXED, "super", (), names, tuple(vars(super)[name].__get__(value) for name in names))


@look_at(GenericAlias, UnionType)
def _alias(value: Any) -> Anatomy:
    origin = getattr(value, "__origin__", None)
    tag = (type(value).__name__, getattr(value, "__unpacked__", False))
    return Anatomy(Changes.FIXED, tag, (), ("__origin__", "__args__"), (origin, value.__args__))


@look_at(TypeVar)
def _type_variable(value: Any) -> Anatomy:
    """Its name, and what it is bound to, which Python may work out only now."""
    try:
        held = (value.__name__, value.__bound__, value.__constraints__)
    except Exception as error:  # the bound is an expression of the user's
        raise Opaque(TypeVar) from error
    marks = (value.__covariant__, value.__contravariant__)
    return Anatomy(Changes.MOVING, ("TypeVar", *marks), (), ("__name__", "__bound__", "__constraints__"), held)


def _named(values: dict[str, Any] | None) -> Iterable[Any]:
    """Names and values, one after the other."""
    return (each for pair in (values or {}).items() for each in pair)


# exceptions ----------------------------------------------------------------------------------------------------------


_WHENCE: Final = ("args", "__cause__", "__context__", "__suppress_context__")


@look_at(BaseException)
def _exception(value: BaseException) -> Anatomy:
    """Its arguments, its attributes, notes included, and what it was raised from or came upon. Not its traceback."""
    kind = type(value)
    held = [(name, descriptor.__get__(value)) for name, descriptor in _members(kind) if _holds(descriptor, value)]
    held += attributes(value, layout(kind)._replace(slots=()))
    whence = [vars(BaseException)[name].__get__(value) for name in _WHENCE]
    if isinstance(value, BaseExceptionGroup):
        whence[0] = tuple(tuple(each) if type(each) is list else each for each in whence[0])
    names = (*_WHENCE, *(name for name, _ in held))
    tag: Hashable = ("exception", Same(kind), tuple(name for name, each in held if _is_notes(name, each)))
    return Anatomy(Changes.MOVING, tag, (), names, (*whence, *(_without_list(name, each) for name, each in held)))


def _without_list(name: str, value: Any) -> Any:
    """Notes are a list that Python itself hangs on an exception."""
    return tuple(value) if _is_notes(name, value) else value


def _is_notes(name: str, value: Any) -> bool:
    return name == "__notes__" and type(value) is list


def _holds(descriptor: Any, value: BaseException) -> bool:
    try:
        descriptor.__get__(value)
    except AttributeError:
        return False
    return True


@by_identity
def _members(kind: type) -> tuple[tuple[str, Any], ...]:
    """The slots and C fields of an exception's class, but for what every exception has."""
    found = {
        (name, value): None
        for each in kind.__mro__
        if each not in (BaseException, object)
        for name, value in vars(each).items()
        if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and not name.startswith("__")
    }
    return tuple(sorted(found, key=lambda pair: (pair[0], pair[1].__objclass__.__qualname__)))


# iterators -----------------------------------------------------------------------------------------------------------

_ITERATORS: Final[tuple[type, ...]] = (
    *(type(iter(())), type(iter("")), type(iter("ä")), type(iter(b""))),
    *(type(iter(range(0))), type(iter(range(1 << 70))), enumerate, reversed, zip, map, filter),
    type(iter(int, 1)),
)


@look_at(*_ITERATORS)
def _iterator(value: Any) -> Anatomy:
    """Where it stands in what. The tuple of iterators within a zip is one object at every place: its parts count, not
    it."""
    reduced: tuple[Any, ...] = value.__reduce__()[1:]
    shape = tuple(len(each) if type(each) is tuple else -1 for each in reduced)
    parts = tuple(part for each in reduced for part in (each if type(each) is tuple else (each,)))
    return Anatomy(Changes.MOVING, (type(value).__name__, shape), parts)


@look_at(type(iter([])), type(reversed([])), type(iter(bytearray())))
def _list_iterator(value: Any) -> Anatomy:
    """What it goes through can change under it."""
    return _iterator(value)._replace(changes=Changes.MUTABLE)


@look_at(CoroutineType)
def _coroutine(value: CoroutineType[Any, Any, Any]) -> Anatomy:
    """One that has ended is what it is called; what a suspended one may do is for others to say."""
    if value.cr_frame is not None:
        raise Opaque(type(value))
    names = ("__name__", "__qualname__", "cr_code")
    held = tuple(getattr(value, name) for name in names)
    return Anatomy(Changes.MOVING, "coroutine that has ended", (), names, held)

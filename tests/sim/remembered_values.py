"""Values in which an agent may remember something: classes that compare in their own way, attributes, closures, errors,
iterators."""

from __future__ import annotations

import colorsys  # noqa: F401 # found by its name
import enum
import functools
from collections.abc import Callable, Iterator
from dataclasses import InitVar, dataclass, field
from typing import Any, NamedTuple


class Bits(enum.IntFlag):
    ONE = 1


class Colour(enum.Enum):
    RED = 0
    BLUE = 1


@dataclass(frozen=True)
class Given:
    """What it is given is kept in no field."""

    public: int
    private: InitVar[int]

    def __post_init__(self, private: int) -> None:
        object.__setattr__(self, "_kept", private)


@dataclass(frozen=True)
class Uncompared:
    content: int = field(compare=False)


@dataclass(frozen=True, eq=False)
class Token:
    content: int = 0


@dataclass(frozen=True)
class Loose:
    content: int = 0


class Derived(Loose):
    """Not frozen: it is no dataclass itself."""


class Pair(NamedTuple):
    one: int
    two: int


class Named(Pair):
    kept: int


class Text(str):
    kept: int


class Slotted(tuple[int, ...]):
    kept: int


class Whole(int):
    kept: int


class Fault(Exception):
    __slots__ = ("slot",)


class Part(functools.partial[Any]):
    kept: int


class Meta(type):
    """Its classes are all equal."""

    def __eq__(cls, other: object) -> bool:
        return isinstance(other, Meta)

    def __hash__(cls) -> int:
        return 1


class ZeroSays(metaclass=Meta):
    says = 0


class OneSays(metaclass=Meta):
    says = 1


def with_attribute(made: Any, **attributes: Any) -> Any:
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def with_force(made: Any, n: int) -> Any:
    vars(made)["kept"] = n
    return made


def raised(error: BaseException, cause: BaseException | None = None, context: Any = None) -> BaseException:
    error.__cause__, error.__context__ = cause, context
    return error


def noted(n: int) -> BaseException:
    error = ValueError()
    error.add_note(str(n))
    return error


def enclosing(content: Any) -> Callable[[], Any]:
    return lambda: content


def counting(n: int) -> tuple[Callable[[], None], Callable[[], int]]:
    """Two functions that share what they count, or do not."""

    def pair() -> tuple[Callable[[], None], Callable[[], int]]:
        count = 0

        def up() -> None:
            nonlocal count
            count += 1

        return up, lambda: count

    one, other = pair(), pair()
    return (one[0], one[1]) if n else (one[0], other[1])


def counted(kept: tuple[Callable[[], None], Callable[[], int]]) -> int:
    kept[0]()
    return kept[1]()


def annotated(n: int) -> Any:
    def function() -> None: ...

    function.__annotations__["x"] = n
    return function


def class_with(n: int) -> Any:
    class Made:
        kept = n

    return Made


def moved(iterator: Iterator[Any], n: int) -> Iterator[Any]:
    for _ in range(n):
        next(iterator)
    return iterator


def shared(n: int) -> tuple[Iterator[int], Iterator[int]]:
    one, other = iter((0, 1)), iter((0, 1))
    return (one, one) if n else (one, other)


def second(kept: tuple[Iterator[int], Iterator[int]]) -> int:
    next(kept[0])
    return next(kept[1])


def fails(iterator: Iterator[Any]) -> bool:
    try:
        list(iterator)
    except ValueError:
        return True
    return False


class Method(NamedTuple):
    content: int

    def read(self) -> int:
        return self.content


class Bounded(Loose):
    def of(self) -> Any:
        return super()

"""What goes on from where it stands, a counter or a generator of a module for example, is begun anew for each run: one
that stands where it stood takes its place wherever it is held."""

from __future__ import annotations

import dis
import gc
import inspect
import itertools
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import length_hint
from types import AsyncGeneratorType, CodeType, FunctionType, GeneratorType, MethodWrapperType
from typing import Any, Final

from everyturn.errors import UsageError
from everyturn.identity.layout import by_identity

Fresh = Callable[[Any], Any]
"""What takes the place of a value where it is put back: the value itself, or what goes on, begun anew."""

_ATOMS: Final = frozenset({int, float, str, bytes, bool, type(None), range})
_GONE_THROUGH: Final[tuple[Any, ...]] = ([], (), "", "ä", b"", bytearray(), range(0), range(1 << 70))
_GONE_BACK_THROUGH: Final[tuple[Any, ...]] = ([], range(0), range(1 << 70))
_MADE_IN_C: Final = frozenset(
    {
        *(type(iter(each)) for each in _GONE_THROUGH),
        *(type(reversed(each)) for each in _GONE_BACK_THROUGH),
        *(reversed, enumerate, zip, map, filter),
        *(itertools.count, itertools.cycle, itertools.repeat, itertools.chain, itertools.islice),
        *(itertools.accumulate, itertools.takewhile, itertools.dropwhile, itertools.starmap, itertools.compress),
        *(itertools.filterfalse, itertools.zip_longest, itertools.groupby, itertools.product, itertools.permutations),
        *(itertools.combinations, itertools.combinations_with_replacement),
    }
)
"""Iterators that tell of what they are made, and where they stand."""
_VIEWS: Final[tuple[Any, ...]] = ({}.keys(), {}.values(), {}.items())
_NOT_TOLD: Final = frozenset(
    {
        *(type(iter(each)) for each in (*_VIEWS, set[int]())),
        *(type(reversed(each)) for each in _VIEWS),
    }
)
"""Iterators that tell how much is left."""
_GENERATORS: Final = {GeneratorType: "gi", AsyncGeneratorType: "ag"}
"""Those that a function makes, and how the names of their attributes begin."""


def going_on(value: Any) -> Any:
    """The iterator or generator that this is, or of which it is ``__next__``; nothing if it is none."""
    if type(value) is MethodWrapperType and value.__name__ == "__next__":
        value = value.__self__
    kind = type(value)
    return value if kind in _MADE_IN_C or kind in _NOT_TOLD or kind in _GENERATORS else None


def held_by(value: Any) -> Sequence[Any]:
    """The objects that an iterator or generator goes through."""
    return gc.get_referents(value)


def standings(values: Sequence[Any]) -> list[tuple[Any, Hashable]]:
    """What goes on of these values, each with where it stands."""
    found = [going_on(each) for each in values]
    return [(each, _standing(each)) for each in found if each is not None]


def moved(stood: Sequence[tuple[Any, Hashable]]) -> bool:
    """Whether one of these stands elsewhere now."""
    return any(_standing(each) != where for each, where in stood)


def _standing(value: Any) -> Hashable:
    """Where something that goes on stands, equal as long as it has not moved."""
    if type(value) in _GENERATORS:
        frame = _of_generator(value, "frame")
        if frame is None:
            return "ended"
        return (frame.f_lasti, *((name, _part(each)) for name, each in frame.f_locals.items()))
    if type(value) in _NOT_TOLD:
        return length_hint(value)
    return type(value), tuple(_part(each) for each in _parts(value)[1:])


def _of_generator(value: Any, name: str) -> Any:
    return getattr(value, f"{_GENERATORS[type(value)]}_{name}")


def _part(part: Any) -> Hashable:
    if type(part) in _ATOMS:
        return type(part), part
    if type(part) is tuple:
        return tuple(map(_part, part))
    if type(part) is list and not part:  # of one that has come to its end
        return ()
    goes_on = going_on(part)
    return id(part) if goes_on is None else _standing(goes_on)


def _parts(value: Any) -> tuple[Any, ...]:
    """What makes an iterator of C, what that takes, and its state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that itertools will tell it no more
        made_by, arguments, *state = value.__reduce__()
    if type(value) is itertools.cycle and state:
        saved, first = state[0]
        state = [(tuple(saved), first)]
    return made_by, arguments, *state


class _Recipe:
    """How to make what goes on as it stands now. ``value``: that which stands for it at present."""

    def __init__(self, value: Any, known: Callable[[Any], _Recipe]) -> None:
        self.standing = _standing(value)
        self.value = value
        self._function: FunctionType | None = None
        self._parts: tuple[Any, ...] = ()
        if type(value) in _MADE_IN_C:
            self._parts = _with_recipes(_parts(value), known)
        elif type(value) in _GENERATORS and _is_unbegun(value):
            self._function = next((each for each in gc.get_referents(value) if type(each) is FunctionType), None)
            self._parts = _with_recipes(tuple(_of_generator(value, "frame").f_locals.items()), known)

    def anew(self, new: dict[_Recipe, Any]) -> Any:
        """One that stands where it stood; there is only one of each. Raises :class:`UsageError` if it cannot be
        made."""
        if self not in new:
            new[self] = self.value if _standing(self.value) == self.standing else self._made(new)
        return new[self]

    def _made(self, new: dict[_Recipe, Any]) -> Any:
        if type(self.value) in _NOT_TOLD:
            raise _goes_on_for_ever(self.value, "cannot be made as it was", "or an iterator of a list of these")
        if type(self.value) in _GENERATORS:
            if self._function is None or self._function.__code__ is not _of_generator(self.value, "code"):
                raise _goes_on_for_ever(self.value, "has begun", "or begin it there")
            return _called(self._function, dict(_made(self._parts, new)))
        make, arguments, *state = _made(self._parts, new)
        made = make(*arguments)
        if state and state[0] is not None:
            kept = state[0]
            made.__setstate__((list(kept[0]), kept[1]) if type(made) is itertools.cycle else kept)
        return made


def _is_unbegun(value: Any) -> bool:
    frame = _of_generator(value, "frame")
    return frame is not None and frame.f_lasti <= _begins(_of_generator(value, "code"))


@by_identity
def _begins(code: CodeType) -> int:
    """Where the code of a generator stands at most once it was made: behind that, from Python 3.13 on."""
    return next((each.offset for each in dis.get_instructions(code) if each.opname == "RETURN_GENERATOR"), 0) + 2


def _with_recipes(parts: Any, known: Callable[[Any], _Recipe]) -> Any:
    """Parts, with recipes for those that go on."""
    if type(parts) is tuple:
        return tuple(_with_recipes(each, known) for each in parts)
    goes_on = parts is not None and going_on(parts) is parts
    return known(parts) if goes_on else parts


def _made(parts: Any, new: dict[_Recipe, Any]) -> Any:
    if type(parts) is tuple:
        return tuple(_made(each, new) for each in parts)
    return parts.anew(new) if isinstance(parts, _Recipe) else parts


def _goes_on_for_ever(value: Any, why: str, instead: str) -> UsageError:
    if type(value) in _GENERATORS:
        code = _of_generator(value, "code")
        named = f"{code.co_filename}:{code.co_firstlineno}: the generator {value.__qualname__!r}"
    else:
        named = f"an iterator of a module ({type(value).__name__})"
    return UsageError(
        f"{named} was there before the first run, {why}, and goes on from run to run: expected each run to begin as "
        f"the first; make it in the scenario, {instead}"
    )


def _called(function: FunctionType, held: Mapping[str, Any]) -> Any:
    """The generator of a function, with what its arguments hold."""
    code = function.__code__
    names = list(code.co_varnames)
    plain, by_name = code.co_argcount, code.co_kwonlyargcount
    arguments = [held[name] for name in names[:plain]]
    named = {name: held[name] for name in names[plain : plain + by_name]}
    more = names[plain + by_name :]
    if code.co_flags & inspect.CO_VARARGS:
        arguments += held[more.pop(0)]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        named |= held[more.pop(0)]
    return function(*arguments, **named)


class BeginningAnew:
    """What goes on and is there before the first run, with how to make each as it stood then."""

    def __init__(self) -> None:
        self._begun: dict[int, _Recipe] = {}
        """By address of what goes on, which is kept alive."""

    def met(self, value: Any) -> None:
        """Remember where it stands, if it is one that goes on."""
        found = going_on(value)
        if found is not None:
            self._known(found)

    def _known(self, value: Any) -> _Recipe:
        if id(value) not in self._begun:
            self._begun[id(value)] = _Recipe(value, self._known)
        return self._begun[id(value)]

    def moved(self) -> bool:
        """Whether one of them stands elsewhere now."""
        return any(_standing(each.value) != each.standing for each in self._begun.values())

    @contextmanager
    def at_once(self) -> Iterator[Fresh]:
        """Around all that is put back at one time: there is one new one in all places of an old one. Raises
        :class:`UsageError` if one has gone on that cannot be begun anew."""
        new: dict[_Recipe, Any] = {}

        def fresh(value: Any) -> Any:
            old = going_on(value)
            if old is None or id(old) not in self._begun:
                return value
            begun = self._begun[id(old)].anew(new)
            return begun if old is value else begun.__next__

        yield fresh
        for recipe in self._begun.values():
            if recipe not in new and _standing(recipe.value) != recipe.standing:
                why = "is held by what nobody can change, such as a tuple"
                raise _goes_on_for_ever(recipe.value, why, "or hold it in a name")
        for recipe, begun in new.items():
            del self._begun[id(recipe.value)]
            recipe.value, recipe.standing = begun, _standing(begun)
            self._begun[id(begun)] = recipe

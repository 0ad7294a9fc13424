"""The table of operations: whatever the tool takes for granted of one stands beside its effect, and nowhere else.

Each file of ``objects/`` declares one object: the column that it keeps (:class:`Column`), its operations
(:class:`Declaration`, on the function that says what one does), and its port. What others need to know is derived:
footprints, scheduling points, what a thread keeps to itself, what an event loop waits at, what an onlooker ignores,
what can fail. A fact that the effect itself shows is compared with it on small values; the others are compared with the
words of ``docs/semantics.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, NamedTuple, NoReturn

from everyturn.world.scope import Scope

Values = tuple[Any, ...]
Outcomes = list[tuple[Any, Values]]
ApplyEffect = Callable[[Values, tuple[Any, ...], str], Outcomes]
"""The values of an operation's columns, its arguments and its thread → every possible result with the values after
it."""
EntryPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One value of the shared state, and what is known of it.

    ``first``: its value when a world of a scope begins. ``parts``: what it holds, if operations touch one part and not
    the other, each with the extras of a scope (fields of :class:`Scope`) without which it stays as it is; none: always
    changes. ``seen``: an onlooker sees it (:func:`everyturn.world.observer.shared_data`). ``handed_out``: an
    operation's result is the value itself, so that a dispatcher's code can tell apart whatever differs in it.
    ``by_entry``: it has an entry for each first argument of its operations. ``orders``: who accesses it first can be a
    race.
    """

    name: str
    first: Callable[[Scope], Any]
    parts: Mapping[str, tuple[str, ...]] | None = None
    seen: bool = False
    handed_out: bool = False
    by_entry: bool = False
    orders: bool = True


class Noticed(NamedTuple):
    """When other threads can notice an operation: with any of these extras of a scope, or ``given`` such arguments.

    Where they cannot, it is no scheduling point.
    """

    extras: tuple[str, ...]
    given: Callable[[tuple[Any, ...]], bool] | None = None


class Concerns(Enum):
    """Whom an operation concerns in a world of recordings: one without shutdown, new session or full buffers."""

    NOBODY = "nobody else; or nobody else can go on before"
    CANCELS = "only a Cancel can change what comes of it"
    OTHERS = "other threads"


def _undefined(values: Values, arguments: tuple[Any, ...], thread: str) -> NoReturn:
    raise NotImplementedError("expected a declaration to be the decorator of its operation's effect")


@dataclass(frozen=True, slots=True)
class Declaration:
    """What is known of one operation, ``object.method``; calling it with the function that is its effect enters it into
    the table.

    ``reads`` and ``changes``: locations that the effect depends on, and that it may change; it is given their columns
    in this order. A location is a column or, as ``store.messages``, a part of one; a column that has parts, named
    alone, is visited and nothing in it that the world keeps is touched. ``spends``: what of the world's
    :class:`~everyturn.world.objects.budget.Budget`, given last, it can use up; with ``failures`` it may fail.

    ``blocks``: there are values for which it has no outcome. ``waits``: code on an event loop gives way at it, always
    or with any of these extras of a scope. ``noticed``: when others can notice it, always if nothing is said.
    ``entries``: which entries of its first column are one thread's own business, so that no other thread may touch them
    where it is no scheduling point; ``commutes``: but two threads may make it, in any order.

    ``begins``: an onlooker sees a thread's work begin with it, at the latest; if not, then only if it fails.
    ``concerns``: whom it concerns, in a world of recordings. ``instead``: what a caller may have meant who gives it
    none.
    """

    name: str
    reads: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    spends: tuple[str, ...] = ()
    blocks: bool = False
    waits: bool | tuple[str, ...] = False
    noticed: Noticed | None = None
    entries: Callable[[tuple[Any, ...]], Iterable[EntryPath]] | None = None
    commutes: bool = False
    begins: bool = True
    concerns: Concerns | Callable[[tuple[Any, ...]], Concerns] = Concerns.OTHERS
    instead: str | None = None
    effect: ApplyEffect = _undefined
    columns: tuple[str, ...] = field(init=False)
    """The columns whose values the effect is given, in this order."""

    def __post_init__(self) -> None:
        named = [location.partition(".")[0] for location in (*self.reads, *self.changes)]
        columns = tuple(dict.fromkeys([*named, "budget"] if self.spends else named))
        object.__setattr__(self, "columns", columns)

    def __call__(self, effect: ApplyEffect) -> ApplyEffect:
        """Enter it into the table, with its effect."""
        OPERATIONS[self.object, self.method] = replace(self, effect=effect)
        return effect

    @property
    def object(self) -> str:
        """The object that it is an access to."""
        return self.name.partition(".")[0]

    @property
    def method(self) -> str:
        """Its name on that object."""
        return self.name.partition(".")[2]

    @property
    def may_fail(self) -> bool:
        """Whether the world may let it fail."""
        return "failures" in self.spends

    def is_noticed(self, scope: Scope, arguments: tuple[Any, ...]) -> bool:
        """Whether other threads can notice it in ``scope``, as far as that is not up to the dispatcher."""
        if self.noticed is None or has_any(scope, self.noticed.extras):
            return True
        return self.noticed.given is not None and self.noticed.given(arguments)

    def gives_way(self, scope: Scope) -> bool:
        """Whether code on an event loop lets others run at it in ``scope``."""
        return self.waits if isinstance(self.waits, bool) else has_any(scope, self.waits)

    def concerned(self, arguments: tuple[Any, ...]) -> Concerns:
        """Whom it concerns with these arguments, in a world of recordings."""
        return self.concerns if isinstance(self.concerns, Concerns) else self.concerns(arguments)


def has_any(scope: Scope, extras: tuple[str, ...]) -> bool:
    """Whether a scope has any of these extras."""
    return any(getattr(scope, extra) for extra in extras)


def whole(arguments: tuple[Any, ...]) -> Iterable[EntryPath]:
    """The one entry of a column that is no more than one."""
    return ((),)


OPERATIONS: Final[dict[tuple[str, str], Declaration]] = {}
"""(object, method) → what is known of it."""

"""What is compared at a glance, or remembered, is what a closer look says."""

from __future__ import annotations

import abc
from array import array
from collections.abc import Callable, Coroutine, Hashable
from random import Random
from typing import Any

import pytest
from tests.nightly import nightly

from everyturn.engines.coroutines import snapshot
from everyturn.engines.coroutines.snapshot import Identities
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.identity import glance
from everyturn.identity.encoder import Encoder
from everyturn.identity.glance import Glance, addresses
from everyturn.identity.memory import Changed, Memory
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World, find_revision


class Keeps:
    first: Any = 1
    second: Any = ()


class Abstract(abc.ABC):
    @abc.abstractmethod
    def nothing(self) -> None: ...


class Above: ...


class Beside(Above): ...


class Derived(Beside): ...


def _other_value() -> None:
    Keeps.first = 2


def _equal_value() -> None:
    Keeps.first = True


def _new_name() -> None:
    Keeps.third = 3  # type: ignore[attr-defined]


def _less() -> None:
    del Keeps.second


def _other_order() -> None:
    earlier = next(name for name in vars(Keeps) if name in ("first", "second"))
    value = getattr(Keeps, earlier)
    delattr(Keeps, earlier)
    setattr(Keeps, earlier, value)


def _registered() -> None:
    Abstract.register(dict)


def _other_base() -> None:
    Derived.__bases__ = (Above,)


def _renamed() -> None:
    Derived.__name__ = "Another"


def _renamed_in_full() -> None:
    Derived.__qualname__ = "Another"


CHANGES = (_other_value, _equal_value, _new_name, _less, _other_order, _registered)
SAID = (_other_base, _renamed, _renamed_in_full)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("change", [*CHANGES, *SAID])
def test_a_glance_sees_every_change_of_a_class(
    change: Callable[[], None], counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another object under a name, another name, another order, a registration, what is said of a class; and nothing
    where nothing changed. Whether the interpreter counts changes or not."""
    monkeypatch.setattr(glance, "_COUNTS", counts and glance._COUNTS)
    monkeypatch.setattr(Keeps, "first", 1)
    monkeypatch.setattr(Keeps, "second", ())
    at_a_glance = Glance([Keeps, Abstract, Derived])
    assert at_a_glance.is_same()
    change()
    assert not at_a_glance.is_same()
    if hasattr(Keeps, "third"):
        del Keeps.third
    Derived.__bases__, Derived.__name__, Derived.__qualname__ = (Beside,), "Derived", "Derived"
    if change is _registered:
        Abstract._abc_registry_clear()  # type: ignore[attr-defined]


def test_what_was_taken_anew_is_the_same() -> None:
    """After a change that was looked into, a glance compares with what is there now."""
    at_a_glance = Glance([Keeps])
    Keeps.first = object()
    at_a_glance.take()
    assert at_a_glance.is_same()


def test_a_closer_look_decides() -> None:
    """An equal value in place of another is no change; a different one is, by its name, and stays one."""
    memory = Memory([("agent", Keeps())], Encoder())
    Keeps.first, before = (7, 8), Keeps.first
    with pytest.raises(Changed, match=r"Keeps\.first"):
        memory.check()
    with pytest.raises(Changed, match=r"Keeps\.first"):
        memory.check()
    Keeps.first = before
    memory.check()
    Keeps.second = tuple("ab")
    memory = Memory([("agent", Keeps())], Encoder())
    Keeps.second = tuple("ab")
    memory.check()


AGENTS = (
    *("d0", "d4", "examples.agents.actor:Actor"),
    *map(nightly, ("d3", "d9", "hardened", "examples.agents.lock_free:LockFree")),
)


@pytest.mark.parametrize("agent", AGENTS)
def test_an_identity_made_from_what_is_remembered_is_one_made_anew(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ran, and whatever did not run, since a chain of frames was looked at last."""
    remembering = Identities.of
    asked = 0

    def of(self: Identities, coroutine: Coroutine[Any, Any, Any]) -> Hashable:
        nonlocal asked
        asked += 1
        found = remembering(self, coroutine)
        assert remembering(Identities(self.values, keep_dead=self._keep_dead), coroutine) == found
        return found

    monkeypatch.setattr(Identities, "of", of)
    scope, reduce = Random(agent).choice((("Aa", "none"), ("A+1c", "dead")))
    explorer = LevelExplorer(World(Scope.parse(scope), find_revision(agent)), Judge(), reduce)
    assert explorer.run().complete
    assert asked > 50


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_known_of_a_place_tells_the_same_states_apart(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is known beforehand what is bound in a frame, as many local states are found, by the same histories, as
    where each frame is looked at for that."""
    scope, reduce = Random(agent).choice((("Aa+1f", "none"), ("A+1c+1e", "dead")))

    def found() -> list[tuple[int, int, object, object]]:
        explorer = LevelExplorer(World(Scope.parse(scope), find_revision(agent)), Judge(), reduce)
        assert explorer.run().complete
        local_states = explorer.transitions.locals.states
        return [(each.thread, each.parent, each.result, each.operation) for each in local_states]

    known = found()
    monkeypatch.setattr(snapshot, "standing", lambda *_: None)
    assert found() == known
    assert len(known) > 30


def test_addresses_are_those_of_what_a_tuple_holds() -> None:
    """And of nothing that is merely equal."""
    held = (1, "a", (), None, object())
    assert addresses(held) == array("Q", map(id, held)).tobytes()
    assert addresses((1,)) != addresses((True,))
    assert addresses(()) == b""


def test_the_interpreter_counts_the_changes_of_a_dictionary() -> None:
    """Of every Python that is supported; where it does not, a glance takes longer and sees the same."""
    assert glance._COUNTS

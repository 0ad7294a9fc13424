"""Which moments of a function are one: compared with what really happens after them, for random functions and known
traps."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from tests.sim.random_functions import BEGINNING, Found, Writer, explored

from everyturn.engines.coroutines import contents, snapshot, standing
from everyturn.engines.coroutines.contents import Contents
from everyturn.engines.coroutines.standing import Standing
from everyturn.errors import UnsupportedLocal
from everyturn.identity import bytecode
from everyturn.identity import live_variables as liveness

SEEDS = int(os.environ.get("EVERYTURN_RANDOM_FUNCTIONS", "100"))
"""How many random functions are explored; thousands now and then."""

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::SyntaxWarning")


def random_function(seed: int, **how: bool) -> Found:
    """What was found of the random function with this number."""
    return explored(Writer(seed).source(), f"{seed} {how}", **how)


@pytest.mark.parametrize("start", range(0, SEEDS, 25))
def test_moments_that_are_taken_for_one_go_on_alike(start: int) -> None:
    """On every version of Python, whatever its compiler makes of the function."""
    for seed in range(start, start + 25):
        found = random_function(seed)
        assert found.wrong is None, f"seed {seed}: after {found.wrong}\n{found.source}"


def test_the_number_of_identities_does_not_depend_on_the_version() -> None:
    """The bytecode does; what counts does not."""
    found = [random_function(seed) for seed in range(100)]
    assert (sum(each.moments for each in found), sum(each.identities for each in found)) == PINNED


PINNED = (1039, 601)
"""The same on 3.11, 3.12 and 3.13."""


# traps ---------------------------------------------------------------------------------------------------------------

TRAPS = {
    "a private name": ["__n = a", "await get()", "await get()", "return __n"],
    "unpacked before named": ["return call(k=a, *(await get(), await get())[:0])"],
    "named after unpacked": ["return call(*(await get(),)[:0], k=(await get(), a)[1])"],
    "an empty slot in a comprehension": [
        "_ = [0 for _ in (1,) if not await get() for a in (2,)]",
        "return (lambda: a)()",
    ],
    "a comprehension's variable": ["_ = [await get() for a in (2,)]", "return (lambda: a)()"],
    "a variable that may be unbound": ["if a: b = 1", "_ = [await get() for b in (2,)]", "return b"],
    "super without arguments": ["self = Mangled(a)", "await get()", "return super().value()"],
    "a name of a handler": ["e = a", "try: await get()", "except Fault as e: pass", "return e"],
    "an error that is handled": [
        "try: raise Fault(a)",
        "except Fault:",
        "    await get()",
        "    raise",
    ],
    "an error that is not handled any more": ["try: raise Fault(a)", "except Fault: pass", "return await get()"],
    "a return that waits": ["try: return a", "finally: await get()"],
    "a group of errors": [
        "try: raise ExceptionGroup('', [Fault(a), ValueError(a)])",
        "except* Fault: await get()",
    ],
    "a chain of comparisons": ["return 0 <= a <= await get()"],
    "an added attribute": ["a += await get()", "return a"],
    "a text with a width": ["return f'{await get():>{a + 2}}'"],
    "a generator's variable": ["g = [lambda: a]", "g = g[0]", "await get()", "return g()"],
    "a class's variable": ["class G: n = a", "await get()", "return G.n"],
    "a decorator": ["@decorated(a)", "def g(): return 1", "await get()", "return g()"],
    "locals": ["b = a", "await get()", "return sorted(k for k in locals() if k == 'b' and b)"],
    "a nested coroutine": ["async def g(): return a", "await get()", "return await g()"],
    "an alias": [
        "g = iter((0, 1))",
        "h = g if a else iter((0, 1))",
        "next(g)",
        "await get()",
        "next(g)",
        "return next(h)",
    ],
    "what with keeps": ["async with Base(a): await get()", "return 1"],
}
if sys.version_info >= (3, 12):
    TRAPS["a type's name"] = ["type T = (a,)", "await get()", "return T.__value__"]
    TRAPS["a function's type"] = ["def g[T: (a, 1)](): return T", "await get()", "return g().__constraints__"]


def trapped(lines: list[str]) -> str:
    """A function that has its first answer in ``a``, and then these lines."""
    beginning = ["class Mangled(Base):", "    async def f(self):", "        a = await get()"]
    return BEGINNING + "\n".join([*beginning, *(f"        {line}" for line in lines)]) + "\n"


@pytest.mark.parametrize("trap", TRAPS)
def test_what_is_read_later_counts(trap: str) -> None:
    """Known as different after the first answer, or refused; the future depends on it."""
    try:
        found = explored(trapped(TRAPS[trap]), trap)
    except UnsupportedLocal:
        assert trap in ("a type's name", "a function's type")
        return
    assert found.wrong is None, f"after {found.wrong}"
    if trap == "an error that is not handled any more":
        assert found.identities == 2


# the tests notice what is forgotten ----------------------------------------------------------------------------------


def forget_names(code: Any, instruction: int) -> frozenset[str]:
    return frozenset()


def forget_the_bytecode(code: Any, instruction: int) -> frozenset[str] | None:
    trees = liveness.live_names(code)
    return None if trees is None else trees.get(list(code.co_positions())[instruction // 2])


def forget_the_stack(*arguments: Any) -> Contents:
    return contents.contents(*arguments)._replace(stack=())


def forget_what_is_stacked(*arguments: Any) -> Standing | None:
    found = standing.standing(*arguments)
    return None if found is None else found._replace(stacked=())


def forget_the_error(*arguments: Any) -> Contents:
    return contents.contents(*arguments)._replace(handled=None)


@pytest.mark.parametrize(
    ("name", "forgetful"),
    [
        ("live_at", forget_names),
        ("live_at", forget_the_bytecode),
        ("contents", forget_the_stack),
        ("standing", forget_what_is_stacked),
    ],
)
def test_what_is_forgotten_is_noticed(name: str, forgetful: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that leaves something out takes two moments for one that are not."""
    if name == "contents":  # as if each frame had to be looked at for what is in it
        monkeypatch.setattr(snapshot, "standing", lambda *_: None)
    monkeypatch.setattr(snapshot, name, forgetful)
    wrong = []
    for trap, lines in TRAPS.items():
        try:
            wrong.append(explored(trapped(lines), f"{trap} {forgetful.__name__}").wrong is not None)
        except UnsupportedLocal:
            continue
    assert any(wrong)


MANY_HANDLERS = "async def asks(a):\n while a:\n  try:\n" + "".join(
    f"   try:\n    v{number} = await a\n   except ValueError:\n    continue\n" for number in range(30)
)
MANY_HANDLERS += "  except KeyError:\n   break\n  finally:\n   await a\n"


def test_code_with_many_handlers_is_not_gone_through_again_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice for a loop, no more."""
    names: dict[str, Any] = {}
    exec(MANY_HANDLERS, names)
    steps: list[int] = []
    step = bytecode._Passes._step

    def counted(self: Any, place: int, *state: Any) -> Any:
        steps.append(place)
        return step(self, place, *state)

    monkeypatch.setattr(bytecode._Passes, "_step", counted)
    passes = bytecode._Passes(names["asks"].__code__)
    passes.suspensions()
    assert len(steps) < 2 * len(passes.instructions)

"""Random coroutine functions: whatever Python's grammar has that may carry a value across an await, and its truth.

Each function asks for zeros and ones by ``await get(...)`` and does something with them. Truth is what it does after
every row of answers, run from the start each time: nothing is taken for the same.
"""

from __future__ import annotations

import linecache
import random
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from everyturn.engines.coroutines.snapshot import Identities
from everyturn.errors import UnsupportedLocal
from everyturn.identity.encoder import Encoder

BEGINNING = """
class Fault(Exception): pass

@dataclass(frozen=True)
class Base:
    content: int = 0
    def value(self): return self.content
    async def __aenter__(self): return await get("enter", self.content)
    async def __aexit__(self, kind, error, trace): return bool(await get("exit")) and kind is Fault
    def __enter__(self): return self.content
    def __exit__(self, kind, error, trace): return kind is Fault and bool(self.content)
    def __aiter__(self): return self
    async def __anext__(self):
        if not (answer := await get("next")): raise StopAsyncIteration
        return answer

def call(*items, k=None): return (items, k)[0][0] if items else k
def decorated(by):
    def decorate(function): return lambda: (by, function())[0]
    return decorate
async def sub(x):
    y = await get("sub", x)
    return y or x
"""

VARIABLES = ("a", "b", "c", "__m")
DEPTH = 5


@types.coroutine
def get(*said: Any) -> Generator[Any, Any, Any]:
    """Ask for an answer."""
    return (yield said)


class Writer:
    """Writes one function."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.awaits = 5
        self.lines: list[str] = []
        self.looping = 0

    def source(self) -> str:
        """The text of a class whose method ``f`` it is."""
        self.lines = ["class Mangled(Base):", "    async def f(self):", "        a = await get('first')"]
        self.lines += ["        b, c, __m = 0, 1, a"] if self.chance.random() < 0.8 else ["        __m = a"]
        self.block(2, 3 + self.chance.randrange(3))
        self.lines.append(f"        return {self.expression(1)}")
        return BEGINNING + "\n".join(self.lines) + "\n"

    def variable(self) -> str:
        return self.chance.choice(VARIABLES)

    def ask(self) -> str:
        if self.awaits <= 0:
            return self.variable()
        self.awaits -= 1
        return self.chance.choice([f"await get({self.variable()})", "await get()", f"await sub({self.variable()})"])

    def expression(self, deep: int = 2) -> str:
        """An expression; ``deep``: how far it may be nested."""
        if deep <= 0 or self.chance.random() < 0.15:
            return self.chance.choice([self.variable(), self.variable(), "0", "1", f"({self.ask()})"])
        x, y, z = (self.expression(deep - 1) for _ in range(3))
        v, w = self.variable(), self.variable()
        p, q = (
            w if ":=" in each else each for each in (x, y)
        )  # a comprehension's variables cannot be assigned to in it
        ways = (
            f"(({v} := {x}), {y})[1]",
            f"({x} if {y} else {z})",
            f"({x} and {y} or {z})",
            f"({x} == {y} != {z})",
            f"({x}, {y}, {z})[1]",
            f"[{x}, *({y}, {z})][2]",
            f"{{**{{'k': {x}}}, 'l': {y}}}['k']",
            f"f'{{{v}}}{{{w}!r}}'",
            f"call({x}, {y})",
            f"call(k={x}, *({y},))",
            f"call(*({x},), {y}, **{{'k': {z}}})",
            f"(lambda: {v})()",
            f"(lambda {v}={x}: {v})()",
            f"(lambda: ({w}, {v}))()[1]",
            f"sum([bool({p}) for {v} in (0, 1) if {q}])",
            f"sum([bool({v}) for {v} in ({w}, 1) for {w} in (0, {v}) if {p}])",
            f"len([{v} for _ in (1,) if not {p} for {v} in (2,)])",
            f"len({{{v}: {p} for {v} in (1,)}})",
            f"len({{{p} for {w} in (0,)}})",
            f"[(lambda: {v})() for {v} in (0, 1)][{w} == 1]",
            f"sum(1 for u in (0, 1) if u == {v})",
            "super().value()",
            f"{{0: {x}, 1: {y}}}.get({z})",
            f"str({x}).join(('', {y} and 'y' or 'n'))",
            f"(not {x})",
            f"[u := {x}, {y}, u][2]",
        )
        return self.chance.choice(ways)

    def block(self, level: int, statements: int) -> None:
        for _ in range(statements):
            self.statement(level)

    def add(self, level: int, line: str) -> None:
        self.lines.append("    " * level + line)

    def statement(self, level: int) -> None:
        """A statement, at this level of indentation."""
        simple = (self.assign, self.assign, self.assign, self.other, self.other, self.define)
        compound = (self.branch, self.loop, self.guard, self.guard, self.manage, self.compare)
        chosen = simple if level > 4 or self.chance.random() < 0.5 else compound
        self.chance.choice(chosen)(level)

    def assign(self, level: int) -> None:
        v, w, x = self.variable(), self.variable(), self.expression()
        ways = (
            f"{v} = {x}",
            f"{v} = {self.ask()}",
            f"{v}: int = {x}",
            f"{v}, {w} = {x}, {self.ask()}",
            f"{v} = {w} = {x}",
            f"{v}, (*{w},) = {x}, ({w},); {w} = {w}[0]",
            f"{v} = ({v}, {x})[1]",
            f"{v} = bool({v}); {v} += bool({self.ask()})",
            f"self = Mangled({x})",
        )
        self.add(level, self.chance.choice(ways))

    def other(self, level: int) -> None:
        v, x = self.variable(), self.expression(1)
        ways = [
            f"del {v}",
            f"await get({x})",
            f"{self.ask()}",
            f"assert {x}, {v}",
            f"if {x}: raise Fault({v})",
            f"if {x}: return {v}",
            f"raise Fault({x}) from ValueError({v})",
        ]
        if self.looping:
            ways += [f"if {x}: break", f"if {x}: continue"]
        self.add(level, self.chance.choice(ways))

    def define(self, level: int) -> None:
        v, w = self.variable(), self.variable()
        ways = (
            [f"def g({v}={self.expression(1)}): return {v}, {w}", f"{w} = g()[0]"],
            ["def g():", f"    nonlocal {v}", f"    {v} = {w}", "g()", f"{v} = {v}"],
            [f"@decorated({self.expression(1)})", f"def g(): return {v}", self.ask(), f"{w} = g()"],
            [f"class G: attribute = {v}", self.ask(), f"{w} = G.attribute"],
            [f"def g(): return {v}", self.ask(), f"{w} = g()"],
            ["def g():", "    global SHARED", f"    return {v}", f"{w} = g()"],
        )
        for line in self.chance.choice(ways):
            self.add(level, line)

    def branch(self, level: int) -> None:
        self.add(level, f"if {self.expression()}:")
        self.block(level + 1, 1 + self.chance.randrange(2))
        if self.chance.random() < 0.6:
            self.add(level, f"elif {self.expression(1)}:" if self.chance.random() < 0.3 else "else:")
            self.block(level + 1, 1)

    def loop(self, level: int) -> None:
        v = self.variable()
        heads = (
            f"for {v} in (0, 1):",
            f"for {v}, b in enumerate(({self.expression(1)}, 1)):",
            f"for {v} in range(2):",
            "while await get():",
            f"async for {v} in Base():",
        )
        self.add(level, self.chance.choice(heads))
        self.looping += 1
        self.block(level + 1, 1 + self.chance.randrange(2))
        self.looping -= 1
        if self.chance.random() < 0.3:
            self.add(level, "else:")
            self.block(level + 1, 1)

    def guard(self, level: int) -> None:
        self.add(level, "try:")
        self.block(level + 1, 1 + self.chance.randrange(2))
        star, looping = self.chance.random() < 0.2, self.looping
        handled = self.chance.random() < 0.8
        if handled:
            name = f" as {self.variable()}" if self.chance.random() < 0.6 else ""
            self.add(level, f"except{'*' if star else ''} (Fault, AssertionError, NameError){name}:")
            self.looping = 0 if star else looping
            self.add(level + 1, "pass" if star else self.chance.choice(["pass", self.ask(), "raise"]))
            if star:
                self.add(level + 1, self.chance.choice([self.ask(), f"{self.variable()} = {self.ask()}"]))
            else:
                self.block(level + 1, 1)
            self.looping = looping
            if self.chance.random() < 0.3:
                self.add(level, "else:")
                self.block(level + 1, 1)
        if not handled or self.chance.random() < 0.4:
            self.add(level, "finally:")
            self.looping = 0
            self.block(level + 1, 1)
            self.looping = looping

    def manage(self, level: int) -> None:
        word = self.chance.choice(["with", "async with"])
        second = f", Base({self.variable()} == 1)" if self.chance.random() < 0.3 else ""
        self.add(level, f"{word} Base({self.expression(1)}) as {self.variable()}{second}:")
        self.block(level + 1, 1 + self.chance.randrange(2))

    def compare(self, level: int) -> None:
        v, w = self.variable(), self.variable()
        self.add(level, f"match ({self.expression(1)}, {self.ask()}):")
        self.add(level + 1, f"case (0 | 1 as {v}, 1) if {self.expression(1)}:")
        self.block(level + 2, 1)
        self.add(level + 1, f"case ({w}, _):" if v != w else "case _:")
        self.block(level + 2, 1)


@dataclass
class Found:
    """One function explored: how many moments there were, how many identities, and two moments wrongly taken for
    one."""

    source: str
    moments: int = 0
    identities: int = 0
    wrong: tuple[tuple[int, ...], tuple[int, ...]] | None = None


CUT = "not looked at any further"
Tree = Any


class Truth:
    """Runs one function with every row of answers, and compares what is taken for the same."""

    def __init__(self, start: Callable[[], Coroutine[Any, Any, Any]], identities: Identities) -> None:
        self._start = start
        self._identities = identities
        self.moments: list[tuple[tuple[int, ...], Any, Tree]] = []

    def follow(self, answers: tuple[int, ...] = ()) -> Tree:
        """All that may happen after these answers."""
        coroutine = self._start()
        try:
            said = [coroutine.send(None if place == 0 else answers[place - 1]) for place in range(len(answers) + 1)][-1]
            identity = self._identities.of(coroutine)
        except StopIteration as end:
            return ("ends", repr(end.value))
        except UnsupportedLocal:
            raise
        except Exception as error:
            return ("raises", repr(error), repr(error.__cause__))
        finally:
            throw_away(coroutine)
        if len(answers) >= DEPTH:
            return CUT
        tree = (repr(said), self.follow((*answers, 0)), self.follow((*answers, 1)))
        self.moments.append((answers, (repr(said), identity), tree))
        return tree


def throw_away(coroutine: Coroutine[Any, Any, Any]) -> None:
    """End a coroutine, whatever it does about it."""
    for _ in range(9):
        with suppress(BaseException):  # it awaits in a finally, or fails in it; except* makes a group of that
            coroutine.close()
            return


def agree(one: Tree, other: Tree) -> bool:
    """Whether two trees are alike as far as both were followed."""
    if CUT in (one, other):
        return True
    if len(one) != len(other) or one[0] != other[0]:
        return False
    if one[0] in ("ends", "raises"):
        return bool(one == other)
    return agree(one[1], other[1]) and agree(one[2], other[2])


def explored(source: str, name: str, *, keep_dead: bool = False) -> Found:
    """Explore the method ``f`` of a source text."""
    file = f"<random function {name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"get": get, "dataclass": dataclass, "__name__": __name__}
    exec(compile(source, file, "exec", dont_inherit=True), namespace)
    known = tuple(each for each in namespace.values() if isinstance(each, type | types.FunctionType))
    truth = Truth(namespace["Mangled"]().f, Identities(Encoder(known), keep_dead=keep_dead))
    truth.follow()
    found = Found(source, len(truth.moments))
    first: dict[Any, tuple[tuple[int, ...], Tree]] = {}
    for answers, identity, tree in truth.moments:
        before = first.setdefault(identity, (answers, tree))
        if not agree(before[1], tree):
            found.wrong = (before[0], answers)
    found.identities = len(first)
    return found

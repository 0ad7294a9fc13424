"""Ways in which Python code can carry a value across an await: pieces of which random agents are put together.

Each piece takes the value from ``{v}``, a local variable that holds 0 or 1, carries it across at least one ``PAUSE``,
an await, and leaves it in ``{w}``. ``FORGET`` overwrites ``{v}``, so that nothing but the construct holds the value.
``{x}`` and ``{y}`` are names of its own, which may be mangled or used before.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = """
import enum
import sys
import types
from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

from everyturn_impl.calls import Completion


async def once(pause):
    await pause()


class Told(Exception):
    pass


class Slotted(Exception):
    __slots__ = ("value",)


class Bits(enum.IntFlag):
    ONE = 1


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Held:
    value: Any

    def get(self):
        return self.value

    def __enter__(self):
        return self.value

    def __exit__(self, *error):
        return bool(self.value)


@dataclass(frozen=True)
class Later:
    value: Any
    pause: Any

    async def __aenter__(self):
        await self.pause()
        return self.value

    async def __aexit__(self, *error):
        await self.pause()
        return bool(self.value)

    def __await__(self):
        yield from once(self.pause).__await__()
        return self.value


@dataclass(frozen=True)
class Extra:
    number: int
    given: InitVar[int] = 0

    def __post_init__(self, given):
        object.__setattr__(self, "extra", given)


@dataclass(frozen=True)
class Unequal:
    number: int
    value: int = field(compare=False, default=0)


@dataclass(frozen=True, eq=False)
class Lonely:
    value: int


@dataclass(frozen=True, slots=True)
class Slots:
    value: int


class Point(namedtuple("Point", "number")):
    pass


class Named(NamedTuple):
    value: int


class Part(partial):
    pass


class Text(str):
    pass


class Number(int):
    pass


def named(*values, k=None, **others):
    return k


def first(value, *others, **more):
    return value


async def carry(value, pause, depth=1):
    if depth:
        return await carry(value, pause, depth - 1)
    await pause()
    return value


@types.coroutine
def by_hand(value, pause):
    yield from pause()
    return value


class Agent:
    def __init__(self, ports, *, direct=False):
        self.ports = ports

    async def submit(self, call):
        return call

    async def serve(self, call, caller):
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p2":
            await self.ports.mark.set(1)
            return
        if await self.saw(self.ports.mark.get, self.ports.queue.get):
            return
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)

    async def keep(self, value, pause):
        await pause()
        return value
"""
"""What every agent has: p2 sets the mark, and p1 tells nobody if ``saw`` says so."""

EXPRESSIONS: Final = (
    "({x}, PAUSE)[0]",
    "[{x}, PAUSE][0]",
    "{{1: {x}, 2: PAUSE}}[1]",
    "{{1: 0, {x} + 5: PAUSE}}.get(6, 1) == ()",
    "sorted({{{x}, len(PAUSE)}})[-1]",
    "{x} + len(PAUSE)",
    "-(-{x} - len(PAUSE))",
    "int({x} > len(PAUSE))",
    "int(0 < {x} <= 1 + len(PAUSE))",
    "int(len(PAUSE) < {x} < 2)",
    "{x} and 1 - len(PAUSE)",
    "{x} or len(PAUSE)",
    "({x} if not PAUSE else 5)",
    "(0 if PAUSE else {x})",
    "(1 if {x} and not PAUSE else 0)",
    'int(f"{{{x}}}{{len(PAUSE)}}"[0])',
    'int(f"{{len(PAUSE)}}{{{x}}}"[-1])',
    'int(f"{{len(PAUSE):>{{{x} + 1}}}}"[0] == " ")',
    "named(k={x}, *(PAUSE, PAUSE))",
    "named(k={x}, *(PAUSE,), j=0)",
    "named(*(PAUSE,), k={x})",
    'named(k={x}, **{{"j": PAUSE}})',
    'named(**{{"k": {x}}}, j=PAUSE)',
    "first({x}, PAUSE)",
    "first({x}, *(0,), last=PAUSE)",
    "first(*({x}, PAUSE))",
    "(PAUSE, {x})[1]",
    "(0, 1)[{x} - len(PAUSE)]",
    "(lambda z: (z, {x}))(PAUSE)[1]",
    "(lambda z={x}, *a: z)(*(({x}, PAUSE)[:1]))",
    "[{x} for _ in (1,) if not PAUSE][0]",
    "[z for z in ({x}, len(PAUSE))][0]",
    "[{x} for z in (PAUSE, PAUSE)][1]",
    "[(z, PAUSE)[0] for z in ({x},)][0]",
    "{{{x} for _ in (1,) if not PAUSE}}.pop()",
    "{{_: {x} for _ in (1,) if not PAUSE}}[1]",
    "[a for a in tuple([b for b in ({x},) if not PAUSE]) if not PAUSE][0]",
    "sum(z for z in ({x}, len(PAUSE)))",
    "max(z for z in [({x}, PAUSE)[0]])",
    "(z := {x}, PAUSE, z)[2]",
    "[z := {x}, PAUSE][0]",
    "Held({x}).get() + len(PAUSE)",
    "first(Held({x}).value, PAUSE)",
    "Held({x}).get(*PAUSE)",
    "partial(first, {x})(PAUSE)",
    'getattr(Held({x}), ("value", PAUSE)[0])',
    "(not not {x}) is (not PAUSE)",
    "({x}, *PAUSE)[0]",
    "[*({x},), *PAUSE][0]",
    "{{**{{1: {x}}}, 2: PAUSE}}[1]",
    "(({x},) + PAUSE)[0]",
    "(await carry({x}, pause))",
    "(await carry({x}, pause, depth=2))",
    "(await self.keep({x}, pause))",
    "(await by_hand({x}, pause))",
    "int(str({x})[: 1 + len(PAUSE)])",
    "({x} << len(PAUSE))",
    "({x} in (1, PAUSE))",
    "int(type({x})({x}) == 1 + len(PAUSE))",
)
"""Of the value in ``{x}``: an operand, an argument, a part of a display that waits on the stack."""

KEPT: Final = (
    ("{v}", "{x}"),
    ("bool({v})", "int({x})"),
    ("True if {v} else 1", "int(type({x}) is bool)"),
    ("1.0 if {v} else 1", "int(type({x}) is float)"),
    ("-0.0 if {v} else 0.0", 'int(str({x}) == "-0.0")'),
    ('float("nan") if {v} else 0.0', "int({x} != {x})"),
    ("complex(0, {v})", "int({x}.imag)"),
    ('"a" if {v} else "b"', 'int({x} == "a")'),
    ('b"a" if {v} else "a"', "int(type({x}) is bytes)"),
    ("({v}, (1, {v}))", "{x}[1][1]"),
    ("10**30 + {v}", "{x} - 10**30"),
    ("range({v})", "len({x})"),
    ("slice({v})", "{x}.stop"),
    ("Text({v})", "int({x})"),
    ("Number({v})", "int({x})"),
    ("frozenset(({v},))", "max({x})"),
    ("frozenset((8, 16) if {v} else (16, 8))", "int(next(iter({x})) == 8)"),
    ("Bits(2) if {v} else Bits(4)", "int(int({x}) == 2)"),
    ("Bits(3) if {v} else Bits.ONE", "int({x}) - 1 and 1"),
    ("Colour.RED if {v} else Colour.BLUE", "int({x} is Colour.RED)"),
    ("Held({v})", "{x}.value"),
    ("Held({v}).get", "{x}()"),
    ("Slots({v})", "{x}.value"),
    ("Extra(0, {v})", "{x}.extra"),
    ("Unequal(0, {v})", "{x}.value"),
    ("Lonely({v})", "{x}.value"),
    ("Named({v})", "{x}.value"),
    ("partial(named, k={v})", "{x}()"),
    ("partial(first, {v}, 2)", "{x}()"),
    ('("a" if {v} else "b").upper', 'int({x}() == "A")'),
    ("int if {v} else str", "int({x} is int)"),
    ("len if {v} else max", "int({x} is len)"),
    ("lambda z={v}: z", "{x}()"),
    ("lambda *, z={v}: z", "{x}()"),
    ("(lambda z: lambda: z)({v})", "{x}()"),
    ("Told({v})", "{x}.args[0]"),
    ("(Told(), Told({v}))", "{x}[1].args[0]"),
    ("iter((0, {v}))", "max({x})"),
    ("enumerate(({v},))", "next({x})[1]"),
    ("zip((0, 1), (0, {v}))", "max({x})[1]"),
    ("reversed(({v}, 0))", "max({x})"),
    ("(1,) if {v} else ()", "len({x})"),
    ("None if {v} else 0", "int({x} is None)"),
    ("... if {v} else None", "int({x} is ...)"),
    ("NotImplemented if {v} else None", "int({x} is NotImplemented)"),
)
"""A value that depends on the given one, and how to get the given one back."""

BLOCKS: Final = (
    "{x} = {v}; FORGET; PAUSE\n{w} = {x}",
    "def {x}(given={v}):\n    return given\nFORGET\nPAUSE\n{w} = {x}()",
    "{x} = {v}\ndef {y}():\n    return {x}\nFORGET\nPAUSE\n{w} = {y}()",
    "{x} = 0\ndef {y}(given):\n    nonlocal {x}\n    {x} = given\n{y}({v})\nFORGET\nPAUSE\n{w} = {x}",
    "{x} = 0\n{y} = lambda: {x}\n{x} = {v}\nFORGET\nPAUSE\n{w} = {y}()",
    "{y} = lambda: {x}\n{x} = {v}\nFORGET\nPAUSE\n{w} = {y}()\ndel {x}",
    "def {x}():\n    pass\n{x}.given = {v}\nFORGET\nPAUSE\n{w} = {x}.given",
    "async def {x}():\n    try:\n        return given\n    finally:\n        PAUSE\ngiven = {v}\nFORGET\n{w} = await "
    "{x}()",
    "async def {x}(given):\n    PAUSE\n    return given\n{w} = await {x}({v})",
    "async def {x}():\n    nonlocal {w}\n    {y} = {v}\n    PAUSE\n    {w} = {y}\n{w} = 0\nawait {x}()",
    "{x} = Point(1)\n{x}.extra = {v}\nFORGET\nPAUSE\n{w} = {x}.extra",
    "{x} = Part(first, 1)\n{x}.extra = {v}\nFORGET\nPAUSE\n{w} = {x}.extra",
    "{x} = Text('a')\n{x}.extra = {v}\nFORGET\nPAUSE\n{w} = {x}.extra",
    "{x} = Told()\n{x}.extra = {v}\nFORGET\nPAUSE\n{w} = {x}.extra",
    "{x} = Slotted()\n{x}.value = {v}\nFORGET\nPAUSE\n{w} = {x}.value",
    "{x} = Told()\n{x}.add_note(str({v}))\nFORGET\nPAUSE\n{w} = int({x}.__notes__[0])",
    "try:\n    raise Told({v})\nexcept Told as {x}:\n    FORGET\n    PAUSE\n    {w} = {x}.args[0]",
    "try:\n    raise Told() from Told({v})\nexcept Told as {x}:\n    FORGET\n    PAUSE\n    {w} = "
    "{x}.__cause__.args[0]",
    "try:\n    try:\n        raise Told({v})\n    except Told:\n        raise KeyError\nexcept KeyError as {x}:\n    "
    "FORGET\n    PAUSE\n"
    "    {w} = {x}.__context__.args[0]",
    "try:\n    raise Told() from (None if {v} else Told())\nexcept Told as {x}:\n    FORGET\n    PAUSE\n"
    "    {w} = int({x}.__cause__ is None)",
    "try:\n    try:\n        raise Told({v})\n    except Told:\n        FORGET\n        PAUSE\n        raise\n"
    "except Told as {x}:\n    {w} = {x}.args[0]",
    "try:\n    raise Told({v})\nexcept Told:\n    FORGET\n    PAUSE\n    {w} = sys.exception().args[0]",
    "try:\n    try:\n        raise Told({v})\n    finally:\n        FORGET\n        PAUSE\nexcept Told as {x}:\n    "
    "{w} = {x}.args[0]",
    "try:\n    raise ExceptionGroup('g', [Told({v})])\nexcept* Told as {x}:\n    FORGET\n    PAUSE\n    {w} = "
    "{x}.exceptions[0].args[0]",
    "try:\n    {x} = {v}\n    FORGET\n    PAUSE\nfinally:\n    PAUSE\n{w} = {x}",
    "{x} = {v}\nFORGET\ntry:\n    PAUSE\n    raise Told\nexcept Told:\n    {w} = {x}\nelse:\n    {w} = 5",
    "{x} = {v}\nFORGET\ntry:\n    PAUSE\nexcept Told:\n    {w} = 5\nelse:\n    {w} = {x}",
    "with Held({v}) as {x}:\n    FORGET\n    PAUSE\n    {w} = {x}",
    "{w} = 0\ntry:\n    with Held({v}):\n        FORGET\n        PAUSE\n        raise Told\n    {w} = 1\nexcept "
    "Told:\n    pass",
    "async with Later({v}, pause) as {x}:\n    FORGET\n    {w} = {x}",
    "{w} = 0\ntry:\n    async with Later({v}, pause):\n        FORGET\n        raise Told\n    {w} = 1\nexcept "
    "Told:\n    pass",
    "match ({v}, 1):\n    case ({x}, 1):\n        FORGET\n        PAUSE\n        {w} = {x}",
    "match Held({v}):\n    case Held(value={x}) if not PAUSE:\n        FORGET\n        {w} = {x}",
    "match {v}:\n    case 0 | 2 if not PAUSE:\n        {w} = 0\n    case {x}:\n        FORGET\n        PAUSE\n        "
    "{w} = {x}",
    "match (5, {v}, 6):\n    case (_, {x}, *_):\n        FORGET\n        PAUSE\n        {w} = {x}",
    "for {x} in (0, {v}):\n    FORGET\n    PAUSE\n{w} = {x}",
    "for {x}, {y} in zip((1, 2), (0, {v})):\n    FORGET\n    PAUSE\n{w} = {y}",
    "for {x}, {y} in enumerate((0, {v})):\n    FORGET\n    PAUSE\n{w} = {y}",
    "{w} = 0\nfor {x} in range({v} + 1):\n    FORGET\n    PAUSE\n    {w} = {x}",
    "for {x} in reversed(({v}, 0)):\n    FORGET\n    PAUSE\n{w} = {x}",
    "for {x} in ('0', '1')[{v}] + 'x':\n    FORGET\n    PAUSE\n    if {x} != 'x':\n        {w} = int({x})",
    "for {x} in ({v},):\n    FORGET\n    PAUSE\n    if {x}:\n        {w} = 1\n        break\nelse:\n    {w} = 0",
    "{x} = {v}\nFORGET\n{y} = 0\nwhile {y} < 1:\n    {y} += 1\n    PAUSE\n    if {y} > 5:\n        continue\n{w} = {x}",
    "{x} = {v}\nFORGET\nwhile True:\n    try:\n        PAUSE\n        break\n    finally:\n        PAUSE\n{w} = {x}",
    "{x} = 0\n{x} += {v} + len(PAUSE)\nFORGET\n{w} = {x}",
    "{x} = {v}\nFORGET\n{x} += len(PAUSE)\n{w} = {x}",
    "{x}, {y} = {v}, PAUSE\nFORGET\n{w} = {x}",
    "({x}, {y}), z = ({v}, 1), PAUSE\nFORGET\n{w} = {x}",
    "{x} = {y} = {v}\nFORGET\nPAUSE\ndel {x}\n{w} = {y}",
    "{x}: int = {v}\nFORGET\nPAUSE\n{w} = {x}",
    "if ({x} := {v}) or not PAUSE:\n    FORGET\n    PAUSE\n{w} = {x}",
    "{x} = {v}\nFORGET\nassert not PAUSE, {x}\n{w} = {x}",
    "{x} = {v}\nFORGET\ndel {v}\nPAUSE\n{w} = {x}\n{v} = 7",
    "if {v}:\n    FORGET\n    PAUSE\n    {w} = 1\nelse:\n    FORGET\n    PAUSE\n    {w} = 0",
    "{x} = {v}\nFORGET\n_ = [0 for _ in (1,) if not PAUSE for {x} in (2,)]\n{w} = (lambda: {x})()",
    "{x} = {v}\nFORGET\n{y} = [0 for {x} in (2,) if not PAUSE]\n{w} = {x}",
    "{x} = {v}\nFORGET\n{y} = [{x} for _ in (1,) if not PAUSE]\n{w} = {y}[0]\n{y} = 0",
    "{x} = {v}\nFORGET\n{y} = [(lambda: {x})() for _ in (1,) if not PAUSE][0]\n{w} = {y}",
    "{x} = [{y} := {v} for _ in (1,)][0]\nFORGET\nPAUSE\n{w} = {y}",
    "{x} = {v}\nFORGET\nPAUSE\n{w} = locals()['{m}']",
    "{x} = {v}\nFORGET\nPAUSE\n{w} = eval('{m}')",
)
"""Statements."""

UNSUPPORTED: Final = (
    "{x} = [{v}]\nFORGET\nPAUSE\n{w} = {x}[0]",
    "{x} = {{1: {v}}}\nFORGET\nPAUSE\n{w} = {x}[1]",
    "{x} = {{{v}}}\nFORGET\nPAUSE\n{w} = max({x})",
    "{x} = bytearray([{v}])\nFORGET\nPAUSE\n{w} = {x}[0]",
    "{x} = SimpleNamespace(n={v})\nFORGET\nPAUSE\n{w} = {x}.n",
    "{x} = (z for z in ({v},))\nFORGET\nPAUSE\n{w} = max({x})",
    "{x} = map(int, ({v},))\nFORGET\nPAUSE\n{w} = max({x})",
    "_, *{x} = (0, {v})\nFORGET\nPAUSE\n{w} = {x}[0]",
    "class {x}:\n    value = {v}\nFORGET\nPAUSE\n{w} = {x}.value",
    "Agent.kept = {v}\nFORGET\nPAUSE\n{w} = Agent.kept",
    "self.kept = {v}\nFORGET\nPAUSE\n{w} = self.kept",
    "global KEPT\nKEPT = {v}\nFORGET\nPAUSE\n{w} = KEPT",
    "async def {x}():\n    yield {v}\n    PAUSE\n{w} = 0\nasync for {y} in {x}():\n    {w} = {y}",
    "{w} = await Later({v}, pause)",
    "Told.kept = {v}\nFORGET\nPAUSE\n{w} = Told.kept",
    "carry.kept = {v}\nFORGET\nPAUSE\n{w} = carry.kept",
)
"""What is refused, as the documentation says; if it is not, the verdict must be right all the same."""

"""A scope as Murphi, for rumur or CMurphi: one rule for each outcome of each thread's step.

Murphi has no constant arrays, so the tables are functions: binary decisions on the local state, then on the columns
that the step touches. To run it with rumur (Fernandez, *Rumur*, a reimplementation of CMurphi)::

    rumur --deadlock-detection off --output model.c model.m && gcc -std=c11 -O2 -march=native model.c -o model -pthread

Its number of states then equals ours, its "rules fired" our transitions and one look for each state at rest, and an
invariant or the assertion of the same name fails exactly if ours does. A look-up that finds nothing is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from everyturn.exports.tables import SHARED, ScopeTables, StepOutcome, ThreadTable, runs

_HEAD: Final = """\
-- rumur --deadlock-detection off --output FILE.c FILE
-- gcc -std=c11 -O2 -march=native FILE.c -o model -pthread && ./model"""


def write(tables: ScopeTables, *, properties: bool = True) -> Iterator[str]:
    """The lines of the model. Without ``properties`` nothing is asserted, and the count covers all states."""
    yield f"-- {tables.title}: {tables.states} states, {tables.transitions} transitions"
    yield _HEAD
    yield from _state(tables)
    yield from _judge(tables)
    for thread in tables.threads:
        yield from _ways(tables, thread)
        yield from _go(tables, thread)
    yield from _rest(tables)
    yield from _start(tables)
    for thread in tables.threads:
        for way in range(thread.outcomes):
            name = _word(thread.name)
            yield (
                f'rule "{thread.name}, outcome {way}" ways_{name}() > {way} ==> begin judge := judged(judge, '
                f"go_{name}({way})); end;"
            )
    yield from _properties(tables, asserted=properties)


def _state(tables: ScopeTables) -> Iterator[str]:
    yield "type"
    yield f"  judges: 0..{tables.judges - 1};"
    yield f"  events: 0..{tables.events - 1};"
    yield "var"
    for name, size in zip(tables.columns, tables.sizes, strict=False):
        yield f"  {name}: 0..{size - 1};"
    yield "  judge: judges;"
    for place, thread in enumerate(tables.threads):
        yield f"  at_{_word(thread.name)}: 0..{tables.locals(place) - 1};"


def _start(tables: ScopeTables) -> Iterator[str]:
    names = (*tables.columns, "judge", *(f"at_{_word(thread.name)}" for thread in tables.threads))
    yield 'startstate "start" begin'
    yield from (f"  {name} := {number};" for name, number in zip(names, tables.initial, strict=True))
    yield "end;"


# decisions --------------------------------------------------------------------------------------------------------

_WITHIN: Final = 16
"""Cases in one function: rumur takes time exponential in the depth of nested ifs and quadratic in their number."""


@dataclass(frozen=True, slots=True)
class _Fork:
    """A question: the value of a variable → what follows, another question or the lines of a branch."""

    variable: str
    cases: dict[int, _Tree]

    def size(self) -> int:
        """How many branches there are in the end."""
        return sum(case.size() if isinstance(case, _Fork) else 1 for case in self.cases.values())

    def branches(self, so_far: tuple[str, ...] = ()) -> Iterator[tuple[str, Sequence[str]]]:
        """All branches, with their conditions."""
        for value, case in sorted(self.cases.items()):
            asked = (*so_far, f"{self.variable} = {value}")
            if isinstance(case, _Fork):
                yield from case.branches(asked)
            else:
                yield " & ".join(asked), case


_Tree = _Fork | Sequence[str]


def _fork(variables: Sequence[str], cases: Mapping[tuple[int, ...], _Tree]) -> _Tree:
    """Ask one variable after the other."""
    if not variables:
        return cases[()]
    by_first: dict[int, dict[tuple[int, ...], _Tree]] = {}
    for key, value in cases.items():
        by_first.setdefault(key[0], {})[key[1:]] = value
    return _Fork(variables[0], {value: _fork(variables[1:], rest) for value, rest in by_first.items()})


class _Functions:
    """A look-up as a tree of small functions.

    ``head`` and ``call`` have ``NAME`` for a function's name; ``miss`` is what happens when there is no entry.
    """

    def __init__(self, name: str, head: str, call: str, miss: str) -> None:
        self.name, self.head, self.call, self.miss = name, head, call, miss
        self._lines: list[str] = []
        self._number = 0

    def write(self, tree: _Tree) -> Iterator[str]:
        """The lines of all functions, each before those that call it, the one called ``name`` last."""
        body = self._body(tree)
        yield from self._lines
        yield from self._function(self.name, body)

    def _function(self, name: str, body: Iterable[str]) -> Iterator[str]:
        yield self.head.replace("NAME", name)
        yield "begin"
        yield from body
        yield self.miss
        yield "end;"

    def _apart(self, tree: _Tree) -> Sequence[str]:
        """The same in a function of its own: the line that calls it."""
        if not isinstance(tree, _Fork):
            return tree
        self._number += 1
        name = f"{self.name}_{self._number}"
        self._lines += self._function(name, self._body(tree))
        return [self.call.replace("NAME", name)]

    def _body(self, tree: _Tree) -> list[str]:
        if not isinstance(tree, _Fork):
            return list(tree)
        if tree.size() <= _WITHIN:
            return _chain(tree.branches())
        values = sorted(tree.cases)
        if len(values) <= _WITHIN:
            return _chain((f"{tree.variable} = {value}", self._apart(tree.cases[value])) for value in values)
        size = _WITHIN
        while size * _WITHIN < len(values):
            size *= _WITHIN
        parts = [values[start : start + size] for start in range(0, len(values), size)]
        return _chain(
            (
                f"{tree.variable} <= {part[-1]}",
                self._apart(_Fork(tree.variable, {each: tree.cases[each] for each in part})),
            )
            for part in parts
        )


def _chain(branches: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    lines: list[str] = []
    for condition, branch in branches:
        lines += [f"{'elsif' if lines else 'if'} {condition} then", *branch]
    return [*lines, "end;"] if lines else []


# judge ------------------------------------------------------------------------------------------------------------


def _judge(tables: ScopeTables) -> Iterator[str]:
    functions = _Functions(
        "judged_by",
        "function NAME(before: judges; seen: events): judges;",
        "return NAME(before, seen);",
        'error "no entry in the judge\'s table"; return before;',
    )
    cases: dict[tuple[int, ...], _Tree] = {
        (judge, seen): [f"return {after};"] for judge, each in tables.judged.items() for seen, after in each.items()
    }
    yield from functions.write(_fork(("before", "seen"), cases))
    yield "function judged(before: judges; seen: events): judges;"
    yield "begin if seen = 0 then return before; end; return judged_by(before, seen); end;"


def _properties(tables: ScopeTables, *, asserted: bool) -> Iterator[str]:
    """A rule that looks at rest and changes nothing, and the invariants."""
    quiet = " & ".join(f"ways_{_word(thread.name)}() = 0" for thread in tables.threads)
    broken = tables.broken if asserted else {}
    for name, judges in broken.items():
        where = " | ".join(f"(after >= {first} & after <= {last})" for first, last in runs(judges))
        yield f"function broken_{_word(name)}(after: judges): boolean; begin return {where or 'false'}; end;"
    yield f'rule "rest" {quiet} ==>'
    yield "  var after: judges;"
    yield "begin"
    yield "  after := judged(judge, seen_at_rest());"
    yield from (f'  assert !broken_{_word(name)}(after) "{name}";' for name in broken)
    yield "end;"
    yield from (f'invariant "{name}" !broken_{_word(name)}(judge);' for name in broken)


# threads ----------------------------------------------------------------------------------------------------------


def _ways(tables: ScopeTables, thread: ThreadTable) -> Iterator[str]:
    """How many ways a thread can go; a local state in which it always has the same number asks no further."""
    trees: dict[int, _Tree] = {}
    for local, steps in thread.steps.items():
        counts = {key: len(ways) for key, ways in steps.items()}
        asked = [tables.columns[column] for column in thread.columns[local]] if len(set(counts.values())) > 1 else []
        if counts:
            trees[local] = _fork(asked, {key[: len(asked)]: [f"return {count};"] for key, count in counts.items()})
    name = _word(thread.name)
    miss = "return 1; -- an entry that is missing: the step says so"
    functions = _Functions(f"ways_{name}", f"function NAME(): 0..{thread.outcomes};", "return NAME();", miss)
    yield from functions.write(_Fork(f"at_{name}", trees))


def _go(tables: ScopeTables, thread: ThreadTable) -> Iterator[str]:
    """One step of a thread; it returns what is seen. (A call copies what is called, so that rules ask the judge.)"""
    name = _word(thread.name)
    trees: dict[int, _Tree] = {}
    for local, steps in thread.steps.items():
        touched = [tables.columns[column] for column in thread.columns[local]]
        cases: dict[tuple[int, ...], _Tree] = {
            (*key, number): _way(touched, name, key, way)
            for key, ways in steps.items()
            for number, way in enumerate(ways)
        }
        if cases:
            trees[local] = _fork((*touched, "way"), cases)
    head = f"function NAME(way: 0..{thread.outcomes - 1}): events;"
    miss = 'error "no entry in a thread\'s table"; return 0;'
    functions = _Functions(f"go_{name}", head, "return NAME(way);", miss)
    yield from functions.write(_Fork(f"at_{name}", trees))


def _way(touched: Sequence[str], name: str, before: tuple[int, ...], way: StepOutcome) -> list[str]:
    """What one outcome of a step changes."""
    changed = [f"{each} := {new};" for each, old, new in zip(touched, before, way.values, strict=True) if new != old]
    return [*changed, f"at_{name} := {way.local};", f"return {way.events};"]


# rest -------------------------------------------------------------------------------------------------------------


def _rest(tables: ScopeTables) -> Iterator[str]:
    """What is seen when nothing can move any more: it depends on the shared data and on which threads wait, and were
    seen."""
    names = [*(tables.columns[column] for column in SHARED), "waiting"]
    every = f"0..{(1 << len(tables.marks)) - 1}"
    head = f"function NAME(waiting: {every}): events;"
    miss = 'error "no entry in the table of rests"; return 0;'
    functions = _Functions("rest_of", head, "return NAME(waiting);", miss)
    yield from functions.write(_fork(names, {key: [f"return {events};"] for key, events in tables.rests.items()}))
    yield "function seen_at_rest(): events;"
    yield f"  var waiting: {every};"
    yield "begin"
    yield "waiting := 0;"
    for bit, (place, locals_) in enumerate(tables.marks):
        name = f"at_{_word(tables.threads[place].name)}"
        within = " | ".join(f"({name} >= {first} & {name} <= {last})" for first, last in runs(locals_))
        if within:
            yield f"if {within} then waiting := waiting + {1 << bit}; end;"
    yield "return rest_of(waiting);"
    yield "end;"


def _word(name: str) -> str:
    """A name as an identifier."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)

"""Promela and Murphi: the models, read back and searched by somebody else, have our states and our verdicts."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from tests.nightly import thinned

from everyturn.engines.coroutines.exploration import Exploration
from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.exports import murphi, promela
from everyturn.exports.tables import ScopeTables, tables
from everyturn.verdicts.checker import Judge, select
from everyturn.world.scope import Scope
from everyturn.world.world import World

CASES = [
    ("d4", "AA", "access", ""),
    ("d3", "AA", "access", "no-hang"),
    ("d4", "A+1c", "access", ""),
    ("d4", "AA+1c", "access", "no-hang"),
    ("d4", "AI+1e", "access", ""),
    ("d1", "A+1s+n", "access", ""),
    ("d4", "A+1t+u+x", "access", ""),
    ("d4", "II+1e", "await", ""),
    ("hardened", "Aa+1q", "access", "mission"),
    ("d4", "A+*t", "access", ""),
    ("everyturn.checking.mutants:IdleCancel", "A+2c", "access", ""),
    ("tests.sim.silent_agents:Locks", "II", "access", ""),
]


@cache
def cell(revision: str, scope: str, granularity: str, invariant: str) -> tuple[ScopeTables, Exploration]:
    """The tables of a cell, and what the explorer says of it."""
    judge = Judge(select([invariant] if invariant else []), conformance=not invariant)
    explored = Explorer(World(Scope.parse(scope), revision, granularity), judge).run()
    return tables(Reached(World(Scope.parse(scope), revision, granularity), judge)), explored


class Counted(NamedTuple):
    """What a search found: states, transitions, and which properties are broken somewhere."""

    states: int
    transitions: int
    broken: set[str]


class Missing(Exception):
    """A look-up found no entry."""


@dataclass(frozen=True)
class Machine:
    """A model as something to search: successors, whether it is at rest, and what is broken in a state or at rest."""

    first: Hashable
    successors: Callable[[Any], Iterable[Hashable]]
    broken: Callable[[Any], set[str]]
    broken_at_rest: Callable[[Any], set[str]]

    def search(self) -> Counted:
        """Every reachable state."""
        seen, queue, transitions = {self.first}, deque([self.first]), 0
        broken = set(self.broken(self.first))
        while queue:
            state = queue.popleft()
            successors = list(self.successors(state))
            transitions += len(successors)
            if not successors:
                broken |= self.broken_at_rest(state)
            for after in successors:
                if after not in seen:
                    seen.add(after)
                    queue.append(after)
                    broken |= self.broken(after)
        return Counted(len(seen), transitions, broken)


def expected(explored: Exploration) -> Counted:
    """What has to come out."""
    return Counted(explored.states, explored.transitions, set(explored.violations))


def word(name: str) -> str:
    """An invariant's name as it is in a model."""
    return name.replace("-", "_")


# Promela ----------------------------------------------------------------------------------------------------------


def promela_machine(text: str) -> Machine:
    """The arrays of a Promela model, with what its embedded C does said once more in Python."""
    arrays: dict[str, list[int]] = {}
    for name, numbers in re.findall(r"int (\w+)_at_\d+\[\] = \{([^}]*)\}", text):
        arrays.setdefault(name, []).extend(map(int, re.findall(r"-?\d+", numbers)))
    pool, rest = arrays["POOL"], int(re.search(r"REST = (\d+)", text)[1])  # type: ignore[index]
    written = {name: re.search(rf"^\w+ {name}\[\d+\] = {{ (.*) }};", text, re.MULTILINE) for name in ("column", "at")}
    column, at = (tuple(map(int, found[1].split(", "))) for found in written.values())  # type: ignore[index]
    judge = int(re.search(r"^\w+ judge = (\d+);", text, re.MULTILINE)[1])  # type: ignore[index]
    key = re.search(r"NUMBER key\[\] = \{ (.*) \};", text)[1]  # type: ignore[index]
    shared = [int(number) for number in re.findall(r"column\[(\d+)\]", key)]
    marks = [
        [tuple(map(int, each)) for each in re.findall(r"\(local\[(\d+)\] >= (\d+) && local\[\d+\] <= (\d+)\)", mark)]
        for mark in key.split(" | ")
    ]
    ranges = {
        name: [tuple(map(int, each)) for each in re.findall(r"judge >= (\d+) && judge <= (\d+)", condition)]
        for name, condition in re.findall(r"^  (\w+)_broken = (.*);$", text, re.MULTILINE)
    }

    @cache
    def rows_of(table: int) -> tuple[list[int], dict[tuple[int, ...], int]]:
        columns, rows, payload = pool[table : table + 3]
        start = table + 3 + columns
        places = range(start, start + rows * (columns + payload), columns + payload)
        return pool[table + 3 : start], {tuple(pool[row : row + columns]): row + columns for row in places}

    def find(table: int, values: Sequence[int]) -> int:
        columns, rows = rows_of(table)
        place = rows.get(tuple(values[each] for each in columns))
        if place is None:
            raise Missing
        return place

    def judged(before: int, events: int) -> int:
        return pool[find(arrays["JUDGED"][before], [events])] if events else before

    def successors(state: tuple[tuple[int, ...], int, tuple[int, ...]]) -> Iterator[Hashable]:
        column, judge, at = state
        for thread, local in enumerate(at):
            table = arrays[f"STEPS_{thread}"][local]
            touched = pool[table + 3 : table + 3 + pool[table]]
            found = find(table, column)
            for way in range(pool[found]):
                place = pool[found + 1] + way * (len(touched) + 2)
                values = list(column)
                for each, value in zip(touched, pool[place : place + len(touched)], strict=True):
                    values[each] = value
                local_after, events = pool[place + len(touched) : place + len(touched) + 2]
                yield tuple(values), judged(judge, events), (*at[:thread], local_after, *at[thread + 1 :])

    def broken(state: tuple[Any, int, Any]) -> set[str]:
        return {name for name, each in ranges.items() if any(a <= state[1] <= b for a, b in each)}

    def broken_at_rest(state: tuple[tuple[int, ...], int, tuple[int, ...]]) -> set[str]:
        column, judge, at = state
        waiting = sum(1 << bit for bit, mark in enumerate(marks) if any(a <= at[each] <= b for each, a, b in mark))
        events = pool[find(rest, [*(column[each] for each in shared), waiting])]
        return broken(((), judged(judge, events), ()))

    return Machine((column, judge, at), successors, broken, broken_at_rest)


# Murphi -----------------------------------------------------------------------------------------------------------


class Murphi:
    """The few constructs of Murphi that the models use, translated into Python."""

    OPERATORS: ClassVar = {"=": "==", "&": "and", "|": "or", "!": "not", "true": "True", "false": "False"}

    def __init__(self, text: str) -> None:
        text = re.sub(r"--.*", "", text)
        self.tokens = deque(re.findall(r'"[^"]*"|:=|<=|>=|==>|\.\.|\w+|\S', text))
        self.variables: list[str] = []
        self.rules: list[tuple[str, str]] = []
        self.invariants: dict[str, str] = {}
        self.lines: list[str] = ["def error(text): raise Missing(text)"]
        while self.tokens:
            getattr(self, f"_{self.tokens.popleft()}")()
        self.space: dict[str, Any] = {"Missing": Missing}
        exec("\n".join(self.lines), self.space)

    def _until(self, *ends: str) -> list[str]:
        taken = []
        while self.tokens[0] not in ends:
            taken.append(self.tokens.popleft())
        return taken

    def _expression(self, *ends: str) -> str:
        tokens = self._until(*ends)
        self.tokens.popleft()
        return " ".join(f"S['{t}']" if t in self.variables else self.OPERATORS.get(t, t) for t in tokens)

    def _type(self) -> None:
        self._until("var")

    def _var(self) -> None:
        while self.tokens[1] == ":":
            self.variables.append(self.tokens[0])
            self._until(";")
            self.tokens.popleft()

    def _function(self) -> None:
        name = self.tokens.popleft()
        head = self._until(")")
        parameters = [each for each, colon in pairwise(head) if colon == ":"]
        self._until("begin")
        self.lines.append(f"def {name}({', '.join(parameters)}):")
        self._block(" ")

    def _startstate(self) -> None:
        self.lines.append("def start():")
        self.tokens.popleft()
        self._block(" ")

    def _rule(self) -> None:
        name = self.tokens.popleft().strip('"')
        guard = self._expression("==>")
        self._until("begin")
        number = len(self.rules)
        self.lines += [f"def guard_{number}():", f" return {guard}", f"def rule_{number}():"]
        self._block(" ")
        self.rules.append((name, f"{number}"))

    def _invariant(self) -> None:
        name = self.tokens.popleft().strip('"')
        self.lines += [f"def invariant_{word(name)}():", f" return {self._expression(';')}"]
        self.invariants[name] = f"invariant_{word(name)}"

    def _block(self, indent: str) -> None:
        """Statements up to their ``end;``, the word before them included."""
        self.tokens.popleft()
        self.lines.append(f"{indent}pass")
        while self.tokens[0] not in ("end", "elsif"):
            self._statement(self.tokens.popleft(), indent)
        if self.tokens[0] == "end":
            self.tokens.popleft()
            self.tokens.popleft()

    def _statement(self, first: str, indent: str) -> None:
        match first:
            case "if":
                self._branch("if", indent)
                while self.tokens[0] == "elsif":
                    self.tokens.popleft()
                    self._branch("elif", indent)
            case "return":
                self.lines.append(f"{indent}return {self._expression(';')}")
            case "error":
                self.lines.append(f"{indent}error({self._expression(';')})")
            case "assert":
                condition = self._until(*(token for token in self.tokens if token.startswith('"')))
                text = " ".join(self.OPERATORS.get(token, token) for token in condition)
                self.lines.append(f"{indent}if not ({text}): broken.add({self.tokens.popleft()})")
                self.tokens.popleft()
            case _:
                self.tokens.popleft()
                name = f"S['{first}']" if first in self.variables else first
                self.lines.append(f"{indent}{name} = {self._expression(';')}")

    def _branch(self, keyword: str, indent: str) -> None:
        condition = self._until("then")
        text = " ".join(f"S['{t}']" if t in self.variables else self.OPERATORS.get(t, t) for t in condition)
        self.lines.append(f"{indent}{keyword} {text}:")
        closed = len(self.tokens)
        self._block(indent + " ")
        assert len(self.tokens) < closed

    def machine(self) -> Machine:
        """The rules as something to search; the rule of rest only looks."""
        space = self.space
        state: dict[str, int] = {}
        space["S"] = state
        space["start"]()
        first = tuple(state[name] for name in self.variables)
        rest = next(number for name, number in self.rules if name == "rest")

        def load(values: Iterable[int]) -> None:
            state.update(zip(self.variables, values, strict=True))

        def successors(values: Iterable[int]) -> Iterator[Hashable]:
            for name, number in self.rules:
                load(values)
                if name != "rest" and space[f"guard_{number}"]():
                    space[f"rule_{number}"]()
                    yield tuple(state[name] for name in self.variables)

        def broken(values: Iterable[int]) -> set[str]:
            load(values)
            return {word(name) for name, function in self.invariants.items() if not space[function]()}

        def broken_at_rest(values: Iterable[int]) -> set[str]:
            load(values)
            assert space[f"guard_{rest}"]()
            space["broken"] = set()
            space[f"rule_{rest}"]()
            return {word(name) for name in space["broken"]}

        return Machine(first, successors, broken, broken_at_rest)


MACHINES = {
    "promela": lambda each: promela_machine("\n".join(promela.write(each))),
    "murphi": lambda each: Murphi("\n".join(murphi.write(each))).machine(),
}


@thinned(2)
@pytest.mark.parametrize("language", MACHINES)
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_a_model_has_our_states_transitions_and_verdicts(language: str, case: tuple[str, str, str, str]) -> None:
    """Composed anew from its tables by another search, nothing is missing, and everything counts the same."""
    model, explored = cell(*case)
    ours = expected(explored)
    counted = MACHINES[language](model).search()
    assert counted._replace(broken=set()) == ours._replace(broken=set())
    assert counted.broken == {word(name) for name in ours.broken}


def test_steps_are_looked_up_by_all_that_they_depend_on() -> None:
    """In every reachable state, the table gives the explorer's outcomes and what is seen of them, shared data
    included."""
    reached = Reached(World(Scope.parse("A+2c"), "everyturn.checking.mutants:IdleCancel"), Judge())
    model = tables(reached)
    for thread, table in enumerate(model.threads):
        place = FIRST_THREAD + thread
        numbers = {local: number for number, local in enumerate(sorted({row[place] for row in reached.rows}))}
        for row in reached.rows:
            local = numbers[row[place]]
            touched = table.columns[local]
            ways = table.steps[local][tuple(row[column] for column in touched)]
            for (_, choice, after, _), way in zip(reached.transitions.moves(row, thread), ways, strict=True):
                changed = dict(zip(touched, way.values, strict=True))
                assert after[:JUDGE] == tuple(changed.get(column, row[column]) for column in range(JUDGE))
                assert numbers[after[place]] == way.local
                assert reached.transitions.seen(row, thread, choice) == model.seen[way.events]


@pytest.mark.parametrize("language", MACHINES)
def test_a_state_that_we_had_missed_would_show(language: str) -> None:
    """Without any one entry of a thread's table, somebody who searches the whole looks it up in vain."""
    model, _ = cell("d4", "A+1c", "access", "")
    (thread, *others) = model.threads
    for local in list(thread.steps)[::7]:
        steps = {**thread.steps, local: dict(list(thread.steps[local].items())[1:])}
        with pytest.raises(Missing):
            MACHINES[language](replace(model, threads=(replace(thread, steps=steps), *others))).search()


def test_nothing_is_asserted_in_a_model_for_counting() -> None:
    """Without properties a tool goes on behind a violation."""
    model, explored = cell("d3", "AA", "access", "no-hang")
    text = "\n".join(murphi.write(model, properties=False))
    assert ("invariant" in text, "assert" in text) == (False, False)
    assert Murphi(text).machine().search() == expected(explored)._replace(broken=set())


# the tools --------------------------------------------------------------------------------------------------------


def needs(*tools: str) -> None:
    """Skip the test where a tool is not installed."""
    missing = [tool for tool in (*tools, "gcc") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}, which Debian has")


def run(folder: Path, *command: str) -> str:
    """What a tool says; whether it fails is not asked."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def spin(folder: Path, lines: Iterable[str]) -> str:
    """SPIN's verdict on a model."""
    (folder / "model.pml").write_text("\n".join(lines))
    run(folder, "spin", "-a", "model.pml")
    run(folder, "gcc", "-O0", "-w", "-DSAFETY", "-DNOREDUCE", "-o", "pan", "pan.c")
    return run(folder, "./pan", "-m1000000", "-w18")


def rumur(folder: Path, lines: Iterable[str]) -> str:
    """Rumur's verdict on a model."""
    (folder / "model.m").write_text("\n".join(lines))
    run(folder, "rumur", "--quiet", "--deadlock-detection", "off", "--output", "model.c", "model.m")
    run(folder, "gcc", "-std=c11", "-O0", "-w", "-mcx16", "-o", "model", "model.c", "-pthread")
    return run(folder, "./model")


@pytest.mark.parametrize("invariant", ["no-hang", "one-turn"])
def test_spin_agrees(tmp_path: Path, invariant: str) -> None:
    """States stored, transitions (with one look at each rest) and the verdict."""
    needs("spin")
    model, explored = cell("d3", "AA", "access", invariant)
    said = spin(tmp_path, promela.write(model, properties=False))
    counts = (re.search(rf"(\d+) states, {each}", said) for each in ("stored", "matched"))
    stored, matched = (int(each[1]) for each in counts)  # type: ignore[index]
    assert (stored, stored + matched - 1) == (explored.states, explored.transitions + explored.rests)
    refuted = f"precondition false: !{word(invariant)}_broken" in spin(tmp_path, promela.write(model))
    assert refuted == (invariant in explored.violations)


@pytest.mark.parametrize("invariant", ["no-hang", "one-turn"])
def test_rumur_agrees(tmp_path: Path, invariant: str) -> None:
    """States, rules fired (with one look at each rest) and the verdict."""
    needs("rumur")
    model, explored = cell("d3", "A+1c", "access", invariant)
    said = rumur(tmp_path, murphi.write(model, properties=False))
    counts = re.search(r"(\d+) states, (\d+) rules fired", said.rsplit("State Space Explored", 1)[1])
    assert counts is not None
    assert (int(counts[1]), int(counts[2])) == (explored.states, explored.transitions + explored.rests)
    refuted = re.search(rf'(invariant|assertion)?.*"?{invariant}"? failed', rumur(tmp_path, murphi.write(model)))
    assert (refuted is not None) == (invariant in explored.violations)

"""Models in Promela and Murphi, read and run in Python: what a search of them finds."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

from everyturn.exports import murphi, promela


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

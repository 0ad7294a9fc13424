"""The statements and branches of an agent's methods, read from the source, and a tracer that notes which were reached.

A statement is known by its file and first line. A branch is one of the two ways on from an ``if``, a ``while``, a
``for`` or a ``case``: into its body or past it, known by the statement and the way. An arc is a pair of lines that one
frame executed one after the other; an exception ends it. All of it comes from the syntax tree, not from bytecode, so
that it is the same on every version of Python.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, NamedTuple

import msgspec

from everyturn.world.operations import Operation

Arcs = set[tuple[str, int, int]]
INTO: Final = "into"
PAST: Final = "past"


class Statement(NamedTuple):
    """One statement: where, the lines of it that belong to no other statement, the function it is in, its text."""

    file: str
    line: int
    last: int
    function: str
    text: str


class Branch(NamedTuple):
    """One way on from a statement; ``body`` is the line that the way in leads to."""

    statement: Statement
    way: str
    body: int


def methods(agent: type) -> dict[CodeType, str]:
    """The code of every method of ``agent``, its own and what it inherits, with the method's full name."""
    found: dict[CodeType, str] = {}
    for name in dir(agent):
        function = inspect.unwrap(getattr(agent, name)) if callable(getattr(agent, name)) else None
        if isinstance(function, FunctionType) and not name.startswith("__") and function.__module__ != "typing":
            found[function.__code__] = function.__qualname__
    return found


def statements(code: CodeType, function: str) -> Iterator[tuple[Statement, ast.stmt]]:
    """The statements of a function with source, what it defines inside included."""
    lines = linecache.getlines(code.co_filename)
    for node in ast.walk(ast.parse("".join(lines))) if lines else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _begins(node) == code.co_firstlineno:
            for each in _within(node):
                line, last = _own_lines(each)
                yield Statement(code.co_filename, line, last, function, lines[line - 1].strip()), each


def branches(statement: Statement, node: ast.stmt) -> Iterator[Branch]:
    """The two ways on from a statement that has them; none if a constant decides, or if both are on one line."""
    body: list[ast.stmt] = getattr(node, "body", [])
    if not isinstance(node, ast.If | ast.While | ast.For) or body[0].lineno <= statement.last:
        return
    if isinstance(node, ast.If | ast.While) and isinstance(node.test, ast.Constant):
        return
    yield Branch(statement, INTO, body[0].lineno)
    yield Branch(statement, PAST, body[0].lineno)


def _begins(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def _within(function: ast.AST) -> Iterator[ast.stmt]:
    """What is executed of a function: no docstring, no ``try:``, which does nothing."""
    for node in ast.walk(function):
        if node is function or not isinstance(node, ast.stmt) or isinstance(node, ast.Try | ast.Global | ast.Nonlocal):
            continue
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield node


def _own_lines(node: ast.stmt) -> tuple[int, int]:
    match node:
        case ast.If(test=head) | ast.While(test=head) | ast.For(iter=head) | ast.Match(subject=head):
            return node.lineno, head.end_lineno or node.lineno
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return node.lineno, items[-1].context_expr.end_lineno or node.lineno
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.lineno, node.lineno
    return node.lineno, node.end_lineno or node.lineno


class Tracer:
    """Notes the arcs of all frames whose code is in ``files``. A context manager; what traced before goes on after.

    Line 0 stands for the beginning of a frame and for its end, line -1 for wherever an exception came from.
    """

    def __init__(self, files: set[str]) -> None:
        self.files = files
        self.arcs: Arcs = set()
        self.entered: set[CodeType] = set()
        self._before: Any = None

    def __enter__(self) -> Tracer:
        self._before = sys.gettrace()
        sys.settrace(self._call)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        """A frame begins, or goes on after an await: then it stands at that line already."""
        file = frame.f_code.co_filename
        if file not in self.files:
            return None
        self.entered.add(frame.f_code)
        line = 0 if frame.f_lineno == frame.f_code.co_firstlineno else frame.f_lineno

        def local(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal line
            if event == "line":
                self.arcs.add((file, line, frame.f_lineno))
                line = frame.f_lineno
            elif event == "exception" and not issubclass(argument[0], StopIteration):  # that is an await's result
                line = -1
            elif event == "return" and line >= 0 and type(argument) is not Operation:
                self.arcs.add((file, line, 0))
            return local

        return local


class Missed(msgspec.Struct, omit_defaults=True):
    """A statement that was not reached, or a way on from it (``into`` its body, or ``past`` it) that was not taken."""

    file: str
    line: int
    function: str
    text: str
    way: str | None = None


class Share(msgspec.Struct):
    """How many of how many."""

    reached: int
    total: int


class ReachedCode:
    """What of an agent's code was reached: a share of its statements and branches, and those that are missing."""

    def __init__(self, agent: type, tracer: Tracer) -> None:
        self.missed: list[Missed] = []
        self.never_entered: list[str] = []
        self.missed_branches: list[Missed] = []
        self.statements = Share(0, 0)
        self.branches = Share(0, 0)
        self._arcs = tracer.arcs
        self._lines = {(file, line) for file, before, after in tracer.arcs for line in (before, after) if line > 0}
        known = methods(agent)
        codes = {**known, **{code: code.co_qualname for code in tracer.entered}}
        for code, name in sorted(codes.items(), key=lambda item: (item[0].co_filename, item[0].co_firstlineno)):
            if code.co_filename in tracer.files and "<" not in code.co_name:
                found = sorted(statements(code, name), key=lambda pair: pair[0])
                if code in tracer.entered:
                    self._count(found)
                else:
                    self.statements.total += len(found)
                    self.never_entered.append(name)

    def _count(self, found: list[tuple[Statement, Any]]) -> None:
        for statement, node in found:
            reached = self._is_reached(statement)
            self.statements.total += 1
            self.statements.reached += reached
            if not reached:
                self.missed.append(_missed(statement))
            for branch in branches(statement, node) if reached else ():
                taken = self._is_taken(branch)
                self.branches.total += 1
                self.branches.reached += taken
                if not taken:
                    self.missed_branches.append(_missed(statement, branch.way))

    def _is_reached(self, statement: Statement) -> bool:
        return any((statement.file, line) in self._lines for line in range(statement.line, statement.last + 1))

    def _is_taken(self, branch: Branch) -> bool:
        own = range(branch.statement.line, branch.statement.last + 1)
        return any(
            file == branch.statement.file
            and before in own
            and (after == branch.body if branch.way == INTO else after != branch.body and after not in own)
            for file, before, after in self._arcs
        )


def _missed(statement: Statement, way: str | None = None) -> Missed:
    return Missed(short(statement.file), statement.line, statement.function, statement.text, way)


def short(file: str) -> str:
    """A file's path below the folder that its package was found in."""
    roots = [root for root in (*sys.path, str(Path.cwd())) if root and Path(file).is_relative_to(root)]
    return str(Path(file).relative_to(max(roots, key=len))) if roots else file

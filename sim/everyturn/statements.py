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
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, NamedTuple

from everyturn.operations import Operation

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

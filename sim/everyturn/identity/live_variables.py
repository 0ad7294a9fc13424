"""Which local variables still matter while a coroutine waits.

A variable counts if the bytecode may read it later, or if the source seems to. The bytecode is what runs: so nothing
that is read is ever left out, whatever the compiler renames, reorders or writes twice. But it is another one in every
version of Python; so the syntax tree is asked as well, by a coarser rule that keeps all that any version's bytecode
keeps, and state counts are the same.

The pass over the tree runs backwards over the statements (Aho, Lam, Sethi, Ullman: Compilers, 9.2.5). Where it cannot
be exact it keeps a variable: names in a statement with a conditional expression or a comprehension, names that a
handler or a ``finally`` above may read, everything in constructs that it does not know.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable
from functools import cache
from types import CodeType
from typing import Any, Final

from everyturn.identity.bytecode import slot_names, suspensions
from everyturn.identity.layout import by_identity
from everyturn.identity.reads import FRAMES

Position = tuple[int, int, int, int]
Names = frozenset[str]

_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp)
_NOT_IN_ORDER: Final = (*_COMPREHENSIONS, ast.GeneratorExp, ast.IfExp, ast.JoinedStr, ast.NamedExpr)
"""Expressions that are not evaluated in the order of the text, or more than once, or whose places are not exact."""
_STATEMENTS: Final = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where statements have statements inside them."""
_ALL: Final = frozenset({"locals", "vars", "dir", "eval", "exec", "builtins", "__builtins__"}) | FRAMES
"""Names of what may read any variable, whatever it is called."""
_NOTHING: Final[Names] = frozenset()
_places: dict[tuple[int, int], tuple[CodeType, Names | None]] = {}


def live_at(code: CodeType, instruction: int) -> Names | None:
    """The variables that count while ``code`` is suspended at an instruction; none: all of them do."""
    known = _places.get((id(code), instruction))
    if known is None:
        known = _places[id(code), instruction] = (code, _live_at(code, instruction))
    return known[1]


def _live_at(code: CodeType, instruction: int) -> Names | None:
    trees = live_names(code)
    place = list(code.co_positions())[instruction // 2]
    if trees is None or place not in trees:
        return None
    written = trees[place]
    named = {name for name in slot_names(code) if name in written or _unmangled(name) in written}
    first = code.co_varnames[:1] if "super" in code.co_names else ()
    return frozenset(named).union(suspensions(code)[instruction].live, code.co_cellvars, code.co_freevars, first)


def _unmangled(name: str) -> str:
    """A private name as it is written in its class: the compiler puts the name of the class before it."""
    return name[name.index("__", 1) :] if name.startswith("_") and "__" in name[1:] else name


@by_identity
def live_names(code: CodeType) -> dict[Position, Names] | None:
    """For each ``await`` in the function of ``code``, by its position: the names that the source may read after it.

    None when the source is not available, or some name may be read that it does not show: then every name counts as
    live.
    """
    if _ALL & {*code.co_names}:
        return None
    function = _find(code)
    return None if function is None else _Liveness().of(function)


@cache
def _functions(filename: str) -> dict[str, list[ast.AsyncFunctionDef]]:
    """The coroutine functions of a source file, by name."""
    source = "".join(linecache.getlines(filename))
    found: dict[str, list[ast.AsyncFunctionDef]] = {}
    try:
        waiting: list[Any] = [ast.parse(source)]
    except SyntaxError:
        return found
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.AsyncFunctionDef):
            found.setdefault(node.name, []).append(node)
        for field in _STATEMENTS:
            waiting += getattr(node, field, ())
    return found


def _find(code: CodeType) -> ast.AsyncFunctionDef | None:
    """The function in the source; none if there are several that it might be."""
    found = [
        node
        for node in _functions(code.co_filename).get(code.co_name, ())
        if code.co_firstlineno in (min([node.lineno, *(each.lineno for each in node.decorator_list)]), node.lineno)
    ]
    return found[0] if len(found) == 1 else None


@by_identity
def _walk(node: ast.AST) -> tuple[ast.AST, ...]:
    """A node and all within it; asked for again and again."""
    return tuple(ast.walk(node))


def _position(node: ast.expr) -> Position:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _is_out_of_order(node: ast.AST) -> bool:
    """Whether parts of an expression are evaluated in another order than they are written in, or nobody knows in
    which."""
    if isinstance(node, ast.Call) and node.args and node.keywords:  # what is unpacked goes before what is named
        return _position(node.args[-1])[::2] > _position(node.keywords[0].value)[::2]
    return isinstance(node, _NOT_IN_ORDER)


def _loads(nodes: Iterable[ast.AST]) -> Names:
    return frozenset(
        name.id
        for node in nodes
        for name in _walk(node)
        if isinstance(name, ast.Name) and not isinstance(name.ctx, ast.Store)
    )


def _stores(nodes: Iterable[ast.AST]) -> Names:
    return frozenset(
        name.id
        for node in nodes
        for name in _walk(node)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    )


class _Liveness:
    """One backward pass. ``raised`` is what may be read after an exception (or a return) at the present place."""

    def __init__(self) -> None:
        self.awaits: dict[Position, Names] = {}
        self.raised: Names = _NOTHING
        self.after_break: Names = _NOTHING
        self.after_continue: Names = _NOTHING

    def of(self, function: ast.AsyncFunctionDef) -> dict[Position, Names]:
        self.block(function.body, _NOTHING)
        return self.awaits

    def block(self, body: list[ast.stmt], after: Names) -> Names:
        for statement in reversed(body):
            after = self.statement(statement, after)
        return after

    def note(self, nodes: Iterable[ast.expr], after: Names, *, targets: Iterable[ast.AST] = ()) -> None:
        """Record what is live after each await inside ``nodes``, of which ``after`` is live at the end."""
        nodes = list(nodes)
        waits = [each for node in nodes for each in _walk(node) if isinstance(each, (ast.Await, *_COMPREHENSIONS))]
        if not waits:
            return
        looped = (each for node in nodes for each in _walk(node) if isinstance(each, ast.comprehension))
        everything = _loads(nodes) | _loads(targets) | _stores(looped)
        inexact = any(_is_out_of_order(each) for node in nodes for each in _walk(node))
        for each in waits:
            end = (each.end_lineno or 0, each.end_col_offset or 0)
            later = everything if inexact else _loads_from(nodes, end) | _loads(targets)
            where = _position(each)
            self.awaits[where] = self.awaits.get(where, _NOTHING) | after | later | self.raised

    def statement(self, node: ast.stmt, after: Names) -> Names:
        match node:
            case ast.Assign(targets=targets, value=value):
                return self.assign([value], targets, after)
            case ast.AnnAssign(target=target, value=value):
                return after | _loads([target]) if value is None else self.assign([value], [target], after)
            case ast.AugAssign(target=target, value=value):
                self.note([value], after | _stores([target]), targets=[target])
                return after | _loads([value, target]) | _stores([target]) | self.raised
            case ast.Expr(value=value):
                self.note([value], after)
                return after | _loads([value]) | self.raised
            case ast.Return(value=value):
                self.note([] if value is None else [value], self.raised)
                return self.raised | _loads([] if value is None else [value])
            case ast.Raise() | ast.Assert():
                parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                self.note(parts, after)
                left = self.raised if isinstance(node, ast.Raise) else after | self.raised
                return left | _loads(parts)
            case ast.If(test=test, body=body, orelse=orelse):
                inside = self.block(body, after) | self.block(orelse, after)
                self.note([test], inside)
                return inside | _loads([test]) | self.raised
            case ast.For() | ast.While():
                return self.loop(node, after)
            case ast.Try():
                return self.guarded(node, after)
            case ast.Break():
                return self.after_break | self.raised
            case ast.Continue():
                return self.after_continue | self.raised
            case ast.Pass():
                return after
            case _:
                return self.unknown(node, after)

    def assign(self, values: list[ast.expr], targets: list[ast.expr], after: Names) -> Names:
        stored = _stores(targets)
        self.note(values, after - stored, targets=targets)
        return (after - stored) | _loads(values) | _loads(targets) | self.raised

    def loop(self, node: ast.For | ast.While, after: Names) -> Names:
        outer = self.after_break, self.after_continue
        self.after_break = after
        exit_ = self.block(node.orelse, after)
        head = node.iter if isinstance(node, ast.For) else node.test
        targets = [node.target] if isinstance(node, ast.For) else []
        stored = _stores(targets)
        again = exit_
        while True:
            self.after_continue = again
            start = exit_ | (self.block(node.body, again) - stored) | _loads(targets)
            if isinstance(node, ast.While):
                self.note([head], start)
                start |= _loads([head])
            if start == again:
                break
            again = start
        self.after_break, self.after_continue = outer
        if isinstance(node, ast.For):
            self.note([head], again)
        return again | _loads([head]) | self.raised

    def guarded(self, node: ast.Try, after: Names) -> Names:
        outer, jumps = self.raised, (self.after_break, self.after_continue)
        final = self.block(node.finalbody, after | outer | jumps[0] | jumps[1]) if node.finalbody else after
        reaches = final if node.finalbody else _NOTHING
        self.raised = outer | reaches
        self.after_break, self.after_continue = jumps[0] | reaches, jumps[1] | reaches
        handled = _NOTHING
        for handler in node.handlers:
            bound = frozenset({handler.name}) if handler.name else _NOTHING
            handled |= (self.block(handler.body, final) - bound) | _loads([handler.type] if handler.type else [])
        beyond = self.block(node.orelse, final)
        self.raised = outer | reaches | handled
        start = self.block(node.body, beyond)
        self.raised = outer
        self.after_break, self.after_continue = jumps
        return start

    def unknown(self, node: ast.stmt, after: Names) -> Names:
        """A construct that this pass does not follow: everything that it or anything around it reads stays live."""
        jumps = self.after_break | self.after_continue
        everything = after | jumps | self.raised | _loads([node]) | _stores([node])
        for each in _walk(node):
            if isinstance(each, (ast.Await, *_COMPREHENSIONS)):
                where = _position(each)
                self.awaits[where] = self.awaits.get(where, _NOTHING) | everything
        return everything


def _loads_from(nodes: Iterable[ast.AST], start: tuple[int, int]) -> Names:
    """The names that ``nodes`` read at or after a place in the text."""
    return frozenset(
        name.id
        for node in nodes
        for name in _walk(node)
        if isinstance(name, ast.Name)
        and not isinstance(name.ctx, ast.Store)
        and (name.lineno, name.col_offset) >= start
    )

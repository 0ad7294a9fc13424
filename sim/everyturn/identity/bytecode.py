"""What a suspended frame holds, and which of it may be read again: from the bytecode, which is what runs.

Two passes over the instructions of a function, with the edges that exceptions take. Forwards: which variables are bound
and what lies on the value stack wherever the code may be suspended; a list comprehension that is compiled into its
function (from Python 3.12 on) puts variables of the same name away on the stack for as long as it runs, and an empty
slot lies there as nothing. Backwards: which variables may be read (Aho, Lam, Sethi, Ullman: Compilers, 9.2.5).

What a pass does not know it takes for the worst: an instruction of an unknown name reads its variable, and may bind it
or not.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from enum import Enum
from heapq import heappop, heappush
from types import CodeType
from typing import Final, NamedTuple

from everyturn.identity.layout import by_identity

_END: Final = frozenset(
    {
        "RETURN_VALUE",
        "RETURN_CONST",
        "RAISE_VARARGS",
        "RERAISE",
        "JUMP_FORWARD",
        "JUMP_BACKWARD",
        "JUMP_BACKWARD_NO_INTERRUPT",
    }
)
"""After these the next instruction is not reached."""
_CALLS: Final = frozenset({"CALL", "CALL_KW", "CALL_FUNCTION_EX"})
_JUMPS: Final = frozenset(dis.hasjrel) | frozenset(dis.hasjabs)
_LOCAL: Final = frozenset(dis.haslocal) | {
    dis.opmap[name] for name in ("LOAD_CLOSURE", "MAKE_CELL") if name in dis.opmap
}


class Filled(Enum):
    """Whether there is something in a variable, or at a place of the value stack."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"

    def __or__(self, other: Filled) -> Filled:
        return self if self is other else Filled.MAYBE


class StackItem(NamedTuple):
    """A place of the value stack. ``saved``: a variable was put away there."""

    filled: Filled
    saved: bool = False


Slots = tuple[Filled, ...]
Stack = tuple[StackItem, ...]
_VALUE: Final = StackItem(Filled.YES)
_NULL: Final = StackItem(Filled.NO)
_METHOD: Final = StackItem(Filled.MAYBE)


class Suspended(NamedTuple):
    """A place where code is suspended: what its ``slots`` and its ``stack`` hold, and what it may read ``live`` later.

    ``filled``: how many of these places certainly are; ``doubtful``: of how many that cannot be said. ``bound``: the
    variables that certainly are.
    """

    slots: Slots
    stack: Stack
    live: frozenset[str]
    filled: int
    doubtful: int
    bound: tuple[str, ...]

    @property
    def puts_away(self) -> bool:
        """Whether variables lie on the stack, put away by a comprehension that is under way."""
        return any(item.saved for item in self.stack)


@by_identity
def suspensions(code: CodeType) -> dict[int, Suspended]:
    """Every place where ``code`` may be suspended, by its instruction's offset."""
    return _Passes(code).suspensions()


def slot_names(code: CodeType) -> tuple[str, ...]:
    """The names of a frame's variables, in the order of their slots."""
    own = code.co_varnames
    return (*own, *(name for name in code.co_cellvars if name not in own), *code.co_freevars)


class _Passes:
    """The passes over one function."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.names = slot_names(code)
        self.instructions = [each for each in dis.get_instructions(code) if each.opname != "CACHE"]
        self.places = {each.offset: place for place, each in enumerate(self.instructions)}
        self.handlers: list[tuple[int, int, bool] | None] = [None] * len(self.instructions)
        for entry in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]
            for place, each in enumerate(self.instructions):
                if entry.start <= each.offset < entry.end:
                    self.handlers[place] = (self.places[entry.target], entry.depth, entry.lasti)
        self.next = [list(self._successors(place)) for place in range(len(self.instructions))]

    def suspensions(self) -> dict[int, Suspended]:
        """By the instruction that suspends, and by the next: which of them a frame names depends on the version."""
        before, live = self._forwards(), self._backwards()
        found = {}
        for place, each in enumerate(self.instructions):
            state = before.get(place)
            if each.opname == "YIELD_VALUE" and state is not None:
                slots, stack = state
                after = self._live_after(place, live)
                names = frozenset(name for number, name in enumerate(self.names) if after >> number & 1)
                suspended = self._suspended(slots, stack[:-1], names)
                found[each.offset] = found[self.instructions[place + 1].offset] = suspended
        return found

    def _suspended(self, slots: Slots, stack: Stack, live: frozenset[str]) -> Suspended:
        everywhere = [*slots, *(item.filled for item in stack)]
        bound = tuple(name for name, each in zip(self.names, slots, strict=True) if each is Filled.YES)
        return Suspended(slots, stack, live, everywhere.count(Filled.YES), everywhere.count(Filled.MAYBE), bound)

    def _successors(self, place: int) -> Iterator[tuple[int, bool]]:
        """Where the code may go on without an exception, and whether that is a jump."""
        each = self.instructions[place]
        if each.opcode in _JUMPS:
            yield self.places[each.argval], True
        if each.opname not in _END:
            yield place + 1, False

    # forwards ----------------------------------------------------------------------------------------------------

    def _forwards(self) -> dict[int, tuple[Slots, Stack]]:
        code = self.code
        arguments = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
        start = tuple(Filled.YES if number < arguments else Filled.NO for number in range(len(self.names)))
        before: dict[int, tuple[Slots, Stack]] = {0: (start, ())}
        order = self._order()
        waiting, known_to_wait = [(0, 0)], {0}
        while waiting:
            _, place = heappop(waiting)
            known_to_wait.discard(place)
            slots, stack = before[place]
            arrivals = []
            for after, jumps in self.next[place]:
                arrivals.append((after, self._step(place, slots, stack, jumps)))
            handler = self.handlers[place]
            if handler is not None:
                target, depth, lasti = handler
                bottom = (*stack[:depth], *((_VALUE,) if lasti else ()), _VALUE)
                ends = [slots, *(after[0] for _, after in arrivals)]
                arrivals += [(target, (each, bottom)) for each in ends]
            for after, state in arrivals:
                known = before.get(after)
                if known == state:
                    continue
                joined = _join(known, state)
                if joined != known:
                    before[after] = joined
                    if after not in known_to_wait:
                        known_to_wait.add(after)
                        heappush(waiting, (order[after], after))
        return before

    def _order(self) -> dict[int, int]:
        """Instruction → its number in an order in which each comes behind all that lead to it, but for loops: a handler
        is come to once, with what holds after each of those that it handles."""
        left, met, ended = [(0, iter(self._leads_to(0)))], {0}, []
        while left:
            place, successors = left[-1]
            after = next((each for each in successors if each not in met), None)
            if after is None:
                ended.append(place)
                left.pop()
            else:
                met.add(after)
                left.append((after, iter(self._leads_to(after))))
        return {place: number for number, place in enumerate(reversed(ended))}

    def _leads_to(self, place: int) -> list[int]:
        handler = self.handlers[place]
        return [*([] if handler is None else [handler[0]]), *(after for after, _ in self.next[place])]

    def _step(self, place: int, slots: Slots, stack: Stack, jumps: bool) -> tuple[Slots, Stack]:
        """The state after one instruction."""
        each = self.instructions[place]
        name, argument = each.opname, each.arg or 0
        new, items = list(slots), list(stack)
        match name:
            case "STORE_FAST":
                new[argument] = items.pop().filled
            case "STORE_FAST_STORE_FAST":
                new[argument >> 4] = items.pop().filled
                new[argument & 15] = items.pop().filled
            case "STORE_FAST_LOAD_FAST":
                new[argument >> 4] = items.pop().filled
                items.append(_VALUE)
            case "DELETE_FAST":
                new[argument] = Filled.NO
            case "LOAD_FAST_AND_CLEAR":
                items.append(StackItem(slots[argument], saved=True))
                new[argument] = Filled.NO
            case "MAKE_CELL":
                new[argument] = Filled.YES
            case "COPY_FREE_VARS":
                new[len(new) - argument :] = [Filled.YES] * argument
            case "SWAP":
                items[-argument], items[-1] = items[-1], items[-argument]
            case "COPY":
                items.append(items[-argument])
            case "RETURN_GENERATOR":
                items = [_VALUE]
            case _:
                items = self._moved(each, items, jumps)
        return tuple(new), tuple(items)

    def _moved(self, each: dis.Instruction, items: list[StackItem], jumps: bool) -> list[StackItem]:
        """The stack after an instruction that touches no variable and moves nothing below what it takes."""
        effect = dis.stack_effect(each.opcode, each.arg, jump=jumps)
        argument = each.arg or 0
        if effect < 0:
            items = items[:effect]
        match each.opname:
            case "PUSH_NULL":
                return [*items, _NULL]
            case "LOAD_GLOBAL" if argument & 1:
                return [*items, *((_VALUE, _NULL) if dis.opmap["PUSH_NULL"] > 2 else (_NULL, _VALUE))]
            case "LOAD_METHOD":
                return [*items[:-1], _METHOD, _METHOD]
            case "LOAD_ATTR" | "LOAD_SUPER_ATTR" if effect >= 0 or each.opname == "LOAD_SUPER_ATTR":
                return self._looked_up(each, items, effect)
            case name if name in _CALLS:
                return [*items[:-1], _VALUE]
        return [*items, *[_VALUE] * max(effect, 0)]

    @staticmethod
    def _looked_up(each: dis.Instruction, items: list[StackItem], effect: int) -> list[StackItem]:
        """After an attribute was loaded: as a method it takes two places, one of which may be empty."""
        from_one = each.opname == "LOAD_ATTR"
        doubled = bool((each.arg or 0) & 1) and (effect == 1 if from_one else effect == -1)
        kept = items[:-1] if from_one else items[: len(items) - (2 if doubled else 1)]
        return [*kept, _METHOD, _METHOD] if doubled else [*kept, _VALUE]

    # backwards ---------------------------------------------------------------------------------------------------

    def _backwards(self) -> list[int]:
        """For each instruction the variables that are live before it, as bits."""
        live = [0] * len(self.instructions)
        while True:
            before = list(live)
            for place in range(len(self.instructions) - 1, -1, -1):
                reads, kills = self._uses(self.instructions[place])
                handled = self._handled(place, live)
                live[place] = reads | (self._live_next(place, live) & ~kills) | handled
            if live == before:
                return live

    def _live_next(self, place: int, live: list[int]) -> int:
        after = 0
        for successor, _ in self.next[place]:
            after |= live[successor]
        return after

    def _handled(self, place: int, live: list[int]) -> int:
        handler = self.handlers[place]
        return 0 if handler is None else live[handler[0]]

    def _live_after(self, place: int, live: list[int]) -> int:
        return self._live_next(place, live) | self._handled(place, live)

    @staticmethod
    def _uses(each: dis.Instruction) -> tuple[int, int]:
        """The variables that an instruction reads, and those that it overwrites unread."""
        if each.opcode not in _LOCAL or each.arg is None:
            return 0, 0
        first, second = 1 << (each.arg >> 4), 1 << (each.arg & 15)
        match each.opname:
            case "STORE_FAST":
                return 0, 1 << each.arg
            case "STORE_FAST_STORE_FAST":
                return 0, first | second
            case "STORE_FAST_LOAD_FAST":
                return second & ~first, first
            case "LOAD_FAST_LOAD_FAST":
                return first | second, 0
        return 1 << each.arg, 0


def _join(known: tuple[Slots, Stack] | None, other: tuple[Slots, Stack]) -> tuple[Slots, Stack]:
    """What is true of both of two ways to one instruction."""
    if known is None:
        return other
    slots = tuple(one | two for one, two in zip(known[0], other[0], strict=True))
    stack = tuple(
        StackItem(one.filled | two.filled, one.saved or two.saved) for one, two in zip(known[1], other[1], strict=True)
    )
    return slots, stack

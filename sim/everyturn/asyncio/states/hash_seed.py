"""Code that goes by hashes of texts, which Python makes anew in each process (``PYTHONHASHSEED``): ``hash(name)``, and
sets that are made and gone through at once, which no state shows."""

from __future__ import annotations

import dis
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Final

from everyturn.asyncio.states.merging import OF_VIEWS, has_sets
from everyturn.identity.layout import by_identity

_TEXTS: Final = (str, bytes)
_BEHIND: Final = ("SWAP", "COPY", "STORE_FAST", "STORE_DEREF", "STORE_NAME", "PRECALL", "NOP", "POP_TOP")
"""What puts away a set that was just made."""
_GOES_THROUGH: Final = ("GET_ITER", "LIST_EXTEND", "UNPACK_SEQUENCE", "CALL_FUNCTION_EX")


@by_identity
def goes_by_hashes(code: CodeType) -> bool:
    """Whether code may go by the hash of a text. Methods that make a hash of others make no order."""
    if code.co_name != "__hash__" and _calls_hash(code):
        return True
    return _goes_through_a_set(code) or any(
        goes_by_hashes(each) for each in code.co_consts if isinstance(each, CodeType)
    )


def _calls_hash(code: CodeType) -> bool:
    return "hash" in code.co_names and any(
        each.opname in ("LOAD_GLOBAL", "LOAD_NAME") and each.argval == "hash" for each in dis.get_instructions(code)
    )


def _goes_through_a_set(code: CodeType) -> bool:
    """Whether a set that is made here is gone through here: at once, or by the variable that it is put into."""
    if not any(map(has_sets, (code, *(each for each in code.co_consts if isinstance(each, CodeType))))):
        return False
    held: set[object] = set()
    fresh = False
    before = None
    for each, makes in _making(code):
        if each.opname in _GOES_THROUGH and (fresh or (before is not None and before.argval in held)):
            return True
        if fresh and each.opname.startswith("STORE_"):
            held.add(each.argval)
        fresh = makes or (fresh and each.opname in _BEHIND)
        before = each if each.opname.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_NAME")) else None
    return False


def _making(code: CodeType) -> Iterator[tuple[dis.Instruction, bool]]:
    """Instructions, each with whether there is a new set behind it, of which the members may be texts."""
    within, views = "", not {"keys", "items"}.isdisjoint(code.co_names)
    before: dis.Instruction | None = None
    for each in dis.get_instructions(code):
        if each.opname == "LOAD_CONST" and isinstance(each.argval, CodeType):
            within = each.argval.co_name
        elif each.opname in ("BUILD_SET", "SET_ADD"):
            within = "<setcomp>" if each.opname == "SET_ADD" or not each.arg else ""
        ends = each.opname in ("CALL", "END_FOR") and within == "<setcomp>"
        yield each, ends or _makes(each, before, views=views)
        within, before = "" if ends else within, each


def _makes(each: dis.Instruction, before: dis.Instruction | None, *, views: bool) -> bool:
    """Whether an instruction makes a set, of two ``views`` for example, or is one of texts that stands in the code."""
    if each.opname == "BINARY_OP":
        return views and each.arg in OF_VIEWS
    if each.opname == "SET_UPDATE" and before is not None and before.opname == "LOAD_CONST":
        return _has_texts(before.argval)
    if each.opname in ("BUILD_SET", "SET_UPDATE"):
        return bool(each.arg)
    return each.opname == "LOAD_CONST" and type(each.argval) is frozenset and _has_texts(each.argval)


def _has_texts(held: Iterable[object]) -> bool:
    return sum(type(each) in _TEXTS for each in held) > 1

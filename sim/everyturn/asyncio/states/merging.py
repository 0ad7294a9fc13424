"""Code that makes a set of another one where nobody is asked for a hash: ``{*tasks}``, ``update``, ``|=``, ``union``,
``keys() - …``. Where such a set is gone through at once, and not kept, nothing shows that its order matters."""

from __future__ import annotations

import dis
from types import CodeType
from typing import Final

from everyturn.identity.layout import by_identity

_INPLACE: Final = frozenset(
    number
    for number, (_, sign) in enumerate(dis._nb_ops)  # type: ignore[attr-defined]
    if sign in ("|=", "^=")
)
OF_VIEWS: Final = frozenset(
    number
    for number, (_, sign) in enumerate(dis._nb_ops)  # type: ignore[attr-defined]
    if sign in ("|", "^", "-", "|=", "^=", "-=")
)
_MAKING: Final = frozenset(dis.opmap[name] for name in ("BUILD_SET", "SET_ADD", "SET_UPDATE"))
_MAKES: Final = "makes"
_ADDS: Final = "adds"
_MERGES: Final = "merges"
_OF_VIEW: Final = "of a view"


@by_identity
def merges(code: CodeType) -> bool:
    """Whether code may make such a set."""
    found = _found(code)
    views = not {"keys", "items"}.isdisjoint(_names(code)) and _OF_VIEW in found
    adds = _ADDS in found or "update" in _names(code)
    return _MERGES in found or views or (_MAKES in found and adds)


def has_sets(code: CodeType) -> bool:
    """Whether code makes any set, or names the views of a dictionary: few do."""
    return (
        not _MAKING.isdisjoint(code.co_code[::2])
        or not {"keys", "items", "update"}.isdisjoint(code.co_names)
        or any(type(each) is frozenset for each in code.co_consts)
    )


def _names(code: CodeType) -> frozenset[str]:
    return frozenset(code.co_names).union(*(_names(each) for each in code.co_consts if isinstance(each, CodeType)))


def _found(code: CodeType) -> set[str]:
    """What code does with sets, functions within included."""
    found = {_MERGES} if "union" in code.co_names else set()
    before = ""
    for each in dis.get_instructions(code) if has_sets(code) else ():
        if each.opname == "SET_UPDATE" and before != "LOAD_CONST":
            found.add(_MERGES)
        elif each.opname == "SET_ADD" or (each.opname == "BUILD_SET" and each.arg):
            found.add(_MAKES)
        elif each.opname == "BINARY_OP":
            found |= {_ADDS} if each.arg in _INPLACE else set()
            found |= {_OF_VIEW} if each.arg in OF_VIEWS else set()
        before = each.opname
    return found.union(*(_found(each) for each in code.co_consts if isinstance(each, CodeType)))

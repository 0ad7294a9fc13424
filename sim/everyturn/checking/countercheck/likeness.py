"""Whether two values can be told apart: without the encoder, which is among what is checked here.

In doubt values are alike. What they really are shows in what the threads that hold them do.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final

_ATOMS: Final = (str, bytes, int, float, complex, type(None))


def alike(one: Any, other: Any) -> bool:
    """Whether nobody can say that these are different: worked out twice, in two worlds, they are not one object."""
    if type(one) is not type(other):
        return False
    if one is other or one == other:
        return True
    if isinstance(one, _ATOMS):
        return bool(repr(one) == repr(other))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, partial):
        return alike((one.func, one.args, tuple(one.keywords)), (other.func, other.args, tuple(other.keywords)))
    if isinstance(one, MethodType):
        return alike(one.__func__, other.__func__)
    if isinstance(one, FunctionType):
        return bool(one.__code__ == other.__code__)
    if isinstance(one, frozenset):
        return len(one) == len(other)
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        return all(alike(getattr(one, each.name), getattr(other, each.name)) for each in dataclasses.fields(one))
    return True

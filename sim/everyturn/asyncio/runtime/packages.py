"""What well-known packages make in C or Rust: known here by what it is, so that it keeps no states apart.

Nothing is imported: a type is looked up when an object of it is met. What cannot be known of others,
:func:`everyturn.asyncio.states.state.known` teaches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from everyturn.identity.layout import own_namespace

_BY_VALUE: Final[dict[tuple[str, str], Callable[[Any], Any]]] = {
    ("google.protobuf.message", "Message"): lambda value: value.SerializeToString(deterministic=True),
    ("pydantic_core._pydantic_core", "Url"): str,
    ("pydantic_core._pydantic_core", "MultiHostUrl"): str,
    ("pydantic_core._pydantic_core", "ArgsKwargs"): lambda value: (value.args, value.kwargs),
    ("pydantic_core._pydantic_core", "TzInfo"): repr,
    ("_wrappers", "ObjectProxy"): lambda value: (value.__wrapped__, own_namespace(value)),
    ("_wrappers", "_FunctionWrapperBase"): lambda value: (
        value.__wrapped__,
        own_namespace(value),
        value._self_instance,
        value._self_wrapper,
        value._self_enabled,
        value._self_binding,
        value._self_parent,
    ),
    ("frozenlist._frozenlist", "FrozenList"): lambda value: (list(value), value.frozen),
    ("multidict._multidict", "istr"): str.__str__,
    ("multidict._multidict", "MultiDict"): lambda value: tuple(value.items()),
    ("multidict._multidict", "CIMultiDict"): lambda value: tuple(value.items()),
}
"""Module and name of a class → the value by which its objects are known, but for what a class derived from it adds."""

_FIXED: Final = frozenset(
    {
        ("pydantic_core._pydantic_core", "SchemaValidator"),
        ("pydantic_core._pydantic_core", "SchemaSerializer"),
        ("pydantic_core._pydantic_core", "PydanticUndefinedType"),
        ("propcache._helpers_c", "cached_property"),
        ("propcache._helpers_c", "under_cached_property"),
        ("google._upb._message", "Descriptor"),
        ("google._upb._message", "EnumDescriptor"),
        ("google._upb._message", "FieldDescriptor"),
        ("google._upb._message", "FileDescriptor"),
    }
)
"""Classes whose objects never change: each stands for itself."""

_FIXED_ONCE_MADE: Final = frozenset(
    {
        *(("cryptography.hazmat.bindings._rust.openssl.aead", name) for name in ("AESGCM", "ChaCha20Poly1305")),
        ("builtins", "CoreBPE"),  # of tiktoken
        *(("yarl._quoting_c", name) for name in ("_Quoter", "_Unquoter")),
    }
)
"""The same, but only for those that were there before the first run: programs make one where they need it."""


def by_value(kind: type) -> Callable[[Any], Any] | None:
    """How objects of ``kind`` are known by a value, if a package is known that makes them."""
    for each in kind.__mro__:
        found = _BY_VALUE.get((each.__module__, each.__qualname__))
        if found is not None:
            return found
    return None


def is_fixed(kind: type, *, once_made: bool = False) -> bool:
    """Whether objects of ``kind`` never change, so that each stands for itself; ``once_made``: if it was there before
    the first run."""
    return (kind.__module__, kind.__qualname__) in (_FIXED_ONCE_MADE if once_made else _FIXED)

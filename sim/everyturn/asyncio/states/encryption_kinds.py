"""Settings of TLS (``ssl.SSLContext``): known by all that a program can ask of them.

What it cannot ask, a key or which protocols are offered, shows in a connection only, and none is encrypted while a
program is explored (:mod:`everyturn.asyncio.control.refusals`).
"""

from __future__ import annotations

import ssl
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final
from weakref import ref

from everyturn.asyncio.states.encoding import StateEncoder, encodes, in_attributes

_MADE_IN_C: Final[type] = ssl.SSLContext.__mro__[1]
_READ: Final = tuple(
    (name, each.__get__)
    for name, each in vars(_MADE_IN_C).items()
    if isinstance(each, GetSetDescriptorType | MemberDescriptorType)
)
"""Names of what can be read of any of them, and what reads it."""

Certificates = tuple[bytes, ...]

_STORES: Final[dict[int, tuple[ref[Any], Any, Certificates]]] = {}
"""By its address: the settings, how many certificates they had, and which. None is ever taken away."""
_INTERNED: Final[dict[Certificates, Certificates]] = {}


@encodes(_MADE_IN_C, ssl.SSLContext)
def _settings(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append("settings of TLS")
    encoder.value(type(value))
    encoder.named({name: read(value) for name, read in _READ})
    ciphers: Any = _MADE_IN_C.get_ciphers(value)  # type: ignore[attr-defined]
    connections: Any = _MADE_IN_C.session_stats(value)  # type: ignore[attr-defined]
    encoder.out.append(("ciphers", *(each["name"] for each in ciphers)))
    encoder.out.append(("connections", *connections.values()))
    encoder.out.append(("certificates", *_certificates(value)))
    in_attributes(encoder, value)


def _certificates(value: Any) -> tuple[Any, Certificates]:
    """How many there are, and those that can be read."""
    number = tuple(_MADE_IN_C.cert_store_stats(value).values())  # type: ignore[attr-defined]
    known = _STORES.get(id(value))
    if known is None or known[0]() is not value or known[1] != number:
        found = tuple(_MADE_IN_C.get_ca_certs(value, True))  # type: ignore[attr-defined]
        known = _STORES[id(value)] = ref(value), number, _INTERNED.setdefault(found, found)
    return known[1:]

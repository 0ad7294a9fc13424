"""Settings of TLS are a part of the state, by their values; what is encrypted is not explored."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.search.searching import search
from everyturn.verdicts.verdict import Verdict

SETTINGS = ssl.create_default_context()


class OwnSettings(ssl.SSLContext):
    """Of a class of the program's own, with a name in it."""

    name = "own"


async def holds_settings(world: Any) -> None:
    """As clients do that have not asked anybody yet: what is made for all, and what is made in each run."""
    own = OwnSettings(ssl.PROTOCOL_TLS_CLIENT)

    async def asks(name: str, settings: ssl.SSLContext) -> None:
        await world.io(name)
        await world.io(name)
        assert settings.check_hostname

    await asyncio.gather(asks("a", SETTINGS), asks("b", own))


async def holds_none(world: Any) -> None:
    own = object()

    async def asks(name: str, settings: object) -> None:
        await world.io(name)
        await world.io(name)
        assert settings

    await asyncio.gather(asks("a", world), asks("b", own))


def test_settings_keep_no_states_apart() -> None:
    checked, without = check(holds_settings), check(holds_none)
    assert checked.cell.verdict is Verdict.PROVED
    assert (checked.found.opaque, checked.cell.states) == ({}, without.cell.states)
    assert checked.cell.schedules == without.cell.schedules


CERTIFICATE = ssl.DER_cert_to_PEM_cert(SETTINGS.get_ca_certs(binary_form=True)[0]) if SETTINGS.get_ca_certs() else ""

CHANGES: dict[str, tuple[Callable[[ssl.SSLContext], object], Callable[[ssl.SSLContext], object]]] = {
    "who is believed": (lambda it: setattr(it, "verify_mode", ssl.CERT_NONE), lambda it: it.verify_mode),
    "options": (lambda it: setattr(it, "options", it.options | ssl.OP_NO_TLSv1_3), lambda it: it.options),
    "version": (lambda it: setattr(it, "minimum_version", ssl.TLSVersion.TLSv1_3), lambda it: it.minimum_version),
    "ciphers": (lambda it: it.set_ciphers("AES128-SHA256"), lambda it: len(it.get_ciphers())),
    "a function": (lambda it: setattr(it, "sni_callback", lambda *_: None), lambda it: it.sni_callback is None),
    "an attribute": (lambda it: setattr(it, "name", "another"), lambda it: it.name),  # type: ignore[attr-defined]
}
"""How settings are changed, and what is seen of it."""
if CERTIFICATE:
    CHANGES["a certificate"] = (
        lambda it: it.load_verify_locations(cadata=CERTIFICATE),
        lambda it: len(it.get_ca_certs()),
    )


def _changed_at_last(change: Callable[[ssl.SSLContext], object], seen: Callable[[ssl.SSLContext], object]) -> Scenario:
    """Whether they were changed, nothing but they themselves know; and only who changed them second has."""

    async def scenario(world: Any) -> None:
        settings = OwnSettings(ssl.PROTOCOL_TLS_CLIENT)
        settings.check_hostname = False
        before = seen(settings)
        answer = asyncio.ensure_future(world.io("a"))
        await world.io("b")
        if not answer.done():
            change(settings)
        await answer
        del answer
        await asyncio.gather(world.io("x"), world.io("y"))
        assert seen(settings) == before

    return scenario


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_of_settings_is_a_part_of_the_state(what: str) -> None:
    change, seen = CHANGES[what]
    found = search(_changed_at_last(change, seen))
    assert "error" in found.found
    assert found.opaque == {}
    assert "error" not in search(_changed_at_last(lambda _: None, seen)).found


async def encrypts_in_memory(world: Any) -> None:
    await world.io("a")
    SETTINGS.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="far.example")


def test_what_is_encrypted_is_refused_with_its_line_and_allowed_afterwards() -> None:
    with pytest.raises(Unsupported, match=r"test_asyncio_encryption\.py:\d+: a connection with TLS: .*without TLS"):
        check(encrypts_in_memory)
    assert SETTINGS.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="far.example").version() is None
    assert "_wrap_bio" not in vars(ssl.SSLContext)

"""Tokens: a whole run in a short string (``et2-…``), its steps by stable identifiers.

A step is named by its thread, the operation at which the thread was let go on, and, where the world chose an outcome,
that outcome. So a token still leads to the same place after accesses were inserted or removed elsewhere in the code
(:class:`everyturn.runs.tokens.named_steps.ByName`). One run has one token, on every machine.

The string is the prefix, six digits of checksum, and the digits of an arithmetic code
(:mod:`everyturn.runs.tokens.arithmetic_code`) of: revision, scope, granularity; how many steps; for each its thread,
operation, and its outcomes up to the last that is not the first possible one; a fingerprint of all that the run did.
:data:`ALPHABET` is part of the format: a name that is not in it is spelled out, so that the alphabet need not and may
not change.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from everyturn.errors import UsageError
from everyturn.runs.tokens import token_by_place
from everyturn.runs.tokens.arithmetic_code import AdaptiveModel, ChoiceReader, ChoiceWriter
from everyturn.runs.tokens.token_by_place import TokenByPlace

PREFIX: Final = "et2-"
DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MAX_DIGITS: Final = 100_000
MAX_STEPS: Final = 100_000
"""Longer tokens and runs are refused."""
_CHECK: Final = 6
_BITS: Final = 20
"""Of how many bits, less one, a number of steps may be."""
_OUTCOMES: Final = 100
"""More than the outcomes of one step."""

_NAMES: Final = """
d0-no-accept d1-pending-flag d2-accept-sequence d3-locked-drain d4-independent hardened access await
p1 p2 p3 p4 p5 p6 cancel1 cancel2 cancel3 clear1 clear2 summarise1 summarise2 shutdown1
title:p1 title:p2 title:p3 attended
active.delete active.get active.set active.set_if_idle broker.notify_error broker.publish closing.get closing.set
contexts.cancel contexts.done hooks.keep hooks.take mark.delete mark.get mark.set model.end model.ready model.start
mutex.lock mutex.unlock queue.compare_and_set queue.delete queue.get queue.set reservations.begin reservations.close
reservations.count reservations.look store.abandon_summary store.create_assistant store.create_summary store.finish_step
store.finish_summary store.finish_turn store.flush store.read store.record_cancelled store.save_session store.write_user
threads.end threads.join_all threads.start titles.end titles.join titles.start
first lost (Fault(store (Fault(not-configured StreamResult(CANCELLED StreamResult(ERROR StreamResult(TOOL
StreamResult(UNAUTHORISED StreamResult(FINISHED
"""
ALPHABET: Final = tuple(_NAMES.split())


class SavedStep(NamedTuple):
    """A step by stable identifiers: its thread, the operation at which it was let go on, and outcomes of choices.

    An outcome is the operation that had it, not always the first of the step, and its label. Those after the last that
    is not :data:`~everyturn.runs.outcomes.FIRST` are left out.
    """

    thread: str
    operation: str
    outcomes: tuple[tuple[str, str], ...] = ()


class Token(NamedTuple):
    """What runs, every step of the run, and a fingerprint of it (0…65535)."""

    revision: str
    scope: str
    granularity: str
    steps: tuple[SavedStep, ...]
    fingerprint: int


def fingerprint(done: Iterable[str]) -> int:
    """A fingerprint of a run: of all its operations in order, each with its thread and its outcome's label."""
    return zlib.crc32("\n".join(done).encode()) & 0xFFFF


def encode(token: Token) -> str:
    """The token as a string. Raises :class:`UsageError` for a run of more than :data:`MAX_STEPS` steps."""
    if len(token.steps) > MAX_STEPS:
        raise UsageError(f"expected a run of at most {MAX_STEPS} steps to make a token of, found {len(token.steps)}")
    writer = ChoiceWriter()
    _code(AdaptiveModel(writer, ALPHABET), token)
    body = "".join(DIGITS[digit] for digit in writer.digits())
    return PREFIX + _checksum(body) + body


def decode(text: str) -> Token | TokenByPlace:
    """The token that ``text`` is. Raises :class:`UsageError` for anything else."""
    try:
        if text.startswith(token_by_place.PREFIX):
            return token_by_place.decode(text)
        return _decode(text)
    except ValueError as error:
        raise UsageError(f"token {_short(text)!r}: {error}") from error


def is_token(text: str) -> bool:
    """Whether ``text`` is meant to be a token."""
    return text.startswith((PREFIX, token_by_place.PREFIX))


def _decode(text: str) -> Token:
    if not text.startswith(PREFIX):
        raise ValueError(
            f"expected it to begin with {PREFIX!r} (or {token_by_place.PREFIX!r}, as older ones do; one of a program "
            "on asyncio with 'ea1-')"
        )
    check, body = text[len(PREFIX) :][:_CHECK], text[len(PREFIX) + _CHECK :]
    if len(body) > MAX_DIGITS:
        raise ValueError(f"expected at most {MAX_DIGITS} characters, found {len(text)}")
    strange = next((each for each in body if each not in DIGITS), None)
    if strange is not None:
        raise ValueError(f"expected letters, digits, - and _, found {strange!r}")
    if check != _checksum(body):
        raise ValueError("its checksum does not match: it was cut off or changed")
    token = _code(AdaptiveModel(ChoiceReader([DIGITS.index(each) for each in body]), ALPHABET), None)
    if encode(token) != text:
        raise ValueError("it is no token that was ever written: the same run has another one")
    return token


def _code(model: AdaptiveModel, token: Token | None) -> Token:
    """Write ``token``, or read one if there is none."""
    given = (None, None, None) if token is None else token[:3]
    revision, scope, granularity = [
        model.name((what,), each) for what, each in zip(("revision", "scope", "granularity"), given, strict=True)
    ]
    length = _length(model, None if token is None else len(token.steps))
    steps: list[SavedStep] = []
    threads = ("", "", "")
    past: dict[str, tuple[str, str]] = {}
    for number in range(length):
        step = _step(model, None if token is None else token.steps[number], threads, past)
        threads = (*threads[1:], step.thread)
        past[step.thread] = (past.get(step.thread, ("", ""))[1], step.operation)
        steps.append(step)
    return Token(revision, scope, granularity, tuple(steps), model.plain(1 << 16, token and token.fingerprint))


def _step(
    model: AdaptiveModel, given: SavedStep | None, threads: tuple[str, str, str], past: dict[str, tuple[str, str]]
) -> SavedStep:
    """One step: its thread depends on who moved before, its operation on what its thread did before."""
    thread = model.name((threads, threads[1:], threads[2:]), given and given.thread)
    before = past.get(thread, ("", ""))
    operation = model.name((("after", *before), ("after", before[1])), given and given.operation)
    count = model.number(("outcomes", operation), _OUTCOMES, None if given is None else len(given.outcomes))
    outcomes = []
    for place in range(count):
        name, label = given.outcomes[place] if given is not None else (None, None)
        name = model.name((("outcome of", operation),), name)
        outcomes.append((name, model.name((("label of", name),), label)))
    return SavedStep(thread, operation, tuple(outcomes))


def _length(model: AdaptiveModel, given: int | None) -> int:
    """How many steps: the number of its bits, then the bits."""
    bits = model.plain(_BITS, None if given is None else given.bit_length())
    number = model.plain(1 << bits, given)
    if number > MAX_STEPS:
        raise ValueError(f"expected at most {MAX_STEPS} steps, found {number}")
    return number


def _checksum(body: str) -> str:
    check = zlib.crc32((PREFIX + body).encode())
    return "".join(DIGITS[check >> 6 * place & 63] for place in range(_CHECK - 1, -1, -1))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "…"

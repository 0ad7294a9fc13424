"""What a program does that nobody here controls: code that never awaits, numbers that are drawn, sockets that block."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import importlib
import os
import random
import re
import secrets
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.nightly import thinned

from everyturn.asyncio.checking import check, fuzz
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import DRAWN, IDENTIFIERS, Scenario
from everyturn.asyncio.search.searching import SearchLimits, search
from everyturn.asyncio.states import state
from everyturn.errors import AgentFault, UsageError
from everyturn.verdicts.verdict import Verdict
from everyturn.world import overrun

needs_timers = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="expected timers")

# code that never awaits
# ---------------------------------------------------------------------------


def _goes_on() -> None:
    while True:
        pass


_FIRST = _goes_on.__code__.co_firstlineno
SPINS = rf"test_asyncio_uncontrolled\.py:({_FIRST + 1}|{_FIRST + 2})"


async def spins(world: Any) -> None:
    await world.io("a")
    _goes_on()


async def spins_in_a_task(world: Any) -> None:
    """Whose errors are its own."""
    await asyncio.gather(asyncio.create_task(spins(world)), return_exceptions=True)


async def spins_in_a_callback(world: Any) -> None:
    asyncio.get_running_loop().call_soon(_goes_on)
    await world.io("a")


async def spins_on_a_thread(world: Any) -> None:
    await asyncio.to_thread(_goes_on)


async def spins_and_swallows_what_ends_it(world: Any) -> None:
    try:
        await spins(world)
    except BaseException:  # as a program may
        await world.io("b")


@thinned(2)
@needs_timers
@pytest.mark.parametrize(
    "scenario", [spins, spins_in_a_task, spins_in_a_callback, spins_on_a_thread, spins_and_swallows_what_ends_it]
)
def test_a_step_that_goes_on_and_on_is_an_error_with_its_line(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever makes it, and whatever becomes of what ends it."""
    monkeypatch.setattr(overrun, "STEP_SECONDS", 0.6)
    with pytest.raises(AgentFault, match=SPINS + r": a step runs for 0\.6 seconds without an await"):
        check(scenario)


async def spins_when_answered(world: Any) -> None:
    """Only if its answer comes before the deadline."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(world.io("a"), 1)
        _goes_on()


WHEN_TIME_IS_OVER = rf"0\.5 seconds(, within a step that goes on at .*{SPINS})?"
"""On a machine that is busy it may be over before the step begins."""


@needs_timers
def test_no_step_goes_on_when_the_time_is_over() -> None:
    """What was found until then is told, and where it was."""
    cell = check(spins_when_answered, limits=SearchLimits(seconds=0.5)).cell
    assert cell.verdict is Verdict.UNDETERMINED
    assert re.fullmatch(WHEN_TIME_IS_OVER, str(cell.stopped))


@needs_timers
def test_a_sample_in_which_no_run_was_judged_by_then_is_none() -> None:
    """Its strategy learns from some runs, of which one never ends."""
    with pytest.raises(UsageError, match=rf"0\.5 seconds, within a step that goes on at .*{SPINS}: expected the runs"):
        fuzz(spins_when_answered, seconds=0.5, runs=100)


@needs_timers
def test_a_sample_ends_in_the_step_that_does_not() -> None:
    """Bounded delays need to learn nothing before: some of their runs were judged."""
    cell = fuzz(spins_when_answered, seconds=0.5, runs=10_000, strategy="delay:3").cell
    assert cell.verdict is Verdict.UNDETERMINED
    assert cell.schedules
    assert re.fullmatch(WHEN_TIME_IS_OVER, str(cell.stopped))


# numbers that are drawn
# ---------------------------------------------------------------------------


async def tosses_a_coin(world: Any) -> None:
    """Proved of one sequence of numbers, not of all: the result must not be silent."""
    await world.io("a")
    if random.random() < 0.5:
        raise ValueError("tails")


async def shuffles(world: Any) -> None:
    order = ["a", "b", "c"]
    random.shuffle(order)
    await world.io(order[0])


async def names_things(world: Any) -> None:
    world.log(uuid.uuid4().hex)
    await world.io("a")


async def makes_tokens(world: Any) -> None:
    await world.io("a")
    world.log(secrets.token_hex(4), os.urandom(2))


async def has_a_source_of_its_own(world: Any) -> None:
    """Which nobody seeds: the system does."""
    source = random.Random()
    await world.io("a")
    world.log(source.random())


async def seeds_anew(world: Any) -> None:
    random.seed()
    await world.io("a")
    world.log(random.random())


async def draws_from_a_known_seed(world: Any) -> None:
    """The same everywhere: nothing is trusted."""
    source = random.Random(7)
    await world.io("a")
    world.log(source.random())


@thinned(2)
@pytest.mark.parametrize("look", [check, fuzz])
@pytest.mark.parametrize(
    ("scenario", "trusted"),
    [
        (tosses_a_coin, {DRAWN}),
        (shuffles, {DRAWN}),
        (names_things, {IDENTIFIERS}),
        (makes_tokens, {IDENTIFIERS}),
        (has_a_source_of_its_own, {IDENTIFIERS}),
        (seeds_anew, {DRAWN, IDENTIFIERS}),
        (draws_from_a_known_seed, set()),
    ],
)
def test_who_draws_numbers_is_told_that_they_were_one_sequence(
    scenario: Scenario, trusted: set[str], look: Callable[..., Any]
) -> None:
    """And runs of it are the same each time."""
    options = {} if look is check else {"runs": 8}
    checked = look(scenario, **options)
    assert checked.cell.verdict in (Verdict.PROVED, Verdict.RISK)
    assert set(checked.found.trusted) == trusted


# sockets that block
# ---------------------------------------------------------------------------


def _asks() -> None:
    http.client.HTTPConnection("127.0.0.1", 9).request("GET", "/")


async def asks_and_blocks(world: Any) -> None:
    await world.io("a")
    _asks()


async def asks_on_a_thread(world: Any) -> None:
    await asyncio.to_thread(_asks)


async def connects_by_hand(world: Any) -> None:
    with socket.socket() as ours:
        ours.connect(("127.0.0.1", 9))


async def sends_a_datagram(world: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.sendto(b"well?", ("127.0.0.1", 9))


async def takes_a_port(world: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    ("scenario", "call"),
    [
        (asks_and_blocks, "getaddrinfo"),
        (asks_on_a_thread, "getaddrinfo"),
        (connects_by_hand, "connect"),
        (sends_a_datagram, "sendto"),
        (takes_a_port, "bind"),
    ],
)
def test_a_real_socket_is_an_error_with_its_line(scenario: Scenario, call: str) -> None:
    """No packet leaves the machine because somebody explores a program."""
    with pytest.raises(
        Unsupported, match=rf"test_asyncio_uncontrolled\.py:\d+: {call} of a (real socket|socket that blocks):"
    ):
        check(scenario)


async def imports_what_takes_a_port(world: Any) -> None:
    await world.io("x")
    world.log(importlib.import_module("takes_a_port_when_imported").PORT > 0)


def test_what_a_module_asks_when_it_is_imported_belongs_to_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As urllib3 finds out whether there is IPv6."""
    module = tmp_path / "takes_a_port_when_imported.py"
    module.write_text(
        "import socket\n"
        "with socket.socket() as ours:\n    ours.bind(('127.0.0.1', 0))\n    PORT = ours.getsockname()[1]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    assert not search(imports_what_takes_a_port).found


def test_sockets_are_as_they_were_afterwards() -> None:
    """They were never ours."""
    before = dict(vars(socket.socket)), socket.getaddrinfo, random.Random.seed, random.seed
    check(draws_from_a_known_seed)
    assert (dict(vars(socket.socket)), socket.getaddrinfo, random.Random.seed, random.seed) == before


# the process in which it is explored
# ---------------------------------------------------------------------------


async def sets_everything(world: Any) -> None:
    """What stays when a run is over, if nobody puts it back; each is there once."""
    world.log(os.environ.get("EVERYTURN_SET", "nothing"), Path.cwd().name, sys.getrecursionlimit())
    os.environ["EVERYTURN_SET"] = os.environ.get("EVERYTURN_SET", "") + "more"
    os.chdir(Path.cwd().parent)
    sys.setrecursionlimit(sys.getrecursionlimit() + 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    await asyncio.gather(world.io("a"), world.io("b"))


def test_what_a_run_sets_for_the_process_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each run for the next one, and at the end for whoever explores."""
    folder = tmp_path / "one" / "two" / "three"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    before = dict(os.environ), Path.cwd(), sys.getrecursionlimit()
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert check(sets_everything).cell.verdict is Verdict.PROVED
    assert (dict(os.environ), Path.cwd(), sys.getrecursionlimit()) == before
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


async def switches_timers_off(world: Any) -> None:
    """And goes on for ever in a later run."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(world.io("a"), 1)
        signal.setitimer(signal.ITIMER_REAL, overrun.TICK_SECONDS, overrun.TICK_SECONDS)
        _goes_on()


@needs_timers
def test_a_timer_of_the_program_does_not_switch_the_limit_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs after the one that has set it are watched again."""
    monkeypatch.setattr(overrun, "STEP_SECONDS", 0.6)
    for scenario in (switches_timers_off, spins):
        with pytest.raises(AgentFault, match=r"a step runs for 0\.6 seconds"):
            check(scenario)


async def looks_at_the_processor(world: Any) -> None:
    """How long it has worked is as open as how long it has waited."""
    begun = time.process_time()
    await world.io("a")
    assert time.process_time() - begun < 5


def test_the_time_of_the_processor_is_a_time_like_others() -> None:
    """Which took none, and was told to nobody."""
    assert check(looks_at_the_processor).cell.invariants["error"].verdict is Verdict.REFUTED


@needs_timers
def test_looking_at_a_state_is_no_step_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large it is, and however long that takes."""
    monkeypatch.setattr(overrun, "STEP_SECONDS", 0.6)
    encoded = state._encoded

    def slowly(world: Any) -> Any:
        end = overrun._clock() + 1
        while overrun._clock() < end:
            pass
        return encoded(world)

    monkeypatch.setattr(state, "_encoded", slowly)
    assert check(draws_from_a_known_seed, counter_check=False).cell.verdict is Verdict.PROVED

"""Connections in memory: against real ones, against an oracle that merges nothing, and where it is known what can be.

Six programs against TCP here; with ``EVERYTURN_NIGHTLY=1`` a thousand.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import how_many, thinned
from tests.sim.asyncio_programs import UNIT
from tests.sim.connection_programs import (
    OPERATIONS,
    ConnectionProgram,
    Relay,
    connection_program,
    interpret,
    operation,
    reads_to_the_end,
    what_is_on_its_way_matters,
)
from tests.sim.stock_loop import Real, sender, throw_away, to_rest, unseen
from tests.sim.talking_scenarios import takes_all_for_one_answer

from everyturn.asyncio.checking import check
from everyturn.asyncio.connections.peers import Hears, PeerStep
from everyturn.asyncio.connections.pipes import Pipe
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import outcomes
from everyturn.asyncio.states import encoding
from everyturn.asyncio.states.state import encode
from everyturn.errors import Disagreement
from everyturn.verdicts.verdict import Verdict

PROGRAMS: Final = how_many(6, nightly=1000)
REAL_RUNS: Final = 3
MOST_RUNS: Final = how_many(120, nightly=2000)
ADDRESS: Final = ("127.0.0.1", 8000)


def scenario_of(program: ConnectionProgram) -> Scenario:
    async def scenario(world: Any) -> None:
        await interpret(program, world)

    return scenario


def with_what_was_noted(world: Any) -> Any:
    return encode(world), tuple(map(repr, world.logged))


def ended(outcome: ScenarioOutcome) -> tuple[Any, ...]:
    """What a run noted up to rest."""
    return tuple(outcome.logged[: outcome.rested])


def explored(scenario: Scenario, guide: DepthFirstGuide, most: int = MOST_RUNS) -> set[tuple[Any, ...]] | None:
    """What our runs note up to rest; nothing if there are too many runs."""
    found: set[tuple[Any, ...]] = set()
    with prepared():
        for number, outcome in enumerate(outcomes(scenario, Setting(), guide)):
            if number > most:
                return None
            if outcome.complete:
                found.add(ended(outcome))
    return found


# against real connections
# ---------------------------------------------------------------------------


def run_for_real(program: ConnectionProgram, seed: int, sending: Any) -> tuple[Any, ...]:
    """What the program notes in one run on the stock loop, over TCP, every other time through a relay."""
    loop = asyncio.SelectorEventLoop()
    real = Real(loop, seed, sending)
    relay = Relay(seed, UNIT)
    real.also_busy = lambda: relay.busy > 0
    loop.set_exception_handler(lambda loop, context: None)
    with unseen():
        running = loop.create_task(interpret(program, real, relay.through if seed % 2 else lambda port: port))
        try:
            to_rest(loop, real)
            if running.done() and not running.cancelled():
                running.exception()
        finally:
            noted = tuple(real.logged)
            throw_away(loop, real)
            relay.close()
        gc.collect()
    return noted


@thinned(3)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("shard", range(3))
def test_real_connections_do_nothing_that_is_not_explored(shard: int) -> None:
    """A machine that is busy may take a run for one at rest too early: what it noted then is the beginning of ours."""
    sending = sender()
    tried = runs = 0
    for seed in range(shard, PROGRAMS, 3):
        program = connection_program(seed)
        ours = explored(scenario_of(program), Merging(with_what_was_noted))
        if ours is None:
            continue
        begun = {noted[:length] for noted in ours for length in range(len(noted) + 1)}
        for pace in range(REAL_RUNS):
            noted = run_for_real(program, 1000 * seed + pace, sending)
            assert noted in begun, f"program {seed}, pace {pace}: {program}: {noted}"
            runs += 1
        tried += 1
    sending.over = True
    assert tried
    print(f"{tried} programs, {runs} runs on the stock loop")


# against an oracle that merges nothing
# ---------------------------------------------------------------------------

OPERATION = st.builds(operation, st.sampled_from(OPERATIONS), st.integers(0, 5))
BODY = st.lists(OPERATION, min_size=1, max_size=3).map(tuple)
PROGRAM = st.builds(ConnectionProgram, BODY, st.tuples(BODY))


@settings(max_examples=how_many(8, nightly=1500), deadline=None)
@given(PROGRAM)
def test_merging_loses_nothing_that_is_noted(program: ConnectionProgram) -> None:
    scenario = scenario_of(program)
    plainly = explored(scenario, DepthFirstGuide(), most=60)
    if plainly is not None:
        assert explored(scenario, Merging(with_what_was_noted)) == plainly


# where it is known what can be
# ---------------------------------------------------------------------------


def behaviours(scenario: Scenario) -> set[Any]:
    """What runs note, each thing once; the same whether states are merged or not."""
    found = explored(scenario, Merging(with_what_was_noted))
    assert found is not None
    assert found == explored(scenario, DepthFirstGuide(), most=5000)
    return found


def reads_all(text: bytes, *, whole: bool = False) -> Scenario:
    async def scenario(world: Any) -> None:
        world.network.limit(whole=whole)
        world.network.serve("far.example", 80, [text[:2], text[2:], PeerStep.CLOSES])
        reader, writer = await asyncio.open_connection("far.example", 80)
        while part := await reader.read(100):
            world.log(part)
        writer.close()

    return scenario


@thinned(2)
@pytest.mark.parametrize(("text", "number"), [(b"abc", 4), (b"abcd", 8), (b"abcde", 16)])
def test_bytes_arrive_in_any_pieces(text: bytes, number: int) -> None:
    """n bytes can be cut at each of n - 1 places, or not."""
    assert len(behaviours(reads_all(text))) == number


def test_whole_writes_are_cut_only_between_them() -> None:
    assert behaviours(reads_all(b"abc", whole=True)) == {(b"abc",), (b"ab", b"c")}


async def two_clients(world: Any) -> None:
    heard: list[bytes] = []
    both = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readexactly(1))
        writer.close()
        if len(heard) == 2:
            both.set()

    world.network.visit(*ADDRESS, [b"a"])
    world.network.visit(*ADDRESS, [b"b"])
    server = await asyncio.start_server(served, *ADDRESS)
    await both.wait()
    world.log(b"".join(heard))
    server.close()


def test_clients_are_served_in_any_order() -> None:
    assert explored(two_clients, Merging(with_what_was_noted), most=400) == {(b"ab",), (b"ba",)}


async def writes_to_nobody(world: Any) -> None:
    world.network.serve("far.example", 80, [PeerStep.CLOSES])
    reader, writer = await asyncio.open_connection("far.example", 80)
    assert await reader.read() == b""
    try:
        writer.write(b"one")
        await world.io("later")
        writer.write(b"two")
        await world.io("later")
        await writer.drain()
        world.log("written")
    except ConnectionError as error:
        world.log(type(error).__name__)
    writer.close()


def test_what_is_written_to_who_has_gone_fails_the_second_time_or_later() -> None:
    assert behaviours(writes_to_nobody) == {("written",), ("BrokenPipeError",)}


async def may_break(world: Any) -> None:
    world.network.serve("far.example", 80, [b"ab", PeerStep.ENDS], refuses=True, breaks=True)
    try:
        reader, writer = await asyncio.open_connection("far.example", 80)
        world.log(await reader.read())
        writer.close()
    except ConnectionError as error:
        world.log(type(error).__name__)


def test_a_connection_may_be_refused_and_may_break() -> None:
    assert behaviours(may_break) == {(b"ab",), ("ConnectionRefusedError",), ("ConnectionResetError",)}


async def visited(world: Any) -> None:
    gone = asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        world.log(await reader.readline())
        writer.write(b"ok\n")
        world.log(await reader.read())
        writer.close()
        gone.set()

    world.network.visit(*ADDRESS, [b"h", b"i\n", Hears(b"ok\n"), b"bye", PeerStep.ENDS])
    server = await asyncio.start_server(served, *ADDRESS)
    await gone.wait()
    server.close()


def test_somebody_outside_connects_and_follows_a_script() -> None:
    assert behaviours(visited) == {(b"hi\n", b"bye")}


async def pressure(world: Any) -> None:
    world.network.limit(4, 64, whole=True)

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"0123456789")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(served, *ADDRESS)
    reader, writer = await asyncio.open_connection(*ADDRESS)
    assert await reader.read() == b"0123456789"
    writer.close()
    server.close()


async def both_write_and_nobody_reads(world: Any) -> None:
    """Each waits until the other one has taken what it wrote. With room for all of it, nobody waits."""
    world.network.limit(4, 64, whole=True)

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.set_write_buffer_limits(0)
        writer.write(b"0123456789")
        await writer.drain()
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        await reader.readexactly(10)
        writer.close()

    server = await asyncio.start_server(served, *ADDRESS)
    reader, writer = await asyncio.open_connection(*ADDRESS)
    reader._transport.pause_reading()  # type: ignore[attr-defined]
    writer.transport.set_write_buffer_limits(0)
    writer.write(b"0123456789")
    await writer.drain()
    reader._transport.resume_reading()  # type: ignore[attr-defined]
    await reader.readexactly(10)
    writer.close()
    server.close()


def test_a_full_connection_takes_a_part_and_the_rest_follows() -> None:
    checked = check(pressure)
    assert checked.cell.verdict is Verdict.PROVED
    assert checked.found.trusted[-1].startswith("bytes on their way arrive in other pieces")


def test_two_that_write_before_they_read_hang_only_where_a_connection_is_full() -> None:
    found = check(both_write_and_nobody_reads).cell.invariants["hang"]
    assert found.verdict is Verdict.REFUTED


def test_who_takes_the_first_bytes_for_the_answer_is_refuted_and_who_reads_on_is_proved() -> None:
    assert check(takes_all_for_one_answer).cell.invariants["error"].verdict is Verdict.REFUTED
    checked = check(reads_to_the_end)
    assert checked.cell.verdict is Verdict.PROVED
    assert checked.found.opaque == {}
    assert checked.found.trusted == []


async def sets_options(world: Any) -> None:
    """As a real socket: what asyncio itself sets can be seen, a buffer is twice as large as was asked for."""
    world.network.serve("far.example", 80, [PeerStep.CLOSES])
    _, writer = await asyncio.open_connection("far.example", 80)
    ours = writer.get_extra_info("socket")
    assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 5000)
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 10_000
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 2))
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 2)
    world.log(ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
    answer = asyncio.ensure_future(world.io("a"))
    await world.io("b")
    if not answer.done():
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    await answer
    del answer
    await asyncio.gather(world.io("x"), world.io("y"))
    assert not ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    writer.close()


def test_options_of_a_socket_are_kept_and_a_part_of_the_state() -> None:
    found = check(sets_options)
    assert found.cell.invariants["error"].verdict is Verdict.REFUTED
    assert len({len(outcome.logged) for outcome in found.found.found.values()}) == 1
    assert "a socket's option for which somebody asks, and that nobody has set, is 0" in found.found.trusted


async def nobody_listens(world: Any) -> None:
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("localhost", 9)


def test_a_port_where_nobody_listens_refuses() -> None:
    assert check(nobody_listens).cell.verdict is Verdict.PROVED


# what is refused
# ---------------------------------------------------------------------------


async def elsewhere(world: Any) -> None:
    await asyncio.open_connection("somewhere.example", 443)


async def elsewhere_by_number(world: Any) -> None:
    await asyncio.open_connection("198.51.100.7", 443)


async def encrypted(world: Any) -> None:
    world.network.serve("far.example", 443, [PeerStep.CLOSES])
    await asyncio.open_connection("far.example", 443, ssl=True)


@pytest.mark.parametrize(
    ("scenario", "what"),
    [
        (elsewhere, "the address of 'somewhere.example'"),
        (elsewhere_by_number, "a connection to 198.51.100.7:443"),
        (encrypted, "_make_ssl_transport"),
    ],
)
def test_what_cannot_be_controlled_is_an_error_with_its_line(scenario: Scenario, what: str) -> None:
    with pytest.raises(Unsupported) as raised:
        check(scenario)
    assert what in str(raised.value)
    assert "test_asyncio_connections.py:" in str(raised.value)


# what would be forgotten
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("forgetful", [False, True])
def test_bytes_on_their_way_are_a_part_of_the_state(forgetful: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forgotten, the fault is missed, and the counter-check says that states were merged that are not one."""
    if forgetful:
        known = partial(encoding._known_by, Pipe, lambda pipe: (pipe.ended, pipe.unheard, len(pipe.data)))
        monkeypatch.setitem(encoding._BY_TYPE, Pipe, known)
        with pytest.raises(Disagreement):
            check(what_is_on_its_way_matters)
    else:
        assert check(what_is_on_its_way_matters).cell.invariants["background"].verdict is Verdict.REFUTED

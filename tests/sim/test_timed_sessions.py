from __future__ import annotations

from collections.abc import Generator, Iterator
from random import Random
from typing import Any

import pytest
import simpy
from tests.nightly import thinned

from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.strategies import strategy
from everyturn.studies.distributions import Constant, Exponential
from everyturn.studies.histories import TimedHistories
from everyturn.studies.session import SimulatedSession
from everyturn.studies.study import Faults, Latency
from everyturn.studies.subscribers import PATIENCE_SECONDS, Letter, SimulatedBroker, Subscriber
from everyturn.studies.surroundings import Surroundings
from everyturn.studies.tally import SessionTally, StudyTally
from everyturn.verdicts.checker import Judge, select
from everyturn.verdicts.intervals import mean_interval
from everyturn.world.scope import Scope
from everyturn.world.world import World, operation_thread, prompt_thread
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_model import events as ev

NOTHING = Constant(0.0)
AT_ONCE = Latency(store=NOTHING, stream=NOTHING, notice=NOTHING)


class Log:
    """An onlooker that keeps what it sees."""

    def __init__(self) -> None:
        self.steps: list[tuple[ev.Event, ...]] = []

    @property
    def events(self) -> list[ev.Event]:
        return [event for step in self.steps for event in step]

    def saw(self, events: tuple[ev.Event, ...]) -> None:
        self.steps.append(events)

    def idle(self, queued: frozenset[str], *, ended: bool) -> None:
        pass


class Both(Log):
    """An onlooker that keeps what it sees and counts it, too."""

    def __init__(self, tally: SessionTally) -> None:
        super().__init__()
        self.tally = tally

    def saw(self, events: tuple[ev.Event, ...]) -> None:
        super().saw(events)
        self.tally.saw(events)

    def idle(self, queued: frozenset[str], *, ended: bool) -> None:
        self.tally.idle(queued, ended=ended)


def surroundings(latency: Latency, faults: Faults | None = None, seed: str = "") -> Surroundings:
    return Surroundings(latency, faults or Faults(), lambda purpose: Random(f"{seed}/{purpose}"))


def random_times(seed: int) -> Latency:
    """Every access takes a random time, a stream as long as ten of them."""
    each = Exponential(1.0 + seed % 3)
    return Latency(access=each, entry=each, store=each, stream=Exponential(10.0), notice=each)


def timed(
    world: World, latency: Latency, faults: Faults | None = None, seed: str = ""
) -> tuple[Both, StudyTally, ev.Rest]:
    """One run of a world's own scope to rest: what was seen, what was counted, and the rest."""
    env = simpy.Environment()
    tally = StudyTally(env)
    seen = Both(SessionTally(tally))
    session = SimulatedSession(env, TimedHistories(world), surroundings(latency, faults, seed), seen)
    for thread in world.threads:
        if thread.kind in "AaIi":
            seen.tally.submit(thread.name, run_id=thread.kind.isupper())
        session.start(thread)
    env.run()
    (rest,) = world.rest(tuple(session.values.values()), ())
    assert isinstance(rest, ev.Rest)
    return seen, tally, rest


@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
@pytest.mark.parametrize("scope", ["AA", "AAa+1c", "AIi", "II+1c+1q", "AA+1s+d", "Aa+2c", "AAAA+2c"])
def test_without_latencies_time_is_first_in_first_out(revision: str, scope: str) -> None:
    """With all latencies zero the events are those of the choosing kernel at FIFO, one by one: where all is new, where
    nothing is kept, and where all is known."""
    expected = [
        event
        for step in simulate(World(Scope.parse(scope), revision), strategy("fifo", 0)).steps
        for event in step.events
    ]
    histories = TimedHistories(World(Scope.parse(scope), revision), keeps=True)
    seen = [_at_once(histories), _at_once(TimedHistories(histories.world)), _at_once(histories)]
    assert seen == [expected] * 3
    assert len(expected) > 10


def _at_once(histories: TimedHistories) -> list[ev.Event]:
    """What is seen of the threads of a world if nothing takes time."""
    log = Log()
    env = simpy.Environment()
    session = SimulatedSession(env, histories, surroundings(AT_ONCE), log)
    for thread in histories.world.threads:
        session.start(thread)
    env.run()
    return log.events


@thinned(4)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
@pytest.mark.parametrize("scope", ["Aa+1c", "AI+1q"])
def test_what_happens_in_time_can_happen_at_all(revision: str, scope: str) -> None:
    """Every outcome of a timed run is one that exploration reaches."""
    judge = Judge(select(["no-hang"]), conformance=False)
    explored = Explorer(World(Scope.parse(scope), revision), judge).run().outcomes
    table = JudgeTable(judge)
    for seed in range(30):
        seen, _, rest = timed(World(Scope.parse(scope), revision), random_times(seed), seed=str(seed))
        state, _ = table.run([*seen.steps, (rest,)])
        assert outcome(table.state(state).ledger) in explored


def hanging(scope: str, revision: str, faults: Faults) -> Iterator[tuple[bool, StudyTally]]:
    """Timed runs: whether the invariant `no-hang` is broken at rest, and what was counted."""
    table = JudgeTable(Judge(select(["no-hang"]), conformance=False))
    for seed in range(40):
        seen, tally, rest = timed(World(Scope.parse(scope), revision), random_times(seed), faults, str(seed))
        _, found = table.run([*seen.steps, (rest,)])
        yield bool(found), tally


@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER])
@pytest.mark.parametrize("scope", ["AAA+1c", "AIa", "AA+1q"])
def test_stuck_is_what_the_invariant_calls_a_hang(revision: str, scope: str) -> None:
    """A run to rest has a stuck prompt exactly if it breaks `no-hang`."""
    runs = list(hanging(scope, revision, Faults(provider_error=0.2)))
    assert [broken for broken, _ in runs] == [tally.counts.stuck > 0 for _, tally in runs]
    assert any(broken for broken, _ in runs) == (revision != "hardened")
    assert all(tally.counts.told + tally.counts.stuck == tally.counts.with_run_id for _, tally in runs)


def session_at(
    revision: str, latency: Latency, faults: Faults | None = None
) -> tuple[simpy.Environment, SimulatedSession, SessionTally]:
    env = simpy.Environment()
    watched = SessionTally(StudyTally(env))
    scope = Scope("A", errors=int(faults is not None))
    return (
        env,
        SimulatedSession(env, TimedHistories(World(scope, revision)), surroundings(latency, faults), watched),
        watched,
    )


@pytest.mark.parametrize(("revision", "stuck"), [("d4", 1), ("hardened", 0)])
def test_who_comes_between_a_cancel_and_the_end_of_its_turn(revision: str, stuck: int) -> None:
    """p1 is cancelled at 10 s and notices at 13 s; p2 comes at 12 s. d4 leaves it queued until p3 comes, at 50 s."""
    latency = Latency(store=NOTHING, stream=Constant(20.0), notice=Constant(3.0))
    env, session, watched = session_at(revision, latency)
    told: dict[str, float] = {}
    counts = watched.tally.counts

    def submit(number: int) -> None:
        prompt = watched.submit(f"p{number}", run_id=True)
        assert prompt.over.callbacks is not None
        prompt.over.callbacks.append(lambda _: told.update({prompt.name: env.now}))
        session.start(prompt_thread(number, "A", counted=True))

    submit(1)
    env.run(until=10)
    session.start(operation_thread(1, "c"))
    env.run(until=12)
    submit(2)
    env.run(until=50)
    assert (told, counts.stuck) == ({"p1": 13.0} | ({} if stuck else {"p2": 33.0}), stuck)
    submit(3)
    env.run(until=1000)
    assert counts.told == 3
    assert counts.stuck == stuck
    assert counts.never_told == 0
    assert told["p2"] == (90.0 if stuck else 33.0)


def test_a_folded_run_id_is_never_told() -> None:
    """d3 folds p2, which comes while p1 streams its first step and asks for a tool: nothing knows of p2 then."""
    latency = Latency(store=NOTHING, stream=Constant(20.0), notice=NOTHING)
    env, session, watched = session_at("d3", latency)
    session.surroundings.mood = _tool_once().mood  # type: ignore[method-assign]
    for number, at in ((1, 5), (2, 10)):
        watched.submit(f"p{number}", run_id=True)
        session.start(prompt_thread(number, "A", counted=True))
        env.run(until=at)
    env.run()
    counts = watched.tally.counts
    assert (counts.told, counts.folded, counts.stuck, counts.never_told) == (1, 1, 1, 1)
    assert watched.prompts == {}


def _tool_once() -> Surroundings:
    """The first stream asks for tools, the others finish."""
    found = surroundings(AT_ONCE, Faults(tool_round=0.5))
    drawn = iter([0.0])
    found._luck.random = lambda: next(drawn, 1.0)  # type: ignore[method-assign]
    return found


def test_a_stream_that_ends_before_it_notices_the_cancel_finishes() -> None:
    """The stream ends at 20 s; a Cancel at 19 s would be noticed at 24 s: too late."""
    env, session, watched = session_at("d4", Latency(store=NOTHING, stream=Constant(20.0), notice=Constant(5.0)))
    log = Both(watched)
    session.onlooker = log
    watched.submit("p1", run_id=True)
    session.start(prompt_thread(1, "A", counted=True))
    env.run(until=19)
    session.start(operation_thread(1, "c"))
    env.run()
    (end,) = [event for event in log.events if isinstance(event, ev.StreamEnded)]
    assert (end.how, env.now >= 20) == (ev.StreamEnd.FINISHED, True)


# subscribers ------------------------------------------------------------------------------------------------------


def delivered(
    buffer: int, seconds_for_one: float, letters: int, clients: int = 1
) -> tuple[list[tuple[bool, float]], list[float]]:
    """Whether and when each of so many letters, sent one right after the other, was delivered, and when it was read."""
    env = simpy.Environment()
    broker = SimulatedBroker(env, [Subscriber(env, each, buffer, lambda: seconds_for_one) for each in range(clients)])
    sent: list[tuple[bool, float]] = []
    read: list[float] = []

    def sending() -> Generator[simpy.Event, Any, None]:
        for _ in range(letters):
            yield env.timeout(0)
            letter = Letter(lambda: read.append(env.now), 0)
            got = yield from broker.deliver(letter, detached=True)
            sent.append((got, round(env.now, 6)))

    env.process(sending())
    env.run()
    return sent, read


def test_a_full_buffer_is_waited_for_and_then_given_up() -> None:
    """One letter is being read, two lie in the buffer; the next waits 50 ms and is given up."""
    sent, read = delivered(2, 1.0, 4)
    assert sent == [(True, 0.0), (True, 0.0), (True, 0.0), (False, PATIENCE_SECONDS)]
    assert read == [1.0, 2.0, 3.0]


def test_space_that_comes_in_time_is_used() -> None:
    """The reader takes 30 ms for one letter, so that the publisher waits that long and delivers."""
    sent, read = delivered(1, 0.03, 3)
    assert sent == [(True, 0.0), (True, 0.0), (True, 0.03)]
    assert read == pytest.approx([0.03, 0.06, 0.09])


def test_each_full_buffer_costs_the_publisher_its_patience_but_no_more_than_five_seconds() -> None:
    """Three full buffers take 150 ms, a hundred and fifty take the five seconds of a detached publisher."""
    assert delivered(1, 9.0, 3, clients=3)[0][-1] == (False, 0.15)
    assert delivered(1, 9.0, 3, clients=150)[0][-1] == (False, 5.0)


def test_a_slow_reader_loses_as_queueing_theory_says() -> None:
    """Poisson letters for an exponential reader with a buffer of three: the M/M/1/4 queue loses a fifth at full load.

    The 99 % interval of ten replications of 1,000 letters covers that, the publisher's 50 ms of patience being nothing
    against the reader's ten seconds (Kleinrock, Queueing Systems I, 1975, 3.6).
    """
    lost: list[float] = []
    for seed in range(10):
        env = simpy.Environment()
        random = Random(f"reader {seed}")
        subscriber = Subscriber(env, 0, 3, lambda random=random: random.expovariate(0.1))  # type: ignore[misc]
        env.process(_letters(env, SimulatedBroker(env, [subscriber]), random))
        env.run()
        lost.append(subscriber.lost / 1000)
    found = mean_interval(lost, 0.99)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 1 / 5 <= found.high
    assert found.high - found.low < 0.1


def _letters(env: simpy.Environment, broker: SimulatedBroker, random: Random) -> Generator[simpy.Event, Any, None]:
    for _ in range(1000):
        yield env.timeout(random.expovariate(0.1))
        yield from broker.deliver(Letter(lambda: None, 0), detached=True)

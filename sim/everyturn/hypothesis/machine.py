"""A state machine that drives an agent: its rules are what clients do and who goes on; it is judged at each step."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from everyturn.engines.simpy.kernel import AccessEvent
from everyturn.engines.simpy.stepped import SteppedRun
from everyturn.front.asking import Agent, Granularity
from everyturn.hypothesis.refuted import AgentRefuted
from everyturn.hypothesis.strategies import scopes
from everyturn.hypothesis.workload import world_of
from everyturn.verdicts.checker import JudgeState
from everyturn.verdicts.selection import Wanted, selection
from everyturn.world.scope import Scope


class AgentMachine(RuleBasedStateMachine):
    """Drives ``agent`` in scopes that are drawn, against the invariants and the specification.

    Rules are what clients begin (``submit``, ``cancel`` …) and which thread goes on, with which outcome. What is
    violated is an :class:`AgentRefuted` with the token of the run, which :func:`everyturn.replay` makes again.
    ``among``: the scopes; ``wanted``: invariants, by default all and conformance. Subclasses name the agent, or
    :func:`agent_machine` makes one.
    """

    agent: ClassVar[Any] = "hardened"
    among: ClassVar[st.SearchStrategy[Scope]] = scopes()
    wanted: ClassVar[tuple[Wanted, ...]] = ()
    without: ClassVar[tuple[str, ...]] = ()
    granularity: ClassVar[Granularity] = "access"

    def __init__(self) -> None:
        super().__init__()
        self._run: SteppedRun | None = None
        self._judged = 0

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Draw the scope; nobody has done anything yet."""
        scope = data.draw(self.among.map(str), label="scope")
        world = world_of(scope, self.agent, self.granularity)
        chosen = selection(self.wanted, self.without)
        self._judge = chosen.judge(world.promises)
        self._state: JudgeState = self._judge.start()
        self._run = SteppedRun(world)

    @rule(which=st.integers(0, 3))
    def submit(self, which: int) -> None:
        """A prompt is submitted."""
        self._step(self._beginning("AaIi"), which, 0)

    @rule()
    def cancel(self) -> None:
        """A user presses Cancel."""
        self._step(self._beginning("c"), 0, 0)

    @rule()
    def clear(self) -> None:
        """A user empties the queue."""
        self._step(self._beginning("q"), 0, 0)

    @rule(which=st.integers(0, 3))
    def other(self, which: int) -> None:
        """A summary, a shutdown, or a thread of the agent's own begins."""
        self._step(self._beginning("sxno"), which, 0)

    @rule(which=st.integers(0, 5), outcome=st.integers(0, 3))
    def go_on(self, which: int, outcome: int) -> None:
        """A thread that has begun makes its next access to shared data."""
        self._step(self._under_way(), which, outcome)

    def teardown(self) -> None:
        """All others begin and go on, first in, first out, until nothing can move; then it is judged as a whole."""
        if self._run is not None:
            run, self._run = self._run, None
            self._judge_all(list(run.to_rest().seen()), run)

    def _step(self, among: list[AccessEvent], which: int, outcome: int) -> None:
        """One of these accesses, or else of all that can be made, or else the end. So each rule can be drawn at any
        time: Hypothesis leaves some rules out of a test, and gives it up where only those could be drawn."""
        among = among or (list(self._run.enabled) if self._run is not None else [])
        if among:
            self._go_on(among, which, outcome)
        else:
            self.teardown()

    def _go_on(self, among: list[AccessEvent], which: int, outcome: int) -> None:
        run = self._run
        assert run is not None
        access = among[which % len(among)]
        note(f"{access.node.name} {access.name}")
        run.go_on(access, outcome)
        self._judge_all(run.seen, run)

    def _judge_all(self, seen: list[tuple[Any, ...]], run: SteppedRun) -> None:
        """Judge what was not judged before."""
        for events in seen[self._judged :]:
            self._judged += 1
            self._state, found = self._judge.step(self._state, events)
            if found:
                self._run = None
                raise AgentRefuted(run.to_rest().token, found[0], self.agent, self._wanted(found[0].invariant))

    def _wanted(self, name: str) -> list[Wanted]:
        return [each for each in self.wanted if getattr(each, "name", None) == name] or [name]

    def _beginning(self, kinds: str) -> list[AccessEvent]:
        """The enabled accesses of threads of these kinds that have not begun."""
        run = self._run
        if run is None:
            return []
        threads = run.world.threads
        return [each for each in run.enabled if each.thread not in run.moved and threads[each.thread].kind in kinds]

    def _under_way(self) -> list[AccessEvent]:
        run = self._run
        return [] if run is None else [each for each in run.enabled if each.thread in run.moved]


def agent_machine(
    agent: Agent,
    among: st.SearchStrategy[Scope] | None = None,
    *,
    invariants: tuple[Wanted, ...] = (),
    without: tuple[str, ...] = (),
    granularity: Granularity = "access",
) -> type[AgentMachine]:
    """The machine that drives ``agent`` in scopes ``among`` these: its ``TestCase`` is a test."""
    words: dict[str, Any] = {
        "agent": agent,
        "wanted": tuple(invariants),
        "without": tuple(without),
        "granularity": granularity,
    }
    if among is not None:
        words["among"] = among
    name = agent if isinstance(agent, str) else getattr(agent, "__name__", "agent")
    return type(f"Machine of {name}", (AgentMachine,), words)

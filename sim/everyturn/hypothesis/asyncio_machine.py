"""A state machine that drives an asyncio agent: its rules are what clients do and what comes from outside."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import GO_ON, FirstOption
from everyturn.asyncio.runtime.errors import Abandoned
from everyturn.asyncio.runtime.findings import KINDS, chosen, kinds_of
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.scenarios import find, name_of
from everyturn.asyncio.runtime.tokens import token
from everyturn.hypothesis.refuted import AgentRefuted
from everyturn.hypothesis.strategies import scopes
from everyturn.sessions.by_name import Adapter, workload
from everyturn.verdicts.checker import Finding
from everyturn.world.scope import Scope

_SUBMITS: Final = re.compile(r"p\d+ is submitted")
_CALLS: Final = re.compile(r"\w+ \(\w+\) is called")


class _Open(NamedTuple):
    """What a run that was made up to here may do next; nothing at rest, where it was judged. ``outcome``: the run."""

    options: tuple[str, ...]
    outcome: ScenarioOutcome


class _UpTo(FirstOption):
    """Makes the choices of a list; at the next one the run is left, unless it is to go on to rest. Before it is left
    it may be told so often that nothing comes, where that can be."""

    def __init__(self, choices: Sequence[int], *, to_rest: bool, going_on: int = 0) -> None:
        self._choices = choices
        self._to_rest = to_rest
        self._going_on = going_on
        self._made = 0
        self.options: tuple[str, ...] = ()

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice."""
        if self._made < len(self._choices):
            self._made += 1
            return self._choices[self._made - 1]
        if self._to_rest:
            return 0
        if self._going_on and GO_ON in options:
            self._going_on -= 1
            return options.index(GO_ON)
        self.options = tuple(options)
        raise Abandoned


class DrivenProgram:
    """A program, of which every beginning is made once: what it is made of are its choices."""

    def __init__(self, scenario: Scenario, setting: Setting) -> None:
        self.scenario = scenario
        self.setting = setting
        self._known: dict[tuple[tuple[int, ...], bool], _Open] = {}

    def after(self, choices: tuple[int, ...], *, to_rest: bool = False) -> _Open:
        """What may come after these choices; ``to_rest``: the run that they begin, as nothing interferes after them."""
        if (choices, to_rest) not in self._known:
            self._known[choices, to_rest] = self._made(_UpTo(choices, to_rest=to_rest))
        return self._known[choices, to_rest]

    def going_on(self, choices: tuple[int, ...], often: int) -> tuple[int, ...]:
        """These choices, and those that nothing comes after them: as long as that can be, at most so often."""
        found = self._made(_UpTo(choices, to_rest=False, going_on=often))
        longer = tuple(each.taken for each in found.outcome.decisions)
        self._known[longer, False] = found
        return longer

    def _made(self, guide: _UpTo) -> _Open:
        with prepared(self.scenario, self.setting):
            outcome = run(self.scenario, guide, self.setting)
        return _Open(guide.options, outcome)


class AsyncioMachine(RuleBasedStateMachine):
    """Drives an asyncio agent: a ``session`` behind an adapter, in scopes that are drawn, judged by the invariants and
    the specification; or a ``scenario``, judged for the faults of any program.

    Rules are what clients begin (``submit``, ``call``), what else comes from outside, and that the loop goes on. A run
    is judged when it has come to rest; what is violated is an :class:`AgentRefuted` with the token of the run, which
    :func:`everyturn.replay` makes again, and `everyturn replay`. ``among``: the scopes; ``wanted``: invariants or kinds
    of faults, by default all. Subclasses name the agent, or :func:`session_machine` and :func:`scenario_machine` make
    one.
    """

    session: ClassVar[Adapter | None] = None
    scenario: ClassVar[Callable[..., Any] | str | None] = None
    among: ClassVar[st.SearchStrategy[Scope]] = scopes(prompts="A", extras="cq")
    wanted: ClassVar[tuple[str, ...]] = ()
    without: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[str] = "fifo"
    programs: ClassVar[dict[str, DrivenProgram]]

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        cls.programs = {}

    def __init__(self) -> None:
        super().__init__()
        self._program: DrivenProgram | None = None
        self._choices: tuple[int, ...] = ()

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Draw the scope, if it is a session's; nobody has done anything yet."""
        scope = "" if self.session is None else data.draw(self.among.map(str), label="scope")
        self._program = self._begun(scope)

    @precondition(lambda self: self._among(_SUBMITS))
    @rule(which=st.integers(0, 3))
    def submit(self, which: int) -> None:
        """A client submits a prompt."""
        self._take(self._among(_SUBMITS), which)

    @precondition(lambda self: self._among(_CALLS))
    @rule(which=st.integers(0, 3))
    def call(self, which: int) -> None:
        """A user cancels, empties the queue, or the like."""
        self._take(self._among(_CALLS), which)

    @precondition(lambda self: self._others())
    @rule(which=st.integers(0, 5))
    def other(self, which: int) -> None:
        """Something else comes from outside, or another one of what is ready."""
        self._take(self._others(), which)

    @precondition(lambda self: GO_ON in self._options())
    @rule()
    def go_on(self) -> None:
        """Nothing comes just now: the loop goes on."""
        self._take([self._options().index(GO_ON)], 0)

    @precondition(lambda self: not self._options())
    @rule()
    def rest(self) -> None:
        """Nothing can move any more: the run is judged, once."""
        self.teardown()

    def teardown(self) -> None:
        """Nothing interferes any more until the run is at rest; then it is judged."""
        program, self._program = self._program, None
        if program is None:
            return
        outcome = program.after(self._choices, to_rest=True).outcome
        kind = "scenario" if self.session is None else "session"
        self._judge(program.scenario, outcome, program.setting, kind, getattr(type(self), kind))

    def _judge(
        self, scenario: Scenario, outcome: ScenarioOutcome, setting: Setting, kind: str = "scenario", named: Any = None
    ) -> None:
        """Raise :class:`AgentRefuted` for the first thing that is wrong with a run, which is found again as ``named``,
        by default the scenario itself."""
        kinds = self._kinds(scenario)
        found = next((each for each in outcome.findings if each.kind in kinds), None)
        if found is not None and outcome.complete:
            text = token(name_of(scenario), outcome.decisions, setting)
            finding = Finding(found.kind, str(found))
            raise AgentRefuted(text, finding, scenario if named is None else named, [found.kind], kind)

    def _begun(self, scope: str) -> DrivenProgram:
        """What is driven: of each scope one for all examples."""
        if scope not in self.programs:
            self.programs[scope] = DrivenProgram(self._scenario_of(scope), Setting(order=self.order))
        return self.programs[scope]

    def _scenario_of(self, scope: str) -> Scenario:
        if self.session is not None:
            return workload(self.session, scope, self.wanted, self.without)
        assert self.scenario is not None
        return find(self.scenario)

    def _kinds(self, scenario: Scenario) -> Any:
        """What is judged: a workload knows what it was asked for."""
        known = kinds_of(scenario)
        return chosen(known, self.wanted, self.without) if known is KINDS else known

    def _options(self) -> tuple[str, ...]:
        return () if self._program is None else self._program.after(self._choices).options

    def _among(self, words: re.Pattern[str]) -> list[int]:
        return [place for place, each in enumerate(self._options()) if words.match(each)]

    def _of_clients(self) -> list[int]:
        """What rules of clients begin."""
        return [*self._among(_SUBMITS), *self._among(_CALLS)]

    def _others(self) -> list[int]:
        mine = self._of_clients()
        return [place for place, each in enumerate(self._options()) if place not in mine and each != GO_ON]

    def _take(self, places: list[int], which: int) -> None:
        place = places[which % len(places)]
        note(self._options()[place])
        self._choices = (*self._choices, place)


def session_machine(
    session: Adapter,
    among: st.SearchStrategy[Scope] | None = None,
    *,
    invariants: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    order: str = "fifo",
) -> type[AsyncioMachine]:
    """The machine that drives an asyncio agent behind an adapter in scopes ``among`` these: its ``TestCase`` is a
    test."""
    words: dict[str, Any] = {"session": session, "wanted": invariants, "without": without, "order": order}
    if among is not None:
        words["among"] = among
    return _machine(session, words)


def scenario_machine(
    scenario: Callable[..., Any] | str,
    *,
    invariants: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    order: str = "fifo",
) -> type[AsyncioMachine]:
    """The machine that drives an asyncio program: its ``TestCase`` is a test."""
    held = scenario if isinstance(scenario, str) else staticmethod(scenario)
    return _machine(scenario, {"scenario": held, "wanted": invariants, "without": without, "order": order})


def _machine(named: Any, words: dict[str, Any]) -> type[AsyncioMachine]:
    name = named if isinstance(named, str) else getattr(named, "__name__", "agent")
    return type(f"Machine of {name}", (AsyncioMachine,), words)

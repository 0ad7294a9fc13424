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
    """What a run that was made up to here may do next; nothing at rest, where there is the run's ``outcome``."""

    kind: str
    options: tuple[str, ...]
    outcome: ScenarioOutcome | None


class _UpTo(FirstOption):
    """Makes the choices of a list; at the next one the run is left, unless it is to go on to rest."""

    def __init__(self, choices: Sequence[int], *, to_rest: bool) -> None:
        self._choices = choices
        self._to_rest = to_rest
        self._made = 0
        self.open: tuple[str, tuple[str, ...]] | None = None

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice."""
        if self._made < len(self._choices):
            self._made += 1
            return self._choices[self._made - 1]
        if self._to_rest:
            return 0
        self.open = kind, tuple(options)
        raise Abandoned


class _Program:
    """A program, of which every beginning is made once: what it is made of are its choices."""

    def __init__(self, scenario: Scenario, setting: Setting) -> None:
        self.scenario = scenario
        self.setting = setting
        self._known: dict[tuple[tuple[int, ...], bool], _Open] = {}

    def after(self, choices: tuple[int, ...], *, to_rest: bool = False) -> _Open:
        """What may come after these choices; ``to_rest``: the run that they begin, as nothing interferes after them."""
        if (choices, to_rest) not in self._known:
            guide = _UpTo(choices, to_rest=to_rest)
            with prepared(self.scenario, self.setting):
                outcome = run(self.scenario, guide, self.setting)
            kind, options = guide.open or ("", ())
            self._known[choices, to_rest] = _Open(kind, options, outcome if guide.open is None else None)
        return self._known[choices, to_rest]


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
    programs: ClassVar[dict[str, _Program]]

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        cls.programs = {}

    def __init__(self) -> None:
        super().__init__()
        self._program: _Program | None = None
        self._choices: tuple[int, ...] = ()

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Draw the scope, if it is a session's; nobody has done anything yet."""
        scope = "" if self.session is None else data.draw(self.among.map(str), label="scope")
        if scope not in self.programs:
            self.programs[scope] = _Program(self._made(scope), Setting(order=self.order))
        self._program = self.programs[scope]

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
        assert outcome is not None
        kinds = self._kinds(program)
        found = next((each for each in outcome.findings if each.kind in kinds), None)
        if found is not None and outcome.complete:
            text = token(name_of(program.scenario), outcome.decisions, program.setting)
            kind = "scenario" if self.session is None else "session"
            finding = Finding(found.kind, str(found))
            raise AgentRefuted(text, finding, getattr(type(self), kind), [found.kind], kind)

    def _made(self, scope: str) -> Scenario:
        if self.session is not None:
            return workload(self.session, scope, self.wanted, self.without)
        assert self.scenario is not None
        return find(self.scenario)

    def _kinds(self, program: _Program) -> Any:
        """What is judged: a workload knows what it was asked for."""
        known = kinds_of(program.scenario)
        return chosen(known, self.wanted, self.without) if known is KINDS else known

    def _options(self) -> tuple[str, ...]:
        return () if self._program is None else self._program.after(self._choices).options

    def _among(self, words: re.Pattern[str]) -> list[int]:
        return [place for place, each in enumerate(self._options()) if words.match(each)]

    def _others(self) -> list[int]:
        mine = {*self._among(_SUBMITS), *self._among(_CALLS)}
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

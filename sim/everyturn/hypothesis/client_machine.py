"""A state machine with asynchronous rules of one's own: each call of one is a client, who comes at that point."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial, wraps
from typing import Any, ClassVar, Final

from hypothesis.stateful import (
    INITIALIZE_RULE_MARKER,
    INVARIANT_MARKER,
    RULE_MARKER,
    precondition,
    rule,
)

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import GO_ON, FirstOption
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.errors import UsageError
from everyturn.hypothesis.asyncio_machine import AsyncioMachine, DrivenProgram

AsyncRule = Callable[..., Coroutine[Any, Any, Any]]
RuleCall = tuple[str, Mapping[str, Any]]
"""A rule by its name, and the words that it is called with."""

_MANY: Final = 20
_RESTS: Final = "rests"
"""The option that nothing comes any more, where nothing has to."""


class ClientProgram:
    """The scenario of clients of whom each calls an asynchronous rule of a ``machine`` whenever he likes; those beyond
    ``calls``, if there are more ``clients``, do nothing."""

    def __init__(self, machine: type[ClientMachine], calls: Sequence[RuleCall], clients: int = 0) -> None:
        self.machine = machine
        self.calls = calls
        self.clients = clients

    @property
    def name(self) -> str:
        """The name by which it is found again, if the words of all calls are literals."""
        calls = repr([(name, dict(words)) for name, words in self.calls]).replace("@", "\\x40")
        return f"{self.machine.__module__}:{self.machine.__qualname__}.calling({calls})"

    async def __call__(self, world: Any) -> None:
        """One run: make the agent, let clients come, and wait until nobody waits any more."""
        users = object.__new__(self.machine)  # what rules keep on it is of this run alone
        users.agent = await users.made(world)
        begun: list[asyncio.Task[None]] = []
        coming = [world.io(client(number)) for number in range(self.clients or len(self.calls))]
        for (name, words), each in zip(self.calls, coming, strict=False):
            each.add_done_callback(partial(self._begins, users, name, words, begun))
        await asyncio.gather(*coming)
        await asyncio.gather(*begun)

    def _begins(self, users: Any, name: str, words: Mapping[str, Any], begun: list[Any], _: Any) -> None:
        asked = self.machine.asynchronous[name](users, **deepcopy(dict(words)))
        shown = ", ".join(f"{word}={value!r:.40}" for word, value in words.items())
        begun.append(asyncio.get_running_loop().create_task(asked, name=f"{name}({shown}) [{len(begun) + 1}]"))


def client(number: int) -> str:
    """What a client's coming is called, from 0."""
    return f"client {number + 1}"


class _AsDriven(FirstOption):
    """Makes the choices of a run that was driven while others might have come: options, and the one that was taken."""

    def __init__(self, made: Sequence[tuple[frozenset[str], str]]) -> None:
        self._made = made
        self._at = 0

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The next choice among these; those that are none any more are passed over."""
        among = {*options} - {_RESTS}
        for at in range(self._at, len(self._made)):
            if self._made[at][0] == among:
                self._at = at + 1
                return options.index(self._made[at][1])
        return 0


class ClientMachine(AsyncioMachine):
    """Drives an asyncio agent by rules of one's own that are ``async def``: each call of one begins a task at that
    point, as a client would, and other rules, what comes from outside and that the loop goes on, come between.

    A subclass has :meth:`made`, which makes the agent, and rules, which find it as ``self.agent``. ``clients``: how
    many calls a run has at most. The run is made again from its beginning at each step, each time with a ``self`` of
    its own: what an asynchronous rule keeps there, plain rules do not see. It is judged at rest, for the faults of any
    program, which an assertion that fails in a rule is.
    """

    clients: ClassVar[int] = 5
    asynchronous: ClassVar[Mapping[str, AsyncRule]] = {}
    agent: Any

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        found = {name: each for name, each in vars(cls).items() if _asynchronous(cls, name, each)}
        cls.asynchronous = {**cls.asynchronous, **{name: _function(each) for name, each in found.items()}}
        for name, each in found.items():
            setattr(cls, name, _plain(name, each))

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[RuleCall] = []

    async def made(self, world: Any) -> Any:
        """The agent of a run in this ``world``, at its beginning."""
        raise NotImplementedError

    @classmethod
    def calling(cls, calls: Sequence[RuleCall]) -> ClientProgram:
        """The program in which clients call these rules with these words: that of a failure, to be made again.

        Raises :class:`~everyturn.UsageError` for what is no asynchronous rule.
        """
        for name, _ in calls:
            if name not in cls.asynchronous:
                raise UsageError(
                    f"{cls.__qualname__}: expected asynchronous rules, of {', '.join(cls.asynchronous) or 'none'}; "
                    f"found {name!r}"
                )
        return ClientProgram(cls, calls)

    @precondition(lambda self: GO_ON in self._options())
    @rule()
    def settle(self) -> None:
        """Nothing comes until the loop has nothing left to run, or has gone on many times."""
        assert self._program is not None
        self._choices = self._program.going_on(self._choices, _MANY)

    @precondition(lambda self: GO_ON not in self._options() and not self._others())
    @rule()
    def rest(self) -> None:
        """Nothing can move any more, until another client comes."""

    def teardown(self) -> None:
        """Nobody comes any more, and nothing interferes until the run is at rest; then it is judged."""
        program, self._program = self._program, None
        if program is None:
            return
        alone = self.calling(self._calls)
        with prepared(alone, program.setting):
            outcome = run(alone, _AsDriven(self._made_among(program)), program.setting)
        self._judge(alone, outcome, program.setting)

    def _begun(self, scope: str) -> DrivenProgram:
        if not inspect.iscoroutinefunction(self.made) or type(self).made is ClientMachine.made:
            raise UsageError(
                f"{type(self).__qualname__}: expected `async def made(self, world)`, which returns the agent"
            )
        scenario: Scenario = ClientProgram(type(self), self._calls, self.clients)
        return DrivenProgram(scenario, Setting(order=self.order))

    def _of_clients(self) -> list[int]:
        return self._among_words({f"{client(number)} arrives" for number in range(self.clients)})

    def _next_client(self) -> list[int]:
        return self._among_words({f"{client(len(self._calls))} arrives"})

    def _among_words(self, words: set[str]) -> list[int]:
        return [place for place, each in enumerate(self._options()) if each in words]

    def _comes(self, name: str, words: Mapping[str, Any]) -> None:
        places = self._next_client()
        self._calls.append((name, words))
        self._take(places, 0)

    def _made_among(self, program: DrivenProgram) -> list[tuple[frozenset[str], str]]:
        """The choices that were made, without the clients who never came."""
        never = {f"{client(number)} arrives" for number in range(len(self._calls), self.clients)}
        decisions = program.after(self._choices).outcome.decisions
        return [(frozenset(each.options) - never, each.word) for each in decisions]


def _asynchronous(cls: type, name: str, each: object) -> bool:
    """Whether something is an asynchronous rule. Raises :class:`UsageError` for what cannot be asynchronous."""
    for marker, what in ((INITIALIZE_RULE_MARKER, "initialize"), (INVARIANT_MARKER, "invariant")):
        marked = getattr(each, marker, None)
        if marked is not None and inspect.iscoroutinefunction(inspect.unwrap(marked.function)):
            raise UsageError(
                f"{cls.__qualname__}.{name}: expected a plain function under @{what}; found an asynchronous one "
                "(what is made before all rules, `made` makes; what must hold, rules assert)"
            )
    known = getattr(each, RULE_MARKER, None)
    if known is None or not inspect.iscoroutinefunction(inspect.unwrap(known.function)):
        return False
    if known.targets:
        raise UsageError(
            f"{cls.__qualname__}.{name}: expected an asynchronous rule without target; found one (what it returns is "
            "known when the run is over, and nothing can be drawn from it before)"
        )
    return True


def _function(each: Any) -> AsyncRule:
    found: AsyncRule = getattr(each, RULE_MARKER).function
    return found


def _plain(name: str, each: Any) -> Callable[..., None]:
    """The rule that lets a client come who calls an asynchronous one."""
    known = getattr(each, RULE_MARKER)

    @wraps(known.function)
    def comes(self: ClientMachine, **words: Any) -> None:
        self._comes(name, words)

    conditions = (*known.preconditions, lambda self: bool(self._next_client()))
    setattr(comes, RULE_MARKER, replace(known, function=comes, preconditions=conditions))
    return comes

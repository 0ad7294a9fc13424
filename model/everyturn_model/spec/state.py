"""The state of the specification: what a session's observer must remember to say what may happen next.

A state is a small immutable value: the prompts (:mod:`everyturn_model.spec.prompts`), what is active, what is under
way.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import NamedTuple

from everyturn_model.events import Outcome
from everyturn_model.lifecycle import Phase
from everyturn_model.own_changes import OwnChanges
from everyturn_model.spec.prompts import Prompt, Reach, Retry, Written


class Stage(IntEnum):
    """Where the active turn stands."""

    PREPARING = 0
    STREAMING = 1
    OVER = 2


class OperationKind(StrEnum):
    """The three operations."""

    CANCEL = "cancel"
    CLEAR = "clear"
    SUMMARISE = "summarise"


class Turn(NamedTuple):
    """The active turn.

    ``late``: its stream began when its prompt was doomed; ``failing``: the outcome that its failed preparation leads
    to; ``full``: it stopped after a tool round to be summarised; ``reached``: its
    context was cancelled; ``found``: the Cancels under way that found it active, until then.
    """

    name: str
    prompt: str
    thread: str
    stage: Stage = Stage.PREPARING
    late: bool = False
    failing: Outcome | None = None
    full: bool = False
    reached: bool = False
    found: frozenset[str] = frozenset()


class Summary(NamedTuple):
    """The active summary. ``turn``: the turn that it belongs to; ``exposed``: a Cancel may have reached it.

    ``entered``: it has an entry of its own, whose release ends it; made under its turn's, it ends with its stream.
    ``streaming``: its stream runs; ``reached`` and ``found`` as of a turn.
    """

    name: str
    turn: str | None = None
    exposed: bool = False
    entered: bool = True
    streaming: bool = False
    reached: bool = False
    found: frozenset[str] = frozenset()


class OpenOperation(NamedTuple):
    """An operation between its call and its return.

    ``found``: the prompts that a Cancel found unfinished, or that a clear found in the queue and that stayed there;
    ``done``: it has taken effect; ``own``: what a Cancel that found the session idle has changed itself, none if it was
    not idle.
    """

    kind: OperationKind
    name: str
    found: frozenset[str] = frozenset()
    done: bool = False
    own: OwnChanges | None = None


class State(NamedTuple):
    """The session. ``prompts`` and ``operations`` are ordered by name; ``closing``: shutdown has begun."""

    prompts: tuple[Prompt, ...] = ()
    turn: Turn | None = None
    summary: Summary | None = None
    operations: tuple[OpenOperation, ...] = ()
    closing: bool = False

    # questions ---------------------------------------------------------------------------------------------------

    def prompt(self, name: str) -> Prompt:
        """The prompt called ``name``; a new one if it was not heard of before."""
        for prompt in self.prompts:
            if prompt.name == name:
                return prompt
        return Prompt(name)

    def of_turn(self, turn: str | None) -> Prompt | None:
        """The prompt whose latest turn is ``turn``."""
        for prompt in self.prompts:
            if turn is not None and prompt.turn == turn:
                return prompt
        return None

    def operation(self, kind: OperationKind, name: str) -> OpenOperation | None:
        """The open operation of that kind and name."""
        for operation in self.operations:
            if operation.kind is kind and operation.name == name:
                return operation
        return None

    def open(self, kind: OperationKind) -> bool:
        """Whether an operation of that kind is under way."""
        return any(operation.kind is kind for operation in self.operations)

    def runs(self, turn: str, stage: Stage) -> bool:
        """Whether ``turn`` is the active turn and stands in that stage."""
        return self.turn is not None and self.turn.name == turn and self.turn.stage is stage

    def folds(self) -> tuple[Prompt, ...]:
        """The prompts that were folded into the active turn."""
        return tuple(prompt for prompt in self.prompts if prompt.phase is Phase.FOLDED and prompt.outcome is None)

    @property
    def messages_written(self) -> bool:
        """Whether the user messages of the active turn's prompt and of its folds are stored or have failed."""
        if self.turn is None:
            return True
        return all(each.written or each.excused for each in (self.prompt(self.turn.prompt), *self.folds()))

    def ending(self, prompt: Prompt) -> Outcome | None:
        """How the prompt ended; a turn whose preparation failed may end any moment."""
        turn = self.turn
        if prompt.outcome is None and turn is not None and turn.prompt == prompt.name and turn.stage is Stage.PREPARING:
            return turn.failing
        return prompt.outcome

    def endings(self, prompt: Prompt) -> frozenset[Outcome | None]:
        """Every outcome that a notice may truly tell of the prompt; none of them before it has ended."""
        return frozenset((self.ending(prompt),)) - {None}

    def exposed(self, turn: str) -> bool:
        """Whether a Cancel or a shutdown may have reached the prompt whose latest turn this is."""
        prompt = self.of_turn(turn)
        return prompt is not None and prompt.cancel is not Reach.FREE

    def holds_nothing(self, thread: str, own: str | None) -> bool:
        """Whether no hook of ``thread`` keeps the completion of another prompt than ``own``."""
        return not any(each.held == thread and each.name != own for each in self.prompts)

    @property
    def cancelling(self) -> bool:
        """Whether a Cancel or a shutdown may reach whoever comes now."""
        return self.closing or self.open(OperationKind.CANCEL)

    @property
    def idle(self) -> bool:
        """Whether every prompt has ended, its thread included, and no summary is under way."""
        if self.turn is not None or self.summary is not None or self.closing or self.open(OperationKind.SUMMARISE):
            return False
        return all(not prompt.unfinished and prompt.returned for prompt in self.prompts)

    # changes -----------------------------------------------------------------------------------------------------

    def put(self, changed: Prompt) -> State:
        """The state with this prompt in place of the one of the same name."""
        name = changed.name
        prompts = [prompt for prompt in self.prompts if prompt.name != name]
        if changed.turn is not None or changed.outcome is not None:
            prompts = [_without(name, prompt) for prompt in prompts]
        insort(prompts, changed.tidy(), key=_NAME)
        return State(tuple(prompts), *self[1:])

    def each(self, change: Callable[[Prompt], Prompt]) -> State:
        """The state with ``change`` made to every prompt; what it returns as it was is tidy already."""
        changed = [(prompt, change(prompt)) for prompt in self.prompts]
        return self._replace(prompts=tuple(new if new is old else new.tidy() for old, new in changed))

    def with_operation(self, operation: OpenOperation) -> State:
        """The state with this operation in place of the one of the same kind and name."""
        rest = self.without_operation(operation.kind, operation.name).operations
        return self._replace(
            operations=tuple(sorted((*rest, operation), key=lambda each: (each.kind.value, each.name)))
        )

    def without_operation(self, kind: OperationKind, name: str) -> State:
        """The state without this operation."""
        rest = tuple(each for each in self.operations if (each.kind, each.name) != (kind, name))
        return self._replace(operations=rest)

    def passed_by(self, thread: str, own: str | None) -> State:
        """The state after ``thread`` began a turn or a summary of ``own``: it must not tell later whom it owes now."""
        return self.each(
            lambda each: (
                each._replace(passed=thread) if each.owed and each.thread == thread and each.name != own else each
            )
        )

    def disturbed(self) -> State:
        """The state in which no Cancel counts any more as one that found the session idle."""
        if all(each.own is None for each in self.operations):
            return self
        return self._replace(operations=tuple(each._replace(own=None) for each in self.operations))

    def prepares(self, turn: str) -> bool:
        """Whether ``turn`` is active and prepares a step; one that may be retried may do so without being released."""
        if self.turn is None or self.turn.name != turn:
            return False
        retries = self.turn.stage is Stage.OVER and self.prompt(self.turn.prompt).retry is Retry.OFFERED
        return retries or self.turn.stage is Stage.PREPARING

    def preparing(self) -> State:
        """The state in which the active turn prepares a step, for a retry within the turn."""
        assert self.turn is not None
        prompt = self.prompt(self.turn.prompt)
        if prompt.outcome is None:
            return self
        state = self.put(prompt._replace(outcome=None, retry=Retry.SPENT, full=False))
        return state._replace(turn=self.turn._replace(stage=Stage.PREPARING))

    def finish(self, outcome: Outcome) -> State:
        """The state after the active turn has ended like this; it is still active."""
        assert self.turn is not None
        prompt = self.prompt(self.turn.prompt)
        state = self.put(prompt._replace(outcome=outcome, excused=_excused(prompt, outcome)))
        return state._replace(turn=self.turn._replace(stage=Stage.OVER, reached=False, found=frozenset()))

    def finish_folds(self, outcome: Outcome) -> State:
        """The state after what was folded into the active turn has ended with it."""
        state = self
        for prompt in self.folds():
            state = state.put(prompt._replace(outcome=outcome, excused=_excused(prompt, outcome)))
        return state

    def settled(self, prompt: Prompt) -> State:
        """The state in which a turn whose preparation failed has ended, if it is this prompt's."""
        outcome = self.ending(prompt)
        return self if outcome is None or prompt.outcome is not None else self.finish(outcome)


_NAME = attrgetter("name")


def _excused(prompt: Prompt, outcome: Outcome) -> bool:
    """Whether a prompt that ended like this may lack its user message."""
    return prompt.excused or (outcome is Outcome.CANCELLED and prompt.written is Written.NO)


def _without(name: str, prompt: Prompt) -> Prompt:
    return prompt._replace(ahead=prompt.ahead - {name}) if name in prompt.ahead else prompt

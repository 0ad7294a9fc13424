"""A recorded world: what a revision writes, and what an onlooker would have written of it, that revision accepts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.nightly import thinned

from everyturn.engines.simpy.kernel import simulate
from everyturn.logs.identify import match_transcript
from everyturn.logs.matching import MatchAnswer
from everyturn.logs.recorder import RecordedWorld, lines_of
from everyturn.logs.transcript import SUMMARY, Transcript, TranscriptLine, WrittenLine, line
from everyturn.runs.run import Run
from everyturn.strategies.random_walk import RandomWalk
from everyturn.world.observer import Step
from everyturn.world.results import fault_of
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import StepEnd
from everyturn_impl.revisions import LATER, REVISIONS


def recorded(world: RecordedWorld, run: int) -> Transcript:
    """A random run of a recorded world, as its recorder tells it."""
    made = simulate(world, RandomWalk(seed=1), run)
    assert made.rest is not None
    return Transcript(world.scope, lines_of(made), made.rest.shared, returned=not made.rest.blocked)


def answer(transcript: Transcript, revision: str) -> MatchAnswer:
    """Whether a revision could have written a transcript."""
    return match_transcript(transcript, revision).answer


@thinned(6)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER[:-1]])
@pytest.mark.parametrize("scope", ["AIa+1c+1e+d", "Aai+1s+1t", "AA+1q+1c", "A+1f"])
def test_a_revision_accepts_what_its_recorder_wrote(revision: str, scope: str) -> None:
    """Whatever a recorded revision writes in a run through SimPy, it could have written."""
    world = RecordedWorld(Scope.parse(scope), revision)
    for run in range(8):
        assert answer(recorded(world, run), revision) is MatchAnswer.ACCEPTED, run


@thinned(6)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER[:-1]])
@pytest.mark.parametrize("scope", ["AIa+1c+1e+d", "Aai+1s+1t", "AA+1q+1c"])
def test_a_revision_accepts_what_an_onlooker_saw(revision: str, scope: str) -> None:
    """The lines that tell of the operations of an unrecorded run, right where they were made, could have been written
    too."""
    world = World(Scope.parse(scope), revision)
    for number in range(8):
        run = simulate(world, RandomWalk(seed=2), number)
        assert run.rest is not None
        told = _Onlooker(world)
        lines = [each for step in run.steps for made in step.operations for each in told.see(made)]
        transcript = Transcript(world.scope, (*lines, *told.ends()), run.rest.shared)
        assert answer(transcript, revision) is MatchAnswer.ACCEPTED, number


class _Onlooker:
    """Lines derived from operations, with nothing between a line and its operation."""

    def __init__(self, world: World) -> None:
        self.kinds = {thread.name: thread.kind for thread in world.threads}
        self.direct = bool(world.scope.direct)
        self.calls = {"c": "cancel", "q": "clear", "s": "summarize"}
        self.begun: set[str] = set()
        self.returned: set[str] = set()

    def see(self, step: Step) -> Iterator[WrittenLine]:
        for told in (*self._begins(step), *self._tells(step)):
            yield WrittenLine(step.thread, told)

    def ends(self) -> Iterator[WrittenLine]:
        """The returns, at the very end: later than they were, which every order of the steps allows."""
        for thread, kind in self.kinds.items():
            if thread not in self.returned:
                told = line(f"{self.calls[kind]}_return") if kind in self.calls else line("run_return", prompt=thread)
                yield WrittenLine(thread, told)

    def _begins(self, step: Step) -> Iterator[TranscriptLine]:
        thread, kind = step.thread, self.kinds[step.thread]
        if thread in self.begun or str(step.operation) in ("model.ready", "closing.get"):
            return
        self.begun.add(thread)
        if kind in self.calls:
            yield line(f"{self.calls[kind]}_call")
            return
        if kind in "Aa":
            yield line("accept_call", prompt=thread)
            given = {} if step.result is None else {"accept_seq": step.result.sequence}
            yield line("accept_return", prompt=thread, **given)
        yield line("run_call", prompt=thread)

    def _tells(self, step: Step) -> Iterator[TranscriptLine]:
        arguments = step.operation.arguments
        match str(step.operation):
            case "store.write_user":
                _, prompt, by, _ = arguments
                yield line(
                    "store_failed" if fault_of(step.result) is not None else "user_message", prompt=prompt, by=by
                )
            case "model.start":
                yield line("stream_start", turn=arguments[1] or SUMMARY, step=arguments[2])
            case "model.end":
                stream = arguments[0]
                yield line("stream_end", turn=stream.prompt or SUMMARY, step=stream.number, how=step.result.how.value)
            case "hooks.keep":
                yield self._completion(arguments[1], via="hook")
            case "hooks.take":
                self.returned.add(step.thread)
                yield line("run_return", prompt=step.thread)
            case "broker.publish" if arguments[1] is not None and arguments[1].hop == 0 and not self.direct:
                yield line("delivery", cancelled=arguments[0].cancelled)
            case "broker.publish":
                yield self._completion(arguments[0], via="broker")
            case "broker.notify_error":
                if step.thread not in self.returned:
                    self.returned.add(step.thread)
                    yield line("run_return", prompt=step.thread)
                yield line("agent_error", prompt=arguments[0], named=arguments[2])

    @staticmethod
    def _completion(completion: object, via: str) -> TranscriptLine:
        return line("completion", via=via, cancelled=getattr(completion, "cancelled"))  # noqa: B009


@thinned(6)
@pytest.mark.parametrize("revision", [name for name in REVISIONS if name not in LATER[:-1]])
@pytest.mark.parametrize("scope", ["AI+1c+1t", "Aa+1s+1e+d", "i+1s+1c+1e"])
def test_a_revision_accepts_the_messages_that_it_stored(revision: str, scope: str) -> None:
    """The store as a run leaves it fits the run; with a message too many or too few it does not."""
    world = RecordedWorld(Scope.parse(scope), revision)
    for number in range(6):
        run = simulate(world, RandomWalk(seed=3), number)
        assert run.rest is not None
        stored = stored_by(run)
        whole = Transcript(world.scope, lines_of(run), run.rest.shared, stored=stored)
        assert answer(whole, revision) is MatchAnswer.ACCEPTED, (number, stored)
    assert answer(whole._replace(stored=stored[:-1]), revision) is MatchAnswer.REFUSED
    assert answer(whole._replace(stored=(*stored, "u:p1")), revision) is MatchAnswer.REFUSED


def stored_by(run: Run) -> tuple[str, ...]:
    """The messages that a run left in the store, as recordings list them."""
    messages: dict[str, str | None] = {}
    how: dict[str, str] = {}
    for effect in run.log.effects:
        operation = effect.node.operation
        assert operation is not None
        arguments, name = operation.arguments, effect.node.name
        match operation.method:
            case "write_user" if fault_of(effect.result) is None:
                messages[f"user {len(messages)}"] = f"u:{arguments[1]}"
            case "create_assistant" if fault_of(effect.result) is None:
                messages[effect.result] = "a::"
            case "record_cancelled":
                messages[f"cancelled {arguments[0]}"] = "a::canceled"
            case "create_summary" if fault_of(effect.result) is None:
                messages[f"summary {name}"] = "a::"
            case "end":
                how[name] = effect.result.how
                if arguments[0].prompt is None:
                    messages[f"summary {name}"] = SUMMARIES[effect.result.how]
            case "finish_step":
                turn, message = arguments
                finished = how[name] == StepEnd.FINISHED
                messages[message] = f"a:answer:{turn.prompt}:end_turn" if finished else "a::tool_use"
            case "finish_turn":
                messages[arguments[1]] = "a::error" if how[name] == StepEnd.ERROR else "a::canceled"
    return tuple(each for each in messages.values() if each is not None)


SUMMARIES = {StepEnd.FINISHED: "a:summary:end_turn", StepEnd.ERROR: "a::error", StepEnd.CANCELLED: None}


@pytest.mark.parametrize("revision", ["d3-locked-drain", "d4-independent"])
def test_a_log_that_stops_is_accepted(revision: str) -> None:
    """Every beginning of a log that a revision could have written, it could have written."""
    whole = recorded(RecordedWorld(Scope.parse("Aa+1c+d"), revision), 3)
    for written in range(len(whole.lines)):
        cut = whole._replace(lines=whole.lines[:written], rest=None)
        assert answer(cut, revision) is MatchAnswer.ACCEPTED, written

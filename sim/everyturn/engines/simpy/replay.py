"""Replay: a recorded run, made again by the present code, compared with what was recorded, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from everyturn.engines.simpy.kernel import simulate_or_cut
from everyturn.errors import UsageError
from everyturn.files.writing import written
from everyturn.runs import trace
from everyturn.runs.run import Run
from everyturn.runs.tokens.named_steps import Named, names_in, names_of
from everyturn.runs.tokens.token import PREFIX, Token, decode, fingerprint, is_token
from everyturn.runs.tokens.token_by_place import TokenByPlace
from everyturn.strategies.replay import Follow, Replay
from everyturn.verdicts.checker import CONFORMS, Finding, Judge
from everyturn.verdicts.selection import Wanted, judge_by
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, of_cell
from everyturn.world.agents import named_in
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was made again. ``strayed`` says where it left the recorded path, if it did."""

    run: Run
    world: World
    findings: list[tuple[int, Finding]]
    cell: Cell
    strayed: str | None
    header: trace.TraceHeader | None = None

    def write(self, path: Path) -> None:
        """Write the run as a trace file, with the header of the trace that it was read from, if any.

        Raises :class:`UsageError` if the file cannot be written.
        """
        header = self.header
        contents = trace.write(
            self.run,
            engine="simpy",
            strategy="replay" if header is None else header.strategy,
            seed=None if header is None else header.seed,
            number=0 if header is None else header.run,
            violates=() if header is None else header.violates,
        )
        written(path, [contents])


def replay(source: str, invariants: Sequence[Wanted] = (), agent: str | type[Dispatcher] | None = None) -> Replayed:
    """Make the run of a token or a trace file again. ``agent``: what runs in place of the revision that it names.

    Code of the user's own is imported only if ``agent`` names it. Raises :class:`UsageError` for a source that is
    neither.
    """
    if is_token(source):
        token = decode(source)
        if isinstance(token, TokenByPlace):
            return _replay_places(token, invariants, agent or named_in("token", token.schedule.revision))
        chosen = agent or named_in("token", token.revision)
        return _replay_names(token, names_in(token.steps), invariants, chosen, token.fingerprint)
    found = _no_file(source)
    if found is not None:
        raise UsageError(f"{source!r}: expected a token ({PREFIX}…) or a trace file; found {found}")
    read = trace.read(Path(source))
    return replay_trace(read, invariants, agent or named_in(source, read.header.revision))


def _no_file(source: str) -> str | None:
    """What ``source`` is if it is no file; none if it is one."""
    if not source:
        return "nothing"
    try:
        if Path(source).is_dir():
            return "a directory"
        return None if Path(source).exists() else "neither"
    except (OSError, ValueError):  # no name that a file can have
        return "neither"


def replay_trace(
    read: trace.Trace, invariants: Sequence[Wanted] = (), agent: str | type[Dispatcher] | None = None
) -> Replayed:
    """Make the run of a trace again, by the names of its steps; after a change of code, as far as they can be made.

    ``agent``: what runs in place of the revision that the trace names.
    """
    names = names_of({"thread": line.thread, **line.data} for line in read.lines if line.kind == "step")
    done = fingerprint(f"{step.thread} {name} {label}" for step in names for name, label in step.operations)
    chosen = agent or named_in("trace", read.header.revision)
    replayed = _replay_names(read.header, names, invariants, chosen, done)
    return replace(replayed, header=read.header)


def _replay_names(
    source: Token | trace.TraceHeader,
    names: Sequence[Named],
    invariants: Sequence[Wanted],
    agent: str | type[Dispatcher],
    done: int,
) -> Replayed:
    world = World(Scope.parse(source.scope), agent, source.granularity)
    strategy = Follow(names, [thread.name for thread in world.threads])
    run = simulate_or_cut(world, strategy, len(names))
    guide = strategy.guide
    strayed = None
    if guide.stray is not None:
        strayed = (
            f"the replay leaves the recorded path at {guide.stray}; of {len(names)} recorded steps {guide.gone} could "
            f"not be made, and {guide.new} others were"
        )
    elif fingerprint(run.done()) != done:
        strayed = "the replay makes the recorded steps, but what they do has changed since"
    return _judged(world, run, invariants, strayed)


def _replay_places(token: TokenByPlace, invariants: Sequence[Wanted], agent: str | type[Dispatcher]) -> Replayed:
    schedule = token.schedule
    world = World(Scope.parse(schedule.scope), agent, schedule.granularity)
    strategy = Replay(schedule.deviations)
    run = simulate_or_cut(world, strategy, token.steps)
    strayed = None
    if strategy.strayed is not None or not token.fits([f"{each.thread} {each.operation}" for each in run.log.saved()]):
        strayed = (
            "the replay leaves the recorded path, an old token does not know where: it names decisions by their place, "
            "which every change of the code moves"
        )
    return _judged(world, run, invariants, strayed)


def _judged(world: World, run: Run, invariants: Sequence[Wanted], strayed: str | None) -> Replayed:
    judge = judge_by(invariants)
    findings = judge.run(run.seen())
    cell = _cell(world, judge, run, findings)
    cell.strayed = strayed
    return Replayed(run, world, findings, cell, strayed)


def _cell(world: World, judge: Judge, run: Run, findings: list[tuple[int, Finding]]) -> Cell:
    said = {invariant.name: InvariantResult(Verdict.HOLDS) for invariant in judge.invariants}
    conforms = InvariantResult(Verdict.HOLDS) if judge.conformance else None
    for step, finding in findings:
        judged = InvariantResult(Verdict.REFUTED, finding.sentence, step, run.token)
        if finding.invariant == CONFORMS:
            judged.guard = finding.sentence
            conforms = judged
        else:
            said[finding.invariant] = judged
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=of_cell(said, conforms),
        invariants=said,
        conforms=conforms,
        schedules=1,
    )

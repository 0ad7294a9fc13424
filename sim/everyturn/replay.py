"""Replay: a recorded run, made again by the present code, compared with what was recorded, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from everyturn import trace
from everyturn.checker import CONFORMS, Finding, Judge, select
from everyturn.engines.kernel import simulate, simulate_or_cut
from everyturn.engines.paths import ByName, names_of, walk
from everyturn.engines.transitions import Transitions
from everyturn.errors import UsageError
from everyturn.run import Run
from everyturn.schedule import deviations
from everyturn.scope import Scope
from everyturn.strategies.replay import Replay
from everyturn.token import PREFIX, Token, decode, fingerprint
from everyturn.verdict import Cell, Judged, Verdict, worst
from everyturn.world import World
from everyturn_impl.server import Server


@dataclass(frozen=True, slots=True)
class Replayed:
    """A run that was made again. ``strayed`` says where it left the recorded path, if it did."""

    run: Run
    world: World
    findings: list[tuple[int, Finding]]
    cell: Cell
    strayed: str | None
    header: trace.Header | None = None

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
        try:
            path.write_bytes(contents)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error


def replay(source: str, invariants: Sequence[str] = ()) -> Replayed:
    """Make the run of a token or a trace file again. Raises :class:`UsageError` for a source that is neither."""
    if source.startswith(PREFIX):
        return _replay_token(decode(source), invariants)
    path = Path(source)
    if not path.exists():
        raise UsageError(f"replay {source!r}: expected a token ({PREFIX}…) or a trace file, found neither")
    return replay_trace(trace.read(path), invariants)


def replay_trace(read: trace.Trace, invariants: Sequence[str] = (), agent: type[Server] | None = None) -> Replayed:
    """Make the run of a trace again, by the names of its steps; after a change of code, as far as they can be made.

    ``agent``: a class to run in place of the revision that the trace names.
    """
    header = read.header
    world = World(Scope.parse(header.scope), agent or header.revision, header.granularity)
    names = names_of({"thread": line.thread, **line.data} for line in read.lines if line.kind == "step")
    guide = ByName(names)
    path = walk(Transitions(world, Judge((), conformance=False)), guide)
    guide.finish(len(path.steps))
    run = simulate(world, Replay(deviations(path.decisions)))
    strayed = None if guide.stray is None else f"the replay leaves the recorded path at {guide.stray}"
    return _judged(world, run, invariants, strayed, header)


def _replay_token(token: Token, invariants: Sequence[str]) -> Replayed:
    schedule = token.schedule
    world = World(Scope.parse(schedule.scope), schedule.revision, schedule.granularity)
    strategy = Replay(schedule.deviations)
    run = simulate_or_cut(world, strategy, token.steps)
    made = [f"{step.operations[0].thread} {step.operations[0].operation}" for step in run.steps]
    strayed = None
    if strategy.strayed is not None or (token.steps, token.fingerprint) != (len(made), fingerprint(made)):
        strayed = "the token's run is not what the present code does: the code has changed since"
    return _judged(world, run, invariants, strayed, None)


def _judged(
    world: World, run: Run, invariants: Sequence[str], strayed: str | None, header: trace.Header | None
) -> Replayed:
    judge = Judge(select(invariants), conformance=not invariants)
    findings = judge.run(run.seen())
    return Replayed(run, world, findings, _cell(world, judge, run, findings), strayed, header)


def _cell(world: World, judge: Judge, run: Run, findings: list[tuple[int, Finding]]) -> Cell:
    said = {invariant.name: Judged(Verdict.HOLDS) for invariant in judge.invariants}
    conforms = Judged(Verdict.HOLDS) if judge.conformance else None
    for step, finding in findings:
        judged = Judged(Verdict.REFUTED, finding.sentence, step, run.token)
        if finding.invariant == CONFORMS:
            judged.guard = finding.sentence
            conforms = judged
        else:
            said[finding.invariant] = judged
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=worst(each.verdict for each in said.values()),
        invariants=said,
        conforms=conforms,
        schedules=1,
    )

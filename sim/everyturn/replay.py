"""Replay: a recorded run, made again by the present code, compared with what was recorded, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from everyturn import trace
from everyturn.checker import CONFORMS, Finding, Judge, select
from everyturn.engines.kernel import simulate
from everyturn.errors import UsageError
from everyturn.run import Run
from everyturn.schedule import Schedule, deviations
from everyturn.scope import Scope
from everyturn.strategies.replay import Replay
from everyturn.token import PREFIX, decode, fingerprint
from everyturn.verdict import Cell, Judged, Verdict, worst
from everyturn.world import World


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
        )
        try:
            path.write_bytes(contents)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror or error}") from error


def replay(source: str, invariants: Sequence[str] = ()) -> Replayed:
    """Make the run of a token or a trace file again. Raises :class:`UsageError` for a source that is neither."""
    if source.startswith(PREFIX):
        token = decode(source)
        return _replay(token.schedule, (token.steps, token.fingerprint), None, None, invariants)
    path = Path(source)
    if not path.exists():
        raise UsageError(f"replay {source!r}: expected a token ({PREFIX}…) or a trace file, found neither")
    read = trace.read(path)
    header = read.header
    schedule = Schedule(header.revision, header.scope, header.granularity, deviations(header.decisions))
    recorded = [line for line in read.lines if line.kind == "step"]
    return _replay(schedule, None, header, recorded, invariants)


def _replay(
    schedule: Schedule,
    mark: tuple[int, int] | None,
    header: trace.Header | None,
    recorded: list[trace.Line] | None,
    invariants: Sequence[str],
) -> Replayed:
    world = World(Scope.parse(schedule.scope), schedule.revision, schedule.granularity)
    strategy = Replay(schedule.deviations)
    run = simulate(world, strategy)
    made = [f"{step.operations[0].thread} {step.operations[0].operation}" for step in run.steps]
    strayed = None
    if mark is not None and (strategy.strayed is not None or mark != (len(made), fingerprint(made))):
        strayed = "the token's run is not what the present code does: the code has changed since"
    if recorded is not None:
        strayed = _difference(made, recorded)
    judge = Judge(select(invariants), conformance=not invariants)
    findings = judge.run(run.seen())
    return Replayed(run, world, findings, _cell(world, judge, run, findings), strayed, header)


def _difference(made: list[str], recorded: list[trace.Line]) -> str | None:
    """Where the run that was made differs from the recorded one."""
    for number, line in enumerate(recorded):
        was = f"{line.thread} {line.data['operations'][0]['operation']}"
        now = made[number] if number < len(made) else "nothing"
        if was != now:
            return f"the replay leaves the recorded path at step {number}: recorded {was}, made {now}"
    if len(made) > len(recorded):
        return f"the replay goes on after the recorded end, at step {len(recorded)}: {made[len(recorded)]}"
    return None


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

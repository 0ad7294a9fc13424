"""One run: made again, explained, made smaller."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from everyturn.engines.simpy.replay import Replayed
from everyturn.engines.simpy.replay import replay as replay_run
from everyturn.explanation.explain import Explanation, explain_source
from everyturn.explanation.no_return import BUDGET
from everyturn.explanation.shrink import Shrunk, shrink_source
from everyturn.front.asking import Agent, dispatcher
from everyturn.front.of_programs import (
    also_of_programs,
    explain_scenario,
    explain_session,
    shrink_scenario,
    shrink_session,
)
from everyturn.front.pages import Report, report
from everyturn.front.scenarios import replay_scenario
from everyturn.front.sessions import replay_session
from everyturn.front.tables import CellResult, TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports import story
from everyturn.reports.plots import timeline_of
from everyturn.runs import trace
from everyturn.runs.event_text import event_text
from everyturn.runs.run import Run
from everyturn.runs.trace import Trace
from everyturn.verdicts.checker import Finding
from everyturn.verdicts.html_tables import judged_in
from everyturn.verdicts.selection import Wanted
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict
from everyturn.world.operations import in_short

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Question(NamedTuple):
    """What a result was asked about, so that its runs can be made again and its states drawn."""

    agent: Agent
    invariants: tuple[Wanted, ...]
    without: tuple[str, ...]

    def wanted(self, name: str) -> Wanted:
        """The invariant of this name: an object, if it is one of the user's own."""
        return next((each for each in self.invariants if not isinstance(each, str) and each.name == name), name)


class ReplayResult(TabledResult):
    """A run that was made again, and judged. ``strayed`` says where it left the recorded path, if it did."""

    def __init__(self, replayed: Replayed) -> None:
        self._replayed = replayed
        self.run: Run = replayed.run
        self.findings: list[tuple[int, Finding]] = replayed.findings
        self.strayed: str | None = replayed.strayed

    def __repr__(self) -> str:
        said = ", ".join(self.violated) or "nothing"
        ran = f"{self.run.revision}, {self.run.schedule.scope}"
        return f"ReplayResult({ran}: {said} violated, {len(self.run.steps)} steps)"

    @property
    def verdict(self) -> Verdict:
        """*holds*, or *refuted* if something is violated."""
        return self._replayed.cell.verdict

    @property
    def violated(self) -> list[str]:
        """The names of what is violated, in the order in which it happens."""
        return list(dict.fromkeys(finding.invariant for _, finding in self.findings))

    @property
    def token(self) -> str:
        """The run as a token."""
        return self.run.token

    @property
    def trace(self) -> Trace:
        """The run as a trace."""
        lines = trace.write(self.run, engine="simpy", strategy="replay", seed=None).splitlines(keepends=True)
        return trace.parse(iter(lines), "this run")

    def table(self) -> list[TableRow]:
        """A row for each step: its number, thread, operations, what was seen, and what it violates."""
        threads = [thread.name for thread in self._replayed.world.threads]
        rows = [
            {
                "step": step.number,
                "thread": threads[step.thread],
                "operations": in_short(each.operation for each in step.operations),
                "seen": "; ".join(map(event_text, step.events)) or None,
                "violates": self._violates(step.number),
            }
            for step in self.run.steps
        ]
        rest = "; ".join(map(event_text, self.run.at_rest)) or None
        last = len(self.run.steps)
        return [
            *rows,
            {"step": last, "thread": None, "operations": "rest", "seen": rest, "violates": self._violates(last)},
        ]

    @property
    def verdicts(self) -> dict[str, InvariantResult]:
        """What is said of each invariant, and of ``conforms``: verdict, sentence, step."""
        return judged_in(self._replayed.cell)

    def figure(self) -> Figure:
        """The run as a timeline."""
        return timeline_of(self.run, self.findings)

    def write(self, path: str | Path) -> None:
        """Write the run as a trace file. Raises :class:`~everyturn.UsageError` if that cannot be done."""
        self._replayed.write(Path(path))

    def _violates(self, step: int) -> str | None:
        return "; ".join(f"{each.invariant}: {each.sentence}" for at, each in self.findings if at == step) or None


class ExplainResult(TabledResult):
    """Why a run violates an invariant; ``str`` of it is the story."""

    def __init__(self, found: Explanation) -> None:
        self.explanation = found
        self.invariant: str = found.invariant
        self.sentence: str = found.sentence
        self.run: Run = found.run

    def __repr__(self) -> str:
        return f"ExplainResult({self.run.revision}, {self.run.schedule.scope}: {self.invariant})"

    def __str__(self) -> str:
        return "\n".join(story.lines(self.explanation))

    def document(self) -> dict[str, Any]:
        """What `everyturn explain --json` gives."""
        return story.document(self.explanation)

    def table(self) -> list[TableRow]:
        """A row for each line of the story."""
        return [{"line": line} for line in story.lines(self.explanation)]

    def _repr_html_(self) -> str:
        from html import escape

        return f'<pre style="white-space: pre-wrap">{escape(str(self))}</pre>'


class ShrinkResult(TabledResult):
    """A smaller run that violates the same invariant: no single prompt, extra or deviation can be removed from it."""

    def __init__(self, shrunk: Shrunk) -> None:
        self._shrunk = shrunk
        self.run: Run = shrunk.run
        self.invariant: str = shrunk.finding.invariant
        self.sentence: str = shrunk.finding.sentence
        self.tried: int = shrunk.tried
        self.interrupted: bool = shrunk.interrupted

    @property
    def token(self) -> str:
        """The smaller run as a token."""
        return self.run.token

    @property
    def scope(self) -> str:
        """The scope that is left."""
        return self.run.scope

    def table(self) -> list[TableRow]:
        """A row for the run before (how far it differs from first in, first out), and one for the run after."""
        before, after = self._shrunk.before, self._shrunk.after
        return [
            {"run": name, "scope": each.scope, "deviations": len(each.deviations), "violates": self.invariant}
            for name, each in (("before", before), ("after", after))
        ]

    def write(self, path: str | Path) -> None:
        """Write the smaller run as a trace file. Raises :class:`~everyturn.UsageError` if that cannot be done."""
        self._shrunk.write(Path(path))


class RunsAgain(CellResult):
    """What results have whose runs can be made again. ``asked``: whose runs they are."""

    def __init__(self, cell: Cell, asked: Question) -> None:
        super().__init__(cell)
        self._asked = asked

    def replay(self, invariant: str | None = None) -> ReplayResult:
        """Make the run again that violates ``invariant``; none: the first that is refuted. Raises
        :class:`~everyturn.UsageError` if it is not."""
        wanted = [*map(self._asked.wanted, self.verdicts)]
        return replay(self._token(invariant), agent=self._asked.agent, invariants=wanted)

    def explain(self, invariant: str | None = None) -> ExplainResult:
        """Say why that run violates ``invariant``, as :func:`everyturn.explain` does."""
        wanted = self._asked.wanted(self._name(invariant))
        return explain(self._token(invariant), agent=self._asked.agent, invariants=[wanted])

    def report(self, invariant: str | None = None) -> Report:
        """That run as a page to step through, as :func:`everyturn.report` makes it."""
        wanted = self._asked.wanted(self._name(invariant))
        return report(self._token(invariant), agent=self._asked.agent, invariants=[wanted])

    def shrink(self, invariant: str | None = None, *, keep_cause: bool = False) -> ShrinkResult:
        """Make that run smaller, as :func:`everyturn.shrink` does."""
        wanted = self._asked.wanted(self._name(invariant))
        return shrink(self._token(invariant), agent=self._asked.agent, invariants=[wanted], keep_cause=keep_cause)


@also_of_programs(replay_scenario, replay_session)
@undisturbed
def replay(source: str | Path, *, agent: Agent | None = None, invariants: Sequence[Wanted] = ()) -> ReplayResult:
    """Make the run of a token or a trace file again, and judge it.

    ``agent``: what runs in place of the agent that the token names: the class itself, if it was defined in a test or
    a notebook's cell. Here, in :func:`explain` and :func:`shrink` the token of an asyncio program needs ``scenario=…``
    or ``session=…``. Raises :class:`~everyturn.UsageError` for what is neither token nor trace, and for code of one's
    own that is not named: a token imports nothing.
    """
    return ReplayResult(replay_run(str(source), invariants, None if agent is None else dispatcher(agent)))


@also_of_programs(explain_scenario, explain_session)
@undisturbed
def explain(
    source: str | Path, *, agent: Agent | None = None, invariants: Sequence[Wanted] = (), budget: int = BUDGET
) -> ExplainResult:
    """Say why the run of a token or a trace file violates an invariant: what raced, since when it was too late, the
    nearest good run.

    ``invariants``: the first of them that is violated; none: of all. ``budget``: how many states are looked at for
    the point of no return. ``agent``: as for :func:`replay`. Raises :class:`~everyturn.UsageError` if nothing of that
    is violated.
    """
    chosen = None if agent is None else dispatcher(agent)
    return ExplainResult(explain_source(str(source), invariants, budget=budget, agent=chosen))


@also_of_programs(shrink_scenario, shrink_session)
@undisturbed
def shrink(
    source: str | Path, *, agent: Agent | None = None, invariants: Sequence[Wanted] = (), keep_cause: bool = False
) -> ShrinkResult:
    """Make the run of a token or a trace file smaller, as long as it violates the same invariant.

    ``keep_cause``: and for the same cause. ``agent``, ``invariants`` and errors: as for :func:`explain`.
    """
    chosen = None if agent is None else dispatcher(agent)
    return ShrinkResult(shrink_source(str(source), invariants, keep_cause=keep_cause, agent=chosen))

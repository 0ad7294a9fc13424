"""The fast search: every interleaving of a scope, breadth first, whole chunks of a level at a time.

It asks what follows on a chunk, has it judged, numbers what is new, and remembers from where it came, as the plain
search of :mod:`everyturn.engines.explorer.exhaustive` does state by state. It finds what that one finds, and compares
states as a whole, as that one does. Four objects each know one thing: what follows
(:mod:`~everyturn.engines.explorer.successors`), what need not be explored
(:mod:`~everyturn.engines.explorer.reductions`), which violations are kept
(:mod:`~everyturn.engines.explorer.kept_violations`), and by which path each state was found
(:mod:`~everyturn.engines.explorer.predecessors`).

Some chunks are asked for ahead, if another process can answer meanwhile. What is found, and in which order, does not
depend on who answers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from everyturn.engines.coroutines.exploration import (
    FIRST_REFUTATION,
    NO_LIMITS,
    Exploration,
    ExplorationProgress,
    Limits,
    Sight,
    outcome,
    resident,
)
from everyturn.engines.coroutines.transitions import JUDGE, Transitions
from everyturn.engines.explorer import kernels
from everyturn.engines.explorer.beliefs import Believed
from everyturn.engines.explorer.beside import beside, pays
from everyturn.engines.explorer.between_chunks import Saving, obedient
from everyturn.engines.explorer.compiled_chunks import CompiledChunk
from everyturn.engines.explorer.endless_runs import endless_run
from everyturn.engines.explorer.frontier import Frontier
from everyturn.engines.explorer.garbage import uncollected
from everyturn.engines.explorer.kept_violations import KeptViolations, ViolatingSteps
from everyturn.engines.explorer.macro_steps import REST, Expansion
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.predecessors import Predecessors
from everyturn.engines.explorer.state_graph import state_graph
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors
from everyturn.errors import EndlessRun
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime
from everyturn.world.world import World
from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger

WORTH_A_THREAD: Final = 1 << 13
"""So many steps take longer to be numbered than it takes to begin and end a thread."""


class _UnderWay(NamedTuple):
    """A chunk that was asked for: its states' numbers, and the judge's state in each."""

    start: int
    end: int
    chunk: Chunk
    judged: KeyNumbers


class LevelExplorer:
    """Explores one world, judged by ``judge``, with one of the
    :data:`~everyturn.engines.explorer.reductions.REDUCTIONS`.

    ``processes``: with two, the agent's code runs in a process of its own (not with symmetry or ample); the same is
    found. :meth:`close` ends it.
    """

    def __init__(self, world: World, judge: Judge, reduce: str = "dead", *, processes: int = 1) -> None:
        start = time.monotonic()
        self.reduce = reduce
        self.graph = state_graph(world, judge, reduce, processes=processes)
        self.frontier = Frontier()
        self.predecessors = Predecessors()
        self.found = Exploration(states=1)
        self.violations = KeptViolations(self.found, self.graph.judges.violated)
        self._under_way: deque[_UnderWay] = deque()
        self._whole = True
        self._looks_ahead = False
        self.found.seconds = time.monotonic() - start

    @property
    def transitions(self) -> Transitions:
        """The world's steps, one by one, worked out in this process when they are asked for."""
        return self.graph.transitions

    @property
    def explored(self) -> Transitions:
        """The steps that the exploration rests on; made again here, if another process has made them."""
        return self.graph.tables.transitions

    @property
    def events(self) -> Iterator[Event]:
        """Every event that was seen."""
        for events in self.graph.successors.events:
            yield from events

    @property
    def nbytes(self) -> int:
        """Bytes of all states with the way to each, and of the judge's tables."""
        return self.graph.states.nbytes + self.predecessors.nbytes + self.graph.judges.nbytes

    @property
    def peak_elsewhere(self) -> int:
        """The most bytes of memory that another process ever held for it."""
        return self.graph.successors.peak

    def close(self) -> None:
        """End the other process, if there is one."""
        self.graph.successors.close()

    def round(self) -> str | None:
        """Where threads can go round for ever, in words; none if every run ends. Asked when the exploration is
        complete."""
        return endless_run(self.graph)

    def run(
        self,
        limits: Limits = NO_LIMITS,
        *,
        progress: ExplorationProgress | None = None,
        stop_at: frozenset[str] | None = None,
        stop_at_first: bool = False,
        save: Callable[[], None] | None = None,
        different: int = 1,
    ) -> Exploration:
        """Explore until nothing is new, a limit is reached, or every invariant of ``stop_at`` has been violated.

        ``stop_at_first``: or any, at the end of the level, so that what was found is a shortest one.

        ``different``: how many violations to keep of each invariant, one for each state or step of its kind. ``save``
        is called now and then, between two chunks, and at the end, however it comes. Ctrl-C is obeyed after the chunk
        that is under way; a second one at once, and then nothing is saved if a chunk is half judged.
        """
        found = self.found
        start = time.monotonic() - found.seconds
        saving = Saving(save)
        self._looks_ahead = self.graph.successors.ahead == 1 and pays()
        self.violations.different = different
        try:
            with uncollected(), overrun.watching(limits.seconds, found.seconds):
                chunks = iter(()) if self._resumed_at_end(limits, stop_at, stop_at_first) else self._chunks()
                for _ in obedient(chunks):
                    saving.now_and_then()
                    found.seconds = time.monotonic() - start
                    if progress is not None:
                        progress(self._sight())
                    if self._is_at_end(limits, stop_at, stop_at_first):
                        break
        except KeyboardInterrupt:
            found.interrupted = True
        except (OutOfTime, EndlessRun) as error:
            found.stopped = str(error)
        finally:
            found.states = len(self.graph.states)
            if self._whole:
                found.interrupted |= saving.finally_()
        found.unsaved = saving.unsaved
        found.seconds = time.monotonic() - start
        found.locals = self.graph.successors.learnt().locals
        return found

    def _is_at_end(self, limits: Limits, stop_at: frozenset[str] | None, stop_at_first: bool) -> bool:
        """Whether a limit is reached, or all has been refuted that was to be."""
        found = self.found
        found.stopped = limits.reached(len(self.graph.states), found.seconds, self.graph.successors.resident)
        if stop_at_first and found.violations and self.frontier.is_at_level_start and found.stopped is None:
            found.stopped = FIRST_REFUTATION
        return found.stopped is not None or (stop_at is not None and stop_at <= found.violations.keys())

    def _resumed_at_end(self, limits: Limits, stop_at: frozenset[str] | None, stop_at_first: bool) -> bool:
        """Likewise, before the first chunk of a search that is gone on with, unless all is explored."""
        begun = 0 < self.frontier.done < len(self.graph.states)
        return begun and self._is_at_end(limits, stop_at, stop_at_first)

    def _sight(self) -> Sight:
        states, found = len(self.graph.states), self.found
        memory = resident() + self.graph.successors.resident
        waiting = states - self.frontier.done
        return Sight(states, waiting, found.depth, found.seconds, memory, self.frontier.guess(states))

    # the search --------------------------------------------------------------------------------------------------

    def _chunks(self) -> Iterator[None]:
        """Explore chunk after chunk, until nothing is new. It can be left and entered again after each."""
        while True:
            self._whole = False
            overlooked = self._overlooked()
            if overlooked.size:
                self._follow_all(overlooked)
            else:
                self._whole = True  # what is learnt for a chunk is not saved before it is answered
                self._ask_ahead()
                if not self._under_way:
                    break
                self.graph.successors.wait()
                self._whole = False
                self._finish(self._under_way.popleft())
            if not self._overlooked().size and self.frontier.begin_level(len(self.graph.states)):
                self.found.depth += 1
            self._whole = True
            yield
        self._whole = self.found.complete = True

    def _ask_ahead(self) -> None:
        """Ask what follows on the next chunks."""
        graph = self.graph
        kernels.choose(len(graph.states), grows=self.frontier.grows)
        while len(self._under_way) < graph.successors.ahead:
            begun = self._under_way[-1].end if self._under_way else self.frontier.done
            span = self.frontier.after(begun, len(graph.states))
            if span is None:
                return
            self._ask(span)

    def _ask(self, span: tuple[int, int]) -> None:
        """Ask what follows on the states of these numbers."""
        self._ask_for(self._read(span))

    def _read(self, span: tuple[int, int]) -> _UnderWay:
        """The chunk of the states of these numbers."""
        return _UnderWay(*span, *self.graph.chunk(self.graph.states.keys[slice(*span)].copy()))

    def _ask_for(self, asked: _UnderWay) -> None:
        """Ask what follows on a chunk."""
        self.graph.successors.ask(asked.chunk)
        self._under_way.append(asked)

    def _finish(self, asked: _UnderWay) -> None:
        """Judge what follows on a chunk, and number what is new."""
        graph, reduction = self.graph, self.graph.reduction
        answer = graph.successors.answer()
        which = np.arange(asked.start, asked.end)
        self.found.rests += len(answer.found.rests)
        loops = kernels.compiled()
        if loops is not None and reduction.leaves_out_nothing:
            self._enter(CompiledChunk(loops, graph, asked.chunk, answer), asked, answer, which)
        else:
            expansion = graph.expansion(asked.chunk, answer.found)
            self._rest(answer, asked)
            followed = reduction.followed(which, graph.states, expansion)
            numbers = self._take(followed, asked.judged, which, answer.believed)
            reduction.reached(which, followed.source, numbers)
        self.frontier.done = asked.end

    def _enter(self, compiled: CompiledChunk, asked: _UnderWay, answer: ChunkSuccessors, which: KeyNumbers) -> None:
        """As :meth:`_take`, by compiled loops."""
        self._rest(answer, asked)
        self.found.transitions += len(compiled)
        compiled.judge(asked.judged)
        self.violations.in_steps(self._numbered(compiled, asked), which)
        self.violations.keep(self.path)

    def _numbered(self, compiled: CompiledChunk, asked: _UnderWay) -> ViolatingSteps:
        """Number the successors of a chunk; beside it, if that pays, what follows on the next one of this level is
        worked out. That one is read before: while states are numbered their rows may move, and nobody else may look at
        them."""
        number = partial(compiled.number, asked.start, self.predecessors)
        if not self._looks_ahead or len(compiled) < WORTH_A_THREAD or self._under_way:
            return number()
        span = self.frontier.after(asked.end, 0)
        return number() if span is None else beside(number, partial(self._ask_for, self._read(span)))

    def _take(
        self, expansion: Expansion, judged: KeyNumbers, which: KeyNumbers, believed: Believed | None = None
    ) -> KeyNumbers:
        """Judge what follows on the states of the numbers ``which``, and number what is new; the number of each
        successor."""
        graph = self.graph
        self.found.transitions += len(expansion.source)
        words, found = graph.judged(expansion, judged, believed)
        self.violations.in_steps(ViolatingSteps(expansion.source, expansion.move, found), which)
        words, _ = graph.representatives(words)
        numbers, fresh = graph.states.added(words)
        self.predecessors.add(len(graph.states), which[expansion.source[fresh]], expansion.move[fresh])
        self.violations.keep(self.path)
        return numbers

    def _overlooked(self) -> KeyNumbers:
        """At the end of a level: states of which all successors must be followed."""
        if not self.frontier.is_at_level_end:
            return np.zeros(0, np.int64)
        return self.graph.reduction.overlooked(self.graph.states)

    def _follow_all(self, which: KeyNumbers) -> None:
        """Follow what was left out in the states of these numbers."""
        graph = self.graph
        chunk, judged = graph.chunk(graph.states.keys[which].copy())
        expansion = graph.expansion(chunk, graph.tables.find(chunk))
        self._take(graph.reduction.left_out(which, expansion), judged, which)

    def _rest(self, answer: ChunkSuccessors, asked: _UnderWay) -> None:
        """Judge the states of rest that are news."""
        judges = self.graph.judges
        said = judges.rest(asked.judged.take(answer.rests), answer.at_rest, answer.believed_at_rest)
        for place, (violated, ledger) in zip(answer.rests.tolist(), said, strict=True):
            self.violations.at_rest(violated, asked.start + place)
            self._reached(judges.ledger(ledger))

    def _reached(self, ledger: Ledger) -> None:
        self.found.outcomes.update(map(outcome, self.graph.reduction.images(ledger)))

    def recall_outcomes(self, seen: KeyNumbers) -> Iterator[Finding]:
        """Find the outcomes of all rests in the journal again, by what is ``seen`` of each; what is violated there."""
        graph = self.graph
        rests = np.array([row[JUDGE] for kind, *row in graph.successors.learnt().journal if kind == REST], np.int64)
        for violated, ledger in graph.judges.rest(rests, seen):
            self._reached(graph.judges.ledger(ledger))
            yield from graph.judges.violated(violated)

    def path(self, state: int, *last: int) -> tuple[tuple[int, int], ...]:
        """The (thread, choice) of each step of the path by which a state was found, a shortest one, and then of the
        moves ``last``."""
        moves, graph = self.graph.successors.moves, self.graph
        path = [*self.predecessors.path(state), *((state, move) for move in last)]
        named = [(number, moves[move]) for number, move in path]
        return tuple(graph.reduction.in_own_names(named, graph.renaming))

"""The fast explorer: every interleaving of a scope, breadth first, whole chunks of a level at a time.

States are rows packed into a few words; they are numbered in the order in which they were found, so that a level is a
range of numbers and needs no memory of its own. What a thread does comes from :class:`~everyturn.engines.explorer.successors.Following`,
what is judged from :class:`~everyturn.engines.explorer.judge_tables.JudgeTables`; both are filled by running the real code when
something is met for the first time. It finds what the plain explorer of :mod:`everyturn.engines.explorer.exhaustive` finds, and
compares states as a whole, as that one does.

It is asked what follows on a chunk; the answer is judged and numbered. Some chunks are asked for ahead, if another process
can answer meanwhile (:mod:`everyturn.engines.explorer.successor_worker`). What is found, and in which
order, does not depend on who answers.
"""

from __future__ import annotations

import gc
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, NamedTuple

import numpy as np

from everyturn.engines.coroutines.exploration import (
    FIRST_REFUTATION,
    NO_LIMITS,
    Exploration,
    Limits,
    Progress,
    Sight,
    Violation,
    outcome,
    resident,
)
from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import JUDGE, Transitions
from everyturn.engines.explorer import rounds
from everyturn.engines.explorer import successor_worker as beside
from everyturn.engines.explorer.ample import Ample
from everyturn.engines.explorer.judge_tables import Believed, JudgeTables
from everyturn.engines.explorer.macro_steps import Expansion, Found, Leaps, applied
from everyturn.engines.explorer.numbering import Numbering, Numbers, Words
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.successor_worker import FollowingBeside
from everyturn.engines.explorer.successors import Chunk, Followed, Following
from everyturn.engines.explorer.symmetry import Symmetry
from everyturn.errors import EndlessRun
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime
from everyturn.world.world import World
from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger

CHUNK: Final = 1 << 15
"""The most states that are expanded at once."""

_FEW: Final = 1 << 12
_AHEAD: Final = beside.SLOTS
"""How many chunks are under way at once with two processes: so many that each has something to do though their shares of the work
differ from chunk to chunk."""

REDUCTIONS: Final = ("none", "dead", "symmetry", "ample")
"""No reduction; dead variables do not count; and besides, either renamings of a state count once, or one thread goes first where
nothing that others may do can matter to it. With the last, violations need not be shortest, and a level is a round."""


SAVE_EVERY: Final = 60.0
"""Seconds between two calls of ``save``; more, if saving takes more than a tenth of that."""


class _Saving:
    """Saves now and then."""

    def __init__(self, save: Callable[[], None] | None) -> None:
        self._save = save
        self._due = time.monotonic() + SAVE_EVERY

    def now_and_then(self) -> None:
        if time.monotonic() >= self._due:
            self.finally_()

    def finally_(self) -> None:
        if self._save is not None:
            start = time.monotonic()
            self._save()
            self._due = start + max(SAVE_EVERY, 10 * (time.monotonic() - start))


def obedient(chunks: Iterator[None]) -> Iterator[None]:
    """The same, but that Ctrl-C waits until the chunk under way is done; a second one does not wait."""
    if threading.current_thread() is not threading.main_thread():
        yield from chunks
        return
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        overrun.interrupt()

    before = signal.signal(signal.SIGINT, ask)
    try:
        for _ in chunks:
            yield
            if asked:
                raise KeyboardInterrupt
    finally:
        overrun.obeyed()
        signal.signal(signal.SIGINT, before)


class _UnderWay(NamedTuple):
    """A chunk that was asked for: its states' numbers, and the judge's state in each."""

    start: int
    end: int
    chunk: Chunk
    judged: Numbers


class LevelExplorer:
    """Explores one world, judged by ``judge``, with one of the :data:`REDUCTIONS`.

    ``processes``: with two, the agent's code runs in a process of its own (not with symmetry or ample); the same is found.
    :meth:`close` ends it.
    """

    def __init__(self, world: World, judge: Judge, reduce: str = "dead", *, processes: int = 1) -> None:
        start = time.monotonic()
        self.reduce = reduce
        self.transitions = Transitions(world, judge, keep_dead=reduce == "none")
        self.following: Following | FollowingBeside
        if processes > 1 and reduce not in ("symmetry", "ample"):
            events = Interned()
            self.judges = JudgeTables(judge, events, world.prompts)
            self.following = FollowingBeside(self.transitions, events, self.judges.findings)
        else:
            self.following = Following(self.transitions)
            self.judges = JudgeTables(judge, self.following.leaps.events, world.prompts)
        row, first = self.following.first()
        rows = np.array([(*row[:JUDGE], self.judges.number(first), *row[JUDGE + 1 :])], np.int64)
        self.symmetry, self.turned = None, 0
        if reduce == "symmetry":
            self.symmetry = Symmetry(self.transitions, self.leaps, self.judges)
            rows, chosen = self.symmetry.canonical(rows)
            self.turned = int(chosen[0])
        self.ample = Ample(self.leaps, judge) if reduce == "ample" else None
        self.layout = Layout.holding(self._largest())
        self.states = Numbering(self.layout.width)
        self.states.add(self.layout.pack(rows))
        self.parents = np.zeros(1024, np.uint32)
        self.moves = np.zeros(1024, np.uint16)
        self.levels = [0, 1]
        self.done = 0
        self._under_way: deque[_UnderWay] = deque()
        self._whole = True
        self.found = Exploration(states=1)
        self.different = 1
        self._kept: dict[str, int] = {}
        self._violated: list[tuple[Finding, int, tuple[tuple[int, int], ...]]] = []
        self.found.seconds = time.monotonic() - start

    @property
    def leaps(self) -> Leaps:
        """The leaps; made again here, if another process has made them."""
        return self.home.leaps

    @property
    def home(self) -> Following:
        """What can follow, worked out in this process."""
        return self.following if isinstance(self.following, Following) else self.following.home()

    def close(self) -> None:
        """End the other process, if there is one."""
        if isinstance(self.following, FollowingBeside):
            self.following.close()

    @property
    def events(self) -> Iterator[Event]:
        """Every event that was seen."""
        for events in self.following.events:
            yield from events

    @property
    def nbytes(self) -> int:
        """Bytes of all states with the way to each, and of the judge's tables."""
        ways = len(self.states) * (self.parents.itemsize + self.moves.itemsize)
        return self.states.nbytes + ways + self.judges.nbytes

    # exploring ---------------------------------------------------------------------------------------------------

    def run(
        self,
        limits: Limits = NO_LIMITS,
        *,
        progress: Progress | None = None,
        stop_at: frozenset[str] | None = None,
        stop_at_first: bool = False,
        save: Callable[[], None] | None = None,
        different: int = 1,
    ) -> Exploration:
        """Explore until nothing is new, a limit is reached, or every invariant of ``stop_at`` has been violated.

        ``stop_at_first``: or any, at the end of the level, so that what was found is a shortest one.

        ``different``: how many violations to keep of each invariant, one for each state or step of its kind. ``save`` is called now
        and then, between two chunks, and at the end, however it comes. Ctrl-C is obeyed after
        the chunk that is under way; a second one at once, and then nothing is saved: tables may be half filled.
        """
        found = self.found
        start = time.monotonic() - found.seconds
        saving = _Saving(save)
        collects = gc.isenabled()
        gc.disable()  # tables only grow: there is nothing to find, and looking takes a tenth of the time
        self.different = different
        try:
            with overrun.watching(limits.seconds, found.seconds):
                for _ in obedient(self._chunks()):
                    saving.now_and_then()
                    found.seconds = time.monotonic() - start
                    if progress is not None:
                        progress(self._sight())
                    found.stopped = limits.reached(len(self.states), found.seconds, self.following.resident)
                    if stop_at_first and found.violations and self.done == self.levels[-2] and found.stopped is None:
                        found.stopped = FIRST_REFUTATION
                    if found.stopped is not None or (stop_at is not None and stop_at <= found.violations.keys()):
                        break
        except KeyboardInterrupt:
            found.interrupted = True
        except (OutOfTime, EndlessRun) as error:
            found.stopped = str(error)
        finally:
            if collects:
                gc.enable()
        found.states = len(self.states)
        if self._whole:
            saving.finally_()
        found.seconds = time.monotonic() - start
        found.locals = self.following.locals
        return found

    def _sight(self) -> Sight:
        states, levels = len(self.states), self.levels
        rest = None
        if len(levels) > 3:
            last, before = levels[-2] - levels[-3], levels[-3] - levels[-4]
            if last < before:
                rest = int((states - levels[-2]) * before / (before - last))
        memory = resident() + self.following.resident
        return Sight(states, states - self.done, self.found.depth, self.found.seconds, memory, rest)

    def _chunks(self) -> Iterator[None]:
        """Explore chunk after chunk, until nothing is new. It can be left and entered again after each."""
        ahead = 1 if isinstance(self.following, Following) else _AHEAD
        while True:
            self._whole = False
            if self._left_out().size:
                self._follow_all(self._left_out())
            else:
                while len(self._under_way) < ahead and (places := self._next()) is not None:
                    self._ask(*places)
                if not self._under_way:
                    break
                self._finish(self._under_way.popleft())
            if self.done == self.levels[-1] and self.done < len(self.states) and not self._left_out().size:
                self.levels.append(len(self.states))
                self.found.depth += 1
            self._whole = True
            yield
        self._whole = self.found.complete = True

    def _next(self) -> tuple[int, int] | None:
        """The numbers of the states of the next chunk; none if they are not all known yet.

        Chunks are the same whatever is known when they are begun. One of a level that is not whole yet begins early.
        """
        start = self._under_way[-1].end if self._under_way else self.done
        *_, before, first, end = (0, *self.levels)
        if start < end:
            return start, min(start + _size(first - before), end)
        size = _size(end - first)
        return (start, start + size) if self._under_way and start + size <= len(self.states) else None

    def _ask(self, start: int, end: int) -> None:
        """Ask what follows on the states of these numbers."""
        chunk, judged = self._chunk(self.states.keys[start:end].copy())
        self.following.ask(chunk)
        self._under_way.append(_UnderWay(start, end, chunk, judged))

    def _chunk(self, words: Words) -> tuple[Chunk, Numbers]:
        """States as rows, and the judge's state in each."""
        judged = self.layout.get(words, JUDGE)
        beliefs = judged[:0] if isinstance(self.following, Following) else self.judges.beliefs(judged)
        return Chunk(words, self.layout, len(self.judges) - 1, beliefs), judged

    def _finish(self, chunk: _UnderWay) -> None:
        """Judge what follows on a chunk, and number what is new."""
        followed = self.following.answer()
        expansion = self._expansion(chunk.chunk, followed.found)
        self.found.rests += len(expansion.rests)
        self._rest(followed, chunk)
        which = np.arange(chunk.start, chunk.end)
        if self.ample is not None:
            expansion = self.ample.chosen(which, self.states.keys[which], self.layout, expansion)
        numbers = self._take(expansion, chunk.judged, which, followed.believed)
        if self.ample is not None:
            self.ample.arrived(which, expansion.source, numbers)
        self.done = chunk.end

    def _take(self, expansion: Expansion, judged: Numbers, which: Numbers, believed: Believed | None = None) -> Numbers:
        """Judge what follows on the states of the numbers ``which``, and number what is new; the number of each successor."""
        self.found.transitions += len(expansion.source)
        words, found = self._judged(expansion, judged, believed)
        self._violations(expansion, found, which)
        words, _ = self.canonical(words)
        numbers, fresh = self.states.added(words)
        self._remember(fresh, expansion, which)
        for finding, number, last in self._violated:
            self._keep(Violation(finding, self.path(number, *last)))
        self._violated.clear()
        return numbers

    def _left_out(self) -> Numbers:
        """At the end of a level: numbers of states that have successors which must not be left out any more."""
        if self.ample is None or self.done < self.levels[-1]:
            return np.zeros(0, np.int64)
        return self.ample.too_few(self.states.keys, self.layout, CHUNK)

    def _follow_all(self, which: Numbers) -> None:
        """Follow what was left out in the states of these numbers."""
        assert self.ample is not None
        chunk, judged = self._chunk(self.states.keys[which].copy())
        expansion = self._expansion(chunk, self.home.find(chunk))
        self._take(self.ample.others(which, expansion), judged, which)

    def _expansion(self, chunk: Chunk, found: Found) -> Expansion:
        """The successors of a chunk, not judged yet."""
        self._lay_out()
        ways = self.following.ways
        for each in ways:
            each.lay_out(self.layout)
        return applied(chunk.layout.moved(chunk.words, self.layout), ways, found)

    def _judged(self, expansion: Expansion, judged: Numbers, believed: Believed | None = None) -> tuple[Words, Numbers]:
        """The successors of a chunk with the judge's states, in the layout that then holds, and what each step violated."""
        after = judged.take(expansion.source)
        found = np.zeros(len(after), np.int64)
        seen = np.flatnonzero(expansion.events)
        after[seen], found[seen] = self.judges.step(after[seen], expansion.events[seen], believed)
        before = self.layout
        self._lay_out()
        words = before.moved(expansion.words, self.layout)
        word, bits = self.layout.field(JUDGE)
        words[:, word] &= ~bits
        words[:, word] |= after.view(np.uint64) << self.layout.shift[JUDGE]
        return words, found

    def expand(self, which: slice | Numbers) -> tuple[Words, Expansion, Numbers]:
        """States by number, their successors, and what each step violated."""
        return self.follow(self.states.keys[which].copy())

    def follow(self, words: Words) -> tuple[Words, Expansion, Numbers]:
        """As :meth:`expand`, for states as rows in the present layout, which need no number."""
        chunk, judged = self._chunk(words)
        expansion = self._expansion(chunk, self.home.find(chunk))
        words, found = self._judged(expansion, judged)
        return chunk.layout.moved(chunk.words, self.layout), expansion._replace(words=words), found

    def canonical(self, words: Words) -> tuple[Words, Numbers | None]:
        """The rows that stand for these, in the layout that then holds, and which renaming leads to each, if renamings count once."""
        if self.symmetry is None:
            return words, None
        rows, chosen = self.symmetry.canonical(self.layout.unpack(words))
        self._lay_out()
        return self.layout.pack(rows), chosen

    def _largest(self) -> list[int]:
        largest = self.following.largest()
        largest[JUDGE] = len(self.judges) - 1
        return largest

    def _lay_out(self) -> None:
        """Make room for numbers that do not fit."""
        largest = self._largest()
        if not self.layout.holds(largest):
            layout = Layout.holding(largest)
            self.states = self.states.replaced(self.layout.moved(self.states.keys, layout))
            self.layout = layout

    def _remember(self, fresh: Numbers, expansion: Expansion, which: Numbers) -> None:
        """Where each new state was first come from, and by which move."""
        size = len(self.states)
        if size > len(self.parents):
            room = max(size, len(self.parents) + len(self.parents) // 2)
            self.parents.resize(room, refcheck=False)
            self.moves.resize(room, refcheck=False)
        self.parents[size - len(fresh) : size] = which[expansion.source[fresh]]
        self.moves[size - len(fresh) : size] = expansion.move[fresh]

    def round(self) -> str | None:
        """Where threads can go round for ever, in words; none if every run ends. Asked when the exploration is complete."""
        if not self.following.may_go_round():
            return None
        known = self.home.transitions.locals
        steps = list(self._steps_within(rounds.local_parts(known)))
        if not steps:
            return None
        sources, targets, locals_ = (np.concatenate(each) for each in zip(*steps, strict=True))
        cyclic = rounds.on_cycles(sources, targets, len(self.states))
        return known.told(int(locals_[cyclic[0]])) if cyclic.size else None

    def _steps_within(self, parts: dict[int, int]) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
        """The steps of threads that stay within a part of their local states: source, target, and local state before."""
        for start in range(0, len(self.states), CHUNK):
            words, expansion, _ = self.expand(slice(start, start + CHUNK))
            threads = np.array([thread for thread, _ in self.leaps.moves.values], np.int64)[expansion.move]
            for table in self.leaps.tables:
                own = np.array(table.locals.values, np.int64)
                part = np.array([parts.get(local, rounds.NONE) for local in table.locals.values], np.int64)
                moves = np.flatnonzero(threads == table.thread)
                before = self.layout.get(words, table.place)[expansion.source[moves]]
                after = self.layout.get(expansion.words[moves], table.place)
                within = np.flatnonzero((part[before] == part[after]) & (part[before] != rounds.NONE))
                reached, _ = self.canonical(expansion.words[moves[within]])
                targets = self.states.find(reached)
                met = targets >= 0
                assert self.ample is not None or met.all(), "only ample sets leave successors out, which no cycle needs"
                yield expansion.source[moves[within]][met] + start, targets[met], own[before[within]][met]

    def recall(self) -> None:
        """Find the outcomes of all rests in the journal again."""
        rows = [row for thread, *row in self.leaps.journal if thread < 0]
        seen = np.array([self.home.resting.observe(row) for row in rows], np.int64)
        for _, ledger in self.judges.rest(np.array([row[JUDGE] for row in rows], np.int64), seen):
            self._reached(self.judges.ledger(ledger))

    # what was found ----------------------------------------------------------------------------------------------

    def _rest(self, followed: Followed, chunk: _UnderWay) -> None:
        judged = chunk.judged.take(followed.rests)
        said = self.judges.rest(judged, followed.at_rest, followed.believed_at_rest)
        for place, (what, ledger) in zip(followed.rests.tolist(), said, strict=True):
            for finding in self.judges.violated(what):
                if self._is_news(finding) or self._is_shorter(finding):
                    self._violated.append((finding, chunk.start + place, ()))
            self._reached(self.judges.ledger(ledger))

    def _reached(self, ledger: Ledger) -> None:
        for image in (ledger,) if self.symmetry is None else self.symmetry.images(ledger):
            self.found.outcomes.add(outcome(image))

    def _violations(self, expansion: Expansion, found: Numbers, which: Numbers) -> None:
        if not found.any():
            return
        for number in np.unique(found[found > 0]).tolist():
            new = [each for each in self.judges.violated(number) if self._is_news(each)]
            if not new:
                continue
            place = self._first(expansion, np.flatnonzero(found == number))
            last = self.following.moves[expansion.move[place]]
            self._violated += [(finding, int(which[expansion.source[place]]), (last,)) for finding in new]

    def _keep(self, violation: Violation) -> None:
        """Keep a violation: the shortest in front."""
        found, name = self.found, violation.finding.invariant
        first = found.violations.setdefault(name, violation)
        if first is violation:
            return
        if len(violation.decisions) < len(first.decisions):
            found.violations[name], violation = violation, first
        found.others.setdefault(name, []).append(violation)

    def take_over(self, violation: Violation) -> None:
        """Keep a violation that was found before."""
        self._kept[violation.finding.invariant] = 1
        self.found.violations[violation.finding.invariant] = violation

    def _is_news(self, finding: Finding) -> bool:
        """Whether a violation is to be kept: there are fewer of its invariant than were asked for."""
        kept = self._kept.get(finding.invariant, 0)
        self._kept[finding.invariant] = kept + 1
        return kept < self.different

    def _is_shorter(self, finding: Finding) -> bool:
        """Whether a rest of this level is a shorter way to a violation than the one that is kept: a step, of an earlier chunk."""
        kept = self.found.violations.get(finding.invariant)
        return kept is not None and len(kept.decisions) > self.found.depth

    @staticmethod
    def _first(expansion: Expansion, places: Numbers) -> int:
        """The place of the first of these steps: by the state it leaves, then by thread and choice."""
        return int(places[np.argmin(expansion.source[places])])

    def path(self, number: int, *last: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The (thread, choice) of each step of the way by which a state was found, a shortest one, and then ``last``."""
        way = [(number, decision) for decision in last]
        while number > 0:
            decision = self.following.moves[self.moves[number]]
            number = int(self.parents[number])
            way.append((number, decision))
        way.reverse()
        return tuple(self._named(self.symmetry, way) if self.symmetry else (decision for _, decision in way))

    def _named(self, symmetry: Symmetry, way: list[tuple[int, tuple[int, int]]]) -> Iterator[tuple[int, int]]:
        """The same way, given by states and decisions, by the threads' own names: each state may have been renamed."""
        order = symmetry.order(self.turned)
        for number, (thread, choice) in way:
            yield order.index(thread), choice
            _, expansion, _ = self.expand(slice(number, number + 1))
            taken = np.flatnonzero(expansion.move == self.leaps.moves.number((thread, choice)))
            _, chosen = self.canonical(expansion.words[taken])
            assert chosen is not None
            step = symmetry.order(int(chosen[0]))
            order = tuple(step[place] for place in order)


def _size(level: int) -> int:
    """How many states of the level after one of this many are expanded at once: so few that there are several chunks."""
    return max(1, min(CHUNK, max(_FEW, level // 4)))

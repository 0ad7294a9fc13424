"""Dynamic partial order reduction with sleep sets: one schedule for each way in which dependent accesses are ordered.

Flanagan, Godefroid: Dynamic Partial-Order Reduction for Model Checking Software (POPL 2005), in the form of Abdulla,
Aronis, Jonsson, Sagonas: Optimal Dynamic Partial Order Reduction (POPL 2014), algorithm 1 (source sets). The older
form's rule, to compare an access with the *latest* dependent step only, loses schedules once sleep sets prune the run
in which the next comparison would have been made; here all races are reversed, each into its own source set. Runs are
made again from the start. A run that gets to where every enabled thread is asleep equals one that was made before; it
is brought to its end in any way and counted as ``redundant``. All other runs differ as partial orders.

What it preserves. Accesses depend on each other if one may write a location that both touch, so all schedules that
differ only by exchanging independent neighbours have the same results, the same values at rest, and the same threads
blocked there; exactly one of them is run, redundant runs apart. The outcomes of an access are different transitions of
one thread, and all are tried. An access that was blocked is compared also with what came before each step that it
waited for, and one that is blocked for ever with everything.

What a judge says at rest is preserved as far as footprints cover what is *seen*: :mod:`everyturn.world.footprints`
orders everything that is seen of one prompt, and everything against the begin and end of a Cancel, ClearQueue,
Summarise or shutdown. So the ledger at rest is preserved, with the outcomes and all invariants judged there. Those that
are judged along the way also look at the order in which independent things of different prompts were seen; they may
miss a violation that only some order shows, so that a complete search does not prove them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from everyturn.strategies.strategy import Guided
from everyturn.world.access import NOWHERE, Access, Footprint

VectorClock = dict[int, int]
"""Thread → 1 + the place of its last step that happens before, in the present run."""


@dataclass(slots=True)
class _Step:
    """One step of the present run: who could move, who does, what is known of the alternatives.

    ``todo``: threads that have to be tried here; ``done``: those that have been, with what they touched; ``asleep``:
    those whose step has been tried before an independent one. ``choices``: the outcomes chosen, and of how many.
    """

    threads: tuple[int, ...]
    thread: int
    asleep: dict[int, Footprint]
    todo: set[int]
    done: dict[int, Footprint] = field(default_factory=dict)
    choices: list[tuple[int, int]] = field(default_factory=list)
    footprint: Footprint = NOWHERE
    clock: VectorClock = field(default_factory=dict)


class Dpor(Guided):
    """Depth first through the steps that have to be tried; exhausted when there are none."""

    proves = "at rest"

    def __init__(self) -> None:
        super().__init__()
        self.redundant = 0
        self._steps: list[_Step] = []
        self._asleep = False
        self._compared: set[int] = set()

    def begin(self, run: int) -> None:
        self.follow([decision for step in self._steps for decision in _decisions(step)])
        self._asleep = False
        self._compared = set()

    def decide(self, enabled: Sequence[Access]) -> int:
        self._settle()
        if self._asleep:
            return 0
        threads = tuple(access.thread for access in enabled)
        asleep = self._still_asleep()
        awake = [thread for thread in threads if thread not in asleep]
        if not awake:
            self._fall_asleep(threads)
            return 0
        thread = self.last if self.last in awake else awake[0]
        self._steps.append(_Step(threads, thread, asleep, {thread}))
        return threads.index(thread)

    def choose_outcome(self, outcomes: int) -> int:
        if not self._asleep:
            self._steps[-1].choices.append((0, outcomes))
        return 0

    def end(self, blocked: Sequence[Access]) -> None:
        self._settle()
        for access in blocked:
            self._compare_pending(access)
        self._advance()

    # dependence --------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """The last step is complete: what it touched is known, and with it what it races with."""
        if self.moved is None:
            return
        if self._asleep:
            self._compare_pending(self.moved)
            return
        place = len(self._steps) - 1
        step = self._steps[place]
        step.footprint = self.moved.footprint
        step.done[step.thread] = step.done.get(step.thread, NOWHERE) | step.footprint
        self._compare_blocked(step.thread, step.footprint, place)
        step.clock = {**self._compare(step.thread, step.footprint, place), step.thread: place + 1}

    def _compare_pending(self, access: Access) -> None:
        """Compare an access that was not made, or not before the run fell asleep."""
        if access.thread not in self._compared:
            self._compared.add(access.thread)
            self._compare_blocked(access.thread, access.footprint, len(self._steps))
            self._compare(access.thread, access.footprint, len(self._steps))

    def _compare_blocked(self, thread: int, footprint: Footprint, before: int) -> None:
        """Compare an access with what came before each step that it waited for, too."""
        for place in range(self._clock(thread, before).get(thread, 0), before):
            step = self._steps[place]
            if thread not in step.threads and step.footprint.depends_on(footprint):
                self._compare(thread, footprint, place)

    def _compare(self, thread: int, footprint: Footprint, before: int) -> VectorClock:
        """Find the steps before a place that race with an access then: dependent, and nothing lies between them.

        Each is to be tried the other way round. Returns the clock of what happens before the access.
        """
        clock = dict(self._clock(thread, before))
        waits_since = clock.get(thread, 0)
        races = []
        for place in range(before - 1, -1, -1):
            step = self._steps[place]
            if clock.get(step.thread, 0) > place or not step.footprint.depends_on(footprint):
                continue
            if place < waits_since or thread in step.threads:
                races.append(place)
            for each, known in step.clock.items():
                clock[each] = max(known, clock.get(each, 0))
        for place in races:
            self._reverse(place, thread, clock, before)
        return clock

    def _reverse(self, place: int, thread: int, clock: VectorClock, before: int) -> None:
        """See to it that instead of the step at ``place`` a thread is tried that may come first if the race is
        reversed."""
        mover = self._steps[place].thread
        later: list[tuple[int, int]] = []
        first: list[int] = []
        pending = [
            (each.thread, number, each.clock) for number, each in enumerate(self._steps[:before]) if number > place
        ]
        for each, number, known in (*pending, (thread, before, clock)):
            if number < before and known.get(mover, 0) > place:
                continue
            if not any(known.get(other, 0) > earlier or other == each for other, earlier in later):
                first.append(each)
            later.append((each, number))
        step = self._steps[place]
        if not step.todo.intersection(first):
            step.todo.add(first[0])

    def _clock(self, thread: int, before: int) -> VectorClock:
        """The clock of the thread's last step before this place."""
        return next((step.clock for step in reversed(self._steps[:before]) if step.thread == thread), {})

    def _still_asleep(self) -> dict[int, Footprint]:
        """The threads that need not be tried at the next step, as they were before the last one or beside it."""
        if not self._steps:
            return {}
        last = self._steps[-1]
        asleep = {**last.asleep, **last.done}
        asleep.pop(last.thread)
        return {thread: footprint for thread, footprint in asleep.items() if not footprint.depends_on(last.footprint)}

    def _fall_asleep(self, enabled: tuple[int, ...]) -> None:
        """What follows has been run before. Only threads that are blocked here have still to be compared."""
        self._asleep = True
        self.redundant += 1
        self._compared = set(enabled)
        self.moved = None

    # backtracking ------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Go back to the latest step at which something is left to try, and try it."""
        while self._steps:
            step = self._steps[-1]
            while step.choices:
                chosen, among = step.choices.pop()
                if chosen + 1 < among:
                    step.choices.append((chosen + 1, among))
                    return
            left = [each for each in step.threads if each in step.todo and each not in (*step.done, *step.asleep)]
            if left:
                step.thread = left[0]
                return
            self._steps.pop()
        self.exhausted = True


def _decisions(step: _Step) -> list[int]:
    """The decisions that make a step."""
    place = [step.threads.index(step.thread)] if len(step.threads) > 1 else []
    return [*place, *(chosen for chosen, _ in step.choices)]

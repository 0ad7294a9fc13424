"""Who comes to a session and when: prompts, Cancels and whatever a recorded log has, as SimPy processes."""

from __future__ import annotations

from collections.abc import Generator
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import Any

import simpy

from everyturn.studies.recorded import Visit, visits
from everyturn.studies.session import SimulatedSession
from everyturn.studies.study import Bursts, Poisson, RecordedArrivals, Study, Users
from everyturn.studies.surroundings import Draw
from everyturn.studies.tally import SessionTally, TalliedPrompt
from everyturn.world.world import operation_thread, prompt_thread

Coming = Generator[simpy.Event, Any, None]

_prompt_thread = lru_cache(maxsize=64)(partial(prompt_thread, counted=True))


class Traffic:
    """What comes to one session."""

    def __init__(self, study: Study, session: SimulatedSession, tally: SessionTally, draw: Draw) -> None:
        self.study = study
        self.session = session
        self.tally = tally
        self.env = session.env
        self._kinds = draw("kinds")
        patience = study.cancels.patience
        self._patience = None if patience is None else patience.sampler(draw("patience"))
        self._numbers = dict.fromkeys("pcqs", 0)
        session.begins_anew = self._begin_anew
        self.env.process(self._arrivals(draw))
        if study.cancels.per_hour:
            self.env.process(self._cancels(study.cancels.per_hour / 3600, draw("cancels")))

    def submit(self, kind: str | None = None) -> TalliedPrompt:
        """A prompt is submitted now; ``kind`` is its letter in a scope, drawn if it is not given."""
        letter = kind or self._draw_kind()
        thread = _prompt_thread(self._next("p"), letter)
        prompt = self.tally.submit(thread.name, run_id=letter.isupper())
        self.session.start(thread)
        if self._patience is not None and prompt.run_id:
            timer = self.env.timeout(self._patience())
            assert timer.callbacks is not None
            timer.callbacks.append(lambda _: self._lose_patience(prompt))
        return prompt

    def operate(self, kind: str) -> None:
        """Somebody cancels (``c``), clears the queue (``q``) or summarises (``s``) now."""
        self.session.start(operation_thread(self._next(kind), kind))

    def _begin_anew(self) -> bool:
        """Give names once more, if nobody has to be told anything by his old one; whether it is so."""
        if not self.tally.begin_anew():
            return False
        self._numbers = dict.fromkeys("pcqs", 0)
        return True

    def _next(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]

    def _draw_kind(self) -> str:
        letter = "a" if self._kinds.random() < self.study.accepted else "i"
        return letter.upper() if self._kinds.random() < self.study.run_ids else letter

    def _lose_patience(self, prompt: TalliedPrompt) -> None:
        if not prompt.told:
            self.operate("c")

    # processes ---------------------------------------------------------------------------------------------------

    def _arrivals(self, draw: Draw) -> Coming:
        match self.study.arrivals:
            case Poisson(per_minute=rate):
                return self._poisson(rate / 60, draw("arrivals"))
            case Bursts() as bursts:
                return self._bursts(bursts, draw("arrivals"))
            case Users() as users:
                for number in range(1, users.number):
                    self.env.process(self._user(users, draw(f"user {number}")))
                return self._user(users, draw("user 0"))
            case RecordedArrivals() as recorded:
                return self._recorded(visits(Path(recorded.log)), recorded, draw("arrivals"))

    def _poisson(self, rate: float, random: Random) -> Coming:
        while rate:
            yield self.env.timeout(random.expovariate(rate))
            self.submit()

    def _bursts(self, bursts: Bursts, random: Random) -> Coming:
        gap = bursts.gap.sampler(random)
        while bursts.per_hour:
            yield self.env.timeout(random.expovariate(bursts.per_hour / 3600))
            for number in range(bursts.size):
                if number:
                    yield self.env.timeout(gap())
                self.submit()

    def _user(self, users: Users, random: Random) -> Coming:
        think = users.think.sampler(random)
        while True:
            yield self.env.timeout(think())
            prompt = self.submit()
            if prompt.run_id:
                yield prompt.over | self.env.timeout(users.give_up)

    def _recorded(self, runs: tuple[tuple[Visit, ...], ...], recorded: RecordedArrivals, random: Random) -> Coming:
        pause = recorded.pause.sampler(random)
        while True:
            for run in runs:
                before = 0.0
                for visit in run:
                    yield self.env.timeout((visit.after - before) * recorded.scale)
                    before = visit.after
                    if visit.kind in "AaIi":
                        self.submit(visit.kind)
                    else:
                        self.operate(visit.kind)
                yield self.env.timeout(pause())

    def _cancels(self, rate: float, random: Random) -> Coming:
        while True:
            yield self.env.timeout(random.expovariate(rate))
            self.operate("c")

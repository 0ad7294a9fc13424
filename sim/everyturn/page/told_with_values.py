"""The story of an asyncio program's run with what each of its steps changed: below its line, old values and new."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from textwrap import wrap
from typing import Any, Final

from everyturn.asyncio.checking import ReplayedScenario
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.running import run
from everyturn.asyncio.telling.story import StoryTeller
from everyturn.page.recording import Recorder, RunMoment
from everyturn.page.run_tree import short_names
from everyturn.reports.columns import PAGE
from everyturn.reports.differences import ABSENT, brief, differences

BELOW: Final = " " * 10


class _TellerOfValues:
    """Told what happens, keeps the lines of the story, and those of values after each."""

    def __init__(self) -> None:
        self.lines: list[tuple[bool, str]] = []
        self._recorder = Recorder()
        self._teller = StoryTeller()
        self._before = RunMoment("")

    def __call__(self, kind: str, what: Any) -> None:
        known = len(self._recorder.moments)
        self._recorder(kind, what)
        new = self._recorder.moments[known:]
        own = new[-1:] if kind == "world" else []  # the other one, if there is one, is the step that has ended
        self._after(new[: len(new) - len(own)])
        self._teller(kind, what)
        self._after(own)

    def finish(self) -> None:
        """The run has ended."""
        self._teller.finish()
        self._take()

    def _after(self, moments: list[RunMoment]) -> None:
        if moments:
            self._teller.finish()
        self._take()
        for moment in moments:
            self.lines += [(False, each) for each in changed(self._before, moment)]
            self._before = moment

    def _take(self) -> None:
        """Take over the lines that there are by now."""
        self.lines += [(True, each) for each in self._teller.lines]
        self._teller.lines.clear()


def changed(before: RunMoment, moment: RunMoment) -> Iterator[str]:
    """What a moment changed inside of what was there before, and what is in its tasks' variables that was not."""
    for name, value in moment.values.items():
        if name not in before.values:
            continue
        for part, old, new in differences(short_names(name), before.values[name], value):
            if new is ABSENT and name in moment.stands:
                continue  # a function has returned, and its variables are gone
            if old is not ABSENT:
                yield f"{part}: {brief(old)} → {brief(new)}"
            elif not str(new).startswith("→ "):  # another name of an object that is shown
                yield f"{part} = {brief(new)}"


def lines_with_values(replayed: ReplayedScenario) -> list[str]:
    """The lines of a run that was made again, with what each step changed."""
    teller = _TellerOfValues()
    words = [(each.kind, each.word) for each in replayed.outcome.decisions]
    with prepared(replayed.scenario, replayed.setting):
        run(replayed.scenario, ByWords(words), replayed.setting, teller)
    teller.finish()
    numbers = count(1)
    written: list[str] = []
    for is_story, line in teller.lines:
        if is_story:
            written.append(f"{next(numbers):4}  {line}")
        else:
            written += wrap(line, PAGE, initial_indent=BELOW, subsequent_indent=f"{BELOW}    ")
    told = [line for line in written if not line.startswith(BELOW)]
    return written if told == replayed.lines else replayed.lines

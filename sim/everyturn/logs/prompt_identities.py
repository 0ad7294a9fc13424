"""Who is who in one busy period of a log: which prompt each line is about, also where a name or a run id is used
again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from everyturn.formats.everyturn_log import LogLine, Placed

_OVER: Final = frozenset({"ended", "dropped", "refused", "folded"})


@dataclass(slots=True)
class NamedPrompt:
    """One prompt, under a name that no other prompt of the busy period has. ``places``: where the lines about it
    are."""

    name: str
    run_id: str | None
    places: list[int] = field(default_factory=list)
    host: NamedPrompt | None = None
    """The prompt into whose turn it is folded, now or later."""
    summaries: list[int] = field(default_factory=list)
    """Where summaries of its own turns start."""
    turns: int = 0
    running: bool = False

    @property
    def turn(self) -> str:
        """The name of its latest turn, or of the one that is to come."""
        return self.name if self.turns <= 1 else f"{self.name}/{self.turns}"

    @property
    def next_turn(self) -> str:
        """The name of the turn that is active, or else of the one that is to come."""
        return self.turn if self.running or not self.turns else f"{self.name}/{self.turns + 1}"


class PromptIdentities:
    """The prompts of a busy period. Of a prompt that was not submitted in it, or was folded into the turn of one that
    was not, only a part was seen: lines about it are about nobody."""

    def __init__(self, lines: Sequence[Placed]) -> None:
        self._lines = [line for _, line in lines]
        self.subjects: list[NamedPrompt | None] = []
        """For each line whom it is about."""
        self.hosts: list[NamedPrompt | None] = []
        """For each line whose turn it names."""
        self.owners: list[NamedPrompt | None] = []
        """For each line whose answer it carries."""
        self._lives: dict[str, NamedPrompt] = {}
        self._run_ids: dict[str, NamedPrompt] = {}
        self._over: set[str] = set()
        self._numbers: dict[str, int] = {}
        strange = self._strange()
        for index, line in enumerate(self._lines):
            self._look(index, line, strange)

    def _strange(self) -> set[str | None]:
        submitted: set[str | None] = set()
        strange: set[str | None] = set()
        for line in self._lines:
            if line.kind == "submit":
                submitted.add(line.prompt)
            elif line.kind == "folded" and line.turn not in submitted:
                strange.add(line.prompt)
        return strange

    def _look(self, index: int, line: LogLine, strange: set[str | None]) -> None:
        life = self._new(line, strange) if line.kind == "submit" else self._find(line)
        host = None if line.turn is None else self._lives.get(line.turn)
        self.subjects.append(life)
        self.hosts.append(host)
        self.owners.append(None if line.owner is None else self._lives.get(line.owner))
        if line.kind == "summary_start" and host is not None:
            host.summaries.append(index)
        if life is None:
            return
        life.places.append(index)
        if line.kind == "folded":
            life.host = host
        if line.kind in _OVER:
            self._over.add(life.name)
        elif line.kind == "started":
            self._over.discard(life.name)

    def _new(self, line: LogLine, strange: set[str | None]) -> NamedPrompt | None:
        """A name that was used before is used again once its prompt is over."""
        name = line.prompt or ""
        before = self._lives.get(name)
        if name in strange or (before is not None and before.name not in self._over):
            return None
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        life = self._lives[name] = NamedPrompt(name if number == 1 else f"{name}#{number}", line.run_id)
        if line.run_id is not None:
            self._run_ids[line.run_id] = life
        return life

    def _find(self, line: LogLine) -> NamedPrompt | None:
        if line.prompt is not None:
            return self._lives.get(line.prompt)
        return None if line.run_id is None else self._run_ids.get(line.run_id)

    def later(self, index: int, life: NamedPrompt) -> Iterator[LogLine]:
        """The lines about ``life`` after that one."""
        return (self._lines[place] for place in life.places[bisect_right(life.places, index) :])

    def summarised(self, index: int, life: NamedPrompt) -> bool:
        """Whether after that line the turn's own summary comes before its next stream."""
        summary = next((place for place in life.summaries if place > index), None)
        if summary is None:
            return False
        between = life.places[bisect_right(life.places, index) : bisect_right(life.places, summary)]
        return all(self._lines[place].kind not in ("started", "stream_start", "queued") for place in between)
